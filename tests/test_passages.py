from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from index.embedder import Embedder, SentenceTransformerEmbedder
from index.passages import lead, split_document
from index.sentences import sentence_spans
from index.types import BlockKind, Document, Passage, Span
from tests.documents import Piece, document
from tests.embedding import HashingEmbedder

WORDS = st.sampled_from(
    "the plan was drafted by Kyiv on 3.5 percent “yes” he-said naïve 漢字 e.g. U.S. xylophonists".split()
)
SENTENCES = st.lists(WORDS, min_size=1, max_size=9).map(lambda words: " ".join(words) + ".")
TEXTS = {
    "heading": st.lists(WORDS, min_size=1, max_size=8).map(" ".join),
    "paragraph": st.lists(SENTENCES, min_size=1, max_size=12).map(" ".join),
    "item": st.lists(SENTENCES, min_size=1, max_size=2).map(" ".join),
    "row": st.lists(WORDS, min_size=1, max_size=120).map(" | ".join),
    "code": st.lists(WORDS, min_size=1, max_size=80).map("\n".join),
}
ODD = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60).map(str.strip).filter(bool)


@st.composite
def pieces(draw: st.DrawFn) -> list[Piece]:
    kinds: list[BlockKind] = draw(st.lists(st.sampled_from(list(TEXTS)), min_size=1, max_size=9))
    levels = [draw(st.integers(1, 4)) if kind == "heading" else 0 for kind in kinds]
    return [(kind, draw(TEXTS[kind] | ODD), level) for kind, level in zip(kinds, levels, strict=True)]


def check(source: Document, passages: Sequence[Passage], embedder: Embedder, budget: int) -> None:
    """Everything that holds for the passages of any document."""
    assert [passage.id for passage in passages] == [f"d-{number}" for number in range(len(passages))]
    assert [passage.ordinal for passage in passages] == list(range(len(passages)))
    headings = [block for block in source.blocks if block.kind == "heading"]
    end = 0
    for passage in passages:
        assert source.text[passage.start : passage.end] == passage.text
        assert passage.document_id == source.id
        assert end <= passage.start < passage.end
        end = passage.end
        assert passage.sentences[0].start == passage.start
        assert passage.sentences[-1].end == passage.end
        assert all(a.end <= b.start for a, b in pairwise(passage.sentences))
        assert embedder.count_tokens([lead(passage.context) + passage.text])[0] <= budget
        assert not any(passage.start < heading.start < passage.end for heading in headings)
        assert len({section_of(source, sentence) for sentence in passage.sentences}) == 1
    check_nothing_is_lost(source, passages)


def section_of(source: Document, span: Span) -> int:
    return sum(block.start <= span.start for block in source.blocks if block.kind == "heading")


def check_nothing_is_lost(source: Document, passages: Sequence[Passage]) -> None:
    """Each sentence is there once, whole or in pieces; each heading is a passage or part of a context."""
    found = [sentence for passage in passages for sentence in passage.sentences]
    for block in source.blocks:
        text = source.text[block.start : block.end]
        inside = [span for span in found if block.start <= span.start and span.end <= block.end]
        if block.kind == "heading":
            assert inside or any(text in passage.context for passage in passages)
            if not inside:
                continue
        whole = (
            list(sentence_spans(text, block.start))
            if block.kind in ("paragraph", "item", "code")
            else [Span(block.start, block.end)]
        )
        for sentence in whole:
            parts = [span for span in inside if sentence.start <= span.start and span.end <= sentence.end]
            assert parts[0].start == sentence.start
            assert parts[-1].end == sentence.end
            for left, right in pairwise(parts):
                assert left.end <= right.start
                assert source.text[left.end : right.start].strip() == ""


@given(
    pieces(),
    st.sampled_from(["", "The plan", "A title that is long enough to leave no room at all"]),
    st.integers(16, 120),
)
def test_passages_of_any_document(pieces: list[Piece], title: str, budget: int) -> None:
    embedder = HashingEmbedder()
    source = document(pieces, title, "2025-11-21T10:00:00")
    check(source, split_document(source, embedder.count_tokens, budget), embedder, budget)


