"""GET /metrics read by a real Prometheus, and the configurations below docker/ held to the program they name.

Alloy, Pyroscope and Parca are in no package registry: their files are parsed and what they would fetch is fetched.
"""

import json
import re
import shutil
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.support import alloy
from tests.support.hew import Hew, Running, wait_for
from tests.support.pprof_validator import validate

DOCKER: Final = Path(__file__).parents[2] / "docker"
DEMO: Final = "demo:6060"  # the address in all of the configurations
TOKEN: Final = "0123456789abcdef"
PROGRAM: Final = """\
actor Counter {
    let count: Int;
    let lines: Vec<String>;
    receive fn tick() {
        count += 1;
        lines = [f"{count}"];
    }
}
fn main() {
    let counters: Vec<Counter> = [];
    for _ in 0..20 { counters.push(spawn Counter); }
    println("started");
    loop {
        for each in counters { each.tick(); }
        sleep_ms(5);
    }
}
"""
BEARER: Final = {"Authorization": f"Bearer {TOKEN}"}
OPEN_METRICS: Final = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"

needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None or shutil.which("promtool") is None,
    reason="Prometheus is missing: apt-get install prometheus",
)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A busy program whose profiler wants a token."""
    hew = Hew(tmp_path_factory.mktemp("program"))
    running = hew.start("run", hew.write(PROGRAM), HEW_PPROF="127.0.0.1:0", HEW_PPROF_TOKEN=TOKEN)
    running.wait_for_output("started")
    yield running
    hew.close()


class Prometheus:
    """Its HTTP API."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            error.close()
            return False
        except (urllib.error.URLError, ConnectionError):
            return False

    def get(self, path: str, **parameters: str) -> Any:
        url = f"{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            body = json.loads(answer.read())
        assert body["status"] == "success", body
        assert not body.get("warnings"), body
        return body["data"]

    def query(self, expression: str) -> list[float]:
        """The values of an instant query."""
        try:
            return [float(each["value"][1]) for each in self.get("query", query=expression)["result"]]
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{expression}: {error.read().decode()}") from None


@pytest.fixture(scope="module")
def prometheus(program: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """docker/prometheus.yml with this program's address and token, each second."""
    folder = tmp_path_factory.mktemp("prometheus")
    config = yaml.safe_load((DOCKER / "prometheus.yml").read_text())
    config["global"].update(scrape_interval="1s", scrape_timeout="1s")
    (job,) = config["scrape_configs"]
    job["static_configs"][0]["targets"] = [program.address.removeprefix("http://")]
    job["authorization"] = {"credentials": TOKEN}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = [f"--web.listen-address=127.0.0.1:{port}", "--config.file=prometheus.yml", "--storage.tsdb.path=data"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(["prometheus", *options], cwd=folder, stdout=log, stderr=log)
    try:
        found = Prometheus(port)
        wait_for(found.ready, within=30, what="Prometheus")
        wait_for(lambda: found.query("count_over_time(up[1m])") > [3], within=30, what="some scrapes")
        yield found
    finally:
        process.terminate()
        process.wait(20)
    lines = (folder / "log").read_text().splitlines()
    assert [line for line in lines if re.search(r"level=(warn|error)", line) and "Received SIGTERM" not in line] == []


def samples(text: str) -> dict[str, float]:
    """Name -> value of those without labels."""
    lines = [line for line in text.splitlines() if not line.startswith("#") and "{" not in line]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


# ---- the text


@needs_prometheus
def test_promtool_has_nothing_to_say(program: Running) -> None:
    text = program.get("/metrics", BEARER)
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_both_formats_say_the_same_as_the_api(program: Running) -> None:
    before = json.loads(program.get("/api/metrics", BEARER))
    plain = program.get("/metrics", BEARER).decode()
    opened = program.get("/metrics", {**BEARER, "Accept": OPEN_METRICS}).decode()
    after = json.loads(program.get("/api/metrics", BEARER))
    assert opened.endswith("\n# EOF\n")
    assert samples(plain).keys() == samples(opened).keys()
    for text in (plain, opened):
        found = samples(text)
        for sample, field in (("hew_messages_received_total", "messages_received"),
                              ("hew_allocated_bytes_total", "bytes_allocated"),
                              ("hew_allocations_total", "alloc_count")):  # fmt: skip
            assert before[field] <= found[sample] <= after[field]
        assert (found["hew_actors_live"], found["hew_workers"]) == (20, before["workers"])
        for name in re.findall(r"^# TYPE (\S+)", text, re.MULTILINE):
            assert f"# HELP {name} " in text


# ---- a real server


@needs_prometheus
def test_prometheus_scrapes_the_program(program: Running, prometheus: Prometheus) -> None:
    (target,) = prometheus.get("targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")
    assert set(prometheus.query("up")) == {1.0}
    names = set(samples(program.get("/metrics", BEARER).decode()))
    stored = set(prometheus.get("label/__name__/values"))
    assert names <= stored
    known = prometheus.get("metadata")
    for name in names:
        (about,) = known[name] if name in known else known[name.removesuffix("_total")]
        assert about["type"] == ("counter" if name.endswith("_total") else "gauge"), name
        assert about["help"].endswith("."), name
    assert {known[name][0]["type"] for name in ("hew_handler_seconds", "hew_mailbox_seconds")} == {"histogram"}
    (ticks,) = prometheus.query('hew_handler_seconds_count{type="Counter",handler="tick"}')
    assert 0 < ticks <= json.loads(program.get("/api/handlers", BEARER))[0]["count"]
    received = json.loads(program.get("/api/metrics", BEARER))["messages_received"]
    (value,) = prometheus.query("hew_messages_received_total")
    assert 0 < value <= received


def dashboards() -> list[Path]:
    return sorted((DOCKER / "grafana").glob("*.json"))


def expressions(dashboard: Any) -> list[str]:
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


@needs_prometheus
@pytest.mark.parametrize("path", dashboards(), ids=lambda path: path.name)
def test_every_query_of_the_dashboard_has_an_answer(prometheus: Prometheus, path: Path) -> None:
    dashboard = json.loads(path.read_text())
    found = expressions(dashboard)
    assert len(found) > 20
    for expression in found:
        filled = expression.replace("$job", "hew").replace("$instance", ".*").replace("$__rate_interval", "10s")
        assert "$" not in filled, expression
        values = prometheus.query(filled)
        assert values, expression
        assert all(value >= 0 for value in values), expression
    for variable in dashboard["templating"]["list"]:
        if match := re.fullmatch(r"label_values\((\w+)(?:\{.*\})?, (\w+)\)", variable["query"]):
            assert prometheus.get(f"label/{match[2]}/values", **{"match[]": match[1]}), variable


@pytest.mark.parametrize("path", dashboards(), ids=lambda path: path.name)
def test_the_dashboard_is_what_grafana_reads(program: Running, path: Path) -> None:
    dashboard = json.loads(path.read_text())
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, f"{panel['title']} lies on another panel"
        assert at["x"] + at["w"] <= 24
        taken |= cells
        assert panel["title"]
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(panels))) - {"__rate_interval"}
    assert used <= variables
    named = set(re.findall(r"hew_\w+", json.dumps(expressions(dashboard))))
    assert set(samples(program.get("/metrics", BEARER).decode())) <= named, "every figure has its place"


