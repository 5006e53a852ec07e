"""The catalogue of codes."""

from __future__ import annotations

import string

from hew.compiler.codes import all_codes

ARGUMENTS = {"element", "of", "each", "template"}


def test_every_code_has_its_own_name_message_and_meaning() -> None:
    for name, code in all_codes().items():
        assert name == code.text
        assert code.message
        assert code.meaning.endswith("."), name
        assert code.is_warning == name.startswith("W")


def test_every_template_can_be_filled() -> None:
    for code in all_codes().values():
        for template in (code.message, code.label, code.help):
            if template is not None:
                names = {field for _, field, _, _ in string.Formatter().parse(template) if field is not None}
                assert all(name.isidentifier() for name in names), (code, template)


def test_the_texts_of_the_reference_are_law() -> None:
    codes = all_codes()
    assert codes["E0107"].message.format(name="Strnig") == "no type 'Strnig' is known here"
    assert codes["E0207"].message.format(type="Point", name="z") == "Point has no field 'z'"
    assert codes["E0401"].message.format(pattern="None") == "'match' does not cover 'None'"
    assert codes["E0502"].message.format(actor="Counter", name="tikc") == "Counter has no handler 'tikc'"
    spawned = codes["E0504"].message.format(actor="Counter", name="cuont")
    assert spawned == "Counter has no field 'cuont' to set at spawn"
    assert len([name for name in codes if name.startswith("E")]) >= 90
