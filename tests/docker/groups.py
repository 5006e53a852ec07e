"""Control groups with the demo's limits of docker/compose.yaml, without an engine that makes them."""

import contextlib
import os
import re
from pathlib import Path
from typing import Any, Final

import yaml

from tests.docker.dockerfile import ROOT
from tests.docker.engine import PREFIX
from tests.support.hew import wait_for

QUOTA_PERIOD: Final = 100_000  # microseconds
UNITS: Final = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
# $1 files follow, to each of which a process that joins writes its id; then the command.
JOIN: Final = 'count=$1; shift; while [ $count -gt 0 ]; do echo $$ >"$1"; shift; count=$((count - 1)); done; exec "$@"'


class NoGroups(Exception):
    """They cannot be written here; the text says why."""


def size(text: str) -> int:
    """Bytes, of compose's `512m`."""
    return int(text[:-1]) * UNITS[text[-1]]


def demo_limits() -> dict[str, Any]:
    """The demo's part of docker/compose.yaml."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker/compose.yaml").read_text())["services"]["demo"]
    return found


class Groups:
    """New control groups with the demo's limits, in whichever version of them this machine has."""

    def __init__(self) -> None:
        demo = demo_limits()
        pids, memory, quota = demo["pids_limit"], size(demo["mem_limit"]), int(demo["cpus"] * QUOTA_PERIOD)
        name = f"{PREFIX}{os.getpid()}"
        self.folders: list[Path] = []
        try:
            if Path("/sys/fs/cgroup/cgroup.controllers").exists():
                Path("/sys/fs/cgroup/cgroup.subtree_control").write_text("+cpu +memory +pids")
                values = {"cpu.max": f"{quota} {QUOTA_PERIOD}", "memory.max": memory, "pids.max": pids}
                self._make(Path("/sys/fs/cgroup", name), values)
            else:
                own = dict(re.findall(r"^\d+:(\w+):(.*)$", Path("/proc/self/cgroup").read_text(), re.MULTILINE))
                for controller, values in {
                    "cpu": {"cpu.cfs_period_us": QUOTA_PERIOD, "cpu.cfs_quota_us": quota},
                    "memory": {"memory.limit_in_bytes": memory},
                    "pids": {"pids.max": pids},
                }.items():
                    within = Path(f"/sys/fs/cgroup/{controller}{own[controller]}")
                    self._make(within / name, values)
        except (OSError, KeyError) as error:
            self.close()
            raise NoGroups(repr(error)) from None

    def _make(self, folder: Path, values: dict[str, Any]) -> None:
        for left in folder.parent.glob(f"{PREFIX}*"):
            if not Path("/proc", left.name.removeprefix(PREFIX)).exists():
                gone(left)
        folder.mkdir(exist_ok=True)
        self.folders.append(folder)
        for file, value in values.items():
            (folder / file).write_text(str(value))

    @property
    def joining(self) -> list[str]:
        """What starts a command in them."""
        files = [str(folder / "cgroup.procs") for folder in self.folders]
        return ["sh", "-c", JOIN, "sh", str(len(files)), *files]

    def close(self) -> None:
        """Their processes have ended; the kernel may need a moment to know."""
        wait_for(lambda: all(gone(folder) for folder in self.folders if folder.exists()), what="the end of the groups")


def gone(group: Path) -> bool:
    """Removes it if nothing is in it."""
    with contextlib.suppress(OSError):
        group.rmdir()
    return not group.exists()
