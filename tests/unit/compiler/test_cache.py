"""Machine code kept between runs: found again, never trusted when damaged or others', never needed, never large."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hew.compiler import cache, compile_source
from hew.errors import ProgramErrors
from hew.program import ActorType, Handler, Program, Symbol

PROGRAM = Program(
    name="shop.hew",
    main_line=3,
    checked=False,
    actors=(ActorType("Shop", "shop.hew", 1, (Handler("sell", 2), Handler("init", 4, is_init=True))),),
    symbols=(Symbol("h.Shop.sell", 0, 16),),
    code=b"\x7fELF\n\x00\xff{}",
)
SOURCE = b'fn main() { println("hi"); }\n'


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("HEW_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "hew"


def test_a_program_survives_as_bytes() -> None:
    assert Program.from_bytes(PROGRAM.to_bytes()) == PROGRAM


@pytest.mark.parametrize("keep", [0, 1, 20, -1])
def test_cut_bytes_are_no_program(keep: int) -> None:
    with pytest.raises(ValueError, match="not a whole program"):
        Program.from_bytes(PROGRAM.to_bytes()[:keep])


def test_what_was_written_is_read(place: Path) -> None:
    cache.Cache(place).write("name", PROGRAM)
    assert cache.Cache(place).read("name") == PROGRAM
    assert [path.name for path in place.iterdir()] == ["name.program"]
    assert cache.Cache(place).read("other") is None


def test_a_damaged_file_is_compiled_again(place: Path) -> None:
    compile_source(SOURCE, "a.hew")
    (file,) = place.iterdir()
    whole = file.read_bytes()
    one_bit = bytearray(whole)
    one_bit[len(whole) * 3 // 4] ^= 1
    for damaged in (whole[: len(whole) // 2], bytes(one_bit), b""):
        file.write_bytes(damaged)
        compile_source(SOURCE, "a.hew")
        assert file.read_bytes() == whole


def test_the_second_time_nothing_is_compiled(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = compile_source(SOURCE, "a.hew")
    monkeypatch.setattr("hew.compiler.understand", None)
    assert compile_source(SOURCE, "a.hew") == first


@pytest.mark.parametrize("change", [{"checked": True}, {"data": SOURCE + b"\n"}, {"name": "b.hew"}])
def test_other_circumstances_are_other_code(place: Path, change: dict[str, object]) -> None:
    arguments: dict[str, object] = {"data": SOURCE, "name": "a.hew"}
    compile_source(**arguments)  # type: ignore[arg-type]
    compile_source(**(arguments | change))  # type: ignore[arg-type]
    assert len(list(place.iterdir())) == 2


def test_errors_are_not_kept(place: Path) -> None:
    for _ in range(2):
        with pytest.raises(ProgramErrors, match="E0101"):
            compile_source(b"fn main() { println(x); }", "a.hew")
    assert not place.exists()


@pytest.mark.parametrize("home", ["/proc/nowhere", "relative", ""])
def test_without_a_place_to_keep_it_a_program_is_just_compiled(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", home)
    monkeypatch.setenv("HOME", home)
    assert compile_source(SOURCE, "a.hew").program.code


def test_the_oldest_go_when_there_are_too_many(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MAX_FILES", 2)
    for age, name in enumerate(["new", "middle", "old"]):
        cache.Cache(place).write(name, PROGRAM)
        os.utime(place / f"{name}.program", (1_000_000 - age, 1_000_000 - age))
    cache.Cache(place).write("newest", PROGRAM)
    assert sorted(path.name for path in place.iterdir()) == ["new.program", "newest.program"]


def test_there_are_never_too_many_bytes(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MAX_BYTES", len(PROGRAM.to_bytes()) + cache.DIGEST_BYTES + 1)
    cache.Cache(place).write("a", PROGRAM)
    cache.Cache(place).write("b", PROGRAM)
    assert len(list(place.iterdir())) == 1


def test_where_the_files_are() -> None:
    assert cache.folder({"XDG_CACHE_HOME": "/x", "HOME": "/h"}) == Path("/x/hew")
    assert cache.folder({"HOME": "/h"}) == Path("/h/.cache/hew")
    assert cache.folder({"XDG_CACHE_HOME": "relative", "HOME": ""}) is None
    assert cache.folder({"HEW_CACHE": "0", "HOME": "/h"}) is None


def _open_to_group(path: Path) -> None:
    path.chmod(path.stat().st_mode | 0o020)


def _open_to_all(path: Path) -> None:
    path.chmod(path.stat().st_mode | 0o002)


def _link(path: Path) -> None:
    """What it was, but elsewhere: who made the link decides where that is."""
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


@pytest.mark.parametrize("spoil", [_open_to_group, _open_to_all, _link])
@pytest.mark.parametrize("part", ["folder", "file"])
def test_what_others_may_have_written_is_not_run(place: Path, part: str, spoil: Callable[[Path], None]) -> None:
    compile_source(SOURCE, "a.hew")
    (file,) = place.iterdir()
    spoiled = place if part == "folder" else file
    spoil(spoiled)
    assert f"'{spoiled}'" in compile_source(SOURCE, "a.hew").notice


@pytest.mark.parametrize("part", ["folder", "file"])
def test_what_belongs_to_another_user_is_not_run(place: Path, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without being root nothing can be given away: then the process plays another user, which is the same."""
    compile_source(SOURCE, "a.hew")
    (file,) = place.iterdir()
    spoiled = place if part == "folder" else file
    if os.geteuid() == 0:
        os.chown(spoiled, 4711, -1)
    else:
        spoiled = place
        monkeypatch.setattr(os, "geteuid", lambda: 4711)
    notice = compile_source(SOURCE, "a.hew").notice
    assert notice.startswith("warning: the program is compiled anew, as its cache is not trusted: ")
    assert f"'{spoiled}' belongs to another user" in notice


def test_a_file_that_is_not_trusted_is_replaced(place: Path) -> None:
    compile_source(SOURCE, "a.hew")
    (file,) = place.iterdir()
    _open_to_all(file)
    assert compile_source(SOURCE, "a.hew").notice
    assert file.stat().st_mode & 0o777 == 0o600
    assert not compile_source(SOURCE, "a.hew").notice


def test_a_folder_that_is_not_trusted_is_left_alone(place: Path) -> None:
    place.mkdir(parents=True)
    place.chmod(0o777)
    compile_source(SOURCE, "a.hew")
    assert not list(place.iterdir())


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(place: Path) -> None:
    compile_source(SOURCE, "a.hew")
    (file,) = place.iterdir()
    file.unlink()
    os.mkfifo(file, 0o600)
    assert compile_source(SOURCE, "a.hew").program.code
    assert file.is_file()
