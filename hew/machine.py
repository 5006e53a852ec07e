"""What this machine lets us use: CPUs and memory, as affinity and control groups limit them.

Called once, at the start, by settings.py. A limit of any group above us holds for us too, so the smallest counts;
what cannot be read is no limit. `root` is `/`, or a copy of a machine in a test.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

NO_LIMIT: Final = 1 << 60  # bytes; cgroup v1 says "none" by a number near 2**63


class Machine(NamedTuple):
    """The means of this process."""

    cpus: int  # that we may be scheduled on
    cpu_quota: float | None  # CPUs' worth of time that control groups grant, when they limit it
    memory_bytes: int  # that we may take: the least of what is available and what groups allow


class _Mount(NamedTuple):
    point: Path
    group: str  # the group that is visible at `point`
    version: int
    controllers: frozenset[str]


def look(cpus: int, root: Path = Path("/")) -> Machine:
    """The machine below `root`, for a process whose affinity has `cpus` CPUs."""
    mounts = _mounts(root)
    groups = _own_groups(root)
    quotas = [quota for folder in _folders(root, mounts, groups, "cpu") if (quota := _cpu_quota(folder)) is not None]
    limits = [limit for folder in _folders(root, mounts, groups, "memory") if (limit := _memory(folder)) is not None]
    return Machine(cpus, min(quotas, default=None), min([_available(root), *limits]))


def _mounts(root: Path) -> list[_Mount]:
    """The control group hierarchies that are mounted here."""
    found = []
    for line in _lines(root / "proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        fields, kind = before.split(" "), after.split(" ")
        if len(fields) < 5 or len(kind) < 3 or kind[0] not in ("cgroup", "cgroup2"):
            continue
        point = root / _unescape(fields[4]).lstrip("/")
        version = 2 if kind[0] == "cgroup2" else 1
        found.append(_Mount(point, _unescape(fields[3]), version, frozenset(kind[2].split(","))))
    return found


def _own_groups(root: Path) -> dict[str, str]:
    """Controller -> the group we are in; the unified hierarchy has the empty name."""
    groups: dict[str, str] = {}
    for line in _lines(root / "proc/self/cgroup"):
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        groups |= dict.fromkeys(controllers.split(","), path)
    return groups


def _folders(root: Path, mounts: list[_Mount], groups: dict[str, str], controller: str) -> Iterator[Path]:
    """Our group's folder and each one above it that is visible, in every hierarchy with this controller."""
    for mount in mounts:
        if mount.version == 1 and controller not in mount.controllers:
            continue
        group = groups.get("" if mount.version == 2 else controller)
        if group is None:
            continue
        inside = _relative(group, mount.group)
        folder = mount.point / inside
        while True:
            yield folder
            if folder in (mount.point, root):
                break
            folder = folder.parent


def _relative(group: str, top: str) -> str:
    """Where `group` lies below the mount of `top`; a container often sees only itself, as the mount's own folder."""
    if ".." in Path(group).parts:
        return ""
    path, base = Path(group), Path(top)
    return str(path.relative_to(base)) if path.is_relative_to(base) else ""


def _cpu_quota(folder: Path) -> float | None:
    """v2 has `quota period` in one file, v1 has two files; "max" and -1 are no limit."""
    numbers = _text(folder / "cpu.max").split()
    if not numbers:
        numbers = [*_text(folder / "cpu.cfs_quota_us").split(), *_text(folder / "cpu.cfs_period_us").split()]
    if len(numbers) != 2 or not all(number.isdigit() for number in numbers):
        return None
    quota, period = map(int, numbers)
    return quota / period if quota > 0 and period > 0 else None


def _memory(folder: Path) -> int | None:
    """The group's limit in bytes."""
    text = (_text(folder / "memory.max") or _text(folder / "memory.limit_in_bytes")).strip()
    return int(text) if text.isdigit() and int(text) < NO_LIMIT else None


def _available(root: Path) -> int:
    """MemAvailable, which the kernel gives in KiB."""
    for line in _lines(root / "proc/meminfo"):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return NO_LIMIT


def _unescape(path: str) -> str:
    r"""Mountinfo writes blanks and such as \040."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)


def _lines(path: Path) -> list[str]:
    return _text(path).splitlines()


def _text(path: Path) -> str:
    """The file, or nothing where there is none or it may not be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
