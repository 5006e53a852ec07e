"""Reads the part of Grafana Alloy's configuration syntax that docker/alloy uses; anything else is an error."""

import re
from typing import Any, Final

TOKEN: Final = re.compile(r'//[^\n]*|("[^"\n]*")|([A-Za-z_][\w.]*)|([\[\]{}=,])|(\s+)')


def parse(text: str) -> dict[str, Any]:
    """`name "label" { key = value  inner { ... } }` as dictionaries, keys `name label`; a reference as {"to": ...}."""
    reader = _Reader(_words(text))
    blocks = reader.body()
    assert not reader.words, f"alloy: {reader.words[0]!r} is too much"
    return blocks


def _words(text: str) -> list[str]:
    words: list[str] = []
    at = 0
    while at < len(text):
        match = TOKEN.match(text, at)
        assert match is not None, f"alloy: cannot read {text[at : at + 30]!r}"
        words += [each for each in match.group(1, 2, 3) if each]
        at = match.end()
    return words


class _Reader:
    def __init__(self, words: list[str]) -> None:
        self.words = words

    def body(self) -> dict[str, Any]:
        """Attributes and blocks up to the closing brace, which stays."""
        found: dict[str, Any] = {}
        while self.words and self.words[0] != "}":
            key = self._key()
            assert key not in found, f"alloy: {key} stands twice"
            if self._next() == "=":
                found[key] = self._value()
            else:
                found[key] = self.body()
                assert self._next() == "}", key
        return found

    def _key(self) -> str:
        name = self._next()
        return f"{name} {self._next()[1:-1]}" if self.words[0].startswith('"') else name

    def _value(self) -> Any:
        word = self._next()
        match word:
            case "[":
                return [self._value() for _ in self._items("]")]
            case "{":
                return dict(self._pair() for _ in self._items("}"))
            case "true" | "false":
                return word == "true"
            case _:
                return word[1:-1] if word.startswith('"') else {"to": word}

    def _items(self, end: str) -> Any:
        """One turn for each item; commas and the end are taken."""
        while self.words[0] != end:
            yield
            if self.words[0] == ",":
                self._next()
        self._next()

    def _pair(self) -> tuple[str, Any]:
        key = self._next().strip('"')
        assert self._next() == "=", key
        return key, self._value()

    def _next(self) -> str:
        assert self.words, "alloy: the text ends too early"
        return self.words.pop(0)
