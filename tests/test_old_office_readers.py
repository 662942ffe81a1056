"""Word, Excel and PowerPoint files of before 2007."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from index.errors import ReadError
from index.readers import document
from index.readers.kinds import detect
from index.readers.options import Options
from index.readers.parsed import Unreadable
from tests.office97 import (
    BOLD,
    BULLETS,
    CONTENTS,
    DELETED,
    ENDS_ROW,
    HEADING,
    IN_TABLE,
    TITLE,
    VANISHES,
    doc,
    ppt,
    xls,
)
from tests.ole import compound
from tests.reading import LONG, OTHER, blocks, written

LETTER = doc(
    [
        ("Ferry handbook\r", TITLE, ()),
        ("\x13TOC \\o\x14Fares 2\r\x15", CONTENTS, ()),
        ("Fares\r", HEADING, ()),
        *((f"{cell}\x07", 0, (IN_TABLE,)) for cell in ("Passenger", "Single", "Return")),
        ("\x07", 0, (IN_TABLE, ENDS_ROW)),
        *((f"{cell}\x07", 0, (IN_TABLE,)) for cell in ("Adult", "4.20 £", "7.50 £")),
        ("\x07", 0, (IN_TABLE, ENDS_ROW)),
        ("Nobody pays ", 0, (DELETED,)),
        ("Dogs — even in Łódź — pay ", 0, ()),
        ("nothing secret ", 0, (VANISHES,)),
        ('\x13HYPERLINK "x"\x14one pound\x15.\r', 0, ()),
        ("A raft\r", BULLETS, ()),
        ("Safety first\r", 0, (BOLD,)),
        (f"{LONG}\r", 0, ()),
    ],
    notes=[("Children are under twelve.\r", 0, ())],
)
BOATS = xls(
    {
        "Boats": [("*Boat", "*Skipper", "*Tonnes"), ("Morag", "Isla Łukasz", 1112.5), ("Heron", "Tam Bain", 98.0)],
        "Kept back": [("secret",)],
    },
    hidden=["Kept back"],
    code="#,##0.00",
)
SHOW = ppt(
    [("Costs", "The new quay costs 4.2 million pounds.", "Say that the county pays.\rPause."), ("Ł", "One.", "")]
)


def test_a_word_document_without_what_is_hidden_deleted_or_a_field(tmp_path: Path) -> None:
    found = written(tmp_path, "a.doc", LETTER)
    assert blocks(found) == [
        ("heading", "Ferry handbook"),
        ("heading", "Fares"),
        ("row", "Passenger: Adult; Single: 4.20 £; Return: 7.50 £"),
        ("paragraph", "Dogs — even in Łódź — pay one pound."),
        ("item", "A raft"),
        ("heading", "Safety first"),
        ("paragraph", LONG),
        ("paragraph", "Children are under twelve."),
    ]
    assert found.title == "Ferry handbook"
    assert found.metadata == {"author": "Ann Muir", "published": "2024-03-05", "format": "doc"}


def test_a_workbook_as_its_cells_show_it(tmp_path: Path) -> None:
    found = written(tmp_path, "a.xls", BOATS)
    assert blocks(found) == [
        ("heading", "Boats"),
        ("row", "Boat: Morag; Skipper: Isla Łukasz; Tonnes: 1,112.50"),
        ("row", "Boat: Heron; Skipper: Tam Bain; Tonnes: 98.00"),
    ]


def test_a_presentation_as_it_was_saved_last(tmp_path: Path) -> None:
    found = written(tmp_path, "a.ppt", SHOW)
    assert blocks(found) == [
        ("heading", "Costs"),
        ("paragraph", "The new quay costs 4.2 million pounds."),
        ("heading", "Notes"),
        ("paragraph", "Say that the county pays."),
        ("paragraph", "Pause."),
        ("heading", "Ł"),
        ("paragraph", "One."),
    ]
    assert [page.number for page in found.pages] == [1, 2]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (doc([(LONG, 0, ())], flags=0x0100), "is encrypted with a password"),
        (doc([(LONG, 0, ())], version=0x68), "is of Word 95 or older"),
        (ppt([("a", "b", "c")], token=0xF3D1C4DF), "is encrypted with a password"),
        (compound({"WordDocument": b"short"}), "is a damaged Word file"),
        (compound({"Workbook": b"short"}), "is a damaged Excel workbook"),
        (compound({"PowerPoint Document": b"short"}), "is a damaged PowerPoint presentation"),
        (compound({"Something": b"else"}), "is in a Microsoft format that is not read"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(ReadError, match=reason):
        written(tmp_path, "a.doc", data)


def test_text_that_programs_called_so_is_read_as_it_is(tmp_path: Path) -> None:
    assert blocks(written(tmp_path, "a.doc", f"{LONG}\n\n{OTHER}")) == [("paragraph", LONG), ("paragraph", OTHER)]
    table = written(tmp_path, "a.xls", "City\tCountry\tPeople\nBern\tSwitzerland\t134000\n")
    assert blocks(table) == [("row", "City: Bern; Country: Switzerland; People: 134000")]
    page = f"<html><body><table><tr><td>{LONG}</td></tr></table></body></html>"
    assert written(tmp_path, "b.xls", page).metadata["format"] == "html"


@pytest.mark.parametrize("data", [LETTER, BOATS, SHOW], ids=["doc", "xls", "ppt"])
def test_damage_anywhere_gives_text_or_a_reason(data: bytes) -> None:
    chance = random.Random(1)  # noqa: S311
    for _ in range(60):
        broken = bytearray(data)
        for _ in range(chance.choice((1, 5, 50))):
            broken[chance.randrange(len(data))] = chance.choice((0, 255, chance.randrange(256)))
        try:
            document(bytes(broken), detect(bytes(broken), None), "a", Options())
        except Unreadable:
            continue
        except ReadError as error:
            assert "is damaged:" not in error.problem, error.problem  # noqa: PT017
