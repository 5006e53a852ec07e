"""Times of messages in 64 log2 buckets: what their percentiles are, and how they look in wider ones.

The core counts in these buckets (handler_stats.h); whoever shows the times takes its figures from here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

BUCKETS: Final = 64


@dataclass(frozen=True, slots=True)
class Histogram:
    """`buckets[i]` counts 2^i to 2^(i+1) ns, the first from 0; all since the start of the program."""

    total_ns: int
    max_ns: int
    buckets: tuple[int, ...]

    @property
    def count(self) -> int:
        """Messages in the buckets."""
        return sum(self.buckets)

    def percentile(self, percent: int) -> int:
        """Nanoseconds that `percent` of the messages took at most: within the bucket as if they lay evenly in it.

        0 without messages.
        """
        rank = self.count * percent / 100
        below = 0
        for index, count in enumerate(self.buckets):
            if count and below + count >= rank:
                low = min(1 << index, self.max_ns) if index else 0
                high = min(2 << index, self.max_ns)
                return round(low + (high - low) * (rank - below) / count)
            below += count
        return 0

    def cumulative(self, exponents: Sequence[int]) -> list[int]:
        """Messages that took less than 2^e ns, for each e."""
        return [sum(self.buckets[:exponent]) for exponent in exponents]

    def plus(self, other: "Histogram") -> "Histogram":
        """Of both."""
        buckets = tuple(map(sum, zip(self.buckets, other.buckets, strict=True)))
        return Histogram(self.total_ns + other.total_ns, max(self.max_ns, other.max_ns), buckets)
