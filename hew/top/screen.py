"""The live view, with textual: a reading each second, taken on a thread so that the screen never waits for it."""

import asyncio
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Footer, Sparkline, Static

from hew.profiler.models import HandlerRow
from hew.top import text
from hew.top.source import SORTS, NoAnswer, Query, Reading, Source

EVERY_SECONDS: Final = 1.0
SHOWN_SECONDS: Final = 120  # in the line of messages per second
ROWS: Final = 200
SORTED_BY: Final = {
    "msgs": "msgs",
    "time_ns": "time",
    "mbox_depth": "mbox",
    "mbox_hwm": "hwm",
    "bytes_live": "live",
    "id": "id",
}
# Of handlers, by the column that is sorted by; those of a reading are sorted here.
HANDLER_SORTS: Final[dict[str, Callable[[HandlerRow], int]]] = {
    "messages": lambda row: row.count,
    "wait p50": lambda row: row.mailbox.p50_ns,
    "wait p99": lambda row: row.mailbox.p99_ns,
    "wait max": lambda row: row.mailbox.max_ns,
    "work p50": lambda row: row.work.p50_ns,
    "work p99": lambda row: row.work.p99_ns,
    "work max": lambda row: row.work.max_ns,
}


class Top(App[int]):
    """Until q or Ctrl-C. A program that has ended, or does not answer, leaves its last figures on the screen."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #head { text-style: bold; height: auto; }
    #figures { height: auto; }
    #rate { height: 3; margin: 1 0 0 0; }
    #rate_says { height: 1; color: $text-muted; }
    #findings { height: auto; color: $warning; }
    #state { height: auto; color: $error; text-style: bold; }
    DataTable { height: 1fr; margin: 1 0 0 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "leave", "quit"),
        Binding("ctrl+c", "leave", "quit", priority=True, show=False),
        Binding("s", "sort", "sort by the next column"),
        Binding("r", "reverse", "reverse"),
        Binding("h", "handlers", "actors or handlers"),
        Binding("p", "pause", "pause"),
    ]

    def __init__(self, source: Source) -> None:
        super().__init__()
        self._source = source
        self._sort = SORTS[0]
        self._descending = True
        self._handlers = False  # shown instead of the actors
        self._handler_sort = next(iter(HANDLER_SORTS))
        self._paused = False
        self._last: tuple[int, Reading] | None = None
        self._rates: deque[float] = deque(maxlen=SHOWN_SECONDS)

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield Static("reading ...", id="head", markup=False)
        yield Static("", id="state", markup=False)
        yield Static("", id="figures", markup=False)
        yield Static("", id="findings", markup=False)
        yield Sparkline([], id="rate")
        yield Static("messages per second", id="rate_says", markup=False)
        yield DataTable[Text](id="actors", cursor_type="row", zebra_stripes=True)
        yield Footer()

    def on_mount(self) -> None:
        """The first reading at once."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.exit, 128 + signal.SIGTERM)
        self._say("")
        self._fill("#findings", [])
        self._head_columns()
        self.set_interval(EVERY_SECONDS, self._tick)
        self._tick()

    def action_leave(self) -> None:
        """The program goes on."""
        self.exit(0)

    def action_sort(self) -> None:
        """By the next column."""
        if self._handlers:
            self._handler_sort = _next(list(HANDLER_SORTS), self._handler_sort)
        else:
            self._sort = _next(SORTS, self._sort)
        self._head_columns()
        self._tick()

    def action_handlers(self) -> None:
        """Handlers in place of the actors, or actors again; the last reading has both."""
        self._handlers = not self._handlers
        self._head_columns()
        if self._last is not None:
            self._show_rows(self._last[1])

    def action_reverse(self) -> None:
        """Least first, or most first again."""
        self._descending = not self._descending
        self._head_columns()
        self._tick()

    def action_pause(self) -> None:
        """Hold the figures still, or go on."""
        self._paused = not self._paused
        self._say("paused; p goes on" if self._paused else "")

    def _tick(self) -> None:
        if not self._paused:
            self._read(self._query())

    def _query(self) -> Query:
        return Query(sort=self._sort, descending=self._descending, limit=ROWS)

    @work(thread=True, exclusive=True)
    def _read(self, query: Query) -> None:
        try:
            reading = self._source.read(query)
        except NoAnswer as error:
            self.call_from_thread(self._say, f"{error}; these are its last figures" if self._last else str(error))
            return
        self.call_from_thread(self._show, reading, query)

    def _say(self, what: str) -> None:
        self._fill("#state", [what] if what else [])

    def _fill(self, place: str, lines: list[str]) -> None:
        part = self.query_one(place, Static)
        part.update("\n".join(lines))
        part.display = bool(lines)

    def _show(self, reading: Reading, query: Query) -> None:
        if query != self._query():  # asked before a key was pressed: the answer to that key follows
            return
        at = time.monotonic_ns()
        self._say("paused; p goes on" if self._paused else "")
        self.query_one("#head", Static).update(text.heading(reading, self._source.name))
        self.query_one("#figures", Static).update("\n".join(text.figures(reading, self._speed(reading, at))))
        self._fill("#findings", text.findings(reading))
        # Filled up with zeros: the line starts at the right, and its ground is zero.
        self.query_one("#rate", Sparkline).data = [0.0] * (SHOWN_SECONDS - len(self._rates)) + list(self._rates)
        self._show_rows(reading)
        self._last = at, reading

    def _speed(self, reading: Reading, at: int) -> text.Rates:
        if self._last is None:
            return text.since_start(reading)
        before_at, before = self._last
        speed = text.rates(before, reading, (at - before_at) / 1e9)
        self._rates.append(speed.messages)
        most = max(self._rates)
        self.query_one("#rate_says", Static).update(f"messages per second, at most {most:,.0f} in {len(self._rates)} s")
        return speed

    def _head_columns(self) -> None:
        table = self.query_one("#actors", DataTable)
        table.clear(columns=True)
        sorted_by = self._handler_sort if self._handlers else SORTED_BY[self._sort]
        for name in self._columns():
            mark = ("▼" if self._descending else "▲") if name == sorted_by else ""
            table.add_column(Text(name + mark, justify="left" if name in text.LEFT else "right"), key=name)

    def _columns(self) -> tuple[str, ...]:
        return text.HANDLER_COLUMNS if self._handlers else text.COLUMNS

    def _rows(self, reading: Reading) -> list[tuple[str, ...]]:
        if not self._handlers:
            return list(map(text.cells, reading.actors))
        rows = sorted(reading.handlers, key=HANDLER_SORTS[self._handler_sort], reverse=self._descending)
        return list(map(text.handler_cells, rows))

    def _show_rows(self, reading: Reading) -> None:
        table = self.query_one("#actors", DataTable)
        cursor, scroll = table.cursor_row, table.scroll_y
        table.clear()
        rows = self._rows(reading)
        for row in rows:
            table.add_row(*map(_cell, row, self._columns()))
        table.move_cursor(row=min(cursor, max(0, len(rows) - 1)), scroll=False)
        table.scroll_to(y=scroll, animate=False)


def _next(names: Sequence[str], name: str) -> str:
    return names[(names.index(name) + 1) % len(names)]


def _cell(value: str, column: str) -> Text:
    return Text(value, justify="left" if column in text.LEFT else "right")
