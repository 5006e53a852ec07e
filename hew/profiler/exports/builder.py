"""What the profiles have in common: strings and functions, each once; the mapping of the program.

`system_name` stays unset: the tool would apply C++ rules to it. Ids count from 1.
"""

import time
import zlib
from dataclasses import dataclass, field
from typing import Any, Final

from hew.profiler.exports.proto import profile_class
from hew.steps import Steps

EACH: Final = 200  # samples made in one go: some milliseconds
BLOCK: Final = 128 * 1024  # bytes pressed in one go
GZIP: Final = 16 + zlib.MAX_WBITS

ValueType = tuple[str, str]  # ("alloc_space", "bytes")


@dataclass(slots=True)
class Builder:
    """A perftools.profiles.Profile in the making."""

    program: str  # base name of its source
    types: tuple[ValueType, ...]  # of the values of a sample; the last is the one to show first
    profile: Any = field(default_factory=lambda: profile_class()())
    _strings: dict[str, int] = field(default_factory=lambda: {"": 0})
    _functions: dict[tuple[str, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for kind, unit in self.types:
            self.profile.sample_type.add(type=self.string(kind), unit=self.string(unit))
        self.mapping(self.program)

    def mapping(self, name: str) -> None:
        """One more, with the next id; nothing in it wants symbols of the tool."""
        self.profile.mapping.add(
            id=len(self.profile.mapping) + 1,
            filename=self.string(name),
            has_functions=True,
            has_filenames=True,
            has_line_numbers=True,
        )

    def string(self, text: str) -> int:
        """Its index in the table."""
        return self._strings.setdefault(text.encode("utf-8", "replace").decode(), len(self._strings))

    def function(self, name: str, file: str, line: int = 0) -> int:
        """The id of the function `name` of `file`, which begins at `line` (0: not known)."""
        known = self._functions.get((name, file))
        if known is None:
            known = self._functions[name, file] = len(self._functions) + 1
            self.profile.function.add(id=known, name=self.string(name), filename=self.string(file), start_line=line)
        return known

    def finish(self, period_type: ValueType, period: int, duration_ns: int, comments: tuple[str, ...]) -> Steps[bytes]:
        """gzip'd protobuf."""
        profile = self.profile
        profile.time_nanos = time.time_ns() - duration_ns
        profile.duration_nanos = duration_ns
        profile.period_type.type, profile.period_type.unit = map(self.string, period_type)
        profile.period = period
        profile.default_sample_type = self.string(self.types[-1][0])
        profile.comment.extend(self.string(comment) for comment in comments)
        profile.string_table.extend(self._strings)
        yield
        data = memoryview(profile.SerializeToString())
        press = zlib.compressobj(wbits=GZIP)
        pressed = []
        for start in range(0, len(data), BLOCK):
            yield
            pressed.append(press.compress(data[start : start + BLOCK]))
        return b"".join([*pressed, press.flush()])
