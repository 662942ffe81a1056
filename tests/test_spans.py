from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.types import Span
from rag.reader.dates import DATE
from rag.reader.spans import (
    FIGURE,
    MONEY,
    NUMBER,
    capitalised,
    coordinated,
    has_speech,
    names,
    outside_speech,
    people,
    spans_of,
)


def cut(text: str, spans: list[Span]) -> list[str]:
    return [text[span.start : span.end] for span in spans]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Talks in Geneva ended when Marco Rubio left.", ["Geneva", "Marco Rubio"]),
        ("Mr. Smith met the King of Spain.", ["Mr. Smith", "King of Spain"]),
        ("Even in the Ivory Coast, Ludwig van Beethoven is known.", ["Ivory Coast", "Ludwig van Beethoven"]),
        ("The United Nations met in New York.", ["United Nations", "New York"]),
        ("Then Kyiv’s mayor spoke.", ["Kyiv"]),
        ("They met at Jean-Luc Picard's house.", ["Jean-Luc Picard"]),
        ("The mayor spoke.", []),
        ("nothing has a name here", []),
        ("It was signed by John F. Kennedy.", ["John F. Kennedy"]),
        ("It came from Zürich to Århus.", ["Zürich", "Århus"]),
        ("In the United States, prices fell.", ["United States"]),
        ("At the White House, he met Rubio.", ["White House", "Rubio"]),
        ("On Monday Zelensky left.", ["Zelensky"]),
        ("On Monday, President Zelensky left.", ["President Zelensky"]),
        ("In November Rubio left.", ["Rubio"]),
    ],
)
def test_names_are_capitalised_words_and_what_joins_them(text: str, expected: list[str]) -> None:
    assert cut(text, names(text, frozenset())) == expected


def test_a_capital_that_opens_the_sentence_needs_to_be_known() -> None:
    text = "Protests spread after Kyiv spoke."
    assert cut(text, names(text, frozenset())) == ["Kyiv"]
    assert cut(text, names(text, frozenset({"Protests"}))) == ["Protests", "Kyiv"]
    assert cut(text, names(text)) == ["Protests", "Kyiv"]


def test_the_label_of_a_cell_is_no_name() -> None:
    text = "Capital: Vaduz; Language: German"
    assert cut(text, names(text)) == ["Vaduz", "German"]


def test_words_of_names_are_capitalised_inside_a_sentence() -> None:
    assert list(capitalised("Talks began. In Geneva, Marco’s plan won.")) == ["Geneva", "Marco"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It was Secretary of State Marco Rubio who spoke.", ["Marco Rubio"]),
        ("On Monday the Security Council met President Zelensky.", ["Zelensky"]),
        ("We asked Dr. Anna Kern and the Ministry of Defence.", ["Anna Kern"]),
        ("He saw Prime Minister Giorgia Meloni.", ["Giorgia Meloni"]),
        ("It was said by the Kremlin and by the Associated Press.", []),
    ],
)
def test_people_come_without_offices_and_organisations_not_at_all(text: str, expected: list[str]) -> None:
    assert cut(text, people(text, frozenset())) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It began on 2022-02-24.", ["2022-02-24"]),
        ("It began on 24 February 2022.", ["24 February 2022"]),
        ("It began on the 3rd of May, on a Friday.", ["3rd of May", "Friday"]),
        ("It began on 24 February.", ["24 February"]),
        ("It began on February 24, 2022, at noon.", ["February 24, 2022", "noon"]),
        ("It began in February 2022.", ["February 2022"]),
        ("It ran from 1914 to 1918.", ["1914", "1918"]),
        ("It opens at 9:30 and closes at 5 p.m. on Friday", ["9:30", "5 p.m.", "Friday"]),
        ("In the 1990s it grew, by the late 2000s it shrank.", ["1990s", "late 2000s"]),
        ("Empezó el 24 de febrero de 2022.", ["24 de febrero de 2022"]),
        ("There were 250 of them, and 12,500 in all.", []),
        ("It may march on.", []),
    ],
)
def test_dates(text: str, expected: list[str]) -> None:
    assert cut(text, spans_of(DATE, text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It cost $1.5 million and saved €300.", ["$1.5 million", "€300"]),
        ("A ticket is 12.50 euros.", ["12.50 euros"]),
        ("They paid US$ 2,000 for it.", ["US$ 2,000"]),
        ("It took 20 million dollars.", ["20 million dollars"]),
        ("A fee of £4bn was charged.", ["£4bn"]),
        ("It weighs 20 pounders and took 3 days.", []),
    ],
)
def test_money(text: str, expected: list[str]) -> None:
    assert cut(text, spans_of(MONEY, text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("About 12,500 people, or 3.5 percent, left.", ["12,500", "3.5 percent"]),
        ("Some 40% of them voted.", ["40%"]),
        ("It grew to 2.5 million.", ["2.5 million"]),
        ("Twenty staff get Five days.", ["Twenty", "Five"]),
        ("Twenty-five days are given.", ["Twenty-five"]),
        ("It grew by three million.", ["three million"]),
        ("Since 1911, 40 people work there.", ["1911", "40"]),
        ("Of 412, some were lost.", ["412"]),
        ("No one of the bones has weight.", ["one"]),
        ("It is written.", []),
    ],
)
def test_numbers_in_digits_and_in_words(text: str, expected: list[str]) -> None:
    assert cut(text, spans_of(NUMBER, text)) == expected


