"""A recording of what the workers executed, as gzip'd profile.proto for `go tool pprof` and as text.

A sample's stack is that of the program's own source: its outermost frame is the handler (or `main`), the functions
below it are Hew's, inlined calls included; the innermost may be functions of the runtime, `[runtime] NAME`. Below the
handler there is only the runtime's loop, which is left out. Time in which no handler ran stands under `[runtime]`, and
what of it is looking for work before a worker sleeps under `[runtime] looking for work`. Labels name the actor's type
and the handler.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from hew.profiler.cpu import Recording, Stack
from hew.profiler.exports.builder import EACH, Builder
from hew.profiler.sources import ProgramInfo
from hew.profiler.symbols import DEEPER, RUNTIME, Frame, Symbolizer
from hew.steps import Steps

TYPES: Final = (("samples", "count"), ("cpu", "nanoseconds"))
MAIN: Final = "main"
LOOKING: Final = f"{RUNTIME} looking for work"
OTHERS: Final = 2  # id of the mapping of all code that is not the program's


@dataclass(frozen=True, slots=True)
class Place:
    """One address of a stack: its frames, innermost first."""

    address: int  # 0: stands for no code
    frames: tuple[Frame, ...]


def places(stack: Stack, symbolizer: Symbolizer, *, suspended: bool = False) -> list[Place]:
    """Innermost first. `suspended`: the first address, too, is one past a call."""
    found = []
    for index, pc in enumerate(stack.pcs):
        address = pc - 1 if index or suspended else pc  # a return address is one past its call
        frames = symbolizer.frames(address)
        if not frames:
            break  # nobody's code: the frame pointer was none
        found.append(Place(address, tuple(frames)))
    hew = [index for index, place in enumerate(found) if symbolizer.is_hew(place.address)]
    if not hew:
        return [*found, Place(0, (Frame(LOOKING if stack.looking else RUNTIME),))]
    del found[hew[-1] + 1 :]
    return [*found, Place(0, (Frame(DEEPER),))] if stack.cut else found


def labels(stack: Stack, program: ProgramInfo) -> dict[str, str]:
    """The actor's type and the handler, as far as there are any."""
    if stack.main:
        return {"actor_type": MAIN, "handler": MAIN}
    if stack.type is None or stack.type >= len(program.actor_types):
        return {}
    actor = program.actor_types[stack.type]
    found = {"actor_type": actor.name}
    if stack.handler is not None and stack.handler < len(actor.handlers):
        found["handler"] = actor.handlers[stack.handler].name
    return found


def encode(recording: Recording, program: ProgramInfo, symbolizer: Symbolizer, *, duration_ns: int) -> Steps[bytes]:
    """gzip'd protobuf; values are the samples and the CPU time that they stand for."""
    encoder = _Encoder(Builder(program.name, TYPES), program, symbolizer)
    encoder.builder.mapping(RUNTIME)
    for number, (stack, weight) in enumerate(recording.stacks.items()):
        if number % EACH == 0:
            yield
        encoder.sample(stack, [weight.count, weight.ns])
    return (yield from encoder.finish(recording, duration_ns))


@dataclass(slots=True)
class _Encoder:
    """Locations, each once. Those of the program's code are in mapping 1, all others in mapping 2."""

    builder: Builder
    program: ProgramInfo
    symbolizer: Symbolizer
    _locations: dict[Place, int] = field(default_factory=dict)

    @property
    def profile(self) -> Any:
        return self.builder.profile

    def sample(self, stack: Stack, values: list[int]) -> None:
        ids = [self._location(place) for place in places(stack, self.symbolizer)]
        sample = self.profile.sample.add(location_id=ids, value=values)
        for key, text in labels(stack, self.program).items():
            sample.label.add(key=self.builder.string(key), str=self.builder.string(text))

    def finish(self, recording: Recording, duration_ns: int) -> Steps[bytes]:
        own = self.profile.mapping[0]
        own.memory_start, own.memory_limit = self.symbolizer.base, self.symbolizer.base + self.symbolizer.size
        own.has_inline_frames = True
        comments = [f"CPU time of the workers, sampled {recording.hz} times a second each"]
        comments += _looked(recording)
        if recording.lost:
            comments.append(f"{recording.lost} samples were lost: the profiler was held up")
        period = recording.period_ns
        return (yield from self.builder.finish(("cpu", "nanoseconds"), period, duration_ns, tuple(comments)))

    def _location(self, place: Place) -> int:
        known = self._locations.get(place)
        if known is None:
            known = self._locations[place] = len(self._locations) + 1
            location = self.profile.location.add(
                id=known, mapping_id=1 if self.symbolizer.is_hew(place.address) else OTHERS, address=place.address
            )
            for frame in place.frames:
                location.line.add(function_id=self.builder.function(frame.function, frame.file), line=frame.line)
        return known


def _looked(recording: Recording) -> list[str]:
    """A sentence, where it is a tenth or more."""
    samples = sum(weight.count for weight in recording.stacks.values())
    looked = sum(weight.count for stack, weight in recording.stacks.items() if stack.looking)
    if 10 * looked < samples or not looked:
        return []
    percent = 100 * looked // samples
    return [f"{percent} % of it the workers looked for work; -ignore='looking for work' shows the rest alone"]


def as_text(recording: Recording, symbolizer: Symbolizer) -> Steps[str]:
    """A stack to a line, outermost first, `a;b;c NANOSECONDS`: what flame graph tools call folded."""
    sums: dict[str, int] = {}
    for number, (stack, weight) in enumerate(recording.stacks.items()):
        if number % EACH == 0:
            yield
        line = ";".join(_names(stack, symbolizer))
        sums[line] = sums.get(line, 0) + weight.ns
    return "".join(f"{line} {ns}\n" for line, ns in sorted(sums.items(), key=lambda item: (-item[1], item[0])))


def _names(stack: Stack, symbolizer: Symbolizer) -> Iterator[str]:
    for place in reversed(places(stack, symbolizer)):
        for frame in reversed(place.frames):
            yield f"{frame.function}:{frame.line}" if frame.line else frame.function
