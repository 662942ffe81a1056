from __future__ import annotations

from contextlib import closing
from io import BytesIO
from pathlib import Path

import pypdfium2
import pytest

from tests.files import column, pdf
from tests.reading import LONG, blocks, written


def test_pdf_paragraphs_headings_and_hyphens(tmp_path: Path) -> None:
    body = [
        "The committee met on Tuesday to discuss the infor-",
        "mation that it had received about the long-",
        "standing dispute, and it adjourned without a vote.",
    ]
    page = [
        (72, 740, 20, "Report on the Dispute"),
        *column(body),
        (72, 640, 11, "*Next steps"),
        (72, 615, 11, LONG[:60]),
    ]
    page += [(72, 560, 11, "long - standing is not a word, standing and long are.")]
    document = written(tmp_path, "a.pdf", pdf([page], "/Author (Jane Doe) /ModDate (D:20240305120000Z)"))
    assert document.title == "Report on the Dispute"
    assert document.metadata == {"author": "Jane Doe", "modified": "2024-03-05", "format": "pdf"}
    assert blocks(document)[:3] == [
        ("heading", "Report on the Dispute"),
        (
            "paragraph",
            "The committee met on Tuesday to discuss the information that it had received about the long-standing "
            "dispute, and it adjourned without a vote.",
        ),
        ("heading", "Next steps"),
    ]


def test_pdf_running_heads_are_kept_once_and_page_numbers_not_at_all(tmp_path: Path) -> None:
    pages = [
        [
            (72, 760, 9, "Annual Report"),
            *column([f"Page text {word} begins here and goes on to the end of the line", "and then a bit further."]),
            (300, 30, 9, str(number)),
        ]
        for number, word in enumerate(["alpha", "beta", "gamma"], start=1)
    ]
    document = written(tmp_path, "a.pdf", pdf(pages))
    assert [text for _, text in blocks(document)] == [
        "Annual Report",
        *(
            f"Page text {word} begins here and goes on to the end of the line and then a bit further."
            for word in ("alpha", "beta", "gamma")
        ),
    ]
    assert [page.number for page in document.pages] == [1, 2, 3]
    assert document.page_of(document.text.index("gamma")) == 3


def test_pdf_figures_at_the_foot_of_each_page_are_no_running_heads(tmp_path: Path) -> None:
    pages = [
        [
            *column([f"Region {name} sold as follows in the year."]),
            (72, 40, 11, f"Total {total}"),
            (300, 20, 9, f"{n} / 3"),
        ]
        for n, (name, total) in enumerate([("North", 120), ("South", 80), ("East", 95)], start=1)
    ]
    text = written(tmp_path, "a.pdf", pdf(pages)).text
    assert [f"Total {total}" in text for total in (120, 80, 95)] == [True] * 3
    assert "2 / 3" not in text


def test_pdf_paragraph_goes_on_over_the_page(tmp_path: Path) -> None:
    first = column(["A paragraph that begins on the first of the two pages and is not", "finished where that page"])
    second = column(["ends, as paragraphs often are not, but goes on at the top of the", "next page until it stops."])
    document = written(tmp_path, "a.pdf", pdf([first, second]))
    assert len(document.blocks) == 1
    assert "where that page ends, as paragraphs" in document.text
    assert document.page_of(document.text.index("ends, as")) == 2


def test_pdf_table_rows(tmp_path: Path) -> None:
    cells = [["Region", "Units", "Price"], ["North", "120", "4.50"], ["South", "80", "5.25"]]
    page = [
        (72.0 + 150 * place, 700.0 - 16 * row, 11.0, cell)
        for row, texts in enumerate(cells)
        for place, cell in enumerate(texts)
    ]
    assert blocks(written(tmp_path, "a.pdf", pdf([page]))) == [
        ("row", "Region: North; Units: 120; Price: 4.50"),
        ("row", "Region: South; Units: 80; Price: 5.25"),
    ]


def test_pdf_table_goes_on_over_the_page(tmp_path: Path) -> None:
    def rows(cells: list[list[str]], top: float, mark: str = "") -> list[tuple[float, float, float, str]]:
        return [
            (72.0 + 150 * place, top - 16 * row, 11.0, mark + cell)
            for row, texts in enumerate(cells)
            for place, cell in enumerate(texts)
        ]

    header = rows([["Duty", "Kind"]], 716, mark="*")
    first = [(72.0, 760.0, 9.0, "Report, page 1 of 2"), *header, *rows([["cede land", "once"]], 700)]
    second = [(72.0, 760.0, 9.0, "Report, page 2 of 2"), *header, *rows([["stay out", "lasting"]], 700)]
    document = written(tmp_path, "a.pdf", pdf([first, second]))
    assert document.text == "Report, page 1 of 2\n\nDuty: cede land; Kind: once\nDuty: stay out; Kind: lasting"
    assert document.page_of(document.text.index("stay out")) == 2


