"""One function being written: blocks, calls, slots, and the single landing pad that drops what the function owns.

A value is owned (+1), or borrowed from a local, from an actor's field, or from the heap; borrowed ones
are good only until something may change their source. An owned value that must outlive a call that can
trap sits in a slot: a stack place, zeroed at entry and after each move, which the landing pad drops.
Code that cannot be reached is not written: `emit` is silent until a label that somebody branches to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hew.abi import CORE_FUNCTIONS
from hew.compiler import types as t

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from hew.compiler import checked as c
    from hew.compiler.codegen.drops import Drops
    from hew.compiler.codegen.layout import Layouts
    from hew.compiler.codegen.module import Module
    from hew.compiler.source import Span
    from hew.compiler.types import Type

BOX_DATA: Final = 32  # offset of the item of a box

# How a value is held.
FREE: Final = 0  # nothing to count: flat, or a constant of the program
LOCAL: Final = 1  # borrowed from a local or parameter
FIELD: Final = 2  # borrowed from a field of the running actor
HEAP: Final = 3  # borrowed from an element of a Vec
OWNED: Final = 4

SELF: Final = "ptr @hew_self"
NOMERGE: Final = " nomerge"  # of a call on whose place a trap's report depends: never made one with an equal call
IN_REGISTERS: Final = 200  # slots times calls that may unwind, up to which slots are values of LLVM


@dataclass(slots=True, eq=False)
class Slot:
    """A place on the stack. `name` is its address."""

    name: str
    type: Type


@dataclass(slots=True, eq=False)
class Value:
    """What an expression gave. `slot`: where an owned value waits."""

    ssa: str
    type: Type
    holder: int = FREE
    slot: Slot | None = None


@dataclass(slots=True, eq=False)
class PollMark:
    """A place before a call, where a poll is wanted if the callee can come back to this function.

    The text that stands there with a poll, and without.
    """

    callee: c.Function
    polled: str
    plain: str


@dataclass(slots=True, eq=False)
class LoopFrame:
    """Where `break` and `continue` go, and how many live slots there are outside the loop."""

    exit: str
    again: str
    depth: int
    result: Slot | None = None


class Emitter:
    """Writes one LLVM function."""

    def __init__(self, module: Module, layouts: Layouts, drops: Drops, function_name: str) -> None:
        self.module = module
        self.layouts = layouts
        self.drops = drops
        self.function_name = function_name  # as traps print it
        self.lines: list[str | PollMark] = []
        self.allocas: list[str] = []
        self.block = "entry"
        self.alive = True
        self.locals: dict[c.Local, Value | Slot] = {}
        self.loops: dict[c.AnyLoop, LoopFrame] = {}
        self.live: list[Slot] = []  # managed slots that may hold something here, oldest first
        self._managed: list[Slot] = []
        self._free: dict[Type, list[Slot]] = {}
        self._targets: set[str] = set()
        self._count = 0
        self._has_landing_pad = False
        self._invokes = 0
        self._has_unreachable = False
        self.scope = ""  # of the debug information; empty: the code counts as its caller's
        self.span: Span | None = None  # what is being written, as the debug information tells

    # ---- text

    def emit(self, line: str) -> None:
        if self.alive:
            self.lines.append(line + self.place())

    def place(self) -> str:
        """What follows an instruction: where in the source it comes from."""
        if not self.scope or self.span is None:
            return ""
        return self.module.debug.place(self.scope, self.span.start)

    def fresh(self) -> str:
        self._count += 1
        return f"%x{self._count}"

    def let(self, text: str) -> str:
        """An instruction with a result; its name."""
        self._count += 1
        name = f"%x{self._count}"
        if self.alive:
            self.lines.append(f"{name} = {text}{self.place()}")
        return name

    def new_label(self, hint: str = "b") -> str:
        self._count += 1
        return f"{hint}{self._count}"

    def label(self, name: str) -> None:
        """Begin a block; the one before must have ended. Without a branch to it, what follows is dead."""
        self.alive = name in self._targets
        if self.alive:
            self.block = name
            self.lines.append(f"{name}:")

    def branch(self, target: str) -> None:
        if self.alive:
            self._targets.add(target)
            self.lines.append(f"br label %{target}{self.place()}")
            self.alive = False

    def branch_if(self, condition: str, yes: str, no: str, *, likely: bool | None = None) -> None:
        if self.alive:
            self._targets.update((yes, no))
            weights = "" if likely is None else f", !prof !{7 if likely else 8}"
            self.lines.append(f"br i1 {condition}, label %{yes}, label %{no}{weights}{self.place()}")
            self.alive = False

    def end(self, line: str) -> None:
        """A terminator without successors here."""
        self.emit(line)
        self.alive = False

    # ---- calls

    def call(
        self, callee: str, result: str, args: str, *, unwinds: bool = True, kind: str = "call", attributes: str = ""
    ) -> str:
        """A call; an invoke where the function owns something and the callee may end it. Gives the result's name."""
        name = ""
        assign = ""
        if result != "void":
            name = self.fresh()
            assign = f"{name} = "
        what = f"{result} {callee}({args}){attributes}"
        if unwinds and self.live and self.alive:
            self._has_landing_pad = True
            self._invokes += 1
            ok = self.new_label("ok")
            self.emit(f"{assign}invoke {what} to label %{ok} unwind label %unwind")
            self._targets.add(ok)
            self.label(ok)
        else:
            self.emit(f"{assign}{kind} {what}")
        return name

    def mark_call(self, callee: c.Function) -> None:
        """Before a call of a function of the program."""
        if not self.alive:
            return
        place = self.place()
        if not self.live:
            self.lines.append(PollMark(callee, f"call void @poll(){place}", ""))
            return
        after = self.new_label("ok")
        invoke = f"invoke void @poll() to label %{after} unwind label %unwind{place}"
        self.lines.append(PollMark(callee, invoke, f"br label %{after}{place}"))
        self._targets.add(after)
        self.label(after)

    def core(self, name: str, args: str) -> str:
        """A call of the core; the worker is passed by the caller among `args`."""
        function = CORE_FUNCTIONS[name]
        attributes = NOMERGE if function.may_unwind else ""
        callee = self.module.core(name)
        return self.call(callee, function.result, args, unwinds=function.may_unwind, attributes=attributes)

    def never_returns(self, name: str, args: str) -> None:
        """A call of the core that does not come back."""
        if not self.alive:
            return
        callee = self.module.core(name)
        if self.live:
            self._has_landing_pad = self._has_unreachable = True
            self.end(f"invoke void {callee}({args}){NOMERGE} to label %unreachable unwind label %unwind")
        else:
            self.emit(f"call void {callee}({args}){NOMERGE}")
            self.end("unreachable")

    def location(self, span: Span) -> str:
        """A pointer argument: the hew_loc of the span."""
        return f"ptr {self.module.location(self.function_name, span)}"

    def trap_unless(self, condition: str, text: str, span: Span) -> None:
        """Trap with a constant text where the condition is false."""
        ok, bad = self.new_label(), self.new_label("trap")
        self.branch_if(condition, ok, bad, likely=True)
        self.label(bad)
        self.trap(text, span)
        self.label(ok)

    def trap(self, text: str, span: Span) -> None:
        self.never_returns("hew_trap", f"{SELF}, ptr {self.module.c_string(text)}, {self.location(span)}")

    # ---- values and memory

    def register(self, type_: Type) -> str:
        return self.layouts.of(type_).register

    def typed(self, value: Value) -> str:
        """The value as an argument: type and name."""
        return f"{self.layouts.of(value.type).register} {value.ssa}"

    def to_memory(self, type_: Type, ssa: str) -> str:
        """The value as memory has it, typed."""
        layout = self.layouts.of(type_)
        if layout.memory != layout.register:
            return f"i8 {self.let(f'zext i1 {ssa} to i8')}"
        return f"{layout.memory} {ssa}"

    def from_memory(self, type_: Type, ssa: str) -> str:
        layout = self.layouts.of(type_)
        if layout.memory != layout.register:
            return self.let(f"trunc i8 {ssa} to i1")
        return ssa

    def load(self, type_: Type, address: str, kind: str = "") -> str:
        memory = self.layouts.of(type_).memory
        return self.from_memory(type_, self.let(f"load {memory}, ptr {address}{kind}"))

    def store(self, type_: Type, ssa: str, address: str, kind: str = "") -> None:
        self.emit(f"store {self.to_memory(type_, ssa)}, ptr {address}{kind}")

    def member(self, type_: Type, ssa: str, index: int) -> str:
        """A part of an aggregate value; what is in a box is read from there."""
        layout = self.layouts.of(type_)
        part = layout.parts[index]
        found = self.from_memory(part, self.let(f"extractvalue {layout.register} {ssa}, {layout.path(index)}"))
        if not isinstance(part, t.BoxType):
            return found
        return self.load(part.item, self.let(f"getelementptr inbounds i8, ptr {found}, i64 {BOX_DATA}"))

    def aggregate(self, type_: Type, parts: Sequence[tuple[int, str]]) -> str:
        """A new aggregate with the given parts, the others zero."""
        layout = self.layouts.of(type_)
        value = "zeroinitializer"
        for index, part in parts:
            item = self.to_memory(layout.parts[index], part)
            value = self.let(f"insertvalue {layout.register} {value}, {item}, {layout.path(index)}")
        return value

    def alloca(self, memory: str) -> str:
        """A scratch place in the entry block."""
        name = self.fresh()
        self.allocas.append(f"{name} = alloca {memory}")
        return name

    def spill(self, type_: Type, ssa: str) -> str:
        """The address of a copy of the value, to be given to the core."""
        address = self.alloca(self.layouts.of(type_).memory)
        self.store(type_, ssa, address)
        return address

    def descriptor(self, type_: Type) -> str:
        return f"ptr {self.layouts.descriptor(type_)}"

    # ---- slots

    def new_slot(self, type_: Type) -> Slot:
        """A place for a value; a managed one is live from here until it is released."""
        managed = self.layouts.managed(type_)
        if managed and (pool := self._free.get(type_)):
            slot = pool.pop()
        else:
            slot = Slot(self.alloca(self.layouts.of(type_).memory), type_)
            if managed:
                self._managed.append(slot)
        if managed:
            self.live.append(slot)
        return slot

    def release(self, slot: Slot) -> None:
        """The slot holds nothing any more, on no path."""
        if self.layouts.managed(slot.type):
            self.live.remove(slot)
            self._free.setdefault(slot.type, []).append(slot)

    def clear(self, slot: Slot) -> None:
        self.emit(f"store {self.layouts.of(slot.type).memory} zeroinitializer, ptr {slot.name}")

    def drop_slot(self, slot: Slot) -> None:
        """Drop what it holds and zero it; it stays live."""
        value = self.load(slot.type, slot.name)
        self.clear(slot)
        self.drop_ssa(slot.type, value)

    def drop_slots_from(self, depth: int) -> None:
        """Before a jump out of scopes: drop what was made since `depth`; other paths still need the slots."""
        for slot in reversed(self.live[depth:]):
            self.drop_slot(slot)

    # ---- ownership

    def retain_ssa(self, type_: Type, ssa: str) -> None:
        if self.layouts.managed(type_) and self.alive:
            self.emit(f"call void {self.drops.retain(type_)}({self.register(type_)} {ssa})")

    def drop_ssa(self, type_: Type, ssa: str) -> None:
        if self.layouts.managed(type_) and self.alive:
            self.emit(f"call void {self.drops.drop(type_)}({self.register(type_)} {ssa})")

    def make_owned(self, value: Value) -> None:
        """Retain a borrowed value."""
        if value.holder in (LOCAL, FIELD, HEAP):
            self.retain_ssa(value.type, value.ssa)
            value.holder = OWNED

    def hold(self, value: Value) -> None:
        """Keep an owned value where the landing pad finds it."""
        if value.holder == OWNED and value.slot is None:
            value.slot = self.new_slot(value.type)
            self.store(value.type, value.ssa, value.slot.name)

    def take(self, value: Value) -> str:
        """The value, owned by whoever gets it."""
        self.make_owned(value)
        if value.slot is not None:
            self.clear(value.slot)
            self.release(value.slot)
            value.slot = None
        value.holder = FREE
        return value.ssa

    def discard(self, value: Value) -> None:
        """Done with the value: drop it if it is owned."""
        if value.holder == OWNED:
            self.drop_ssa(value.type, self.take(value))

    # ---- the function

    def finish(self, header: str, *, recursive: Collection[c.Function]) -> tuple[str, bool]:
        """The whole function, and whether it polls before calls. `header`: everything before the brace;
        `recursive`: the functions that call this one, directly or over others, and are called by it."""
        personality = " personality ptr @__gcc_personality_v0" if self._has_landing_pad else ""
        zero = [f"store {self.layouts.of(s.type).memory} zeroinitializer, ptr {s.name}" for s in self._managed]
        body, polls = self._resolve_polls(recursive)
        scope = f" !dbg {self.scope}" if self.scope else ""
        text = [f"{header}{personality}{scope} {{", "entry:", *self.allocas, *zero, *body]
        if self._has_landing_pad:
            text += self._landing_pad()
        if self._has_unreachable:
            text += ["unreachable:", "unreachable"]
        return "\n".join([*text, "}"]), polls

    def _resolve_polls(self, recursive: Collection[c.Function]) -> tuple[list[str], bool]:
        """One poll in a row of blocks that follow on each other is enough: recursion passes through it."""
        text: list[str] = []
        polled = polls = False
        for line in self.lines:
            if isinstance(line, PollMark):
                wanted = not polled and line.callee in recursive
                polled = polled or wanted
                polls = polls or wanted
                text.append(line.polled if wanted else line.plain)
            else:
                if line.endswith(":") and not line.startswith("ok"):
                    polled = False
                text.append(line)
        return text, polls

    def _landing_pad(self) -> list[str]:
        """Drops what all slots hold. In a large function their addresses are given away, so that they stay in memory:
        in registers, each call would carry a copy of every one to this place."""
        self.alive = True
        self.span = None
        self.lines = ["unwind:"]
        self.module.helper("personality", "declare i32 @__gcc_personality_v0(...)")
        exception = self.let("landingpad { ptr, i32 } cleanup")
        in_memory = len(self._managed) * self._invokes > IN_REGISTERS
        for slot in self._managed:
            if in_memory:
                self.emit(f"call void {self.drops.drop_at(slot.type)}(ptr {slot.name})")
            else:
                self.drop_ssa(slot.type, self.load(slot.type, slot.name))
        self.emit(f"resume {{ ptr, i32 }} {exception}")
        return [line for line in self.lines if isinstance(line, str)]


def is_unit(type_: Type) -> bool:
    return isinstance(type_, t.UnitType)


def result_register(layouts: Layouts, type_: Type) -> str:
    """LLVM type of a function's result: nothing for a unit."""
    return "void" if isinstance(type_, t.UnitType | t.NeverType) else layouts.of(type_).register
