"""Blocks, statements, and the expressions that hold blocks: if, match, loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

from hew.compiler import ast
from hew.compiler.codes import E0014, E0015, E0016
from hew.compiler.parser.cursor import STATEMENT_WORDS, SyntaxFailure, TooDeep
from hew.compiler.parser.expressions import ExpressionParser
from hew.compiler.tokens import ASSIGNMENTS, KEYWORDS

_BLOCK_LIKE: Final = frozenset(["if", "match", "loop", "while", "for", "unsafe", "@", "{"])
_AFTER: Final = " after the statement"
_ITEM_WORDS: Final = frozenset(
    ["fn", "type", "struct", "enum", "impl", "trait", "actor", "supervisor", "import", "pub", "async", "extern"]
)


class StatementParser(ExpressionParser):
    """Block, Stmt, BlockExpr."""

    def misplaced_item(self) -> ast.Stmt:
        """Defined in declarations: an item other than fn and const in a block."""
        raise NotImplementedError

    def constant(self, *, public: bool) -> ast.ConstDecl:
        """Defined in declarations."""
        raise NotImplementedError

    # Block = "{" { Stmt } [ Expr ] "}"
    def block(self) -> ast.Block:
        """A block, from its `{`."""
        if self.kinds[self.pos] != "{":
            raise self.missing("'{'")
        return self._block_from(self.pos, [])

    def _block_from(self, opener: int, statements: list[ast.Stmt]) -> ast.Block:
        """A block, of which `statements` have been read when the position is beyond its `{`."""
        close = self.closes[opener]
        if self.pos == opener:
            self.enter(opener)
            self.pos += 1
        depth = self.depth
        saved = self.head, self.guard, self.block_close
        value: ast.Expr | None = None
        while self.pos < close:
            begin = self.pos
            self.block_close = close
            self.head = self.guard = False
            try:
                value = self.statement(statements)
            except TooDeep:
                raise
            except SyntaxFailure:
                self.depth = depth
                self.recover(begin, close)
                broken = ast.Broken(self.span_from(begin))
                statements.append(broken)
                if self.pos == close:
                    value = broken
        self.head, self.guard, self.block_close = saved
        self.depth = depth - 1
        self.pos = close + 1
        return ast.Block(self.span_from(opener), tuple(statements), value)

    # Stmt = ";" | Item | Let | Expr AssignOp Expr ";" | Return | ... | BlockExpr [ ";" ] | Expr ";"
    def statement(self, statements: list[ast.Stmt]) -> ast.Expr | None:
        """One statement, put at the end of `statements`; or the value that ends the block."""
        kind = self.kinds[self.pos]
        read = self._statements.get(kind)
        if read is not None:
            read(self, statements)
            return None
        start = self.pos
        if kind == "ident":
            special = self._contextual()
            if special is not None:
                statements.append(special)
                return None
            value = self.construct() if self.word(start) in ("select", "scope", "join") else None
            is_block = value is not None
        else:
            is_block = kind in _BLOCK_LIKE
            value = self.block_like() if is_block else None
        if value is None:
            value = self.expression()
        elif self.kinds[self.pos] in (".", "?"):
            value = self._continued_block(start, value)
            is_block = False
        return self._end_of_expression(start, value, statements, is_block=is_block)

    def _continued_block(self, start: int, value: ast.Expr) -> ast.Expr:
        """`match x { ... }.m()` as a statement."""
        value = self.applied(start, value)
        return self._continued(start, value)

    def _end_of_expression(
        self, start: int, value: ast.Expr, statements: list[ast.Stmt], *, is_block: bool
    ) -> ast.Expr | None:
        """What follows an expression that began a statement."""
        kind = self.kinds[self.pos]
        if kind == ";":
            self.pos += 1
            statements.append(ast.ExprStmt(self.span_from(start), self._cooperating(value)))
            return None
        if kind == "}":
            return value
        if is_block:
            statements.append(ast.ExprStmt(self.span_from(start), value))
            return None
        if kind in ASSIGNMENTS:
            statements.append(self._assignment(start, value))
            self.end_of_statement()
            return None
        self.end_of_statement()
        statements.append(ast.ExprStmt(self.span_from(start), value))
        return None

    def _cooperating(self, value: ast.Expr) -> ast.Expr:
        """`cooperate;` is `cooperate();`."""
        if isinstance(value, ast.Name) and value.text == "cooperate":
            return ast.Call(value.span, value, ())
        return value

    def _assignment(self, start: int, target: ast.Expr) -> ast.Assign:
        op = self.pos
        self.pos += 1
        value = self.expression()
        return ast.Assign(self.span_from(start), self.kinds[op], self.token_span(op), target, value)

    def end_of_statement(self) -> None:
        """`;`. Where it is missing and a statement begins, that is where to go on."""
        if self.kinds[self.pos] == ";":
            self.pos += 1
            return
        index = self.pos
        self.expected("';'", _AFTER)
        if self.kinds[index] in ASSIGNMENTS:
            raise SyntaxFailure
        if self.kinds[index] not in STATEMENT_WORDS and self.kinds[index] != "}" and not self.on_new_line(index):
            raise SyntaxFailure

    def _contextual(self) -> ast.Stmt | None:
        """Statements that begin with a word that is a name elsewhere: items with `pure`, `gen`, `machine` and such."""
        word = self.word(self.pos)
        following = self.kind_ahead(1)
        if word == "pure" and following == "fn":
            return ast.ItemStmt(self.token_span(self.pos), self.function(public=False))
        if word == "gen" and following == "fn":
            return ast.ItemStmt(self.token_span(self.pos), self.function(public=False))
        if (word in ("machine", "indirect", "wire") and following in ("ident", "enum", "type", "struct")) or (
            word == "test" and following == "string"
        ):
            return self.misplaced_item()
        if word == "receive" and following == "fn":
            self.error_here(E0015, self.pos, what="'receive' belongs in an actor, not in a block")
            self.pos += 1
            self.function(public=False)
            return ast.Broken(self.token_span(self.pos - 1))
        return None

    # --- statements with a word of their own --------------------------------------------------------------------

    def _empty(self, statements: list[ast.Stmt]) -> None:
        self.pos += 1

    # ("let" | "var") Pattern [ ":" Type ] [ "=" Expr ] ";"
    def _let(self, statements: list[ast.Stmt]) -> None:
        start = self.pos
        mutable = self.kinds[start] == "var"
        self.pos += 1
        if self.kinds[self.pos] in KEYWORDS and self.kinds[self.pos] not in ("true", "false", "Self"):
            name = self.name("a pattern")
            pattern: ast.Pattern = ast.NamePattern(name.span, name.text)
        elif not mutable and self.is_word("mut") and self.kind_ahead(1) == "ident":
            self.error_here(
                E0014, self.pos, message="'let mut' is written 'var'", label="not needed", help="write 'var'"
            )
            self.pos += 1
            mutable, pattern = True, self.pattern()
        else:
            pattern = self.pattern()
        depth = self.depth
        type_: ast.TypeExpr | None = None
        value: ast.Expr | None = None
        try:
            type_ = self.type_() if self.take(":") else None
            if self.take("="):
                value = self.expression()
            self.end_of_statement()
        except TooDeep:
            raise
        except SyntaxFailure:  # the name is known all the same, so that its uses are no errors
            self.depth = depth
            self.recover(start, self.block_close)
            value = ast.Broken(self.span_from(start))
        statements.append(ast.Let(self.span_from(start), mutable, pattern, type_, value))

    # "return" [ Expr ] ";"
    def _return(self, statements: list[ast.Stmt]) -> None:
        statements.append(self._jump())
        self._end_of_jump()

    def _end_of_jump(self) -> None:
        """`;`, which may lack before the `}` of a block, where `return e` reads as its value."""
        if self.kinds[self.pos] == "}" and not self.is_mended(self.pos):
            self.expected("';'", _AFTER)
        else:
            self.end_of_statement()

    # "return" [ Expr ] | "break" [ "@" IDENT ] [ Expr ] | "continue" [ "@" IDENT ]
    def _jump(self) -> ast.Stmt:
        start = self.pos
        word = self.kinds[start]
        self.pos += 1
        if word == "return":
            value = None if self._at_end_of_jump() else self.expression()
            return ast.Return(self.span_from(start), value)
        label = self._label_use()
        if word == "continue":
            return ast.Continue(self.span_from(start), label)
        value = None if self._at_end_of_jump() else self.expression()
        return ast.Break(self.span_from(start), label, value)

    def _at_end_of_jump(self) -> bool:
        return self.kinds[self.pos] in (";", "}", ",", "eof", ")", "]") or (
            self.kinds[self.pos] in STATEMENT_WORDS - {"if", "match", "loop", "while", "for"}
            and self.on_new_line(self.pos)
        )

    def _label_use(self) -> ast.Ident | None:
        if not self.take("@"):
            return None
        name = self.name("a label")
        return ast.Ident(ast.Span(name.span.start - 1, name.span.end), name.text)

    # "defer" ( Block [ ";" ] | Expr ";" )
    def _defer(self, statements: list[ast.Stmt]) -> None:
        start = self.pos
        self.pos += 1
        if self.kinds[self.pos] == "{":
            self.block()
            statements.append(self.unsupported(start, "'defer' statements", "L3", end=start))
            self.take(";")
            return
        self.statement([])
        statements.append(self.unsupported(start, "'defer' statements", "L3", end=start))

    # "yield" Expr ";"
    def _yield(self, statements: list[ast.Stmt]) -> None:
        start = self.pos
        self.pos += 1
        self.expression()
        statements.append(self.unsupported(start, "generators", "L3", end=start))
        self.end_of_statement()

    def _function(self, statements: list[ast.Stmt]) -> None:
        start = self.pos
        item = self.function(public=False)
        statements.append(ast.ItemStmt(self.span_from(start), item))

    def _constant(self, statements: list[ast.Stmt]) -> None:
        start = self.pos
        item = self.constant(public=False)
        statements.append(ast.ItemStmt(self.span_from(start), item))

    def _item(self, statements: list[ast.Stmt]) -> None:
        statements.append(self.misplaced_item())

    def _attribute(self, statements: list[ast.Stmt]) -> None:
        start = self.pos
        self.pos += 1
        if self.kinds[self.pos] == "[":
            self.skip_bracket()
        span = self.span_from(start)
        self.report.error(E0016, span, what="an attribute stands before an item or a handler, not in a block")

    def _else(self, statements: list[ast.Stmt]) -> None:
        self.error_here(E0015, self.pos, what="this 'else' follows no 'if'")
        raise SyntaxFailure

    # --- expressions with blocks ----------------------------------------------------------------------------------

    def block_like(self) -> ast.Expr:
        """If, match, a loop, a block: from its first token."""
        return self._blocks[self.kinds[self.pos]](self)

    def construct(self) -> ast.Expr | None:
        """`select {`, `join {`, `scope {`, `scope |s| {`: of a later level; else the word is a name."""
        start = self.pos
        word = self.word(start)
        following = self.kind_ahead(1)
        if word == "scope" and following == "|" and self.kind_ahead(2) == "ident" and self.kind_ahead(3) == "|":
            self.pos = start + 4
            if self.kinds[self.pos] != "{":
                self.pos = start
                return None
        elif following == "{" and not self.head:
            self.pos = start + 1
        else:
            return None
        self.skip_bracket()
        return self.unsupported(start, f"'{word}' expressions", "L2", end=start)

    # "{" sep(Expr ":" Expr) "}" | Block
    def braces(self) -> ast.Expr:
        """A map literal when `:` follows the first expression, else a block."""
        opener = self.pos
        if self.kinds[opener + 1] in self._statements or self.kinds[opener + 1] in _BLOCK_LIKE:
            return self._block_from(opener, [])
        if self.kinds[opener + 1] == "}":
            return self._block_from(opener, [])
        self.enter(opener)
        saved = self.head, self.guard
        self.head = self.guard = False
        depth = self.depth
        self.pos += 1
        start = self.pos
        statements: list[ast.Stmt] = []
        try:
            first = None if self._begins_construct() else self.expression()
            if first is not None and self.kinds[self.pos] == ":":
                return self._map(opener, first, saved)
            if first is None:
                value = self.statement(statements)
            else:
                value = self._end_of_expression(start, first, statements, is_block=False)
        except TooDeep:
            raise
        except SyntaxFailure:
            self.depth = depth
            self.recover(start, self.closes[opener])
            value = ast.Broken(self.span_from(start))
            statements.append(value)
        if self.pos < self.closes[opener]:
            block = self._block_from(opener, statements)
        else:
            self.pos = self.closes[opener] + 1
            self.depth -= 1
            block = ast.Block(self.span_from(opener), tuple(statements), value)
        self.head, self.guard = saved
        return block

    def _begins_construct(self) -> bool:
        """Whether a statement begins here that is no expression, by a contextual word."""
        return self.kinds[self.pos] == "ident" and (
            (self.kinds[self.pos + 1] in ("fn", "ident", "enum", "type", "struct", "string"))
            or self.word(self.pos) in ("select", "join", "scope")
        )

    def _map(self, opener: int, first: ast.Expr, saved: tuple[bool, bool]) -> ast.Expr:
        """A map literal after its first key."""
        entries: list[ast.MapEntry] = []
        key = first
        while True:
            self.expect(":", " after the key")
            value = self.expression()
            entries.append(ast.MapEntry(ast.Span(key.span.start, value.span.end), key, value))
            if not self.take(",") or self.kinds[self.pos] == "}":
                break
            key = self.expression()
        self.expect("}", " after the entries")
        self.head, self.guard = saved
        self.depth -= 1
        return ast.MapLit(self.span_from(opener), tuple(entries))

    # "unsafe" Block
    def _unsafe(self) -> ast.Expr:
        self.pos += 1
        return self.block()

    # Cond = Head | "let" Pattern "=" Head
    def _condition(self) -> ast.Expr | ast.LetCondition:
        start = self.pos
        if self.take("let"):
            pattern = self.pattern()
            self.expect("=", " after the pattern")
            value = self._head()
            return ast.LetCondition(self.span_from(start), pattern, value)
        return self._head()

    # Head = Expr, no record literal, map literal or block at its outer level
    def _head(self) -> ast.Expr:
        saved = self.head, self.guard
        self.head, self.guard = True, False
        value = self.expression()
        self.head, self.guard = saved
        return value

    def _body(self) -> ast.Block:
        """The block after a head."""
        if self.kinds[self.pos] != "{":
            raise self.missing("'{'", " after the condition")
        return self._block_from(self.pos, [])

    # If = "if" Cond Block [ "else" ( If | Block ) ]
    def _if(self) -> ast.Expr:
        start = self.pos
        branches: list[ast.IfBranch] = []
        otherwise: ast.Block | None = None
        while True:
            begin = self.pos
            self.pos += 1
            condition = self._condition()
            body = self._body()
            branches.append(ast.IfBranch(self.span_from(begin), condition, body))
            if not self.take("else"):
                break
            if self.kinds[self.pos] != "if":
                if self.kinds[self.pos] != "{":
                    raise self.missing("'{'", " after 'else'")
                otherwise = self._block_from(self.pos, [])
                break
        return ast.If(self.span_from(start), tuple(branches), otherwise)

    # Match = "match" Head "{" { Case ( BlockExpr [ "," ] | Arm "," ) } [ Case Arm ] "}"
    def _match(self) -> ast.Expr:
        start = self.pos
        self.pos += 1
        subject = self._head()
        opener = self.pos
        if self.kinds[opener] != "{":
            raise self.missing("'{'", " after the value to match")
        self.enter(opener)
        self.pos += 1
        close = self.closes[opener]
        depth, saved = self.depth, (self.head, self.guard)
        arms: list[ast.MatchArm] = []
        while self.pos < close:
            begin = self.pos
            self.head = self.guard = False
            try:
                arms.append(self._arm())
            except TooDeep:
                raise
            except SyntaxFailure:
                self.depth = depth
                self._recover_arm(begin, close)
                span = self.span_from(begin)
                arms.append(ast.MatchArm(span, ast.Broken(span), None, ast.Broken(span)))
        self.head, self.guard = saved
        self.depth = depth - 1
        self.pos = close + 1
        return ast.Match(self.span_from(start), subject, tuple(arms))

    def _recover_arm(self, begin: int, close: int) -> None:
        """To after the next `,` outside brackets, or the end of the `match`."""
        failed, index = self.pos, begin
        while index < close:
            kind = self.kinds[index]
            index = self.closes.get(index, index) + 1
            if index > failed and (
                kind in (",", ";") or (kind == "{" and self.on_new_line(index) and self.kinds[index - 2] != "=>")
            ):
                break
        self.pos = min(max(index, begin + 1), close)

    # Case = Pattern [ "if" Expr ] "=>"
    def _arm(self) -> ast.MatchArm:
        start = self.pos
        pattern = self.pattern()
        guard = None
        if self.take("if"):
            self.guard = True
            guard = self.expression()
            self.guard = False
        self.expect("=>", " after the pattern")
        body = self._arm_body()
        span = self.span_from(start)
        if self.kinds[self.pos] == ",":
            self.pos += 1
        elif self.kinds[self.pos] != "}" and not isinstance(
            body, (ast.Block, ast.If, ast.Match, ast.Loop, ast.While, ast.For, ast.Unsupported)
        ):
            self.expected("','", " after the arm")
            if not self.on_new_line(self.pos):
                raise SyntaxFailure
        return ast.MatchArm(span, pattern, guard, body)

    # Arm = Expr | "return" [ Expr ] | "break" ... | "continue" ... | Expr AssignOp Expr
    def _arm_body(self) -> ast.Expr:
        start = self.pos
        kind = self.kinds[start]
        if kind in ("return", "break", "continue"):
            jump = self._jump()
            return ast.Block(jump.span, (jump,), None)
        if kind in _BLOCK_LIKE and not (kind == "{" and self._is_map()):
            value = self.braces() if kind == "{" else self.block_like()
            if self.kinds[self.pos] in (".", "?"):
                value = self._continued_block(start, value)
            return value
        value = self.expression()
        if self.kinds[self.pos] in ASSIGNMENTS:
            assign = self._assignment(start, value)
            return ast.Block(assign.span, (assign,), None)
        return value

    # Loop = [ "@" IDENT ":" ] ( "loop" Block | "while" Cond Block | "for" [ "await" ] Pattern "in" Head Block )
    def _labelled(self) -> ast.Expr:
        label = self._label_use()
        self.expect(":", " after the label")
        if self.kinds[self.pos] not in self._loops:
            raise self.unexpected("a loop")
        return self._loops[self.kinds[self.pos]](self, label)

    def _loop(self, label: ast.Ident | None = None) -> ast.Expr:
        start = self.pos if label is None else self.pos - 3
        self.pos += 1
        body = self.block()
        return ast.Loop(self.span_from(start), label, body)

    def _while(self, label: ast.Ident | None = None) -> ast.Expr:
        start = self.pos if label is None else self.pos - 3
        self.pos += 1
        condition = self._condition()
        body = self._body()
        return ast.While(self.span_from(start), label, condition, body)

    def _for(self, label: ast.Ident | None = None) -> ast.Expr:
        start = self.pos if label is None else self.pos - 3
        self.pos += 1
        is_async = self.take("await")
        pattern = self.pattern()
        self.expect("in", " after the pattern")
        iterable = self._head()
        if self.kinds[self.pos] != "{":
            raise self.missing("'{'", " after what is iterated")
        body = self._block_from(self.pos, [])
        if is_async:
            return self.unsupported(start, "'for await' loops", "L2", end=start)
        return ast.For(self.span_from(start), label, pattern, iterable, body)

    _loops: ClassVar[dict[str, Callable[[Any, ast.Ident | None], ast.Expr]]] = {
        "loop": _loop,
        "while": _while,
        "for": _for,
    }

    _blocks: ClassVar[dict[str, Callable[[Any], ast.Expr]]] = {
        "if": _if,
        "match": _match,
        "loop": _loop,
        "while": _while,
        "for": _for,
        "unsafe": _unsafe,
        "@": _labelled,
        "{": braces,
    }

    _statements: ClassVar[dict[str, Callable[[Any, list[ast.Stmt]], None]]] = {
        ";": _empty,
        "let": _let,
        "var": _let,
        "return": _return,
        "break": _return,
        "continue": _return,
        "defer": _defer,
        "yield": _yield,
        "const": _constant,
        "#": _attribute,
        "else": _else,
        **dict.fromkeys(_ITEM_WORDS, _item),
        "fn": _function,
    }
