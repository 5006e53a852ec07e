"""Every nesting of the composite types, and a program that does with each all that a value can do.

A value of a type is printed, compared, cloned, matched, returned, sent, kept in an actor's field and in a Vec, and
given back; what must come out of it is known from `tests.support.model`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any, Final

from tests.support.model import BOOL, INT, STR, Ty, equal, option, ordered, show

KINDS: Final = ("opt", "ok", "err", "vec", "tup", "rec", "list", "tree")


def wrapped(kind: str, inner: Ty) -> Ty:
    """A composite type around another."""
    match kind:
        case "opt":
            return option(inner)
        case "ok":
            return Ty("res", (inner, STR))
        case "err":
            return Ty("res", (INT, inner))
        case "vec":
            return Ty("vec", (inner,))
        case "tup":
            return Ty("tup", (inner, BOOL))
        case "rec":
            fields = (STR, inner)
            return Ty("rec", fields, name=record_name(fields))
        case _:
            return _unrolled(kind, inner)


def _unrolled(kind: str, inner: Ty) -> Ty:
    """A record that holds itself, through an Option in front or in several ways behind, as deep as its values are."""
    name = f"{kind.title()}{record_name((inner,))}"
    held = Ty("end", name=name)
    for _ in range(2):
        more = (
            (option(held), inner) if kind == "list" else (inner, option(Ty("tup", (INT, held))), Ty("res", (held, STR)))
        )
        held = Ty("rec", more, name=name)
    return held


def record_name(fields: tuple[Ty, ...]) -> str:
    """One name for one list of fields."""
    letters = "".join(letter if letter.isalnum() else "_" for one in fields for letter in str(one))
    return f"R{letters}"


def nestings(depth: int) -> Iterator[Ty]:
    """All types of exactly this depth; at the innermost place a number and a text."""
    if depth == 0:
        yield from (INT, STR)
        return
    for inner in nestings(depth - 1):
        for kind in KINDS:
            yield wrapped(kind, inner)


def values(ty: Ty, fresh: Iterator[int]) -> list[Any]:
    """Some values of a type, of each of its forms at least one, all different."""
    match ty.kind:
        case "int":
            return [next(fresh), -next(fresh)]
        case "str":
            return [f"t{next(fresh)}", ""]
        case "bool":
            return [True, False]
        case "opt":
            return [*(("Some", one) for one in values(ty.args[0], fresh)), ("None",)]
        case "res":
            good, bad = (values(one, fresh)[:1] for one in ty.args)
            return [*(("Ok", one) for one in good), *(("Err", one) for one in bad)]
        case "end":
            return []
        case "vec":
            items = values(ty.args[0], fresh)
            return [items, items[:1], []]
        case _:
            parts = [values(one, fresh) for one in ty.args]
            if not all(parts):
                return []
            return [tuple(one[i % len(one)] for one in parts) for i in range(max(map(len, parts)))]


def literal(ty: Ty, value: Any) -> str:
    """The value as the language writes it."""
    match ty.kind:
        case "str":
            return f'"{value}"'
        case "bool":
            return str(value).lower()
        case "opt" | "res":
            return "".join((value[0], *(f"({literal(_payload(ty, value), one)})" for one in value[1:])))
        case "vec":
            return "[" + ", ".join(literal(ty.args[0], one) for one in value) + "]"
        case "tup":
            return "(" + ", ".join(literal(one, part) for one, part in zip(ty.args, value, strict=True)) + ")"
        case "rec":
            fields = (f"f{i}: {literal(one, part)}" for i, (one, part) in enumerate(zip(ty.args, value, strict=True)))
            return f"{ty.name} {{ {', '.join(fields)} }}"
        case _:
            return str(value)


def _payload(ty: Ty, value: Any) -> Ty:
    return ty.args[1] if value[0] == "Err" else ty.args[0]


def pattern(ty: Ty, value: Any, names: Iterator[int], bound: list[tuple[str, Ty, Any]]) -> str:
    """A pattern that takes the value apart, down to numbers, texts and Vecs, which it binds; Bools it names."""
    match ty.kind:
        case "bool":
            return str(value).lower()
        case "opt" | "res":
            inner = (pattern(_payload(ty, value), one, names, bound) for one in value[1:])
            return "".join((value[0], *(f"({one})" for one in inner)))
        case "tup":
            return f"({', '.join(pattern(one, part, names, bound) for one, part in _parts(ty, value))})"
        case "rec":
            fields = (f"f{i}: {pattern(*one, names, bound)}" for i, one in enumerate(_parts(ty, value)))
            return f"{ty.name} {{ {', '.join(fields)} }}"
        case _:
            name = f"b{next(names)}"
            bound.append((name, ty, value))
            return name


def _parts(ty: Ty, value: Any) -> list[tuple[Ty, Any]]:
    return list(zip(ty.args, value, strict=True))


def program(types: list[Ty]) -> tuple[str, str]:
    """The text of a program about the types, and what it prints."""
    records = {one.name: one for ty in types for one in _records(ty)}
    text = [_record(one) for one in records.values()]
    out: list[str] = []
    for number, ty in enumerate(types):
        text += [_function(number, ty, out), _actor(number, ty)]
    calls = "".join(f"    look{number}();\n" for number in range(len(types)))
    return "\n".join([*text, f"fn main() {{\n{calls}}}\n"]), "".join(f"{line}\n" for line in out)


def _records(ty: Ty) -> Iterator[Ty]:
    for one in ty.args:
        yield from _records(one)
    if ty.kind == "rec":
        yield ty


def _record(ty: Ty) -> str:
    return f"type {ty.name} {{ {' '.join(f'f{i}: {one};' for i, one in enumerate(ty.args))} }}"


def _actor(number: int, ty: Ty) -> str:
    return (
        f"actor Keeper{number} {{\n    let held: {ty};\n    let all: Vec<{ty}>;\n"
        f"    receive fn put(x: {ty}) -> {ty} {{ let was = held; held = x; all.push(x.clone()); was }}\n"
        f"    receive fn last() -> Option<{ty}> {{ if all.is_empty() {{ None }} else {{ Some(all.pop()) }} }}\n}}"
    )


def _function(number: int, ty: Ty, out: list[str]) -> str:
    """`look`, which does it all with each of the values; `out` gets the lines that it prints."""
    found = values(ty, count(1))
    lines = [f"fn same{number}(x: {ty}) -> {ty} {{ x }}", f"fn take{number}(x: {ty}) {{"]
    lines += [
        "    match x {",
        *(f"        {_arm(ty, one)}" for one in found),
        '        _ => println("other"),',
        "    }",
    ]
    lines += ["}", f"fn look{number}() {{"]
    for i, one in enumerate(found):
        lines.append(f"    let v{i}: {ty} = {literal(ty, one)};")
    first = "v0"
    lines.append(f"    let keeper = spawn Keeper{number}(held: {first});")
    before = found[0]
    for i, one in enumerate(found):
        shown = show(ty, one, inside=True)
        lines += [
            f"    println((v{i}, 1));",
            f'    println(f"{{(same{number}(v{i}), 2)}}");',
            f"    println(v{i}.clone() == v{i});",
            f"    take{number}(v{i}.clone());",
            f"    println((await keeper.put(v{i}), 3));",
            "    println((await keeper.last(), 4));",
        ]
        out += [
            f"({shown}, 1)",
            f"({shown}, 2)",
            "true",
            _matched(ty, one, found),
            f"({show(ty, before, inside=True)}, 3)",
        ]
        out.append(f"(Some({shown}), 4)")
        before = one
        for j, other in enumerate(found):
            lines.append(f"    println(v{i} == v{j});")
            out.append(str(equal(ty, one, other)).lower())
    if ordered(ty):
        lines.append("    println(v0 < v0);")
        out.append("false")
    lines += [f"    let all = [{', '.join(f'v{i}' for i in range(len(found)))}];", "    println(all.clone() == all);"]
    out.append("true")
    lines += [f"    println(all.contains(v{len(found) - 1}));", "    for one in all { println((one, 5)); }", "}"]
    out += ["true", *(f"({show(ty, one, inside=True)}, 5)" for one in found)]
    return "\n".join(lines)


def _bound(ty: Ty, value: Any) -> list[tuple[str, Ty, Any]]:
    bound: list[tuple[str, Ty, Any]] = []
    pattern(ty, value, count(), bound)
    return bound


def _arm(ty: Ty, value: Any) -> str:
    """The first Bool or variant that differs leads elsewhere; what is bound must be equal too."""
    bound = _bound(ty, value)
    guard = " && ".join(f"{name} == {literal(one, part)}" for name, one, part in bound)
    shown = "".join(f"{{({name}, 6)}}" for name, _, _ in bound)
    guarded = f" if {guard}" if guard else ""
    return f'{pattern(ty, value, count(), [])}{guarded} => println(f"{shown};"),'


def _matched(ty: Ty, value: Any, found: list[Any]) -> str:
    for one in found:
        if equal(ty, one, value):
            return "".join(f"({show(kind, part, inside=True)}, 6)" for _, kind, part in _bound(ty, one)) + ";"
    return "other"
