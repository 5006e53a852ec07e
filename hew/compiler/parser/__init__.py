"""Tokens to tree: a parser by recursive descent, a module for each part of the grammar.

cursor (position, errors, recovery) <- types <- patterns <- expressions <- statements <- declarations

Above each function stands the rule of the grammar (language reference, section 16) that it reads.
"""

from __future__ import annotations

import sys
from typing import Final

from hew.compiler.ast import Module
from hew.compiler.codes import E0001
from hew.compiler.diagnostics import Report
from hew.compiler.lexer import tokenize
from hew.compiler.parser.declarations import DeclarationParser
from hew.compiler.source import Source, Span

_FRAMES: Final = 20_000  # 256 levels of nesting, each some Python calls deep; such calls take no C stack


def parse(source: Source, report: Report) -> Module:
    """The tree of `source`. Whatever the text, it gives a tree; what is wrong with the text is in `report`."""
    if source.bad is not None:
        report.error(E0001, Span(source.bad.offset, source.bad.offset + 1), what=source.bad.what)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _FRAMES))
    try:
        return DeclarationParser(source, tokenize(source, report), report).module()
    finally:
        sys.setrecursionlimit(limit)
