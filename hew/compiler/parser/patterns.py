"""Patterns: of `match`, `let`, `for`, `if let` and the parameters of closures."""

from __future__ import annotations

from typing import Final

from hew.compiler import ast
from hew.compiler.codes import E0004
from hew.compiler.literals import byte_string, character, number, string
from hew.compiler.parser.types import TypeParser

LITERALS: Final = frozenset(["number", "string", "raw", "char", "true", "false", "bytes"])


class PatternParser(TypeParser):
    """Pattern, PatOne, Literal."""

    # Pattern = PatOne { "|" PatOne }
    def pattern(self) -> ast.Pattern:
        """Any pattern."""
        start = self.pos
        first = self._one()
        if self.kinds[self.pos] != "|":
            return first
        found = [first]
        while self.take("|"):
            found.append(self._one())
        return ast.OrPattern(self.span_from(start), tuple(found))

    # PatOne = "_" | IDENT [ "@" PatOne ]
    #        | [ "-" ] Literal [ ( ".." | "..=" ) [ "-" ] Literal ]
    #        | TypePath [ "(" [ sep(Pattern) ] ")" | "{" ... "}" ]
    #        | "(" [ sep(Pattern) ] ")" | "[" [ sep(Pattern | ".." [ IDENT ]) ] "]"
    def _one(self) -> ast.Pattern:
        kind = self.kinds[self.pos]
        if kind == "ident" or kind == "Self":
            return self._named()
        if kind == "_":
            self.pos += 1
            return ast.WildcardPattern(self.token_span(self.pos - 1))
        if kind in LITERALS or kind == "-" or kind == "..":
            return self._literal_pattern()
        if kind == "(":
            return self._tuple_pattern()
        start = self.pos
        if kind == "[":
            self.skip_bracket()
            return self.unsupported(start, "list patterns", "L3")
        if kind == "regex":
            self.pos += 1
            return self.unsupported(start, "regex patterns", "L4")
        if kind in ("match", "type", "in", "loop", "import", "trait", "enum", "struct", "actor", "as", "for", "if"):
            name = self.name()  # reports E0014
            return ast.NamePattern(name.span, name.text)
        raise self.unexpected("a pattern")

    def _named(self) -> ast.Pattern:
        start = self.pos
        if self.kinds[start + 1] not in ("::", ".", "(", "{", "@"):
            self.pos = start + 1
            return ast.NamePattern(self.token_span(start), self.identifier(start))
        path = self.type_path()
        kind = self.kinds[self.pos]
        if kind == "(":
            items = self._patterns_in_parentheses()[0]
            return ast.VariantPattern(self.span_from(start), path, items)
        if kind == "{" and self._opens_fields():
            return self._record_pattern(start, path)
        if kind == "@":
            self.pos += 1
            self.enter(self.pos)
            self._one()
            self.depth -= 1
            return self.unsupported(start, "'@' patterns", "L3")
        if len(path) == 1:
            return ast.NamePattern(path[0].span, path[0].text)
        return ast.PathPattern(self.span_from(start), path)

    def _opens_fields(self) -> bool:
        """Whether `{` opens the fields of a record pattern."""
        return self.kinds[self.pos + 1] in ("ident", "..", "}") or self.kinds[self.pos + 2] == ":"

    def _patterns_in_parentheses(self) -> tuple[tuple[ast.Pattern, ...], bool]:
        """`( ... )`, and whether a comma stood last."""
        self.enter(self.pos)
        self.pos += 1
        items: list[ast.Pattern] = []
        comma = False
        while self.kinds[self.pos] != ")":
            items.append(self.pattern())
            comma = self.take(",")
            if not comma:
                break
        self.expect(")", " after the pattern")
        self.depth -= 1
        return tuple(items), comma

    def _tuple_pattern(self) -> ast.Pattern:
        start = self.pos
        items, comma = self._patterns_in_parentheses()
        if len(items) == 1 and not comma:
            return items[0]
        return ast.TuplePattern(self.span_from(start), items)

    # "{" { IDENT [ ":" Pattern ] "," } [ IDENT [ ":" Pattern ] | ".." ] "}"
    def _record_pattern(self, start: int, path: tuple[ast.Ident, ...]) -> ast.RecordPattern:
        self.enter(self.pos)
        self.pos += 1
        fields: list[ast.FieldPattern] = []
        rest = False
        while self.kinds[self.pos] != "}":
            if self.take(".."):
                rest = True
                break
            begin = self.pos
            name = self.any_name("a field")
            pattern = self.pattern() if self.take(":") else ast.NamePattern(name.span, name.text)
            fields.append(ast.FieldPattern(self.span_from(begin), name, pattern))
            if not self.take(","):
                break
        self.expect("}", " after the fields")
        self.depth -= 1
        return ast.RecordPattern(self.span_from(start), path, tuple(fields), rest)

    def _literal_pattern(self) -> ast.Pattern:
        start = self.pos
        value = self._signed_literal() if self.kinds[start] != ".." else None
        if self.kinds[self.pos] in ("..", "..="):
            self.pos += 1
            if self.kinds[self.pos] in LITERALS or self.kinds[self.pos] == "-":
                self._signed_literal()
            return self.unsupported(start, "range patterns", "L3")
        if value is None:
            raise self.unexpected("a pattern")
        return ast.LiteralPattern(value.span, value)

    def _signed_literal(self) -> ast.Expr:
        start = self.pos
        negative = self.take("-")
        if self.kinds[self.pos] not in LITERALS or (negative and self.kinds[self.pos] != "number"):
            raise self.unexpected("a number" if negative else "a pattern")
        value = self.literal()
        return ast.Unary(self.span_from(start), "-", value) if negative else value

    # Literal = INT | FLOAT | DURATION | STRING | CHAR | BYTES | "true" | "false"
    def literal(self) -> ast.Expr:
        """Any literal of one token."""
        index = self.pos
        kind = self.kinds[index]
        start, end = self.starts[index], self.ends[index]
        self.pos = index + 1
        if kind == "number":
            return self._number_literal(index)
        span = self.token_span(index)
        if kind == "string":
            inside = self.text[start + 1 : end - 1]
            return ast.StringLit(span, string(inside, start + 1, self.report) if index not in self.repaired else "")
        if kind == "raw":
            opened = self.text.index('"', start) - start + 1
            return ast.StringLit(span, self.text[start + opened : end - opened + 1])
        if kind == "char":
            return character(self.text[start:end], span, self.report)
        if kind == "bytes":
            return ast.BytesLit(span, byte_string(self.text[start:end], span, self.report))
        return ast.BoolLit(span, kind == "true")

    def _number_literal(self, index: int) -> ast.Expr:
        """A number; `1.` is reported as one."""
        start, end = self.starts[index], self.ends[index]
        text = self.text[start:end]
        after = self.pos
        if (
            self.kinds[after] == "."
            and self.starts[after] == end
            and text.isdecimal()
            and self.kinds[after + 1] != "ident"
        ):
            self.pos += 1
            self._half_float(start, end + 1)
            return ast.FloatLit(self.span_from(index), float(int(text[:300])), None)
        return number(text, self.token_span(index), self.report)

    def _half_float(self, start: int, end: int) -> None:
        self.report.error(
            E0004, ast.Span(start, end), text=self.text[start:end][:40], why="digits stand on both sides of the point"
        )
