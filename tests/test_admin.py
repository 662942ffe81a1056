"""The operator's pages: who gets in, and what can be done there, over a real connection and a real index."""

from __future__ import annotations

import html
import io
import json
import re
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest

from evals.cases import Case, Suite, load_cases
from evals.memory import FOLDER
from evals.page import render_body
from evals.run import run_suite
from evals.stored import slim
from index.corpus import Corpus
from index.errors import InputError
from index.store.embedded import EmbeddedStore
from tests.embedding import HashingEmbedder
from tests.small_pipeline import SmallPipeline, answering
from tests.web import Keeping, LexicalPipeline, running, settings
from ui.admin.access import Access, hash_password
from ui.admin.sessions import FREE_FAILURES, MAX_WAIT_S, SESSION_S
from ui.cli import main
from ui.uploads import Uploads

TOKEN = "a token of the operator"
HOSTILE = "<img src=x> </style>"
PLAN = b"# The plan\n\nThe bridge opens on 4 May. The mayor cuts the ribbon."


@dataclass(slots=True)
class Operator:
    client: httpx.Client
    home: Path
    corpus: Corpus

    def log_in(self, secret: str = TOKEN) -> httpx.Response:
        return self.client.post("/admin/login", data={"password": secret})

    def page(self, name: str) -> str:
        reply = self.client.get(f"/admin{name}")
        assert reply.status_code == 200, reply.text
        return reply.text

    def send(self, path: str, files: list[tuple[str, tuple[str, bytes]]] | None = None, **fields: str) -> str:
        """Send a form as its page would; returns the page that it leads to."""
        csrf = re.search(r'name="csrf" value="([^"]+)"', self.page(""))
        assert csrf
        reply = self.client.post(f"/admin{path}", data={"csrf": csrf[1], **fields}, files=files)
        assert reply.status_code == 303, reply.text
        return self.client.get(reply.headers["location"]).text


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    home, embedder = tmp_path_factory.mktemp("home"), HashingEmbedder()
    with (
        Corpus(EmbeddedStore(home, embedder.fingerprint, embedder.dimension), embedder, 60) as corpus,
        running(Keeping(corpus), settings(home, admin_token=TOKEN)) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        yield Operator(client, home, corpus)


@pytest.fixture
def operator(house: Operator) -> Iterator[Operator]:
    """Somebody new at the pages, over an index without documents."""
    with httpx.Client(base_url=house.client.base_url, timeout=60) as client:
        yield Operator(client, house.home, house.corpus)
    house.corpus.remove([info.id for info in house.corpus.documents()])
    for path in (house.home / "uploads").glob("*"):
        path.unlink()


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


def test_documents_come_are_replaced_and_go(operator: Operator) -> None:
    operator.log_in()
    page = operator.send("/documents", [("files", ("plan.md", PLAN)), ("files", ("evil.exe", b"MZ"))])
    assert "plan.md: added (1 passages)" in page
    assert "evil.exe: failed" in page
    first = operator.corpus.find("plan.md")
    page = operator.send(f"/documents/{first.id}/replace", [("files", ("new.md", PLAN.replace(b"4 May", b"5 May")))])
    assert "plan.md: replaced" in page
    assert "Gone: plan.md (The plan; 1 passages" in page
    assert [info.sources for info in operator.corpus.documents()] == [("plan.md",)]
    second = operator.corpus.find("plan.md")
    assert "5 May" in operator.corpus.document(second.id).text
    page = operator.send(f"/documents/{second.id}/replace", [("files", ("new.md", b""))])
    assert "failed" in page
    assert operator.corpus.find("plan.md").id == second.id
    assert "5 May" in (operator.home / "uploads" / "plan.md").read_text(encoding="utf-8")
    page = operator.send("/verify")
    assert "The index is sound: 1 documents, 1 passages." in page
    page = operator.send(f"/documents/{second.id}/remove")
    assert re.search(r"Removed for good: plan.md  \(1 passages, 3 vectors, [\d,]+ bytes; found by no search\)", page)
    assert operator.corpus.documents() == []
    assert list((operator.home / "uploads").iterdir()) == []
    assert "No document" in operator.send(f"/documents/{second.id}/remove")


def test_the_receipt_names_who_else_says_it_and_what_cited_it(operator: Operator) -> None:
    operator.log_in()
    plan, letter = PLAN.split(b"\n\n")[1], b"Dear all.\n\n" + PLAN.split(b"\n\n")[1]
    operator.send("/documents", [("files", ("plan.txt", plan)), ("files", ("letter.txt", letter))])
    kept = operator.home / "evals" / FOLDER / "answers.jsonl"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text("The bridge opens", encoding="utf-8")
    page = operator.send(f"/documents/{operator.corpus.find('plan.txt').id}/remove")
    assert "found by no search); the same words stand in: letter.txt" in page
    assert not kept.exists()


def test_folders_of_the_settings_are_mirrored(tmp_path: Path) -> None:
    folder, home, embedder = tmp_path / "folder", tmp_path / "home", HashingEmbedder()
    folder.mkdir()
    (folder / "plan.md").write_bytes(PLAN)
    (folder / "old.md").write_bytes(b"# Old\n\nThe ferry sails.")
    with (
        Corpus(EmbeddedStore(home, embedder.fingerprint, embedder.dimension), embedder, 60) as corpus,
        running(Keeping(corpus), settings(home, admin_token=TOKEN, folders=(folder,))) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        operator = Operator(client, home, corpus)
        assert client.post("/admin/sync", data={"csrf": ""}).status_code == 401
        operator.log_in()
        assert str(folder) in operator.page("/documents")
        page = operator.send("/sync")
        assert "plan.md: added (1 passages)" in page
        assert "old.md: added" in page
        assert "Nothing has changed in the folders." in operator.send("/sync")
        (folder / "plan.md").write_bytes(PLAN.replace(b"4 May", b"5 May"))
        (folder / "old.md").unlink()
        page = operator.send("/sync")
        assert "plan.md: replaced" in page
        assert "old.md: deleted" in page
        assert [info.sources for info in corpus.documents()] == [("plan.md",)]
        (folder / "plan.md").unlink()
        assert "none was removed" in operator.send("/sync")
        assert len(corpus.documents()) == 1


def test_a_damaged_index_is_mended_and_compacted(operator: Operator) -> None:
    operator.log_in()
    operator.send("/documents", [("files", ("plan.md", PLAN))])
    with closing(sqlite3.connect(operator.home / "index.sqlite3", isolation_level=None)) as database:
        database.execute("INSERT INTO passages_fts (passages_fts) VALUES ('delete-all')")
    assert "The lexical index differs from the passages" in operator.send("/verify")
    page = operator.send("/repair")
    assert "Mended: The lexical index was made again" in page
    assert "The index is sound: 1 documents, 1 passages." in page
    assert "Mended: nothing had to be." in operator.send("/repair")
    assert re.search(r"The index took [\d,]+ bytes and takes [\d,]+ now\.", operator.send("/compact"))
    assert "bridge" in operator.corpus.document(operator.corpus.find("plan.md").id).text


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../evil.md", "evil.md"),
        ("/etc/evil.md", "evil.md"),
        ("..\\..\\evil.md", "evil.md"),
        (".evil.md", "evil.md"),
    ],
)
def test_a_name_cannot_leave_the_folder(operator: Operator, sent: str, kept: str) -> None:
    operator.log_in()
    assert f"{kept}: added" in operator.send("/documents", [("files", (sent, PLAN))])
    assert [path.name for path in (operator.home / "uploads").iterdir()] == [kept]


