"""A strict reader of profile.proto: its own wire decoder and every rule that pprof's tools hold a profile to.

Independent of the code under test: it uses neither protobuf nor profile.proto. Raises AssertionError with the rule.
"""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VARINT, BYTES = 0, 2

# field number -> (name, kind); kind: int, bool, ints (packed), text, or the name of a message; * repeated
SCHEMA: dict[str, dict[int, tuple[str, str]]] = {
    "Profile": {
        1: ("sample_type", "*ValueType"),
        2: ("sample", "*Sample"),
        3: ("mapping", "*Mapping"),
        4: ("location", "*Location"),
        5: ("function", "*Function"),
        6: ("string_table", "*text"),
        7: ("drop_frames", "int"),
        8: ("keep_frames", "int"),
        9: ("time_nanos", "int"),
        10: ("duration_nanos", "int"),
        11: ("period_type", "ValueType"),
        12: ("period", "int"),
        13: ("comment", "ints"),
        14: ("default_sample_type", "int"),
    },
    "ValueType": {1: ("type", "int"), 2: ("unit", "int")},
    "Sample": {1: ("location_id", "ints"), 2: ("value", "ints"), 3: ("label", "*Label")},
    "Label": {1: ("key", "int"), 2: ("str", "int"), 3: ("num", "int"), 4: ("num_unit", "int")},
    "Mapping": {
        1: ("id", "int"),
        2: ("memory_start", "int"),
        3: ("memory_limit", "int"),
        4: ("file_offset", "int"),
        5: ("filename", "int"),
        6: ("build_id", "int"),
        7: ("has_functions", "int"),
        8: ("has_filenames", "int"),
        9: ("has_line_numbers", "int"),
        10: ("has_inline_frames", "int"),
    },
    "Location": {
        1: ("id", "int"),
        2: ("mapping_id", "int"),
        3: ("address", "int"),
        4: ("line", "*Line"),
        5: ("is_folded", "int"),
    },
    "Line": {1: ("function_id", "int"), 2: ("line", "int")},
    "Function": {
        1: ("id", "int"),
        2: ("name", "int"),
        3: ("system_name", "int"),
        4: ("filename", "int"),
        5: ("start_line", "int"),
    },
}


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        assert at < len(data), "a varint is cut off"
        assert shift < 70, "a varint is too long"
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            assert value < 1 << 64, "a varint is over 64 bits"
            return value, at