def test_a_figure_is_in_digits() -> None:
    text = "Three of 1,200 or 2.5 million"
    assert cut(text, spans_of(FIGURE, text)) == ["1,200", "2.5 million"]


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("Marco Rubio and Steve Witkoff met Anna Kern.", [["Marco Rubio", "Steve Witkoff"], ["Anna Kern"]]),
        ("He met Rubio, Witkoff and special envoy Keith Kellogg.", [["Rubio", "Witkoff", "Keith Kellogg"]]),
        ("He met Rubio and then flew to see Witkoff.", [["Rubio"], ["Witkoff"]]),
        ("He met nobody.", []),
    ],
)
def test_an_enumeration_is_one_group(text: str, groups: list[list[str]]) -> None:
    found = [cut(text, group) for group in coordinated(text, people(text, frozenset({"Marco"})))]
    assert found == groups


def test_speech_is_blanked_out_and_positions_stay() -> None:
    text = "He said “I saw Rubio there” and left."
    narrated = outside_speech(text)
    assert narrated == "He said " + " " * len("“I saw Rubio there”") + " and left."
    assert outside_speech('She said "no".') == "She said     ."


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("“We will never accept this plan,” he said.", True),
        ('"We will never accept this plan," he said.', True),
        ("The “draft” was read.", False),
        ("He said nothing.", False),
    ],
)
def test_a_word_in_quotation_marks_is_not_speech_yet(text: str, spoken: bool) -> None:
    assert has_speech(text) is spoken


PIECES = st.sampled_from(
    [
        "\n",
        *"Marco Rubio Dr. President the and , . : ; “ ” ’s 24 February 2022 $1.5 million 40% three - İ ﬁ 😀 é".split(),
    ]
)
TEXTS = st.lists(PIECES, max_size=25).map(" ".join) | st.text(max_size=80)


@given(TEXTS)
def test_offsets_are_those_of_the_text(text: str) -> None:
    for find in (names, people):
        spans = find(text)
        assert spans == sorted(spans, key=lambda span: span.start)
        assert all(0 <= span.start < span.end <= len(text) for span in spans)
        assert all(piece == piece.strip() for piece in cut(text, spans))
        assert all(first.end <= second.start for first, second in pairwise(spans))
    for pattern in (DATE, MONEY, NUMBER, FIGURE):
        assert all(pattern.match(text, span.start) for span in spans_of(pattern, text))
        assert all(0 <= span.start < span.end <= len(text) for span in spans_of(pattern, text))
    assert [span for group in coordinated(text, names(text)) for span in group] == names(text)
    assert len(outside_speech(text)) == len(text)


@given(TEXTS)
def test_people_stand_inside_names(text: str) -> None:
    everybody = names(text)
    assert all(any(name.start <= span.start and span.end <= name.end for name in everybody) for span in people(text))
