"""A program on this machine, read from its shared memory without its knowledge."""

from collections.abc import Callable
from typing import cast

from hew.actors import ActorQuery, SortKey
from hew.profiler.models import history_entry
from hew.profiler.reader import MAX_ROWS, Reader
from hew.profiler.sources import Counters, Inspect, ProgramInfo
from hew.profiler.watch import Board, Watch
from hew.top.source import NoAnswer, Query, Reading


class Local:
    """The figures that the program's own profiler would give; findings from the second reading on."""

    def __init__(
        self,
        program: ProgramInfo,
        counters: Counters,
        inspect: Inspect,
        *,
        pid: int,
        started_ns: int,
        ended: Callable[[], bool],
    ) -> None:
        self.name = f"{program.name} (pid {pid})"
        self._program = program.name
        self._pid = pid
        self._ended = ended
        self._reader = Reader(counters, inspect, program, program_started_ns=started_ns)
        self._board = Board()
        self._watch = Watch(self._reader, self._board)

    def read(self, query: Query) -> Reading:
        """Its figures now."""
        if self._ended():
            raise NoAnswer(f"{self.name} has ended")
        wanted = ActorQuery(sort=cast(SortKey, query.sort), descending=query.descending, limit=query.limit)
        actors = self._reader.actors(wanted)
        handlers, handlers_total = self._reader.handler_rows(MAX_ROWS if query.limit is None else query.limit)
        metrics = self._reader.metrics()
        self._watch.look(history_entry(metrics), metrics.workers)
        return Reading(
            program=self._program,
            pid=self._pid,
            address=None,
            metrics=metrics,
            memory=self._reader.memory(),
            actors=list(actors.rows),
            actors_total=actors.total,
            handlers=handlers,
            handlers_total=handlers_total,
            findings=list(self._board.findings()),
        )
