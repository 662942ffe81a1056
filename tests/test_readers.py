"""What is common to all formats, and a clear reason for what cannot be read."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import ReadError
from index.readers import SUFFIXES, read
from tests.files import archive, column, pdf, replaced
from tests.reading import ARTICLE, LONG, word, written


def test_the_id_is_the_hash_of_the_bytes(tmp_path: Path) -> None:
    assert written(tmp_path, "a.txt", LONG).id == hashlib.sha256(LONG.encode()).hexdigest()[:16]


def test_the_content_goes_before_the_name(tmp_path: Path) -> None:
    assert written(tmp_path, "a.txt", pdf([column([LONG])])).metadata["format"] == "pdf"
    assert written(tmp_path, "a.pdf", ARTICLE).metadata["format"] == "html"
    assert written(tmp_path, "b.txt", word(lambda made: made.add_paragraph(LONG))).metadata["format"] == "docx"


PARTS = {"_rels/.rels": b"<Relationships/>"}

XXE = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><w:document>&e;</w:document>'

ENCRYPT = b"/Encrypt << /Filter /Standard /V 1 /R 2 /O (%b) /U (%b) /P -4 >> /ID [(a) (a)]" % (b"o" * 32, b"u" * 32)

PARTS = {"_rels/.rels": b"<Relationships/>"}

UNREADABLE: dict[str, tuple[bytes, str]] = {
    "empty.txt": (b"", "is empty"),
    "blank.md": (b" \n\t\n", "is empty"),
    "bytes.txt": (bytes(range(256)) * 20, "is not text"),
    "zeros.txt": (b"hello\x00world" * 100, "is not text"),
    "noise.md": (hashlib.shake_256(b"x").digest(5000), "is not text"),
    "marks.txt": (b"*** --- ***", "holds no text"),
    "image.txt": (b"\x89PNG\r\n\x1a\n" + b"x" * 50, "is a PNG image"),
    "data.xyz": (b"\x00\x01\x02" * 50, "is not text"),
    "plain.pdf": (b"not a pdf", "is not a PDF file"),
    "plain.docx": (b"not a zip", "is not a Word (.docx) file"),
    "broken.pdf": (b"%PDF-1.4\nbroken", "is a damaged PDF"),
    "drawn.pdf": (pdf([[]]), "has no text layer"),
    "locked.pdf": (pdf([column([LONG])], extra=ENCRYPT), "is encrypted with a password"),
    "cut.docx": (word(lambda made: made.add_paragraph(LONG))[:900], "is a damaged archive or office file"),
    "flipped.docx": (archive({"word/document.xml": b"<x/>", **PARTS}), "is a damaged Word file"),
    "bomb.docx": (archive({"word/document.xml": bytes(300 * 2**20), **PARTS}), "unpacks to more than 256 MiB"),
    "xxe.docx": (replaced(word(lambda _: None), "word/document.xml", XXE), "holds a document type"),
    "sheet.docx": (archive({"xl/workbook.xml": b"<x/>", **PARTS}), "is a damaged Excel workbook"),
    "report.pages": (archive({"Index/Document.iwa": b"x", "preview.jpg": b"y"}), "is a Pages, Numbers or Keynote"),
    "binary.xlsx": (archive({"xl/workbook.bin": b"x", **PARTS}), "is a binary Excel workbook"),
    "plain.epub": (b"no e-book", "is not an EPUB file"),
    "plain.rtf": (b"no rich text", "is not an RTF file"),
    "files.txt": (archive({"a.txt": b"x"}), "holds other files and no text of its own"),
    "folder.txt": (archive({"word/notes.txt": b"x"}), "holds other files and no text of its own"),
    "plain.zip": (b"not an archive", "is not an archive"),
    "plain.msg": (b"not a message", "is not an Outlook message"),
    "plain.mbox": (b"not a mailbox", "is not a mailbox"),
    "old.docx": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "is a damaged Office file"),
    "locked.docx": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
        "is encrypted with a password",
    ),
    "deep.html": (b"<html><body>" + b"<div>" * 50_000 + b"x", "is nested too deeply"),
    "deep.md": (b">" * 5_000 + b" x", "is nested too deeply"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_says_why_and_what_to_do(tmp_path: Path, name: str) -> None:
    content, reason = UNREADABLE[name]
    with pytest.raises(ReadError) as caught:
        written(tmp_path, name, content)
    assert caught.value.problem.startswith(f"{name} ")
    assert reason in caught.value.problem
    assert caught.value.remedy.endswith(".")


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    link = tmp_path / "link.txt"
    link.symlink_to(tmp_path / "gone.txt")
    pipe = tmp_path / "pipe.txt"
    os.mkfifo(pipe)
    large = tmp_path / "large.txt"
    large.write_bytes(b"x" * 2000)
    for path, reason in (
        (tmp_path / "none.txt", "does not exist"),
        (link, "is a link to a file that does not exist"),
        (tmp_path, "is a folder"),
        (pipe, "is a pipe or a device"),
        (large, "at most"),
    ):
        with pytest.raises(ReadError, match=reason):
            read(path, path.name, max_bytes=1000)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_file_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "closed.txt"
    path.write_text(LONG)
    path.chmod(0)
    with pytest.raises(ReadError, match="cannot be opened: Permission denied"):
        read(path, path.name)


@given(st.binary(max_size=400), st.sampled_from(sorted(SUFFIXES)))
def test_any_bytes_give_a_document_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, suffix: str
) -> None:
    path = tmp_path_factory.mktemp("any") / f"a{suffix}"
    path.write_bytes(data)
    try:
        document = read(path, path.name)
    except ReadError:
        return
    assert document.blocks
