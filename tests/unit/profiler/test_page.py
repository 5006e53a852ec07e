"""The page is one piece and its policy fits it."""

import base64
import hashlib
import re
from pathlib import Path

import pytest

from hew.profiler.page import build, static_directory


def test_the_page_needs_nothing_but_itself() -> None:
    html = build(static_directory()).html.decode()
    assert '<link rel="stylesheet"' not in html
    assert "<script src" not in html
    assert not re.search(r"""(src|href)=["']?https?:|url\(\s*["']?http|@import|import\(""", html)
    assert set(re.findall(r"https?://[^\s\"')]+", html)) == {"https://github.com/leeoniya/uPlot"}  # in its notice
    for title in ("Scheduler", "Memory", "Messages", "Allocation Timeline", "Actors"):
        assert f">{title}</h2>" in html


def test_the_policy_allows_exactly_what_is_inlined() -> None:
    page = build(static_directory())
    html = page.html.decode()
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        parts = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digests = [base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in parts]
        assert parts
        assert f"{directive} " + " ".join(f"'sha256-{digest}'" for digest in digests) in page.policy
    assert "unsafe" not in page.policy
    assert "frame-ancestors 'none'" in page.policy


def test_no_inline_styles_or_handlers_and_no_inner_html() -> None:
    html = build(static_directory()).html.decode()
    assert not re.search(r"\s(style|on\w+)=\"", html)
    assert "innerHTML" not in html


def test_the_vendored_chart_library_is_as_published_and_carries_its_licence() -> None:
    folder = static_directory() / "vendor" / "uplot"
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert set(sums) == {path.name for path in folder.iterdir()} - {"SHA256SUMS", "README.md"}
    for name, digest in sums.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name
    version = re.search(r"uPlot \(v(\d+)\.(\d+)\.(\d+)\)", (folder / "uPlot.iife.min.js").read_text())
    assert version is not None
    assert tuple(map(int, version.groups())) >= (1, 6, 31)
    assert "MIT" in (folder / "LICENSE").read_text()


def test_a_part_that_would_end_its_own_tag_is_refused(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text('<script src="a.js"></script>')
    (tmp_path / "a.js").write_text("'</script>'")
    with pytest.raises(ValueError, match=r"static/a.js holds '</script'"):
        build(tmp_path)
