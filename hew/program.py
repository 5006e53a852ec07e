"""A compiled program: actor types, handlers, machine code. All that the scheduler and the profiler know of it.

As bytes (in the cache, in the files of `hew build`, and where others attach) it is one line of JSON, then the object
code, then the table of lines.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from hew.lines import LineTable

FORMAT: Final = 2  # of the bytes below


@dataclass(frozen=True, slots=True)
class Handler:
    """A message an actor takes. `init` handlers are marked: they are not counted as messages."""

    name: str
    line: int
    is_init: bool = False


@dataclass(frozen=True, slots=True)
class ActorType:
    """An `actor` of the program; its index in `Program.actors` is the type's number in the core."""

    name: str
    file: str  # base name of the source
    line: int
    handlers: tuple[Handler, ...]


@dataclass(frozen=True, slots=True)
class Symbol:
    """A function of the machine code: its place in the text section, in bytes."""

    name: str
    offset: int
    size: int


class Loaded(NamedTuple):
    """A program in memory, at the same addresses in each process that is forked from here on."""

    entry: int  # address of its hew_program
    base: int  # of its text
    size: int  # of its text, in bytes


@dataclass(frozen=True, slots=True)
class Program:
    """What `compile_source` makes. `main` is no actor type: its rows carry the type `main`."""

    name: str  # base name of the source; <stdin> where there is none
    main_line: int
    checked: bool
    actors: tuple[ActorType, ...]
    symbols: tuple[Symbol, ...]
    code: bytes  # an ELF object for this machine's CPU; its symbol `hew_program_info` is the entry
    lines: bytes = b""  # which line each of its instructions comes from, as `hew.lines` has it; empty: not known

    @property
    def actor_types(self) -> tuple[ActorType, ...]:
        """The actors, by the word that profiles use."""
        return self.actors

    def line_table(self) -> LineTable | None:
        """Machine code -> source; None where it is not known. Reads nothing before it is asked."""
        from hew.lines import LineTable

        return LineTable(self.lines) if self.lines else None

    def to_bytes(self) -> bytes:
        """The program for a file; `from_bytes` gives it back."""
        header = {
            "format": FORMAT,
            "name": self.name,
            "main_line": self.main_line,
            "checked": self.checked,
            "actors": [[a.name, a.line, [[h.name, h.line, h.is_init] for h in a.handlers]] for a in self.actors],
            "symbols": [[s.name, s.offset, s.size] for s in self.symbols],
            "code_bytes": len(self.code),
            "lines_bytes": len(self.lines),
        }
        return b"".join((json.dumps(header, separators=(",", ":")).encode(), b"\n", self.code, self.lines))

    @classmethod
    def from_bytes(cls, data: bytes) -> Program:
        """ValueError when `data` is no whole program of this format."""
        line, _, rest = data.partition(b"\n")
        try:
            header: Any = json.loads(line)
        except ValueError as error:
            raise ValueError("not a whole program") from error
        if not isinstance(header, dict) or header.get("format") != FORMAT:
            raise ValueError("not a program of this format")
        size = header["code_bytes"]
        if size + header["lines_bytes"] != len(rest):
            raise ValueError("not a whole program")
        file = header["name"]
        return cls(
            name=file,
            main_line=header["main_line"],
            checked=header["checked"],
            actors=tuple(
                ActorType(name, file, line, tuple(Handler(*handler) for handler in handlers))
                for name, line, handlers in header["actors"]
            ),
            symbols=tuple(Symbol(*symbol) for symbol in header["symbols"]),
            code=rest[:size],
            lines=rest[size:],
        )
