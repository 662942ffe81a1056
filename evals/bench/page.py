"""How soon the chat page can be used: ``python -m evals.bench.page URL``, against a server that is running.

A real browser opens the page again and again, each time as somebody new (nothing cached) and then once more as
somebody who comes back. As soon as the question box is there a question is typed and Enter pressed, again if nothing
comes of it. Printed are milliseconds from the beginning of the navigation: ``drawn``, when the box can be seen;
``usable``, when the browser sends the question that Enter sent off; and how many requests and bytes (as sent) that
took. Nothing is taken off for the browser's remote control, which is part of every figure.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Request

BOX = "#question textarea"
QUESTION = "Which file formats can be added?"
AGAIN_MS = 50
"""Milliseconds between two presses of Enter while nothing comes of them."""
PATIENCE_MS = 120_000


@dataclass(frozen=True, slots=True)
class Opened:
    """What it took to open the page once; times in milliseconds since the navigation began."""

    drawn: float
    usable: float
    requests: int
    bytes: int


def open_once(context: BrowserContext, url: str) -> Opened:
    """Open the page in a new tab, ask, and tell what it took until the question was sent."""
    page = context.new_page()
    finished: list[Request] = []
    page.on("requestfinished", lambda request: finished.append(request))  # it takes no built-in method
    page.goto(url, wait_until="commit")
    box = page.locator(BOX)
    box.wait_for(timeout=PATIENCE_MS)
    drawn = float(page.evaluate("performance.now()"))
    before = list(finished)
    with page.expect_request("**/gradio_api/queue/join*", timeout=PATIENCE_MS) as sent:
        box.fill(QUESTION)
        for _ in range(PATIENCE_MS // AGAIN_MS):
            box.press("Enter")
            page.wait_for_timeout(AGAIN_MS)
            if not box.input_value() or any("/queue/join" in request.url for request in finished):
                break
    usable = sent.value.timing["startTime"] - float(page.evaluate("performance.timeOrigin"))
    sizes = [request.sizes() for request in before]
    page.close()
    return Opened(
        drawn, usable, len(before), sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes)
    )


def measure(browser: Browser, url: str, rounds: int) -> dict[str, list[Opened]]:
    """Open the page in ``rounds`` new profiles, twice in each: ``cold`` and ``warm``."""
    found: dict[str, list[Opened]] = {"cold": [], "warm": []}
    for _ in range(rounds):
        with browser.new_context() as context:
            for visit in found.values():
                visit.append(open_once(context, url))
    return found


def figures(found: dict[str, list[Opened]]) -> dict[str, dict[str, float]]:
    """Return medians, and the worst time of all."""
    return {
        kind: {
            "drawn_ms": statistics.median(each.drawn for each in visits),
            "usable_ms": statistics.median(each.usable for each in visits),
            "usable_worst_ms": max(each.usable for each in visits),
            "requests": statistics.median(each.requests for each in visits),
            "kilobytes": statistics.median(each.bytes for each in visits) / 1000,
        }
        for kind, visits in found.items()
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m evals.bench.page", description=__doc__.split("\n")[0])
    parser.add_argument("url", help="such as http://127.0.0.1:7860")
    parser.add_argument("--rounds", type=int, default=10, help="new profiles (default 10)")
    parser.add_argument("--browser", default="/usr/bin/chromium", help="Chromium's program (default %(default)s)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.browser, args=["--no-sandbox"])
        shown = figures(measure(browser, options.url, options.rounds))
        browser.close()
    rows = [f"{kind:6}{name:18}{value:.0f}" for kind, each in shown.items() for name, value in each.items()]
    sys.stdout.write((json.dumps(shown) if options.json else "\n".join(rows)) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
