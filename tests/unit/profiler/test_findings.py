"""The four rules and how findings come and go, over programs that exist only as figures, by a fake clock."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hew.actors import ActorQuery
from hew.profiler.history import History
from hew.profiler.models import Finding, history_entry
from hew.profiler.reader import NS_PER_S, Reader
from hew.profiler.watch import GOOD_SECS, LOOKS, MAX_PER_RULE, REST, TOP, Board, Watch
from hew.steps import Steps
from tests.support.profiler_fakes import FakeCounters, FakeInspect, FakePage, FakeProgram, FakeRow, FakeTotals
from tests.unit.profiler.conftest import Profiled

WORKERS = 4  # of FakeInspect
MIB = 1 << 20


@dataclass
class CountingInspect(FakeInspect):
    """Notes what it is asked; an answer takes `takes_ns` of the fake clock."""

    asked: list[tuple[str, str | None, int | None]] = field(default_factory=list)
    takes_ns: int = 0
    pass_time: Callable[[int], None] = lambda _: None

    def list_actors(self, query: ActorQuery) -> Steps[FakePage]:
        self.asked.append((query.sort, query.state, query.limit))
        self.pass_time(self.takes_ns)
        return super().list_actors(query)


class Program:
    """A program of figures. Each second a test sets what the core would count; `live` then observes that second."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.totals = FakeTotals(active_workers=0, bytes_allocated=MIB, bytes_freed=0)
        self.inspect = CountingInspect(pass_time=self._pass)
        self.reader = Reader(FakeCounters(self.totals), self.inspect, FakeProgram(), clock_ns=lambda: self.now_ns)
        self.history, self.board = History(), Board()
        self.watch = Watch(self.reader, self.board)
        self.t = -1

    def _pass(self, span_ns: int) -> None:
        self.now_ns += span_ns

    def second(self, *, glance_active: int | None = None) -> None:
        """One beat of the sampler; `glance_active`: the workers active half a second before it."""
        self.t += 1
        self.now_ns = max(self.now_ns, self.t * NS_PER_S + 1_000_000)
        active = self.totals.active_workers
        self.totals.active_workers = active if glance_active is None else glance_active
        self.watch.glance()
        self.totals.active_workers = active
        metrics = self.reader.metrics()
        entry = history_entry(metrics)
        self.history.append(entry)
        self.watch.look(entry, metrics.workers)

    def live(self, seconds: int, change: Callable[[int], object] = lambda _: None) -> list[set[str]]:
        """The rules that stood after each of the seconds."""
        seen = []
        for _ in range(seconds):
            change(self.t + 1)
            self.second()
            seen.append(self.rules())
        return seen

    def rules(self) -> set[str]:
        return {each.rule for each in self.board.findings()}

    def only(self) -> Finding:
        (finding,) = self.board.findings()
        return finding

    # ---- what the core would count

    def actor(self, number: int, type_name: str = "Counter", **figures: Any) -> FakeRow:
        row = FakeRow(number, number, type=type_name, **figures)
        self.inspect.rows.append(row)
        return row

    def queue(self, row: FakeRow, *, arrive: int, work: int) -> None:
        """In this second that many arrive and are worked off."""
        done = min(work, row.mbox_depth + arrive)
        row.mbox_depth += arrive - done
        row.mbox_hwm = max(row.mbox_hwm, row.mbox_depth)
        row.msgs += done
        self.totals.messages_sent += arrive
        self.totals.messages_received += done

    def run(self, row: FakeRow, *, percent: int, msgs: int = 1000) -> None:
        """In this second it was on a worker so much of the time, and is found running as often."""
        row.time_ns += percent * NS_PER_S // 100
        row.msgs += msgs
        row.state = "running" if (self.t + 1) * 37 % 100 < percent else "runnable"
        self.totals.active_workers = sum(each.state == "running" for each in self.inspect.rows)

    def memory(self, bytes_live: int) -> None:
        """Live after this second."""
        self.totals.bytes_allocated += bytes_live
        self.totals.bytes_freed = self.totals.bytes_allocated - bytes_live


@pytest.fixture
def program() -> Program:
    return Program()


# ---------------------------------------------------------------- backpressure


def test_a_mailbox_that_is_deep_for_ten_seconds_is_backpressure(program: Program) -> None:
    row = program.actor(7, "Kitchen")
    seen = program.live(20, lambda t: program.queue(row, arrive=5000 if t == 0 else 1000, work=1000))
    assert seen[8] == set()
    assert seen[-1] == {"backpressure"}
    found = program.only()
    assert found.actor == 7
    assert found.sentence == (
        "Kitchen#7 receives messages faster than it works them off: "
        "for 10 s never fewer than 4,000 were in its mailbox; a new one waits 4.0 s."
    )
    assert found.evidence == {
        "mbox_depth": 4000,
        "mbox_depth_lowest": 4000,
        "mbox_hwm": 4000,
        "arrived_per_sec": 1000,
        "worked_off_per_sec": 1000,
        "wait_ns": 4 * NS_PER_S,
        "window_secs": 10,
    }
    assert (found.first_seen, found.last_seen) == (0, 19)


