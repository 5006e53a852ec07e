"""The image, built and run under every limit that docker/compose.yaml sets: by a real engine, and without one.

Without: the Dockerfile's steps and the entrypoint in a chroot. Where an engine runs that is done under CI only, with
the last stage's steps. What needs neither is at the end: process 1 of a namespace, no capability, a read-only root.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.docker import chroot
from tests.docker.container import (
    LIMITS,
    WAIT_SECONDS,
    ChrootContainer,
    Container,
    EngineContainer,
    answers,
    get_json,
    started,
)
from tests.docker.engine import BASE, BUILD_SECONDS, ROOT, Engine, NoEngine, import_base, serve_wheels
from tests.docker.groups import Groups, NoGroups
from tests.support.hew import Hew, command, wait_for

pytestmark = [pytest.mark.packaging, pytest.mark.alone, pytest.mark.timeout(600)]

MIB: Final = 1024 * 1024
IMAGE: Final = "hew"
USER: Final = 10001
HOARDER: Final = """\
actor Hoarder {
    let kept: Vec<String>;
    receive fn keep(times: Int) {
        var text = "0123456789";
        for _ in 0..times {
            text += text;
            kept.push(text);
        }
    }
}
fn main() {
    let hoarder = spawn Hoarder;
    hoarder.keep(40);
    println(await hoarder);
    println("main goes on");
}
"""


@pytest.fixture(scope="module")
def wheels() -> Iterator[str]:
    """Where a build's pip finds what it asks for."""
    with serve_wheels() as links:
        yield links


@pytest.fixture(scope="module")
def possible_engine(request: pytest.FixtureRequest) -> Iterator[Engine | NoEngine]:
    """An engine that has the image, or why there is none."""
    try:
        made = Engine()
    except NoEngine as error:
        yield error
        return
    with contextlib.closing(made) as engine:
        import_base(engine, request.getfixturevalue("wheels"))
        dockerfile = ROOT / "docker/Dockerfile"
        arguments = ("--network=host", "--file", dockerfile, "--tag", IMAGE, ROOT)
        engine("build", *arguments, within=BUILD_SECONDS)
        yield engine


@pytest.fixture(scope="module")
def engine(possible_engine: Engine | NoEngine) -> Engine:
    """An engine that has the image."""
    if isinstance(possible_engine, NoEngine):
        pytest.skip(f"no Docker engine can run here: {possible_engine}")
    return possible_engine


