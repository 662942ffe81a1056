"""The operator's pages: documents come, are replaced and go; the index is mended."""

from __future__ import annotations

import io
import re
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from evals.running.memory import FOLDER
from index.corpus import Corpus
from index.store.embedded import EmbeddedStore
from tests.embedding import HashingEmbedder
from tests.operator_pages import TOKEN, Operator
from tests.web import Keeping, running, settings
from ui.page.uploads import Uploads

HOSTILE = "<img src=x> </style>"
PLAN = b"# The plan\n\nThe bridge opens on 4 May. The mayor cuts the ribbon."


def test_documents_come_are_replaced_and_go(operator: Operator) -> None:
    operator.log_in()
    page = operator.send("/documents", [("files", ("plan.md", PLAN)), ("files", ("evil.exe", bytes(range(256)) * 20))])
    assert "plan.md: added (1 passage)" in page
    assert "evil.exe: failed" in page
    first = operator.corpus.find("plan.md")
    page = operator.send(f"/documents/{first.id}/replace", [("files", ("new.md", PLAN.replace(b"4 May", b"5 May")))])
    assert "plan.md: replaced" in page
    assert "Gone: plan.md (The plan; 1 passage," in page
    assert [info.sources for info in operator.corpus.documents()] == [("plan.md",)]
    second = operator.corpus.find("plan.md")
    assert "5 May" in operator.corpus.document(second.id).text
    page = operator.send(f"/documents/{second.id}/replace", [("files", ("new.md", b""))])
    assert "failed" in page
    assert operator.corpus.find("plan.md").id == second.id
    assert "5 May" in (operator.home / "uploads" / "plan.md").read_text(encoding="utf-8")
    page = operator.send("/verify")
    assert "The index is sound: 1 document, 1 passage." in page
    page = operator.send(f"/documents/{second.id}/remove")
    assert re.search(r"Removed for good: plan.md  \(1 passage, 3 vectors, [\d,]+ bytes; found by no search\)", page)
    assert operator.corpus.documents() == []
    assert list((operator.home / "uploads").iterdir()) == []
    assert "No document" in operator.send(f"/documents/{second.id}/remove")


def test_documents_are_found_by_title_or_file(operator: Operator) -> None:
    operator.log_in()
    operator.send("/documents", [("files", ("bridge.md", PLAN)), ("files", ("tower.txt", b"The tower is tall."))])
    found = operator.page("/documents?find=TOWER")
    assert ("tower.txt" in found, "bridge.md" in found, "1 of 2 documents" in found) == (True, False, True)
    assert "None of them." in operator.page("/documents?find=%3Cb%3Ecastle")


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
        assert "plan.md: added (1 passage)" in page
        assert "old.md: added" in page
        assert "Nothing has changed in the folders." in operator.send("/sync")
        (folder / "plan.md").write_bytes(PLAN.replace(b"4 May", b"5 May"))
        (folder / "old.md").unlink()
        page = operator.send("/sync")
        assert "plan.md: replaced" in page
        assert "old.md: deleted" in page
        assert [info.sources for info in corpus.documents()] == [("plan.md",)]
        again = f"{folder / 'plan.md'} is still there: the next sync indexes it again."
        for change, sent in (("replace", [("files", ("new.md", PLAN))]), ("remove", None)):
            plan = next(info for info in corpus.documents() if "plan.md" in info.sources)
            assert again in operator.send(f"/documents/{plan.id}/{change}", sent)
            assert "plan.md: added" in operator.send("/sync")
        new = corpus.find("new.md")
        assert "is still there" not in operator.send(f"/documents/{new.id}/remove")
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
    assert "The index is sound: 1 document, 1 passage." in page
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
