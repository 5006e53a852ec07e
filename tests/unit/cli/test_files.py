"""Reading the source: whatever stands in the way is named, with the file."""

import os
from pathlib import Path

import pytest

from hew.cli.files import MAX_SOURCE_BYTES, read_source
from hew.errors import UsageError


def failure(path: str) -> str:
    with pytest.raises(UsageError) as caught:
        read_source(path)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_a_file_is_read_as_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.hew"
    path.write_bytes(b"\xff\x00")
    assert read_source(str(path)) == (b"\xff\x00", str(path))


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = str(tmp_path / "nope.hew")
    assert failure(missing) == f"cannot read '{missing}': No such file or directory"
    assert failure("") == "cannot read '': No such file or directory"
    assert failure(str(tmp_path)) == f"cannot read '{tmp_path}': it is a directory, not a program"
    assert failure("a\0b") == "cannot read 'a\0b': embedded null byte"


def test_a_source_of_4_mib_is_read_and_one_byte_more_refused(tmp_path: Path) -> None:
    path = tmp_path / "big.hew"
    path.write_bytes(b" " * MAX_SOURCE_BYTES)
    assert len(read_source(str(path)).data) == MAX_SOURCE_BYTES
    path.write_bytes(b" " * (MAX_SOURCE_BYTES + 1))
    assert failure(str(path)) == f"cannot read '{path}': it is larger than 4 MiB, the most that a source may have"


def test_a_device_without_end_is_refused() -> None:
    assert failure("/dev/zero") == "cannot read '/dev/zero': it is larger than 4 MiB, the most that a source may have"


def test_a_pipe_is_read_to_its_end() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"fn main() {}")
    os.close(writing)
    try:
        assert read_source(f"/dev/fd/{reading}").data == b"fn main() {}"
    finally:
        os.close(reading)