def test_pdf_list_items(tmp_path: Path) -> None:
    page = column(["• flour from the mill", "• water from the well that is", "behind the house", "1. Mix.", "2. Bake."])
    assert [text for kind, text in blocks(written(tmp_path, "a.pdf", pdf([page]))) if kind == "item"] == [
        "flour from the mill",
        "water from the well that is behind the house",
        "1. Mix.",
        "2. Bake.",
    ]


LEFT = ["The committee met on Tuesday to discuss", "the information that it had received on", "the long dispute,"]
LEFT += ["and it adjourned without a vote. The mem-", "bers were told that it comes up in May."]
RIGHT = ["Prices rose by four per cent in March", "after a mild winter, the office said on", "Friday. Rents rose"]
RIGHT += ["faster than wages in all of the regions", "but one, where they fell for once."]


def two_columns(left: list[str], right: list[str]) -> list[tuple[float, float, float, str]]:
    """A page in two columns that was set line by line, across both."""
    rows = zip(column(left, left=54, size=10), column(right, left=320, size=10), strict=True)
    return [(54, 740, 18, "Two columns"), *(piece for row in rows for piece in row)]


def test_pdf_columns_that_were_set_line_by_line_are_read_one_after_the_other(tmp_path: Path) -> None:
    document = written(tmp_path, "a.pdf", pdf([two_columns(LEFT, RIGHT)]))
    assert blocks(document) == [
        ("heading", "Two columns"),
        ("paragraph", " ".join(LEFT).replace("mem- bers", "members")),
        ("paragraph", " ".join(RIGHT)),
    ]


def test_pdf_a_head_that_is_written_last_is_read_first(tmp_path: Path) -> None:
    """A head beside which something goes on is left where it was written: the first column ends before the next."""
    body = [(72, 600 - 14 * n, 11, f"Line {n} of the letter ends here.") for n in range(3)]
    head = [(72, 700, 11, "Bill of May 3"), (72, 740, 11, "ZAVA auto repair")]
    text = written(tmp_path, "a.pdf", pdf([body + head])).text
    assert text.split("\n\n")[:2] == ["ZAVA auto repair", "Bill of May 3"]
    beside = [(320, 740 - 14 * n, 11, f"Note {n}.") for n in range(12)]
    assert written(tmp_path, "b.pdf", pdf([body + beside])).text.startswith("Line 0 of the letter")


def test_pdf_a_foot_that_is_written_first_stays_there(tmp_path: Path) -> None:
    """At the end of its page it would part what goes on overleaf, such as a table from the names of its columns."""
    foot, body = (72, 40, 9, "Handbook of the house"), [(72, 700 - 14 * n, 11, f"Rule {n} is short.") for n in range(3)]
    assert written(tmp_path, "a.pdf", pdf([[foot, *body]])).text.startswith("Handbook of the house\n\nRule 0")


def test_pdf_a_table_of_long_cells_is_no_columns(tmp_path: Path) -> None:
    terms = ["Premises of the tenant", "Landlord of the premises", "Tenant of the premises", "Rent of the premises"]
    meanings = [f"the {n} thing that is meant by it in this contract" for n in ("first", "second", "third", "fourth")]
    document = written(tmp_path, "a.pdf", pdf([two_columns(terms, meanings)]))
    assert [kind for kind, _ in blocks(document)] == ["heading", *["row"] * 4]
    assert "Rent of the premises: the fourth thing" in document.text


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_pdf_a_page_that_is_shown_on_its_side_is_read_from_its_first_line(tmp_path: Path, degrees: int) -> None:
    first, *rest = LONG.split()
    with closing(pypdfium2.PdfDocument(pdf([column([f"{first} {' '.join(rest[:8])}", " ".join(rest[8:])])]))) as made:
        made[0].set_rotation(degrees)
        out = BytesIO()
        made.save(out)
    assert blocks(written(tmp_path, "a.pdf", out.getvalue())) == [("paragraph", LONG)]
