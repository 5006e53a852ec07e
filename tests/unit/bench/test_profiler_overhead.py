"""The arithmetic of bench/profiler_overhead.py, and its C program run on both cores: not how fast."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from bench.profiler_overhead import (
    NO_COUNTERS,
    VARIANTS,
    Row,
    Variant,
    counted,
    link_accounting,
    nobody,
    plain,
    row_of,
    uncounted,
)
from bench.support import append_lines


def test_a_ratio_is_the_median_of_those_within_a_repetition() -> None:
    figures = {"base": [10.0, 20.0, 40.0], "more": [11.0, 26.0, 44.0]}
    row = row_of("p", Variant("more", plain, nobody, "base", 1.2), figures)
    assert (row.name, row.unit, row.ns) == ("p: more", "ratio", 26.0)
    assert row.value == pytest.approx(1.1)
    assert row.passed


def test_the_first_variant_is_its_own_measure_without_a_target() -> None:
    row = row_of("p", Variant("base", plain, nobody), {"base": [10.0, 30.0]})
    assert (row.value, row.ns, row.passed) == (1.0, 20.0, None)


def test_each_variant_is_held_against_one_that_has_run_before() -> None:
    names = [variant.name for variant in VARIANTS]
    for number, variant in enumerate(VARIANTS):
        assert (variant.against == "") == (number == 0)
        assert not number or variant.against in names[:number]


def test_a_target_is_met_up_to_the_figure_itself() -> None:
    assert Row("r", "ns", 15.0, 15.0).passed is True
    assert Row("r", "ns", 15.1, 15.0).passed is False


def test_a_json_line_has_every_field_and_the_verdict(tmp_path: Path) -> None:
    file = tmp_path / "figures"
    append_lines(str(file), [Row("r", "ratio", 1.23456, 1.1, 57.0).fields()])
    line = json.loads(file.read_text())
    assert line == {"name": "r", "unit": "ratio", "value": 1.2346, "target": 1.1, "ns": 57.0, "passed": False}


def figures_of(command: str) -> dict[str, float]:
    run = subprocess.run([command, "10000"], check=True, capture_output=True, text=True, timeout=60)
    return {line.split()[0]: float(line.split()[1]) for line in run.stdout.splitlines()}


@pytest.mark.skipif(shutil.which("gcc") is None, reason="its C program needs gcc")
@pytest.mark.parametrize("counts", [True, False])
def test_the_program_of_the_nanoseconds_runs_on_both_cores(counts: bool) -> None:
    program = link_accounting(counted()) if counts else link_accounting(uncounted(), NO_COUNTERS)
    figures = figures_of(str(program))
    assert set(figures) == {"allocation", "charge"}
    assert min(figures.values()) >= 0
