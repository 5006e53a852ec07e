"""static/ -> one self-contained page: styles and scripts inlined as they are, and the policy that allows only those.

`page.html` names its parts by `<link rel="stylesheet" href="css/x.css">` and `<script src="js/x.js"></script>`.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_STYLE: Final = re.compile(r'<link rel="stylesheet" href="([^"]+)">')
_SCRIPT: Final = re.compile(r'<script src="([^"]+)"></script>')


@dataclass(frozen=True, slots=True)
class Page:
    """The page and the policy it is sent with."""

    html: bytes
    policy: str  # Content-Security-Policy


def static_directory() -> Path:
    """In a wheel static/ lies inside the package, in a checkout beside it."""
    package = Path(__file__).resolve().parent.parent
    for candidate in (package / "static", package.parent / "static"):
        if (candidate / "page.html").is_file():
            return candidate
    raise FileNotFoundError(f"static/page.html is in neither {package} nor {package.parent}")


def build(directory: Path) -> Page:
    """The page of `directory`, inlined."""
    styles: list[str] = []
    scripts: list[str] = []

    def style(match: re.Match[str]) -> str:
        styles.append(_text(directory, match[1], "</style"))
        return f"<style>{styles[-1]}</style>"

    def script(match: re.Match[str]) -> str:
        scripts.append(_text(directory, match[1], "</script"))
        return f"<script>{scripts[-1]}</script>"

    html = _SCRIPT.sub(script, _STYLE.sub(style, (directory / "page.html").read_text("utf-8")))
    return Page(html.encode(), _policy(styles, scripts))


def _text(directory: Path, name: str, end: str) -> str:
    text = (directory / name).read_text("utf-8")
    if end in text.lower():
        raise ValueError(f"static/{name} holds {end!r}, which would end it too early")
    return text


def _policy(styles: list[str], scripts: list[str]) -> str:
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {_hashes(scripts)}",
            f"style-src {_hashes(styles)}",
            "img-src data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )


def _hashes(texts: list[str]) -> str:
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
    return " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"