@pytest.fixture(scope="module")
def stage(
    possible_engine: Engine | NoEngine, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[chroot.Stage]:
    """The image as a folder. The first stage, which is most of the work, is an engine's if there is one."""
    made = {}
    if isinstance(possible_engine, Engine):
        if os.environ.get("CI") != "true":
            pytest.skip("an engine has run the image")
        made["build"] = tmp_path_factory.mktemp("build")
        (made["build"] / "opt").mkdir()
        name = possible_engine("create", IMAGE)
        possible_engine("cp", f"{name}:/opt/hew", made["build"] / "opt")
        possible_engine("rm", name)
    try:
        chroot.check()
    except chroot.NoChroot as error:
        pytest.skip(f"the image cannot be made without an engine here: {error}")
    with chroot.image(request.getfixturevalue("wheels"), made) as stage:
        yield stage


@pytest.fixture
def groups() -> Iterator[Groups | NoGroups]:
    """Control groups with the demo's limits, or why there are none."""
    try:
        made = Groups()
    except NoGroups as error:
        yield error
        return
    with contextlib.closing(made):
        yield made


@pytest.fixture(params=["engine", "chroot"])
def demo(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Container]:
    """What `docker run hew` starts."""
    container: Container
    if request.param == "engine":
        container = EngineContainer(request.getfixturevalue("engine"), "--health-interval=1s", IMAGE)
    else:
        stage, groups = request.getfixturevalue("stage"), request.getfixturevalue("groups")
        container = ChrootContainer(stage, groups if isinstance(groups, Groups) else None, tmp_path / "log")
    with started(container) as demo:
        yield demo


# ---------------------------------------------------------------- the image


def test_there_is_neither_a_compiler_nor_pip_nor_root_in_it(engine: Engine) -> None:
    script = "for name in cc gcc clang as ld make pip curl; do command -v $name; done; id -u"
    assert engine("run", "--rm", "--entrypoint=sh", IMAGE, "-c", script) == str(USER)
    assert engine.inspect(IMAGE)["Config"]["ExposedPorts"] == {"6060/tcp": {}}


def test_it_is_not_much_more_than_llvm(engine: Engine) -> None:
    added = engine.inspect(IMAGE)["Size"] - engine.inspect(BASE)["Size"]
    assert added < 350 * MIB


# ---------------------------------------------------------------- a container under every limit


def test_the_demo_is_healthy_and_serves_its_figures(demo: Container) -> None:
    demo.wait_for(demo.healthy, "a healthy container")
    assert "Traceback" not in demo.logs()


def test_the_defaults_follow_the_quota_and_the_memory_limit(demo: Container) -> None:
    if isinstance(demo, ChrootContainer) and demo.without_groups:
        pytest.skip("no control group can be written here")
    assert demo.json("/api/metrics")["workers"] == 1
    # A supervisor, a worker and a profiler of 48 MiB each beside three quarters of the limit.
    assert demo.json("/api/memory")["heap_limit"] == (512 * 3 // 4 - 3 * 48) * MIB


def test_it_has_no_capability_and_writes_nowhere(demo: Container) -> None:
    assert demo.shell("grep Cap /proc/1/status | cut -f2 | sort -u") == "0" * 16
    assert demo.shell("grep NoNewPrivs /proc/1/status | cut -f2") == "1"
    assert demo.shell("id -u") == str(USER)
    assert demo.shell("df --output=size --block-size=1 /dev/shm | tail -n 1") == str(64 * MIB)
    assert demo.shell("for to in /programs /tmp /opt/hew; do touch $to/x 2>/dev/null && echo $to; done; true") == ""


def stopped_between_handlers(demo: Container, worker: int) -> bool:
    """Where a kill costs no actor: without its cache this program would end."""
    demo.shell(f"kill -STOP {worker}")
    if demo.json("/api/metrics")["active_workers"] == 0:
        return True
    demo.shell(f"kill -CONT {worker}")
    return False


def test_a_killed_worker_is_replaced_and_no_zombie_stays(demo: Container) -> None:
    first = demo.worker()
    demo.wait_for(lambda: stopped_between_handlers(demo, first), "a moment without work")
    demo.shell(f"kill -9 {first}")
    demo.wait_for(lambda: demo.json("/api/metrics")["worker_restarts"] == 1, "a new worker")
    demo.wait_for_messages(demo.json("/api/metrics")["messages_received"] + 1000)
    assert f"(pid {first}) died: killed by signal 9" in demo.logs()
    demo.shell("(exec sleep 0.01) & exit 0")  # an orphan, which process 1 must take
    assert demo.processes()[1][0] == "hew"

    def only_the_living() -> bool:
        found = demo.processes()
        names = sorted(name for name, _ in found.values())
        states = {state for _, state in found.values()}
        return names == ["hew", "hew-pprof", "hew-worker-0"] and "Z" not in states and first not in found

    demo.wait_for(only_the_living, "no process but the program's own")


def test_the_terminals_view_works_inside(demo: Container) -> None:
    assert "Renderer" in demo.shell("hew top --once")


def test_sigterm_ends_it_and_its_profile_is_written(engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    os.chown(out, USER, USER)
    options = (f"--volume={out}:/out", "--workdir=/out", "--env=HEW_PROF_OUTPUT=pprof")
    with started(EngineContainer(engine, *options, IMAGE, "run", "/programs/service.hew")) as container:
        assert container.stop() == 143, container.logs()
    assert [path.name for path in out.iterdir()] == ["hew-profile.pb.gz"]


def test_sigterm_ends_the_demo(demo: Container) -> None:
    assert demo.stop() == 143, demo.logs()


def test_memory_ends_at_the_heaps_limit_and_not_by_the_kernel(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "hoarder.hew").write_text(HOARDER)
    tmp_path.chmod(0o755)
    mount = f"--volume={tmp_path}:/programs:ro"
    said = engine("run", "--rm", *LIMITS, mount, IMAGE, "run", "hoarder.hew", within=60)
    assert said == 'Crashed("out of memory")\nmain goes on'


# ---------------------------------------------------------------- compose


@pytest.fixture
def prometheus_image(engine: Engine, tmp_path: Path) -> None:
    """Debian's Prometheus in the place of the one that compose.yaml names."""
    found = shutil.which("prometheus")
    if found is None:
        pytest.skip("missing: apt-get install prometheus")
    shutil.copy(found, tmp_path / "prometheus")
    lines = (
        f"FROM {BASE}",
        "COPY prometheus /bin/prometheus",
        "USER nobody",
        "WORKDIR /prometheus",
        'ENTRYPOINT ["/bin/prometheus"]',
    )
    (tmp_path / "Dockerfile").write_text("\n".join(lines))
    services = yaml.safe_load((ROOT / "docker/compose.yaml").read_text())["services"]
    engine("build", "--quiet", "--tag", services["prometheus"]["image"], tmp_path, within=100)


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


@pytest.mark.usefixtures("prometheus_image")
def test_compose_starts_the_demo_and_prometheus_scrapes_it(engine: Engine) -> None:
    ports = {"HEW_PORT": free_port(), "PROMETHEUS_PORT": free_port()}
    page = f"http://127.0.0.1:{ports['HEW_PORT']}"
    query = urllib.parse.urlencode({"query": "hew_messages_received_total"})
    asked = f"http://127.0.0.1:{ports['PROMETHEUS_PORT']}/api/v1/query?{query}"

    def scraped() -> bool:
        if not answers(asked):
            return False
        result = get_json(asked)["data"]["result"]
        return bool(result) and float(result[0]["value"][1]) > 1000

    try:
        engine.compose("up", "--detach", "--no-build", within=60, environ=ports)
        wait_for(lambda: answers(f"{page}/"), within=WAIT_SECONDS, what="the page")
        wait_for(scraped, within=WAIT_SECONDS, what="figures in Prometheus", poll_seconds=0.2)
        published = engine("ps", "--format={{.Ports}}").split()
        assert published
        assert all(port.startswith("127.0.0.1:") for port in published if "->" in port)
    except AssertionError as error:
        error.add_note(engine.compose("logs", "--no-color", environ=ports))
        raise
    finally:
        engine.compose("down", within=60, environ=ports)


# ---------------------------------------------------------------- without an engine

ALONE: Final = """\
set -e
mount --make-rprivate /
mount -t tmpfs -o size=64m,mode=1777 shm /dev/shm
mount -o remount,bind,ro /
exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all prlimit --nofile=1024 --core=0 "$@"
"""


def test_as_process_1_without_rights_it_replaces_a_worker_and_obeys_sigterm(hew: Hew) -> None:
    unshare = ["unshare", "--pid", "--fork", "--mount", "--mount-proc"]
    if subprocess.run([*unshare, "true"], capture_output=True, timeout=20).returncode:
        pytest.skip("no namespace of processes can be made here: only root can")
    program = [*unshare, "sh", "-c", ALONE, "sh", *command()]
    environ = {"HEW_PPROF": "127.0.0.1:0", "HEW_WORKERS": "1", "HEW_CACHE": "0"}
    running = hew.start("run", ROOT / "examples/service.hew", program=program, env=environ)
    running.wait_until(lambda metrics: metrics["messages_received"] > 1000)
    (supervisor,) = running.children()
    assert "\nNoNewPrivs:\t1" in Path(f"/proc/{supervisor}/status").read_text()
    tasks = Path(f"/proc/{supervisor}/task/{supervisor}/children")

    def workers() -> list[str]:
        named = {pid: Path(f"/proc/{pid}/comm").read_text().strip() for pid in tasks.read_text().split()}
        return [pid for pid, name in named.items() if name == "hew-worker-0"]

    (first,) = workers()
    subprocess.run(["kill", "-9", first], check=True)
    running.wait_until(lambda metrics: metrics["worker_restarts"] == 1)
    assert first not in workers()
    subprocess.run(["kill", f"-{signal.SIGTERM.value}", str(supervisor)], check=True)
    assert running.finish(within=5).exit_code == 143
