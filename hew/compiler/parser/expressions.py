"""Expressions, but for those with blocks in them (statements.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final, NoReturn

from hew.compiler import ast
from hew.compiler.codes import E0004, E0012, E0013, E0212, E0901
from hew.compiler.literals import string
from hew.compiler.parser.cursor import SyntaxFailure
from hew.compiler.parser.patterns import LITERALS, PatternParser

# Levels of the left-associative operators, the tightest highest; levels 10 and 11 of the reference do not chain.
LEVEL: Final = {
    "||": 1,
    "&&": 2,
    "==": 3,
    "!=": 3,
    "=~": 3,
    "!~": 3,
    "<": 4,
    "<=": 4,
    ">": 4,
    ">=": 4,
    "|": 5,
    "^": 6,
    "&": 7,
    "<<": 8,
    ">>": 8,
    "+": 9,
    "-": 9,
    "+%": 9,
    "-%": 9,
    "*": 10,
    "/": 10,
    "%": 10,
    "*%": 10,
}
_COMPARING: Final = (3, 4)
_PREFIX: Final = frozenset(["-", "!", "~", "await"])
_CONTINUES: Final = frozenset([*LEVEL, "..", "..=", "<-"])
_POSTFIX: Final = frozenset(["(", ".", "[", "?", "::"])
_BLOCKS: Final = frozenset(["if", "match", "loop", "while", "for", "unsafe", "@"])
_CONSTRUCTS: Final = frozenset(["bytes", "move", "select", "join", "scope"])
STARTS: Final = (
    LITERALS
    | _PREFIX
    | _BLOCKS
    | frozenset(["ident", "(", "[", "{", "fstart", "this", "self", "Self", "spawn", "regex", "_", "<"])
)


class ExpressionParser(PatternParser):
    """Expr down to Primary."""

    bytes_bound: int | None = None  # the first token that binds the name `bytes`, once it has been looked for

    def block_like(self) -> ast.Expr:
        """Defined in statements: if, match, loops, blocks and those of later levels."""
        raise NotImplementedError

    def construct(self) -> ast.Expr | None:
        """Defined in statements: `select {`, `join {`, `scope {`, or None when the word is only a name."""
        raise NotImplementedError

    def braces(self) -> ast.Expr:
        """Defined in statements: a block or a map literal."""
        raise NotImplementedError

    # Expr = Timed [ "<-" Expr ] ;  Timed = Range [ "|" "after" Range ]
    def expression(self) -> ast.Expr:
        """Any expression."""
        start = self.pos
        left = self.operand() if self.kinds[start] not in ("..", "..=") else None
        if self.kinds[self.pos] not in _CONTINUES:
            assert left is not None
            return left
        return self._continued(start, left)

    def _continued(self, start: int, left: ast.Expr | None) -> ast.Expr:
        """What follows the first operand; None: the expression begins with `..`."""
        value = self._binary(left, start) if left is not None else None
        if self.kinds[self.pos] in ("..", "..="):
            value = self._range(start, value)
        assert value is not None
        if self.kinds[self.pos] == "|" and self._is_after():
            self.pos += 2
            self.operand_with_binary()
            value = self.unsupported(start, "time-outs with '| after'", "L2")
        if self.kinds[self.pos] == "<-":
            self.pos += 1
            self.enter(self.pos)
            self.expression()
            self.depth -= 1
            value = self.unsupported(start, "sends with '<-'", "L2")
        return value

    def operand_with_binary(self) -> ast.Expr:
        """Or: an expression without range, time-out or `<-`."""
        start = self.pos
        return self._binary(self.operand(), start)

    def _is_after(self) -> bool:
        return self.is_word("after", 1) and self.kind_ahead(2) in STARTS

    # Range = Or [ ( ".." | "..=" ) [ Or ] ] | ".." Or     (open ends only inside [ ])
    def _range(self, start: int, low: ast.Expr | None) -> ast.Expr:
        operator = self.pos
        inclusive = self.kinds[operator] == "..="
        self.pos += 1
        kind = self.kinds[self.pos]
        high = self.operand_with_binary() if kind in STARTS and not (kind == "{" and self.head) else None
        if (low is None or high is None) and not self._in_index(start):
            self._open_range(operator, high is None)
        if self.kinds[self.pos] in ("..", "..="):
            self.error_here(E0012, self.pos, first=self.kinds[operator], second=self.kinds[self.pos], help="")
            raise SyntaxFailure
        return ast.Range(self.span_from(start), low, high, inclusive)

    def _in_index(self, start: int) -> bool:
        """Whether the range is the whole index of an Index."""
        return start == self.index_at and self.kinds[self.pos] == "]"

    def _open_range(self, operator: int, at_end: bool) -> None:
        """E0013 for a range without one of its ends."""
        index = self.pos if at_end else operator
        self.error_here(
            E0013,
            index,
            expected="an expression",
            found=self.found(index),
            help="an end may be left out only in v[a..b]",
        )

    # Or { ... } down to Mul, by levels: an operator waits on a stack until none binds tighter.
    def _binary(self, left: ast.Expr, start: int) -> ast.Expr:
        kinds = self.kinds
        operands = [(left, start)]
        waiting: list[tuple[int, int]] = []  # (level, index of the operator)
        while True:
            index = self.pos
            level = LEVEL.get(kinds[index], 0)
            if not level or (level == 5 and kinds[index] == "|" and self._is_after()):
                break
            while waiting and waiting[-1][0] >= level:
                self._reduce(operands, waiting, level, index)
            waiting.append((level, index))
            self.pos = index + 1
            operands.append((self.operand(), index + 1))
        while waiting:
            self._reduce(operands, waiting, 0, self.pos)
        return operands[0][0]

    # All operands end before the operator at `at`, so that is where each node made there ends.
    def _reduce(
        self, operands: list[tuple[ast.Expr, int]], waiting: list[tuple[int, int]], level: int, at: int
    ) -> None:
        """Make a node of the operator that waits last."""
        found, index = waiting.pop()
        right, _ = operands.pop()
        left, start = operands.pop()
        op = self.kinds[index]
        if found == level and level in _COMPARING:
            self.error_here(E0012, at, first=op, second=self.kinds[at])
            operands.append((left, start))  # the second comparison alone: of the first no Bool is left to be compared
            return
        span = ast.Span(self.starts[start], self.ends[at - 1])
        if op in ("=~", "!~"):
            self._regex_match(span)
            operands.append((ast.Unsupported(span, "regex matches", "L4"), start))
            return
        operands.append((ast.Binary(span, op, self.token_span(index), left, right), start))

    def _regex_match(self, span: ast.Span) -> None:
        """E0901 for `=~` and `!~`."""
        self.report.error(E0901, span, what="regex matches", level="L4", label="level L4")

    # Cast = Unary { "as" Type } ;  Unary = ("-" | "!" | "~") Unary | "await" Unary [ "<-" Unary ] | Postfix
    def operand(self) -> ast.Expr:
        """What stands between binary operators."""
        start = self.pos
        value = self._unary() if self.kinds[start] in _PREFIX else self.postfix()
        if self.kinds[self.pos] != "as":
            return value
        depth = self.depth
        while self.kinds[self.pos] == "as":
            self.enter(self.pos)
            self.pos += 1
            target = self.type_()
            value = ast.Cast(self.span_from(start), value, target)
        self.depth = depth
        return value

    def _unary(self) -> ast.Expr:
        start = self.pos
        op = self.kinds[start]
        self.enter(start)
        self.pos += 1
        operand = self._unary() if self.kinds[self.pos] in _PREFIX else self.postfix()
        self.depth -= 1
        if op != "await":
            return ast.Unary(self.span_from(start), op, operand)
        if self.kinds[self.pos] == "<-":
            self.pos += 1
            self._unary() if self.kinds[self.pos] in _PREFIX else self.postfix()
            return self.unsupported(start, "sends with '<-'", "L2")
        return ast.Await(self.span_from(start), operand)

    # Postfix = Primary { "?" | "." NAME | "." INT | "::" NAME | [ "::" ] TypeArgs | "(" [ Args ] ")" | "[" Expr "]" }
    def postfix(self) -> ast.Expr:
        """A primary expression and what is applied to it."""
        start = self.pos
        read = self._primary.get(self.kinds[start])
        if read is None:
            self._no_expression()
        value: ast.Expr = read(self)
        if self.kinds[self.pos] in _POSTFIX:
            return self.applied(start, value)
        return value

    def _no_expression(self) -> NoReturn:
        if self.kinds[self.pos] == "." and self.kinds[self.pos + 1] == "number":
            span = ast.Span(self.starts[self.pos], self.ends[self.pos + 1])
            self.report.error(
                E0004, span, text=self.text[span.start : span.end][:40], why="digits stand on both sides of the point"
            )
            raise SyntaxFailure
        raise self.unexpected("an expression")

    def applied(self, start: int, value: ast.Expr) -> ast.Expr:
        """Everything of Postfix after its Primary; each application nests a level deeper."""
        depth = self.depth
        kinds = self.kinds
        while kinds[self.pos] in _POSTFIX:
            self.enter(self.pos)
            kind = kinds[self.pos]
            if kind == "(":
                args = self.arguments()
                value = ast.Call(self.span_from(start), value, args)
            elif kind == ".":
                value = self._member(start, value)
            elif kind == "[":
                value = self._index(start, value)
            elif kind == "?":
                self.pos += 1
                value = ast.Try(self.span_from(start), value)
            else:
                value = self._path(start, value)
        self.depth = depth
        return value

    def _index(self, start: int, value: ast.Expr) -> ast.Expr:
        self.pos += 1
        saved = self.index_at
        self.index_at = self.pos
        index = self.fresh_expression()
        self.index_at = saved
        self.expect("]", " after the index")
        return ast.Index(self.span_from(start), value, index)

    def _member(self, start: int, value: ast.Expr) -> ast.Expr:
        """`.name`, `.0`, `.name(args)`."""
        self.pos += 1
        if self.kinds[self.pos] == "number":
            index = int(self.word(self.pos)[:9])
            self.pos += 1
            return ast.TupleIndex(self.span_from(start), value, index)
        name = self.any_name("a field or method")
        type_args = self._type_args_before("(")
        if self.kinds[self.pos] == "(":
            args = self.arguments()
            return ast.MethodCall(self.span_from(start), value, name, type_args, args)
        if self.kinds[self.pos] == "{" and not self.head:
            if name.text in ("launch", "spawn"):
                self.skip_bracket()
                return self.unsupported(start, "tasks", "L2")
            if self._is_record():
                return self._record(start, (*self._path_names(value), name), ())
        return ast.Field(self.span_from(start), value, name)

    def _path(self, start: int, value: ast.Expr) -> ast.Expr:
        """`::name`."""
        if not isinstance(value, (ast.Name, ast.SelfType, ast.Path)):
            raise self.missing("';'", " after the statement")
        self.pos += 1
        name = self.any_name()
        type_args = self._type_args_before("(", "::", "{")
        path = ast.Path(self.span_from(start), value, name, type_args)
        if self.kinds[self.pos] == "{" and not self.head and self._is_record():
            return self._record(start, (*self._path_names(value), name), type_args or ())
        return path

    def _path_names(self, value: ast.Expr) -> tuple[ast.Ident, ...]:
        """The names of `a::b` or `a.b` as a path of a record literal."""
        names: list[ast.Ident] = []
        while isinstance(value, (ast.Path, ast.Field)):
            names.append(value.name)
            value = value.base
        if isinstance(value, ast.Name):
            names.append(ast.Ident(value.span, value.text))
        elif isinstance(value, ast.SelfType):
            names.append(ast.Ident(value.span, "Self"))
        else:
            raise self.missing("';'", " after the statement")
        return tuple(reversed(names))

    def _type_args_before(self, *following: str) -> tuple[ast.TypeExpr, ...] | None:
        """`<T>` or `::<T>` when it is a list of types and one of `following` comes after it, else None."""
        at = self.pos
        kind = self.kinds[at]
        if kind == "::" and self.kinds[at + 1] == "<":
            at += 1
        elif kind != "<":
            return None
        end = self.scan_type_args(at)
        if end < 0:
            return None
        after = self.kinds[end]
        if after not in following or (after == "{" and (self.head or not self._is_record(end))):
            return None
        self.pos = at
        return self.type_args()

    # Args = sep([ NAME ":" ] Expr)
    def arguments(self) -> tuple[ast.Arg, ...]:
        """`( ... )` after what is called or spawned."""
        self.pos += 1
        kinds = self.kinds
        if kinds[self.pos] == ")":
            self.pos += 1
            return ()
        saved = self.head, self.guard
        self.head = self.guard = False
        args: list[ast.Arg] = []
        named = False
        while kinds[self.pos] != ")":
            start = self.pos
            name = None
            if kinds[start + 1] == ":" and kinds[start] not in ("string", "number", "char"):
                name = self.any_name("the name of a parameter")
                self.pos += 1
                named = True
            value = self.expression()
            if named and name is None:
                self.report.error(E0212, value.span)
            args.append(ast.Arg(self.span_from(start), name, value))
            if kinds[self.pos] != ",":
                break
            self.pos += 1
        self.head, self.guard = saved
        self.expect(")", " after the arguments")
        return tuple(args)

    # --- Primary --------------------------------------------------------------------------------------------------

    def _name(self) -> ast.Expr:
        """A name; with what makes it a record literal, a generic function or a construct."""
        start = self.pos
        text = self.text[self.starts[start] : self.ends[start]]
        if text in _CONSTRUCTS:
            built = self._construct(text)
            if built is not None:
                return built
        elif not text.isascii():
            text = self.identifier(start)
        self.pos = start + 1
        following = self.kinds[start + 1]
        type_args = self._type_args_before("(", "::", "{") if following in ("<", "::") else None
        if self.kinds[self.pos] == "{" and not self.head and self._is_record():
            name = ast.Ident(self.token_span(start), text)
            return self._record(start, (name,), type_args or ())
        return ast.Name(self.span_from(start), text, type_args)

    def _construct(self, word: str) -> ast.Expr | None:
        if word == "bytes":
            return self._bytes() if self.kind_ahead(1) == "[" and not self._bytes_is_local() else None
        if word == "move":
            self.pos += 1
            if self.kinds[self.pos] == "(" and self._is_lambda():
                return self.lambda_(moves=True)
            self.pos -= 1
            return None
        return self.construct()

    def _bytes_is_local(self) -> bool:
        """Whether `bytes` has been bound before: then `bytes[0]` is an index."""
        if self.bytes_bound is None:
            self.bytes_bound = len(self.kinds)
            for index, kind in enumerate(self.kinds):
                if (
                    kind == "ident"
                    and self.word(index) == "bytes"
                    and (self.kinds[index + 1] in (":", "=") or self.kinds[index - 1] in ("let", "var", "for"))
                ):
                    self.bytes_bound = index
                    break
        return self.bytes_bound < self.pos

    def _bytes(self) -> ast.Expr:
        start = self.pos
        self.pos += 1
        self.enter(self.pos)
        items = self._items("]")
        self.depth -= 1
        return ast.BytesListLit(self.span_from(start), items)

    def _literal(self) -> ast.Expr:
        return self.literal()

    def _regex(self) -> ast.Expr:
        self.pos += 1
        return self.unsupported(self.pos - 1, "regex literals", "L4")

    def _this(self) -> ast.Expr:
        self.pos += 1
        return ast.This(self.token_span(self.pos - 1))

    def _self(self) -> ast.Expr:
        self.pos += 1
        return ast.SelfName(self.token_span(self.pos - 1))

    def _self_type(self) -> ast.Expr:
        start = self.pos
        self.pos += 1
        if self.kinds[self.pos] == "{" and not self.head and self._is_record():
            return self._record(start, (ast.Ident(self.token_span(start), "Self"),), ())
        return ast.SelfType(self.token_span(start))

    def _wildcard(self) -> ast.Expr:
        if self.kinds[self.pos + 1] != "=":
            raise self.unexpected("an expression")
        self.pos += 1
        return ast.Name(self.token_span(self.pos - 1), "_")

    # "(" ")" | "(" Expr ")" | "(" Expr "," [ sep(Expr) ] ")" | Lambda
    def _parentheses(self) -> ast.Expr:
        if self._is_lambda():
            return self.lambda_(moves=False)
        start = self.pos
        if self.kinds[start + 1] == ")":
            self.pos += 2
            return ast.UnitLit(self.span_from(start))
        self.enter(start)
        self.pos += 1
        saved = self.head, self.guard
        self.head = self.guard = False
        items = [self.expression()]
        is_tuple = self.kinds[self.pos] == ","
        while self.take(",") and self.kinds[self.pos] != ")":
            items.append(self.expression())
        self.head, self.guard = saved
        self.expect(")", " after the expression")
        self.depth -= 1
        return ast.TupleLit(self.span_from(start), tuple(items)) if is_tuple else items[0]

    # "[" [ sep(Expr) ] "]" | "[" Expr ";" Expr "]"
    def _list(self) -> ast.Expr:
        start = self.pos
        self.enter(start)
        value: ast.Expr
        if self.kinds[start + 1] != "]":
            self.pos += 1
            first = self.fresh_expression()
            if self.take(";"):
                count = self.fresh_expression()
                self.expect("]", " after the count")
                self.depth -= 1
                return ast.RepeatLit(self.span_from(start), first, count)
            items = (first, *self._more_items("]"))
        else:
            items = self._items("]")
        self.depth -= 1
        value = ast.ListLit(self.span_from(start), items)
        return value

    def _items(self, closer: str) -> tuple[ast.Expr, ...]:
        """sep(Expr) between the bracket here and its closer."""
        self.pos += 1
        if self.take(closer):
            return ()
        return (self.fresh_expression(), *self._more_items(closer))

    def _more_items(self, closer: str) -> list[ast.Expr]:
        items: list[ast.Expr] = []
        while self.take(",") and self.kinds[self.pos] != closer:
            items.append(self.fresh_expression())
        self.expect(closer, " after the elements")
        return items

    # RecordInit = { IDENT [ ":" Expr ] "," } ( IDENT [ ":" Expr ] [ "," ] | ".." Expr )
    def _record(self, start: int, path: tuple[ast.Ident, ...], type_args: tuple[ast.TypeExpr, ...]) -> ast.Expr:
        type_ = ast.NamedType(self.span_from(start), path, type_args)
        self.enter(self.pos)
        self.pos += 1
        fields: list[ast.FieldInit] = []
        update = None
        while self.kinds[self.pos] != "}":
            begin = self.pos
            if self.take(".."):
                self.fresh_expression()
                update = begin
                break
            name = self.any_name("a field")
            value = self.fresh_expression() if self.take(":") else ast.Name(name.span, name.text)
            fields.append(ast.FieldInit(self.span_from(begin), name, value))
            if not self.take(","):
                break
        if update is not None:
            self.unsupported(update, "record updates with '..'", "L3")
        self.expect("}", " after the fields")
        self.depth -= 1
        span = self.span_from(start)
        if update is not None:
            return ast.Unsupported(span, "record updates with '..'", "L3")
        return ast.RecordLit(span, type_, tuple(fields))

    def _is_record(self, at: int | None = None) -> bool:
        """Whether the `{` opens the fields of a record literal rather than a block."""
        index = self.pos if at is None else at
        first, second = self.kinds[index + 1], self.kinds[index + 2] if index + 2 < len(self.kinds) else "eof"
        if first in ("}", ".."):
            return True
        return second == ":" or (first == "ident" and second in (",", "}"))

    # Lambda = [ "move" ] [ Generics ] "(" [ sep(LambdaParam) ] ")" [ "->" Type ] "=>" ( Block | Expr )
    def _is_lambda(self) -> bool:
        """Whether the `(` here opens the parameters of a closure: its `)` is followed by `=>` or `->`."""
        after = self.kinds[self.closes[self.pos] + 1]
        return after == "->" or (after == "=>" and not self.guard)

    def lambda_(self, *, moves: bool) -> ast.Expr:
        """A closure, from its `(`."""
        start = self.pos - 1 if moves else self.pos
        self.enter(self.pos)
        self.pos += 1
        params: list[ast.LambdaParam] = []
        while self.kinds[self.pos] != ")":
            begin = self.pos
            mutable = self.take("var")
            pattern = self.pattern()
            type_ = self.type_() if self.take(":") else None
            params.append(ast.LambdaParam(self.span_from(begin), pattern, mutable, type_))
            if not self.take(","):
                break
        self.expect(")", " after the parameters")
        result = self.type_() if self.take("->") else None
        self.expect("=>", " after the parameters of the closure")
        body = self.block() if self.kinds[self.pos] == "{" and not self._is_map() else self.expression()
        self.depth -= 1
        return ast.Lambda(self.span_from(start), moves, tuple(params), result, body)

    def _is_map(self) -> bool:
        """Whether the `{` of a closure's body is certainly a map literal: a literal and a colon follow."""
        return self.kinds[self.pos + 1] in LITERALS and self.kinds[self.pos + 2] == ":"

    def _generic_lambda(self) -> ast.Expr:
        start = self.pos
        end = self.scan_type_args(start)
        if end < 0 or self.kinds[end] != "(":
            raise self.unexpected("an expression")
        self.pos = end
        self.lambda_(moves=False)
        return self.unsupported(start, "generic closures", "L3")

    # Spawn = "spawn" ( Lambda | TypePath [ TypeArgs ] [ "(" [ Args ] ")" ] )
    def _spawn(self) -> ast.Expr:
        start = self.pos
        self.pos += 1
        if self.kinds[self.pos] == "(" or (self.is_word("move") and self.kind_ahead(1) == "("):
            moves = self.take("ident")
            self.lambda_(moves=moves)
            return self.unsupported(start, "lambda actors", "L2")
        if self.kinds[self.pos] not in ("ident", "Self"):
            raise self.unexpected("an actor")
        actor = self.named_type()
        args: tuple[ast.Arg, ...] = ()
        if self.kinds[self.pos] == "(":
            self.enter(self.pos)
            args = self.arguments()
            self.depth -= 1
        return ast.Spawn(self.span_from(start), actor, args)

    def _fstring(self) -> ast.Expr:
        """The parts of an f-string."""
        start = self.pos
        self.pos += 1
        self.enter(start)
        parts: list[ast.FText | ast.FValue] = []
        kinds = self.kinds
        while kinds[self.pos] != "fend":
            index = self.pos
            if kinds[index] == "ftext":
                self.pos += 1
                text = string(self.word(index), self.starts[index], self.report, doubled=True)
                if parts and isinstance(parts[-1], ast.FText):  # a lone brace between them has been reported
                    last = parts.pop()
                    text = last.value + text if isinstance(last, ast.FText) else text
                parts.append(ast.FText(self.token_span(index), text))
            else:
                parts.append(self._fvalue())
        self.pos += 1
        self.depth -= 1
        return ast.FString(self.span_from(start), tuple(parts))

    def _fvalue(self) -> ast.FValue:
        """`{expr}`; a failure inside it does not reach out of it."""
        start = self.pos
        close = self.closes[start]
        self.pos += 1
        depth, saved = self.depth, (self.head, self.guard)
        value: ast.Expr
        try:
            value = self.fresh_expression()
            if self.kinds[self.pos] == "fspec":
                self.pos += 1
                self.unsupported(self.pos - 1, "format specifications", "L3")
            if self.pos != close:
                raise self.missing("'}'", " after the expression")
        except SyntaxFailure:
            if self.depth > ast.MAX_NESTING:
                raise
            value = ast.Broken(ast.Span(self.ends[start], self.starts[close]))
        self.depth, (self.head, self.guard) = depth, saved
        self.pos = close + 1
        return ast.FValue(self.span_from(start), value)

    def _block_like(self) -> ast.Expr:
        return self.block_like()

    def _braces(self) -> ast.Expr:
        if self.head:
            raise self.unexpected("an expression")
        return self.braces()

    def _control_as_value(self) -> ast.Expr:
        """`return` and its like where a value is needed."""
        word = self.kinds[self.pos]
        self.error_here(
            E0013,
            self.pos,
            expected="an expression",
            found=f"'{word}'",
            help=f"'{word}' is a statement: put it in a block, {{ {word} ... }}",
        )
        raise SyntaxFailure

    _primary: ClassVar[dict[str, Callable[[Any], ast.Expr]]] = {
        "ident": _name,
        "_": _wildcard,
        "number": _literal,
        "string": _literal,
        "raw": _literal,
        "char": _literal,
        "bytes": _literal,
        "true": _literal,
        "false": _literal,
        "fstart": _fstring,
        "regex": _regex,
        "this": _this,
        "self": _self,
        "Self": _self_type,
        "(": _parentheses,
        "[": _list,
        "{": _braces,
        "<": _generic_lambda,
        "spawn": _spawn,
        "return": _control_as_value,
        "break": _control_as_value,
        "continue": _control_as_value,
        **dict.fromkeys(_BLOCKS, _block_like),
    }
