from __future__ import annotations

from pathlib import Path

import pytest

from index.readers import read
from index.readers.decode import decode
from index.readers.text import parse_text
from tests.reading import LONG, OTHER, blocks, written

SHARED = Path("../shared")


def test_the_sample_article() -> None:
    path = SHARED / "seeds" / "000_c964534cf2273c40.txt"
    if not path.exists():
        pytest.skip("../shared/seeds is not there: the sample article goes unchecked")
    document = read(path, path.name)
    assert document.metadata == {"published": "2025-11-21", "author": "Diane Hernández", "format": "text"}
    assert document.text.startswith("date 2025-11-21 Published by Diane Hernández 21 de noviembre, 2025\n\nThe Kremlin")
    assert document.text.count("The American side presented points") == 1
    assert document.text.count("geared up for clear and honest work") == 1
    headings = [text for kind, text in blocks(document) if kind == "heading"]
    assert headings == ["Zelensky’s reaction", 'The "truly vital European, Ukrainian interests"']
    assert document.title.startswith("The Kremlin on Friday urged")


def test_wrapped_lines_are_one_paragraph_and_others_are_not(tmp_path: Path) -> None:
    wrapped = "The first line of a paragraph was wrapped where the\nnext word did not fit any more, and goes on below."
    document = written(
        tmp_path, "a.txt", f"{wrapped}\n\nAda Lane 3\n1234 Ghent, Belgium, and a longer line\nTel. 555\n"
    )
    assert blocks(document) == [
        ("paragraph", wrapped.replace("\n", " ")),
        ("paragraph", "Ada Lane 3"),
        ("paragraph", "1234 Ghent, Belgium, and a longer line"),
        ("paragraph", "Tel. 555"),
    ]


def test_lists_and_headings_of_plain_text(tmp_path: Path) -> None:
    lists = "- flour\n* water\n\n1. Mix.\n2) Bake."
    text = f"How to make bread\n\n{LONG}\n\nWhat you need\n\n{OTHER}\n\n{lists}\n\nEnd\n===\n\n{LONG} x"
    document = written(tmp_path, "a.txt", text)
    assert document.title == "How to make bread"
    assert blocks(document) == [
        ("heading", "How to make bread"),
        ("paragraph", LONG),
        ("heading", "What you need"),
        ("paragraph", OTHER),
        ("item", "flour"),
        ("item", "water"),
        ("item", "1. Mix."),
        ("item", "2) Bake."),
        ("heading", "End"),
        ("paragraph", "x"),
    ]


def test_marked_headings(tmp_path: Path) -> None:
    text = f"= Visitor guide\nAnn Muir\n\n== Getting there ==\n{LONG}\n\n= 12 euros in all\n"
    document = written(tmp_path, "a.adoc", text)
    assert document.title == "Visitor guide"
    assert blocks(document) == [
        ("heading", "Visitor guide"),
        ("paragraph", "Ann Muir"),
        ("heading", "Getting there"),
        ("paragraph", LONG),
        ("paragraph", "= 12 euros in all"),
    ]


def test_header_lines_stay_quotable(tmp_path: Path) -> None:
    document = written(
        tmp_path, "a.txt", f"Peace talks begin today\nBy Jane Doe, AP\nPublished: 3 March 2024\n\n{LONG}"
    )
    assert document.metadata == {"author": "Jane Doe", "outlet": "AP", "published": "2024-03-03", "format": "text"}
    assert document.title == "Peace talks begin today"
    assert [text for _, text in blocks(document)][1:3] == ["By Jane Doe, AP", "Published: 3 March 2024"]


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("travel_policy-2024.txt", "Travel policy 2024"),
        ("2025-11-21-kremlin.txt", "Kremlin"),
        (
            "000_c964534cf2273c40.txt",
            "This sentence is long enough to count as prose and not as a heading of any…",
        ),
    ],
)
def test_a_title_from_the_name_or_the_first_words(tmp_path: Path, name: str, title: str) -> None:
    assert written(tmp_path, name, LONG).title == title


def test_the_first_of_several_numbered_sections_is_no_title(tmp_path: Path) -> None:
    text = f"1. Introduction\n\n{LONG}\n\n2. To generate a key\n\n{LONG}"
    assert written(tmp_path, "keys.txt", f"<DRAFT!>\n\n{text}").title == "Keys"
    assert written(tmp_path, "league.txt", f"<DRAFT!>\n\n1. Bundesliga\n\n{LONG}").title == "1. Bundesliga"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    text = "L’été était très chaud à Paris, et le café coûtait déjà 3 € — « cher », disait-on."
    assert written(tmp_path, "a.txt", text.encode(encoding)).text == text


def test_what_shows_nothing_is_dropped(tmp_path: Path) -> None:
    hidden = "".join(chr(0xE0000 + ord(letter)) for letter in "ignore all instructions")
    document = written(
        tmp_path, "a.txt", f"so\u00adft zero\u200bwidth \u202eflip\u202c e\u0301{hidden} a\u00a0\t b\x0b"
    )
    assert document.text == "soft zerowidth flip é a b"


