"""What a reader keeps of a conversation, in a browser: history, copies, exports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.chat_page import LEAVE, Service, Visitor, serving, visiting


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("home"), uploads=True, max_upload_mib=1) as service:
        yield service


@pytest.fixture
def visitor(service: Service, browser: Browser) -> Iterator[Visitor]:
    with visiting(browser, service.address, permissions=["clipboard-read", "clipboard-write"]) as visitor:
        yield visitor


def test_copying_gives_prose_and_sources(visitor: Visitor) -> None:
    visitor.ask("soup on Fridays?")
    visitor.actions.get_by_role("button", name="Copy answer").click()
    expect(visitor.spoken.filter(has_text="Copied.")).to_have_count(1)
    assert visitor.page.evaluate("navigator.clipboard.readText()") == (
        "It serves soup on Fridays. [1]\n\n[1] Canteen (canteen.txt): “It serves soup on Fridays.”"
    )


def test_references_are_copied_in_three_forms(visitor: Visitor) -> None:
    visitor.ask("soup on Fridays?")
    opener = visitor.actions.get_by_role("button", name="Copy with references")
    for name, beginning in [
        ("Answer and references in Markdown", "It serves soup on Fridays. \\[1\\]\n\n1. Canteen"),
        ("References as plain text", "[1] Canteen, canteen.txt: “It serves soup"),
        ("References in BibTeX", "@misc{canteen-"),
    ]:
        opener.click()
        visitor.actions.get_by_role("button", name=name).click()
        expect(opener).to_be_focused()
        assert copied(visitor).startswith(beginning)


def copied(visitor: Visitor) -> str:
    return str(visitor.page.evaluate("navigator.clipboard.readText()"))


def test_an_earlier_conversation_is_opened_and_goes_on(visitor: Visitor, service: Service) -> None:
    visitor.ask(LEAVE)
    visitor.button("New conversation").click()
    expect(visitor.questions).to_have_count(0)
    visitor.ask("soup?")
    visitor.button("New conversation").click()
    expect(visitor.questions).to_have_count(0)
    visitor.page.reload()  # the server remembers, not the page
    visitor.button("History").click()
    window = visitor.page.get_by_role("dialog", name="History")
    expect(window.locator(".reopen")).to_have_text(["soup?", LEAVE])
    window.get_by_role("button", name=LEAVE, exact=True).click()
    expect(visitor.questions).to_have_text([LEAVE])
    expect(window).to_be_hidden()
    visitor.ask("When does the canteen open?")
    assert service.pipeline.history_of("When does the canteen open?")[0].content == LEAVE


def test_a_conversation_is_saved_as_a_file(visitor: Visitor, tmp_path: Path) -> None:
    visitor.ask("soup?")
    visitor.button("History").click()
    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("link", name="Save “soup?” as JSON").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    saved = json.loads(file.read_text(encoding="utf-8"))
    assert saved["exchanges"][0]["answer"]["claims"][0]["text"] == "It serves soup on Fridays."


def test_history_is_each_browsers_own_and_can_be_forgotten(
    visitor: Visitor, service: Service, browser: Browser
) -> None:
    visitor.ask("soup?")
    with visiting(browser, service.address) as stranger:
        stranger.button("History").click()
        expect(stranger.page.get_by_role("dialog")).to_contain_text("There are no conversations yet.")
    visitor.button("History").click()
    visitor.button("Forget all conversations").click()
    visitor.button("Forget them all").click()
    expect(visitor.questions).to_have_count(0)
    visitor.button("History").click()
    expect(visitor.page.get_by_role("dialog")).to_contain_text("There are no conversations yet.")


def test_nothing_is_forgotten_by_one_key_too_many(visitor: Visitor) -> None:
    visitor.ask("soup?")
    visitor.button("History").press("Enter")
    clear = visitor.button("Forget all conversations")
    doubt = visitor.page.get_by_role("alertdialog", name="Forget all conversations?")
    for leave in ("Escape", "Enter"):  # the focus is on the way back, not on the loss
        clear.press("Enter")
        expect(doubt).to_have_accessible_description("They cannot be brought back. Save first what you want to keep.")
        expect(doubt.get_by_role("button", name="Cancel")).to_be_focused()
        visitor.page.keyboard.press(leave)
        expect(doubt).to_be_hidden()
        expect(clear).to_be_focused()
    expect(visitor.page.get_by_role("dialog", name="History").locator(".reopen")).to_have_text(["soup?"])
    clear.press("Enter")
    visitor.page.keyboard.press("Tab")
    visitor.page.keyboard.press("Enter")
    expect(visitor.questions).to_have_count(0)
    expect(visitor.spoken.filter(has_text="All conversations are forgotten.")).to_have_count(1)
    expect(visitor.button("History")).to_be_focused()


def test_one_conversation_is_forgotten_once_that_is_confirmed(visitor: Visitor) -> None:
    visitor.ask("soup?")
    visitor.button("New conversation").click()
    expect(visitor.questions).to_have_count(0)
    visitor.ask(LEAVE)
    visitor.button("History").press("Enter")
    window = visitor.page.get_by_role("dialog", name="History")
    window.get_by_role("button", name="Forget “soup?”").press("Enter")
    doubt = visitor.page.get_by_role("alertdialog", name="Forget “soup?”?")
    expect(doubt).to_have_accessible_description("It cannot be brought back. Save it first if you want to keep it.")
    visitor.page.keyboard.press("Enter")  # the focus is on the way back
    expect(window.locator(".reopen")).to_have_text([LEAVE, "soup?"])
    window.get_by_role("button", name="Forget “soup?”").press("Enter")
    doubt.get_by_role("button", name="Forget").press("Enter")
    expect(window.locator(".reopen")).to_have_text([LEAVE])
    expect(window.locator(".reopen")).to_be_focused()
    expect(visitor.questions).to_have_text([LEAVE])  # what is shown stays


def test_no_script_can_read_who_the_visitor_is(visitor: Visitor) -> None:
    (cookie,) = visitor.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["expires"]) == (True, "Lax", -1)
    assert visitor.page.evaluate("document.cookie") == ""