def test_a_growing_mailbox_of_a_slow_actor_is_backpressure_at_a_hundred_messages(program: Program) -> None:
    row = program.actor(1)
    program.live(40, lambda _: program.queue(row, arrive=20, work=10))
    assert program.rules() == {"backpressure"}
    assert program.only().evidence["arrived_per_sec"] == 20


def test_a_stuck_actor_with_a_full_mailbox_is_backpressure(program: Program) -> None:
    row = program.actor(1)
    program.live(20, lambda t: program.queue(row, arrive=2000 if t == 1 else 0, work=0))
    assert program.only().sentence.endswith("none has been worked off.")


def test_a_burst_that_drains_is_none(program: Program) -> None:
    row = program.actor(1)
    seen = program.live(60, lambda t: program.queue(row, arrive=100_000 if t == 3 else 0, work=2000))
    assert set().union(*seen) == set()


def test_a_burst_of_some_seconds_that_drains_is_none(program: Program) -> None:
    row = program.actor(1)
    seen = program.live(60, lambda t: program.queue(row, arrive=30_000 if t < 4 else 0, work=2000))
    assert set().union(*seen) == set()


def test_a_queue_that_falls_at_last_is_said_to_be_worked_off(program: Program) -> None:
    row = program.actor(1)
    program.live(40, lambda t: program.queue(row, arrive=3000 if t < 25 else 0, work=1000))
    assert "is still working off a long queue" in program.only().sentence


def test_a_mailbox_that_is_empty_now_and_then_is_none(program: Program) -> None:
    row = program.actor(1)
    seen = program.live(120, lambda t: program.queue(row, arrive=50_000 if t % 8 == 0 else 0, work=8000))
    assert set().union(*seen) == set()


def test_a_full_bounded_mailbox_that_moves_fast_is_none(program: Program) -> None:
    row = program.actor(1)
    seen = program.live(60, lambda t: program.queue(row, arrive=64 if t == 0 else 100, work=100))
    assert set().union(*seen) == set()


def test_each_rule_says_at_most_ten_things(program: Program) -> None:
    rows = [program.actor(i) for i in range(1, 40)]

    def all_deep(t: int) -> None:
        for row in rows:
            program.queue(row, arrive=5000 if t == 0 else 100, work=100)

    program.live(20, all_deep)
    assert len(program.board.findings()) == MAX_PER_RULE


# ---------------------------------------------------------------- hot actor


def test_one_actor_that_runs_all_the_time_is_hot(program: Program) -> None:
    hot, other = program.actor(3, "Checker"), program.actor(4)

    def change(_: int) -> None:
        program.run(hot, percent=98, msgs=1000)
        program.run(other, percent=5)

    program.live(20, change)
    assert program.rules() == {"hot_actor"}
    found = program.only()
    assert found.actor == 3
    assert found.evidence["time_per_msg_ns"] == 980_000
    assert "expensive: 980.0 µs each" in found.sentence


def test_a_heavily_trafficked_actor_is_hot_and_called_so(program: Program) -> None:
    hot = program.actor(3)
    program.live(20, lambda _: program.run(hot, percent=100, msgs=2_000_000))
    assert "heavily trafficked: 2,000,000 messages a second" in program.only().sentence


def test_an_actor_stuck_in_one_message_is_hot(program: Program) -> None:
    hot = program.actor(3)
    program.live(20, lambda _: program.run(hot, percent=100, msgs=0))
    assert "one message that has not ended" in program.only().sentence


def test_an_actor_gets_hot_however_much_others_had_done_before(program: Program) -> None:
    for i in range(10, 210):
        program.actor(i, time_ns=10_000 * NS_PER_S)
    hot = program.actor(3)
    program.live(20, lambda _: program.run(hot, percent=100))
    assert program.only().actor == 3


@pytest.mark.parametrize("percents", [(95, 95), (95, 60, 60), (60,), (30, 30, 30, 30)])
def test_work_that_is_shared_or_leaves_time_to_rest_is_none(program: Program, percents: Sequence[int]) -> None:
    rows = [program.actor(i + 1) for i in range(len(percents))]

    def change(_: int) -> None:
        for row, percent in zip(rows, percents, strict=True):
            program.run(row, percent=percent)

    assert set().union(*program.live(60, change)) == set()


