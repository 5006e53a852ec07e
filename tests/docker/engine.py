"""A Docker engine of the tests' own, and base images for it where no registry can be reached.

`dockerd` with a socket, a data root, a bridge and a containerd of its own, and no rule in the machine's firewall; it
leaves nothing behind, and what an earlier one left that was killed, the next removes. debian:bookworm-slim is made by
debootstrap from the mirror that this machine's apt uses, and is kept below build/. What pip asks for during a build, it
gets from a folder that this machine's pip has filled, over loopback.
"""

import contextlib
import functools
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tests.support.hew import wait_for

ROOT: Final = Path(__file__).resolve().parents[2]
KEPT: Final = ROOT / "build" / "docker"
SUITE: Final = "bookworm"
BASE: Final = "debian:bookworm-slim"
MIRROR: Final = "http://deb.debian.org/debian"
BASE_PYTHON: Final = "3.11"  # bookworm's, for which the wheels must be
NEEDED: Final = {
    "docker": "docker.io",  # in newer releases docker-cli
    "dockerd": "docker.io",
    "debootstrap": "debootstrap",
    "docker-compose": "docker-compose",
    "ip": "iproute2",
    "setpriv": "util-linux",
}
PREFIX: Final = "hew-docker-"
START_SECONDS: Final = 60
STOP_SECONDS: Final = 60
BUILD_SECONDS: Final = 300
RETRIES: Final = 'Acquire::Retries "5";\n'


class NoEngine(Exception):
    """No engine can run here; the text says why."""


class Engine:
    """One `dockerd`, and its command line."""

    def __init__(self) -> None:
        missing = {package for command, package in NEEDED.items() if shutil.which(command) is None}
        if missing:
            raise NoEngine(f"missing: apt-get install {' '.join(sorted(missing))}")
        if os.geteuid() != 0:
            raise NoEngine("only root can start dockerd")
        remove_what_was_left()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        self.address = f"unix://{self.folder}/socket"
        self.bridge = f"hew{os.getpid()}"
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith(("DOCKER_", "HEW_"))}
        self.environ |= {"DOCKER_HOST": self.address, "DOCKER_BUILDKIT": "0", "DOCKER_CONFIG": str(self.folder)}
        self._daemon: subprocess.Popen[bytes] | None = None
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        made = subprocess.run(["ip", "link", "add", self.bridge, "type", "bridge"], capture_output=True, text=True)
        if made.returncode:
            raise NoEngine(f"no bridge can be made: {made.stderr}")
        subprocess.run(["ip", "address", "add", f"{free_network()}.1/24", "dev", self.bridge], check=True)
        subprocess.run(["ip", "link", "set", self.bridge, "up"], check=True)
        (self.folder / "daemon.json").write_text("{}")  # not this machine's own
        log = self.folder / "log"
        options = {
            "config-file": self.folder / "daemon.json",
            "host": self.address,
            "data-root": self.folder / "data",
            "exec-root": self.folder / "exec",
            "pidfile": self.folder / "pid",
            "bridge": self.bridge,
            "iptables": "false",
            "ip6tables": "false",
            "ip-forward": "false",
            "containerd-namespace": self.bridge,  # if the machine has a containerd, it is not ours alone
            "containerd-plugins-namespace": f"{self.bridge}-plugins",
        }
        with log.open("w") as file:
            with_us = ["setpriv", "--pdeathsig=TERM"]  # a killed test ends its engine too
            command = [*with_us, "dockerd", *(f"--{name}={value}" for name, value in options.items())]
            self._daemon = daemon = subprocess.Popen(command, stdout=file, stderr=file)

        def answers_or_has_ended() -> bool:
            return daemon.poll() is not None or self.ask("version").returncode == 0

        try:
            wait_for(answers_or_has_ended, within=START_SECONDS, poll_seconds=0.2)
        except (AssertionError, subprocess.TimeoutExpired):
            raise NoEngine(f"dockerd does not answer:\n{log.read_text()[-2000:]}") from None
        if daemon.poll() is not None:
            raise NoEngine(f"dockerd does not start:\n{log.read_text()[-2000:]}")

    def ask(self, *arguments: str | Path, within: float = 60) -> "subprocess.CompletedProcess[str]":
        """`docker ARGUMENTS`, whatever comes of it."""
        command = ["docker", *arguments]
        return subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=within)

    def __call__(self, *arguments: str | Path, within: float = 60) -> str:
        """The standard output of `docker ARGUMENTS`, which must succeed."""
        ran = self.ask(*arguments, within=within)
        assert ran.returncode == 0, f"docker {arguments}\n{ran.stdout[-3000:]}\n{ran.stderr[-3000:]}"
        return ran.stdout.strip()

    def inspect(self, name: str) -> Any:
        """What the engine knows of a container or an image."""
        (found,) = json.loads(self("inspect", name))
        return found

    def compose(self, *arguments: str, environ: Mapping[str, str], within: float = 60) -> str:
        """`docker-compose` on docker/compose.yaml."""
        command = ["docker-compose", "-p", self.bridge, "-f", str(ROOT / "docker/compose.yaml"), *arguments]
        env = {**self.environ, **environ}
        ran = subprocess.run(command, env=env, capture_output=True, text=True, timeout=within)
        assert ran.returncode == 0, f"docker-compose {arguments}\n{ran.stdout[-3000:]}\n{ran.stderr[-3000:]}"
        return ran.stdout

    def close(self) -> None:
        """Ends everything that was started, and removes its traces."""
        if self._daemon is not None and self._daemon.poll() is None:
            if containers := self.ask("ps", "--all", "--quiet").stdout.split():
                self.ask("rm", "--force", "--volumes", *containers)
            self.ask("network", "prune", "--force")
            self._daemon.terminate()
            try:
                self._daemon.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._daemon.kill()
                self._daemon.wait()
        subprocess.run(["ip", "link", "delete", self.bridge], capture_output=True)
        remove(self.folder)