def test_an_archive_is_kept_if_some_of_it_can_be_read(operator: Operator) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("broken.pdf", b"%PDF-1.7 and nothing")
        archive.writestr("plan.md", PLAN)
    operator.log_in()
    page = operator.send("/documents", [("files", ("all.zip", packed.getvalue()))])
    assert "all.zip/broken.pdf: failed" in page
    assert "all.zip/plan.md: added" in page
    assert [path.name for path in (operator.home / "uploads").iterdir()] == ["all.zip"]
    operator.send(f"/documents/{operator.corpus.find('all.zip/plan.md').id}/remove")
    assert operator.corpus.documents() == []


def test_removing_what_a_reader_brought_removes_its_file(operator: Operator) -> None:
    folder = operator.home / "uploads"
    Uploads(folder, operator.corpus.add, 10_000).add("plan.md", PLAN)
    assert list(folder.rglob("plan.md"))
    operator.log_in()
    operator.send(f"/documents/{operator.corpus.find('plan.md').id}/remove")
    assert list(folder.iterdir()) == []


def test_the_file_of_somebody_else_is_never_touched(operator: Operator, tmp_path: Path) -> None:
    from index.files import find_files

    own = tmp_path / "folder" / "plan.md"
    own.parent.mkdir()
    own.write_bytes(PLAN)
    operator.corpus.add(find_files([own]))
    operator.log_in()
    document = operator.corpus.find("plan.md")
    page = operator.send(f"/documents/{document.id}/replace", [("files", ("plan.md", PLAN + b" It rains."))])
    assert "Gone: plan.md" in page
    assert own.read_bytes() == PLAN
    assert len(operator.corpus.documents()) == 1


