"""Reports: collected by position, rendered as the language reference shows."""

from __future__ import annotations

import json

from hew.compiler import codes
from hew.compiler.diagnostics import MAX_SHOWN, Report
from hew.compiler.source import Source, Span


def report_of(text: str, name: str = "shop.hew") -> Report:
    return Report(Source(name, text))


def at(report: Report, text: str) -> Span:
    start = report.source.text.index(text)
    return Span(start, start + len(text))


def test_a_frame_is_exactly_as_the_reference_shows() -> None:
    report = report_of("\n" * 6 + "    println(cuont);\n")
    report.error(codes.E0101, at(report, "cuont"), name="cuont", help="did you mean 'count'?")
    assert report.render() == (
        "error[E0101]: no name 'cuont' is known here\n"
        "  --> shop.hew:7:13\n"
        "   |\n"
        " 7 |     println(cuont);\n"
        "   |             ^^^^^ unknown name\n"
        "   = help: did you mean 'count'?\n"
        "hew: 1 error in shop.hew\n"
    )


def test_second_places_notes_and_wide_numbers() -> None:
    report = report_of("let n = 1;\n" + "\n" * 9 + "let n = 2;\n")
    second = Span(report.source.text.rindex("n"), report.source.text.rindex("n") + 1)
    report.error(
        codes.E0104, second, name="n", place="block", secondary=[(Span(4, 5), "first defined here")], notes=["a note"]
    )
    assert report.render().splitlines()[1:-1] == [
        "   --> shop.hew:11:5",
        "    |",
        " 11 | let n = 2;",
        "    |     ^ defined again",
        "  1 | let n = 1;",
        "    |     - first defined here",
        "    = note: a note",
    ]


def test_tabs_are_four_blanks_and_the_carets_follow() -> None:
    report = report_of("\tx = \ty;")
    report.error(codes.E0101, at(report, "y"), name="y")
    assert report.render().splitlines()[1] == "  --> shop.hew:1:7"
    assert report.render().splitlines()[3:5] == [" 1 |     x =     y;", "   |             ^ unknown name"]


def test_carets_stand_under_wide_characters() -> None:
    report = report_of('f("日本", y);')
    report.error(codes.E0101, at(report, "y"), name="y")
    assert report.render().splitlines()[4] == "   |" + " " * 11 + "^ unknown name"


def test_a_span_of_many_lines_is_marked_to_the_end_of_its_first() -> None:
    report = report_of("match x {\n}\n")
    report.error(codes.E0401, Span(0, 11), pattern="None")
    assert "   | ^^^^^^^^^ 'None' is not covered" in report.render().splitlines()


def test_an_empty_span_has_one_caret_also_at_the_end_of_the_text() -> None:
    report = report_of("a")
    report.error(codes.E0010, Span(1, 1), expected="';' after the statement", token="';'", found="the end of the file")
    assert report.render().splitlines()[3:5] == [" 1 | a", "   |  ^ expected ';'"]


def test_a_line_wider_than_160_columns_is_cut_around_the_span() -> None:
    report = report_of("a" * 200 + " bad " + "b" * 200)
    report.error(codes.E0101, at(report, "bad"), name="bad")
    line, marks = report.render().splitlines()[3:5]
    text = line.removeprefix(" 1 | ")
    assert len(text) == 160
    assert text.startswith("...a")
    assert text.endswith("b...")
    start = text.index("bad")
    assert marks == "   | " + " " * start + "^^^ unknown name"


def test_a_line_of_160_columns_is_whole() -> None:
    report = report_of("a" * 160)
    report.error(codes.E0101, Span(150, 160), name="a")
    assert report.render().splitlines()[3] == " 1 | " + "a" * 160


def test_a_span_wider_than_the_window_is_marked_to_its_end() -> None:
    report = report_of("a" * 1000)
    report.error(codes.E0005, Span(0, 1000), what="long", label="")
    line, marks = report.render().splitlines()[3:5]
    assert line == " 1 | " + "a" * 157 + "..."
    assert marks == "   | " + "^" * 157


def test_what_would_disturb_a_terminal_is_not_printed() -> None:
    report = report_of("x \x1b[31m")
    report.error(codes.E0101, Span(0, 1), name="x")
    assert "\x1b" not in report.render()


def test_colours_add_nothing_but_colours() -> None:
    import re

    report = report_of("a b")
    report.error(codes.E0101, Span(0, 1), name="a", secondary=[(Span(2, 3), "there")], notes=["n"], help="h")
    report.warning(codes.W0602, Span(2, 3))
    assert re.sub(r"\x1b\[[0-9;]*m", "", report.render(colour=True)) == report.render()
    assert "\x1b[1;31merror[E0101]\x1b[0m" in report.render(colour=True)


def test_diagnostics_come_by_position_and_each_only_once() -> None:
    report = report_of("a b c")
    report.error(codes.E0101, Span(4, 5), name="c")
    report.warning(codes.W0602, Span(2, 3))
    report.error(codes.E0101, Span(0, 1), name="a")
    report.error(codes.E0101, Span(0, 1), name="a", help="again")
    assert [d.code.text for d in report.diagnostics()] == ["E0101", "W0602", "E0101"]
    assert report.summary() == "hew: 2 errors, 1 warning in shop.hew"
    assert report.summary(warnings=False) == "hew: 2 errors in shop.hew"


def test_warnings_alone_are_no_errors_and_can_be_left_out() -> None:
    report = report_of("a")
    report.warning(codes.W0602, Span(0, 1))
    assert not report.has_errors
    assert report.render(warnings=False) == ""
    assert report.render().endswith("hew: 1 warning in shop.hew\n")


def test_at_most_a_hundred_are_shown_errors_first() -> None:
    report = report_of("x" * 300)
    for offset in range(150):
        report.warning(codes.W0602, Span(offset, offset + 1))
    report.error(codes.E0101, Span(299, 300), name="x")
    shown = report.diagnostics()
    assert len(shown) == MAX_SHOWN
    assert shown[-1].code is codes.E0101


def test_json_has_one_object_per_line_with_exactly_the_documented_keys() -> None:
    report = report_of("a\nb")
    report.error(codes.E0101, Span(2, 3), name="b", secondary=[(Span(0, 1), "there")], notes=["n"])
    (line,) = report.render_json().splitlines()
    assert json.loads(line) == {
        "code": "E0101", "severity": "error", "message": "no name 'b' is known here", "file": "shop.hew",
        "line": 2, "column": 1, "end_line": 2, "end_column": 2, "notes": ["shop.hew:1:1: there", "n"], "help": None,
    }  # fmt: skip


def test_own_texts_go_before_those_of_the_code_and_empty_means_none() -> None:
    report = report_of("a")
    report.error(codes.E0012, Span(0, 1), message="m {x}", label="", help="")
    assert report.render().splitlines()[0] == "error[E0012]: m {x}"
    assert report.render().splitlines()[4:] == ["   | ^", "hew: 1 error in shop.hew"]
