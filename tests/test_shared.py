"""What several web servers share, each as if it were alone with it; on a real server."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from evals.cases.feedback import Words, saved_feedback
from index.errors import CitechatError, InputError
from index.store.opening import open_server
from index.store.postgres.server import Row, Server
from rag.settings import Settings, load_settings
from rag.types import Answer, Claim, Quote, Source
from tests.documents import CANTEEN, LEAVE, put
from tests.postgres import Postgres
from tests.stores import Place
from tests.terminal import ROOT
from tests.web import Shelf
from ui.admin.access import Access
from ui.admin.sessions import FREE_FAILURES, pause
from ui.kept.conversations import Exchange
from ui.kept.keeping import open_keeping
from ui.kept.shared.changes import CachedLibrary, Changes
from ui.kept.shared.codec import decoded, encoded
from ui.kept.shared.conversations import SharedConversations
from ui.kept.shared.feedback import SharedFeedback
from ui.kept.shared.keys import signing_key
from ui.kept.shared.limits import SharedBuckets
from ui.kept.shared.sessions import SharedLedger
from ui.web.sites import Sites, Visit

TOKEN = "a token of the operator"
HOSTILE = "\0 \ud800 🌍 '; DROP TABLE exchanges; --"
HIT = Source("d", "d.txt", HOSTILE, 3, 1, 9, 0.5, "text", "2025-01-01", None, ("e.txt",))
QUOTE = Quote(1, "d", "d.txt", "Title", None, 1, 9, "text", also_in=("e.txt", "f.txt"))


@pytest.fixture
def servers(postgres: Postgres, schema: str) -> Iterator[tuple[Server, Server]]:
    """The connections of two web servers."""
    both = open_server(postgres.url(), schema), open_server(postgres.url(), schema)
    yield both
    for server in both:
        server.close()


@pytest.fixture
def started(postgres: Postgres) -> Iterator[Postgres]:
    """The server, which runs again afterwards whatever a test has done to it."""
    yield postgres
    postgres.stop()
    postgres.start()


@pytest.fixture
def pair(servers: tuple[Server, Server]) -> Iterator[tuple[SharedConversations, SharedConversations]]:
    one, other = (SharedConversations(server) for server in servers)
    yield one, other
    one.close()
    other.close()


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.01)


def answered(exchange: Exchange) -> Exchange:
    claims = (Claim("It [he] is.", "verbatim", (QUOTE,)),)
    asked, timings = exchange.question, {"total": 1.5}
    answer = Answer(asked, asked, "answered", 0.75, None, "Text [1].", claims, (HIT,), "extractive", timings, "n")
    return replace(exchange, state="complete", text=answer.text, hits=(HIT,), quotes=(QUOTE,), answer=answer)


def test_an_exchange_comes_back_as_it_was() -> None:
    for exchange in (Exchange("id", HOSTILE, where=HOSTILE, left=True), answered(Exchange("id", HOSTILE))):
        assert decoded(encoded(exchange)) == exchange
        assert encoded(exchange).isascii()


def test_another_process_sees_what_is_asked_found_and_answered(
    pair: tuple[SharedConversations, SharedConversations],
) -> None:
    one, other = pair
    visit = Visit("news", "somebody")
    id_, exchange = one.begin(None, HOSTILE, visit)
    assert other.exchange(exchange.id, visit) == exchange
    assert other.exchange(exchange.id, Visit("news", "else")) is None
    assert other.exchange(exchange.id) is None
    one.record(replace(exchange, hits=(HIT,)))
    until(lambda: (found := other.exchange(exchange.id, visit)) and found.hits == (HIT,))
    done = answered(exchange)
    one.record(done)
    asyncio.run(one.saved(exchange.id))
    assert other.exchange(exchange.id, visit) == done
    assert [turn.content for turn in other.history(id_, visit)] == [HOSTILE, "Text [1]."]
    assert other.whoever(exchange.id) == done
    again, _ = other.begin(id_, "and then?", visit)
    assert again == id_
    assert [each.question for each in one.exchanges(id_, visit)] == [HOSTILE, "and then?"]


def test_an_answer_that_is_stored_while_it_is_read_is_read_as_it_is_now(
    pair: tuple[SharedConversations, SharedConversations],
    servers: tuple[Server, Server],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, _ = pair
    id_, exchange = one.begin(None, "x")
    done = answered(exchange)
    read, writing = servers[0].read, one._write
    held = threading.Event()

    def slow_read(query: str, values: dict[str, object]) -> list[Row]:
        rows = read(query, values)
        held.set()
        asyncio.run(one.saved(exchange.id))
        return rows

    monkeypatch.setattr(servers[0], "read", slow_read)
    monkeypatch.setattr(one, "_write", lambda running: held.wait(20) and writing(running))
    one.record(done)
    assert one.exchanges(id_) == (done,)


def test_what_another_process_stops_or_forgets_stays_so(pair: tuple[SharedConversations, SharedConversations]) -> None:
    one, other = pair
    id_, exchange = one.begin(None, "x", visitor="ann")
    other.stop(id_, "ann")
    one.record(answered(exchange))
    until(lambda: (found := one.exchange(exchange.id, visitor="ann")) and found.state == "stopped")
    _, second = one.begin(id_, "y", visitor="ann")
    other.forget("ann")
    one.record(answered(second))
    until(lambda: one.exchange(second.id, visitor="ann") is None)
    assert one.of("ann") == ()


def test_an_answer_whose_process_is_gone_is_shown_as_stopped(
    pair: tuple[SharedConversations, SharedConversations], servers: tuple[Server, Server]
) -> None:
    one, other = pair
    id_, exchange = one.begin(None, "x")
    assert other.exchanges(id_)[0].state == "running"
    with servers[0].connection() as connection:
        connection.execute("UPDATE exchanges SET touched = now() - interval '1 hour'")
    assert other.exchanges(id_) == (replace(exchange, state="stopped"),)


def test_a_complete_answer_waits_for_a_server_that_comes_back(started: Postgres, schema: str) -> None:
    server = open_server(started.url(), schema)
    conversations = SharedConversations(server)
    id_, exchange = conversations.begin(None, "x")
    started.stop()
    done = answered(exchange)
    conversations.record(done)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(asyncio.run, conversations.saved(exchange.id))
        time.sleep(0.5)
        assert not waiting.done()
        started.start()
        waiting.result(30)
    assert conversations.exchanges(id_) == (done,)
    conversations.close()
    server.close()


def test_old_conversations_are_forgotten(servers: tuple[Server, Server]) -> None:
    conversations = SharedConversations(servers[0], max_age_s=3600, cleaning_s=0.0)
    id_, exchange = conversations.begin(None, "x")
    for minutes, kept in ((59, True), (61, False)):
        with servers[0].connection() as connection:
            connection.execute("UPDATE conversations SET used = now() - make_interval(mins => %s)", (minutes,))
        assert bool(conversations.exchanges(id_)) is kept
        assert (conversations.whoever(exchange.id) is not None) is kept
    conversations.begin(None, "y")
    assert servers[0].read("SELECT count(*) FROM exchanges") == [(1,)]
    conversations.close()


def test_judgements_are_read_by_all(servers: tuple[Server, Server]) -> None:
    one, other = map(SharedFeedback, servers)
    for number in range(3):
        one.append(answered(Exchange(f"m{number}", HOSTILE)), "down", HOSTILE)
    one.append(answered(Exchange("m0", "again")), "up")
    assert [entry["message_id"] for entry in other.entries(3)] == ["m0", "m2", "m1"]
    (entry,) = (other.entry("m1"),)
    assert entry is not None
    assert (entry["question"], entry["reason"], entry["verdict"]) == (HOSTILE, HOSTILE, "down")
    assert (other.entry("m0") or {})["verdict"] == "up"
    assert other.entry("none") is None


def test_evals_read_the_judgements_of_the_database(
    postgres: Postgres, schema: str, servers: tuple[Server, Server], tmp_path: Path
) -> None:
    SharedFeedback(servers[0]).append(answered(Exchange("m", HOSTILE)), "wrong_source", "why")
    settings = Settings.model_validate({"home": tmp_path, "store": postgres.url(), "store_schema": schema})
    (judged,) = saved_feedback(settings)
    assert (judged.question, judged.verdict, judged.reason) == (HOSTILE, "wrong_source", "why")
    assert judged.quotes == (Words("d.txt", "text"),)


def test_an_operator_is_in_everywhere_and_out_everywhere(servers: tuple[Server, Server]) -> None:
    one, other = (Access("", TOKEN, ledger=SharedLedger(server)) for server in servers)
    key = one.log_in("address", TOKEN)
    session = other.session(key)
    assert session is not None
    assert one.session(key).csrf == session.csrf  # type: ignore[union-attr]
    session.tell(["a file \0 \ud800.pdf", "added"])
    shown = one.session(key).told()  # type: ignore[union-attr]
    assert shown == ["a file  \\ud800.pdf", "added"]
    assert session.told() == []
    assert other.session("made up") is None
    one.log_out(key)
    assert other.session(key) is None
    assert other.session(None) is None
    with servers[0].connection() as connection:
        ended = one.log_in("address", TOKEN)
        connection.execute("UPDATE sessions SET ends = now()")
    assert other.session(ended) is None
    assert TOKEN not in str(servers[0].read("SELECT * FROM sessions"))


def test_the_lock_is_one_for_all_servers_and_opens_with_time(servers: tuple[Server, Server]) -> None:
    accesses = [Access("", TOKEN, ledger=SharedLedger(server)) for server in servers]
    for number in range(FREE_FAILURES):
        assert accesses[number % 2].log_in("a", "wrong") is None
    for access in accesses:
        assert 1.5 < access.wait("a") <= pause(FREE_FAILURES) == 2.0
        assert access.log_in("a", TOKEN) is None
        assert access.wait("b") == 0.0
    with servers[0].connection() as connection:
        connection.execute("UPDATE lockouts SET last = last - interval '2 seconds'")
    assert accesses[0].log_in("a", "wrong") is None
    assert 3.5 < accesses[1].wait("a") <= pause(FREE_FAILURES + 1) == 4.0
    with servers[0].connection() as connection:
        connection.execute("UPDATE lockouts SET failures = 1000, last = last - interval '899 seconds'")
    assert 0.5 < accesses[1].wait("a") <= 1.0
    with servers[0].connection() as connection:
        connection.execute("UPDATE lockouts SET last = last - interval '1 second'")
    assert accesses[1].log_in("a", TOKEN)
    assert accesses[0].wait("a") == 0.0


def test_of_many_who_guess_at_once_all_are_counted(servers: tuple[Server, Server]) -> None:
    accesses = [Access("", TOKEN, ledger=SharedLedger(server)) for server in servers]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: accesses[number % 2].log_in("a", "wrong"), range(16)))
    assert servers[0].read("SELECT failures FROM lockouts") == [(FREE_FAILURES,)]


def test_buckets_are_shared_and_fill_with_time(servers: tuple[Server, Server]) -> None:
    one, other = (SharedBuckets(server, "questions", per_minute=60, burst=3) for server in servers)
    assert [one.wait("a"), other.wait("a"), one.wait("a")] == [0.0] * 3
    assert 0.8 < other.wait("a") <= 1.0
    assert other.wait("b") == 0.0
    assert SharedBuckets(servers[0], "reads", 60, 1).wait("a") == 0.0
    with servers[0].connection() as connection:
        connection.execute("UPDATE buckets SET used = used - interval '1 second'")
    assert one.wait("a") == 0.0
    assert other.wait("a") > 0.5
    with servers[0].connection() as connection:
        connection.execute("UPDATE buckets SET used = used + interval '1 hour' WHERE key = 'a'")
    assert other.wait("a") > 0.5  # a clock that was set back takes nothing away


def test_no_token_is_given_twice(servers: tuple[Server, Server]) -> None:
    buckets = [SharedBuckets(server, "questions", per_minute=1, burst=10) for server in servers]
    with ThreadPoolExecutor(8) as threads:
        waits = list(threads.map(lambda number: buckets[number % 2].wait("a"), range(40)))
    assert waits.count(0.0) == 10


def test_while_the_server_is_away_each_process_counts_for_itself(started: Postgres, schema: str) -> None:
    now = 0.0
    server = open_server(started.url(), schema)
    buckets = SharedBuckets(server, "questions", 60, 2, clock=lambda: now)
    assert buckets.wait("a") == 0.0
    started.stop()
    assert [buckets.wait("a") == 0.0 for _ in range(3)] == [True, True, False]
    started.start()
    now = 100.0
    assert buckets.wait("a") == 0.0
    server.close()


def test_all_sign_with_one_key_unless_told_another(servers: tuple[Server, Server]) -> None:
    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(signing_key, servers)
    assert one == other
    assert len(one) == 32
    settings = Settings(widget_origins=("https://a.example",))
    token = Sites(settings, key=one).greeting(None, "https://a.example")["token"]
    assert Sites(settings, key=other).visit(token, "https://a.example").site == "default"


def test_the_key_of_the_environment_is_used_and_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITECHAT_SIGNING_KEY", "k" * 32)
    assert open_keeping(load_settings(tmp_path)).signing_key == b"k" * 32
    monkeypatch.setenv("CITECHAT_SIGNING_KEY", "secret but short")
    with pytest.raises(InputError, match="32 characters") as refusal:
        load_settings(tmp_path)
    assert "secret but" not in str(refusal.value)


def test_what_is_kept_of_the_index_goes_when_it_changes(
    postgres: Postgres, schema: str, servers: tuple[Server, Server], tmp_path: Path
) -> None:
    store = Place(tmp_path, postgres.url(), schema).open()
    changes = Changes(servers[0], check_s=60.0)  # so that only the notice can tell
    shelf = Shelf([])
    asked: list[str] = []

    class Counted(Shelf):
        def documents(self) -> list[object]:  # type: ignore[override]
            asked.append("documents")
            return list(store.documents())

    library = CachedLibrary(Counted([]), changes)  # type: ignore[arg-type]
    until(lambda: not changes.version.startswith("unknown"))
    assert library.documents() == library.documents() == []
    assert len(asked) == 1
    version = changes.version
    put(store, CANTEEN, "/a")
    until(lambda: changes.version != version, 5.0)
    assert [info.id for info in library.documents()] == [CANTEEN.id]
    assert len(asked) == 2
    assert library.stats() == shelf.stats()
    changes.close()
    store.close()


def test_a_lost_notice_is_made_up_for_by_the_check(
    started: Postgres, schema: str, servers: tuple[Server, Server], tmp_path: Path
) -> None:
    store = Place(tmp_path, started.url(), schema).open()
    started.as_superuser(f"ALTER TABLE {schema}.state DISABLE TRIGGER tell_change")
    changes = Changes(servers[0], check_s=0.5)
    until(lambda: not changes.version.startswith("unknown"))
    version = changes.version
    put(store, LEAVE, "/b")
    until(lambda: changes.version != version, 5.0)
    known = changes.version
    started.stop()
    until(lambda: changes.version != known, 10.0)  # nothing is trusted while the server is away
    started.start()
    until(lambda: changes.version == known, 10.0)
    changes.close()
    store.close()


def test_without_a_database_nothing_of_it_is_imported(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from tests.web import LexicalPipeline, settings; "
        "from ui.web.app import build_app; "
        f"build_app(LexicalPipeline(), settings(Path({str(tmp_path)!r}))); "
        "print([n for n in sys.modules if n.startswith(('psycopg', 'ui.kept.shared', 'index.store.postgres'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_after_a_long_outage_the_server_is_found_as_soon_as_it_is_back(
    started: Postgres, servers: tuple[Server, Server]
) -> None:
    """The pool's own attempts would be many seconds apart by then."""
    ended = threading.Event()

    def ask() -> None:
        while not ended.wait(0.05):
            with suppress(CitechatError):
                servers[0].read("SELECT 1")

    started.stop()
    asking = [threading.Thread(target=ask) for _ in range(3)]
    for thread in asking:
        thread.start()
    time.sleep(9)
    started.start()
    begun = time.monotonic()
    assert servers[0].read("SELECT 1") == [(1,)]
    assert time.monotonic() - begun < 3
    ended.set()
    for thread in asking:
        thread.join(60)