def test_one_odd_figure_is_none(program: Program) -> None:
    row = program.actor(1)

    def change(t: int) -> None:
        program.run(row, percent=10)
        row.time_ns += 60 * NS_PER_S if t == 20 else 0

    assert set().union(*program.live(60, change)) == set()


def test_a_busy_five_seconds_are_none(program: Program) -> None:
    row = program.actor(1)
    seen = program.live(60, lambda t: program.run(row, percent=100 if t % 12 < 6 else 2))
    assert set().union(*seen) == set()


# ---------------------------------------------------------------- leak


def test_memory_that_climbs_for_a_minute_is_a_leak_and_names_who_holds_it(program: Program) -> None:
    log = program.actor(5, "Log")

    def change(t: int) -> None:
        log.bytes_live = t * 100 * 1024
        program.memory(MIB + log.bytes_live)

    seen = program.live(100, change)
    assert set().union(*seen[:60]) == set()
    assert seen[75] == {"leak"}
    found = program.only()
    assert found.actor == 5
    assert found.sentence == (
        "Memory grows steadily, by 100.0 KB a second for 60 s, with no sign of levelling off. Log#5 holds most of it."
    )
    assert found.evidence["bytes_grown"] == 60 * 100 * 1024


def test_a_leak_below_a_saw_tooth_of_garbage_is_found(program: Program) -> None:
    program.live(90, lambda t: program.memory(MIB + 60_000 * t + 20_000 * (t * 7 % 10)))
    assert program.rules() == {"leak"}
    assert program.only().actor is None


def test_a_slow_leak_below_a_high_saw_tooth_is_found_in_five_minutes(program: Program) -> None:
    seen = program.live(320, lambda t: program.memory(8 * MIB + 40_000 * t + 200_000 * (t % 20)))
    assert set().union(*seen[:200]) == set()
    assert seen[-1] == {"leak"}