def test_an_upload_above_the_limit_is_refused(operator: Operator) -> None:
    operator.log_in()
    body = b"x" * (64 << 20)  # the form around it makes it too long
    reply = operator.client.post("/admin/documents", files=[("files", ("big.md", body))], timeout=60)
    assert (reply.status_code, reply.json()["error"]["code"]) == (413, "too_large")
    assert operator.corpus.documents() == []


def test_a_thumb_down_becomes_a_case(operator: Operator) -> None:
    done = ask(operator, "soup on Fridays?")
    verdict = {"message_id": done["message_id"], "value": "down", "reason": "<b>stale</b>"}
    assert operator.client.post("/api/feedback", json=verdict).status_code == 200
    operator.log_in()
    assert "&lt;b&gt;stale&lt;/b&gt;" in operator.page("/feedback")
    page = operator.send("/cases", message_id=done["message_id"])
    draft = re.search(r'action="/admin/cases/([^"]+)"', page)
    assert draft
    assert "Say either" in operator.send(f"/cases/{draft[1]}", expected="  ")
    page = operator.send(f"/cases/{draft[1]}", expected="soup | broth\nFriday")
    assert "No drafts." in page
    case = load_cases(operator.home / "cases" / "cases.jsonl").cases[0]
    assert (case.question, case.answer) == ("soup on Fridays?", (("soup", "broth"), ("Friday",)))


def test_the_gap_list_and_the_trace(operator: Operator) -> None:
    for question in ("Quidditch?", "Quidditch?", "<i>Snitch</i>?", "When does the canteen open?"):
        ask(operator, question)
    operator.log_in()
    gaps = operator.page("/gaps")
    assert re.search(r"<td>2</td><td>\d{4}-\d\d-\d\d</td>\s*<td><a [^>]+>Quidditch\?</a>", gaps)
    assert "&lt;i&gt;Snitch" in gaps
    assert "canteen open" not in gaps
    missed = re.findall(r'name="message_id" value="([^"]+)"', gaps)
    page = operator.send("/cases", message_id=missed[0])
    assert "A draft was made" in page
    draft = re.search(r'action="/admin/cases/(gap-[^"]+)"', page)
    assert draft
    operator.send(f"/cases/{draft[1]}", unanswerable="on")
    case = load_cases(operator.home / "cases" / "cases.jsonl").cases[-1]
    assert (case.question, case.unanswerable, case.tags) == ("Quidditch?", True, ("gap",))
    for unknown in ("none", ask(operator, "When does the canteen open?")["message_id"]):
        assert "no such gap" in operator.send("/cases", message_id=unknown)
    trace = operator.page(re.findall(r'href="/admin(/answers/[^"]+)"', operator.page("/conversations"))[0])
    assert "canteen.txt 0" in trace
    assert "verbatim" in trace


