"""Text to tokens: one compiled pattern, and a few functions for what no pattern can read (nesting).

Before:  let s = f"n {a + 1}";
After:   let  ident  =  fstart  ftext  f{  ident  +  number  f}  fend  ;  eof

Reports E0002, E0005 (names), E0006 and, through brackets.py, E0011. The inside of numbers and escapes is read later, by
literals.py, when the parser makes a node of them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final

from hew.compiler.brackets import pair
from hew.compiler.codes import E0002, E0003, E0005, E0006, Code
from hew.compiler.diagnostics import Report
from hew.compiler.source import Source, Span
from hew.compiler.tokens import KEYWORDS, MAX_NAME, Tokens

_MASTER: Final = re.compile(
    r"""[ \t\n\f\v]*+(?:
      (?P<ident>  (?!(?:[frb]|re)"|r\#+")[^\W\d]\w*+ )
    | (?P<op>     [(),;\[\]] | \.\.=? | => | -> | <- | :: | <<=? | >>=? | [=!<>]= | [=!]~ | && | \|\|
                  | [+*-]%=? | [+*%&|^-]= | [.:=<>!?@\#~+*%&|^-] | /(?![/*])=? )
    | (?P<brace>  [{}] )
    | (?P<number> 0[xXoObB]\w* | [0-9][0-9_]*+(?:\.[0-9][0-9_]*+)?(?:[eE][+-]?[0-9][0-9_]*+)?\w* )
    | (?P<string> "[^"\\]*+(?:\\.[^"\\]*+)*+" )
    | (?P<fstart> f" )
    | (?P<comment> //[^\n]*+ )
    | (?P<nested> /\* )
    | (?P<char>   '(?:[^'\\\n]|\\(?:u\{[^}'\n]*+\}|x[0-9a-fA-F]{2}|[^\n]))' )
    | (?P<bytes>  b"[^"\\]*+(?:\\.[^"\\]*+)*+" )
    | (?P<regex>  re"[^"\\]*+(?:\\.[^"\\]*+)*+" )
    | (?P<rawopen> r\#*" )
    | (?P<open>   (?:b|re)?" | ' )
    | (?P<eof>    \Z )
    | (?P<other>  . )
    )""",
    re.VERBOSE | re.DOTALL,
)
_FTEXT: Final = re.compile(r'(?:[^"\\{}]++|\\u\{[^}"\n]*+\}|\\[^\n]|\\\n|\{\{|\}\})*+', re.DOTALL)
_COMMENT_PART: Final = re.compile(r"/\*|\*/")
_DIGITS: Final = re.compile(r"[0-9]+")
_OPENED: Final = {'"': "string", "'": "character", 'b"': "bytes literal", 're"': "regex"}
_NEIGHBOURS: Final = {  # characters that editors put for those of the language
    "\u201c": '"',
    "\u201d": '"',
    "\u2018": "'",
    "\u2019": "'",
    "\u2013": "-",
    "\u2014": "-",
    "\u00d7": "*",
}
MAX_FSTRINGS: Final = 64  # one inside the other
MAX_UNFINISHED: Final = 20  # f-strings without an end, each looked through to the end of the file


class _Unfinished(Exception):
    """The f-string being read has no end, or nests too deep."""

    def __init__(self, span: Span, what: str, code: Code = E0002) -> None:
        super().__init__(what)
        self.span = span
        self.what = what
        self.code = code


class Lexer:
    """One pass over one source."""

    def __init__(self, source: Source, report: Report) -> None:
        self.source = source
        self.text = source.text
        self.report = report
        self.kinds: list[str] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.broken: set[int] = set()  # indices of tokens that are not what was meant
        self.ascii = source.text.isascii()
        self.fstrings = 0  # that are being read, one inside the other
        self.unfinished = 0
        self.missing: set[str] = set()  # ends of raw strings that do not come again

    def run(self) -> Tokens:
        """All tokens of the source."""
        text, kinds, starts, ends = self.text, self.kinds, self.starts, self.ends
        match, keywords, slow = _MASTER.match, KEYWORDS, not self.ascii
        add_kind, add_start, add_end = kinds.append, starts.append, ends.append
        at = 0
        while True:
            found = match(text, at)
            assert found is not None  # the last alternatives take anything
            group = found.lastgroup
            start, end = found.span(found.lastindex or 0)
            if group == "ident":
                word = text[start:end]
                if slow or end - start > MAX_NAME:
                    end = self._name(start, end)
                    word = text[start:end]
                add_kind(word if word in keywords else "ident" if word != "_" else "_")
            elif group == "op" or group == "brace":
                add_kind(text[start:end])
            elif group == "string":
                add_kind("string")
            elif group == "comment":
                at = end
                continue
            elif group == "eof":
                break
            else:
                at = self._rare(str(group), start, end)
                continue
            add_start(start)
            add_end(end)
            at = end
        self._add("eof", len(text), len(text))
        if self.source.bad is not None:  # has been reported; what it stood for is not known
            self.broken.add(bisect_right(starts, self.source.bad.offset))
        return pair(self.source, Tokens(kinds, starts, ends, {}), self.broken, self.report)

    def _add(self, kind: str, start: int, end: int) -> int:
        self.kinds.append(kind)
        self.starts.append(start)
        self.ends.append(end)
        return end

    def _rare(self, group: str, start: int, end: int) -> int:
        """A token of one of the kinds that the loop does not read itself; where the next one begins."""
        if group in ("char", "bytes", "regex"):
            return self._add(group, start, end)
        return int(getattr(self, f"_{group}")(start, end))

    def _name(self, start: int, end: int) -> int:
        """The true end of a name; `\\w` knows neither combining marks nor what may not be in one. Too long: E0005."""
        text = self.text
        if not self.ascii:
            while end < len(text) and text[end] > "\x7f" and ("a" + text[end]).isidentifier():
                end += 1
                while end < len(text) and ("a" + text[end]).isidentifier():
                    end += 1
            if not text[start:end].isidentifier():
                good = start
                while text[start : good + 1].isidentifier():
                    good += 1
                if good == start:
                    return self._strange(start, start + 1)
                end = good
        if end - start > MAX_NAME:
            what = f"this name has {end - start} characters; at most {MAX_NAME} are allowed"
            self.report.error(E0005, Span(start, end), what=what, label="too long")
        return end

    def _number(self, start: int, end: int) -> int:
        if self.kinds and self.kinds[-1] == ".":
            digits = _DIGITS.match(self.text, start)
            end = digits.end() if digits else end
        return self._add("number", start, end)

    def _nested(self, start: int, end: int) -> int:
        """A block comment with its inner ones; where the text goes on."""
        depth, at = 1, end
        while depth:
            part = _COMMENT_PART.search(self.text, at)
            if part is None:
                self.report.error(E0002, Span(start, end), what="comment", help="add '*/'")
                return len(self.text)
            depth += 1 if part.group() == "/*" else -1
            at = part.end()
        return at

    def _rawopen(self, start: int, end: int) -> int:
        """A raw string, whose end has as many `#` as its beginning."""
        closer = '"' + "#" * (end - start - 2)
        close = self.text.find(closer, end) if closer not in self.missing else -1
        if close < 0:
            self.missing.add(closer)
            return self._unfinished(Span(start, end), "string", f"add '{closer}'")
        return self._add("raw", start, close + len(closer))

    def _open(self, start: int, end: int) -> int:
        """A quote that no pattern could close."""
        opened = self.text[start:end]
        if opened == "'":
            line = self._end_of_line(end)
            close = self.text.find("'", end, line)
            if close == end:
                self.report.error(
                    E0002, Span(start, close + 1), message="this character is empty", label="nothing here"
                )
                return self._add_broken("char", start, close + 1)
            if close > end:
                self.report.error(
                    E0002,
                    Span(start, close + 1),
                    message="this character is not closed after one character",
                    label="more than one character",
                    help='text is written in double quotes: "..."',
                )
                return self._add_broken("char", start, close + 1)
        advice = 'add "\'"' if opened == "'" else "add '\"'"
        return self._unfinished(Span(start, end), _OPENED[opened], advice)

    def _unfinished(self, span: Span, what: str, advice: str | None) -> int:
        """Report E0002, and take the rest of the line for the token."""
        self.report.error(E0002, span, what=what, help=advice)
        return self._add_broken("string", span.start, self._end_of_line(span.end))

    def _add_broken(self, kind: str, start: int, end: int) -> int:
        self.broken.add(len(self.kinds))
        return self._add(kind, start, end)

    def _end_of_line(self, at: int) -> int:
        end = self.text.find("\n", at)
        return len(self.text) if end < 0 else end

    def _other(self, start: int, end: int) -> int:
        """Characters that begin nothing; a run of them is one error."""
        while end < len(self.text):
            found = _MASTER.match(self.text, end)
            if found is None or found.lastgroup != "other" or found.start("other") != end:
                break
            end += 1
        return self._strange(start, end)

    def _strange(self, start: int, end: int) -> int:
        character = self.text[start]
        shown = f"'{character}'" if character.isprintable() else f"U+{ord(character):04X}"
        advice = None
        if character in _NEIGHBOURS:
            advice = f"write {_NEIGHBOURS[character]!r}"
        if end - start > 1:
            what = f"these {end - start} characters begin nothing that Hew knows"
            self.report.error(E0006, Span(start, end), message=what, label="unknown characters", help=advice)
        else:
            self.report.error(E0006, Span(start, end), character=shown, help=advice)
        self.broken.add(len(self.kinds))  # the token that follows
        return end

    # --- f-strings ------------------------------------------------------------------------------------------------

    def _fstart(self, start: int, end: int) -> int:
        """A whole f-string; one without an end becomes a broken string up to the end of its line."""
        if self.fstrings:
            return self._fstring(start, end)
        rows, report, broken = len(self.kinds), self.report, set(self.broken)
        self.report = Report(self.source)  # what is said inside counts only if the f-string has an end
        try:
            at = self._fstring(start, end)
        except _Unfinished as failure:
            del self.kinds[rows:], self.starts[rows:], self.ends[rows:]
            self.report, self.broken, self.fstrings = report, broken, 0
            self.report.error(failure.code, failure.span, what=failure.what)
            self.unfinished += 1
            at = len(self.text) if self.unfinished > MAX_UNFINISHED else self._end_of_line(failure.span.end)
            return self._add_broken("string", start, at)
        report.absorb(self.report)
        self.report = report
        return at

    def _fstring(self, start: int, end: int) -> int:
        self.fstrings += 1
        if self.fstrings > MAX_FSTRINGS:
            what = f"f-strings are nested deeper than {MAX_FSTRINGS} levels"
            raise _Unfinished(Span(start, end), what, E0005)
        at = self._add("fstart", start, end)
        while True:
            found = _FTEXT.match(self.text, at)
            if found is not None and found.end() > at:
                at = self._add("ftext", at, found.end())
            following = self.text[at : at + 1]
            if following == '"':
                self.fstrings -= 1
                return self._add("fend", at, at + 1)
            if following == "{":
                at = self._fvalue(self._add("f{", at, at + 1))
            elif following == "}":
                what = "a single '}' in an f-string is written '}}'"
                self.report.error(E0003, Span(at, at + 1), message=what, label="closes nothing", help="")
                at += 1
            else:
                raise _Unfinished(Span(start, end), "f-string")

    def _fvalue(self, at: int) -> int:
        """Tokens of `{expr}` after its brace, up to and with the closing one."""
        opened = Span(at - 1, at)
        opened_inside: list[str] = []
        while True:
            found = _MASTER.match(self.text, at)
            assert found is not None
            group = str(found.lastgroup)
            start, end = found.span(found.lastindex or 0)
            kind = self.text[start:end] if group in ("op", "brace") else ""
            if group == "eof" or group == "open":
                raise _Unfinished(opened, "expression in an f-string")
            if kind == "}" and "{" not in opened_inside:
                return self._add("f}", start, end)
            if kind == ":" and not opened_inside:
                close = self.text.find("}", end)
                if close < 0:
                    raise _Unfinished(opened, "expression in an f-string")
                at = self._add("fspec", start, close)
                continue
            if kind in ("(", "[", "{"):
                opened_inside.append(kind)
            elif kind in (")", "]", "}") and opened_inside:
                opened_inside.pop()
            at = self._one(group, start, end)

    def _one(self, group: str, start: int, end: int) -> int:
        """One token, as the loop of `run` reads it."""
        if group == "ident":
            end = self._name(start, end)
            word = self.text[start:end]
            return self._add(word if word in KEYWORDS or word == "_" else "ident", start, end)
        if group in ("op", "brace"):
            return self._add(self.text[start:end], start, end)
        if group == "string":
            return self._add("string", start, end)
        return end if group == "comment" else self._rare(group, start, end)


def tokenize(source: Source, report: Report) -> Tokens:
    """All tokens of `source`, brackets balanced."""
    return Lexer(source, report).run()
