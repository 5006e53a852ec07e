"""One executable file: written whole or not at all, read back, refused when it is another version's."""

import os
import subprocess
from pathlib import Path

import pytest

from hew import __version__, bundle
from hew.errors import UsageError
from hew.program import ActorType, Handler, Program, Symbol

PROGRAM = Program(
    name="shop.hew",
    main_line=3,
    checked=True,
    actors=(ActorType("Shop", "shop.hew", 1, (Handler("sell", 2),)),),
    symbols=(Symbol("main", 0, 16),),
    code=b"\x7fELF\n#hew-bundle 1 x\n\x00\xff",
)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    bundle.write_bundle(PROGRAM, tmp_path / "shop")
    assert bundle.read_bundle(tmp_path / "shop") == PROGRAM
    assert [path.name for path in tmp_path.iterdir()] == ["shop"]


def test_it_is_executable_as_the_umask_allows(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        bundle.write_bundle(PROGRAM, tmp_path / "shop")
    finally:
        os.umask(before)
    assert (tmp_path / "shop").stat().st_mode & 0o777 == 0o750


def test_its_launcher_passes_the_file_and_the_arguments_on(tmp_path: Path) -> None:
    """With a stand-in for Python that prints what it was given; a blank in the path is no trouble."""
    folder = tmp_path / "a b"
    folder.mkdir()
    python = folder / "it's python"
    python.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    python.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.executable", str(python))
        bundle.write_bundle(PROGRAM, folder / "shop")
    ran = subprocess.run([folder / "shop", "--help", "x y"], capture_output=True, text=True, timeout=20)
    assert ran.stdout == f"-P|-m|hew.cli.bundled|{folder / 'shop'}|--help|x y|"


def test_another_version_is_refused_and_both_are_named(tmp_path: Path) -> None:
    path = tmp_path / "shop"
    bundle.write_bundle(PROGRAM, path)
    path.write_bytes(path.read_bytes().replace(f"1 {__version__}\n".encode(), b"1 9.9.9\n", 1))
    with pytest.raises(UsageError) as caught:
        bundle.read_bundle(path)
    assert str(caught.value) == f"'{path}' was built by hew 9.9.9, this is hew {__version__}: build it again"


@pytest.mark.parametrize("keep", [10, -3])
def test_a_damaged_file_is_refused(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "shop"
    bundle.write_bundle(PROGRAM, path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UsageError, match=r"is damaged|is not a program that hew built"):
        bundle.read_bundle(path)


def test_a_folder_that_is_not_there_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        bundle.write_bundle(PROGRAM, tmp_path / "nowhere" / "shop")
    assert list(tmp_path.iterdir()) == []