@pytest.mark.parametrize(
    "live",
    [
        lambda t: min(t, 40) * MIB,  # start-up, then level
        lambda t: int(100 * MIB * (1 - 0.98**t)),  # a cache that fills
        lambda t: 50 * MIB + (t % 30) * MIB,  # garbage that comes and goes
        lambda t: 10 * MIB + t * 1000,  # a kilobyte a second: less than a start needs
        lambda t: (10 + min(t // 45, 4)) * MIB,  # in a few steps, each with its own reason
        lambda t: (100 + abs(t % 200 - 100)) * MIB,  # down and up with the day, never higher than before
    ],
    ids=["level", "cache", "garbage", "little", "steps", "waves"],
)
def test_memory_of_a_healthy_program_is_none(program: Program, live: Callable[[int], int]) -> None:
    assert set().union(*program.live(400, lambda t: program.memory(live(t)))) == set()


# ---------------------------------------------------------------- saturation


def activity(program: Program, active: int) -> None:
    program.totals.active_workers = active


def test_all_workers_active_for_fifteen_seconds_is_saturation(program: Program) -> None:
    def change(_: int) -> None:
        activity(program, WORKERS)
        program.totals.tasks_spawned += 1000
        program.totals.tasks_completed += 1000
        program.totals.steals += 10

    seen = program.live(20, change)
    assert seen[13] == set()
    assert seen[14] == {"saturation"}
    found = program.only()
    assert found.actor is None
    assert found.sentence == (
        "The scheduler is saturated: all 4 workers have been running handlers for 15 s without a pause."
    )
    assert found.evidence["imbalance"] == "low"


def test_a_high_steal_rate_is_noted_as_imbalance(program: Program) -> None:
    def change(_: int) -> None:
        activity(program, WORKERS)
        program.totals.tasks_spawned += 1000
        program.totals.tasks_completed += 1000
        program.totals.steals += 300

    program.live(20, change)
    assert program.only().evidence["imbalance"] == "high"
    assert "30 % of the activations were stolen" in program.only().sentence


def test_work_in_step_with_the_sampler_is_none(program: Program) -> None:
    activity(program, WORKERS)
    for _ in range(60):
        program.second(glance_active=0)
        assert program.rules() == set()


def test_one_worker_at_rest_now_and_then_is_none(program: Program) -> None:
    seen = program.live(120, lambda t: activity(program, WORKERS - (t % 10 == 0)))
    assert set().union(*seen) == set()


# ---------------------------------------------------------------- how a finding stands and goes


def test_a_finding_stays_until_it_was_good_for_a_while_and_keeps_its_first_second(program: Program) -> None:
    program.live(20, lambda _: activity(program, WORKERS))
    first = program.only().first_seen
    seen = program.live(40, lambda t: activity(program, 1))
    gone = seen.index(set())
    assert GOOD_SECS <= gone <= GOOD_SECS + 5
    assert first == 0
    assert set().union(*seen[gone:]) == set()


def test_a_finding_does_not_flap(program: Program) -> None:
    program.live(20, lambda _: activity(program, WORKERS))
    seen = program.live(100, lambda t: activity(program, WORKERS - (t % 7 == 0)))
    assert all(each == {"saturation"} for each in seen)
    assert program.only().first_seen == 0
    assert program.only().last_seen >= program.t - 1


def test_a_second_that_comes_twice_is_one(program: Program) -> None:
    program.live(10, lambda _: activity(program, WORKERS))
    entry = program.history.since(-1)[-1]
    for _ in range(30):
        program.watch.look(entry, WORKERS)
    assert program.rules() == set()


def test_seconds_that_were_missed_prove_nothing(program: Program) -> None:
    activity(program, WORKERS)
    for _ in range(20):
        program.t += 4
        program.second()
        assert program.rules() == set()


# ---------------------------------------------------------------- what it costs


def test_the_core_is_asked_for_a_few_rows_and_only_when_it_can_matter(program: Program) -> None:
    program.actor(1)
    program.totals.messages_sent = program.totals.messages_received
    program.live(30)
    assert set(program.inspect.asked) == {("bytes_live", None, TOP)}
    assert len(program.inspect.asked) <= 4
    program.totals.messages_sent += 1000
    activity(program, 1)
    program.inspect.asked.clear()
    program.live(5)
    assert set(program.inspect.asked) >= {("mbox_depth", None, TOP), ("time_ns", "running", TOP)}
    assert len(program.inspect.asked) <= 11


def test_looks_that_take_long_are_rare_and_still_find(program: Program) -> None:
    program.inspect.takes_ns = 60_000_000
    row = program.actor(1)

    def change(t: int) -> None:
        program.queue(row, arrive=50_000 if t == 0 else 100, work=100)
        activity(program, 2)

    program.live(120, change)
    spent_ns = len(program.inspect.asked) * program.inspect.takes_ns
    assert spent_ns * REST <= 1.2 * 120 * NS_PER_S
    assert program.rules() == {"backpressure"}


def test_what_is_kept_is_bounded(program: Program) -> None:
    rows = [program.actor(i, bytes_live=i, mbox_depth=3) for i in range(1, 500)]
    program.totals.messages_sent += 10_000
    program.live(330, lambda _: activity(program, 1))
    assert len(rows) == 499
    assert len(program.watch._looks) == LOOKS
    assert max(len(look.rows) for look in program.watch._looks) <= 2 * TOP
    assert len(program.watch._seconds) == 300


# ---------------------------------------------------------------- properties


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), busy=st.floats(0, 0.85), level=st.integers(0, 2**34), churn=st.integers(0, 2**30))
def test_a_random_healthy_program_has_none(seed: int, busy: float, level: int, churn: int) -> None:
    """Workers that rest now and then, mailboxes that empty, time that is shared, memory that has a level."""
    chance, program = random.Random(seed), Program()
    rows = [program.actor(i) for i in range(1, 6)]
    ramp = chance.randint(1, 40)

    def change(t: int) -> None:
        for row in rows:
            arriving = chance.randint(0, 2000)
            program.queue(row, arrive=arriving * chance.randint(1, 20), work=10**6 if chance.random() < 0.4 else 30_000)
            program.run(row, percent=int(100 * busy * chance.random()))
        activity(program, sum(chance.random() < busy for _ in range(WORKERS)))
        program.memory(level * min(t, ramp) // ramp + int(churn * chance.random()))

    assert set().union(*program.live(150, change)) == set()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), pace=st.integers(40_000, 10**8), noise=st.floats(0, 2))
def test_a_random_steady_leak_is_found(seed: int, pace: int, noise: float) -> None:
    chance, program = random.Random(seed), Program()
    program.live(100, lambda t: program.memory(MIB + pace * t + int(noise * pace * chance.random())))
    assert program.rules() == {"leak"}


# ---------------------------------------------------------------- the route


def test_findings_are_served_as_an_array_and_described(served: Profiled) -> None:
    answer = served.get("/api/findings")
    assert (answer.status, answer.json()) == (200, [])
    assert answer.headers["content-type"] == "application/json"
    description: Mapping[str, Any] = served.get("/openapi.json").json()["paths"]["/api/findings"]["get"]
    schema = description["responses"]["200"]["content"]["application/json"]["schema"]
    assert list(schema["items"]["properties"]) == list(Finding.__struct_fields__)


def test_a_finding_as_json_has_the_contract_s_fields(program: Program) -> None:
    program.live(20, lambda _: activity(program, WORKERS))
    (found,) = msgspec.json.decode(msgspec.json.encode(program.board.findings()))
    assert list(found) == ["rule", "sentence", "evidence", "actor", "first_seen", "last_seen"]
    assert all(isinstance(value, int | str) for value in found["evidence"].values())
