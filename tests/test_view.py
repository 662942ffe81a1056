"""Documents for the panel: nothing lost, every quote marked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.types import Block, Document
from rag.types import Quote
from ui.page import view


def quote(n: int, start: int, end: int) -> tuple[int, Quote]:
    return n, Quote(n, "d", "d.txt", "D", None, start, end, "")


def shown(blocks: list[dict[str, Any]], n: int | None = None) -> str:
    return "".join(
        "".join(text for text, owner in block["parts"] if n in (None, owner)) + (block["gap"] if n is None else "")
        for block in blocks
    )


@given(st.data())
def test_the_text_is_whole_and_the_current_quote_is_marked_whatever_the_blocks(data: st.DataObject) -> None:
    text = data.draw(st.text("ab \n🌍", min_size=1, max_size=40))
    edge = st.integers(0, len(text))
    edges = sorted(data.draw(st.lists(edge, max_size=6, unique=True)))
    blocks = tuple(Block("paragraph", *pair) for pair in zip(edges[::2], edges[1::2], strict=False))
    spans = [sorted(data.draw(st.tuples(edge, edge))) for _ in range(data.draw(st.integers(1, 3)))]
    document = Document("d", "d.txt", "D", text, blocks=blocks)
    body = view.cited(document, [quote(n, *span) for n, span in enumerate(spans, 1)], 1)
    assert shown(body["blocks"]) == text
    start, end = spans[0]
    marked = shown(body["blocks"], 1)
    gaps = text[start:end]
    assert [c for c in gaps if not c.isspace()] == [c for c in marked if not c.isspace()]


def test_a_long_document_is_cut_around_the_quote(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "CONTEXT", 5)
    document = Document("d", "d.txt", "D", "0123456789 quoted 0123456789")
    body = view.cited(document, [quote(1, 11, 17)], 1)
    assert (shown(body["blocks"]), body["cut_before"], body["cut_after"]) == ("6789 quoted 0123", True, True)


def test_other_names_and_other_documents_are_told_apart() -> None:
    document = Document("d", "d.txt", "D", "A man, a plan.")
    quoted = replace(quote(1, 0, 5)[1], also_in=("copy of d.txt", "letter.txt"))
    body = view.cited(document, [(1, quoted)], 1, ("copy of d.txt", "d.txt"))
    assert (body["also"], body["also_in"]) == (["copy of d.txt"], ["letter.txt"])
