"""The chat page by axe (WCAG 2.2, levels A and AA) in every guise, and a visit without a pointer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.chat_page import PHONE, QUOTE, Service, serving, visiting
from tests.wcag import LOOKS, enlarge, violations


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("home"), uploads=True) as service:
        yield service


@pytest.mark.parametrize("look", LOOKS)
def test_no_violation_of_wcag_in_any_state(service: Service, browser: Browser, look: str) -> None:
    with visiting(browser, service.address, **LOOKS[look]) as visitor:
        enlarge(visitor.page, look)
        expect(visitor.page.locator("#start .offered")).to_have_count(3)
        assert violations(visitor.page) == []
        visitor.button("Filter").click()
        visitor.page.locator("select[name=source]").select_option("handbook/leave.md")
        assert violations(visitor.page) == []
        visitor.button("Apply").click()
        visitor.ask("leave days")
        assert violations(visitor.page) == []
        visitor.citations.first.click()
        expect(visitor.mark).to_have_text(QUOTE)
        assert violations(visitor.page) == []
        visitor.page.keyboard.press("Escape")
        visitor.ask("Quidditch?")
        assert violations(visitor.page) == []
        visitor.button("History").click()
        expect(visitor.page.locator(".reopen")).to_have_count(1)
        assert violations(visitor.page) == []
        visitor.page.keyboard.press("Escape")
        assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_forced_colours_keep_the_mark_the_borders_and_the_focus(service: Service, browser: Browser) -> None:
    with visiting(browser, service.address, forced_colors="active") as visitor:
        expect(visitor.box).to_be_focused()
        assert visitor.box.evaluate("e => getComputedStyle(e.closest('#question')).borderTopStyle") == "solid"
        assert visitor.button("Ask").evaluate("e => getComputedStyle(e).borderTopStyle") == "solid"
        visitor.ask("leave days")
        assert visitor.citations.first.evaluate("e => getComputedStyle(e).borderTopStyle") == "solid"
        ground = "e => getComputedStyle(e).backgroundColor"
        before = visitor.citations.last.evaluate(ground)
        visitor.citations.last.press("Enter")
        expect(visitor.citations.last).to_have_attribute("aria-current", "true")
        assert visitor.citations.last.evaluate(ground) != before
        verdict = visitor.button("Not helpful")
        before = verdict.evaluate(ground)
        verdict.click()
        expect(verdict).to_have_attribute("aria-pressed", "true")
        assert verdict.evaluate(ground) != before
        visitor.citations.first.press("Enter")
        expect(visitor.mark).to_have_text(QUOTE)
        mark, ground = visitor.mark.evaluate(
            "e => [e, e.closest('#sources')].map((each) => getComputedStyle(each).backgroundColor)"
        )
        assert mark != ground
        visitor.page.keyboard.press("Escape")
        expect(visitor.citations.first).to_be_focused()
        assert visitor.citations.first.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
        visitor.box.focus()
        assert visitor.box.evaluate("e => getComputedStyle(e.closest('#question')).outlineStyle") == "solid"


@pytest.mark.parametrize(("preference", "name"), [("reduce", "none"), ("no-preference", "rise")])
def test_motion_is_a_preference(service: Service, browser: Browser, preference: str, name: str) -> None:
    with visiting(browser, service.address, **PHONE, reduced_motion=preference) as visitor:
        visitor.ask("leave days")
        visitor.citations.first.tap()
        expect(visitor.mark).to_have_text(QUOTE)
        assert visitor.page.locator("#sources").evaluate("e => getComputedStyle(e).animationName") == name


def test_a_visit_by_keyboard_alone(service: Service, browser: Browser) -> None:
    with visiting(browser, service.address) as visitor:
        keyboard = visitor.page.keyboard

        def tab_to(name: str, most: int = 25) -> None:
            for _ in range(most):
                keyboard.press("Tab")
                if (
                    visitor.page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.innerText")
                    == name
                ):
                    return
            pytest.fail(f"Tab does not reach {name!r}")

        expect(visitor.box).to_be_focused()
        keyboard.type("How many days of leave do employees get?")
        keyboard.press("Enter")
        visitor.settle()
        visitor.page.locator("#title").click()
        tab_to("Source 1, exact quote")
        keyboard.press("Enter")
        expect(visitor.mark).to_have_text(QUOTE)
        tab_to("Next")
        keyboard.press("Enter")
        expect(visitor.panel.get_by_role("heading", level=2)).to_contain_text("[2]")
        keyboard.press("Escape")
        expect(visitor.citations.first).to_be_focused()
        tab_to("Copy with references")
        keyboard.press("Enter")
        expect(visitor.button("Answer and references in Markdown")).to_be_focused()
        keyboard.press("Escape")
        tab_to("Filter")
        keyboard.press("Enter")
        expect(visitor.page.get_by_role("dialog", name="Which documents to ask")).to_be_visible()
        keyboard.press("Escape")
        expect(visitor.button("Filter")).to_be_focused()
        tab_to("Your question")
        keyboard.type("soup?")
        keyboard.press("Enter")
        expect(visitor.questions).to_have_count(2)
