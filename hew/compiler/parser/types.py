"""Types as written, and bounds of type parameters."""

from __future__ import annotations

from typing import Final

from hew.compiler import ast
from hew.compiler.parser.cursor import Cursor

_SPLIT: Final = {">>": ">", ">=": "=", ">>=": ">="}  # what is left of a token after a first ">"
_WORDS: Final = frozenset(["ident", "Self", "_", "fn", "dyn"])
_SCANNED: Final = _WORDS | frozenset(["<", ">", ">>", "(", ")", "[", "]", ",", ".", "::", ";", "->"])
_MAX_SCAN: Final = 100  # tokens of a list of type arguments


class TypeParser(Cursor):
    """Type, TypePath, TypeArgs, Generics, Bounds, Where."""

    # Type = TypePath [ TypeArgs ] | "(" [ sep(Type) ] ")" | "[" Type [ ";" Expr ] "]"
    #      | "fn" "(" [ sep(Type) ] ")" [ "->" Type ] | "dyn" ( Bound | "(" Bounds ")" ) | "_"
    def type_(self) -> ast.TypeExpr:
        """Any type."""
        kind = self.kinds[self.pos]
        if kind == "ident" or kind == "Self":
            return self.named_type()
        if kind == "(":
            return self._tuple_type()
        if kind == "[":
            return self._list_type()
        if kind == "fn":
            return self._fn_type()
        if kind == "_":
            self.pos += 1
            return ast.InferType(self.token_span(self.pos - 1))
        if kind == "dyn":
            return self._dyn_type()
        raise self.unexpected("a type")

    # TypePath [ TypeArgs ]
    def named_type(self) -> ast.NamedType:
        """A name, with its type arguments."""
        start = self.pos
        path = self.type_path()
        args = self.type_args() if self.kinds[self.pos] == "<" else ()
        return ast.NamedType(self.span_from(start), path, args)

    # TypePath = ( IDENT | "Self" ) { ("." | "::") IDENT }
    def type_path(self) -> tuple[ast.Ident, ...]:
        """The names of a path."""
        if self.kinds[self.pos] == "Self":
            path = [ast.Ident(self.token_span(self.pos), "Self")]
            self.pos += 1
        else:
            path = [self.name("a type")]
        while self.kinds[self.pos] in (".", "::") and self.kinds[self.pos + 1] == "ident":
            self.pos += 1
            path.append(self.name())
        return tuple(path)

    # TypeArgs = "<" sep(Type) ">"
    def type_args(self) -> tuple[ast.TypeExpr, ...]:
        """Types between angle brackets."""
        self.enter(self.pos)
        self.expect("<")
        args = [self.type_()]
        while self.take(",") and not self._at_angle():
            args.append(self.type_())
        self.close_angle()
        self.depth -= 1
        return tuple(args)

    def _at_angle(self) -> bool:
        return self.kinds[self.pos][0] == ">"

    def close_angle(self) -> None:
        """`>`, also as the first character of a longer token, whose rest stays."""
        kind = self.kinds[self.pos]
        if kind in _SPLIT:
            self.kinds[self.pos] = _SPLIT[kind]
            self.starts[self.pos] += 1
        else:
            self.expect(">", " after the types")

    def scan_type_args(self, start: int) -> int:
        """Index after the `>` that closes the list of types that the `<` at `start` opens, or -1 if it is no such list.

        A look ahead that reports nothing: by words and brackets only, which suffices to tell `a < b` from `a<b>(c)`."""
        kinds = self.kinds
        angles, brackets = 0, [-1]  # brackets: indices of the open ones, under them one that is none
        after_word = False
        index = start
        while index < min(start + _MAX_SCAN, len(kinds)):
            kind = kinds[index]
            is_word = kind in _WORDS
            if kind not in _SCANNED or (is_word and after_word and kinds[index - 1] != "dyn"):
                return -1
            after_word = is_word
            if kind == "<":
                angles += 1
            elif kind == ">" or kind == ">>":
                angles -= len(kind)
                if angles <= 0:
                    return index + 1 if angles == 0 and len(brackets) == 1 and kinds[index - 1] != "<" else -1
            elif kind == "(" or kind == "[":
                brackets.append(index)
            elif kind == ")" or kind == "]":
                if self.closes.get(brackets.pop()) != index:
                    return -1
            elif kind == ";":  # the length of an array is any expression
                index = self.closes.get(brackets[-1], index) - 1
                if kinds[index + 1] != "]":
                    return -1
            index += 1
        return -1

    def _tuple_type(self) -> ast.TypeExpr:
        start = self.pos
        self.enter(start)
        self.pos += 1
        items: list[ast.TypeExpr] = []
        comma = False
        while self.kinds[self.pos] != ")":
            items.append(self.type_())
            comma = self.take(",")
            if not comma:
                break
        self.expect(")", " after the types")
        self.depth -= 1
        if len(items) == 1 and not comma:
            return items[0]
        return ast.TupleType(self.span_from(start), tuple(items))

    def _list_type(self) -> ast.TypeExpr:
        start = self.pos
        self.enter(start)
        self.pos += 1
        item = self.type_()
        length = self.fresh_expression() if self.take(";") else None
        self.expect("]", " after the type")
        self.depth -= 1
        span = self.span_from(start)
        return ast.ListType(span, item) if length is None else ast.ArrayType(span, item, length)

    def fresh_expression(self) -> ast.Expr:
        """An expression inside brackets, where no head or guard around them matters."""
        saved = self.head, self.guard
        self.head = self.guard = False
        value = self.expression()
        self.head, self.guard = saved
        return value

    def _fn_type(self) -> ast.FnType:
        start = self.pos
        self.enter(start)
        self.pos += 1
        self.expect("(", " after 'fn'")
        params: list[ast.TypeExpr] = []
        while self.kinds[self.pos] != ")":
            params.append(self.type_())
            if not self.take(","):
                break
        self.expect(")", " after the types")
        result = self.type_() if self.take("->") else None
        self.depth -= 1
        return ast.FnType(self.span_from(start), tuple(params), result)

    def _dyn_type(self) -> ast.Unsupported:
        start = self.pos
        self.pos += 1
        if self.kinds[self.pos] == "(":
            self.skip_bracket()
        else:
            self.bound()
        return self.unsupported(start, "'dyn' types", "L3")

    # Generics = "<" sep(IDENT [ ":" Bounds ]) ">"
    def generics(self) -> tuple[ast.GenericParam, ...]:
        """Type parameters, if there are any."""
        if not self.take("<"):
            return ()
        params: list[ast.GenericParam] = []
        while not self._at_angle():
            start = self.pos
            name = self.name("a type parameter")
            bounds = self.bounds() if self.take(":") else ()
            params.append(ast.GenericParam(self.span_from(start), name, bounds))
            if not self.take(","):
                break
        self.close_angle()
        return tuple(params)

    # Bounds = Bound { "+" Bound }
    def bounds(self) -> tuple[ast.Bound, ...]:
        """Bounds after a colon."""
        found = [self.bound()]
        while self.take("+"):
            found.append(self.bound())
        return tuple(found)

    # Bound = TypePath [ TypeArgs ]
    def bound(self) -> ast.Bound:
        """One trait."""
        named = self.named_type()
        return ast.Bound(named.span, named.path, named.args)

    # Where = "where" sep(Type ":" Bounds)
    def where(self) -> tuple[ast.WherePredicate, ...]:
        """The bounds after a signature, if there are any."""
        if not self.is_word("where"):
            return ()
        self.pos += 1
        found: list[ast.WherePredicate] = []
        while self.kinds[self.pos] not in ("{", ";", "eof"):
            start = self.pos
            subject = self.type_()
            self.expect(":", " after the type")
            bounds = self.bounds()
            found.append(ast.WherePredicate(self.span_from(start), subject, bounds))
            if not self.take(","):
                break
        return tuple(found)
