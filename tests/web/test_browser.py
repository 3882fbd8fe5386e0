"""The page in a browser, over a real server: what it shows, and that it asks nobody but itself.

Screenshots go to build/web.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from install import install
from serving.embedded_server import EmbeddedServer
from serving.ports import choose_ports
from tests.conftest import ROOT
from triton_pipelines import pipeline

SERVED = {
    "text_classification": "bert",
    "object_detection": "detr",
    "text_generation": "llama",
}
SCREENSHOTS = ROOT / "build/web"
SCENE = str(ROOT / "tests/data/scene.png")


@pytest.fixture(scope="module")
def server(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    repository = tmp_path_factory.mktemp("repository")
    for task, architecture in SERVED.items():
        install(task, checkpoint=str(checkpoints / f"{task}_{architecture}"), repository=repository)
    with EmbeddedServer(repository, list(SERVED), stop_timeout=0.5) as running:
        yield running


@pytest.fixture(scope="module")
def url(chromium: str, server: EmbeddedServer) -> Iterator[str]:
    """The page, started as users start it."""
    (port,) = choose_ports("127.0.0.1", 0)
    command = [sys.executable, "-m", "triton_pipelines", "web", server.grpc_url, "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout and f"http://127.0.0.1:{port}" in process.stdout.readline()
            wait_for(f"http://127.0.0.1:{port}")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def wait_for(url: str) -> None:
    for _ in range(100):
        try:
            with urllib.request.urlopen(url) as response:
                assert "default-src 'self'" in response.headers["Content-Security-Policy"]
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"nothing answers at {url}")


@pytest.fixture(scope="module")
def chromium() -> str:
    pytest.importorskip("playwright", reason="playwright is not installed: python3 scripts/setup.py test")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    return program


class Browser:
    """A page with short ways to its tabs."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.asked: set[str | None] = set()
        self.errors: list[str] = []
        page.on("request", lambda request: self.asked.add(urlsplit(request.url).hostname))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name, exact=True).locator("visible=true").click()

    def seen(self, selector: str, **options: Any) -> Any:
        """The first of what is to be seen."""
        return self.page.locator(selector, **options).locator("visible=true").first

    def ask(self) -> None:
        self.page.get_by_role("button", name="Ask", exact=True).locator("visible=true").click()

    def shoot(self, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")


@pytest.fixture(scope="module")
def browser(chromium: str, url: str) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # No sandbox: tests may run as root, and the browser sees this page alone.
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = started.new_page(viewport={"width": 1100, "height": 760})
        page.set_default_timeout(20_000)
        browser = Browser(page)
        page.goto(url)
        page.get_by_role("tab").first.wait_for()
        yield browser
        started.close()


def test_the_tabs_are_what_the_server_serves(browser: Browser) -> None:
    shown = {tab.inner_text() for tab in browser.page.get_by_role("tab").locator("visible=true").all()}
    assert shown >= {task.replace("_", "-") for task in SERVED}
    assert "fill-mask" not in shown


def test_labels_with_bars_and_an_error_beside_them(browser: Browser, server: EmbeddedServer) -> None:
    browser.tab("text-classification")
    browser.ask()
    labels = pipeline("text-classification", url=server.grpc_url)("I love it", top_k=5)
    for record in labels:
        browser.seen("dt", has_text=record["label"]).wait_for()
    percents = [text.inner_text() for text in browser.page.locator("dd").locator("visible=true").all()]
    assert percents == [f"{round(100 * record['score'])}%" for record in labels]

    browser.seen("textarea").fill("")
    browser.ask()
    browser.seen(".failure textarea").wait_for()
    assert browser.seen(".failure textarea").input_value() == "Text is empty: write something"
    assert browser.seen("dt").is_visible()  # what was found before is still there
    browser.shoot("text-classification")

    browser.seen("textarea").fill("I love it")
    browser.seen("button", has_text="Parameters").click()
    browser.seen("label", has_text="top_k").locator("input, textarea").fill("1")
    browser.ask()
    browser.page.locator(".failure textarea").locator("visible=true").wait_for(state="hidden")
    browser.seen("dt", has_text=labels[-1]["label"]).wait_for(state="hidden")
    assert browser.page.locator("dt").locator("visible=true").count() == 1


def test_boxes_over_the_picture(browser: Browser, server: EmbeddedServer) -> None:
    browser.tab("object-detection")
    browser.page.locator("input[type=file]").first.set_input_files(SCENE)
    browser.seen("img").wait_for()
    browser.ask()
    found = pipeline("object-detection", url=server.grpc_url)(SCENE, threshold=0.9)
    browser.seen("button", has_text=f"{found[0]['label']} ({found[0]['score']:.2f})").wait_for()
    box = ", ".join(f"{name} {value}" for name, value in found[0]["box"].items())
    browser.seen(f"text={box}").wait_for()
    browser.shoot("object-detection")


def test_a_chat_goes_on(browser: Browser) -> None:
    browser.tab("text-generation")
    said = browser.page.get_by_placeholder("Write a message")
    users = browser.page.locator("[data-testid=user]")
    for turn, message in enumerate(["Who was Ada Lovelace?", "And then?"]):
        said.fill(message)
        while users.count() <= turn:  # a message that is sent too early stays where it is
            said.press("Enter")
            browser.page.wait_for_timeout(200)
        browser.page.locator("[data-testid=bot]").nth(turn).wait_for()
    assert [text.strip() for text in users.all_inner_texts()] == ["Who was Ada Lovelace?", "And then?"]
    browser.shoot("text-generation")


def test_a_prompt_goes_on(browser: Browser) -> None:
    browser.tab("Prompt")
    browser.ask()
    text = browser.page.get_by_label("Text", exact=True).locator("visible=true")
    browser.page.wait_for_function("area => area.value.length > 20", arg=text.element_handle())


def test_nobody_else_was_asked(browser: Browser) -> None:
    assert browser.asked - {None} == {"127.0.0.1"}
    assert browser.errors == []
