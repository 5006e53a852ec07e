"""The documents name only what is there: links, make targets, variables, endpoints, tests; their programs compile."""

import ast
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from hew.cli.help import OVERVIEW
from hew.compiler.codes import all_codes
from hew.profiler import models
from hew.profiler.app import make_app
from hew.profiler.history import History
from hew.profiler.reader import Reader
from tests.support.documents import DOCUMENTS, ROOT, Block, checked, programs, shown
from tests.support.profiler_fakes import scenario

ALL_DOCUMENTS: Final = [*DOCUMENTS, *sorted([*ROOT.glob("bench/*.md"), *ROOT.glob("docker/*.md")])]
COMPILER: Final = ROOT / "hew" / "compiler"

PROGRAMS: Final = [
    pytest.param(block, id=f"{path.name}:{block.line}")
    for path in DOCUMENTS
    for block in programs(path.read_text(encoding="utf-8"))
]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("document", ALL_DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", ALL_DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_into_a_document_finds_its_heading(document: Path) -> None:
    links = re.findall(r"\]\(((?!https?:)[^)#]*)#([^)]+)\)", document.read_text(encoding="utf-8"))
    dead = [f"{file}#{mark}" for file, mark in links if mark not in marks(document.parent / file if file else document)]
    assert dead == []


def marks(document: Path) -> set[str]:
    """The anchors that a Markdown viewer gives to headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", ALL_DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_make_command_in_a_document_exists(document: Path) -> None:
    named = set(re.findall(r"(?:^|`)make ([a-z][a-z-]+)", document.read_text(encoding="utf-8"), re.MULTILINE))
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout
    assert named <= set(re.findall(r"^make ([a-z-]+)", listed, re.MULTILINE))


def test_help_and_operations_name_the_same_variables() -> None:
    assert set(re.findall(r"HEW_[A-Z_]+", OVERVIEW)) == set(re.findall(r"`(HEW_[A-Z_]+)`", read("docs/operations.md")))


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert "\nmake test " in read("README.md")
    assert "\nmake test\n" in read(".ci/run")
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_in_a_document_compiles_unless_it_is_shown_as_wrong(program: Block) -> None:
    said = checked(program)
    if program.is_wrong:
        assert said
    elif "fragment" in program.words:
        assert "error[" not in said, said
    else:
        assert said == ""


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_messages_of_wrong_programs_are_shown_to_the_letter(document: Path) -> None:
    for each in shown(document.read_text(encoding="utf-8")):
        if each.program.is_wrong:
            assert each.output.text == checked(each.program), f"line {each.program.line}"


def test_every_code_that_the_compiler_gives_is_explained_and_no_other() -> None:
    used: set[str] = set()
    for path in COMPILER.rglob("*.py"):
        if path.name != "codes.py":
            used |= set(re.findall(r"\b[EW]\d{4}\b", path.read_text(encoding="utf-8")))
    explained = re.findall(r"^### ([EW]\d{4}): ", read("docs/errors.md"), re.MULTILINE)
    assert explained == sorted(explained, key=lambda code: (code[0], code))
    assert set(explained) == used & set(all_codes())


def test_each_example_of_a_code_shows_that_code() -> None:
    sections = re.split(r"^### (?=[EW]\d{4})", read("docs/errors.md"), flags=re.MULTILINE)[1:]
    for section in sections:
        code, examples = section[:5], list(shown(section))
        assert examples or code in {"E0001", "E0005", "E0999"}, code
        for example in examples:
            assert f"[{code}]" in example.output.text, code


def test_the_api_document_names_every_path_and_field() -> None:
    counters, inspect, program = scenario({})
    app = make_app(Reader(counters, inspect, program), History(), guarded=False)
    document = read("docs/api.md")
    paths = set(app.openapi()["paths"]) | {"/", "/docs", "/openapi.json"}
    assert [path for path in sorted(paths) if f"`GET {path}`" not in document] == []
    shapes = (models.Metrics, models.Memory, models.ActorRow, models.HistoryEntry, models.Finding)
    fields = {name for shape in shapes for name in shape.__struct_fields__}
    assert [name for name in sorted(fields) if f"`{name}`" not in document] == []


def test_the_tests_that_the_profiler_document_names_exist() -> None:
    named = re.findall(r"\[`(test_\w+)`\]\(\.\./(tests/[\w/]+\.py)\)", read("docs/profiler.md"))
    assert len(named) > 40
    assert [(name, file) for name, file in named if name not in functions(ROOT / file)] == []


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
