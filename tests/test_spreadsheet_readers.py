"""Excel, OpenDocument and delimited tables: rows that can be quoted by themselves."""

from __future__ import annotations

from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from openpyxl.comments import Comment

from index.errors import ReadError
from tests.files import replaced
from tests.office import opendocument, workbook
from tests.reading import LONG, blocks, written

SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">%s</worksheet>'


def rows(document: Any) -> list[str]:  # noqa: ANN401
    return [text for kind, text in blocks(document) if kind == "row"]


def sheet(content: str) -> bytes:
    """Return a workbook whose only sheet has this content."""
    return replaced(workbook(lambda _: None), "xl/worksheets/sheet1.xml", (SHEET % content).encode())


def test_sheets_are_sections_and_rows_name_their_columns(tmp_path: Path) -> None:
    def fill(made: Any) -> None:  # noqa: ANN401
        made.properties.title, made.properties.creator = "Grades", "Jane Doe"
        made.properties.created = datetime(2024, 3, 5)
        made.active.title = "Staff"
        for row in (("Name", "Start", "Pay", "Share", "Note"), ("Ada", date(2024, 3, 5), 1234.5, 0.125, None)):
            made.active.append(row)
        made.active["B2"].number_format = "d mmm yyyy"
        made.active["C2"].number_format = '#,##0.00 "EUR"'
        made.active["D2"].number_format = "0.0%"
        second = made.create_sheet("Second")
        second.append(["City", "Country"])
        second.append(["Bern", "Switzerland"])

    document = written(tmp_path, "a.xlsx", workbook(fill))
    assert blocks(document) == [
        ("heading", "Staff"),
        ("row", "Name: Ada; Start: 5 Mar 2024; Pay: 1,234.50 EUR; Share: 12.5%"),
        ("heading", "Second"),
        ("row", "City: Bern; Country: Switzerland"),
    ]
    assert document.title == "Grades"
    found = {name: document.metadata[name] for name in ("author", "published", "format")}
    assert found == {"author": "Jane Doe", "published": "2024-03-05", "format": "xlsx"}


def test_the_name_of_a_sheet_is_no_title(tmp_path: Path) -> None:
    data = workbook(lambda made: made.active.append(["some", "words"]))
    assert written(tmp_path, "cost of living.xlsx", data).title == "Cost of living"


def test_a_formula_gives_its_stored_value(tmp_path: Path) -> None:
    cells = '<row r="1"><c r="A1" t="str"><f>A2&amp;"x"</f><v>stored</v></c><c r="B1"><f>1+1</f><v>2</v></c></row>'
    assert rows(written(tmp_path, "a.xlsx", sheet(f"<sheetData>{cells}</sheetData>"))) == ["stored: 2"]


def test_merged_cells_are_written_out(tmp_path: Path) -> None:
    def fill(made: Any) -> None:  # noqa: ANN401
        for row in (
            ("Region", "Sales", None),
            (None, "2023", "2024"),
            ("North", 10, 20),
            (None, 30, 40),
        ):
            made.active.append(row)
        made.active.merge_cells("B1:C1")
        made.active.merge_cells("A3:A4")

    assert rows(written(tmp_path, "a.xlsx", workbook(fill))) == [
        "Region: North; Sales 2023: 10; Sales 2024: 20",
        "Region: North; Sales 2023: 30; Sales 2024: 40",
    ]


def test_empty_rows_and_columns_and_captions(tmp_path: Path) -> None:
    def fill(made: Any) -> None:  # noqa: ANN401
        cells = {"B2": "Cost of ships", "B4": "Ship", "D4": "Cost", "B5": "Ark", "D5": 5, "B7": "Raft", "D7": 7}
        for place, value in cells.items():
            made.active[place] = value
        made.active["B10"] = LONG

    assert blocks(written(tmp_path, "a.xlsx", workbook(fill)))[1:] == [
        ("paragraph", "Cost of ships"),
        ("row", "Ship: Ark; Cost: 5"),
        ("row", "Ship: Raft; Cost: 7"),
        ("paragraph", LONG),
    ]


