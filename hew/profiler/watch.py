"""Asks the rules once a second and keeps what they found: who opens a finding, who lets it go, what it costs.

Runs on the sampler's thread, just after a snapshot was kept. A finding opens when its rule's strict test holds, stays
while the loose one holds, and is taken down only after that has failed for GOOD_SECS on end.

The cost is bounded however many actors there are: the core is asked for the top few only, not at all when the totals
say that no mailbox can be deep or that nobody runs, and never for more than 1/REST of the time.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from hew.actors import ActorQuery, SortKey, State
from hew.profiler.findings import RULES, Hit, Look, Observed, Rule, Second
from hew.profiler.history import CAPACITY
from hew.profiler.models import ActorRow, Finding, HistoryEntry
from hew.profiler.reader import NS_PER_S, Reader

GOOD_SECS: Final = 15  # that a thing must be good before its finding goes
MAX_PER_RULE: Final = 10
REST: Final = 50  # a look that took d is followed by none for REST * d
LOOKS: Final = 16  # kept; more than the longest window of a rule that judges by them
HOLDERS: Final = 30
HOLDERS_EVERY_NS: Final = 10 * NS_PER_S
TOP: Final = 64  # actors of one look
WORTH_A_LOOK: Final = 50  # messages in all mailboxes together; the least that any rule calls a queue


class Board:
    """The findings that stand now. One writer (the sampler), any number of readers (the server's thread)."""

    def __init__(self) -> None:
        self._findings: tuple[Finding, ...] = ()

    def publish(self, findings: Sequence[Finding]) -> None:
        """All at once, as a new tuple: no lock, nothing torn."""
        self._findings = tuple(findings)

    def findings(self) -> tuple[Finding, ...]:
        """In the order of the rules, the oldest first."""
        return self._findings


@dataclass(frozen=True, slots=True)
class _Open:
    finding: Finding
    good_since: int | None = None  # the second since which the loose test has failed


class Watch:
    """Observes, asks, publishes."""

    def __init__(self, reader: Reader, board: Board, *, rules: Sequence[Rule] = RULES) -> None:
        self._reader = reader
        self._board = board
        self._rules = rules
        self._seconds: deque[Second] = deque(maxlen=CAPACITY)
        self._looks: deque[Look] = deque(maxlen=LOOKS)
        self._holders: deque[Look] = deque(maxlen=HOLDERS)
        self._active: list[int] = []
        self._look_after_ns = 0
        self._open: dict[tuple[str, int | None], _Open] = {}

    def glance(self) -> None:
        """Between two seconds: a program that works in step with them is not to be taken for one that never rests."""
        self._active.append(self._reader.metrics().active_workers)

    def look(self, entry: HistoryEntry, workers: int) -> None:
        """After the snapshot of a second: observe, ask the rules, publish."""
        if self._seconds and entry.t <= self._seconds[-1].entry.t:
            return
        self._seconds.append(Second(entry, (*self._active, entry.aw)))
        self._active.clear()
        self._look_at_actors(entry)
        observed = Observed(workers, list(self._seconds), list(self._looks), list(self._holders))
        for rule in self._rules:
            self._ask(rule, observed)
        order = {rule.name: place for place, rule in enumerate(self._rules)}
        standing = [each.finding for each in self._open.values()]
        self._board.publish(sorted(standing, key=lambda each: (order[each.rule], each.first_seen, each.actor or 0)))

    # ---- observing

    def _look_at_actors(self, entry: HistoryEntry) -> None:
        at_ns = self._reader.elapsed_ns()
        if at_ns < self._look_after_ns:
            return
        deep = self._top("mbox_depth") if entry.ms - entry.mr >= WORTH_A_LOOK else []
        running = self._top("time_ns", "running") if entry.aw else []
        self._looks.append(Look(at_ns, {row.id: row for row in (*deep, *running)}))
        if not self._holders or at_ns - self._holders[-1].at_ns >= HOLDERS_EVERY_NS:
            largest = self._top("bytes_live")
            self._holders.append(Look(at_ns, {row.id: row for row in largest}))
        self._look_after_ns = at_ns + REST * (self._reader.elapsed_ns() - at_ns)

    def _top(self, sort: SortKey, state: State | None = None) -> list[ActorRow]:
        return list(self._reader.actors(ActorQuery(sort=sort, limit=TOP, state=state, include_ended=False)).rows)

    # ---- judging

    def _ask(self, rule: Rule, observed: Observed) -> None:
        wrong = {hit.subject: hit for hit in rule.opens(observed)}
        mine = {subject for name, subject in self._open if name == rule.name}
        kept = {hit.subject: hit for hit in rule.keeps(observed)} if mine - wrong.keys() else {}
        for subject in mine:
            self._go_on((rule.name, subject), wrong.get(subject) or kept.get(subject), observed.t)
        new = [subject for subject in wrong if subject not in mine]
        for subject in new[: max(MAX_PER_RULE - len(mine), 0)]:
            self._open[rule.name, subject] = _Open(_finding(rule.name, wrong[subject], observed.t))

    def _go_on(self, key: tuple[str, int | None], hit: Hit | None, t: int) -> None:
        was = self._open[key]
        if hit is not None:
            again = _finding(key[0], hit, t)
            self._open[key] = _Open(msgspec.structs.replace(again, first_seen=was.finding.first_seen))
        elif was.good_since is None:
            self._open[key] = replace(was, good_since=t)
        elif t - was.good_since >= GOOD_SECS:
            del self._open[key]


def _finding(rule: str, hit: Hit, t: int) -> Finding:
    return Finding(rule, hit.sentence, hit.evidence, hit.actor, max(t - hit.since_secs, 0), t)
