"""Bytes become text; offsets become lines and columns."""

from __future__ import annotations

from hew.compiler.source import Source


def test_a_bom_and_the_line_ends_of_every_system_are_cleaned() -> None:
    source = Source.decode("a.hew", b"\xef\xbb\xbfone\r\ntwo\rthree\n")
    assert source.text == "one\ntwo\nthree\n"
    assert source.position(source.text.index("three")) == (3, 1)
    assert source.line(2) == "two"
    assert source.bad is None


def test_columns_count_characters() -> None:
    source = Source("a.hew", "é\t😀x")
    assert source.position(3) == (1, 4)


def test_the_end_of_the_text_has_a_position() -> None:
    assert Source("a.hew", "").position(0) == (1, 1)
    assert Source("a.hew", "a\n").position(2) == (2, 1)


def test_the_first_bad_byte_is_found_where_it_is() -> None:
    source = Source.decode("a.hew", b"\xef\xbb\xbfab\r\nc\xffd\xfe")
    assert source.bad is not None
    assert source.position(source.bad.offset) == (2, 2)
    assert source.bad.what == "the byte 0xFF"
    assert source.text.startswith("ab\nc d")


def test_a_nul_is_a_bad_byte_wherever_it_comes_first() -> None:
    for data, offset in ((b"a\0b", 1), (b"\xff\0", 0), (b"\0\xff", 0)):
        source = Source.decode("a.hew", data)
        assert source.bad is not None
        assert source.bad.offset == offset
        assert "\0" not in source.text