def test_names_over_an_empty_row(tmp_path: Path) -> None:
    text = "In millions,,\n,Sales,Profit,Growth\n\nNorth,12,3,1.5\n"
    assert rows(written(tmp_path, "a.csv", text))[-1] == "North; Sales: 12; Profit: 3; Growth: 1.5"


def test_hidden_sheets_are_left_out(tmp_path: Path) -> None:
    def fill(made: Any) -> None:  # noqa: ANN401
        made.active.append(["seen", "words"])
        made.create_sheet("Lookup").append(["unseen", "words"])
        made["Lookup"].sheet_state = "hidden"

    assert written(tmp_path, "a.xlsx", workbook(fill)).text == "Sheet\n\nseen: words"


def test_rich_text_without_its_reading_aid(tmp_path: Path) -> None:
    inline = "<is><r><t>東</t></r><r><t>京</t></r><rPh><t>トウキョウ</t></rPh></is>"
    cells = f'<row><c t="inlineStr">{inline}</c><c t="b"><v>1</v></c><c t="e"><v>#N/A</v></c></row>'
    assert rows(written(tmp_path, "a.xlsx", sheet(f"<sheetData>{cells}</sheetData>"))) == ["東京 | TRUE | #N/A"]


def test_claims_about_the_size_of_a_sheet_cost_nothing(tmp_path: Path) -> None:
    empty = "<row/>" * 100_000
    claims = '<dimension ref="A1:XFD1048576"/>'
    merges = '<mergeCells><mergeCell ref="A1:XFD1048576"/><mergeCell ref="B1:C1048576"/></mergeCells>'
    last = '<row r="1048576"><c r="A1048576" t="inlineStr"><is><t>last</t></is></c><c r="XFD1048576"><v>7</v></c></row>'
    data = sheet(f"{claims}<sheetData>{empty}{last}</sheetData>{merges}")
    assert rows(written(tmp_path, "a.xlsx", data)) == ["last: 7"]


def test_merges_without_end_cost_nothing(tmp_path: Path) -> None:
    cells = '<row r="1"><c r="A1" t="inlineStr"><is><t>x</t></is></c></row><row r="1048576"><c><v>7</v></c></row>'
    merges = '<mergeCell ref="A1:XFD1048576"/>' * 20_000
    data = sheet(f"<sheetData>{cells}</sheetData><mergeCells>{merges}</mergeCells>")
    assert written(tmp_path, "a.xlsx", data).text == "Sheet\n\nx\n\n7"


def test_a_wide_and_empty_sheet(tmp_path: Path) -> None:
    wide = ",".join(["Name", *("x" if column % 2 else "" for column in range(16_000))])
    found = rows(written(tmp_path, "a.csv", wide + "\n1,2,3\n" * 1000))
    assert found[-1] == "1 | 2 | 3"


def test_too_many_cells_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.readers.xlsx.MOST_CELLS", 100)
    monkeypatch.setattr("index.readers.grid.MOST_CELLS", 100)
    many = "<row>" + "<c><v>1</v></c>" * 101 + "</row>"
    for name, data in (("a.xlsx", sheet(f"<sheetData>{many}</sheetData>")), ("a.csv", b"x,y\n" * 51)):
        with pytest.raises(ReadError, match="has more than 100 filled cells"):
            written(tmp_path, name, data)


def test_what_contradicts_the_format_is_damage(tmp_path: Path) -> None:
    for part in ("xl/workbook.xml", "xl/styles.xml", "xl/worksheets/sheet1.xml", "xl/_rels/workbook.xml.rels"):
        data = replaced(workbook(lambda made: made.active.append(["a", "b"])), part, b"<broken")
        with pytest.raises(ReadError, match="is a damaged Excel workbook"):
            written(tmp_path, "a.xlsx", data)


