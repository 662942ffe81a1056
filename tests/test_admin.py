"""The operator's pages: who gets in, and the load, over a real connection and a real index."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import httpx
import pytest

from index.errors import InputError
from tests.operator_pages import TOKEN, Operator
from tests.web import LexicalPipeline, running, settings
from ui.admin.access import Access, hash_password
from ui.admin.sessions import FREE_FAILURES, MAX_WAIT_S, SESSION_S
from ui.cli import main

HOSTILE = "<img src=x> </style>"
PLAN = b"# The plan\n\nThe bridge opens on 4 May. The mayor cuts the ribbon."


def test_without_a_password_there_is_nothing(tmp_path: Path) -> None:
    with running(LexicalPipeline(), settings(tmp_path)) as address:
        for path in ("/admin", "/admin/documents", "/admin/login"):
            reply = httpx.get(address + path)
            assert reply.status_code == 404
            assert "citechat password" in reply.text
        assert httpx.post(f"{address}/admin/login", data={"password": ""}).status_code == 404


def test_nobody_gets_in_without_the_secret(operator: Operator) -> None:
    for path in ("", "/documents", "/conversations", "/gaps", "/feedback", "/cases", "/evals", "/answers/x"):
        reply = operator.client.get(f"/admin{path}")
        assert (reply.status_code, reply.headers["location"]) == (303, "/admin/login")
    assert operator.client.get("/admin/load.json").status_code == 401
    for path in ("/documents", "/documents/aa/remove", "/verify", "/repair", "/compact", "/cases", "/logout"):
        assert operator.client.post(f"/admin{path}", data={"csrf": ""}).status_code == 401
    assert operator.log_in("wrong").status_code == 401
    assert operator.client.get("/admin").status_code == 303
    operator.log_in()  # so that the failure is forgotten


def test_the_cookie_is_for_this_site_alone_and_out_of_reach_of_scripts(operator: Operator) -> None:
    cookie = operator.log_in().headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=strict", "path=/admin"))
    assert "secure" not in cookie  # over plain HTTP the browser would not send it back
    assert operator.page("").count("Log out") == 1
    operator.send("/logout")
    assert operator.client.get("/admin").status_code == 303


def test_a_form_needs_its_mark_and_our_own_page(operator: Operator) -> None:
    operator.log_in()
    for forged in ("", "x"):
        for form in ("verify", "repair", "compact", "documents/aa/remove"):
            assert operator.client.post(f"/admin/{form}", data={"csrf": forged}).status_code == 403
    csrf = re.search(r'name="csrf" value="([^"]+)"', operator.page(""))
    assert csrf
    for headers in ({"origin": "https://evil.invalid"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}):
        assert operator.client.post("/admin/verify", data={"csrf": csrf[1]}, headers=headers).status_code == 403


def test_guessing_gets_slower(tmp_path: Path) -> None:
    with running(LexicalPipeline(), settings(tmp_path, admin_token=TOKEN)) as address:

        def log_in(secret: str) -> httpx.Response:
            return httpx.post(f"{address}/admin/login", data={"password": secret})

        assert [log_in("wrong").status_code for _ in range(FREE_FAILURES)] == [401] * FREE_FAILURES
        refused = log_in(TOKEN)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "2")
        assert "set-cookie" not in refused.headers


def test_the_lock_opens_with_time_and_belongs_to_one_address() -> None:
    now = 0.0
    access = Access("", TOKEN, lambda: now)
    for failure in range(1, 15):
        assert access.log_in("a", "wrong") is None
        pause = 0.0 if failure < FREE_FAILURES else min(MAX_WAIT_S, 2.0 ** (failure - FREE_FAILURES + 1))
        assert access.wait("a") == pause
        assert access.wait("b") == 0.0
        now += pause
    assert pause == MAX_WAIT_S
    assert access.session(access.log_in("a", TOKEN)) is not None
    assert access.wait("a") == 0.0


def test_a_session_ends() -> None:
    now = 0.0
    access = Access(hash_password("correct horse battery"), "", lambda: now)
    key = access.log_in("a", "correct horse battery")
    assert access.session(key) is not None
    assert access.session("made up") is None
    assert access.session(None) is None
    now = SESSION_S
    assert access.session(key) is None


def test_secrets_that_protect_nothing_are_refused() -> None:
    with pytest.raises(InputError, match="12 characters"):
        hash_password("short")
    with pytest.raises(InputError, match="12 characters"):
        Access("", "short")
    with pytest.raises(InputError, match="citechat password"):
        Access("plain text", "")


def test_the_load_is_told(operator: Operator) -> None:
    operator.log_in()
    before = operator.client.get("/admin/load.json").json()
    operator.ask("soup?")
    load = operator.client.get("/admin/load.json").json()
    assert (load["answers"], load["running"], load["failed"]) == (before["answers"] + 1, 0, 0)
    assert 0 < load["first_p50"] <= load["whole_p95"]


def test_the_command_makes_a_hash_that_opens_the_pages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
    assert main(["password", "--json"]) == 0
    access = Access(json.loads(capsys.readouterr().out)["admin_password_hash"], "")
    assert access.log_in("a", "correct horse battery\n") is None
    assert access.log_in("a", "correct horse battery") is not None
    monkeypatch.setattr("sys.stdin", io.StringIO("short"))
    assert main(["password"]) == 2
    assert "12 characters" in capsys.readouterr().err
