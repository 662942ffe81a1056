from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import pytest

from index.errors import ReadError
from index.types import Document
from tests.files import archive, column, pdf
from tests.reading import LONG, OTHER, blocks, unpacked, written

HEADER = b"From: Jane Doe <jane@example.org>\r\nTo: Bob <bob@example.org>\r\nDate: Tue, 5 Mar 2024 23:30:00 -0500\r\n"
REPLY = f"""Yes, noon is fine. {LONG}

On Mon, 4 Mar 2024 at 10:00, Bob Roe <bob@example.org> wrote:
> Shall we meet at noon? {OTHER}
> > Are you in town next week?
"""


def letter(text: str = LONG, subject: str = "Budget", **header: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = "Jane Doe <jane@example.org>", "Bob Roe <bob@example.org>, eve@example.org"
    message["Date"], message["Subject"] = "Tue, 5 Mar 2024 23:30:00 -0500", subject
    for name, value in header.items():
        message[name] = value
    message.set_content(text)
    return message


def read(tmp_path: Path, *lines: bytes, name: str = "a.eml") -> Document:
    return written(tmp_path, name, HEADER + b"\r\n".join(lines))


def spoken(document: Document) -> list[str]:
    """What stands below the header lines."""
    found = blocks(document)
    return [text for _, text in found[max(at for at, (kind, _) in enumerate(found) if kind == "row") + 1 :]]


def test_who_when_and_what_about(tmp_path: Path) -> None:
    document = written(tmp_path, "a.eml", letter().as_bytes())
    assert document.title == "Budget"
    assert document.metadata == {
        "author": "Jane Doe",
        "published": "2024-03-05",
        "to": "Bob Roe, eve@example.org",
        "format": "eml",
    }
    assert blocks(document) == [
        ("heading", "Budget"),
        ("row", "From: Jane Doe <jane@example.org>"),
        ("row", "To: Bob Roe <bob@example.org>, eve@example.org"),
        ("row", "Date: Tue, 05 Mar 2024 23:30:00 -0500"),
        ("paragraph", LONG),
    ]


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (b"=?utf-8?B?0JHRjtC00LbQtdGC?= =?utf-8?Q?_2024?=", "Бюджет 2024"),
        (b"=?iso-2022-jp?B?GyRCTT07OxsoQg==?=", "予算"),
        (b"=?iso-8859-8-i?B?+eXt?=", "שום"),
        (b"=?x-unknown?Q?caf=C3=A9?=", "café"),
        ("Rés\u0443mé of the year".encode(), "Rés\u0443mé of the year"),
        (b"=?utf-8?B?not base64?=", "=?utf-8?B?not base64?="),
        (b"folded\r\n over two lines", "folded over two lines"),
    ],
)
def test_encoded_headers(tmp_path: Path, subject: bytes, expected: str) -> None:
    assert read(tmp_path, b"Subject: " + subject, b"", LONG.encode()).title == expected


@pytest.mark.parametrize(
    ("charset", "data"),
    [
        ("koi8-r", LONG.encode() + "Привет всем.".encode("koi8-r")),
        ("gb2312", LONG.encode() + "Привет всем.".encode("gb18030")),
        ("iso-8859-1", LONG.encode() + "Привет всем.".encode()),
        ("no-such-charset", LONG.encode() + "Привет всем.".encode()),
    ],
)
def test_text_is_decoded_whatever_its_charset_is_called(tmp_path: Path, charset: str, data: bytes) -> None:
    kind = f"Content-Type: text/plain; charset={charset}".encode()
    assert "Привет всем." in read(tmp_path, b"MIME-Version: 1.0", kind, b"", data).text


def test_html_alone_and_beside_text(tmp_path: Path) -> None:
    page = f"<html><style>p {{}}</style><body><p>{LONG}</p><ul><li>One</li></ul><p hidden>Pay</p></body></html>"
    only = letter()
    only.set_content(page, subtype="html")
    assert spoken(written(tmp_path, "a.eml", only.as_bytes())) == [LONG, "One"]
    both = letter(OTHER)
    both.add_alternative(page, subtype="html")
    assert spoken(written(tmp_path, "b.eml", both.as_bytes())) == [OTHER]
    stub = letter("See HTML.")
    stub.add_alternative(page, subtype="html")
    assert spoken(written(tmp_path, "c.eml", stub.as_bytes())) == [LONG, "One"]


def test_letters_before_stand_under_a_heading_that_says_whose_they_are(tmp_path: Path) -> None:
    found = blocks(written(tmp_path, "a.eml", letter(REPLY).as_bytes()))
    assert found[-4:] == [
        ("paragraph", f"Yes, noon is fine. {LONG}"),
        ("heading", "On Mon, 4 Mar 2024 at 10:00, Bob Roe <bob@example.org> wrote:"),
        ("paragraph", f"Shall we meet at noon? {OTHER}"),
        ("paragraph", "Are you in town next week?"),
    ]


def test_answers_between_quotations_are_told_from_them(tmp_path: Path) -> None:
    text = f"Bob wrote:\n> Shall we meet?\nYes, at noon.\n> And where?\n{LONG}\n"
    found = spoken(written(tmp_path, "a.eml", letter(text).as_bytes()))
    assert found == ["Bob wrote:", "> Shall we meet?", "Yes, at noon.", "> And where?", LONG]


def test_quotations_in_html(tmp_path: Path) -> None:
    made = letter()
    made.set_content(f"<p>{LONG}</p><blockquote><p>Shall we meet?</p></blockquote><p>Yes.</p>", subtype="html")
    assert spoken(written(tmp_path, "a.eml", made.as_bytes())) == [LONG, "> Shall we meet?", "Yes."]


