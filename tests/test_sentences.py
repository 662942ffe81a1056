from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.sentences import MAX_SPEECH, sentence_spans
from index.types import Span


def sentences(text: str) -> list[str]:
    return [text[span.start : span.end] for span in sentence_spans(text)]


@pytest.mark.parametrize(
    "expected",
    [
        ["Mr. Smith met Dr. Jones.", "They spoke."],
        ["Sen. Mark Kelly spoke.", "Gov. Abbott, Lt. Col. Vance and St. John agreed."],
        ["The U.S. Senate met at 5 p.m. on Friday.", "It rose at noon."],
        ["He lives in the U.S.", "He works abroad."],
        ["See e.g. Berlin, i.e. The Hague vs. Rome, cf. Fig. A."],
        ["It ended in Nov.", "The rest came on Dec. 24 and on Jan. 6."],
        ["The answer is no.", "It was No. 5 on the list."],
        ["Acme Inc. and Sons Ltd. merged.", "Others did not."],
    ],
)
def test_an_abbreviation_ends_a_sentence_only_before_a_new_one(expected: list[str]) -> None:
    assert sentences(" ".join(expected)) == expected


@pytest.mark.parametrize(
    "expected",
    [
        ["J. K. Rowling wrote it.", "J. A. Smith read it."],
        ["George W. Bush left.", "It was I.", "He knew."],
        ["They chose plan B.", "It works."],
        ["Who am I?", "I am."],
    ],
)
def test_an_initial_belongs_to_its_name(expected: list[str]) -> None:
    assert sentences(" ".join(expected)) == expected


@pytest.mark.parametrize(
    "expected",
    [
        ["“I will not go. I said so,” he said.", "Then he left."],
        ['"No. Never. Not once," she said.', "Nobody asked again."],
        ["“Is it true? I doubt it!”", "The room fell silent."],
        ["“Is it true? Yes!” asked nobody."],
        ["„Das ist gut. Sehr gut.“", "Dann ging er.", "Er kam wieder."],
        ["»Das ist gut. Sehr gut«, sagte er.", "Dann ging er."],
        ["« Je viens. Attends. »", "Il part.", "« Non. Jamais », dit-elle."],
        ["“A quarrel. A brawl,” he wrote.", "“And a war. A long one.”"],
        ["(He left.)", "She stayed [until noon.]", "So did I."],
    ],
)
def test_quoted_speech_stays_whole_with_the_words_that_attribute_it(expected: list[str]) -> None:
    assert sentences(" ".join(expected)) == expected


def test_quoted_speech_without_end_is_split() -> None:
    sentence = "Nothing was said about the harbour in the long afternoon of that day."
    assert sentences(f"“{sentence} {sentence}") == [f"“{sentence}", sentence]
    long = [sentence] * (MAX_SPEECH // len(sentence) + 1)
    assert len(sentences(f"“{' '.join(long)}”")) == len(long)


@pytest.mark.parametrize(
    "expected",
    [
        ["It grew by 3.5 percent to 1,000.50 dollars.", "That was version 2.0.1."],
        ["It cost $5.", "That was in the year 2000.", "3 of 4 agreed."],
        ["See www.example.org or mail a@b.example.", "Both work."],
        ["What?!", "No...", "Yes…", "Really.", "“Quite.”", "¿Qué?", "¡No!"],
        ["He said … and left.", "She waited... and waited."],
    ],
)
def test_points_inside_numbers_and_names_end_nothing(expected: list[str]) -> None:
    assert sentences(" ".join(expected)) == expected


def test_a_lost_space_is_no_lost_sentence() -> None:
    assert sentences("He wrote it on his profile.He also denied it.") == [
        "He wrote it on his profile.",
        "He also denied it.",
    ]
    assert sentences("Call node.js or a.B here.") == ["Call node.js or a.B here."]


def test_chinese_and_japanese_need_no_spaces() -> None:
    assert sentences("他来了。她走了！真的吗？是的。") == ["他来了。", "她走了！", "真的吗？", "是的。"]
    assert sentences("彼は言った。「行く。」と。終わり") == ["彼は言った。", "「行く。」", "と。", "終わり"]


def test_the_number_of_an_item_belongs_to_it() -> None:
    assert sentences("1. First item. It goes on.") == ["1. First item.", "It goes on."]
    assert sentences("12. December is cold.") == ["12. December is cold."]


def test_spans_count_from_the_offset() -> None:
    assert list(sentence_spans("  One. Two.  ", 100)) == [Span(102, 106), Span(107, 111)]
    assert list(sentence_spans(" \n ")) == []


PROSE = st.lists(
    st.sampled_from(
        [*"\"“”„«»‘’'()[]「」.!?…。！？ \n\u00a0", "Mr", "U.S", "I", "The", "word", "5", "word.He is", "—", "é"]
    ),
    max_size=60,
).map("".join)


@given(st.text() | PROSE)
def test_spans_are_ordered_and_disjoint_and_leave_out_only_white_space(text: str) -> None:
    spans = list(sentence_spans(text))
    end = 0
    for span in spans:
        assert text[end : span.start].strip() == ""
        assert end <= span.start < span.end
        assert text[span.start : span.end] == text[span.start : span.end].strip()
        end = span.end
    assert text[end:].strip() == ""


@given(PROSE, PROSE)
def test_the_end_of_a_block_is_the_end_of_a_sentence(text: str, offset: str) -> None:
    shifted = [Span(span.start + len(offset), span.end + len(offset)) for span in sentence_spans(text)]
    assert list(sentence_spans(text, len(offset))) == shifted


@pytest.mark.parametrize(
    "unit",
    [
        ".",
        "…",
        ".)",
        ". ",
        ".\n",
        '."',
        '"',
        "“a. ",
        "„",
        "(",
        "a.",
        "A. ",
        "U.S. ",
        "。",
        ".。",
        "abc.A",
        " ",
        "”",
        "\u0301.",
    ],
)
def test_hostile_text_takes_linear_time(unit: str) -> None:
    text = unit * (150_000 // len(unit)) + " " * 50_000
    begun = time.process_time()
    spans = list(sentence_spans(text))
    assert time.process_time() - begun < 5
    assert spans == [] or spans[-1].end == len(text.rstrip())


def test_a_german_ordinal_ends_nothing() -> None:
    expected = [
        "Sie wurde am 3. Mai 1960 geboren.",
        "Bis zum 13. Geburtstag ist der Eintritt frei.",
        "Das Haus stammt aus dem 19. Jahrhundert.",
        "Der Vertrag endet am 31. Dezember.",
        "Er blieb bis 1990.",
        "Danach waren es noch 31.",
        "Wir gehen.",
    ]
    assert sentences(" ".join(expected)) == expected
