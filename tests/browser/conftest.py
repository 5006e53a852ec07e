"""A real Chromium on the real page. Every test's page must end without error, foreign request or broken policy."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

ROOT: Final = Path(__file__).resolve().parents[2]
SERVED: Final = Path(__file__).with_name("served.py")
CHROMIUMS: Final = ("chromium", "chromium-browser", "google-chrome")
FLAGS: Final = (
    "--no-sandbox",  # Chromium's own does not start as root, and the page is ours
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WITHIN_MS: Final = 20_000
NOTE_VIOLATIONS: Final = """
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) =>
        violations.push(`${event.effectiveDirective}: ${event.blockedURI}`));
"""


class Program:
    """A scene that is served as if it were a program with its profiler."""

    def __init__(self, scene: str, age: int, port: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(SERVED), scene, str(age), str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the scene {scene} did not start"
        self.port: int = json.loads(line)["port"]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> Any:
        """The API's answer, asked without the browser."""
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)

    def end(self) -> None:
        """At once, as a crash would."""
        self.process.kill()
        self.process.wait(10)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


class Programs:
    """Starts scenes; they end with the test."""

    def __init__(self) -> None:
        self.started: list[Program] = []

    def __call__(self, scene: str, *, age: int = 300, port: int = 0) -> Program:
        self.started.append(Program(scene, age, port))
        return self.started[-1]

    def close(self) -> None:
        for program in self.started:
            program.end()


class Dashboard:
    """The page in a browser, and all that went wrong in it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.problems: list[str] = []
        self.requests: list[str] = []
        self.errors_expected = False  # while the program is gone, the browser logs each refused connection
        page.set_default_timeout(WITHIN_MS)
        page.add_init_script(NOTE_VIOLATIONS)
        page.on("console", self._note_console)
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("request", self._note_request)

    def open(self) -> None:
        """Until it has drawn the first figures and actors."""
        self.page.goto(f"{self.url}/")
        self.page.locator("#actors-rows tr").first.wait_for()

    def violations(self) -> list[str]:
        found = self.page.evaluate("window.violations")
        assert isinstance(found, list)
        return found

    def text(self, selector: str) -> str:
        return self.page.locator(selector).first.inner_text()

    def figures(self) -> dict[str, int | float]:
        """The number behind each figure, by its key."""
        found = self.page.evaluate(
            "Object.fromEntries([...document.querySelectorAll('[data-key]')]"
            ".map((each) => [each.dataset.key, Number(each.dataset.value)]))"
        )
        assert isinstance(found, dict)
        return found

    def rows(self) -> list[list[str]]:
        """The cells of the actors in sight."""
        found = self.page.evaluate(
            "[...document.querySelectorAll('#actors-rows tr:not([hidden])')]"
            ".map((line) => [...line.cells].map((cell) => cell.textContent))"
        )
        assert isinstance(found, list)
        return found

    def until(self, script: str) -> None:
        """Wait for a condition of the page; Playwright's own wait needs `eval`, which the policy forbids."""
        self.page.evaluate(
            f"""async () => {{
                const deadline = performance.now() + {WITHIN_MS};
                while (!({script})) {{
                    if (performance.now() > deadline) throw new Error("not in time");
                    await new Promise((done) => setTimeout(done, 20));
                }}
            }}"""
        )

    def redraw(self) -> None:
        """Wait for the next poll to be drawn."""
        self.page.evaluate("document.getElementById('cost').dataset.ms = ''")
        self.until("document.getElementById('cost').dataset.ms !== ''")

    def check(self) -> None:
        """What must hold at the end of every test."""
        assert self.violations() == []
        assert self.problems == []
        foreign = [url for url in self.requests if not url.startswith((f"{self.url}/", "data:"))]
        assert foreign == []

    def _note_console(self, message: ConsoleMessage) -> None:
        refused = self.errors_expected and "Failed to load resource" in message.text
        if message.type in ("error", "warning") and not refused:
            self.problems.append(f"{message.type}: {message.text}")

    def _note_request(self, request: Request) -> None:
        self.requests.append(request.url)


class Opener:
    """Opens dashboards in contexts of their own and checks each at the end."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.opened: list[Dashboard] = []

    def __call__(self, program: Program, *, width: int = 1280, height: int = 900, **context: Any) -> Dashboard:
        dashboard = self.prepare(program, width=width, height=height, **context)
        dashboard.open()
        return dashboard

    def prepare(self, program: Program, *, width: int = 1280, height: int = 900, **context: Any) -> Dashboard:
        """Not yet opened, so that a test can place answers of its own before."""
        made = self.browser.new_context(viewport={"width": width, "height": height}, **context)
        self.opened.append(Dashboard(made.new_page(), program.url))
        return self.opened[-1]

    def close(self) -> None:
        for dashboard in self.opened:
            dashboard.page.context.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if path is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=list(FLAGS), env=dict(os.environ))
        yield started
        started.close()


@pytest.fixture
def programs() -> Iterator[Programs]:
    started = Programs()
    yield started
    started.close()


@pytest.fixture
def dashboard(browser: Browser) -> Iterator[Opener]:
    opener = Opener(browser)
    yield opener
    try:
        for opened in opener.opened:
            opened.check()
    finally:
        opener.close()
