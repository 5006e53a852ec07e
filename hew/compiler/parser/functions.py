"""Functions, and what stands before any declaration: `pub` and attributes."""

from __future__ import annotations

from typing import Final, NoReturn

from hew.compiler import ast
from hew.compiler.codes import E0013, E0016, E0901, W0901
from hew.compiler.parser.cursor import SyntaxFailure, TooDeep
from hew.compiler.parser.patterns import LITERALS
from hew.compiler.parser.statements import StatementParser

_LATER_ATTRIBUTES: Final = {  # what they are for, and the level that brings it
    "every": ("periodic handlers", "L2"),
    "test": ("test functions", "L3"),
    "wire": ("wire types", "L4"),
    "json": ("wire types", "L4"),
    "yaml": ("wire types", "L4"),
}


class FunctionParser(StatementParser):
    """Fn, Attribute."""

    def visibility(self) -> bool:
        """Takes `pub`; was it there?"""
        if not self.take("pub"):
            return False
        if self.kinds[self.pos] == "(":
            inside = self.word(self.pos + 1)
            if inside not in ("package", "super") or self.closes[self.pos] != self.pos + 2:
                self.error_here(E0013, self.pos + 1, expected="'package' or 'super'", found=self.found(self.pos + 1))
            self.skip_bracket()
        return True

    # Attribute = "#" "[" IDENT [ "(" sep(AttrArg) ")" ] "]"
    def attributes(self) -> tuple[ast.Attribute, ...]:
        """All attributes here; one that is not built yet or unknown is reported, and kept."""
        if self.kinds[self.pos] != "#":
            return ()
        found: list[ast.Attribute] = []
        while self.take("#"):
            start = self.pos - 1
            if self.kinds[self.pos] != "[":
                self.error_here(E0016, start, what="expected '[' after '#'")
                raise SyntaxFailure
            close = self.closes[self.pos]
            try:
                found.append(self._attribute_in_brackets(start))
            except TooDeep:
                raise
            except SyntaxFailure:
                self.pos = close + 1
        return tuple(found)

    def _attribute_in_brackets(self, start: int) -> ast.Attribute:
        self.pos += 1
        if self.kinds[self.pos] == "ident" or self.kinds[self.pos] in ("actor", "struct", "type"):
            name = self.any_name()
        else:
            self._malformed(start)
        args: list[ast.AttributeArg] = []
        if self.take("("):
            while self.kinds[self.pos] != ")":
                args.append(self._attribute_argument(start))
                if not self.take(","):
                    break
            if not self.take(")"):
                self._malformed(start)
        if not self.take("]"):
            self._malformed(start)
        attribute = ast.Attribute(self.span_from(start), name, tuple(args))
        self._judge(attribute)
        return attribute

    def _attribute_argument(self, start: int) -> ast.AttributeArg:
        begin = self.pos
        name = None
        value = None
        if self.kinds[begin] == "ident":
            name = self.name()
            if not self.take("="):
                return ast.AttributeArg(self.span_from(begin), name, None)
        if self.kinds[self.pos] not in LITERALS:
            self._malformed(start)
        value = self.literal()
        return ast.AttributeArg(self.span_from(begin), name, value)

    def _malformed(self, start: int) -> NoReturn:
        self.report.error(
            E0016, ast.Span(self.starts[start], self.ends[self.closes[start + 1]]), what="this attribute is malformed"
        )
        raise SyntaxFailure

    def _judge(self, attribute: ast.Attribute) -> None:
        later = _LATER_ATTRIBUTES.get(attribute.name.text)
        if later is None:
            self.report.warning(W0901, attribute.span, name=attribute.name.text)
        else:
            what, level = later
            self.report.error(E0901, attribute.span, what=what, level=level, label=f"level {level}")

    # FnSig = { "pure" | "async" | "gen" } "fn" IDENT [ Generics ] "(" [ sep(Param) ] ")"
    #         [ "->" ( Type | "_" ) ] [ Where ]
    def function(self, *, public: bool, attributes: tuple[ast.Attribute, ...] = ()) -> ast.FnDecl | ast.Unsupported:
        """A function with its body."""
        start = self.pos
        pure = False
        later: tuple[str, str] | None = None
        while self.kinds[self.pos] != "fn":
            word = self.word(self.pos)
            if word == "pure":
                pure = True
            elif word == "async":
                later = ("'async' functions", "L3")
            elif word == "gen":
                later = ("generators", "L3")
            else:
                raise self.missing("'fn'", f" after '{self.word(self.pos - 1)}'")
            self.pos += 1
        keyword = self.pos
        self.pos += 1
        name = self.name("a name")
        generics = self.generics()
        params = self.params(" after the name of the function")
        result = self.type_() if self.take("->") else None
        where = self.where()
        if later is not None:
            if self.kinds[self.pos] == "{":
                self.skip_bracket()
            else:
                self.expect(";", " after the signature")
            return self.unsupported(start, later[0], later[1], end=keyword)
        body = self.block()
        return ast.FnDecl(self.span_from(start), name, generics, params, result, where, body, pure, public, attributes)

    # "(" [ sep(Param) ] ")" ;  Param = [ "var" ] ( IDENT ":" Type [ "=" Expr ] | "self" )
    def params(self, context: str) -> tuple[ast.Param, ...]:
        """Parameters in their parentheses."""
        self.expect("(", context)
        found: list[ast.Param] = []
        while self.kinds[self.pos] != ")":
            found.append(self._param())
            if not self.take(","):
                break
        self.expect(")", " after the parameters")
        return tuple(found)

    def _param(self) -> ast.Param:
        start = self.pos
        mutable = self.take("var")
        if self.take("self"):
            name = ast.Ident(self.token_span(self.pos - 1), "self")
            return ast.Param(self.span_from(start), name, mutable, None, None)
        name = self.name("a parameter")
        if not self.take(":"):
            raise self.missing("':'", " and a type after the parameter")
        type_ = self.type_()
        default = self.fresh_expression() if self.take("=") else None
        return ast.Param(self.span_from(start), name, mutable, type_, default)
