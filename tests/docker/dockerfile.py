"""docker/Dockerfile as its instructions."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
Instruction = tuple[str, str]  # its name and the rest of its line, continuations joined


def instructions() -> Iterator[Instruction]:
    """All of them, in order."""
    lines = [line for line in (ROOT / "docker/Dockerfile").read_text().splitlines() if not line.startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if line.strip():
            name, _, rest = line.partition(" ")
            yield name, rest


def final_stage() -> list[Instruction]:
    """The instructions that make the image itself."""
    every = list(instructions())
    last = max(number for number, (name, _) in enumerate(every) if name == "FROM")
    return every[last:]


def only(name: str) -> str:
    """What follows an instruction that stands once in the final stage."""
    (found,) = [rest for each, rest in final_stage() if each == name]
    return found