@settings(max_examples=60)
@given(pieces=pieces(), budget=st.integers(48, 144))
def test_no_passage_exceeds_what_the_real_embedder_reads(
    pieces: list[Piece], budget: int, embedder: SentenceTransformerEmbedder
) -> None:
    source = document(pieces, "The plan in 28 points", "2025-11-21")
    check(source, split_document(source, embedder.count_tokens, budget), embedder, budget)


def split(*pieces: Piece, budget: int = 40, title: str = "Plan", published: str = "2025-11-21") -> list[Passage]:
    source = document(pieces, title, published)
    embedder = HashingEmbedder()
    passages = split_document(source, embedder.count_tokens, budget)
    check(source, passages, embedder, budget)
    return passages


def test_the_context_is_title_headings_and_date() -> None:
    (first, second) = split(
        ("heading", "Plan", 1),
        ("heading", "Land", 2),
        ("paragraph", "Who? They.", 0),
        ("heading", "Sea", 2),
        ("row", "a. b.", 0),
    )
    assert (first.context, first.heading, first.text) == ("Plan · Land · 2025-11-21", "Land", "Who? They.")
    assert (second.context, second.heading, second.text) == ("Plan · Sea · 2025-11-21", "Sea", "a. b.")
    assert first.sentences == (Span(12, 16), Span(17, 22))
    assert second.sentences == (Span(29, 34),)


def test_the_outermost_part_of_the_context_goes_first() -> None:
    (passage,) = split(("heading", "one two three", 2), ("paragraph", "Text.", 0), title="a b c", published="")
    assert passage.context == "a b c · one two three"
    (passage,) = split(("heading", "one two three four", 2), ("paragraph", "Text.", 0), title="a b c d e", published="")
    assert passage.context == "one two three four"


def test_a_heading_without_body_is_its_own_passage() -> None:
    passages = split(
        ("heading", "Land", 2), ("heading", "Sea", 2), ("paragraph", "Ships sail.", 0), ("heading", "Air", 2)
    )
    assert [passage.text for passage in passages] == ["Land", "Ships sail.", "Air"]


def test_a_heading_that_only_holds_others_is_in_their_context() -> None:
    passages = split(("heading", "Earth", 1), ("heading", "Sea", 2), ("paragraph", "Ships sail.", 0), published="")
    assert [(passage.text, passage.context) for passage in passages] == [("Ships sail.", "Plan · Earth · Sea")]


def test_a_heading_that_no_context_has_room_for_is_a_passage() -> None:
    long = "what every member of the staff must know about leave"
    passages = split(
        ("heading", long, 1),
        ("heading", "Sea", 2),
        ("paragraph", "Ships sail.", 0),
        ("heading", "Air", 2),
        ("paragraph", "Planes fly.", 0),
    )
    assert [passage.text for passage in passages] == [long, "Ships sail.", "Planes fly."]
    assert [passage.heading for passage in passages] == ["Sea", "Sea", "Air"]


def test_passages_of_a_section_are_of_about_equal_size() -> None:
    sentence = "One two three four five six seven eight nine."
    passages = split(("paragraph", " ".join([sentence] * 5), 0), title="", published="")
    assert [len(passage.sentences) for passage in passages] == [3, 2]
    assert [passage.text for passage in passages] == [" ".join([sentence] * 3), " ".join([sentence] * 2)]


def test_an_overlong_sentence_is_cut_at_white_space() -> None:
    lines = "\n".join(f"call_{number}()" for number in range(60))
    passages = split(("code", lines, 0), budget=40)
    assert len(passages) > 60 * 3 / 40
    assert "".join(passage.text + "\n" for passage in passages) == lines + "\n"
    words = " ".join(f"w{number}" for number in range(100))
    assert " ".join(passage.text for passage in split(("row", words, 0))) == words


def test_an_overlong_word_is_cut_where_it_must_be() -> None:
    word = "+".join("abcdefghij" * 12)
    passages = split(("paragraph", word, 0))
    assert "".join(passage.text for passage in passages) == word


def test_a_document_without_blocks_has_no_passages() -> None:
    assert split() == []


def test_hostile_text_is_split_in_reasonable_time() -> None:
    texts = ["+" * 100_000, "a " * 50_000, "\n".join("ab" * 25_000), ". " * 50_000]
    for text in texts:
        begun = time.process_time()
        split(("paragraph", text.strip(), 0))
        assert time.process_time() - begun < 10
