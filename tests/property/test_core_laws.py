"""Laws of the C core's parts, each against a few lines of Python that keep their own record.

The core does what a generated script says (tests/core/core_script.c, under ASan and UBSan) and answers line by line;
a script that breaks a law is made shorter until nothing more can be left out.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ROOT: Final = Path(__file__).parents[2]
PROGRAM: Final = "build/core-test/asan/core_script"
BUILD_SECONDS: Final = 600

RING: Final = 1024  # HEW_RING
REFILL: Final = 64  # HEW_REFILL
REFILL_WORDS: Final = 8
STEAL_AT_MOST: Final = 128
EMPTY: Final = 0  # what a head without nodes holds: HEW_EMPTY, HEW_IDLE
IDLE: Final = 1
SMALL_HEAP: Final = 8 << 20  # bytes; what always fits into the 24 MiB of the script's region

LAWS: Final = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


class Core:
    """The program that does a script, one line at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._in, self._out = process.stdin, process.stdout

    def do(self, *words: int | str) -> list[int]:
        """One line, and the numbers of its answer."""
        self._in.write(" ".join(map(str, words)) + "\n")
        self._in.flush()
        answer = self._out.readline()
        assert answer, f"{words}: the core ended, its reason is on standard error"
        assert not answer.startswith("bad"), f"{words}: {answer}"
        return [int(word) for word in answer.split()]


