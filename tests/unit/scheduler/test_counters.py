"""The counters' array and its second mapping, at the address that the core works with."""

import ctypes
import os
from collections.abc import Iterator
from multiprocessing.sharedctypes import RawArray

import pytest

from hew.scheduler import corelib, counters, mapping


@pytest.fixture
def free_addresses(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Places of our own, given back afterwards."""
    places = [0xA_0000_0000, 0xB_0000_0000]
    monkeypatch.setattr(counters, "MAPPED_AT", tuple(places))
    yield places
    for place in places:
        mapping.unmap(place, 1 << 20)


def make(workers: int = 3) -> counters.Counters:
    return counters.create(workers, counters.NAMES, lambda: 0)


def at(address: int) -> int:
    return ctypes.c_uint64.from_address(address).value


def test_both_mappings_are_one_memory(free_addresses: list[int]) -> None:
    made = make()
    assert made.base == free_addresses[0]
    assert made.address % 64 == 0
    made.words[made.offset] = 7
    assert at(made.address) == 7
    ctypes.c_uint64.from_address(made.address + 8 * made.stride).value = 5
    assert made.total(counters.NAMES[0]) == 12
    made.add_restart()
    assert made.totals().worker_restarts == 1


def test_it_is_an_array_of_multiprocessing_and_its_file_has_no_name(free_addresses: list[int]) -> None:
    made = make()
    assert type(made.words).__mro__[:-1] == type(RawArray(ctypes.c_uint64, len(made.words))).__mro__[:-1]
    assert os.readlink(f"/proc/self/fd/{made.file.fd}").endswith("(deleted)")
    assert os.fstat(made.file.fd).st_size == made.file.size


def test_a_memfd_stands_in_where_there_is_no_shared_memory(
    monkeypatch: pytest.MonkeyPatch, free_addresses: list[int]
) -> None:
    monkeypatch.setattr(counters, "SHARED_MEMORY", "/nowhere")
    made = make(workers=255)
    assert os.readlink(f"/proc/self/fd/{made.file.fd}") == "/memfd:hew-counters (deleted)"
    last = made.offset + 254 * made.stride
    made.words[last] = 3
    assert at(made.address + 8 * 254 * made.stride) == 3
    assert made.total(counters.NAMES[0]) == 3


def test_a_taken_place_is_left_alone_and_the_next_one_used(free_addresses: list[int]) -> None:
    first = make()
    first.words[first.offset] = 9
    second, third = make(), make()
    assert second.base == free_addresses[1]
    assert third.base + third.file.start == ctypes.addressof(third.words)
    assert at(first.address) == 9
    assert at(second.address) == at(third.address) == 0


def test_the_core_has_the_counters_that_are_named_here() -> None:
    core = corelib.load()
    named = [core.hew_counter_name(index).decode() for index in range(len(counters.NAMES))]
    assert set(counters.NAMES) <= set(named) | {core.hew_counter_name(len(named) + 1)}


def test_a_mapping_never_replaces_another() -> None:
    place = 0xC_0000_0000
    fd = os.memfd_create("test")
    os.ftruncate(fd, 8192)
    mapping.map_at(place, fd, 8192, writable=True)
    ctypes.c_uint64.from_address(place).value = 1
    with pytest.raises(FileExistsError):
        mapping.map_at(place, fd, 8192, writable=False)
    assert at(place) == 1
    mapping.unmap(place, 8192)
    mapping.map_at(place, fd, 8192, writable=False)
    assert at(place) == 1
    mapping.unmap(place, 8192)
    os.close(fd)
