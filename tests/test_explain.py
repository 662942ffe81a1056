from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.types import Block, Document
from rag.answer.explain import LONGEST_ANTECEDENT, LOOK_BACK, explain_pronoun, with_antecedent


def explained(before: str, quote: str, after: str = "") -> tuple[str, str] | None:
    document = Document("d", "d.txt", "D", before + quote + after)
    return explain_pronoun(document, len(before), len(before) + len(quote))


@pytest.mark.parametrize(
    ("before", "quote", "text", "explanation"),
    [
        (
            "The plan was rejected by President Zelensky on Monday. ",
            "He also added that talks go on.",
            "He [Zelensky] also added that talks go on.",
            "[Zelensky]",
        ),
        (
            "The museum was founded by Jane Roe.\n\n",
            "In the end she sold it.",
            "In the end she [Jane Roe] sold it.",
            "[Jane Roe]",
        ),
        (
            "It was drawn up by Marco Rubio and Steve Witkoff. ",
            "They met in Geneva.",
            "They [Marco Rubio and Steve Witkoff] met in Geneva.",
            "[Marco Rubio and Steve Witkoff]",
        ),
        (
            "The speech was by Anna Kern. The reply was by Jane Roe. ",
            "She was short.",
            "She [Jane Roe] was short.",
            "[Jane Roe]",
        ),
        (
            "On Monday President Zelensky rejected the plan. ",
            "He also added this.",
            "He [Zelensky] also added this.",
            "[Zelensky]",
        ),
    ],
)
def test_the_person_named_last_before_is_put_in_brackets(before: str, quote: str, text: str, explanation: str) -> None:
    assert explained(before, quote) == (text, explanation)


@pytest.mark.parametrize("opening", ["Later", "However,", "On Monday"])
def test_words_before_the_pronoun_are_left_where_they_are(opening: str) -> None:
    found = explained("It was founded by Jane Roe. ", f"{opening} she sold it.")
    assert found == (f"{opening} she [Jane Roe] sold it.", "[Jane Roe]")


@pytest.mark.parametrize(
    ("before", "quote"),
    [
        ("Nothing was known. ", "She slept."),
        ("Protesters gathered. ", "He said so."),
        ("However, the talks went on. ", "He said so."),
        ("The talks in Geneva went on. ", "He said so."),
        ("The museum was founded by Jane Roe. ", "The clocks are old."),
        ("The museum was founded by Jane Roe. ", "Then Anna Kern said that she left."),
        ("The museum was founded by Roe. ", "When he came, Roe left."),
        ("", "He also added that talks go on."),
        ("The museum was founded long ago. ", "She sold it."),
        ("The museum was founded by Jane Roe. ", "They sold it."),
        ("The museum was founded by Jane Roe. ", "“He is late,” was heard."),
        ("The museum was founded by Jane Roe. ", "There is heat in theory, and the others shed it."),
    ],
)
def test_nothing_is_explained_without_need_or_knowledge(before: str, quote: str) -> None:
    assert explained(before, quote) is None


def test_quoted_speech_before_names_nobody() -> None:
    assert explained("“We saw Anna Kern in the street,” it was said. ", "She slept.") is None
    before = "The speech was by Jane Roe. “We saw Anna Kern in the street,” it was said. "
    assert explained(before, "She slept.") == ("She [Jane Roe] slept.", "[Jane Roe]")


def test_a_pronoun_after_speech_is_explained_and_the_speech_left_alone() -> None:
    assert explained("It was up to Jane Roe. ", "“He may go,” she said.") == (
        "“He may go,” she [Jane Roe] said.",
        "[Jane Roe]",
    )


def test_names_further_back_than_the_limit_are_not_looked_for() -> None:
    filler = "word " * (LOOK_BACK // 5 + 1)
    assert explained("It was up to Jane Roe. " + filler + ". ", "She slept.") is None


def test_names_after_the_quote_are_not_looked_at() -> None:
    assert explained("It was not known. ", "She slept.", " It was Jane Roe.") is None


PIECES = st.sampled_from(
    ["He", "she", "They", "Jane Roe", "and", "Anna Kern", "said", ". ", "“", "”", "\n", "\n\n", ", "]
)


@given(st.lists(PIECES, max_size=20).map(" ".join), st.lists(PIECES, min_size=1, max_size=15).map(" ".join))
def test_without_the_explanation_the_text_is_the_quote(before: str, quote: str) -> None:
    found = explained(before, quote)
    if found is not None:
        text, explanation = found
        assert text.replace(f" {explanation}", "", 1) == quote
        assert explanation[1:-1] in before


@pytest.mark.parametrize(
    "quote",
    [
        "It has two wheels.",
        "This was denied at once.",
        "Nor is it known who did.",
        "The plan guarantees this in writing.",
        "He went to court to say so.",
    ],
)
def test_a_sentence_that_leans_on_the_one_before_is_quoted_with_it(quote: str) -> None:
    text = f"First of all.\n\nNobody knows. The plan is new. {quote} The end."
    start = text.index(quote)
    extent = with_antecedent(text, start, start + len(quote))
    assert extent is not None
    assert text[extent.start : extent.end] == f"The plan is new. {quote}"


@pytest.mark.parametrize(
    "quote",
    ["The plan is new.", "Italy joined.", "She said: “It is new, and I mean this.”"],
)
def test_a_sentence_that_stands_alone_is_quoted_alone(quote: str) -> None:
    text = f"Before it. {quote}"
    assert with_antecedent(text, text.index(quote), len(text)) is None


def test_what_opens_a_paragraph_or_follows_a_long_sentence_is_quoted_alone() -> None:
    quote = "It has two wheels."
    for before in ("The plan is new.\n\n", f"{'Very ' * (LONGEST_ANTECEDENT // 5)}long. ", ""):
        assert with_antecedent(before + quote, len(before), len(before) + len(quote)) is None


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("Zelensky: work on the text", "He [Zelensky] wrote it."),
        ("Work on the text", None),
    ],
)
def test_a_heading_names_the_person_or_nobody_before_it_does(heading: str, expected: str | None) -> None:
    before = f"It was signed by Jane Roe.\n\n{heading}\n\nThe president was silent. "
    text = f"{before}He wrote it. Of Zelensky no more is known."
    start = before.index(heading)
    document = Document("d", "d.txt", "D", text, blocks=(Block("heading", start, start + len(heading), 2),))
    found = explain_pronoun(document, len(before), len(before) + len("He wrote it."))
    assert (found[0] if found else None) == expected


def test_a_row_of_a_table_names_nobody() -> None:
    before = "It was founded by Jane Roe.\nApproved by: Quillon Dray, treasurer; Time needed: three days\n"
    assert explained(before, "She sold it.") == ("She [Jane Roe] sold it.", "[Jane Roe]")
