from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from index.readers.parsed import Parsed, RawBlock, assemble
from index.readers.tables import row_texts
from tests.reading import LONG, OTHER, blocks

raw_blocks = st.lists(
    st.builds(
        RawBlock,
        kind=st.sampled_from(["heading", "paragraph", "item", "row", "code"]),
        text=st.text(max_size=80) | st.sampled_from([LONG, OTHER, LONG + OTHER, "a\n\n  b\u200b", "\ud800", "e\u0301"]),
        level=st.integers(1, 6),
        page=st.none(),
        group=st.integers(0, 2),
        glue=st.sampled_from([None, None, None, " ", ""]),
    ),
    max_size=12,
)


@given(raw_blocks)
def test_any_blocks_make_a_text_with_exact_offsets(raws: list[RawBlock]) -> None:
    document = assemble(Parsed(raws), "id", "source")
    at = 0
    between = ""
    for block in document.blocks:
        text = document.text[block.start : block.end]
        assert text
        assert "\n" not in text
        assert block.start >= at
        between += document.text[at : block.start]
        at = block.end
    assert at == len(document.text)
    assert set(between) <= {"\n"}
    document.text.encode()
    assert "\u200b" not in document.text


@given(st.lists(st.tuples(st.integers(1, 4), st.text(max_size=40)), max_size=8))
def test_pages_divide_the_text(paged: list[tuple[int, str]]) -> None:
    raws = [RawBlock("paragraph", text, page=page) for page, text in sorted(paged, key=lambda each: each[0])]
    document = assemble(Parsed(raws), "id", "source")
    bounds = [bound for page in document.pages for bound in (page.start, page.end)]
    assert bounds == sorted(bounds)
    assert "".join(document.text[page.start : page.end] for page in document.pages) == document.text
    assert len({page.number for page in document.pages}) == len(document.pages)


def test_items_and_rows_of_one_group_stand_on_consecutive_lines() -> None:
    raws = [RawBlock("item", "a", group=1), RawBlock("item", "b", group=1), RawBlock("item", "c", group=2)]
    assert assemble(Parsed(raws), "id", "source").text == "a\nb\n\nc"


def test_code_keeps_its_indentation_and_a_blank_line_parts_it() -> None:
    document = assemble(Parsed([RawBlock("code", "def f():\n    return 1\n\nf()")]), "id", "source")
    assert document.text == "def f():\n    return 1\n\nf()"
    assert blocks(document) == [("code", "def f():"), ("code", "    return 1"), ("code", "f()")]


def test_a_paragraph_over_a_page_break_is_one_block() -> None:
    raws = [RawBlock("paragraph", "Half a", page=1), RawBlock("paragraph", "sentence.", page=2, glue=" ")]
    document = assemble(Parsed(raws), "id", "source")
    assert blocks(document) == [("paragraph", "Half a sentence.")]
    assert [document.page_of(0), document.page_of(document.text.index("sentence"))] == [1, 2]


def test_a_repeated_paragraph_is_kept_once() -> None:
    raws = [RawBlock("paragraph", text) for text in (LONG, OTHER, LONG, "Yes, it is.", "Yes, it is.")]
    document = assemble(Parsed(raws), "id", "source")
    assert document.text == f"{LONG}\n\n{OTHER}\n\nYes, it is.\n\nYes, it is."


def test_paragraphs_run_together_next_to_the_originals_are_kept_once() -> None:
    third = "A third sentence says something new and is therefore kept, whatever stands around it."
    raws = [RawBlock("paragraph", text) for text in (LONG, f"{OTHER} {third} {LONG}{OTHER}", f"{LONG} {third}")]
    assert assemble(Parsed(raws), "id", "source").text == f"{LONG}\n\n{OTHER} {third}"


def test_rows_read_well_by_themselves() -> None:
    assert row_texts([["Ann", "3"], ["Bo", ""]], ["Name", "Age"]) == ["Name: Ann; Age: 3", "Name: Bo"]
    assert row_texts([["a", "", "c"], ["1", "2", "3"]]) == ["a | | c", "1 | 2 | 3"]
    assert row_texts([["Height:", "3 m"], ["Width", "2 m"]]) == ["Height: 3 m", "Width: 2 m"]
    assert row_texts([["x", "", "y", "z"], ["1", "", "2", "3"]]) == ["x | y | z", "1 | 2 | 3"]


def test_a_sentence_that_is_repeated_leaves_no_blank_behind() -> None:
    """Else the document would seem to lack its last passage."""
    document = assemble(Parsed([RawBlock("paragraph", f"{LONG} {LONG} {LONG}")]), "id", "source")
    assert (document.text, document.blocks[-1].end) == (LONG, len(LONG))
