"""Where the parser stands in the tokens, how it tells what is wrong, and how it goes on after that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hew.compiler.ast import MAX_NESTING, Ident, Unsupported
from hew.compiler.codes import E0005, E0010, E0013, E0014, E0017, E0901, Code
from hew.compiler.diagnostics import Report
from hew.compiler.source import Source, Span
from hew.compiler.tokens import ASSIGNMENTS, KEYWORDS, Tokens

if TYPE_CHECKING:
    from hew.compiler.ast import Block, Expr, FnDecl, Pattern, TypeExpr

LONGEST_SHOWN: Final = 30  # characters of a token in a message
STATEMENT_WORDS: Final = frozenset(
    [
        "let",
        "var",
        "return",
        "break",
        "continue",
        "while",
        "for",
        "loop",
        "if",
        "match",
        "defer",
        "yield",
        "fn",
        "const",
    ]
)
_FOUND: Final = {
    "eof": "the end of the file",
    "string": "a string",
    "raw": "a string",
    "fstart": "an f-string",
    "ftext": "text",
    "fend": "the end of the f-string",
    "f{": "'{'",
    "f}": "'}'",
    "fspec": "a format specification",
}


class SyntaxFailure(Exception):
    """The construct being read makes no sense; that has been reported. Caught where the parser can go on."""


class TooDeep(SyntaxFailure):
    """Nesting beyond MAX_NESTING; the whole item is given up."""


class Cursor:
    """The tokens and the position in them."""

    def __init__(self, source: Source, tokens: Tokens, report: Report) -> None:
        self.text = source.text
        self.kinds = tokens.kinds
        self.starts = tokens.starts
        self.ends = tokens.ends
        self.closes = tokens.closes
        self.repaired = tokens.repaired
        self.report = report
        self.pos = 0
        self.depth = 0  # brackets, blocks, prefix operators around the position
        self.head = False  # in the head of if, while, for, match: `{` opens the body
        self.block_close = len(self.kinds) - 1  # the `}` of the block being read
        self.index_at = -1  # the token where the index being read begins: there a range may have open ends
        self.guard = False  # in the guard of an arm: `=>` ends it, so `(x) =>` is no closure

    # --- rules of later modules that earlier ones need --------------------------------------------------------------

    def expression(self) -> Expr:
        """Defined in expressions."""
        raise NotImplementedError

    def pattern(self) -> Pattern:
        """Defined in patterns."""
        raise NotImplementedError

    def type_(self) -> TypeExpr:
        """Defined in types."""
        raise NotImplementedError

    def block(self) -> Block:
        """Defined in statements."""
        raise NotImplementedError

    def function(self, *, public: bool) -> FnDecl | Unsupported:
        """Defined in declarations."""
        raise NotImplementedError

    # --- tokens -----------------------------------------------------------------------------------------------------

    def word(self, index: int) -> str:
        """The text of a token."""
        return self.text[self.starts[index] : self.ends[index]]

    def is_word(self, word: str, ahead: int = 0) -> bool:
        """Whether the token is the contextual word."""
        index = self.pos + ahead
        return self.kind_ahead(ahead) == "ident" and self.word(index) == word

    def kind_ahead(self, ahead: int) -> str:
        """Kind of a token further on; "eof" beyond the end."""
        index = self.pos + ahead
        return self.kinds[index] if index < len(self.kinds) else "eof"

    def span_from(self, start: int) -> Span:
        """From the token `start` to the last one taken."""
        begin = self.starts[start]
        end = self.ends[self.pos - 1]
        return Span(begin, max(begin, end))

    def token_span(self, index: int) -> Span:
        """Where a token stands."""
        return Span(self.starts[index], self.ends[index])

    def take(self, kind: str) -> bool:
        """Go past the token if it is of that kind."""
        if self.kinds[self.pos] == kind:
            self.pos += 1
            return True
        return False

    def expect(self, kind: str, context: str = "") -> int:
        """Go past the token, which must be of that kind; its index. `context` goes on after "expected ';'"."""
        if self.kinds[self.pos] != kind:
            raise self.missing(f"'{kind[-1] if kind in ('f}', 'f{') else kind}'", context)
        self.pos += 1
        return self.pos - 1

    def name(self, what: str = "a name") -> Ident:
        """IDENT. A keyword in its place is reported and taken for the name."""
        index = self.pos
        kind = self.kinds[index]
        if kind == "ident":
            self.pos = index + 1
            return Ident(Span(self.starts[index], self.ends[index]), self.identifier(index))
        if kind in KEYWORDS and not (kind in STATEMENT_WORDS and self.on_new_line(index)):
            self.error_here(E0014, index, word=kind)
            self.pos = index + 1
            return Ident(self.token_span(index), kind)
        raise self.unexpected(what, code=E0010)

    def any_name(self, what: str = "a name") -> Ident:
        """NAME: after a `.` and as a label also a keyword will do."""
        index = self.pos
        if self.kinds[index] in KEYWORDS:
            self.pos = index + 1
            return Ident(self.token_span(index), self.kinds[index])
        return self.name(what)

    def identifier(self, index: int) -> str:
        """The text of a name in its normal form (NFC)."""
        text = self.text[self.starts[index] : self.ends[index]]
        if text.isascii():
            return text
        from unicodedata import normalize

        return normalize("NFC", text)

    def on_new_line(self, index: int) -> bool:
        """Whether a token is the first of its line."""
        return index == 0 or "\n" in self.text[self.ends[index - 1] : self.starts[index]]

    # --- nesting ----------------------------------------------------------------------------------------------------

    def enter(self, index: int) -> None:
        """One level deeper, at the token `index`. Whoever enters also does `self.depth -= 1` at the end."""
        self.depth += 1
        if self.depth > MAX_NESTING:
            self.report.error(
                E0005,
                self.token_span(index),
                what=f"the program is nested deeper than {MAX_NESTING} levels",
                label="too deep",
                help="split it into functions or variables",
            )
            raise TooDeep

    # --- errors -----------------------------------------------------------------------------------------------------

    def found(self, index: int) -> str:
        """A token as messages name it."""
        kind = self.kinds[index]
        if kind in _FOUND:
            return _FOUND[kind]
        text = self.word(index)
        return f"'{text}'" if len(text) <= LONGEST_SHOWN else f"'{text[: LONGEST_SHOWN - 3]}...'"

    def is_mended(self, index: int) -> bool:
        """Whether a token or its neighbour stands for an error that has been reported: expect no sense there."""
        return bool(self.repaired) and not self.repaired.isdisjoint((index - 1, index, index + 1))

    def error_here(self, code: Code, index: int, **arguments: Any) -> None:
        """Report at a token, unless it stands where the lexer has reported something."""
        if not self.is_mended(index):
            self.report.error(code, self.token_span(index), **arguments)

    def expected(self, what: str, context: str = "") -> None:
        """Report that `what`, a token, is missing after the last token (E0010)."""
        index = self.pos
        if self.is_mended(index):
            return
        if self.kinds[index] in ASSIGNMENTS and what != "'='" and (context or what != "'{'"):
            self.assignment_as_value()
            return
        end = self.ends[index - 1] if index else 0
        help = self._instead(index, what, context) or f"add {what}"
        self.report.error(
            E0010, Span(end, end), expected=f"{what}{context}", token=what, found=self.found(index), help=help
        )

    def _instead(self, index: int, what: str, context: str) -> str | None:
        """What is written in this language, where somebody has written it as in another."""
        kinds = self.kinds
        if context == " after the pattern" and what == "')'" and kinds[index] == "in":
            return "leave out the parentheses: for ... in ... { }"
        if context != " after the statement" or not index or kinds[index - 1] != "ident":
            return None
        before = self.word(index - 1)
        if kinds[index] == "ident" and kinds[index + 1] in ("=", ";"):
            return f"a variable is made so: let {self.word(index)}: {before} = ...;"
        if kinds[index] == ":" and kinds[index + 1] == "=":
            return f"a variable is made so: let {before} = ...;"
        return None

    def missing(self, what: str, context: str = "") -> SyntaxFailure:
        """Report as `expected`; what it gives is to be raised, as the construct makes no sense."""
        self.expected(what, context)
        return SyntaxFailure()

    def unexpected(self, what: str, *, code: Code = E0013) -> SyntaxFailure:
        """Report that the token is not the beginning of `what`; what it gives is to be raised."""
        index = self.pos
        if self.kinds[index] in ASSIGNMENTS and self.kinds[index] != "=":
            self.assignment_as_value()
        else:
            step = self.kinds[index]
            doubled = step in ("+", "-") and index and self.kinds[index - 1] == step
            help = {"help": f"there is no '{step}{step}': write {step}= 1"} if doubled and code is E0013 else {}
            self.error_here(code, index, expected=what, token=what, found=self.found(index), **help)
        return SyntaxFailure()

    def assignment_as_value(self) -> None:
        """E0017 at the operator."""
        if self.kinds[self.pos] == "=":
            self.error_here(E0017, self.pos)
        else:
            self.error_here(E0017, self.pos, help="make it a statement of its own")

    def unsupported(self, start: int, what: str, level: str, *, end: int | None = None) -> Unsupported:
        """Report E0901 for what was read from the token `start`; marks are under its first `end` tokens, or all."""
        span = self.span_from(start)
        shown = span if end is None else Span(span.start, self.ends[end])
        self.report.error(E0901, shown, what=what, level=level, label=f"level {level}")
        return Unsupported(span, what, level)

    # --- going on ---------------------------------------------------------------------------------------------------

    def skip_bracket(self) -> None:
        """Past the bracket that opens here."""
        self.pos = self.closes[self.pos] + 1

    def recover(self, begin: int, close: int) -> None:
        """After a failure at `pos` in the statement from `begin`: to where the next one begins, at most `close`.

        Brackets are jumped over from `begin`, so that a failure deep inside one does not end the statement there."""
        kinds, failed, index = self.kinds, self.pos, begin
        while index < close:
            kind = kinds[index]
            if index > begin and index >= failed and kind in STATEMENT_WORDS and self.on_new_line(index):
                break
            jumped = self.closes.get(index)
            if jumped is not None:
                index = jumped + 1
                if (
                    kind == "{"
                    and index > failed
                    and index < close
                    and self.on_new_line(index)
                    and kinds[index]
                    not in (
                        "else",
                        ".",
                        "?",
                    )
                ):
                    break
            else:
                index += 1
                if kind == ";" and index > failed:
                    break
        self.pos = min(max(index, begin + 1), close)