@contextmanager
def a_core(program: Path) -> Iterator[Core]:
    environment = {**os.environ, "ASAN_OPTIONS": "detect_stack_use_after_return=0:detect_leaks=0"}
    with subprocess.Popen(
        [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield Core(process)
    assert process.returncode == 0


@pytest.fixture(scope="module")
def program() -> Path:
    if not (shutil.which("cc") and shutil.which("make")):
        pytest.skip("the C tests need a C compiler and make: apt-get install gcc libc6-dev make")
    path = ROOT / PROGRAM
    path.parent.mkdir(parents=True, exist_ok=True)
    with (path.parent / "core_script.lock").open("w") as lock:  # another test process may want it at the same time
        fcntl.flock(lock, fcntl.LOCK_EX)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        command = ["make", "--no-print-directory", PROGRAM]
        subprocess.run(command, cwd=ROOT, check=True, timeout=BUILD_SECONDS, env=environment)
    return path


WORKERS: Final = st.integers(0, 1)

# ---- allocator

SIZES: Final = st.one_of(st.integers(0, 300), st.integers(0, 9000), st.integers(0, 3_000_000))
HOLDERS: Final = st.integers(3, 5)


@dataclass(frozen=True, slots=True)
class Block:
    at: int
    size: int  # asked for
    bytes: int  # it counts for
    holder: int


@dataclass(slots=True)
class Heap:
    """What is allocated, by number."""

    core: Core
    live: dict[int, Block] = field(default_factory=dict)
    made: int = 0

    def bytes_live(self) -> int:
        return sum(block.bytes for block in self.live.values())

    def check(self, answer: list[int]) -> None:
        counted_blocks, counted_bytes, used_blocks, used_bytes, lost_blocks = answer[2:]
        assert (counted_blocks, counted_bytes) == (len(self.live), self.bytes_live())
        assert (used_blocks, used_bytes) == (len(self.live), self.bytes_live())
        assert lost_blocks == 0

    def alloc(self, worker: int, size: int, holder: int) -> None:
        answer = self.core.do("alloc", worker, self.made, size, holder)
        at, counted = answer[:2]
        if at:
            assert at % 8 == 0
            assert counted >= size + 8
            for other in self.live.values():
                assert at + size <= other.at - 8 or other.at + other.size <= at - 8, "two blocks overlap"
            self.live[self.made] = Block(at, size, counted, holder)
            self.made += 1
        else:
            assert size + self.bytes_live() > SMALL_HEAP, "refused, far from the limit"
        self.check(answer)

    def free(self, worker: int, which: int) -> None:
        if self.live:
            number = sorted(self.live)[which % len(self.live)]
            del self.live[number]
            self.check(self.core.do("free", worker, number))

    def die(self, worker: int, slot: int) -> None:
        """A worker is killed at rest, and with it the actor of this slot, whose blocks are swept."""
        self.live = {number: block for number, block in self.live.items() if block.holder != slot}
        self.check(self.core.do("die", worker, slot))


HEAP_STEPS: Final = st.lists(
    st.one_of(
        st.tuples(st.just("alloc"), WORKERS, SIZES, HOLDERS),
        st.tuples(st.just("alloc"), WORKERS, SIZES, HOLDERS),
        st.tuples(st.just("free"), WORKERS, st.integers(0, 400), st.just(0)),
        st.tuples(st.just("die"), WORKERS, HOLDERS, st.just(0)),
    ),
    max_size=120,
)


@LAWS
@given(steps=HEAP_STEPS)
def test_blocks_are_apart_and_counted_and_outlive_their_worker(
    program: Path, steps: list[tuple[str, int, int, int]]
) -> None:
    with a_core(program) as core:
        heap = Heap(core)
        for kind, worker, a, b in steps:
            match kind:
                case "alloc":
                    heap.alloc(worker, a, b)
                case "free":
                    heap.free(worker, a)
                case "die":
                    heap.die(worker, a)


# ---- mailbox


@dataclass(slots=True)
class Queue:
    """One of the two queues of an actor: letters are (number, messages in it)."""

    pushed: deque[tuple[int, int]] = field(default_factory=deque)
    taken: deque[tuple[int, int]] = field(default_factory=deque)
    made: int = 0


@dataclass(slots=True)
class Mailbox:
    core: Core
    queues: tuple[Queue, Queue] = field(default_factory=lambda: (Queue(), Queue()))
    turning: int = 0  # letters not yet turned round
    high_water: int = 0
    is_at_rest: bool = True

    def do(self, *words: int | str) -> int:
        """The first number of the answer; the others must be right."""
        first, depth, high_water, head = self.core.do(*words)
        mail = self.queues[0]
        assert depth == sum(n for _, n in (*mail.pushed, *mail.taken))
        self.high_water = max(self.high_water, depth)
        assert high_water == self.high_water
        assert mail.pushed or head == (IDLE if self.is_at_rest else EMPTY)
        return first

    def push(self, which: int, n: int) -> None:
        queue, woke = self.queues[which], which == 0 and self.is_at_rest
        queue.pushed.append((queue.made, 0 if which else n))
        queue.made += 1
        if not which:
            self.is_at_rest = False
        assert self.do("push", which, queue.made - 1, 0 if which else n) == woke

    def take(self, which: int) -> None:
        queue = self.queues[which]
        if self.turning or queue.taken:
            return
        took = bool(queue.pushed)
        queue.taken, queue.pushed = queue.pushed, deque()
        self.turning = len(queue.taken) if len(queue.taken) > 1 else 0
        assert self.do("take", which) == took

    def reverse(self, steps: int) -> None:
        self.turning = max(0, self.turning - steps)
        assert self.do("reverse", steps) == (self.turning == 0)

    def pop(self, which: int) -> None:
        queue = self.queues[which]
        if queue.taken and not self.turning:
            number, _ = queue.taken.popleft()
            assert self.do("pop", which) == number

    def rest(self) -> None:
        mail = self.queues[0]
        if not mail.pushed and not mail.taken:
            was_at_rest, self.is_at_rest = self.is_at_rest, True
            assert self.do("rest") == (not was_at_rest)


MAIL_STEPS: Final = st.lists(
    st.tuples(
        st.sampled_from(["push", "push", "take", "reverse", "pop", "pop", "rest"]),
        st.integers(0, 1),
        st.integers(0, 30),
    ),
    max_size=150,
)


@LAWS
@given(steps=MAIL_STEPS)
def test_letters_come_out_once_and_in_order_and_the_depth_is_right_at_every_step(
    program: Path, steps: list[tuple[str, int, int]]
) -> None:
    with a_core(program) as core:
        mailbox = Mailbox(core)
        for kind, which, n in steps:
            match kind:
                case "push":
                    mailbox.push(which, n)
                case "take":
                    mailbox.take(which)
                case "reverse":
                    mailbox.reverse(n % 5)
                case "pop":
                    mailbox.pop(which)
                case "rest":
                    mailbox.rest()


# ---- run queue


@dataclass(slots=True)
class Turns:
    """Who is in which queue. The overflow is a set: a slot that is there twice is there once."""

    core: Core
    rings: tuple[deque[int], deque[int]] = field(default_factory=lambda: (deque(), deque()))
    run_slots: list[int | None] = field(default_factory=lambda: [None, None])
    overflow: set[int] = field(default_factory=set)
    refill_from: list[int] = field(default_factory=lambda: [0, 0])

    def do(self, *words: int | str) -> int:
        """An entry, 1 + slot, or 0."""
        entry, has_any = self.core.do(*words)
        assert has_any == bool(self.rings[0] or self.rings[1] or self.overflow)
        return entry

    def put(self, worker: int, slot: int) -> None:
        if len(self.rings[worker]) < RING - REFILL:
            self.rings[worker].append(slot)
        else:
            self.overflow.add(slot)

    def append(self, worker: int, slot: int, many: int) -> None:
        for i in range(many):
            self.put(worker, slot + i)
            self.do("append", worker, slot + i)

    def wake(self, worker: int, slot: int) -> None:
        """To the run slot, whose actor goes to the ring, or to the ring itself: that is the core's choice."""
        entry, _ = self.core.do("wake", worker, slot)
        before = self.run_slots[worker]
        if entry == slot + 1:
            self.run_slots[worker] = slot
            if before is not None:
                self.put(worker, before)
        else:
            assert entry == (0 if before is None else before + 1)
            self.put(worker, slot)

    def overflows(self, slot: int) -> None:
        self.overflow.add(slot)
        self.do("overflow", 0, slot)

    def ring(self, worker: int) -> None:
        ring = self.rings[worker]
        expected = ring.popleft() + 1 if ring else 0
        assert self.do("ring", worker) == expected

    def slot(self, worker: int) -> None:
        slot, self.run_slots[worker] = self.run_slots[worker], None
        assert self.do("slot", worker) == (0 if slot is None else slot + 1)

    def refill(self, worker: int) -> None:
        """Word after word of 64 slots comes, in order and going round, until there are enough or no room is left."""
        taken = words = 0
        while self.overflow and words < REFILL_WORDS and taken < REFILL // 2:
            if RING - len(self.rings[worker]) < REFILL:
                break
            waiting = sorted({slot // 64 for slot in self.overflow})
            word = next((index for index in waiting if index >= self.refill_from[worker]), waiting[0])
            slots = sorted(slot for slot in self.overflow if slot // 64 == word)
            self.overflow -= set(slots)
            self.rings[worker].extend(slots)
            self.refill_from[worker] = word + 1
            taken += len(slots)
            words += 1
        assert self.do("refill", worker) == (taken > 0)

    def steal(self, worker: int) -> None:
        mine, victim = self.rings[worker], self.rings[1 - worker]
        half = min((len(victim) + 1) // 2, STEAL_AT_MOST)
        taken = [victim.popleft() for _ in range(half)]
        for slot in taken[1:]:
            self.put(worker, slot)
        assert len(mine) <= RING
        entry = self.do("steal", worker)
        run_slot = self.run_slots[1 - worker]
        if taken:
            assert entry == taken[0] + 1
        else:  # perhaps the run slot, when it was seen before: it stays there, a hint
            assert entry in ({0} if run_slot is None else {0, run_slot + 1})

    def drain(self) -> None:
        """All that is still queued comes out."""
        for worker in (0, 1):
            self.slot(worker)
            while self.rings[worker]:
                self.ring(worker)
        while self.overflow:
            self.refill(0)
            while self.rings[0]:
                self.ring(0)


SLOTS: Final = st.one_of(
    st.integers(0, 200),
    st.builds(lambda bits: sum(64**level << 1 for level in bits), st.sets(st.integers(0, 3))),
    st.integers(0, (1 << 24) - 2000),
)
TURN_STEPS: Final = st.lists(
    st.tuples(
        st.sampled_from(
            ["append", "append", "many", "wake", "overflow", "overflow", "ring", "slot", "refill", "steal"]
        ),
        WORKERS,
        SLOTS,
    ),
    max_size=60,
)


@LAWS
@given(steps=TURN_STEPS)
def test_every_queued_slot_is_found_again_in_its_turn(program: Path, steps: list[tuple[str, int, int]]) -> None:
    with a_core(program) as core:
        turns = Turns(core)
        for kind, worker, slot in steps:
            match kind:
                case "append":
                    turns.append(worker, slot, 1)
                case "many":
                    turns.append(worker, slot, 300)
                case "wake":
                    turns.wake(worker, slot)
                case "overflow":
                    turns.overflows(slot)
                case "ring":
                    turns.ring(worker)
                case "slot":
                    turns.slot(worker)
                case "refill":
                    turns.refill(worker)
                case "steal":
                    turns.steal(worker)
        turns.drain()
        assert not turns.overflow
        assert core.do("refill", 1)[0] == 0
