"""`hew build`: one file that runs as `hew run` does, with the same variables; another version is refused."""

from pathlib import Path

from hew import __version__
from tests.support.hew import Hew

PROGRAM = 'fn main() {\n    println(f"{args().len()} arguments");\n}\n'


def test_the_file_is_named_after_the_source_and_runs(hew: Hew) -> None:
    built = hew("build", hew.write(PROGRAM, "shop.hew"))
    assert (built.exit_code, built.stdout, built.stderr) == (0, "", "")
    result = hew.start("--help", "x", program=["./shop"]).finish()
    assert (result.exit_code, result.stdout, result.stderr) == (0, "2 arguments\n", "")


def test_the_variables_hold_for_a_built_program_too(hew: Hew) -> None:
    assert hew("build", "-o", "prog", hew.write(PROGRAM)).exit_code == 0
    refused = hew.start(program=["./prog"], HEW_WORKERS="0").finish()
    assert refused.exit_code == 2
    assert refused.stderr == "hew: HEW_WORKERS: cannot read '0' as a number of workers (1 to 255)\n"
    profiled = hew.start(program=["./prog"], HEW_PROF_OUTPUT="both", HEW_PPROF="127.0.0.1:0").finish()
    assert profiled.exit_code == 0
    assert "[hew-pprof] dashboard at http://127.0.0.1:" in profiled.stderr
    assert {"hew-profile.pb.gz", "hew-profile.txt"} <= {path.name for path in hew.folder.iterdir()}


def test_modules_beside_the_user_do_not_shadow_ours(hew: Hew) -> None:
    assert hew("build", "-o", "prog", hew.write(PROGRAM)).exit_code == 0
    hew.write("raise SystemExit(99)\n", "json.py")
    assert hew.start(program=["./prog"]).finish().exit_code == 0


def test_another_version_is_refused_and_both_are_named(hew: Hew) -> None:
    assert hew("build", "-o", "prog", hew.write(PROGRAM)).exit_code == 0
    path = hew.folder / "prog"
    path.write_bytes(path.read_bytes().replace(f"#hew-bundle 1 {__version__}\n".encode(), b"#hew-bundle 1 9.9.9\n"))
    result = hew.start(program=["./prog"]).finish()
    assert result.exit_code == 2
    assert result.stderr == f"hew: './prog' was built by hew 9.9.9, this is hew {__version__}: build it again\n"


def test_a_wrong_program_leaves_no_file(hew: Hew) -> None:
    result = hew("build", "-o", "prog", hew.write("fn main() { x }\n"))
    assert result.exit_code == 3
    assert not Path(hew.folder / "prog").exists()


def test_a_place_that_cannot_be_written_is_named(hew: Hew) -> None:
    result = hew("build", "-o", "nowhere/prog", hew.write(PROGRAM))
    assert (result.exit_code, result.stderr) == (2, "hew: cannot write 'nowhere/prog': No such file or directory\n")


def test_a_trap_of_a_built_program_names_its_callers(hew: Hew) -> None:
    source = hew.write("fn half(n: Int) -> Int {\n    8 / n\n}\nfn main() {\n    println(1 + half(0));\n}\n", "t.hew")
    assert hew("build", "-o", "prog", source).exit_code == 0
    result = hew.start(program=["./prog"]).finish()
    trapped = "[hew] main trapped at t.hew:2:5: division by zero\n[hew]   called from main at t.hew:5:17\n"
    assert (result.exit_code, result.stderr) == (1, trapped)
