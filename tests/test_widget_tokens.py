"""How the widget keeps its visit going: tokens end, and servers forget them."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.widget_page import LEAVE_QUESTION, address, chromium, reading, running_site
from ui.web.sites import Sites


def test_a_token_is_renewed_before_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.web.sites.TOKEN_S", 2)
    with (
        running_site(tmp_path) as site,
        chromium() as browser,
        reading(browser, address(site.allowed, "plain")) as reader,
    ):
        reader.open()
        reader.ask(LEAVE_QUESTION)
        reader.page.wait_for_timeout(2_000)
        reader.ask("Which portal shows the days that are left?")
        assert len(site.pipeline.asked[-1][1]) == 2  # the same visitor, so the same conversation
        assert sum("/api/widget/config" in url for url in reader.requests) >= 2
        assert reader.problems == []


def test_a_server_that_forgot_its_tokens_is_asked_for_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgetful(Sites):
        made: list[Forgetful] = []  # noqa: RUF012

        def __init__(self, *given: object, **named: object) -> None:
            super().__init__(*given, **named)  # type: ignore[arg-type]
            self.made.append(self)

    monkeypatch.setattr("ui.web.app.Sites", Forgetful)
    with (
        running_site(tmp_path) as site,
        chromium() as browser,
        reading(browser, address(site.allowed, "plain")) as reader,
    ):
        reader.open()
        reader.ask(LEAVE_QUESTION)
        Forgetful.made[0]._key = secrets.token_bytes(32)  # as after a restart
        expect(reader.ask("When does the canteen open?")).to_contain_text("opens at noon")
        expect(reader.part(".problem")).to_have_count(0)
