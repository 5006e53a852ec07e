"""What line 1 of each example and benchmark says is what /api/findings says while it runs.

A program that ends by itself is watched to its end; one that does not, for longer than any rule but the leak's needs,
and the leaking one until it is found. They run several at a time where they do not disturb each other: those that
load every CPU apart from those whose health is that they do not.
"""

import http.client
import time
import urllib.error
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from tests.support.hew import Hew, Json, Running

ROOT: Final = Path(__file__).parents[2]
PATHS: Final = sorted([*(ROOT / "examples").rglob("*.hew"), *(ROOT / "bench").glob("*.hew")])
NAMES: Final = [str(path.relative_to(ROOT)) for path in PATHS]
WITHOUT_LINE: Final = "examples/profiler_demo.hew"  # the document's text to the letter; it has none

LEAKING: Final = ("examples/sick/leak.hew",)
RESTING: Final = ("examples/service.hew", "examples/healthy.hew", "examples/sick/backpressure.hew")
LOADING: Final = ("examples/sick/hot_actor.hew", "examples/sick/saturation.hew", "bench/kill_load.hew")
ENDING: Final = tuple(name for name in NAMES if name not in (*LEAKING, *RESTING, *LOADING))

WATCHED_SECS: Final = 20
LEAK_SECS: Final = 85
POLL_SECS: Final = 0.2

pytestmark = [pytest.mark.alone, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterable[Mapping[str, set[str]]]:
    """The rules that each program's profiler named at any time."""
    hew = Hew(tmp_path_factory.mktemp("findings"))
    found: dict[str, set[str]] = {}
    try:
        with ThreadPoolExecutor() as pool:
            leaking = watch_all(pool, hew, LEAKING, LEAK_SECS)
            for name in ENDING:
                found[name] = watch(hew, name, WATCHED_SECS)
            for group in (RESTING, LOADING):
                found |= results(watch_all(pool, hew, group, WATCHED_SECS))
            found |= results(leaking)
        yield found
    finally:
        hew.close()


def watch_all(pool: ThreadPoolExecutor, hew: Hew, names: Iterable[str], seconds: float) -> dict[str, Future[set[str]]]:
    return {name: pool.submit(watch, hew, name, seconds) for name in names}


def results(futures: Mapping[str, "Future[set[str]]"]) -> dict[str, set[str]]:
    return {name: future.result() for name, future in futures.items()}


def watch(hew: Hew, name: str, seconds: float) -> set[str]:
    """Every rule named until the program has ended or the time is over; for the leak, until it is found."""
    rules: set[str] = set()
    with hew.start("run", ROOT / name, HEW_PPROF="127.0.0.1:0", HEW_WORKERS="2") as running:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and running.process.poll() is None:
            rules |= {finding["rule"] for finding in findings(running)}
            if name in LEAKING and rules:
                break
            time.sleep(POLL_SECS)
    return rules


def findings(running: Running) -> list[Json]:
    """What stands now; nothing when the program ends at that moment."""
    try:
        answer: list[Json] = running.json("/api/findings")
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError):
        running.finish(within=10)
        return []
    return answer


def stated(name: str) -> set[str]:
    """The rules of line 1."""
    if name == WITHOUT_LINE:
        return set()
    marker, _, rules = (ROOT / name).read_text(encoding="utf-8").partition("\n")[0].partition(": ")
    assert marker == "// findings"
    return {rule.strip() for rule in rules.split(",")} - {"none"}


@pytest.mark.parametrize("name", NAMES)
def test_a_program_has_the_findings_that_its_first_line_states(seen: Mapping[str, set[str]], name: str) -> None:
    assert seen[name] == stated(name)


def test_there_is_a_sick_example_of_each_rule() -> None:
    sick = [stated(name) for name in NAMES if name.startswith("examples/sick/")]
    assert sorted(sick, key=sorted) == [{"backpressure"}, {"hot_actor"}, {"leak"}, {"saturation"}]
