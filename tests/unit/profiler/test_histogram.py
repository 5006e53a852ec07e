"""Percentiles out of log2 buckets, against the messages that lie in them."""

from bisect import bisect_left

from hypothesis import given
from hypothesis import strategies as st

from hew.profiler.histogram import BUCKETS, Histogram


def histogram(times: list[int]) -> Histogram:
    """As the core counts them."""
    buckets = [0] * BUCKETS
    for each in times:
        buckets[max(each.bit_length() - 1, 0)] += 1
    return Histogram(sum(times), max(times, default=0), tuple(buckets))


@given(st.lists(st.integers(0, 2**50), min_size=1), st.sampled_from([1, 50, 90, 99, 100]))
def test_a_percentile_lies_in_the_bucket_of_the_message_it_names(times: list[int], percent: int) -> None:
    found = histogram(times).percentile(percent)
    named = sorted(times)[-(-len(times) * percent // 100) - 1]
    bucket = max(named.bit_length() - 1, 0)
    assert (2**bucket if bucket else 0) <= found <= 2 ** (bucket + 1)
    assert found <= max(times)


@given(st.lists(st.integers(0, 2**40)))
def test_percentiles_rise_up_to_the_maximum(times: list[int]) -> None:
    made = histogram(times)
    found = [made.percentile(percent) for percent in (1, 50, 99, 100)]
    assert found == sorted(found)
    assert found[-1] == made.max_ns


@given(st.lists(st.integers(0, 2**40)), st.lists(st.integers(0, 2**40)))
def test_of_both_is_that_of_all(some: list[int], others: list[int]) -> None:
    assert histogram(some).plus(histogram(others)) == histogram(some + others)


@given(st.lists(st.integers(1, 2**40)), st.integers(1, 41))
def test_cumulative_counts_are_exact_at_powers_of_two(times: list[int], exponent: int) -> None:
    assert histogram(times).cumulative([exponent]) == [bisect_left(sorted(times), 2**exponent)]


def test_a_time_that_all_share_is_that_of_every_percentile_within_its_bucket() -> None:
    made = histogram([10_000_000] * 100)
    assert made.percentile(99) > 9_900_000
    assert 2**23 < made.percentile(50) < 10_000_000
