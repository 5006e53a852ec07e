"""Errors and warnings of one source: collected by all passes, then sorted and rendered once, at the end.

error[E0101]: no name 'cuont' is known here
  --> shop.hew:7:13
   |
 7 |     println(cuont);
   |             ^^^^^ unknown name
   = help: did you mean 'count'?
"""

from __future__ import annotations

from typing import Final

from hew.compiler.codes import Code
from hew.compiler.source import Source, Span

MAX_SHOWN: Final = 100  # diagnostics of one run
UNUSED: Final = "W0101"
MAX_KEPT: Final = 10_000  # a file of garbage must not fill the memory
MAX_COLUMNS: Final = 160  # of a source line; a wider one is cut around the span
LEAD_COLUMNS: Final = 40  # of a cut line that stay before the span
TAB: Final = "    "

Place = tuple[Span, str]  # where, and what is said under it


class Diagnostic:
    """One error or warning, its texts complete."""

    __slots__ = ("code", "help", "label", "message", "notes", "secondary", "span")

    def __init__(
        self,
        code: Code,
        span: Span,
        message: str,
        label: str,
        advice: str | None,
        notes: tuple[str, ...],
        secondary: tuple[Place, ...],
    ) -> None:
        self.code = code
        self.span = span
        self.message = message
        self.label = label
        self.help = advice
        self.notes = notes
        self.secondary = secondary

    @property
    def severity(self) -> str:
        """`error` or `warning`."""
        return "warning" if self.code.is_warning else "error"


class Report:
    """Where every pass tells what is wrong with `source`. It never fails and never stops a pass."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.has_errors = False
        self._errors = 0  # that were told, doubled ones too
        self._kept: dict[tuple[str, int, int, str], Diagnostic] = {}

    def error(
        self,
        code: Code,
        span: Span,
        *,
        message: str | None = None,
        label: str | None = None,
        help: str | None = None,
        notes: tuple[str, ...] | list[str] = (),
        secondary: tuple[Place, ...] | list[Place] = (),
        **arguments: object,
    ) -> None:
        """Report `code` at `span`. What is not given comes from the code's templates, filled with `arguments`.
        `message`, `label` and `help` are taken as they are; an empty `label` or `help` means none."""
        assert not code.is_warning, code
        self.has_errors = True
        self._errors += 1
        self._add(code, span, message, label, help, tuple(notes), tuple(secondary), arguments)

    def warning(
        self,
        code: Code,
        span: Span,
        *,
        message: str | None = None,
        label: str | None = None,
        help: str | None = None,
        notes: tuple[str, ...] | list[str] = (),
        secondary: tuple[Place, ...] | list[Place] = (),
        **arguments: object,
    ) -> None:
        """As `error`; the program still compiles."""
        assert code.is_warning, code
        self._add(code, span, message, label, help, tuple(notes), tuple(secondary), arguments)

    def _add(
        self,
        code: Code,
        span: Span,
        message: str | None,
        label: str | None,
        advice: str | None,
        notes: tuple[str, ...],
        secondary: tuple[Place, ...],
        arguments: dict[str, object],
    ) -> None:
        if message is None:
            message = _filled(code.message, arguments) or code.message
        if label is None:
            label = _filled(code.label, arguments)
        if advice is None:
            advice = _filled(code.help, arguments)
        key = (code.text, span.start, span.end, message)
        if len(self._kept) < MAX_KEPT:
            self._kept.setdefault(key, Diagnostic(code, span, message, label or "", advice or None, notes, secondary))

    @property
    def is_full(self) -> bool:
        """There are more errors than can be shown: advice that takes long to find is not worth it any more."""
        return self._errors > MAX_SHOWN

    def absorb(self, other: Report) -> None:
        """Take over all that was reported to `other`, a report of the same source."""
        for key, diagnostic in other._kept.items():
            self._kept.setdefault(key, diagnostic)
        self.has_errors = self.has_errors or other.has_errors
        self._errors += other._errors

    def _told(self) -> list[Diagnostic]:
        """What is not used may be so because of an error: in a program with errors nothing is said of it."""
        return [d for d in self._kept.values() if not (self.has_errors and d.code.text == UNUSED)]

    def diagnostics(self, *, warnings: bool = True) -> list[Diagnostic]:
        """What is to be shown, by position; errors go before warnings where not all fit."""
        every = sorted(self._told(), key=lambda d: (d.span.start, d.span.end, d.code.text))
        shown = [d for d in every if not d.code.is_warning][:MAX_SHOWN]
        if warnings:
            shown += [d for d in every if d.code.is_warning][: MAX_SHOWN - len(shown)]
            shown.sort(key=lambda d: (d.span.start, d.span.end, d.code.text))
        return shown

    def render(self, *, warnings: bool = True, colour: bool = False) -> str:
        """Everything for a person, with the summary line; empty when there is nothing to say."""
        from hew.compiler.rendering import render_text

        shown = self.diagnostics(warnings=warnings)
        if not shown:
            return ""
        return render_text(self.source, shown, colour=colour) + self.summary(warnings=warnings) + "\n"

    def render_json(self, *, warnings: bool = True) -> str:
        """Everything for a program: one JSON object per line."""
        from hew.compiler.rendering import render_json

        return render_json(self.source, self.diagnostics(warnings=warnings))

    def summary(self, *, warnings: bool = True) -> str:
        """`hew: 3 errors, 1 warning in shop.hew`."""
        told = self._told()
        errors = sum(not d.code.is_warning for d in told)
        counts = [_counted(errors, "error")] if errors else []
        if warnings and len(told) > errors:
            counts.append(_counted(len(told) - errors, "warning"))
        return f"hew: {', '.join(counts) or 'no errors'} in {self.source.name}"


def _filled(template: str | None, arguments: dict[str, object]) -> str | None:
    """The template with its arguments, or None when one of them is not there."""
    if template is None or "{" not in template:
        return template
    try:
        return template.format_map(arguments)
    except KeyError:
        return None


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
