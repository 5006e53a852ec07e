"""Coverage of `match`: the value that is named is one that no arm takes; an arm is unreachable only if it is."""

from __future__ import annotations

import pytest

from tests.unit.compiler.check.support import messages

WHOLE = (
    "fn f(o: Option<Option<Bool>>, t: (Bool, Option<Int>), r: Result<Int, String>, n: Int)"
    " {{ match {} {{ {} }} }} fn main() {{ }}"
)


def found(subject: str, arms: str) -> list[str]:
    return [one for one in messages(WHOLE.format(subject, arms)) if one[:5] in ("E0401", "W0402")]


@pytest.mark.parametrize(
    ("subject", "arms", "missing"),
    [
        ("o", "Some(Some(true)) => {} Some(None) => {} None => {}", "Some(Some(false))"),
        ("o", "Some(_) => {}", "None"),
        ("t", "(true, Some(_)) => {} (_, None) => {}", "(false, Some(_))"),
        ("t", "(_, Some(1)) => {} (_, None) => {}", "(_, Some(_))"),
        ("r", 'Ok(_) => {} Err("a") => {}', "Err(_)"),
        ("r", "Ok(x) if x > 1 => {} Err(_) => {}", "Ok(_)"),
        ("n", "1 | 2 => {}", "_"),
    ],
)
def test_an_uncovered_value_is_named(subject: str, arms: str, missing: str) -> None:
    assert found(subject, arms) == [f"E0401 'match' does not cover '{missing}'"]


@pytest.mark.parametrize(
    ("subject", "arms"),
    [
        ("o", "Some(Some(true)) | Some(Some(false)) => {} Some(None) | None => {}"),
        ("t", "(true, Some(_)) => {} (false, Some(_)) => {} (true | false, None) => {}"),
        ("n", "1 => {} n if n > 3 => {} _ => {}"),
        ("r", "Ok(1) => {} Ok(_) => {} Err(e) => {}"),
    ],
)
def test_a_whole_match_is_silent(subject: str, arms: str) -> None:
    assert found(subject, arms) == []


@pytest.mark.parametrize(
    ("subject", "arms"),
    [
        ("n", "1 => {} 1 => {} _ => {}"),
        ("o", "Some(_) => {} None => {} _ => {}"),
        ("t", "(_, None) => {} (true, None) => {} _ => {}"),
        ("n", "_ => {} 1 => {}"),
    ],
)
def test_an_arm_that_nothing_reaches_is_told(subject: str, arms: str) -> None:
    assert found(subject, arms) == ["W0402 this arm can never be reached"]
