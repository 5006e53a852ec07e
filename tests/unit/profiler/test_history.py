"""The ring of 300."""

from hew.profiler.history import CAPACITY, History
from hew.profiler.models import HistoryEntry


def entry(t: int) -> HistoryEntry:
    return HistoryEntry(t, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


def test_it_keeps_the_last_300_oldest_first() -> None:
    history = History()
    for t in range(CAPACITY + 50):
        history.append(entry(t))
    assert [each.t for each in history.since(-1)] == list(range(50, CAPACITY + 50))


def test_a_second_is_never_doubled() -> None:
    history = History()
    for t in (0, 1, 1, 0, 3):
        history.append(entry(t))
    assert [each.t for each in history.since(-1)] == [0, 1, 3]


def test_since_gives_what_is_later() -> None:
    history = History()
    for t in range(5):
        history.append(entry(t))
    assert [each.t for each in history.since(2)] == [3, 4]
    assert history.since(4) == []
