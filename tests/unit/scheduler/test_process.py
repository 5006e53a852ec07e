"""The birth of a child: a stop signal that comes in the middle of it is the supervisor's alone."""

import os
import signal
from collections.abc import Iterator

import pytest

from hew.scheduler import process
from hew.scheduler.supervisor import _Signals


@pytest.fixture
def signals() -> Iterator[_Signals]:
    made = _Signals()
    yield made
    made.close()


@pytest.mark.parametrize("number", process.STOP_SIGNALS)
def test_a_signal_to_a_child_that_is_being_born_is_not_taken_for_one_of_ours(
    signals: _Signals, number: signal.Signals
) -> None:
    supervisor = os.getpid()

    def live() -> int:
        os.kill(os.getpid(), number)  # as Ctrl-C does, before the child has turned to it
        process.become_child("child", supervisor)
        os.kill(os.getpid(), number)
        return 7

    _pid, status = os.waitpid(process.fork(live), 0)
    assert os.waitstatus_to_exitcode(status) == 7
    assert signals.arrived() == []
    os.kill(supervisor, number)
    assert signals.arrived() == [number]