def test_the_letter_below_an_outlook_header_is_not_the_writers(tmp_path: Path) -> None:
    text = f"Agreed.\n\nFrom: Bob Roe\nSent: Monday, March 4, 2024 10:00 AM\nTo: Jane Doe\nSubject: Lunch\n\n{OTHER}\n"
    found = blocks(written(tmp_path, "a.eml", letter(text).as_bytes()))
    assert found[found.index(("paragraph", "Agreed.")) + 1] == ("heading", "From: Bob Roe")
    assert found[-1] == ("paragraph", OTHER)


def test_attachments_are_documents_of_their_own(tmp_path: Path) -> None:
    made = letter()
    forwarded = letter(OTHER, "Old news")
    made.add_attachment(pdf([column([OTHER])]), "application", "pdf", filename="plan.pdf")
    made.add_attachment(b"\x89PNG\r\n\x1a\n", "image", "png", filename="logo.png")
    made.add_attachment(archive({"in/a.txt": LONG.encode()}), "application", "octet-stream", filename="../../x.zip")
    made.add_attachment(pdf([column([LONG])]), "application", "octet-stream", filename="unnamed")
    made.add_attachment(b"%PDF-1.4 broken", "application", "pdf", filename="broken.pdf")
    made.add_attachment(forwarded)
    path = tmp_path / "a.eml"
    path.write_bytes(made.as_bytes())
    found = unpacked(path)
    assert list(found) == ["", "plan.pdf", "x.zip/in/a.txt", "unnamed.pdf", "broken.pdf", "Old news.eml"]
    assert found["broken.pdf"] == "a.eml/broken.pdf is a damaged PDF."
    documents = {member: each for member, each in found.items() if isinstance(each, Document)}
    assert documents["plan.pdf"].source == "a.eml/plan.pdf"
    assert documents["Old news.eml"].metadata["author"] == "Jane Doe"
    assert documents[""].metadata["attachments"].startswith("plan.pdf, logo.png, ")


def test_a_sentence_does_not_divide_a_mailbox(tmp_path: Path) -> None:
    text = f"Hello.\n\nFrom Monday at 10:30 on, in 2024, we open early.\n\n{LONG}\n"
    made = b"From - Tue Mar 05 23:30:00 2024\n" + letter(text).as_bytes() + b"\n"
    path = tmp_path / "a.mbox"
    path.write_bytes(made)
    (document,) = unpacked(path).values()
    assert isinstance(document, Document)
    assert "From Monday at 10:30 on" in document.text
    assert document.text.endswith(LONG)


def test_a_mailbox_gives_its_letters(tmp_path: Path) -> None:
    first = letter(f"{LONG}\n\n>From here on it is ours.\n", "Budget / plan").as_bytes().replace(b"\n>From", b"\n>From")
    second = letter(OTHER, "Budget").as_bytes()
    made = b"".join(
        b"From jane@example.org Tue Mar  5 23:30:00 2024\n" + each + b"\n\n" for each in (first, second, second)
    )
    path = tmp_path / "inbox"
    path.write_bytes(made)
    found = unpacked(path)
    assert list(found) == ["2024-03-05 Budget - plan.eml", "2024-03-05 Budget.eml", "2024-03-05 Budget (2).eml"]
    documents = list(found.values())
    assert isinstance(documents[0], Document)
    assert documents[0].text.endswith("From here on it is ours.")


def test_letters_that_cannot_be_read(tmp_path: Path) -> None:
    for kind in (b"multipart/encrypted; boundary=x", b"application/pkcs7-mime; smime-type=enveloped-data"):
        with pytest.raises(ReadError, match="is encrypted, or signed in a way that hides its text"):
            read(tmp_path, b"MIME-Version: 1.0", b"Content-Type: " + kind, b"", b"--x\r\n\r\nabc\r\n--x--")


@pytest.mark.parametrize(
    "kind", [b'text/plain; charset="', b"multipart/mixed; boundary=", b"multipart/mixed", b";;=", b"message/rfc822"]
)
def test_malformed_letters_are_read_as_far_as_they_go(tmp_path: Path, kind: bytes) -> None:
    document = read(
        tmp_path, b"MIME-Version: 1.0", b"Content-Type: " + kind, b"Subject: " + b"=?" * 50, b"", LONG.encode()
    )
    assert document.metadata["author"] == "Jane Doe"


def test_parts_nested_without_end_fail_that_letter_alone(tmp_path: Path) -> None:
    parts = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000))
    path = tmp_path / "a.zip"
    path.write_bytes(archive({"a.eml": HEADER + b"MIME-Version: 1.0\n" + parts, "b.txt": LONG.encode()}))
    found = unpacked(path)
    assert found["a.eml"] == "a.zip/a.eml is nested too deeply to read."
    assert isinstance(found["b.txt"], Document)


def test_names_in_latin_1_that_nothing_declares(tmp_path: Path) -> None:
    data = "From: Jörg <j@example.org>\r\nSubject: Größe\r\n\r\nDas Maß ist voll.\r\n".encode("latin-1")
    document = written(tmp_path, "a.eml", data)
    assert (document.title, document.metadata["author"]) == ("Größe", "Jörg")


def test_a_page_that_a_browser_saved_as_a_letter_is_a_page(tmp_path: Path) -> None:
    page = EmailMessage()
    page["From"], page["Subject"] = "<Saved by Blink>", "=?utf-8?Q?Saved?="
    page.set_content(f"<html><head><title>The mill</title></head><body><p>{LONG}</p></body></html>", subtype="html")
    page.add_related(b"body { color: red }", maintype="text", subtype="css")
    (tmp_path / "page.mhtml").write_bytes(page.as_bytes())
    (document,) = unpacked(tmp_path / "page.mhtml").values()
    assert isinstance(document, Document)
    assert (document.title, document.text) == ("The mill", LONG)