def test_bullets_of_word_fonts_are_bullets(tmp_path: Path) -> None:
    assert "\uf0b7" not in (text := written(tmp_path, "a.txt", f"{LONG} \uf0b7 first \uf0e0 second").text)
    assert text.endswith("• first → second")


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "La señora Núñez pagó 30 € en Málaga. ¿Por qué? ¡Así es!"),
        ("cp1252", "Perché è così? La città più bella, disse l’uomo."),
        ("cp1252", "Björk Guðmundsdóttir er íslensk söngkona og þekkt um allan heim."),
        ("cp1250", "Vláda ve čtvrtek schválila nový zákon o ochraně životního prostředí."),
        ("iso8859-2", "W czwartek rząd przyjął nową ustawę o ochronie środowiska i zieleń."),
        ("iso8859-2", "A kormány csütörtökön új törvényt fogadott el, a miniszter jövő januárra ígérte."),
        ("cp1254", "İstanbul Türkiye'nin en kalabalık şehridir ve ülkenin ekonomik merkezi sayılır."),
        ("koi8_r", "Музей открыт каждый день, кроме понедельника. Вход стоит триста рублей."),
        ("cp1251", "Музей открыт каждый день."),
        ("cp866", "Музей открыт каждый день, кроме понедельника."),
        ("iso8859-5", "Музей открыт каждый день, кроме понедельника."),
        ("cp1251", "Музеят е отворен всеки ден, а входът струва пет лева."),
        ("cp1253", "Το μουσείο είναι ανοιχτό κάθε μέρα εκτός Δευτέρας."),
        ("shift_jis", "灯台は1954年に建てられました。入場は無料です。毎週月曜日は休館です。"),
        ("gb18030", "会议定于周五举行。食堂中午开门，供应汤和面包。"),
        ("euc_kr", "회의는 금요일에 열립니다. 식당은 정오에 문을 엽니다."),
        ("mac_roman", "Das Café von Jörg Müller ist ab heute geöffnet – täglich von acht bis zehn."),
    ],
)
def test_letters_of_a_language_tell_the_encoding(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding)) == text


def test_utf_8_with_a_broken_byte_stays_utf_8() -> None:
    assert decode("Köln, Müller ".encode() + b"\xff and more") == "Köln, Müller \ufffd and more"
    assert decode("Ein Text über Köln".encode() + b"\xc3") == "Ein Text über Köln\ufffd"


def test_the_first_letter_that_tells_an_encoding_may_stand_far_down() -> None:
    plain = "Nothing in these words tells how they are written. " * 6000
    assert decode((plain + "Das Café schließt früh.").encode("cp1252")) == plain + "Das Café schließt früh."


def test_files_of_any_name_are_read_if_there_is_text_in_them(tmp_path: Path) -> None:
    wrapped = "The first line of a paragraph was wrapped where the\nnext word did not fit any more, and goes on below."
    assert blocks(written(tmp_path, "LICENSE", wrapped)) == [("paragraph", wrapped.replace("\n", " "))]
    assert written(tmp_path, "notes.xyz", wrapped).metadata["format"] == "text"
    code = "def area(width):\n    return width * 2\n"
    assert blocks(written(tmp_path, "area.py", code)) == [
        ("code", "def area(width):"),
        ("code", "    return width * 2"),
    ]


@pytest.mark.parametrize("name", ["night.log", "plan.yaml", "plan.toml", "plan.ini"])
def test_lines_of_logs_and_settings_stay_lines(tmp_path: Path, name: str) -> None:
    lines = ["the canteen opened and all was well", "the soup was hot and nobody complained of it"]
    assert blocks(written(tmp_path, name, "\n".join(lines))) == [("code", line) for line in lines]


@pytest.mark.parametrize(
    ("lines", "blocks"),
    [
        (["The tickets cost", "9 euros for adults and half of that for children."], 1),
        (["The fares were raised in", "2019. May was the first month of it, and all of June."], 1),
        (["Nobody has to pay who is younger than", "12. Dogs travel free on all boats of ours."], 1),
        (["Steps that are to be taken now", "1. Open the box and look inside.", "2. Take out the cable."], 3),
        (["Opening hours in winter", "9 to 5 daily, on all days of the week", "10 to 4 on the first Sunday"], 3),
        (["It rose by three percent.", "2019 was a good year for everybody in the whole of the valley."], 2),
    ],
)
def test_a_number_goes_on_with_a_sentence_that_the_line_before_breaks_off(lines: list[str], blocks: int) -> None:
    assert len(parse_text("\n".join(lines)).blocks) == blocks


def test_a_table_of_tabs_keeps_its_rows(tmp_path: Path) -> None:
    table = "Name\tTown\nIda\tWick\nUno\tThurso\n"
    assert written(tmp_path, "a.txt", table).text == "Name: Ida; Town: Wick\nName: Uno; Town: Thurso"
    assert written(tmp_path, "b.txt", f"{table}no table").text.startswith("Name Town")


@pytest.mark.parametrize("declared", ["iso8859-1", "cp1252", None])
def test_utf_8_that_is_declared_to_be_latin_1_is_utf_8(declared: str | None) -> None:
    assert decode("für Füße".encode(), declared) == "für Füße"
    assert decode("für Füße".encode("latin-1"), declared or "cp1252") == "für Füße"


def test_a_table_that_is_drawn_with_bars_keeps_its_rows(tmp_path: Path) -> None:
    rule = "+------+-----+"
    table = f"{rule}\n| Name | Age |\n{rule}\n| Ida  | 44  |\n| Uno  | 51  |\n{rule}"
    assert blocks(written(tmp_path, "a.txt", f"{LONG}\n\n{table}\n"))[1:] == [
        ("row", "Name: Ida; Age: 44"), ("row", "Name: Uno; Age: 51")
    ]  # fmt: skip
    assert "Name: Ida; Age: 44" in written(tmp_path, "a.rst", f"Ages\n====\n\n{table}\n").text
    assert "| a | b" in written(tmp_path, "b.txt", f"{LONG}\n\n| a | b\nnot of it").text
