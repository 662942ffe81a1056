"""The screenshots of the README and of ``docs/``: ``python -m tests.screenshots`` writes them to ``ui/screenshots``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from index.files import find_files
from rag.pipeline import open_pipeline
from tests import web
from tests.browser import chromium
from tests.chat_page import PHONE, visiting
from tests.terminal import run

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "ui" / "screenshots"
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
TOKEN = "a token of the operator"
QUESTION = "How many days of annual leave do full-time members get?"


SUITE = [ROOT / "evals" / "suite" / f"{name}.yaml" for name in ("dossier", "handbook", "manual", "unanswerable")]


def save(page: Page, name: str) -> None:
    """Write what the browser shows, in 64 colours: small enough for a repository."""
    file = FOLDER / f"{name}.png"
    page.wait_for_timeout(500)
    page.mouse.move(0, 0)
    page.screenshot(path=file)
    with Image.open(file) as picture:
        picture.convert("RGB").quantize(64).save(file, optimize=True)


def save_report(browser: Browser, place: Path) -> None:
    """Run the README's example: our own suite, then the same with smaller passages, and its report."""
    arguments = ("eval", "run", *SUITE, "--home", place)
    run(*arguments, "--json", place / "before.json")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CITECHAT_PASSAGE_TOKENS", "64")
        outcome = run(*arguments, "--baseline", place / "before.json", "--html", place / "report.html")
    sys.stdout.write(outcome.errors)
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.goto((place / "report.html").as_uri())
    save(page, "eval-report")


def save_widget(browser: Browser, address: str) -> None:
    """Ask the widget of the demo page, and open what it cites."""
    page = browser.new_page(**DESK)
    page.goto(f"{address}/demo")
    chat = page.locator("rag-chat").first
    chat.locator("textarea").fill(QUESTION)
    chat.locator("textarea").press("Enter")
    expect(chat.locator(".feedback")).to_be_visible()
    chat.locator("p button.cite").first.click()
    expect(chat.locator("mark")).to_be_in_viewport()
    save(page, "widget")


def save_operator(browser: Browser, address: str) -> None:
    """Log in, and show how the answers before were."""
    page = browser.new_page(**DESK)
    page.goto(f"{address}/admin")
    page.get_by_label("Password or token").fill(TOKEN)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Gaps", exact=True).click()
    page.wait_for_load_state("networkidle")  # its plot
    save(page, "operator")


def main() -> None:
    with tempfile.TemporaryDirectory() as place, chromium() as browser:
        save_report(browser, Path(place))
    with (
        tempfile.TemporaryDirectory() as home,
        open_pipeline(web.settings(Path(home), admin_token=TOKEN, keep_gaps=True)) as pipeline,
    ):
        pipeline.corpus.add(find_files([ROOT / "seeds"]))
        with web.running(pipeline, pipeline.settings) as address, chromium() as browser:
            with visiting(browser, address, **DESK) as visitor:
                expect(visitor.page.locator("#start .offered")).to_have_count(4)
                save(visitor.page, "start")
                visitor.ask("Who prepared the draft of the peace plan?")
                visitor.citations.first.click()
                expect(visitor.mark).to_be_in_viewport()
                save(visitor.page, "chat")
                visitor.ask(QUESTION)
                visitor.citations.last.click()
                visitor.button("Page").click()
                expect(visitor.panel.locator(".page-mark").first).to_be_in_viewport()
                save(visitor.page, "page")
            with visiting(browser, address, color_scheme="dark", **DESK) as visitor:
                visitor.ask("Who won the darts world cup of 1998?")
                save(visitor.page, "refusal-dark")
            with visiting(browser, address, **PHONE) as visitor:
                visitor.ask(QUESTION)
                save(visitor.page, "phone")
            save_widget(browser, address)
            save_operator(browser, address)


if __name__ == "__main__":
    main()
