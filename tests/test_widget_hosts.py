"""The widget on the pages of others: hostile styles, strict policies, several at once, other screens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

import pytest
from playwright.sync_api import Browser, expect

from tests.widget_page import LEAVE_QUESTION, LEAVE_QUOTE, Reader, Site, address, reading, running_site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("home")) as site:
        yield site


_LOOK = (
    "e => { const look = getComputedStyle(e); return Object.fromEntries([...look].map((name) => [name, look[name]])) }"
)
"""Every property of an element as it is drawn."""


def check_a_whole_visit(reader: Reader) -> None:
    reader.open()
    reader.ask(LEAVE_QUESTION).locator("button.cite").first.click()
    expect(reader.part("mark")).to_have_text(LEAVE_QUOTE)
    expect(reader.part("mark")).to_be_in_viewport()
    reader.page.keyboard.press("Escape")
    reader.part("[aria-label='Close chat']").first.click()
    expect(reader.part(".panel")).to_be_hidden()


@pytest.mark.parametrize("page", ["plain", "hostile", "strict"])
def test_it_works_on_any_allowed_page(site: Site, browser: Browser, page: str) -> None:
    with reading(browser, address(site.allowed, page)) as reader:
        check_a_whole_visit(reader)
        assert reader.problems == []  # a violated policy would be reported here


_STILL = "chat => Promise.all(chat.shadowRoot.getAnimations().map((animation) => animation.finished))"


def test_hostile_styles_change_nothing(site: Site, browser: Browser) -> None:
    looks = []
    for page in ("plain", "hostile"):
        with reading(browser, address(site.allowed, page)) as reader:
            reader.open()
            reader.ask(LEAVE_QUESTION)
            reader.chat.evaluate(_STILL)
            parts = (".launcher", ".panel", "h2", "textarea", ".question", ".text", ".cite", ".row", ".pill")
            looks.append({part: reader.part(part).first.evaluate(_LOOK) for part in parts})
            box = reader.part(".panel").bounding_box()
            assert box is not None
            assert (box["width"], round(box["x"] + box["width"])) == (400, 1280 - 16)
    for part, look in looks[0].items():
        assert {name for name, value in look.items() if looks[1][part][name] != value} == set(), part


def test_three_chats_do_not_meet(site: Site, browser: Browser) -> None:
    with reading(browser, address(site.allowed, "three")) as reader:
        chats = {title: reader.page.locator(f"rag-chat[data-title={title}]") for title in ("Right", "Left", "Inside")}
        assert reader.page.evaluate("RagChat.instances.length") == 3
        expect(reader.page.locator("#slot rag-chat")).to_have_count(1)
        expect(chats["Inside"].locator("section")).to_be_visible()
        expect(chats["Inside"].locator(".launcher")).to_be_hidden()
        for title in ("Right", "Left"):
            chats[title].locator(".launcher").click()
        chats["Left"].locator("textarea").fill(LEAVE_QUESTION)
        chats["Left"].locator("textarea").press("Enter")
        expect(chats["Left"].locator(".text")).to_contain_text(LEAVE_QUOTE)
        for title in ("Right", "Inside"):
            expect(chats[title].locator("h2")).to_have_text(title)
            expect(chats[title].locator(".question")).to_have_count(0)
        left, right = (chats[title].locator(".panel").bounding_box() for title in ("Left", "Right"))
        assert left is not None
        assert right is not None
        assert (left["x"], right["x"]) == (16, 1280 - 16 - 400)
        reader.page.evaluate("document.querySelector('rag-chat[data-title=Left]').remove()")
        assert reader.page.evaluate("RagChat.instances.length") == 2
        assert reader.problems == []


def test_an_element_can_be_placed_and_styled_by_the_page(site: Site, browser: Browser) -> None:
    with reading(browser, address(site.allowed, "element")) as reader:
        assert reader.style(".go", "background-color") == "rgb(102, 51, 153)"
        assert reader.style(".panel", "border-radius") == "0px"
        assert reader.style(".panel", "background-color") == "rgb(23, 25, 31)"
        reader.ask(LEAVE_QUESTION)
        expect(reader.part(".text")).to_contain_text(LEAVE_QUOTE)


def test_every_text_has_contrast(site: Site, browser: Browser) -> None:
    parts = (".launcher", ".go", ".question", ".cite", "h2", ".text", ".label", ".note", ".pill")
    with reading(browser, address(site.allowed, "plain")) as reader:
        reader.open()
        reader.ask(LEAVE_QUESTION)
        for theme, accent in product(
            ("light", "dark"), ("", "gold", "#7c3aed", "#000", "#fff", "#767676", "hsl(150 60% 45%)")
        ):
            reader.chat.evaluate(
                "(chat, data) => Object.assign(chat.dataset, data)", {"theme": theme, "accent": accent}
            )
            page = reader.style(".panel", "background-color")
            for part in parts:
                own = reader.style(part, "background-color")
                contrast = _contrast(reader.style(part, "color"), page if own == "rgba(0, 0, 0, 0)" else own)
                assert contrast >= 4.5, (theme, accent, part)


def test_the_theme_follows_the_system_unless_it_is_set(site: Site, browser: Browser) -> None:
    for attributes, expected in (("", "rgb(23, 25, 31)"), ("data-theme=light", "rgb(255, 255, 255)")):
        with reading(browser, address(site.allowed, "plain", attributes), color_scheme="dark") as reader:
            reader.open()
            assert reader.style(".panel", "background-color") == expected


def test_a_site_that_is_not_allowed_learns_what_to_change(site: Site, browser: Browser) -> None:
    with reading(browser, address(site.denied, "plain")) as reader:
        reader.open()
        expect(reader.part(".problem")).to_contain_text(f'Add "{site.denied.origin}" to widget_origins in')
        reader.ask(LEAVE_QUESTION)
        expect(reader.part(".problem")).to_contain_text(f'Add "{site.denied.origin}" to widget_origins')
        expect(reader.part(".text")).to_have_text("")


def test_a_policy_without_the_connection_is_named(site: Site, browser: Browser) -> None:
    with reading(browser, address(site.allowed, "unconnected")) as reader:
        reader.open()
        expect(reader.part(".problem")).to_contain_text(
            f"Add {site.server}/ to connect-src in the Content-Security-Policy"
        )
        assert not any("/api/" in url for url in reader.requests)


def test_a_server_that_is_not_there_is_named(site: Site, browser: Browser) -> None:
    gone = "http://127.0.0.1:9/"
    with reading(browser, address(site.allowed, "plain", f"data-server={gone} data-open=true")) as reader:
        expect(reader.part(".problem")).to_contain_text(f"{gone} cannot be reached.")


def test_on_a_telephone_it_fills_the_screen(site: Site, browser: Browser) -> None:
    screen = {"width": 390, "height": 780}
    with reading(browser, address(site.allowed, "plain"), viewport=screen, has_touch=True, is_mobile=True) as reader:
        reader.part(".launcher").tap()
        assert reader.part(".panel").bounding_box() == {"x": 0, "y": 0} | screen
        assert reader.part(".panel").evaluate("e => e.matches(':modal')")
        assert float(reader.style("textarea", "font-size").removesuffix("px")) >= 16
        assert reader.focused() == "scroll log"  # no keyboard over what just opened
        reader.part(".examples button").tap()
        reader.settle(LEAVE_QUESTION)
        reader.part("button.cite").first.tap()
        expect(reader.part("mark")).to_be_in_viewport()
        reader.page.keyboard.press("Escape")
        expect(reader.part(".view")).to_be_hidden()
        reader.part(".row").first.tap()
        reader.part("[aria-label=Back]").tap()
        reader.part("[aria-label='Close chat']").first.tap()
        expect(reader.part(".panel")).to_be_hidden()


def test_motion_is_a_preference(site: Site, browser: Browser) -> None:
    for preference, name in (("reduce", "none"), ("no-preference", "show")):
        with reading(browser, address(site.allowed, "plain"), reduced_motion=preference) as reader:
            reader.open()
            assert reader.style(".panel", "animation-name") == name


def test_forced_colours_keep_the_mark_and_the_focus(site: Site, browser: Browser) -> None:
    with reading(browser, address(site.allowed, "plain"), forced_colors="active") as reader:
        reader.open()
        assert reader.style(".ask", "outline-style") == "solid"
        reader.ask(LEAVE_QUESTION).locator("button.cite").first.click()
        mark, page = reader.style("mark", "background-color"), reader.style(".doc", "background-color")
        assert mark != page


def test_the_demo_page(site: Site, browser: Browser) -> None:
    with reading(browser, f"{site.server}/demo") as reader:
        expect(reader.page.locator("h1")).to_be_visible()
        assert reader.page.evaluate("RagChat.instances.length") == 2
        reader.page.locator("#chat .examples button").click()
        reader.settle(LEAVE_QUESTION)
        expect(reader.part(".text")).to_contain_text(LEAVE_QUOTE)
        assert reader.problems == []


def _contrast(text: str, background: str) -> float:
    """WCAG 2's contrast ratio of two opaque computed colours."""
    dark, light = sorted((_luminance(text), _luminance(background)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    values = [float(value) for value in re.findall(r"[\d.]+(?:e-?\d+)?", colour.replace("xyz-d65", ""))][:3]
    if "xyz" in colour:
        return values[1]
    parts = values if "srgb" in colour else [value / 255 for value in values]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
