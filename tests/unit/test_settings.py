"""Environment -> Settings: defaults, limits, and a clear error for every malformed value."""

import pytest

from hew.errors import ConfigError
from hew.machine import Machine
from hew.settings import GIB, KIB, MIB, OnCrash, default_heap_max, default_workers, read_settings

MACHINE = Machine(cpus=4, cpu_quota=None, memory_bytes=16 * GIB)


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    settings = read_settings({}, MACHINE)
    assert settings.workers == 4
    assert settings.heap_max == 12 * GIB - 48 * MIB * 6
    assert settings.stack == 8 * MIB
    assert (settings.pin, settings.checked, settings.on_crash) == (False, False, OnCrash.END)


def test_an_empty_variable_counts_as_unset() -> None:
    names = ["HEW_WORKERS", "HEW_HEAP_MAX", "HEW_STACK", "HEW_PIN", "HEW_CHECKED", "HEW_ON_CRASH"]
    assert read_settings(dict.fromkeys(names, ""), MACHINE) == read_settings({}, MACHINE)


def test_every_variable_is_read() -> None:
    settings = read_settings(
        {
            "HEW_WORKERS": "255",
            "HEW_HEAP_MAX": "512M",
            "HEW_STACK": "64K",
            "HEW_PIN": "1",
            "HEW_CHECKED": "1",
            "HEW_ON_CRASH": "recover",
        },
        MACHINE,
    )
    assert settings.workers == 255
    assert settings.heap_max == 512 * MIB
    assert settings.stack == 64 * KIB
    assert (settings.pin, settings.checked, settings.on_crash) == (True, True, OnCrash.RECOVER)


@pytest.mark.parametrize("text", ["0", "256", "1000", "abc", "-1", "+1", "1.5", " 1", "1_0", "٣", "9" * 5000, "0x2"])
def test_a_number_of_workers_that_cannot_be_read_names_the_variable_the_value_and_the_range(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_settings({"HEW_WORKERS": text}, MACHINE)
    assert str(caught.value) == f"HEW_WORKERS: cannot read {text!r} as a number of workers (1 to 255)"


@pytest.mark.parametrize("text", ["1K", "15M", "16777215", "0", "-1G", "1T", "1.5G", "16MB", "M", "99999999999999999G"])
def test_a_heap_that_cannot_be_read_or_is_too_small_is_refused(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_settings({"HEW_HEAP_MAX": text}, MACHINE)
    assert str(caught.value) == (
        f"HEW_HEAP_MAX: cannot read {text!r} as a size of the heap "
        "(digits and K, M or G, such as 512M; at least 16M, at most 65536G)"
    )


@pytest.mark.parametrize(("text", "size"), [("16M", 16 * MIB), ("16777216", 16 * MIB), ("20000K", 20000 * KIB)])
def test_a_heap_may_be_given_in_any_unit(text: str, size: int) -> None:
    assert read_settings({"HEW_HEAP_MAX": text}, MACHINE).heap_max == size


@pytest.mark.parametrize("text", ["63K", "1025M", "2G", "big", "8M "])
def test_a_stack_outside_its_limits_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^HEW_STACK: cannot read .* \(digits .* at least 64K, at most 1G\)$"):
        read_settings({"HEW_STACK": text}, MACHINE)


@pytest.mark.parametrize("name", ["HEW_PIN", "HEW_CHECKED"])
@pytest.mark.parametrize("text", ["yes", "2", "true", "01"])
def test_a_switch_is_one_or_zero(name: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_settings({name: text}, MACHINE)
    assert str(caught.value) == f"{name}: cannot read {text!r} as a switch (1 or 0)"


def test_what_to_do_after_a_crash_is_one_of_two_words() -> None:
    with pytest.raises(ConfigError) as caught:
        read_settings({"HEW_ON_CRASH": "RECOVER"}, MACHINE)
    assert str(caught.value) == "HEW_ON_CRASH: cannot read 'RECOVER' as what to do after a crash (end or recover)"


@pytest.mark.parametrize(
    ("cpus", "quota", "workers"),
    [(8, None, 8), (8, 1.5, 2), (8, 0.1, 1), (2, 16.0, 2), (1, None, 1), (1000, None, 255)],
)
def test_workers_follow_cpus_and_quota(cpus: int, quota: float | None, workers: int) -> None:
    assert default_workers(Machine(cpus, quota, GIB)) == workers


def test_the_heap_leaves_room_for_the_processes_but_is_never_under_64_mib() -> None:
    assert default_heap_max(Machine(2, None, 8 * GIB), workers=2) == 6 * GIB - 4 * 48 * MIB
    assert default_heap_max(Machine(2, None, 100 * MIB), workers=2) == 64 * MIB


def test_nothing_is_pinned_under_a_quota() -> None:
    assert read_settings({"HEW_PIN": "1"}, MACHINE._replace(cpu_quota=2.0)).pin is False
