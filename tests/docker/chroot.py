"""The image without an engine: docker/Dockerfile's steps, carried out in folders, and what they make, run in one.

Each stage starts from the base that the engine's tests use. A step, and later the entrypoint, has mounts and processes
of its own (unshare) and its stage as root (chroot). The program has also an own network, an ordinary user, no
capability, a read-only root, and control groups with the limits of docker/compose.yaml where those can be written.
"""

import contextlib
import fnmatch
import json
import os
import shlex
import shutil
import string
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hew import machine
from tests.docker.dockerfile import ROOT, instructions
from tests.docker.engine import BUILD_SECONDS, PREFIX, base_archive, base_settings, remove, remove_what_was_left

ENOUGH: Final = 6 << 30  # bytes of memory for files and all else
TOOLS: Final = {
    "debootstrap": "debootstrap",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "prlimit": "util-linux",
    "setpriv": "util-linux",
    "unshare": "util-linux",
}
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # an engine's, until ENV says otherwise
DECLARED: Final = {"CMD", "ENTRYPOINT", "EXPOSE", "HEALTHCHECK", "LABEL", "STOPSIGNAL", "USER"}  # change no file

# Run by root in namespaces of its own: $1 the folder, $2 the size of /dev/shm, $3 how / is mounted; then the command.
ENTER: Final = """\
set -e
root=$1 shm=$2 mode=$3
shift 3
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount -t tmpfs -o size=64k,mode=755 dev "$root/dev"
for name in null zero full random urandom; do
    : >"$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir "$root/dev/shm"
mount -t tmpfs -o "size=$shm,mode=1777" shm "$root/dev/shm"
if [ "$mode" = ro ]; then
    ip link set lo up
    mount -o remount,bind,ro "$root"
fi
exec chroot "$root" "$@"
"""


class NoChroot(Exception):
    """The image cannot be made or run this way here; the text says why."""


def check() -> None:
    """Raises NoChroot where a tool or a right is missing."""
    if missing := {package for command, package in TOOLS.items() if shutil.which(command) is None}:
        raise NoChroot(f"missing: apt-get install {' '.join(sorted(missing))}")
    if os.geteuid() != 0:
        raise NoChroot("only root can use chroot")
    ran = subprocess.run([*isolated("--net"), "true"], capture_output=True, text=True, timeout=20)
    if ran.returncode:
        raise NoChroot(f"no namespaces can be made: {ran.stderr}")


def isolated(*more: str) -> list[str]:
    """What starts a command with mounts and processes of its own, which end with us."""
    return ["setpriv", "--pdeathsig=KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", *more]


def enter(root: Path, command: Sequence[str], shm: str = "64m", mode: str = "rw") -> list[str]:
    """To be put behind isolated()."""
    return ["sh", "-c", ENTER, "sh", str(root), shm, mode, *command]


def available() -> int:
    """Bytes of memory that this process may take."""
    return machine.look(cpus=1).memory_bytes


# ---------------------------------------------------------------- the steps


@dataclass
class Stage:
    """The files of one stage, and what its instructions have set so far."""

    root: Path
    environ: dict[str, str] = field(default_factory=lambda: {"PATH": PATH})
    folder: str = "/"
    declared: dict[str, str] = field(default_factory=dict)

    def words(self, name: str) -> list[str]:
        """The exec form of an instruction."""
        return [str(word) for word in json.loads(self.declared[name])]

    def run(self, script: str) -> None:
        command = [*isolated(), *enter(self.root, [*self.env(), "/bin/sh", "-c", script])]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_SECONDS, stdin=subprocess.DEVNULL)
        assert ran.returncode == 0, f"RUN {script}\n{ran.stdout[-3000:]}\n{ran.stderr[-3000:]}"

    def copy(self, sources: Sequence[Path], target: str, context: Path | None) -> None:
        """`context`: the one whose .dockerignore holds; none for another stage."""
        to = self.root / str(Path(self.folder) / target).lstrip("/")
        into = target.endswith(("/", ".")) or len(sources) > 1
        (to if into else to.parent).mkdir(parents=True, exist_ok=True)
        for source in sources:
            if source.is_dir():
                ignore = ignored(context) if context else None
                shutil.copytree(source, to, symlinks=True, ignore=ignore, dirs_exist_ok=True)
            else:
                shutil.copy2(source, to)

    def env(self) -> list[str]:
        """What starts a command, inside, with the environment and in the folder that the instructions have set."""
        return ["env", "-i", f"--chdir={self.folder}", *(f"{name}={value}" for name, value in self.environ.items())]