# ---- the configurations


@needs_prometheus
def test_promtool_accepts_the_configuration() -> None:
    done = subprocess.run(
        ["promtool", "check", "config", DOCKER / "prometheus.yml"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (job,) = yaml.safe_load((DOCKER / "prometheus.yml").read_text())["scrape_configs"]
    assert job["static_configs"] == [{"targets": [DEMO]}]


def check_profile(program: Running, path: str) -> None:
    assert validate(program.get(path, BEARER)).total("alloc_space") > 0


def test_alloy_fetches_what_is_there_and_knows_where_to_send_it(program: Running) -> None:
    blocks = alloy.parse((DOCKER / "alloy" / "config.alloy").read_text())
    references = re.findall(r"'to': '([^']+)'", repr(blocks))
    declared = {key.replace(" ", ".") for key in blocks}
    assert references
    assert {reference.rpartition(".")[0] for reference in references} <= declared
    (source,) = blocks["discovery.relabel hew"]["targets"]
    assert source["__address__"] == DEMO
    assert b"hew_live_bytes" in program.get(blocks["prometheus.scrape hew"]["metrics_path"], BEARER)
    profiles = blocks["pyroscope.scrape hew"]["profiling_config"]
    enabled = [profile["path"] for profile in profiles.values() if profile["enabled"]]
    assert enabled
    for path in enabled:
        check_profile(program, path)


def test_pyroscope_listens_where_alloy_sends_to() -> None:
    config = yaml.safe_load((DOCKER / "pyroscope" / "config.yml").read_text())
    blocks = alloy.parse((DOCKER / "alloy" / "config.alloy").read_text())
    url = urllib.parse.urlsplit(blocks["pyroscope.write local"]["endpoint"]["url"])
    assert url.port == config["server"]["http_listen_port"]


def test_parca_fetches_what_is_there(program: Running) -> None:
    (job,) = yaml.safe_load((DOCKER / "parca" / "parca.yml").read_text())["scrape_configs"]
    assert job["static_configs"] == [{"targets": [DEMO]}]
    profiles = job["profiling_config"]["pprof_config"]
    assert profiles.keys() == {"memory", "process_cpu", "goroutine", "block", "mutex"}, (
        "those that Parca has by default"
    )
    enabled = [profile["path"] for profile in profiles.values() if profile["enabled"]]
    assert enabled
    for path in enabled:
        check_profile(program, path)