def _fields(data: bytes) -> Iterator[tuple[int, int, Any]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == VARINT:
            value, at = _varint(data, at)
            yield number, wire, value
        else:
            assert wire == BYTES, f"wire type {wire} is not used by this format"
            length, at = _varint(data, at)
            assert at + length <= len(data), "a field is cut off"
            yield number, wire, data[at : at + length]
            at += length


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _packed(data: bytes) -> list[int]:
    values, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        values.append(_signed(value))
    return values


def decode(data: bytes, kind: str = "Profile") -> dict[str, Any]:
    schema = SCHEMA[kind]
    out: dict[str, Any] = {}
    for name, of in schema.values():
        out[name] = [] if of.startswith("*") or of == "ints" else 0 if of == "int" else None
    for number, wire, value in _fields(data):
        assert number in schema, f"{kind} has no field {number}"
        name, of = schema[number]
        if of == "int":
            assert wire == VARINT, f"{kind}.{name} must be a varint"
            out[name] = _signed(value)
        elif of == "ints":
            out[name] += _packed(value) if wire == BYTES else [_signed(value)]
        elif of == "*text":
            out[name].append(value.decode("utf-8"))
        else:
            assert wire == BYTES, f"{kind}.{name} must be a message"
            message = decode(value, of.lstrip("*"))
            if of.startswith("*"):
                out[name].append(message)
            else:
                out[name] = message
    return out


@dataclass(frozen=True)
class Stack:
    """One sample: names from the leaf up, and its values by sample type."""

    frames: tuple[str, ...]
    values: dict[str, int]
    lines: tuple[str, ...] = ()  # FILE:LINE of each frame
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ValidProfile:
    raw: dict[str, Any]

    def text(self, index: int) -> str:
        return str(self.raw["string_table"][index])

    @property
    def sample_types(self) -> list[tuple[str, str]]:
        return [(self.text(each["type"]), self.text(each["unit"])) for each in self.raw["sample_type"]]

    @property
    def stacks(self) -> list[Stack]:
        functions = {each["id"]: each for each in self.raw["function"]}
        frames = {
            location["id"]: [(functions[line["function_id"]], line["line"]) for line in location["line"]]
            for location in self.raw["location"]
        }
        names = [name for name, _ in self.sample_types]
        found = []
        for sample in self.raw["sample"]:
            stack = [frame for number in sample["location_id"] for frame in frames[number]]
            found.append(
                Stack(
                    tuple(self.text(function["name"]) for function, _ in stack),
                    dict(zip(names, sample["value"], strict=True)),
                    tuple(f"{self.text(function['filename'])}:{line}" for function, line in stack),
                    tuple((self.text(each["key"]), self.text(each["str"])) for each in sample["label"]),
                )
            )
        return found

    @property
    def comments(self) -> list[str]:
        return [self.text(index) for index in self.raw["comment"]]

    def total(self, sample_type: str) -> int:
        return sum(stack.values[sample_type] for stack in self.stacks)

    def by_leaf(self) -> dict[str, dict[str, int]]:
        return {stack.frames[0]: stack.values for stack in self.stacks}


def validate(data: bytes, *, cpu: bool = False) -> ValidProfile:
    """The profile in gzip'd `data`, after every rule has been checked. Only a CPU profile has labels and addresses."""
    assert data[:2] == b"\x1f\x8b", "a profile is gzip'd"
    raw = decode(gzip.decompress(data))
    strings = raw["string_table"]
    assert strings, "the string table is empty"
    assert strings[0] == "", "the first string must be empty"
    assert len(set(strings)) == len(strings), "a string stands twice"
    _check_ids(raw)
    _check_strings(raw, len(strings))
    _check_samples(raw)
    _check_labels(raw, allowed=cpu)
    _check_mappings(raw, 2 if cpu else 1)
    assert all(not each["system_name"] for each in raw["function"]), "system_name must be unset"
    assert raw["time_nanos"] > 0, "time_nanos is missing"
    assert raw["period_type"] is not None, "period_type is missing"
    assert raw["period"] > 0, "period is missing"
    assert raw["default_sample_type"] in {each["type"] for each in raw["sample_type"]}, "no such default_sample_type"
    return ValidProfile(raw)


def _check_ids(raw: dict[str, Any]) -> None:
    for name in ("mapping", "location", "function"):
        ids = [each["id"] for each in raw[name]]
        assert ids == list(range(1, len(ids) + 1)), f"the ids of {name} must be 1, 2, 3 ..."
    for location in raw["location"]:
        assert 1 <= location["mapping_id"] <= len(raw["mapping"]), "a location without mapping"
        assert location["line"], "a location without line"
        for line in location["line"]:
            assert 1 <= line["function_id"] <= len(raw["function"]), "a line without function"
            assert line["line"] >= 0, "a negative line"


def _check_strings(raw: dict[str, Any], count: int) -> None:
    used = [raw["default_sample_type"], *raw["comment"]]
    for each in [*raw["sample_type"], raw["period_type"]]:
        assert each["type"], "a value type without name"
        used += [each["type"], each["unit"]]
    for function in raw["function"]:
        assert function["name"], "a function without name"
        used += [function["name"], function["filename"]]
    used += [each["filename"] for each in raw["mapping"]]
    used += [label[name] for sample in raw["sample"] for label in sample["label"] for name in ("key", "str")]
    assert all(0 <= index < count for index in used), "an index is outside the string table"
    assert set(range(1, count)) <= set(used), "a string is not used"


def _check_samples(raw: dict[str, Any]) -> None:
    width = len(raw["sample_type"])
    assert width, "no sample types"
    for sample in raw["sample"]:
        assert len(sample["value"]) == width, "a sample has another number of values than there are types"
        assert sample["location_id"], "a sample without stack"
        assert all(1 <= each <= len(raw["location"]) for each in sample["location_id"]), "no such location"
        assert all(value >= 0 for value in sample["value"]), "a negative value"


def _check_labels(raw: dict[str, Any], *, allowed: bool) -> None:
    for sample in raw["sample"]:
        assert allowed or not sample["label"], "labels are not used"
        keys = [label["key"] for label in sample["label"]]
        assert len(set(keys)) == len(keys), "a label stands twice"
        assert all(label["key"] and label["str"] and not label["num"] for label in sample["label"]), "an empty label"


def _check_mappings(raw: dict[str, Any], count: int) -> None:
    assert len(raw["mapping"]) == count, "the number of mappings"
    for mapping in raw["mapping"]:
        assert mapping["filename"], "the mapping has no file name"
        assert mapping["memory_start"] <= mapping["memory_limit"], "a mapping that ends before it begins"
        for flag in ("has_functions", "has_filenames", "has_line_numbers"):
            assert mapping[flag] == 1, f"{flag} must be set, or the tool tries to symbolize"


def read_pprof(path: Path) -> ValidProfile:
    return validate(path.read_bytes())
