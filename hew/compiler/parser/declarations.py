"""Items of a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final, NoReturn

from hew.compiler import ast
from hew.compiler.codes import E0013, E0015, E0016
from hew.compiler.parser.actors import ActorParser
from hew.compiler.parser.cursor import SyntaxFailure, TooDeep

_ITEM_STARTS: Final = frozenset(
    [
        "fn",
        "type",
        "struct",
        "enum",
        "impl",
        "trait",
        "const",
        "actor",
        "supervisor",
        "import",
        "pub",
        "async",
        "extern",
        "#",
        "eof",
    ]
)
_ITEM_WORDS: Final = {  # words that begin an item when one of these kinds follows
    "pure": ("fn", "ident", "async"),
    "gen": ("fn", "ident"),
    "indirect": ("enum",),
    "machine": ("ident",),
    "wire": ("type", "struct", "enum"),
    "test": ("string",),
}
_HABITS: Final = {  # words of other languages
    "func": "fn",
    "def": "fn",
    "function": "fn",
    "class": "type",
    "record": "type",
    "interface": "trait",
    "use": "import",
    "mod": "import",
    "static": "const",
    "process": "actor",
}


_Reader = Callable[[Any, bool, tuple[ast.Attribute, ...]], ast.Item]


class DeclarationParser(ActorParser):
    """Program, Item."""

    # Program = { Item }
    def module(self) -> ast.Module:
        """The whole file."""
        items: list[ast.Item] = []
        incomplete = False
        while self.kinds[self.pos] != "eof":
            begin = self.pos
            self.depth = 0
            self.head = self.guard = False
            try:
                items.append(self.item())
            except SyntaxFailure as failure:
                self._recover_item(begin, whole=isinstance(failure, TooDeep))
                items.append(ast.Broken(self.span_from(begin)))
                incomplete = True
        return ast.Module(ast.Span(0, len(self.text)), tuple(items), incomplete)

    def _recover_item(self, begin: int, *, whole: bool) -> None:
        """To the next token outside brackets that begins a line and an item."""
        failed, index = self.pos, begin
        while self.kinds[index] != "eof":
            jumped = self.closes.get(index)
            index = index + 1 if jumped is None else jumped + 1
            if (index > failed or (index == failed and not whole)) and index > begin and self._begins_item(index):
                break
        self.pos = max(index, min(begin + 1, len(self.kinds) - 1))

    def _begins_item(self, index: int) -> bool:
        kind = self.kinds[index]
        if kind == "ident":
            following = _ITEM_WORDS.get(self.word(index))
            return following is not None and self.kinds[index + 1] in following
        return kind in _ITEM_STARTS and (kind not in ("type", "const", "#") or self.on_new_line(index))

    # Item = { Attribute } [ "pub" [ "(" ("package" | "super") ")" ] ] ( Import | Const | ... )
    def item(self) -> ast.Item:
        """One item."""
        attributes = self.attributes()
        public = self.visibility()
        kind = self.kinds[self.pos]
        read = self._items_by_word.get(kind)
        if read is None and kind == "ident":
            read = self._contextual_item()
        if read is None:
            self._no_item(bool(attributes))
        return read(self, public, attributes)

    def _contextual_item(self) -> _Reader | None:
        word = self.word(self.pos)
        if self.kinds[self.pos + 1] in _ITEM_WORDS.get(word, ()):
            return self._items_by_context[word]
        return None

    def _no_item(self, has_attributes: bool) -> NoReturn:
        index = self.pos
        if has_attributes and self.kinds[index] == "eof":
            self.error_here(E0016, index - 1, what="this attribute stands before nothing")
            raise SyntaxFailure
        word = self.word(index)
        if self.kinds[index] == "ident" and word == "receive":
            self.error_here(E0015, index, what="'receive' belongs in an actor")
            raise SyntaxFailure
        advice = None
        if word in _HABITS:
            advice = f"write '{_HABITS[word]}'"
        elif self.kinds[index] in ("let", "var"):
            advice = "there are no global variables: use 'const', or a field of an actor"
        elif self.kinds[index] in ("ident", "if", "while", "for", "return", "match", "loop"):
            advice = "statements stand in functions: fn main() { ... }"
        self.error_here(
            E0013,
            index,
            expected="an item",
            found=self.found(index),
            help=advice,
            label="expected fn, type, enum, actor, const, impl or import",
        )
        raise SyntaxFailure

    def misplaced_item(self) -> ast.Stmt:
        """An item other than fn and const in a block: read and dropped (E0015), unless it is a function after all."""
        start = self.pos
        word = self.word(start)
        errors = self.report.has_errors
        item = self.item()
        if isinstance(item, (ast.FnDecl, ast.ConstDecl)):
            return ast.ItemStmt(self.span_from(start), item)
        if isinstance(item, ast.Unsupported) and not errors:
            return ast.ItemStmt(self.span_from(start), item)
        self.error_here(
            E0015,
            start,
            what=f"'{word}' belongs outside of functions",
            help="only 'fn' and 'const' may stand in a block",
        )
        return ast.Broken(self.span_from(start))

    # --- functions --------------------------------------------------------------------------------------------------

    def _fn(self, public: bool, attributes: tuple[ast.Attribute, ...]) -> ast.Item:
        return self.function(public=public, attributes=attributes)

    # --- constants and types ----------------------------------------------------------------------------------------

    # Const = "const" IDENT ":" Type "=" Expr ";"
    def constant(self, *, public: bool) -> ast.ConstDecl:
        """A constant."""
        start = self.pos
        self.pos += 1
        name = self.name("the name of the constant")
        if not self.take(":"):
            raise self.missing("':'", " and a type after the name of the constant")
        type_ = self.type_()
        self.expect("=", " after the type of the constant")
        value = self.expression()
        self.end_of_statement()
        return ast.ConstDecl(self.span_from(start), name, type_, value, public)

    def _const(self, public: bool, attributes: tuple[ast.Attribute, ...]) -> ast.Item:
        return self.constant(public=public)

    # TypeDecl = ("type" | "struct") IDENT [ Generics ] ( "=" Type ";" | [ Where ] "{" { Field } "}" )
    def _type(self, public: bool, attributes: tuple[ast.Attribute, ...]) -> ast.Item:
        start = self.pos
        self.pos += 1
        name = self.name("the name of the type")
        generics = self.generics()
        if self.take("="):
            target = self.type_()
            self.expect(";", " after the type")
            return ast.AliasDecl(self.span_from(start), name, generics, target, public)
        where = self.where()
        fields = self._fields()
        return ast.RecordDecl(self.span_from(start), name, generics, where, fields, public, attributes)

    # "{" { Field } "}" ;  Field = { Attribute } [ "pub" ] IDENT ":" Type [ "=" Expr ] [ END ]
    def _fields(self) -> tuple[ast.FieldDecl, ...]:
        """Fields of a record or a variant in their braces."""
        opener = self.pos
        self.expect("{", " before the fields")
        close = self.closes[opener]
        found: list[ast.FieldDecl] = []
        while self.pos < close:
            begin = self.pos
            try:
                found.append(self._field(close))
            except TooDeep:
                raise
            except SyntaxFailure:
                self.recover_entry(begin, close)
        self.pos = close + 1
        return tuple(found)

    def _field(self, close: int) -> ast.FieldDecl:
        self.attributes()
        self.visibility()
        start = self.pos
        if self.kinds[start] == "fn" or self.is_word("pure"):
            self.error_here(E0015, start, what="functions of a type stand in 'impl'", help="impl Name { fn ... }")
            self.function(public=False)
            raise SyntaxFailure
        name = self.name("a field")
        self.expect(":", " and a type after the field")
        type_ = self.type_()
        default = self.fresh_expression() if self.take("=") else None
        span = self.span_from(start)
        self._end_of_entry(close, "field")
        return ast.FieldDecl(span, name, type_, default)

    def _end_of_entry(self, close: int, what: str) -> None:
        """END, which may lack before the closing brace only."""
        if self.kinds[self.pos] in (";", ","):
            self.pos += 1
        elif self.pos != close:
            self.expected("';'", f" after the {what}")
            if not self.on_new_line(self.pos):
                raise SyntaxFailure

    def recover_entry(self, begin: int, close: int) -> None:
        """To after the next `;` or `,` outside brackets, or a line that begins after the failure."""
        failed, index = self.pos, begin
        while index < close:
            kind = self.kinds[index]
            index = self.closes.get(index, index) + 1
            if index > failed and (kind in (";", ",", "{") or self.on_new_line(index)):
                break
        self.pos = min(max(index, begin + 1), close)

    # EnumDecl = [ "indirect" ] "enum" IDENT [ Generics ] [ Where ] "{" { Variant } "}"
    def _enum(self, public: bool, attributes: tuple[ast.Attribute, ...]) -> ast.Item:
        start = self.pos
        indirect = self.kinds[start] == "ident"
        self.pos += 2 if indirect else 1
        name = self.name("the name of the enum")
        generics = self.generics()
        where = self.where()
        opener = self.expect("{", " before the variants")
        close = self.closes[opener]
        variants: list[ast.VariantDecl] = []
        while self.pos < close:
            begin = self.pos
            try:
                variants.append(self._variant(close))
            except TooDeep:
                raise
            except SyntaxFailure:
                self.recover_entry(begin, close)
        self.pos = close + 1
        span = self.span_from(start)
        return ast.EnumDecl(span, name, generics, where, tuple(variants), indirect, public, attributes)

    # Variant = IDENT [ "(" sep(Type) ")" | "{" { Field } "}" ] [ END ]
    def _variant(self, close: int) -> ast.VariantDecl:
        start = self.pos
        name = self.name("a variant")
        items: list[ast.TypeExpr] = []
        fields: tuple[ast.FieldDecl, ...] = ()
        if self.take("("):
            while self.kinds[self.pos] != ")":
                items.append(self.type_())
                if not self.take(","):
                    break
            self.expect(")", " after the types")
        elif self.kinds[self.pos] == "{":
            fields = self._fields()
        span = self.span_from(start)
        if not fields or self.kinds[self.pos] in (";", ","):
            self._end_of_entry(close, "variant")
        return ast.VariantDecl(span, name, tuple(items), fields)

    # Impl = "impl" [ Generics ] Type [ "for" Type ] [ Where ] "{" { [ "pub" ] ( Fn | AssocType ) } "}"
    def _impl(self, public: bool, attributes: tuple[ast.Attribute, ...]) -> ast.Item:
        start = self.pos
        self.pos += 1
        generics = self.generics()
        target = self.type_()
        is_trait = self.take("for")
        if is_trait:
            self.type_()
        where = self.where()
        if self.kinds[self.pos] != "{":
            raise self.missing("'{'")
        if is_trait:
            self.skip_bracket()
            return self.unsupported(start, "traits", "L3", end=start)
        functions = self._methods()
        return ast.ImplDecl(self.span_from(start), generics, target, where, functions)

    def _methods(self) -> tuple[ast.FnDecl, ...]:
        """Functions of an impl in their braces."""
        close = self.closes[self.pos]
        self.pos += 1
        found: list[ast.FnDecl] = []
        while self.pos < close:
            begin = self.pos
            self.depth = 0
            try:
                method = self._method()
                if isinstance(method, ast.FnDecl):
                    found.append(method)
            except TooDeep:
                raise
            except SyntaxFailure:
                self.recover_member(begin, close)
        self.pos = close + 1
        return tuple(found)

    def _method(self) -> ast.FnDecl | ast.Unsupported:
        attributes = self.attributes()
        public = self.visibility()
        if self.kinds[self.pos] in ("fn", "async") or self.is_word("pure") or self.is_word("gen"):
            return self.function(public=public, attributes=attributes)
        if self.kinds[self.pos] == "type":
            self.error_here(E0015, self.pos, what="'type' in an 'impl' belongs to a trait")
            raise SyntaxFailure
        raise self.unexpected("a function")

    # Import = "import" ( STRING | Path [ "::" ( "{" sep(ImportName) "}" | "*" ) ] | "py" STRING ... ) [ ";" ]
    def _import(self, public: bool, attributes: tuple[ast.Attribute, ...]) -> ast.Item:
        start = self.pos
        self.pos += 1
        if self.kinds[self.pos] in ("string", "raw"):
            self.pos += 1
            self.take(";")
            return self.unsupported(start, "imports of files", "L3")
        if self.is_word("py") and self.kinds[self.pos + 1] in ("string", "raw"):
            return self._import_python(start)
        path = [self.name("a module")]
        names: tuple[ast.ImportName, ...] | None = None
        everything = False
        while self.take("::"):
            if self.kinds[self.pos] == "{":
                names = self._import_names()
                break
            if self.take("*"):
                everything = True
                break
            path.append(self.any_name("a module"))
        span = self.span_from(start)
        self.take(";")
        return ast.ImportDecl(span, tuple(path), names, everything)

    def _import_names(self) -> tuple[ast.ImportName, ...]:
        self.pos += 1
        found: list[ast.ImportName] = []
        while self.kinds[self.pos] != "}":
            start = self.pos
            name = self.name()
            alias = self.name() if self.take("as") else None
            found.append(ast.ImportName(self.span_from(start), name, alias))
            if not self.take(","):
                break
        self.expect("}", " after the names")
        return tuple(found)

    def _import_python(self, start: int) -> ast.Item:
        self.pos += 2
        if self.take("as"):
            self.name()
        end = self.pos - 1
        if self.kinds[self.pos] == "{":
            self.skip_bracket()
        self.take(";")
        return self.unsupported(start, "imports of Python", "L4", end=end)

    # --- items of later levels: skipped whole -----------------------------------------------------------------------

    def _later(self, what: str, level: str) -> ast.Item:
        """An item with a block: past its closing brace, or past the `;` that comes before any."""
        start = self.pos
        named = start + 1
        while self.kinds[self.pos] not in ("{", ";", "eof"):
            if self.pos > named and self._begins_item(self.pos) and self.on_new_line(self.pos):
                return self.unsupported(start, what, level, end=start)
            self.pos = self.closes.get(self.pos, self.pos) + 1
        if self.kinds[self.pos] == "{":
            self.skip_bracket()
        else:
            self.take(";")
        return self.unsupported(start, what, level, end=min(named, self.pos - 1))

    def _supervisor(self, public: bool, attributes: tuple[ast.Attribute, ...]) -> ast.Item:
        return self._later("supervisors", "L2")

    def _machine(self, public: bool, attributes: tuple[ast.Attribute, ...]) -> ast.Item:
        return self._later("state machines", "L3")

    def _trait(self, public: bool, attributes: tuple[ast.Attribute, ...]) -> ast.Item:
        return self._later("traits", "L3")

    def _wire(self, public: bool, attributes: tuple[ast.Attribute, ...]) -> ast.Item:
        return self._later("wire types", "L4")

    def _test(self, public: bool, attributes: tuple[ast.Attribute, ...]) -> ast.Item:
        return self._later("tests", "L3")

    def _extern(self, public: bool, attributes: tuple[ast.Attribute, ...]) -> ast.Item:
        return self._later("'extern' declarations", "L4")

    _items_by_word: ClassVar[dict[str, _Reader]] = {
        "fn": _fn,
        "async": _fn,
        "const": _const,
        "type": _type,
        "struct": _type,
        "enum": _enum,
        "impl": _impl,
        "import": _import,
        "actor": ActorParser.actor,
        "supervisor": _supervisor,
        "trait": _trait,
        "extern": _extern,
    }

    _items_by_context: ClassVar[dict[str, _Reader]] = {
        "pure": _fn,
        "gen": _fn,
        "indirect": _enum,
        "machine": _machine,
        "wire": _wire,
        "test": _test,
    }
