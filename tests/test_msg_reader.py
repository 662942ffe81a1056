from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from index.errors import ReadError
from index.types import Document
from tests.ole import BODY, CLASS, FILE_NAME, SENDER, SENDER_ADDRESS, SUBJECT, TO, compound, message
from tests.reading import LONG, OTHER, blocks, unpacked, written

SENT = int((datetime(2024, 3, 5, tzinfo=UTC) - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()) * 10**7
TEXTS = {
    CLASS: "IPM.Note",
    SUBJECT: "Budget — 2024",
    SENDER: "Jane Doe",
    SENDER_ADDRESS: "jane@example.org",
    TO: "Bob Roe",
    BODY: f"{LONG}\r\n\r\n{OTHER}",
}


def test_an_outlook_message(tmp_path: Path) -> None:
    document = written(tmp_path, "a.msg", compound(message(TEXTS, sent=SENT)))
    assert document.title == "Budget — 2024"
    assert document.metadata == {"author": "Jane Doe", "published": "2024-03-05", "to": "Bob Roe", "format": "msg"}
    assert blocks(document) == [
        ("heading", "Budget — 2024"),
        ("row", "From: Jane Doe <jane@example.org>"),
        ("row", "To: Bob Roe"),
        ("row", "Date: Tue, 05 Mar 2024 00:00:00 +0000"),
        ("paragraph", LONG),
        ("paragraph", OTHER),
    ]


def test_the_content_goes_before_the_name(tmp_path: Path) -> None:
    assert written(tmp_path, "a.txt", compound(message(TEXTS))).metadata["format"] == "msg"


def test_text_in_html_alone(tmp_path: Path) -> None:
    page = f"<html><meta charset=utf-8><body><p>{LONG}</p><p>Prüfung.</p></body></html>".encode()
    texts = {number: text for number, text in TEXTS.items() if number != BODY}
    assert blocks(written(tmp_path, "a.msg", compound(message(texts, x1013=page))))[-2:] == [
        ("paragraph", LONG),
        ("paragraph", "Prüfung."),
    ]


def test_attachments_and_messages_in_a_message(tmp_path: Path) -> None:
    within = message({SUBJECT: "Old news", SENDER: "Eve", BODY: OTHER}, sent=SENT, header=24)
    file = message({FILE_NAME: "notes.txt"}, header=8, x3701=LONG.encode() * 60)
    picture = message({FILE_NAME: "logo.png"}, header=8, x3701=b"\x89PNG\r\n\x1a\n")
    forwarded = {**message({}, header=8), "__substg1.0_3701000D": within}
    path = tmp_path / "a.msg"
    path.write_bytes(compound(message(TEXTS, [file, picture, forwarded])))
    found = unpacked(path)
    assert list(found) == ["", "notes.txt", "Old news.eml"]
    documents = {member: each for member, each in found.items() if isinstance(each, Document)}
    assert documents[""].metadata["attachments"] == "notes.txt, logo.png, Old news.eml"
    assert documents["notes.txt"].text.startswith(LONG)
    assert documents["Old news.eml"].metadata == {"author": "Eve", "published": "2024-03-05", "format": "eml"}
    assert OTHER in documents["Old news.eml"].text


def test_messages_nested_without_end_are_cut_off(tmp_path: Path) -> None:
    within = message({SUBJECT: "Innermost", BODY: OTHER}, header=24)
    for number in range(9):
        wrapped = {**message({}, header=8), "__substg1.0_3701000D": within}
        within = message({SUBJECT: f"Level {number}", BODY: OTHER}, [wrapped], header=24 if number < 8 else 32)
    path = tmp_path / "a.msg"
    path.write_bytes(compound(within))
    found = unpacked(path)
    assert isinstance(found[""], Document)
    assert "lies in 4 other files" in str(list(found.values())[-1])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (compound(message({**TEXTS, CLASS: "IPM.Note.SMIME"})), "is encrypted, or signed in a way that hides its text"),
        (compound(message({SUBJECT: "x"}, x1009=b"{compressed" * 90)), "has its text in RTF alone"),
        (compound(message(TEXTS))[:2000], "is a damaged Outlook message"),
    ],
)
def test_messages_that_cannot_be_read(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(ReadError, match=reason):
        written(tmp_path, "a.msg", content)
