"""The whole program: which functions are needed, the descriptors of actors and handlers, the entry `hew_program_info`.

Functions are written when somebody calls them, the actors' handlers always. Calls over which a function
can come back to itself are preceded by a poll.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from hew.abi import HEW_ABI
from hew.compiler import types as t
from hew.compiler.codegen.control import LOOPS
from hew.compiler.codegen.drops import Drops
from hew.compiler.codegen.functions import write_function, write_handler
from hew.compiler.codegen.layout import Layout, Layouts
from hew.compiler.codegen.statements import statement
from hew.compiler.walk import nodes

if TYPE_CHECKING:
    from hew.compiler import checked as c
    from hew.compiler.codegen.module import Module
    from hew.compiler.codegen.writer import Writer

HANDLER_STRUCT: Final = "{ ptr, ptr, ptr, ptr, i32, i32, i32, i32 }"
ACTOR_STRUCT: Final = "{ ptr, ptr, ptr, i32, i32, i32, i32, ptr }"
HANDLER_INIT: Final = 1
HANDLER_BYTES: Final = 48
INLINED_LINES: Final = 90  # a longer function stays one: LLVM would copy any into its only caller, and main grows large

_POLL: Final = """define internal void @poll() alwaysinline uwtable {
  %flag = load volatile i32, ptr @hew_self
  %asked = icmp ne i32 %flag, 0
  br i1 %asked, label %yield, label %on, !prof !8
yield:
  call void @hew_safepoint(ptr @hew_self)
  br label %on
on:
  ret void
}"""


class ActorKind(NamedTuple):
    """An actor's descriptor and the layout of its fields."""

    name: str
    fields: Layout


