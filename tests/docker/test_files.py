"""docker/Dockerfile and docker/compose.yaml by what they say: no engine is needed."""

import json
import os
import re
import shutil
import subprocess
from typing import Any, Final

import pytest
import yaml

from tests.docker.dockerfile import ROOT, final_stage, instructions, only

MIB: Final = 1024 * 1024
COMMON_BASES: Final = {"debian:bookworm-slim", "python:3.12-slim-bookworm"}


def compose() -> Any:
    return yaml.safe_load((ROOT / "docker/compose.yaml").read_text())["services"]


def test_every_base_is_a_common_image_that_is_pinned() -> None:
    bases = [rest.split()[0] for name, rest in instructions() if name == "FROM"]
    assert len(bases) > 1
    assert set(bases) <= COMMON_BASES


def test_an_old_builder_can_read_it() -> None:
    text = (ROOT / "docker/Dockerfile").read_text()
    assert "<<" not in text
    assert "--link" not in text
    assert "--mount" not in text
    assert "# syntax" not in text


def test_the_final_stage_installs_no_compiler() -> None:
    installs = " ".join(rest for name, rest in final_stage() if name == "RUN")
    assert not re.search(r"\b(gcc|clang|g\+\+|build-essential|libc6-dev|ziglang|curl|pip)\b", installs)


def test_it_is_run_by_an_ordinary_user_given_by_number() -> None:
    user, _, group = only("USER").partition(":")
    assert int(user) > 0
    assert int(group) > 0


@pytest.mark.parametrize("name", ["ENTRYPOINT", "CMD"])
def test_nothing_is_started_by_a_shell(name: str) -> None:
    words = json.loads(only(name))
    assert all(isinstance(word, str) for word in words)
    assert words[0] not in ("sh", "bash", "/bin/sh", "/bin/bash")


def test_the_profilers_port_is_exposed_and_its_health_asked_for() -> None:
    assert only("EXPOSE") == "6060"
    check = only("HEALTHCHECK")
    assert json.loads(check.partition("CMD ")[2])[0].startswith("/")
    assert "/healthz" in check
    assert "curl" not in check


def test_what_is_copied_is_let_through_by_dockerignore() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [rest.split()[:-1] for name, rest in instructions() if name == "COPY" and not rest.startswith("--from")]
    assert {word.split("/")[0] for words in copied for word in words} == kept
    assert all((ROOT / name).exists() for name in kept)


def test_every_port_is_published_on_loopback_only() -> None:
    ports = [port for service in compose().values() for port in service["ports"]]
    assert len(ports) == 2
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_demo_is_built_from_this_dockerfile() -> None:
    build = compose()["demo"]["build"]
    context = ROOT / "docker" / build["context"]
    assert context.resolve() == ROOT
    assert (context / build["dockerfile"]).samefile(ROOT / "docker/Dockerfile")


def test_the_demo_runs_under_every_limit() -> None:
    demo = compose()["demo"]
    limits = ("cpus", "mem_limit", "memswap_limit", "pids_limit", "shm_size")
    assert [demo[name] for name in limits] == [1.0, "512m", "512m", 64, "64m"]
    for service in compose().values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_prometheus_scrapes_the_demo_and_is_pinned() -> None:
    assert re.fullmatch(r"prom/prometheus:v\d+\.\d+\.\d+", compose()["prometheus"]["image"])
    (job,) = yaml.safe_load((ROOT / "docker/prometheus.yml").read_text())["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"demo:{only('EXPOSE')}"]}]
    assert "./prometheus.yml:/etc/prometheus/prometheus.yml:ro" in compose()["prometheus"]["volumes"]


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="missing: apt-get install docker-compose")
def test_docker_compose_understands_it_as_it_is_meant() -> None:
    environ = {name: value for name, value in os.environ.items() if not name.endswith("_PORT")}
    command = ["docker-compose", "-f", str(ROOT / "docker/compose.yaml"), "config"]
    ran = subprocess.run(command, env={**environ, "HEW_PORT": "7070"}, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    services = yaml.safe_load(ran.stdout)["services"]
    published = [published_port(port) for service in services.values() for port in service["ports"]]
    assert published == [("127.0.0.1", 7070, 6060), ("127.0.0.1", 9090, 9090)]
    demo = services["demo"]
    assert (demo["read_only"], float(demo["cpus"]), demo["pids_limit"]) == (True, 1.0, 64)
    sizes = [demo[name] for name in ("mem_limit", "memswap_limit", "shm_size")]
    assert [str(size) for size in sizes] in (["512m", "512m", "64m"], [str(512 * MIB), str(512 * MIB), str(64 * MIB)])
    # The image's own question for its health is what counts, on the port that the profiler is given here.
    assert "healthcheck" not in demo
    assert demo["environment"]["HEW_PPROF"] == f":{only('EXPOSE')}"
    assert list(services["prometheus"]["depends_on"]) == ["demo"]


def published_port(port: Any) -> tuple[str, int, int]:
    """Address, port there and port inside; docker-compose 1 prints the short form, 2 the long one."""
    if isinstance(port, dict):
        return port["host_ip"], int(port["published"]), int(port["target"])
    address, published, inside = port.split(":")
    return address, int(published), int(inside.removesuffix("/tcp"))
