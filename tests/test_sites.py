"""Sites: who may ask, with which token, for what, and how often; asked by a client over a real connection."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from index.errors import InputError
from rag.settings import Settings, load_settings
from tests.test_api import events_of
from tests.web import CANTEEN, LEAVE, LexicalPipeline, running, settings
from ui.web.limits import client_address
from ui.web.sites import RENEWABLE_S, TOKEN_S, Denied, Sites, page_origin

STAFF = "https://staff.example"
NEWS = "https://news.example"
SITES = {
    "staff": {"origins": [STAFF], "filter": 'outlet="Human Resources"', "title": "Ask HR", "examples": ["Leave?"]},
    "news": {"origins": [NEWS, "http://127.0.0.1:9999"]},
}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(LexicalPipeline(), settings(tmp_path_factory.mktemp("home"), sites=SITES)) as address:
        yield address


class Page:
    """A page of a site, with the token that it was given."""

    def __init__(self, address: str, origin: str, site: str) -> None:
        self.address = address
        self.greeting = httpx.get(f"{address}/api/widget/config?site={site}", headers={"origin": origin}).json()
        self.headers = {"origin": origin, "authorization": f"Bearer {self.greeting.get('token')}"}

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.address + path, headers=self.headers)

    def ask(self, question: str, conversation_id: str | None = None) -> list[dict[str, Any]]:
        body = {"question": question, "conversation_id": conversation_id}
        reply = httpx.post(f"{self.address}/api/chat", json=body, headers=self.headers)
        assert reply.status_code == 200, reply.text
        return events_of(reply.text)


def test_a_site_has_its_own_title_examples_and_documents(address: str) -> None:
    page = Page(address, STAFF, "staff")
    assert (page.greeting["title"], page.greeting["examples"]) == ("Ask HR", ["Leave?"])
    assert {hit["document_id"] for hit in page.ask("When does the canteen open?")[0]["sources"]} == {LEAVE.id}
    assert page.get(f"/api/documents/{LEAVE.id}").status_code == 200
    assert page.get(f"/api/documents/{CANTEEN.id}").status_code == 404
    assert Page(address, NEWS, "news").get(f"/api/documents/{CANTEEN.id}").status_code == 200


def test_a_widget_offers_what_was_chosen_or_what_was_found_where_no_filter_hides_its_documents(tmp_path: Path) -> None:
    hidden = {"origins": [STAFF], "filter": 'outlet="Human Resources"'}
    sites = {**SITES, "hidden": hidden}

    def offered(**chosen: object) -> list[object]:
        made = Sites(settings(tmp_path, sites=sites, **chosen), Clock())
        pages = (("staff", STAFF), ("hidden", STAFF), ("news", NEWS))
        return [made.greeting(key, origin, None, lambda: ("Found?",))["examples"] for key, origin in pages]

    assert offered() == [["Leave?"], [], ["Found?"]]
    assert offered(examples=("Chosen?",)) == [["Leave?"], ["Chosen?"], ["Chosen?"]]


@pytest.mark.parametrize(
    ("origin", "site", "advice"),
    [
        ("https://evil.example", "staff", 'Add "https://evil.example" to the origins of [sites.staff]'),
        (NEWS, "staff", f'Add "{NEWS}" to the origins of [sites.staff]'),
        (STAFF, "", f'Add "{STAFF}" to widget_origins'),
        (STAFF, "nobody", "There is no site 'nobody'. Correct data-site, or add"),
        ("null", "staff", "serve it over HTTP"),
    ],
)
def test_a_page_that_is_denied_learns_what_to_change(address: str, origin: str, site: str, advice: str) -> None:
    greeting = Page(address, origin, site).greeting
    assert greeting["allowed"] is False
    assert advice in greeting["message"]
    assert "token" not in greeting


def test_a_token_is_worth_nothing_elsewhere(address: str) -> None:
    token = Page(address, STAFF, "staff").headers["authorization"]

    def read(origin: str, authorization: str) -> tuple[int, str]:
        headers = {"origin": origin, "authorization": authorization}
        reply = httpx.get(f"{address}/api/documents/{LEAVE.id}", headers=headers)
        return reply.status_code, reply.json()["error"]["code"] if reply.status_code != 200 else ""

    assert read(STAFF, token) == (200, "")
    assert read(NEWS, token) == (401, "token_of_another_origin")
    assert read("https://evil.example", token) == (403, "origin_not_allowed")
    assert read(STAFF, token[:-1] + ("A" if token[-1] != "A" else "B")) == (401, "token_invalid")
    assert read(STAFF, "Bearer x") == (401, "token_invalid")
    assert read(STAFF, "Basic x") == (401, "token_missing")


def test_a_refusal_can_be_read_by_an_allowed_page(address: str) -> None:
    refusal = httpx.get(f"{address}/api/documents/{LEAVE.id}", headers={"origin": STAFF})
    assert (refusal.status_code, refusal.headers["access-control-allow-origin"]) == (401, STAFF)


def test_what_one_visitor_wrote_no_other_can_read(address: str) -> None:
    """Not with the ids, not from the same page, not from another site, not without a token."""
    writer = Page(address, NEWS, "news")
    done = writer.ask("When does the canteen open?")[-1]
    path = f"/api/answers/{done['message_id']}/sources"
    assert writer.get(path).json()["question"] == "When does the canteen open?"
    for other in (Page(address, NEWS, "news"), Page(address, STAFF, "staff")):
        assert other.get(path).status_code == 404
        verdict = {"message_id": done["message_id"], "value": "down"}
        assert httpx.post(f"{address}/api/feedback", json=verdict, headers=other.headers).status_code == 404
        joined = other.ask("And the soup?", done["conversation_id"])
        assert joined[-1]["conversation_id"] != done["conversation_id"]
    assert httpx.get(address + path).status_code == 404
    assert writer.ask("And the soup?", done["conversation_id"])[-1]["conversation_id"] == done["conversation_id"]


def test_a_token_expires_and_is_renewed_for_the_same_visitor() -> None:
    clock = Clock()
    sites = Sites(Settings.model_validate({"sites": SITES}), clock)
    old = sites.greeting("staff", STAFF)["token"]
    visitor = sites.visit(old, STAFF)
    clock.now += TOKEN_S
    with pytest.raises(Denied, match="expired"):
        sites.visit(old, STAFF)
    renewed = sites.greeting("staff", STAFF, old)["token"]
    assert sites.visit(renewed, STAFF) == visitor
    clock.now += RENEWABLE_S
    assert sites.visit(sites.greeting("staff", STAFF, old)["token"], STAFF) != visitor
    assert sites.visit(sites.greeting("news", NEWS, renewed)["token"], NEWS).visitor != visitor.visitor


def test_another_process_does_not_know_the_token() -> None:
    chosen = Settings.model_validate({"sites": SITES})
    with pytest.raises(Denied, match="not valid"):
        Sites(chosen).visit(Sites(chosen).greeting("staff", STAFF)["token"], STAFF)


@given(st.text(max_size=60))
def test_no_text_is_a_token(text: str) -> None:
    sites = Sites(Settings.model_validate({"sites": SITES}))
    token = sites.greeting("staff", STAFF)["token"]
    for forged in (text, f"{text}.{text}", token.split(".")[0] + "." + text, text + "." + token.split(".")[1]):
        with pytest.raises(Denied):
            sites.visit(forged, STAFF)


def test_a_site_as_a_whole_has_a_limit_too(tmp_path: Path) -> None:
    chosen = settings(tmp_path, sites={"small": {"origins": [NEWS], "requests_per_minute": 6}})
    with running(LexicalPipeline(), chosen) as address:
        pages = [Page(address, NEWS, "small") for _ in range(3)]
        replies = [
            httpx.post(f"{address}/api/chat", json={"question": "soup?"}, headers=page.headers) for page in pages
        ]
        assert [reply.status_code for reply in replies] == [200, 200, 429]
        assert 1 <= int(replies[2].headers["retry-after"]) <= 10
        assert replies[2].headers["access-control-expose-headers"] == "Retry-After"
        assert httpx.post(f"{address}/api/chat", json={"question": "soup?"}).status_code == 200


def test_the_short_setting_is_the_default_site() -> None:
    sites = Sites(Settings(widget_origins=(NEWS,)))
    assert sites.origins == (NEWS,)
    assert sites.visit(sites.greeting(None, NEWS)["token"], NEWS).site == "default"
    assert sites.visit(sites.greeting("default", NEWS)["token"], NEWS).site == "default"
    with pytest.raises(InputError, match="Move the origins of widget_origins"):
        Sites(Settings.model_validate({"widget_origins": (NEWS,), "sites": {"default": {"origins": (STAFF,)}}}))


def test_our_own_pages_may_show_any_site() -> None:
    sites = Sites(Settings.model_validate({"sites": SITES}))
    own = page_origin(Headers({"origin": "http://127.0.0.1:7860", "host": "127.0.0.1:7860"}))
    assert [sites.visit(sites.greeting(key, own)["token"], own).site for key in (None, "staff")] == ["", "staff"]


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ('widget_origins = ["https://a.example/"]', "widget_origins"),
        ('widget_origins = ["*"]', "widget_origins"),
        ('widget_origins = ["https://A.example"]', "widget_origins"),
        ("widget_origins = [\"https://a.example; script-src 'unsafe-inline'\"]", "widget_origins"),
        ("[sites.a]\norigins = []", "sites.a.origins"),
        ("[sites.a]\norigin = 'https://a.example'", "sites.a"),
        ("[sites.'A B']\norigins = ['https://a.example']", "sites.A B"),
        ("trusted_proxies = ['proxy.example']", "trusted_proxies"),
    ],
)
def test_a_site_that_is_written_wrong_is_told(tmp_path: Path, text: str, setting: str) -> None:
    (tmp_path / "citechat.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=setting):
        load_settings(tmp_path)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.7", "", "192.0.2.7"),
        ("192.0.2.7", "203.0.113.5", "192.0.2.7"),  # no proxy of ours: not believed
        ("10.0.0.1", "203.0.113.5", "203.0.113.5"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.5", "203.0.113.5"),  # what the client itself wrote is not believed
        ("10.0.0.1", "203.0.113.5, 10.0.0.2", "203.0.113.5"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("::ffff:10.0.0.1", "203.0.113.5", "203.0.113.5"),
        ("2001:db8::1", "", "2001:db8::/64"),
        ("testclient", "", ""),
    ],
)
def test_only_proxies_of_ours_say_whom_a_request_comes_from(peer: str, forwarded: str, client: str) -> None:
    proxies = Settings.model_validate({"trusted_proxies": ("10.0.0.0/8",)}).trusted_proxies
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    assert client_address({"type": "http", "client": (peer, 1), "headers": headers}, proxies) == client


SECRETS = {"admin_token": "a token of the operator", "llm_key": "sk-a-key-of-the-model", "judge_key": "sk-of-the-judge"}
NARROW = {"staff": {"origins": [STAFF], "filter": "source=handbook/leave.md"}}
CHAT = {"question": "When does the canteen open?"}


def test_a_filter_holds_on_every_route_that_a_token_opens(tmp_path: Path) -> None:
    """What lies outside it is in no answer, no source, no document, and under no other name of what is inside."""
    pipeline = LexicalPipeline()
    pipeline.shelf.aliases[LEAVE.id] = ("secret/plan.md",)
    with running(pipeline, settings(tmp_path, sites=NARROW)) as address:
        page = Page(address, STAFF, "staff")
        for narrower in ("", "source=canteen.txt", "not source=handbook/leave.md", 'source~"" or source=canteen.txt'):
            body = {**CHAT, **({"filter": narrower} if narrower else {})}
            reply = httpx.post(f"{address}/api/chat", json=body, headers=page.headers)
            assert CANTEEN.id not in reply.text
            assert "noon" not in reply.text
        done = page.ask("When does the canteen open?")[-1]
        assert CANTEEN.id not in page.get(f"/api/answers/{done['message_id']}/sources").text
        assert page.get(f"/api/documents/{CANTEEN.id}").status_code == 404
        for path in ("/chat/start", "/chat/facets", "/chat/examples", "/api/holdings", "/v1/models", "/chat/history"):
            assert page.get(path).status_code == 403, path


def test_only_sites_may_ask_where_the_operator_says_so(tmp_path: Path) -> None:
    chosen = settings(tmp_path, sites=NARROW, open_to_all=False)
    with running(LexicalPipeline(), chosen) as address, httpx.Client(base_url=address) as program:
        for method, path in (
            ("POST", "/api/chat"),
            ("GET", f"/api/documents/{CANTEEN.id}"),
            ("GET", "/api/holdings"),
            ("POST", "/v1/chat/completions"),
            ("GET", "/chat/facets"),
            ("GET", "/chat/examples"),
            ("POST", "/chat/uploads?name=a.txt"),
            ("POST", "/gradio_api/queue/join"),
            ("GET", "/config"),
            ("GET", "/"),
        ):
            refused = program.request(method, path, json=CHAT if method == "POST" else None)
            assert (refused.status_code, refused.json()["error"]["code"]) == (403, "sites_only"), path
        for path in ("/widget.js", "/frame", "/healthz", "/metrics", "/static/frame.js"):
            assert program.get(path).status_code == 200
        assert program.get("/api/widget/config").json()["code"] == "site_missing"
        page = Page(address, STAFF, "staff")
        assert {hit["document_id"] for hit in page.ask("leave days")[0]["sources"]} == {LEAVE.id}
        assert page.get(f"/api/documents/{LEAVE.id}").status_code == 200
        preflight = {"origin": STAFF, "access-control-request-method": "POST"}
        assert program.options("/api/chat", headers=preflight).status_code == 200


def test_a_page_is_given_no_secret(tmp_path: Path) -> None:
    """Neither the script nor what it is told holds a key, and its token opens nothing of the operator's."""
    origin = "https://docs.example"
    chosen = settings(tmp_path, widget_origins=(origin,), **SECRETS)
    with running(LexicalPipeline(), chosen) as server, httpx.Client(base_url=server) as client:
        client.headers["origin"] = origin
        greeting = client.get("/api/widget/config")
        sent = client.get("/widget.js").text + greeting.text + client.get("/frame").text
        assert not any(secret in sent for secret in SECRETS.values())
        client.headers["authorization"] = f"Bearer {greeting.json()['token']}"
        assert client.get("/api/documents/" + LEAVE.id).status_code == 200
        for method, path in (
            ("GET", "/admin"),
            ("POST", "/admin/documents"),
            ("GET", "/admin/conversations"),
            ("GET", "/chat/history"),
            ("DELETE", "/chat/history"),
            ("POST", "/chat/uploads?name=a.txt"),
            ("GET", "/api/holdings"),
            ("POST", "/v1/chat/completions"),
            ("GET", "/metrics"),
        ):
            assert client.request(method, path).status_code == 403, path