def ignored(context: Path) -> Any:
    """For shutil.copytree: what .dockerignore leaves out of the folders that it lets through."""
    lines = (context / ".dockerignore").read_text().splitlines()
    patterns = [line for line in lines if line and line[0] not in "#!" and line != "*"]

    def of(folder: str, names: list[str]) -> set[str]:
        within = Path(folder).relative_to(context)
        return {name for name in names if any(fits(str(within / name), pattern) for pattern in patterns)}

    return of


def fits(path: str, pattern: str) -> bool:
    return fnmatch.fnmatch(f"/{path}", f"*/{pattern[3:]}" if pattern.startswith("**/") else f"/{pattern}")


def build(folder: Path, pip_links: str, made: Mapping[str, Path]) -> Stage:
    """Every instruction of docker/Dockerfile in turn, below `folder`; returns the last stage.

    `made`: the files of stages that need not be made.
    """
    stages = {label: Stage(root) for label, root in made.items()}
    label = ""
    for name, rest in instructions():
        if name == "FROM":
            label = rest.partition(" AS ")[2] or str(len(stages))
            if label not in made:
                stages[label] = Stage(base(folder / label, pip_links))
        elif label not in made:
            step(stages[label], name, rest, stages)
    return stages[label]


def step(stage: Stage, name: str, rest: str, stages: dict[str, Stage]) -> None:
    if name == "RUN":
        stage.run(rest)
    elif name == "COPY":
        *sources, target = rest.split()
        context = None if sources[0].startswith("--from=") else ROOT
        top = context or stages[sources.pop(0).removeprefix("--from=")].root
        found = [path for source in sources for path in sorted(top.glob(source.lstrip("/")))]
        assert found, f"COPY {rest}: nothing there"
        stage.copy(found, target, context)
    elif name == "ENV":
        before = dict(stage.environ)
        for word in shlex.split(rest):
            variable, _, value = word.partition("=")
            stage.environ[variable] = string.Template(value).substitute(before)
    elif name == "WORKDIR":
        stage.folder = str(Path(stage.folder) / rest)
        (stage.root / stage.folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
    else:
        assert name in DECLARED, f"an instruction that is not known here: {name}"
        stage.declared[name] = rest


def base(root: Path, pip_links: str) -> Path:
    """debian:bookworm-slim as a folder, with this machine's way to the network."""
    root.mkdir(parents=True)
    subprocess.run(["tar", "-C", root, "-xf", base_archive()], check=True, timeout=60)
    for path, text in base_settings(pip_links).items():
        (root / path).write_text(text)
    for name in ("resolv.conf", "hosts"):
        (root / "etc" / name).write_bytes(Path("/etc", name).read_bytes())
    return root


@contextlib.contextmanager
def image(pip_links: str, made: Mapping[str, Path]) -> Iterator[Stage]:
    """The image's files, until the context ends."""
    remove_what_was_left()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    folder.chmod(0o755)
    files = folder / "files"
    files.mkdir()
    try:
        if available() > ENOUGH:  # thousands of small files: a disk takes longer for them than apt and pip
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2g,mode=755", "hew", files], check=True)
        yield build(files, pip_links, made)
    finally:
        remove(folder)