CSV: dict[str, tuple[str | bytes, list[str]]] = {
    "comma": ("Name,City\nAda,Bern\n", ["Name: Ada; City: Bern"]),
    "semicolon": ("Jahr;Kosten\n2023;1,5\n2024;2,5\n", ["Jahr: 2023; Kosten: 1,5", "Jahr: 2024; Kosten: 2,5"]),
    "tab": ("Name\tCity\nAda, Countess\tBern\n", ["Name: Ada, Countess; City: Bern"]),
    "bar": ("Name|City\nAda|Bern\n", ["Name: Ada; City: Bern"]),
    "declared": ("sep=^\nName^City\nAda^Bern\n", ["Name: Ada; City: Bern"]),
    "quoted": ('Name,Note\nAda,"first ""line""\nsecond, line"\n', ['Name: Ada; Note: first "line" second, line']),
    "no header": ("1,2.5\n3,4.5\n", ["1 | 2.5", "3 | 4.5"]),
    "short row": ("Name,City,Age\nAda,Bern\n", ["Name: Ada; City: Bern"]),
    "empty column": ("Name,,City\nAda,,Bern\n", ["Name: Ada; City: Bern"]),
    "utf-16": ("Name,City\nAda,Zürich\n".encode("utf-16"), ["Name: Ada; City: Zürich"]),
    "windows": ("Name,City\nJosé,Zürich\nRenée,Genève\n".encode("cp1252"), ["Name: José; City: Zürich",
                                                                         "Name: Renée; City: Genève"]),
    "japanese": ("名前,住所\n佐藤太郎,東京\n三木英子,大阪\n".encode("cp932"), ["名前: 佐藤太郎; 住所: 東京",
                                                              "名前: 三木英子; 住所: 大阪"]),
    "unclosed": ('Name,City\nAda,"Bern\n' + "Bob,Rome\n" * 300, ['Name: Ada; City: "Bern',
                                                                 *["Name: Bob; City: Rome"] * 300]),
}  # fmt: skip


@pytest.mark.parametrize("name", CSV)
def test_delimited_tables(tmp_path: Path, name: str) -> None:
    content, expected = CSV[name]
    assert rows(written(tmp_path, "a.csv", content)) == expected


def test_a_single_column_is_prose(tmp_path: Path) -> None:
    document = written(tmp_path, "a.csv", "Lorem, ipsum\ndolor sit\namet; elit\n")
    assert blocks(document) == [("paragraph", "Lorem, ipsum"), ("paragraph", "dolor sit"), ("paragraph", "amet; elit")]


def test_opendocument_sheets(tmp_path: Path) -> None:
    def row(*texts: str, repeats: int = 1) -> str:
        cells = "".join(f"<table:table-cell><text:p>{text}</text:p></table:table-cell>" for text in texts)
        far = '<table:table-cell table:number-columns-repeated="16000"/>'
        return f'<table:table-row table:number-rows-repeated="{repeats}">{cells}{far}</table:table-row>'

    content = row("Name", "Age") + row("Ada", "36") + row(repeats=1_048_000) + row("Bob", "40")
    data = opendocument("spreadsheet", f'<table:table table:name="Staff">{content}</table:table>')
    assert blocks(written(tmp_path, "a.ods", data)) == [
        ("heading", "Staff"),
        ("row", "Name: Ada; Age: 36"),
        ("row", "Name: Bob; Age: 40"),
    ]


def test_filled_cells_that_claim_to_repeat_for_ever(tmp_path: Path) -> None:
    cell = '<table:table-cell table:number-columns-repeated="999999999"><text:p>x</text:p></table:table-cell>'
    row = f'<table:table-row table:number-rows-repeated="999999999">{cell}</table:table-row>'
    data = opendocument("spreadsheet", f'<table:table table:name="Bomb">{row * 3}</table:table>')
    with pytest.raises(ReadError, match="has more than 1,000,000 filled cells"):
        written(tmp_path, "a.ods", data)


def test_names_that_are_merged_over_two_rows_and_over_columns(tmp_path: Path) -> None:
    def fill(made: Any) -> None:  # noqa: ANN401
        active = made.active
        for row in (
            ("Region", "Name", "Hours", None),
            (None, None, "Mon", "Tue"),
            ("North", "Ann", 7, 8),
            (None, "Bo", 4, 0),
        ):
            active.append(row)
        for merged in ("A1:A2", "B1:B2", "C1:D1", "A3:A4"):
            active.merge_cells(merged)

    assert rows(written(tmp_path, "a.xlsx", workbook(fill))) == [
        "Region: North; Name: Ann; Hours Mon: 7; Hours Tue: 8",
        "Region: North; Name: Bo; Hours Mon: 4; Hours Tue: 0",
    ]