def test_eval_runs_are_listed_and_compared(operator: Operator) -> None:
    folder = operator.home / "reports"
    folder.mkdir()
    cases = tuple(Case(number, f"Who leads {number}?", answer=(("Ada",),)) for number in ("one", "two", "<i>"))
    for name, texts, asked in (
        ("first", {"a.txt": "Ada leads."}, cases[:2]),
        ("second", {"a.txt": "Bob leads."}, cases),
        ("third", {"a.txt": "Ada leads."}, cases[2:]),
    ):
        report = run_suite([Suite(Path("s.yaml"), cases=asked)], partial(answering, SmallPipeline(texts)))
        (folder / f"{name}.json").write_text(json.dumps(report.as_json()), encoding="utf-8")
    (folder / "broken.json").write_text("[]", encoding="utf-8")
    operator.log_in()
    page = operator.page("/evals?before=first&after=second")
    assert "2 of 2" in page
    assert "worse: -100.0 points, interval -100.0 to -100.0, 2 cases, 0 fixed, 2 broken" in page
    assert '<li><a href="/admin/evals/second?before=first#case-1">one</a>: Who leads one?</li>' in page
    assert "Left out: 1 that only one of them has" in page
    assert "<td>-1.000 to -1.000</td><td>2</td><td>worse</td>" in page
    assert "broken.json is no report" in page
    plots = re.findall(r'src="(/admin/plots/[^"]+)"', page)
    assert [plot.split("?")[0] for plot in plots] == ["/admin/plots/runs.svg", "/admin/plots/changes.svg"]
    for plot in plots:
        assert operator.client.get(html.unescape(plot), timeout=60).headers["content-type"] == "image/svg+xml"
    page = operator.page("/evals?before=second&after=third")
    assert "1 fixed, 0 broken" in page
    assert '#case-1">&lt;i&gt;</a>: Who leads &lt;i&gt;?</li>' in page
    assert "no case in common" in operator.page("/evals?before=first&after=third")


def always(pipeline: SmallPipeline) -> Callable[[Suite], SmallPipeline]:
    return lambda _: pipeline


def test_a_run_shows_its_whole_report(operator: Operator) -> None:
    folder = operator.home / "reports"
    folder.mkdir(exist_ok=True)
    cases = tuple(Case(number, f"Who leads {number}?", answer=(("Ada",),)) for number in ("one", "two"))
    reports = {}
    for name, leader, asked in (("calm", "Ada", cases), ("50%?", "Bob", cases), ("lone", "Ada", cases[:1])):
        text = f"{HOSTILE} Nobody else does. {leader} leads one and two."
        report = run_suite([Suite(Path("s.yaml"), cases=asked)], always(SmallPipeline({"a.txt": text})))
        reports[name] = report.as_json()
        (folder / f"{name}.json").write_text(json.dumps(reports[name]), encoding="utf-8")
    (folder / "slim.json").write_text(json.dumps(slim(reports["calm"])), encoding="utf-8")
    for path in ("/evals/calm", "/report.css"):
        assert operator.client.get(f"/admin{path}").headers["location"] == "/admin/login"
    operator.log_in()
    address = re.search(r'href="/admin(/evals/50[^"]+)"', operator.page("/evals"))
    assert address
    page = operator.page(address[1])
    assert "<h1>0 of 2 cases passed</h1>" in page
    assert page.count("<h1>") == 1
    assert "missing from the answer: Ada" in page
    assert "<mark>Bob leads one and two.</mark>" in page
    assert "&lt;img src=x&gt;" in page
    assert "<img" not in page
    assert "Since the baseline" not in page
    assert render_body(reports["50%?"]) in page
    against = operator.page(f"{address[1]}?before=calm")
    assert "worse: -100.0 points, interval -100.0 to -100.0, 2 cases, 0 fixed, 2 broken" in against
    assert "In the baseline: passed" in against
    assert "<option selected>calm</option>" in against
    assert "Not compared: 1 that only one" in operator.page("/evals/calm?before=lone")
    assert "The report lacks what a page shows" in operator.page("/evals/slim")
    for missing in ("/evals/none", "/evals/calm?before=none", "/evals/..%2Fevals", "/evals/calm.json"):
        assert operator.client.get(f"/admin{missing}").status_code == 404
    style = operator.client.get("/admin/report.css")
    assert style.headers["content-type"].startswith("text/css")
    assert "#tag-39:checked" in style.text


def test_the_load_is_told(operator: Operator) -> None:
    operator.log_in()
    before = operator.client.get("/admin/load.json").json()
    ask(operator, "soup?")
    load = operator.client.get("/admin/load.json").json()
    assert (load["answers"], load["running"], load["failed"]) == (before["answers"] + 1, 0, 0)
    assert 0 < load["first_p50"] <= load["whole_p95"]


def ask(operator: Operator, question: str) -> dict[str, str]:
    reply = operator.client.post("/api/chat", json={"question": question})
    done: dict[str, str] = json.loads(reply.text.split("data: ")[-1])
    return done


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
