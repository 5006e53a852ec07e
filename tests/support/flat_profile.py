"""The flat profile written a second time, from the API's rows, by other means than the product's: Decimal and columns.

Used to hold the real text to the letter, and to read it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

ROW: Final = re.compile(
    r"(?P<percent>[ \d]{4}\.\d) (?P<cumulative>[ \d]{8}\.\d) (?P<self>[ \d]{7}\.\d) (?P<calls>[ \d]{8})"
    r" (?P<each>[ \d]{6}\.\d) (?P<total>[ \d]{6}\.\d)  (?P<name>\S.*\))"
)
NAME: Final = re.compile(r"Actor#(\d+) \(pid=(\d+), state=([a-z]+)\)")
TITLES: Final = [
    "     % cumulative      self              self    total",
    "  time   time(ms)  time(ms)    calls  us/call  us/call  name",
]


def tenths(value: Decimal) -> str:
    return str(value.quantize(Decimal("0.1"), ROUND_HALF_UP))


def size(count: int) -> str:
    for unit, scale in (("GB", 2**30), ("MB", 2**20), ("KB", 2**10)):
        if count >= scale:
            return f"{tenths(Decimal(count) / scale)} {unit}"
    return f"{count} B"


def expected(actors: Sequence[Any], metrics: Any) -> str:
    """The whole text for a program at rest none of whose actors has ended."""
    rows = sorted(actors, key=lambda row: (-row["time_ns"], row["id"]))
    total = sum(row["time_ns"] for row in rows)
    lines = [
        "Flat profile:",
        f"Total processing time: {tenths(Decimal(total) / 10**6)} ms across {len(rows)} actor(s)",
        f"Memory: {size(metrics['bytes_live'])} live ({size(metrics['peak_bytes_live'])} peak), "
        f"{metrics['alloc_count']} allocations",
        "",
        *TITLES,
    ]
    so_far = 0
    for row in rows:
        so_far += row["time_ns"]
        percent = Decimal(100 * row["time_ns"]) / total if total else Decimal(0)
        each = Decimal(row["time_ns"]) / 1000 / row["msgs"] if row["msgs"] else Decimal(0)
        lines.append(
            f"{tenths(percent).rjust(6)} {tenths(Decimal(so_far) / 10**6).rjust(10)} "
            f"{tenths(Decimal(row['time_ns']) / 10**6).rjust(9)} {str(row['msgs']).rjust(8)} "
            f"{tenths(each).rjust(8)} {tenths(each).rjust(8)}  "
            f"Actor#{row['id']} (pid={row['pid']}, state={row['state']})"
        )
    lines += ["", "Mailbox summary:", "Actor     Depth    HWM"]
    for row in rows:
        lines.append(
            f"#{row['id']}".ljust(8) + " " + str(row["mbox_depth"]).rjust(6) + " " + str(row["mbox_hwm"]).rjust(6)
        )
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Flat:
    """What a flat profile says."""

    actors: dict[int, str]  # id -> state
    calls: int
    ended: int


def read(text: str) -> Flat:
    """Every line checked for its place and shape."""
    assert text.endswith("\n")
    head, table, mailboxes = text[:-1].split("\n\n")
    title, total, memory = head.split("\n")
    assert title == "Flat profile:"
    count = re.fullmatch(r"Total processing time: \d+\.\d ms across (\d+) actor\(s\)", total)
    assert count is not None, total
    amount = r"(\d+ B|\d+\.\d [KMG]B)"
    assert re.fullmatch(rf"Memory: {amount} live \({amount} peak\), \d+ allocations", memory), memory
    lines = table.split("\n")
    assert lines[:2] == TITLES
    actors: dict[int, str] = {}
    calls = ended = 0
    so_far = 0.0
    for line in lines[2:]:
        row = ROW.fullmatch(line)
        assert row is not None, line
        assert float(row["cumulative"]) >= so_far, line
        assert 0 <= float(row["percent"]) <= 100, line
        so_far = float(row["cumulative"])
        calls += int(row["calls"])
        if match := re.fullmatch(r"\[ended\] \((\d+) actors\)", row["name"]):
            assert line == lines[-1]
            ended = int(match[1])
            continue
        name = NAME.fullmatch(row["name"])
        assert name is not None, line
        actors[int(name[1])] = name[3]
    assert len(actors) == int(count[1])
    first, second, *boxes = mailboxes.split("\n")
    assert (first, second) == ("Mailbox summary:", "Actor     Depth    HWM")
    found = [re.fullmatch(r"#(\d+) +(\d+) +(\d+)", line) for line in boxes]
    assert [int(each[1]) for each in found if each is not None] == list(actors), "in the order of the table"
    return Flat(actors, calls, ended)
