"""The chat and the widget in Debian's Firefox: ``make firefox`` installs it, with what drives it, and runs this.

Elsewhere these tests are skipped. Firefox is spoken to in its own protocol (Marionette), so that no program stands
between that nobody packages for Debian.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chat_page import LEAVE, QUOTE, Service, serving
from tests.widget_page import LEAVE_QUESTION, LEAVE_QUOTE, Site, address, running_site

FIREFOX = Path("/usr/bin/firefox-esr")
ENTER = "\ue007"
PATIENCE_S = 120.0
QUIET = {
    "app.update.disabledForTesting": True,
    "browser.safebrowsing.downloads.remote.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "toolkit.telemetry.server": "",
}
VIOLATIONS = """window.violations = [];
document.addEventListener('securitypolicyviolation', (event) => window.violations.push(event.violatedDirective));"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("home")) as service:
        yield service


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture(scope="module")
def firefox() -> Iterator[Any]:
    if not FIREFOX.exists():
        pytest.skip(f"There is no {FIREFOX}. Remedy: make firefox")
    with warnings.catch_warnings(action="ignore"):
        driver = pytest.importorskip("marionette_driver.marionette", reason="Remedy: make firefox")
        browser = driver.Marionette(
            bin=str(FIREFOX), headless=True, prefs=QUIET, startup_timeout=200, gecko_log=os.devnull
        )
        browser.start_session()
        yield browser
        browser.quit()
        browser.cleanup()


def when(find: Callable[[], Any]) -> Any:  # noqa: ANN401  # whatever is looked for
    """Return what is found, once there is something."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = find()
        if found:
            return found
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)


def test_the_chat_answers_and_a_citation_opens_its_exact_words(service: Service, firefox: Any) -> None:  # noqa: ANN401
    def one(selector: str) -> Any:  # noqa: ANN401
        return next(iter(firefox.find_elements("css selector", selector)), None)

    firefox.navigate(service.address)
    firefox.execute_script(VIOLATIONS, sandbox=None)
    when(lambda: one("#question textarea")).send_keys(LEAVE + ENTER)
    when(lambda: one('#chat a[href^="#cite-"]'))
    when(lambda: one("#chat .row-actions"))  # the answer has ended: what is clicked now is not drawn anew
    one('#chat a[href^="#cite-"]').click()
    assert when(lambda: one("mark.current")).text == QUOTE
    assert firefox.execute_script("return window.violations", sandbox=None) == []


@pytest.mark.parametrize("page", ["plain", "strict"])
def test_the_widget_answers_on_a_page_of_another_site(site: Site, firefox: Any, page: str) -> None:  # noqa: ANN401
    firefox.navigate(address(site.allowed, page))
    firefox.execute_script(VIOLATIONS, sandbox=None)
    root = when(lambda: firefox.find_elements("css selector", "rag-chat"))[0].shadow_root

    def one(selector: str) -> Any:  # noqa: ANN401
        return next(iter(root.find_elements("css selector", selector)), None)

    when(lambda: one(".launcher")).click()
    when(lambda: one("textarea")).send_keys(LEAVE_QUESTION + ENTER)
    when(lambda: one('.log[aria-busy="false"] .text'))
    assert LEAVE_QUOTE in one(".text").text
    one("button.cite").click()
    assert when(lambda: one("mark")).text == LEAVE_QUOTE
    assert firefox.execute_script("return document.cookie + localStorage.length", sandbox=None) == "0"
    assert firefox.execute_script("return window.violations", sandbox=None) == []