def test_few_words_of_latin_1_are_not_taken_for_chinese(tmp_path: Path) -> None:
    table = "sep=;\nName;Age\nÅsa;41\nJörg;39\n".encode("cp1252")
    assert rows(written(tmp_path, "a.csv", table)) == ["Name: Åsa; Age: 41", "Name: Jörg; Age: 39"]


QUESTION = "How content were you with the help that you had at the counter in the twelve months before this one?"


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("name,sum,sum\nAnn,1,2\nBo,3,4\n", ["name: Ann; sum: 1; sum: 2", "name: Bo; sum: 3; sum: 4"]),
        (
            "Land;2023;2023\nFrance;1;2\nSpain;4;5\n",
            ["Land: France; 2023: 1; 2023: 2", "Land: Spain; 2023: 4; 2023: 5"],
        ),
        ("Ann,Rome,red\nBo,Rome,blue\nCy,Oslo,red\n", ["Ann | Rome | red", "Bo | Rome | blue", "Cy | Oslo | red"]),
        ("Ann,12,2024-01-02\nBo,13,2024-01-03\n", ["Ann | 12 | 2024-01-02", "Bo | 13 | 2024-01-03"]),
        ("Report\nby finance\nid;sum\n1;3,5\n2;1.234,56\n", ["id: 1; sum: 3,5", "id: 2; sum: 1.234,56"]),
        ('\ufeffid;said\n1;"one;\ntwo"\n2;"she ""left"""\n', ["id: 1; said: one; two", 'id: 2; said: she "left"']),
        (f"id,{QUESTION}\n1,5\n2,4\n", [f"id: 1; {QUESTION}: 5", f"id: 2; {QUESTION}: 4"]),
    ],
)
def test_the_columns_of_a_table_are_named_where_its_first_row_does(
    tmp_path: Path, table: str, expected: list[str]
) -> None:
    assert [
        text for text in rows(written(tmp_path, "a.csv", table)) if text not in ("Report", "by finance")
    ] == expected


def test_comments_name_their_cell_and_author(tmp_path: Path) -> None:
    def fill(made: Any) -> None:  # noqa: ANN401
        for row in (("Item", "Cost"), ("Steel", 2)):
            made.active.append(row)
        made.active["B2"].comment = Comment("Ada:\nToo much; ask again.", "Ada")
        made.active["A2"].comment = Comment("[Threaded comment] Your version of Excel shows a copy.", "tc={1}")

    data = workbook(fill)
    assert rows(written(tmp_path, "a.xlsx", data)) == [
        "Item: Steel; Cost: 2",
        "Comment by tc={1} on A2: [Threaded comment] Your version of Excel shows a copy.",
        "Comment by Ada on B2: Too much; ask again.",
    ]
    namespace = 'xmlns="http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments"'
    kinds = "http://schemas.microsoft.com/office/2017/10/relationships"
    threads = f'<ThreadedComments {namespace}><threadedComment ref="A2" personId="{{7}}"><text>From whom?</text>'
    people = f'<personList {namespace}><person displayName="Grace" id="{{7}}"/></personList>'
    for member, added, part in (
        ("xl/worksheets/_rels/sheet1.xml.rels", f"{kinds}/threadedComment", "threads.xml"),
        ("xl/_rels/workbook.xml.rels", f"{kinds}/person", "people.xml"),
    ):
        with ZipFile(BytesIO(data)) as package:
            relations = package.read(member)
        relation = f'<Relationship Id="added" Type="{added}" Target="/xl/{part}"/></Relationships>'
        data = replaced(data, member, relations.replace(b"</Relationships>", relation.encode()))
    data = replaced(data, "xl/threads.xml", f"{threads}</threadedComment></ThreadedComments>".encode())
    data = replaced(data, "xl/people.xml", people.encode())
    assert rows(written(tmp_path, "b.xlsx", data))[1:] == [
        "Comment by Grace on A2: From whom?",
        "Comment by Ada on B2: Too much; ask again.",
    ]
