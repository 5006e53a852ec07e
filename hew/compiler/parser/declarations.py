"""Items of a file, members of actors, attributes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final, NoReturn

from hew.compiler import ast
from hew.compiler.codes import E0013, E0015, E0016, E0901, W0901
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


class DeclarationParser(StatementParser):
    """Program, Item, ActorMember."""

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
        public = self._public()
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

    def _public(self) -> bool:
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
        self._public()
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
        public = self._public()
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

    # --- actors -----------------------------------------------------------------------------------------------------

    # Actor = "actor" IDENT [ ":" Bounds ] "{" { ActorMember } "}"
    def _actor(self, public: bool, attributes: tuple[ast.Attribute, ...]) -> ast.Item:
        start = self.pos
        self.pos += 1
        name = self.name("the name of the actor")
        bounds: tuple[ast.Bound, ...] = ()
        if self.take(":"):
            begin = self.pos
            bounds = self.bounds()
            self.unsupported(begin, "traits", "L3")
        opener = self.expect("{", " before the members of the actor")
        close = self.closes[opener]
        self.pos = opener + 1
        members: list[ast.Member | ast.FnDecl] = []
        while self.pos < close:
            begin = self.pos
            self.depth = 1
            self.head = self.guard = False
            try:
                members.append(self.member())
            except TooDeep:
                raise
            except SyntaxFailure:
                self.recover_member(begin, close)
                members.append(ast.Broken(self.span_from(begin)))
        self.pos = close + 1
        return self._actor_of(start, name, bounds, members, public, attributes)

    def _actor_of(
        self,
        start: int,
        name: ast.Ident,
        bounds: tuple[ast.Bound, ...],
        members: list[ast.Member | ast.FnDecl],
        public: bool,
        attributes: tuple[ast.Attribute, ...],
    ) -> ast.ActorDecl:
        """The actor, its members sorted by kind; a second `init` or `mailbox` is reported."""
        mailboxes = [m for m in members if isinstance(m, ast.Mailbox)]
        inits = [m for m in members if isinstance(m, ast.Init)]
        self._only_one(mailboxes, "mailbox", name)
        self._only_one(inits, "init", name)
        return ast.ActorDecl(
            self.span_from(start),
            name,
            bounds,
            tuple(m for m in members if isinstance(m, ast.ActorField)),
            mailboxes[0] if mailboxes else None,
            inits[0] if inits else None,
            tuple(m for m in members if isinstance(m, ast.Handler)),
            tuple(m for m in members if isinstance(m, ast.FnDecl)),
            public,
            attributes,
            any(isinstance(m, (ast.Unsupported, ast.Broken)) for m in members),
        )

    def _only_one(self, members: list[Any], word: str, actor: ast.Ident) -> None:
        for extra in members[1:]:
            first = members[0].span
            self.report.error(
                E0015,
                ast.Span(extra.span.start, extra.span.start + len(word)),
                what=f"{actor.text} has a second '{word}'",
                label="only one is allowed",
                secondary=[(ast.Span(first.start, first.start + len(word)), "the first one")],
            )

    def recover_member(self, begin: int, close: int) -> None:
        """To after the next `;`, or the next block, or to where a member begins."""
        failed, index = self.pos, begin
        while index < close:
            if index > begin and index >= failed and self.on_new_line(index) and self._begins_member(index):
                break
            kind = self.kinds[index]
            index = self.closes.get(index, index) + 1
            if index > failed and kind in (";", "{"):
                break
        self.pos = min(max(index, begin + 1), close)

    def _begins_member(self, index: int) -> bool:
        kind = self.kinds[index]
        if kind in ("let", "var", "fn", "#", "async", "pub", "type"):
            return True
        return kind == "ident" and (
            self.word(index) in ("receive", "init", "mailbox", "terminate", "pure", "gen")
            or self.kinds[index + 1] == ":"
        )

    # ActorMember = [ "let" | "var" ] IDENT ":" Type [ "=" Expr ] END | "mailbox" ... | "init" ... | "terminate" Block
    #             | "on" ("exit" | "down") ... | { Attribute } [ "pure" ] "receive" [ "gen" ] "fn" ... | Fn
    def member(self) -> ast.Member | ast.FnDecl:
        """One member of an actor."""
        attributes = self.attributes()
        kind = self.kinds[self.pos]
        if kind == "ident" and self.kinds[self.pos + 1] != ":":
            return self._contextual_member(attributes)
        if kind in ("fn", "async"):
            return self.function(public=False, attributes=attributes)
        if kind == "pub":
            self._public()
            return self.member()
        if attributes:
            self.report.error(E0016, attributes[-1].span, what="an attribute stands before an item or a handler")
        if kind in ("let", "var", "ident"):
            return self._actor_field()
        self.error_here(
            E0013,
            self.pos,
            expected="a member of the actor",
            found=self.found(self.pos),
            label="expected a field, init, receive fn or fn",
        )
        raise SyntaxFailure

    def _contextual_member(self, attributes: tuple[ast.Attribute, ...]) -> ast.Member | ast.FnDecl:
        start = self.pos
        word = self.word(start)
        following = self.kinds[start + 1]
        if word == "receive" or (word == "pure" and self.is_word("receive", 1)):
            return self._handler(attributes)
        if word in ("pure", "gen"):
            return self.function(public=False, attributes=attributes)
        if attributes:
            self.report.error(E0016, attributes[-1].span, what="an attribute stands before an item or a handler")
        if word == "init" and following == "(":
            self.pos += 1
            params = self.params("")
            body = self.block()
            return ast.Init(self.span_from(start), params, body)
        if word == "mailbox":
            return self._mailbox()
        if word == "terminate" and following == "{":
            self.pos += 1
            self.skip_bracket()
            return self.unsupported(start, "'terminate' blocks", "L2", end=start)
        if word == "on" and following == "ident":
            self.pos += 2
            self.params(" after the name of the event")
            if self.kinds[self.pos] != "{":
                raise self.missing("'{'")
            self.skip_bracket()
            return self.unsupported(start, "links and monitors", "L2", end=start + 1)
        return self._actor_field()

    def _actor_field(self) -> ast.ActorField:
        start = self.pos
        if self.kinds[start] in ("let", "var"):
            self.pos += 1
        name = self.name("a field")
        self.expect(":", " and a type after the field")
        type_ = self.type_()
        default = self.fresh_expression() if self.take("=") else None
        span = self.span_from(start)
        if self.kinds[self.pos] in (";", ","):
            self.pos += 1
        else:
            self.expected("';'", " after the field")
            if self.kinds[self.pos] != "}" and not self.on_new_line(self.pos):
                raise SyntaxFailure
        return ast.ActorField(span, name, type_, default)

    # "mailbox" Expr [ "overflow" Policy ] ";"
    def _mailbox(self) -> ast.Mailbox:
        start = self.pos
        self.pos += 1
        bound = self.fresh_expression()
        if self.is_word("overflow"):
            begin = self.pos
            while self.kinds[self.pos] not in (";", "}", "eof", "let", "var", "fn"):
                self.pos = self.closes.get(self.pos, self.pos) + 1
            self.unsupported(begin, "overflow policies", "L2")
        self.expect(";", " after the mailbox")
        return ast.Mailbox(self.span_from(start), bound)

    # { Attribute } [ "pure" ] "receive" [ "gen" ] "fn" IDENT "(" [ sep(Param) ] ")" [ "->" Type ] Block
    def _handler(self, attributes: tuple[ast.Attribute, ...]) -> ast.Member:
        start = self.pos
        pure = self.word(start) == "pure"
        self.pos += 2 if pure else 1
        is_generator = self.is_word("gen")
        if is_generator:
            self.pos += 1
        self.expect("fn", " after 'receive'")
        name = self.name("the name of the handler")
        if self.kinds[self.pos] == "<":
            self.error_here(E0015, self.pos, what="a handler has no type parameters")
            self.generics()
        params = self.params(" after the name of the handler")
        result = self.type_() if self.take("->") else None
        if is_generator:
            if self.kinds[self.pos] != "{":
                raise self.missing("'{'")
            self.skip_bracket()
            return self.unsupported(start, "streams", "L3", end=start + 2)
        body = self.block()
        return ast.Handler(self.span_from(start), name, params, result, body, pure, attributes)

    _items_by_word: ClassVar[dict[str, _Reader]] = {
        "fn": _fn,
        "async": _fn,
        "const": _const,
        "type": _type,
        "struct": _type,
        "enum": _enum,
        "impl": _impl,
        "import": _import,
        "actor": _actor,
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
