"""The heap profile by actor, as gzip'd profile.proto for `go tool pprof` and as text.

Each actor is a function `Actor#1 (pid=1)` called by its type: alloc_objects are the messages it processed,
alloc_space the bytes it allocated. `[runtime]` holds the rest, so that alloc_space sums to all bytes allocated.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from hew.profiler.exports.builder import EACH, Builder
from hew.profiler.models import ActorRow
from hew.profiler.reader import Reader, Snapshot, Sums
from hew.profiler.sources import ActorType, ProgramInfo
from hew.steps import Steps

MAX_ACTORS: Final = 10_000  # one by one; scrapers refuse larger profiles
TOP_OF_MANY: Final = 1_000  # of them when there are more
TOP_BY_TYPE: Final = 100  # with ?by=type

TYPES: Final = (("alloc_objects", "count"), ("alloc_space", "bytes"))
COMMENT: Final = (
    "alloc_objects of an actor are the messages it processed, those of [runtime] all allocations; "
    "alloc_space is bytes allocated"
)

Kind = Literal["actor", "more", "ended", "all", "runtime"]
Key = tuple[Kind, str]  # with the actor's id, or the type


@dataclass(frozen=True, slots=True)
class Entry:
    """One function of the profile: `name` called by `type`."""

    name: str
    type: str | None
    objects: int
    bytes: int


@dataclass(frozen=True, slots=True)
class HeapProfile:
    """Entries in the order in which they are written. `cut`: not every actor stands there one by one."""

    entries: Mapping[Key, Entry]
    cut: bool = False


def take(reader: Reader, *, keep: int | None = None) -> Steps[HeapProfile]:
    """The profile of this instant; `keep` actors one by one, the rest by type."""
    snapshot = yield from reader.snapshot(sort="bytes_allocated", limit=MAX_ACTORS if keep is None else keep)
    return heap(snapshot, keep=keep)


def heap(snapshot: Snapshot, *, keep: int | None = None) -> HeapProfile:
    """Of a snapshot that has the actors with the most bytes allocated first."""
    rows = snapshot.actors.rows[: _number_kept(keep, snapshot.actors.total)]
    entries: dict[Key, Entry] = {("actor", str(row.id)): _actor(row) for row in rows}
    cut = len(rows) < snapshot.actors.total
    if cut:
        entries.update(_more(snapshot.live, rows))
    for ended in snapshot.ended:
        name = f"{ended.type} (ended)"
        entries["ended", ended.type] = Entry(name, ended.type, ended.msgs, ended.bytes_allocated)
    others = sum(entry.bytes for entry in entries.values())
    rest = max(0, snapshot.metrics.bytes_allocated - others)
    entries["runtime", ""] = Entry("[runtime]", None, snapshot.metrics.alloc_count, rest)
    return HeapProfile(entries, cut)


def _number_kept(keep: int | None, total: int) -> int:
    if keep is not None:
        return keep
    return MAX_ACTORS if total <= MAX_ACTORS else TOP_OF_MANY


def _actor(row: ActorRow) -> Entry:
    return Entry(f"Actor#{row.id} (pid={row.pid})", row.type, row.msgs, row.bytes_allocated)


def _more(live: Iterable[Sums], shown: Iterable[ActorRow]) -> dict[Key, Entry]:
    """The actors that are not shown one by one, summed by type."""
    by_type: dict[str, list[ActorRow]] = {}
    for row in shown:
        by_type.setdefault(row.type, []).append(row)
    entries: dict[Key, Entry] = {}
    for sums in live:
        group = by_type.get(sums.type, [])
        if count := sums.count - len(group):
            msgs = sums.msgs - sum(row.msgs for row in group)
            size = sums.bytes_allocated - sum(row.bytes_allocated for row in group)
            entries["more", sums.type] = Entry(f"{sums.type} ({count} more)", sums.type, msgs, size)
    return entries


def difference(after: HeapProfile, before: HeapProfile) -> HeapProfile:
    """What was added between two instants. An actor that ended meanwhile counts with its type's ended ones.

    Where not every actor is known one by one, the sums of the types are, and stand alone.
    """
    if after.cut or before.cut:
        after, before = _by_type(after), _by_type(before)
    earlier = dict(before.entries)
    for key, entry in before.entries.items():
        if key not in after.entries:
            _move(earlier, key, ("ended", entry.type or ""), entry)
    entries = {}
    for key, entry in after.entries.items():
        old = earlier.get(key)
        objects = max(0, entry.objects - (old.objects if old else 0))
        size = max(0, entry.bytes - (old.bytes if old else 0))
        if objects or size:
            entries[key] = Entry(entry.name, entry.type, objects, size)
    return HeapProfile(entries)


def _by_type(profile: HeapProfile) -> HeapProfile:
    entries: dict[Key, Entry] = {}
    for key, entry in profile.entries.items():
        if entry.type is None:
            entries[key] = entry
        else:
            old = entries.get(("all", entry.type), Entry(f"{entry.type} (all)", entry.type, 0, 0))
            summed = replace(old, objects=old.objects + entry.objects, bytes=old.bytes + entry.bytes)
            entries["all", entry.type] = summed
    return HeapProfile(entries)


def _move(entries: dict[Key, Entry], source: Key, target: Key, entry: Entry) -> None:
    del entries[source]
    old = entries.get(target, Entry("", entry.type, 0, 0))
    entries[target] = Entry(old.name, entry.type, old.objects + entry.objects, old.bytes + entry.bytes)


def as_text(profile: HeapProfile) -> str:
    """For people: most bytes first."""
    entries = sorted(profile.entries.values(), key=lambda entry: (-entry.bytes, entry.name))
    lines = [f"heap profile: {len(entries)} entries", f"# {COMMENT}", "", f"{'objects':>14} {'bytes':>16}  name"]
    for entry in entries:
        of_type = f" {entry.type}" if entry.type and not entry.name.startswith(entry.type) else ""
        lines.append(f"{entry.objects:>14} {entry.bytes:>16}  {entry.name}{of_type}")
    return "\n".join(lines) + "\n"


def encode(profile: HeapProfile, program: ProgramInfo, *, duration_ns: int = 0) -> Steps[bytes]:
    """gzip'd protobuf."""
    encoder = _Encoder(Builder(program.name, TYPES), {each.name: each for each in program.actor_types})
    for number, entry in enumerate(profile.entries.values()):
        if number % EACH == 0:
            yield
        encoder.sample(entry)
    return (yield from encoder.builder.finish(("space", "bytes"), 1, duration_ns, (COMMENT,)))


@dataclass(slots=True)
class _Encoder:
    """Each entry is a function with one location; both have the same id."""

    builder: Builder
    types: Mapping[str, ActorType]
    _locations: dict[str, int] = field(default_factory=dict)

    def sample(self, entry: Entry) -> None:
        """Leaf first, as the format has it."""
        stack = [self._location(entry.name, entry.type)]
        if entry.type is not None:
            stack.append(self._location(entry.type, entry.type))
        self.builder.profile.sample.add(location_id=stack, value=[entry.objects, entry.bytes])

    def _location(self, name: str, type_name: str | None) -> int:
        if name in self._locations:
            return self._locations[name]
        declared = self.types.get(type_name) if type_name is not None else None
        file, line = (declared.file, declared.line) if declared else ("", 0)
        number = self._locations[name] = self.builder.function(name, file, line)
        self.builder.profile.location.add(id=number, mapping_id=1).line.add(function_id=number, line=line)
        return number