def free_network() -> str:
    """The first three bytes of a private network to which this machine has no route."""
    routes = subprocess.run(["ip", "-4", "route"], check=True, capture_output=True, text=True).stdout
    wanted = ((os.getpid() + number) % 255 for number in range(255))  # two at once look for different ones
    return next(network for third in wanted if (network := f"10.213.{third}") not in routes)


def remove_what_was_left() -> None:
    """The folder and the bridge of each engine whose test was killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        if not Path(f"/proc/{pid}").exists():
            subprocess.run(["ip", "link", "delete", f"hew{pid}"], capture_output=True)
            remove(folder)


def remove(folder: Path) -> None:
    """The folder, and before it what is still mounted below it."""
    mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for point in sorted((each for each in mounted if each.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "--lazy", point], capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)


# ---------------------------------------------------------------- the base image


def import_base(engine: Engine, pip_links: str) -> None:
    """debian:bookworm-slim, whose pip asks only `pip_links`."""
    tag = "base-without-settings"
    engine("import", base_archive(), tag)
    with tempfile.TemporaryDirectory() as name:
        context = Path(name)
        lines = [f"FROM {tag}"]
        for path, text in base_settings(pip_links).items():
            (context / Path(path).name).write_text(text)
            lines.append(f"COPY {Path(path).name} /{path}")
        (context / "Dockerfile").write_text("\n".join(lines))
        engine("build", "--quiet", "--tag", BASE, context)


def base_settings(pip_links: str) -> dict[str, str]:
    """Path below / -> text, of what makes a bare system the base of a build here."""
    return {
        "etc/pip.conf": f"[global]\nno-index = true\nfind-links = {pip_links}\n",
        "etc/apt/apt.conf.d/90host": RETRIES + apt_proxies(),
        "etc/dpkg/dpkg.cfg.d/90unsafe-io": "force-unsafe-io\n",  # as in the real one
    }


def base_archive() -> Path:
    """The bare system; made when it is not kept yet."""
    archive = KEPT / f"{SUITE}.tar"
    if not archive.exists():
        make_base(archive)
    return archive


def make_base(archive: Path) -> None:
    """A minimal system, as an archive for `docker import`."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="hew-base-"))
    scratch = archive.with_suffix(f".{os.getpid()}")
    log = folder / "root/debootstrap/debootstrap.log"
    command = ["debootstrap", "--variant=minbase", SUITE, str(folder / "root"), mirror()]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_SECONDS)
        assert ran.returncode == 0, f"{ran.stdout[-2000:]}\n{log.read_text()[-2000:] if log.exists() else ''}"
        shutil.rmtree(folder / "root/var/cache/apt/archives")
        subprocess.run(["tar", "-C", folder / "root", "-cf", scratch, "."], check=True, timeout=60)
        scratch.replace(archive)
    finally:
        scratch.unlink(missing_ok=True)
        remove(folder)


def mirror() -> str:
    """Where this machine's apt gets Debian's release from, if it is the same one."""
    command = ["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)"]
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        release, component, address = line.split(maxsplit=2)
        if (release, component) == (SUITE, "main") and address.startswith("http"):
            return address
    return MIRROR


def apt_proxies() -> str:
    """The proxies of this machine's apt, in its own notation."""
    dump = subprocess.run(["apt-config", "dump"], check=True, capture_output=True, text=True).stdout
    return "".join(f"{line}\n" for line in dump.splitlines() if "::Proxy " in line)


# ---------------------------------------------------------------- what pip asks for


@contextlib.contextmanager
def serve_wheels() -> Iterator[str]:
    """The address of a page with links to every wheel that the image needs, as long as the context lasts."""
    with tempfile.TemporaryDirectory() as folder:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())
        asked = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
        asked += project["project"]["optional-dependencies"]["top"]
        options = ["--quiet", "--dest", folder, "--python-version", BASE_PYTHON, "--only-binary", ":all:"]
        command = [sys.executable, "-m", "pip", "download", *options, *asked]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_SECONDS)
        assert ran.returncode == 0, ran.stderr[-3000:]
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_address[1]}/"
            server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Files, without a line for each."""

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""
