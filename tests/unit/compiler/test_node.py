"""The base of all trees."""

from __future__ import annotations

from hew.compiler.ast import Broken, Expr, Name, Unsupported
from hew.compiler.node import Node
from hew.compiler.source import Span

AT = Span(0, 1)


class Leaf(Node):
    value: int
    note: str | None = None


class Twig(Leaf):
    more: int = 3


def test_a_class_has_the_fields_of_its_bases_first() -> None:
    assert Twig.__match_args__ == ("span", "value", "note", "more")
    twig = Twig(AT, 1, more=5)
    assert (twig.span, twig.value, twig.note, twig.more) == (AT, 1, None, 5)


def test_nodes_have_no_dict_and_are_equal_only_to_themselves() -> None:
    one, other = Leaf(AT, 1), Leaf(AT, 1)
    assert not hasattr(one, "__dict__")
    assert one != other
    assert {one: "a", other: "b"}[one] == "a"


def test_nodes_can_be_matched_and_shown() -> None:
    match Name(AT, "x"):
        case Name(span, text):
            assert (span, text) == (AT, "x")
    assert repr(Name(AT, "x")) == "Name(text='x', type_args=None)"


def test_what_stands_for_an_error_fits_every_place() -> None:
    assert isinstance(Broken(AT), Expr)
    assert isinstance(Unsupported(AT, "traits", "L3"), Expr)
