"""Reference counts: a small function per type that takes a value, and retains or drops what it holds.

Strings, Vecs, boxes and futures are counted; aggregates pass it on to their parts, enums to those of the variant in
force. The null pointer is no reference, so a zeroed value may be dropped. None of these functions can trap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hew.compiler import types as t
from hew.compiler.codegen.layout import payload_index
from hew.compiler.codegen.module import HEADER, PROBED

if TYPE_CHECKING:
    from collections.abc import Callable

    from hew.compiler.codegen.layout import Layout, Layouts
    from hew.compiler.codegen.module import Module
    from hew.compiler.types import Type

_STRING_RETAIN = f"""define internal void @retain.string(ptr %v) nounwind uwtable {{
  %null = icmp eq ptr %v, null
  br i1 %null, label %done, label %some
some:
  %rc = load i32, ptr %v{HEADER}
  %mortal = icmp sge i32 %rc, 0
  br i1 %mortal, label %count, label %done
count:
  %more = add i32 %rc, 1
  store i32 %more, ptr %v{HEADER}
  br label %done
done:
  ret void
}}"""

_VEC_RETAIN = f"""define internal void @retain.vec(ptr %v) nounwind uwtable {{
  %null = icmp eq ptr %v, null
  br i1 %null, label %done, label %some
some:
  %rc = load i32, ptr %v{HEADER}
  %more = add i32 %rc, 1
  store i32 %more, ptr %v{HEADER}
  br label %done
done:
  ret void
}}"""


def _counted_drop(name: str, free: str) -> str:
    """A constant of the program has a negative count, which `slt 1` would free: it is left alone first."""
    return f"""define internal void {name}(ptr %v) nounwind uwtable {{
  %null = icmp eq ptr %v, null
  br i1 %null, label %done, label %some
some:
  %rc = load i32, ptr %v{HEADER}
  %mortal = icmp sge i32 %rc, 0
  br i1 %mortal, label %count, label %done
count:
  %less = add i32 %rc, -1
  store i32 %less, ptr %v{HEADER}
  %last = icmp eq i32 %less, 0
  br i1 %last, label %free, label %done
free:
  {free}
  br label %done
done:
  ret void
}}"""


class Drops:
    """Makes the functions, each on first use."""

    def __init__(self, module: Module, layouts: Layouts) -> None:
        self._module = module
        self._layouts = layouts
        self._made: dict[tuple[str, Type], str] = {}

    def retain(self, type_: Type) -> str:
        """Name of the function that takes one more reference of all a value holds."""
        return self._function("retain", type_, self._make_retain)

    def drop(self, type_: Type) -> str:
        """Name of the function that gives up a value."""
        return self._function("drop", type_, self._make_drop)

    def drop_at(self, type_: Type) -> str:
        """Name of the function that drops what is at an address; for landing pads."""
        return self._function("drop_at", type_, self._make_drop_at)

    def _make_drop_at(self, type_: Type) -> str:
        name = self._module.fresh("drop_at")
        register = self._layouts.of(type_).register
        self._module.functions.append(
            f"define internal void {name}(ptr %at) noinline cold nounwind uwtable {{\n"
            f"  %v = load {register}, ptr %at\n  call void {self.drop(type_)}({register} %v)\n  ret void\n}}"
        )
        return name

    def _function(self, verb: str, type_: Type, make: Callable[[Type], str]) -> str:
        name = self._made.get((verb, type_))
        if name is None:
            name = self._made[verb, type_] = make(type_)
        return name

    def _make_retain(self, type_: Type) -> str:
        match type_:
            case t.StringType():
                self._module.functions.append(_STRING_RETAIN)
                return "@retain.string"
            case t.VecType() | t.BoxType():
                return self._once("@retain.vec", _VEC_RETAIN)
            case t.FutureType():
                return self._by_the_core("retain", type_)
            case _:
                return self._walk("retain", type_, self.retain)

    def _make_drop(self, type_: Type) -> str:
        match type_:
            case t.StringType():
                free = f"call void {self._module.core('hew_string_free')}(ptr @hew_self, ptr %v)"
                self._module.functions.append(_counted_drop("@drop.string", free))
                return "@drop.string"
            case t.VecType(item=item) | t.BoxType(item=item):
                name = self._module.fresh("drop")
                elem = self._layouts.descriptor(item)
                free = f"call void {self._module.core('hew_vec_free')}(ptr @hew_self, ptr {elem}, ptr %v)"
                self._module.functions.append(_counted_drop(name, free))
                return name
            case t.FutureType():
                drop = self._module.core("hew_future_drop")
                return self._once(
                    "@drop.future",
                    "define internal void @drop.future(ptr %v) nounwind uwtable {\n"
                    "  %null = icmp eq ptr %v, null\n  br i1 %null, label %done, label %some\n"
                    f"some:\n  call void {drop}(ptr @hew_self, ptr %v)\n  br label %done\n"
                    "done:\n  ret void\n}",
                )
            case _:
                return self._walk("drop", type_, self.drop)

    def _once(self, name: str, text: str) -> str:
        if text not in self._module.functions:
            self._module.functions.append(text)
        return name

    def _by_the_core(self, verb: str, type_: Type) -> str:
        """A function that leaves it to the core, which walks the value in memory."""
        name = self._module.fresh(verb)
        core, kind = self._module.core(f"hew_{verb}"), self._layouts.descriptor(type_)
        register = self._layouts.of(type_).register
        self._module.functions.append(
            f"define internal void {name}({register} %v) nounwind uwtable {PROBED} {{\n  %at = alloca {register}\n"
            f"  store {register} %v, ptr %at\n  call void {core}(ptr @hew_self, ptr {kind}, ptr %at)\n  ret void\n}}"
        )
        return name

    def _walk(self, verb: str, type_: Type, inner: Callable[[Type], str]) -> str:
        layout = self._layouts.of(type_)
        if layout.wrapped:
            return self._by_the_core(verb, type_)
        name = self._module.fresh(verb)
        lines = [f"define internal void {name}({layout.register} %v) nounwind uwtable {PROBED} {{"]
        if isinstance(type_, t.EnumType):
            lines += self._enum(type_, layout, inner)
        else:
            for index, part in enumerate(layout.parts):
                lines += self._part(layout, index, part, inner)
            lines.append("  ret void")
        self._module.functions.append("\n".join([*lines, "}"]))
        return name

    def _enum(self, enum: t.EnumType, whole: Layout, inner: Callable[[Type], str]) -> list[str]:
        lines: list[str] = []
        cases: list[str] = []
        for number, variant in enumerate(enum.variants):
            first = payload_index(enum, number)
            body = [
                line
                for index in range(first, first + len(variant.payload))
                for line in self._part(whole, index, whole.parts[index], inner)
            ]
            if body:
                cases.append(f"i8 {number}, label %v{number}")
                lines += [f"v{number}:", *body, "  br label %done"]
        tag = f"  %tag = extractvalue {whole.register} %v, {whole.path(0)}"
        head = [tag, f"  switch i8 %tag, label %done [ {' '.join(cases)} ]"]
        return [*head, *lines, "done:", "  ret void"]

    def _part(self, whole: Layout, index: int, part: Type, inner: Callable[[Type], str]) -> list[str]:
        layout = self._layouts.of(part)
        if not layout.managed:
            return []
        value = f"%p{index}"
        return [
            f"  {value} = extractvalue {whole.register} %v, {whole.path(index)}",
            f"  call void {inner(part)}({layout.register} {value})",
        ]
