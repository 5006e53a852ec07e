"""The code blocks of a document, and what they must print.

In a document the first line of a block says what it is:

    ```hew [NAME.hew] [fragment | wrong]   a program; a fragment stands in a main; a wrong one gives errors or warnings
    ```text                                directly after a program: what it prints, or what `hew check` says of it
    ```console [varies]                    `$ command` lines, each with its output; `...` stands for any lines
    ```sh                                  commands that are shown only

Where an output varies, numbers and the width of blanks do not count; JSON is then compared by its shape.
`python -m tests.support.documents docs/errors.md` writes what the compiler says today into a document's `text` blocks.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from hew import compiler

ROOT: Final = Path(__file__).resolve().parents[2]
DOCUMENTS: Final = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*.md")])
BLOCK: Final = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANYTHING: Final = "..."
ANY_LINES: Final = r"(?:.*\n)*"


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. `start` and `end` enclose its text in the document."""

    language: str
    words: tuple[str, ...]
    text: str
    line: int
    start: int
    end: int

    @property
    def is_wrong(self) -> bool:
        """Whether the compiler has something to say about it."""
        return "wrong" in self.words

    @property
    def file(self) -> str:
        """The name it has as a program."""
        return next((word for word in self.words if word.endswith(".hew")), "example.hew")

    @property
    def source(self) -> str:
        """The whole program."""
        return f"fn main() {{\n{self.text}}}\n" if "fragment" in self.words else self.text


@dataclass(frozen=True, slots=True)
class Shown:
    """A program and the block directly after it, which shows what it prints."""

    program: Block
    output: Block


@dataclass(slots=True)
class Command:
    """One `$` line of a console block with what it prints."""

    line: str
    varies: bool
    expected: list[str] = field(default_factory=list)


def blocks(text: str) -> list[Block]:
    """All of a document, in its order."""
    return [
        Block(
            match[1],
            tuple(match[2].split()),
            match[3],
            text.count("\n", 0, match.start()) + 1,
            match.start(3),
            match.end(3),
        )
        for match in BLOCK.finditer(text)
    ]


def programs(text: str) -> list[Block]:
    """The Hew programs of a document."""
    return [block for block in blocks(text) if block.language == "hew"]


def shown(text: str) -> Iterator[Shown]:
    """Programs whose output is shown."""
    found = blocks(text)
    for program, output in pairwise(found):
        between = text[program.end : output.start]
        if program.language == "hew" and output.language == "text" and not between[3 : -len("```text\n")].strip():
            yield Shown(program, output)


def commands(text: str) -> list[Command]:
    """The commands of all console blocks."""
    found: list[Command] = []
    for block in blocks(text):
        if block.language != "console":
            continue
        for line in block.text.splitlines():
            if line.startswith("$ "):
                found.append(Command(line[2:], "varies" in block.words))
            elif found and found[-1].line.endswith("\\"):
                found[-1].line = f"{found[-1].line}\n{line}"
            else:
                found[-1].expected.append(line)
    return found


def checked(program: Block) -> str:
    """What `hew check` says of a program, each line ending in a newline."""
    _, _, report = compiler.understand(program.source.encode(), program.file)
    return report.render(warnings=True, colour=False)


def agrees(expected: list[str], printed: str, *, varies: bool) -> bool:
    """Whether a command printed what the document shows."""
    text = "\n".join(expected).rstrip("\n")
    if varies and (shape := _json(text)) is not None:
        answer = _json(printed)
        return answer is not None and same_shape(shape, answer)
    pattern, actual = (_plain(text), _plain(printed)) if varies else (text, printed.rstrip("\n"))
    lines = [ANY_LINES if line == ANYTHING else f"{re.escape(line)}\n" for line in pattern.split("\n")]
    return re.fullmatch("".join(lines), f"{actual}\n") is not None


def same_shape(expected: Any, actual: Any) -> bool:
    """Equal keys in equal order; lists by their first elements; any number for a number."""
    match expected, actual:
        case dict(), dict():
            same_keys = list(expected) == list(actual)
            return same_keys and all(same_shape(expected[key], actual[key]) for key in expected)
        case list(), list():
            return not expected or (bool(actual) and same_shape(expected[0], actual[0]))
        case _:
            return type(expected) is type(actual)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _plain(text: str) -> str:
    """Without what differs from run to run: figures and the blanks that align them."""
    lines = (re.sub(r"[ \t]+", " ", re.sub(r"\d+(\.\d+)?", "0", line)).strip() for line in text.splitlines())
    return "\n".join(lines).strip("\n")


def rewrite(path: Path) -> None:
    """Bring the messages that a document shows up to date."""
    text = path.read_text(encoding="utf-8")
    for each in reversed(list(shown(text))):
        if each.program.is_wrong:
            text = text[: each.output.start] + checked(each.program) + text[each.output.end :]
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        rewrite(Path(argument))
