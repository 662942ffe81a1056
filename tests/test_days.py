"""Days and the questions that found nothing, kept over a restart: in a file, and in a database."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from index.errors import CitechatError
from index.store.opening import open_server
from tests.postgres import Postgres
from tests.web import LexicalPipeline, running, settings
from ui.kept.days import DAYS, FILE, GAPS_A_DAY, Counts, Daybook, DaysInFile, DayStore, Gap

TOKEN = "a token of the operator"
HOSTILE = "\0 \ud800 🌍 '); DROP TABLE questions; -- <b>Who?</b>"
FIRST = datetime(2026, 3, 1, 23, 58, tzinfo=UTC)

Opened = Callable[[], DayStore]


@pytest.fixture(params=["file", "database"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    """Opens the same days again and again, as a server does that is started anew."""
    if request.param == "file":
        yield lambda: DaysInFile(tmp_path / FILE)
        return
    from ui.kept.shared.days import SharedDays

    postgres: Postgres = request.getfixturevalue("postgres")
    with closing(open_server(postgres.url(), request.getfixturevalue("schema"))) as server:
        yield lambda: SharedDays(server)


def test_days_and_questions_outlive_the_server(opened: Opened) -> None:
    now = FIRST
    with closing(Daybook(opened(), questions=True, now=lambda: now)) as book:
        assert (book.days(), book.gaps(9)) == ([], [])
        book.count("answered", "Who built it?")
        book.count("not_found", " Quidditch? ")
        book.count("not_found", HOSTILE)
    now += timedelta(minutes=5)
    with closing(Daybook(opened(), questions=True, now=lambda: now)) as book:
        book.count("not_found", "Quidditch?")
        book.count("stopped", "Who?")
        assert book.days() == [
            (date(2026, 3, 1), {"answered": 1, "not_found": 2}),
            (date(2026, 3, 2), {"not_found": 1, "stopped": 1}),
        ]
        assert book.gaps(9) == [
            Gap("Quidditch?", 2, date(2026, 3, 2)),
            Gap("? 🌍 '); DROP TABLE questions; -- <b>Who?</b>", 1, date(2026, 3, 1)),
        ]
        assert [gap.question for gap in book.gaps(1)] == ["Quidditch?"]


def test_what_is_old_goes_and_a_day_has_an_end(opened: Opened) -> None:
    now = FIRST
    with closing(Daybook(opened(), questions=True, now=lambda: now)) as book:
        book.count("not_found", "Old?")
        for number in range(GAPS_A_DAY + 20):
            book.count("not_found", f"Question {number}?")
        for number in range(6):  # what found room is counted on, and what found none finds none later
            book.days()
            book.count("not_found", f"Late {number}?")
            book.count("not_found", "Old?")
        assert book.days() == [(FIRST.date(), {"not_found": 1 + GAPS_A_DAY + 20 + 12})]
        assert len(book.gaps(10_000)) == GAPS_A_DAY
        assert book.gaps(1) == [Gap("Old?", 7, FIRST.date())]
        now += timedelta(days=DAYS - 1)
        book.count("answered", "Now?")
        assert [day for day, _ in book.days()] == [FIRST.date(), now.date()]
        now += timedelta(days=1)
        book.count("answered", "Now?")
        assert len(book.days()) == 2
        assert book.gaps(1) == []


def test_without_leave_no_text_is_kept_and_what_was_there_is_erased(opened: Opened) -> None:
    with closing(Daybook(opened(), questions=True, now=lambda: FIRST)) as book:
        book.count("not_found", "Where is the secret?")
    with closing(Daybook(opened(), now=lambda: FIRST)) as book:
        book.count("not_found", "Where is the other secret?")
        assert (book.gaps(9), book.days()) == ([], [(FIRST.date(), {"not_found": 2})])
    with closing(Daybook(opened(), questions=True, now=lambda: FIRST)) as book:
        assert book.gaps(9) == []


def test_in_the_file_erased_text_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / FILE
    with closing(Daybook(DaysInFile(path), questions=True)) as book:
        book.count("not_found", "Where is the secret?")
    assert b"secret" in path.read_bytes()
    Daybook(DaysInFile(path)).close()
    assert b"secret" not in path.read_bytes()


class Away(DaysInFile):
    """Cannot be written for a while."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.back = threading.Event()
        self.tried = threading.Event()

    def add(self, outcomes: Counts, questions: Counts, oldest: date) -> None:
        self.tried.set()
        if not self.back.is_set():
            raise CitechatError("The server is away.")
        super().add(outcomes, questions, oldest)


def test_what_cannot_be_stored_is_stored_later_and_nobody_waits(tmp_path: Path) -> None:
    kept = Away(tmp_path / FILE)
    with closing(Daybook(kept, questions=True, now=lambda: FIRST, store_s=0.01)) as book:
        book.count("not_found", "Who?")
        assert kept.tried.wait(10)
        with pytest.raises(CitechatError, match="away"):
            book.days()
        book.count("not_found", "Who?")
        kept.back.set()
        assert book.days() == [(FIRST.date(), {"not_found": 2})]
        assert book.gaps(9) == [Gap("Who?", 2, FIRST.date())]


@pytest.mark.parametrize("content", [b"this is no database, but a letter to a friend", None])
def test_a_file_that_cannot_be_used_stops_no_server(
    tmp_path: Path, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / FILE
    path.mkdir() if content is None else path.write_bytes(content)
    with caplog.at_level(logging.WARNING), closing(Daybook(DaysInFile(path), questions=True)) as book:
        book.count("not_found", "Who?")
        assert [gap.question for gap in book.gaps(9)] == ["Who?"]
    assert f"{path} cannot be used" in caplog.text
    assert "Remedy" in caplog.text
    assert content is None or path.read_bytes() == content


@pytest.mark.parametrize("allowed", [True, False])
def test_the_gap_list_and_its_plot_after_a_restart(tmp_path: Path, *, allowed: bool) -> None:
    chosen = settings(tmp_path, admin_token=TOKEN, keep_gaps=allowed)
    with running(LexicalPipeline(), chosen) as address:
        for question in ("Quidditch?", "Quidditch?", "<i>Snitch</i>?", "When does the canteen open?"):
            httpx.post(f"{address}/api/chat", json={"question": question}, timeout=60)
    with running(LexicalPipeline(), chosen) as address, httpx.Client(base_url=address, timeout=60) as operator:
        operator.post("/admin/login", data={"password": TOKEN})
        page = operator.get("/admin/gaps").text
        plot = operator.get("/admin/plots/gaps.svg")
    assert ("Quidditch?" in page) is ("&lt;i&gt;Snitch" in page) is allowed
    assert "<i>Snitch" not in page
    assert "canteen open" not in page
    assert "on the latest, 3 without an answer and 1 answered" in page
    assert f">{datetime.now(UTC):%d %b}</text>" in plot.text
    with closing(sqlite3.connect(tmp_path / FILE)) as file:
        assert file.execute("SELECT count(*) FROM questions").fetchone() == (2 if allowed else 0,)
