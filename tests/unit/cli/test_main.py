"""`hew.cli.main`: every way a command can end becomes a message and an exit code, never a traceback."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from hew import cli
from hew.cli.build import output_path
from hew.cli.streams import OutputError
from hew.errors import ConfigError, InternalError, ProgramErrors, UsageError


def end_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    """`hew check` whose work raises `error`."""

    def main(arguments: list[str]) -> int:
        raise error

    module = ModuleType("hew.cli.check")
    module.main = main  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "hew.cli.check", module)
    return cli.main(["check", "a.hew"])


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UsageError("cannot read 'a.hew': gone"), 2, "hew: cannot read 'a.hew': gone\n"),
        (ConfigError("HEW_PIN: cannot read 'x'"), 2, "hew: HEW_PIN: cannot read 'x'\n"),
        (ProgramErrors("error[E0101]: no\n\nhew: 1 error in a.hew"), 3, "error[E0101]: no\n\nhew: 1 error in a.hew\n"),
        (InternalError("the C core is not built"), 4, "hew: the C core is not built\n"),
        (KeyboardInterrupt(), 130, ""),
        (OutputError("No space left on device"), 1, None),
    ],
)
def test_each_kind_of_error_has_its_exit_code(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    message: str | None,
) -> None:
    monkeypatch.setattr("hew.cli.streams.abandon_output", lambda code: code)
    assert end_with(monkeypatch, error) == code
    said = capfd.readouterr().err
    assert said == message or (message is None and "No space left on device" in said)


def test_a_bug_of_ours_is_one_sentence_that_asks_for_a_report(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert end_with(monkeypatch, KeyError("x")) == 4
    said = capfd.readouterr().err
    assert said.startswith("error[E0999]: internal error: KeyError at hew/cli/__init__.py:")
    assert "please report it" in said
    assert "Traceback" not in said


def test_a_closed_pipe_ends_with_141(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hew.cli.streams.abandon_output", lambda code: code)
    assert end_with(monkeypatch, BrokenPipeError()) == 141


def test_every_command_has_help_that_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    for name in cli.COMMANDS:
        assert cli.main(["help", name]) == 0
        assert capsys.readouterr().out.startswith(f"usage: hew {'--version' if name == 'version' else name}")


def test_an_unknown_topic_of_help_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["help", "rnu"]) == 2
    assert capfd.readouterr().err == "hew: unknown command 'rnu'; did you mean 'run'?\n"


def test_a_built_program_is_named_after_its_source_and_never_overwrites_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = tmp_path / "shop.hew"
    source.write_text("")
    assert output_path("elsewhere/shop.hew", None) == Path("shop")
    assert output_path("shop.hew", "out/prog") == Path("out/prog")
    for chosen, reason in [("shop.hew", "the source itself"), (".", "a directory"), ("", "empty")]:
        with pytest.raises(UsageError, match=reason):
            output_path("shop.hew", chosen)
    with pytest.raises(UsageError, match="give one with -o PROG"):
        output_path("-", None)
