"""Laws of the lexer, over texts made of the language's own pieces and over any text at all."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from hew.compiler.diagnostics import Report
from hew.compiler.lexer import tokenize
from hew.compiler.source import Source
from hew.compiler.tokens import KEYWORDS, OPENER, Tokens

PIECES = st.sampled_from(
    [
        *sorted(KEYWORDS),
        "name",
        "_",
        "größe",
        "1",
        "0xFFu32",
        "1.5e3",
        "250ms",
        "1..2",
        "t.0.1",
        '"text"',
        '"a\\"b"',
        'r#"raw"#',
        'f"sum {a + f(1)} and {{"',
        'f"{f"{x}"}"',
        "'c'",
        "'\\u{41}'",
        'b"\\x00"',
        're"[0-9]+"',
        "+%=",
        "..=",
        "=>",
        "->",
        "<-",
        "::",
        ">>=",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ";",
        ",",
        "// comment\n",
        "/* a /* b */ c */",
        "\n",
        "\t",
        " ",
        "$",
        '"',
        "'",
        'f"',
        'f"{',
        "\u201c",
        "\u0301",
        "/*",
        "#",
        "@",
        "\\",
    ]
)
TEXTS = st.one_of(
    st.text(max_size=80), st.lists(PIECES, max_size=25).map(" ".join), st.lists(PIECES, max_size=25).map("".join)
)
COMMENT = re.compile(r"//[^\n]*")


def lexed(text: str) -> tuple[str, Tokens, Report]:
    source = Source("any.hew", text)
    report = Report(source)
    return source.text, tokenize(source, report), report


@given(TEXTS)
def test_tokens_come_in_order_and_only_blanks_comments_and_errors_lie_between_them(text: str) -> None:
    clean, tokens, report = lexed(text)
    at = 0
    for kind, start, end in tokens.rows():
        assert at <= start <= end <= len(clean), (kind, start, end)
        between = clean[at:start]
        if not report.has_errors and "/*" not in between:
            assert COMMENT.sub("", between).strip() == ""
        at = end
    assert tokens.kinds[-1] == "eof"


@given(TEXTS)
def test_brackets_always_pair(text: str) -> None:
    _, tokens, _ = lexed(text)
    stack: list[int] = []
    for index, kind in enumerate(tokens.kinds):
        if index in tokens.closes:
            stack.append(tokens.closes[index])
        elif kind in OPENER:
            assert stack.pop() == index
    assert stack == []


WHOLE = PIECES.filter(lambda piece: bool(piece.strip()) and not lexed(piece)[2].has_errors)


@given(st.lists(WHOLE, max_size=20))
def test_words_between_blanks_are_the_tokens_that_each_is_alone(pieces: list[str]) -> None:
    apart = [kind for piece in pieces for kind in lexed(piece)[1].kinds[:-1]]
    assert lexed("\n".join(pieces))[1].kinds[:-1] == apart
