"""Options by hand: they end at the file, and a mistake names what was probably meant."""

import pytest

from hew.cli.options import one_file, parse, parse_anywhere, unknown_command
from hew.errors import UsageError

COMMANDS = ["run", "check", "build", "version", "help"]


def parse_run(*arguments: str) -> tuple[set[str], dict[str, str], list[str]]:
    parsed = parse("run", list(arguments), flags=["--json", "--checked"], valued=["-o", "--out"])
    return set(parsed.flags), parsed.values, parsed.rest


def test_options_end_at_the_file_and_the_rest_is_the_programs() -> None:
    assert parse_run("--json", "a.hew", "--checked", "--help") == ({"--json"}, {}, ["a.hew", "--checked", "--help"])


def test_a_single_dash_is_a_file() -> None:
    assert parse_run("--json", "-", "x") == ({"--json"}, {}, ["-", "x"])


def test_two_dashes_end_the_options() -> None:
    assert parse_run("--json", "--", "--checked") == ({"--json"}, {}, ["--checked"])


def test_a_value_follows_or_stands_after_an_equals_sign() -> None:
    assert parse_run("-o", "x", "a.hew") == (set(), {"-o": "x"}, ["a.hew"])
    assert parse_run("--out=y", "a.hew") == (set(), {"--out": "y"}, ["a.hew"])


def test_help_before_the_file_is_ours() -> None:
    assert parse("run", ["--help", "--nonsense"], flags=[]).help
    assert not parse("run", ["a.hew", "--help"], flags=[]).help


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--jsn", "a.hew"], "run: unknown option '--jsn'; did you mean '--json'?"),
        (["--zzz"], "run: unknown option '--zzz'; there are: --checked, --json, --out, -o, --help"),
        (["--json=1"], "run: the option '--json' takes no value"),
        (["-o"], "run: the option '-o' needs a value"),
    ],
)
def test_a_wrong_option_is_named(arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_run(*arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rnu", "unknown command 'rnu'; did you mean 'run'?"),
        ("chek", "unknown command 'chek'; did you mean 'check'?"),
        ("zzz", "unknown command 'zzz'; there are: build, check, help, run, version"),
        ("shop.hew", "unknown command 'shop.hew'; did you mean 'hew run shop.hew'?"),
        ("--verison", "unknown option '--verison'; did you mean '--version'?"),
    ],
)
def test_an_unknown_command_names_the_nearest(name: str, message: str) -> None:
    assert str(unknown_command(name, COMMANDS)) == message


def test_a_command_of_one_file_wants_exactly_one() -> None:
    assert one_file("check", ["a.hew"]) == "a.hew"
    with pytest.raises(UsageError, match=r"^check: no file is given: hew check FILE\.hew$"):
        one_file("check", [])
    with pytest.raises(UsageError, match=r"'--json' is too much$"):
        one_file("check", ["a.hew", "--json"])


def test_commands_that_run_nothing_take_options_behind_the_file_too() -> None:
    parsed = parse_anywhere("build", ["a.hew", "-o", "prog", "--json"], flags=["--json"], valued=["-o"])
    assert (parsed.rest, parsed.values, parsed.flags) == (["a.hew"], {"-o": "prog"}, frozenset({"--json"}))
