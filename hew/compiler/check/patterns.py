"""Patterns: what they may stand for, which locals they bind (section 6 of the language)."""

from __future__ import annotations

from hew.compiler import ast, codes
from hew.compiler import checked as c
from hew.compiler.check.body import BodyBase
from hew.compiler.check.exhaustiveness import is_useful, uncovered_value
from hew.compiler.check.infer import resolve, shown, unify
from hew.compiler.resolve import Default
from hew.compiler.source import Span
from hew.compiler.types import (
    ANY,
    ERROR,
    EXIT_REASON,
    UNIT,
    EnumType,
    ErrorType,
    RecordType,
    TupleType,
    Type,
    TypeVar,
)
from hew.compiler.walk import nodes
from hew.compiler.words import counted, did_you_mean, with_article

PRELUDE_VARIANTS = {
    "Some": "Option", "None": "Option", "Ok": "Result", "Err": "Result",
    "Normal": "ExitReason", "Stopped": "ExitReason", "Crashed": "ExitReason",
}  # fmt: skip
Bindings = dict[str, c.Local]


class Patterns(BodyBase):
    """Mixin: typed patterns."""

    def pattern(self, node: ast.Pattern, type_: Type, *, mutable: bool = False) -> c.Pattern:
        """A pattern on a value of a type; its names become locals of the innermost scope."""
        return self._pattern(node, type_, {}, None, mutable=mutable)

    def irrefutable(self, node: ast.Pattern, type_: Type, *, mutable: bool = False) -> c.Pattern:
        """A pattern that must always match (`let`, `for`)."""
        pattern = self.pattern(node, type_, mutable=mutable)
        if not c.is_irrefutable(pattern):

            def later() -> None:
                missing = uncovered_value([pattern], pattern.type) if not _has_error(pattern) else None
                if missing is not None:
                    self.error(codes.E0403, node.span, pattern=missing)

            self.defer(later)
        return pattern

    def _pattern(
        self, node: ast.Pattern, type_: Type, bound: Bindings, shared: Bindings | None, *, mutable: bool
    ) -> c.Pattern:
        match node:
            case ast.WildcardPattern():
                return c.WildPattern(type_, node.span)
            case ast.NamePattern(name=name):
                return self._name(node, name, type_, bound, shared, mutable=mutable)
            case ast.LiteralPattern(value=value):
                return self._literal(value, type_, node.span)
            case ast.PathPattern(path=path):
                return self._variant(path, None, type_, node.span, bound, shared, mutable=mutable)
            case ast.VariantPattern(path=path, items=items):
                return self._variant(path, items, type_, node.span, bound, shared, mutable=mutable)
            case ast.RecordPattern():
                return self._record(node, type_, bound, shared, mutable=mutable)
            case ast.TuplePattern():
                return self._tuple(node, type_, bound, shared, mutable=mutable)
            case ast.OrPattern():
                return self._either(node, type_, bound, shared, mutable=mutable)
            case _:
                self.failed(node.span)
                return c.WildPattern(ERROR, node.span)

    # ---- names

    def _name(
        self, node: ast.NamePattern, name: str, type_: Type, bound: Bindings, shared: Bindings | None, *, mutable: bool
    ) -> c.Pattern:
        matched = resolve(type_)
        if name in PRELUDE_VARIANTS and self.item(name) is None:
            if isinstance(matched, TypeVar) and matched.kind == ANY:
                unify(matched, self._prelude_enum(name, node.span))
                matched = resolve(matched)
            if isinstance(matched, EnumType) and matched.variant_index(name) is not None:
                path = (ast.Ident(node.span, name),)
                return self._variant(path, None, type_, node.span, bound, shared, mutable=mutable)
        constant = self.find(name) or self.item(name)
        if isinstance(constant, Default):
            return self._constant(constant, type_, node.span)
        return self._bind(name, node.span, type_, bound, shared, mutable=mutable)

    def _bind(
        self, name: str, span: Span, type_: Type, bound: Bindings, shared: Bindings | None, *, mutable: bool
    ) -> c.Pattern:
        if name in bound:
            self.error(codes.E0406, span, secondary=[(bound[name].span, "first bound here")], name=name)
            return c.WildPattern(type_, span)
        local = shared.get(name) if shared is not None else None
        if local is None:
            local = self.declare(name, type_, span, mutable=mutable)
        elif not unify(local.type, type_):
            self.error(
                codes.E0405, span, label=f"{with_article(shown(type_))} here",
                secondary=[(local.span, f"{with_article(shown(local.type))} here")], name=name,
            )  # fmt: skip
        bound[name] = local
        return c.BindPattern(type_, span, local)

    def _constant(self, constant: Default, type_: Type, span: Span) -> c.Pattern:
        constant.used = True
        value = self.later_work.finished_default(constant)
        if isinstance(value, c.IntLit | c.FloatLit | c.BoolLit | c.CharLit | c.StringLit):
            if isinstance(value, c.IntLit) and isinstance(resolve(type_), TypeVar):
                unify(type_, constant.type)
            if isinstance(value, c.IntLit):
                return self._literal_value(self.number(value.value, span), type_, span)
            return self._literal_value(value, type_, span)
        if not isinstance(resolve(value.type), ErrorType):
            self.error(
                codes.E0404,
                span,
                message=f"the constant '{constant.name}' cannot be a pattern",
                label="not a number, Bool, Char or String",
            )
        return c.WildPattern(ERROR, span)

    # ---- literals

    def _literal(self, value: ast.Expr, type_: Type, span: Span) -> c.Pattern:
        return self._literal_value(self.expr(value), type_, span)

    def _literal_value(self, literal: c.Expr, type_: Type, span: Span) -> c.Pattern:
        if isinstance(literal, c.UnitLit):
            if not isinstance(resolve(literal.type), ErrorType) and not unify(type_, UNIT):
                self.mismatch(span, type_, UNIT)
            return c.WildPattern(type_, span)
        if isinstance(resolve(literal.type), ErrorType):
            return c.WildPattern(ERROR, span)
        if not isinstance(literal, c.IntLit | c.FloatLit | c.BoolLit | c.CharLit | c.StringLit):
            self.error(codes.E0404, span, message="this is no pattern", label="not a literal")
            return c.WildPattern(ERROR, span)
        if not unify(literal.type, type_):
            self.mismatch(span, type_, literal.type)
            return c.WildPattern(ERROR, span)
        return c.LiteralPattern(type_, span, literal.value)

    # ---- variants

    def _prelude_enum(self, variant: str, span: Span) -> EnumType:
        match PRELUDE_VARIANTS[variant]:
            case "Option":
                return EnumType("Option", (self.fresh(span),))
            case "Result":
                return EnumType("Result", (self.fresh(span), self.fresh(span)))
            case _:
                return EXIT_REASON

    def _variant(
        self, path: tuple[ast.Ident, ...], items: tuple[ast.Pattern, ...] | None, type_: Type, span: Span,
        bound: Bindings, shared: Bindings | None, *, mutable: bool,
    ) -> c.Pattern:  # fmt: skip
        name = path[-1].text
        matched = resolve(type_)
        if isinstance(matched, TypeVar) and matched.kind == ANY and name in PRELUDE_VARIANTS:
            unify(matched, self._prelude_enum(name, span))
            matched = resolve(matched)
        enum = self._enum_of(path, matched, span)
        if enum is None:
            for one in items or ():
                self._pattern(one, ERROR, bound, shared, mutable=mutable)
            return c.WildPattern(ERROR, span)
        index = enum.variant_index(name)
        assert index is not None
        payload = enum.variants[index].payload
        given = items or ()
        if len(given) != len(payload) or (items is not None and not payload):
            holds = f"holds {counted(len(payload), 'value')}" if payload else "holds no value"
            self.error(
                codes.E0404, span, message=f"'{name}' {holds}, but the pattern has {len(given)}", label="another shape"
            )
            for one in given:
                self._pattern(one, ERROR, bound, shared, mutable=mutable)
            return c.WildPattern(ERROR, span)
        parts = [
            self._pattern(one, part, bound, shared, mutable=mutable) for one, part in zip(given, payload, strict=True)
        ]
        return c.VariantPattern(type_, span, index, parts)

    def _enum_of(self, path: tuple[ast.Ident, ...], matched: Type, span: Span) -> EnumType | None:
        """The enum of which a path names a variant, reported when it does not."""
        name = path[-1].text
        if isinstance(matched, ErrorType) or isinstance(self.item(name), ErrorType):
            self.failed(span)
            return None
        if len(path) > 1 and isinstance(self.declarations.types.get(path[0].text), ErrorType):
            self.failed(span)
            return None
        if not isinstance(matched, EnumType):
            self.error(
                codes.E0404,
                span,
                message=f"{shown(matched)} has no variant '{name}'",
                label=f"this matches {with_article(shown(matched))}",
            )
            return None
        if matched.variant_index(name) is None or (len(path) > 1 and path[-2].text != matched.name):
            known = [one.name for one in matched.variants]
            help = did_you_mean(name, known) or f"its variants: {', '.join(known)}"
            self.error(
                codes.E0404,
                path[-1].span,
                message=f"{shown(matched)} has no variant '{name}'",
                label="no such variant",
                help=help,
            )
            return None
        return matched

    # ---- records, tuples, alternatives

    def _record(
        self, node: ast.RecordPattern, type_: Type, bound: Bindings, shared: Bindings | None, *, mutable: bool
    ) -> c.Pattern:
        name = node.path[-1].text
        entry = self.declarations.type_of(
            ast.NamedType(node.span.__class__(node.path[0].span.start, node.path[-1].span.end), node.path, ())
        )
        if not isinstance(entry, ErrorType) and not isinstance(entry, RecordType):
            self.error(codes.E0108, node.path[-1].span, name=name, found="no record", expected="a record")
            entry = ERROR
        if isinstance(entry, RecordType) and not unify(type_, entry):
            self.mismatch(node.span, type_, entry)
            entry = ERROR
        if not isinstance(entry, RecordType):
            for one in node.fields:
                self._pattern(one.pattern, ERROR, bound, shared, mutable=mutable)
            return c.WildPattern(ERROR, node.span)
        items: list[c.Pattern] = [c.WildPattern(one.type, node.span) for one in entry.fields]
        given: set[int] = set()
        for one in node.fields:
            index = entry.field_index(one.name.text)
            if index is None:
                self.no_field(entry, one.name)
                self._pattern(one.pattern, ERROR, bound, shared, mutable=mutable)
                continue
            if index in given:
                self.error(codes.E0406, one.name.span, name=one.name.text)
            given.add(index)
            items[index] = self._pattern(one.pattern, entry.fields[index].type, bound, shared, mutable=mutable)
        missing = [one.name for index, one in enumerate(entry.fields) if index not in given]
        if missing and not node.rest:
            self.declarations.warn(codes.W0401, node.span, fields=", ".join(f"'{one}'" for one in missing))
        return c.RecordPattern(entry, node.span, items)

    def no_field(self, record: RecordType, name: ast.Ident) -> c.Expr:
        known = [one.name for one in record.fields]
        help = did_you_mean(name.text, known) or f"its fields: {', '.join(known)}"
        return self.error(codes.E0207, name.span, help=help, type=record.name, name=name.text)

    def _tuple(
        self, node: ast.TuplePattern, type_: Type, bound: Bindings, shared: Bindings | None, *, mutable: bool
    ) -> c.Pattern:
        matched = resolve(type_)
        if not node.items:
            if not unify(matched, UNIT):
                self.mismatch(node.span, matched, UNIT)
            return c.WildPattern(type_, node.span)
        if isinstance(matched, TypeVar) and matched.kind == ANY:
            unify(matched, TupleType(tuple([self.fresh(one.span) for one in node.items])))
            matched = resolve(matched)
        parts: tuple[Type, ...] = tuple(ERROR for _ in node.items)
        if isinstance(matched, TupleType) and len(matched.items) == len(node.items):
            parts = matched.items
        elif isinstance(matched, TupleType):
            self.error(codes.E0205, node.span, expected=len(matched.items), found=len(node.items))
        elif not isinstance(matched, ErrorType):
            self.error(
                codes.E0201, node.span, label="this is a tuple", help="", expected=shown(matched), found="a tuple",
            )  # fmt: skip
        items = [
            self._pattern(one, part, bound, shared, mutable=mutable)
            for one, part in zip(node.items, parts, strict=True)
        ]
        if not isinstance(matched, TupleType):
            return c.WildPattern(ERROR, node.span)
        return c.TuplePattern(type_, node.span, items)

    def _either(
        self, node: ast.OrPattern, type_: Type, bound: Bindings, shared: Bindings | None, *, mutable: bool
    ) -> c.Pattern:
        first_bound = dict(bound)
        first = self._pattern(node.alternatives[0], type_, first_bound, shared, mutable=mutable)
        made = {name: local for name, local in first_bound.items() if name not in bound}
        alternatives = [first]
        for one in node.alternatives[1:]:
            own = dict(bound)
            alternatives.append(self._pattern(one, type_, own, {**(shared or {}), **made}, mutable=mutable))
            new = own.keys() - bound.keys()
            for name in sorted(new ^ made.keys()):
                self.error(codes.E0405, one.span, label=f"'{name}' is bound in one alternative only", name=name)
        bound.update(made)
        return c.OrPattern(type_, node.span, alternatives)

    # ---- whole matches

    def check_coverage(self, arms: list[c.Arm], subject: Type, span: Span) -> None:
        """E0401 and W0402, once all types are known."""

        def later() -> None:
            if isinstance(subject_type.type, ErrorType) or any(_has_error(arm.pattern) for arm in arms):
                return
            above: list[c.Pattern] = []
            values: set[object] | None = set()  # while only literals stand above, they are looked up, not compared
            for arm in arms:
                literal = arm.pattern.value if isinstance(arm.pattern, c.LiteralPattern) else None
                if values is not None and literal is not None:
                    useful = literal not in values
                else:
                    useful = is_useful(above, arm.pattern, subject_type.type)
                if not useful:
                    self.declarations.warn(codes.W0402, arm.pattern.span, what="arm")
                if arm.guard is None:
                    above.append(arm.pattern)
                    if literal is None:
                        values = None
                    elif values is not None:
                        values.add(literal)
            missing = uncovered_value(above, subject_type.type)
            if missing is not None:
                help = None if missing != "_" else "add '_ => ...'"
                self.error(codes.E0401, span, pattern=missing, help=help)

        subject_type = c.WildPattern(subject, span)
        self.patterns_to_finish.append(subject_type)
        self.defer(later)

    patterns_to_finish: list[c.Pattern]


def _has_error(pattern: c.Pattern) -> bool:
    """Is it, or a part of it, one that was reported?"""
    return any(isinstance(node, c.Pattern) and isinstance(node.type, ErrorType) for node in nodes(pattern))
