"""Fixtures for every test, and the rule that under CI nothing may be skipped."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.support.hew import Hew


@pytest.fixture
def hew(tmp_path: Path) -> Iterator[Hew]:
    """`hew` as a user has it; its processes end with the test."""
    runner = Hew(tmp_path)
    yield runner
    runner.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under CI=true a skip is a failure: a missing tool there is a hole in .ci/run, not a reason."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"skipped under CI=true: {report.longrepr}"
    return report
