"""The files at exit: whole or not at all."""

import io
import os
from pathlib import Path

import pytest

from hew.profiler.config import Config, Output
from hew.profiler.exports.write import export_on_exit, write_whole
from tests.support.pprof_validator import read_pprof
from tests.support.profiler_fakes import FakeCounters, FakeInspect, FakeProgram, document_actors


def export(output: Output | None, directory: Path) -> tuple[bool, str]:
    said = io.StringIO()
    config = Config(output=output)
    done = export_on_exit(config, directory, FakeInspect(document_actors()), FakeCounters(), FakeProgram(), output=said)
    return done, said.getvalue()


@pytest.mark.parametrize(
    ("output", "files"),
    [
        (None, []),
        (Output.PPROF, ["hew-profile.pb.gz"]),
        (Output.FLAT, ["hew-profile.txt"]),
        (Output.BOTH, ["hew-profile.pb.gz", "hew-profile.txt"]),
    ],
)
def test_the_files_asked_for_and_no_others_are_written(tmp_path: Path, output: Output | None, files: list[str]) -> None:
    assert export(output, tmp_path) == (True, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == files


def test_what_is_written_is_whole(tmp_path: Path) -> None:
    export(Output.BOTH, tmp_path)
    assert read_pprof(tmp_path / "hew-profile.pb.gz").total("alloc_space") == 1_000_000
    assert (tmp_path / "hew-profile.txt").read_text().startswith("Flat profile:\nTotal processing time: 3.2 ms")


def test_a_directory_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    missing = tmp_path / "gone"
    done, said = export(Output.FLAT, missing)
    assert not done
    assert said == f"[hew-pprof] cannot write {missing}/hew-profile.txt: No such file or directory\n"


def test_a_failure_leaves_the_old_file_and_no_temporary_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "hew-profile.txt"
    file.write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(file, b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["hew-profile.txt"]
    assert file.read_text() == "old"