class ProgramWriter:
    """Writes all functions of one program into a module."""

    statement = staticmethod(statement)

    def __init__(self, module: Module, program: c.CheckedProgram) -> None:
        self.module = module
        self.layouts = Layouts(module)
        self.drops = Drops(module, self.layouts)
        self._program = program
        self._names: dict[c.Function, str] = {}
        self._wanted: list[c.Function] = []
        self._written: list[tuple[c.Function | None, Writer, str]] = []
        self._actors: dict[c.Actor, ActorKind] = {}

    def write(self) -> str:
        """The text of the module."""
        for actor in self._program.actors:
            self.actor(actor)
        for actor in self._program.actors:
            self._actor(actor)
        self._entry()
        while self._wanted:
            function = self._wanted.pop()
            writer, header = write_function(self, function, self._names[function], self._fields_of(function))
            self._written.append((function, writer, header))
        self._finish()
        return self.module.text()

    # ---- asked for while functions are written

    def request(self, function: c.Function) -> str:
        """The name of a function; it will be written."""
        name = self._names.get(function)
        if name is None:
            name = self._names[function] = f'@"f.{function.symbol}"'
            self._wanted.append(function)
        return name

    def actor(self, actor: c.Actor) -> ActorKind:
        """Descriptor and fields of an actor."""
        kind = self._actors.get(actor)
        if kind is None:
            fields = self.layouts.of(t.TupleType(tuple(field.type for field in actor.fields)))
            kind = self._actors[actor] = ActorKind(f'@"actor.{actor.name}"', fields)
        return kind

    def handler(self, handler: c.Handler) -> str:
        """The address of a handler's descriptor."""
        base = f'@"handlers.{handler.actor.name}"'
        return f"getelementptr (i8, ptr {base}, i64 {handler.index * HANDLER_BYTES})"

    def use_poll(self) -> None:
        self.module.core("hew_safepoint")
        self.module.helper("poll", _POLL)

    # ---- actors

    def _fields_of(self, function: c.Function) -> Layout | None:
        return None if function.actor is None else self._actors[function.actor].fields

    def _actor(self, actor: c.Actor) -> None:
        rows = [self._handler_row(handler, 0) for handler in actor.handlers]
        if actor.init is not None:
            rows.append(self._handler_row(actor.init, HANDLER_INIT))
        fields = [(field.name, field.type) for field in actor.fields]
        record = self.layouts.record_descriptor(actor.name, fields)[0] if fields else "null"
        self._actor_constant(self._actors[actor].name, actor.name, record, rows, actor)

    def _handler_row(self, handler: c.Handler, flags: int) -> str:
        function = handler.function
        name = f'@"h.{function.symbol}"'
        self._written.append((None, *write_handler(self, function, name, self._fields_of(function))))
        parts = tuple(param.type for param in handler.params)
        args = self.layouts.tuple_descriptor(parts) if parts else "null"
        reply = "null" if isinstance(handler.result, t.UnitType) else self.layouts.descriptor(handler.result)
        line, column = self.module.position(function.span)
        return (
            f"{HANDLER_STRUCT} {{ ptr {self.module.c_string(handler.name)}, ptr {name}, ptr {args}, ptr {reply}, "
            f"i32 {handler.index}, i32 {flags}, i32 {line}, i32 {column} }}"
        )

    def _actor_constant(self, name: str, shown: str, fields: str, rows: list[str], actor: c.Actor | None) -> None:
        span = self._program.main.span if actor is None else actor.span
        line = self.module.position(span)[0]
        array = f'@"handlers.{shown}"'
        number = 0 if actor is None else actor.type.index
        mailbox = 0 if actor is None else actor.mailbox or 0
        self.module.globals += [
            f"{array} = internal constant [{len(rows)} x {HANDLER_STRUCT}] [{', '.join(rows)}]",
            f"{name} = internal constant {ACTOR_STRUCT} {{ ptr {self.module.c_string(shown)}, ptr {fields}, "
            f"ptr {array}, i32 {len(rows)}, i32 {mailbox}, i32 {number}, i32 {line}, "
            f"ptr {self.module.c_string(self.module.file)} }}",
        ]

    def _entry(self) -> None:
        main = self._program.main
        writer, header = write_handler(self, main, "@h.main", None)
        if not any(isinstance(node, LOOPS) for node in nodes(main.body)):
            header += " noinline optnone"  # runs once, straight on: not worth the time to make it fast
        self._written.append((None, writer, header))
        line, column = self.module.position(main.span)
        row = (
            f"{HANDLER_STRUCT} {{ ptr {self.module.c_string('main')}, ptr @h.main, ptr null, ptr null, "
            f"i32 0, i32 {HANDLER_INIT}, i32 {line}, i32 {column} }}"  # its start is no message of the program
        )
        self._actor_constant("@actor.main", "main", "null", [row], None)
        actors = self._program.actors
        table = "null"
        if actors:
            table = "@actors"
            items = ", ".join(f"ptr {self._actors[actor].name}" for actor in actors)
            self.module.globals.append(f"@actors = internal constant [{len(actors)} x ptr] [{items}]")
        self.module.globals.append(
            f"@hew_program_info = constant {{ i32, i32, ptr, ptr, ptr }} {{ i32 {HEW_ABI}, i32 {len(actors)}, "
            f"ptr {table}, ptr @actor.main, ptr {self.module.c_string(self.module.file)} }}"
        )

    # ---- the end

    def _finish(self) -> None:
        groups = _recursive({function: writer.callees for function, writer, _ in self._written if function is not None})
        for function, writer, header in self._written:
            recursive = groups.get(function, frozenset()) if function is not None else frozenset()
            if len(writer.lines) > INLINED_LINES and "noinline" not in header:
                header += " noinline"
            text, polls = writer.finish(header, recursive=recursive)
            if polls:
                self.use_poll()
            self.module.functions.append(text)


def _recursive(calls: dict[c.Function, set[c.Function]]) -> dict[c.Function, frozenset[c.Function]]:
    """For each function that can call itself, those on the ways from it to itself: Tarjan's algorithm, in a loop."""
    found: dict[c.Function, frozenset[c.Function]] = {}
    number: dict[c.Function, int] = {}
    low: dict[c.Function, int] = {}
    stack: list[c.Function] = []
    on_stack: set[c.Function] = set()
    for root in calls:
        if root in number:
            continue
        work = [(root, iter(calls[root]))]
        number[root] = low[root] = len(number)
        stack.append(root)
        on_stack.add(root)
        while work:
            function, rest = work[-1]
            callee = next(rest, None)
            if callee is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[function])
                if low[function] == number[function]:
                    group = frozenset(stack[stack.index(function) :])
                    del stack[-len(group) :]
                    on_stack -= group
                    if len(group) > 1 or function in calls[function]:
                        found |= dict.fromkeys(group, group)
            elif callee not in number:
                number[callee] = low[callee] = len(number)
                stack.append(callee)
                on_stack.add(callee)
                work.append((callee, iter(calls.get(callee, ()))))
            elif callee in on_stack:
                low[function] = min(low[function], number[callee])
    return found
