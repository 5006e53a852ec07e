"""Which program `hew top` shows when it is not told, and what it loads."""

import time

import pytest

from hew.cli import top
from hew.errors import UsageError
from hew.scheduler import attach
from tests.unit.cli.test_imports import loaded_after


def found(*pids: int) -> list[attach.Found]:
    return [attach.Found(pid, f"p{pid}.hew", time.monotonic_ns() - 65_500_000_000, "0.1.0", True) for pid in pids]


@pytest.fixture(autouse=True)
def no_sockets(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def test_the_only_program_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int) -> None:
        raise attach.CannotAttach(f"not {pid}")

    monkeypatch.setattr(attach, "find", lambda: found(12))
    monkeypatch.setattr(attach, "attach", refuse)
    with pytest.raises(attach.CannotAttach, match="not 12"):
        top.open_source(None)


def test_of_several_there_is_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attach, "find", lambda: found(12, 1234))
    with pytest.raises(UsageError) as caught:
        top.open_source(None)
    assert str(caught.value).splitlines() == [
        "top: several programs run; name one, as in hew top 12",
        " PID        UP  PROGRAM    PROFILER",
        "  12  1:05 min  p12.hew",
        "1234  1:05 min  p1234.hew",
    ]


def test_none_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attach, "find", list)
    with pytest.raises(UsageError, match="no Hew program of yours runs here"):
        top.open_source(None)


def test_one_reading_loads_neither_textual_nor_a_web_framework() -> None:
    loaded = loaded_after("top", "--json", "1")
    assert "hew.scheduler.attach" in loaded
    assert not loaded & {"textual", "rich", "fastapi", "uvicorn", "asyncio", "llvmlite", "pydantic"}


def test_help_loads_nothing() -> None:
    loaded = loaded_after("top", "--help") | loaded_after("pprof", "--help")
    assert not {name for name in loaded if name.startswith(("hew.top", "hew.scheduler", "hew.profiler"))}
