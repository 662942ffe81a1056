from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.terms import stem
from rag.query.question import analyse
from rag.reader.linear import LinearModel
from rag.reader.read import (
    FEATURES,
    SENTENCE_ENDS,
    covered,
    expected_spans,
    known_names,
    read,
    reader_model,
)
from tests.handmade import QUERY, found, likeness, read_all


def test_the_features_of_a_passage_by_hand() -> None:
    # Terms: museum 1, opened 2, Leeds 4; weight 7. "Leeds" is the name, 1897 the year.
    question = analyse(
        "When was the museum opened in Leeds, in 1897?",
        {stem("museum"): 1.0, stem("opened"): 2.0, stem("Leeds"): 4.0, "1897": 1.0},
    )
    passage = found(
        ["Jane Roe built the museum.", "It was opened on 4 June!", "Clocks are shown"],
        context="Leeds",
        score=1.5,
        cosine=0.6,
        cosines=[0.2, 0.8, -0.1],
    )
    better = found(["A better one."], score=2.0, cosine=0.1, document_id="e")
    rows = {each.text: each.features for each in read_all(question, [better, passage])}
    assert rows["It was opened on 4 June!"] == pytest.approx(
        [
            0.8,  # cosine of the sentence
            0.6,  # cosine of the passage
            -0.5,  # 1.5 less 2.0
            7 / 8,  # museum, opened, Leeds of museum, opened, Leeds, 1897
            2 / 8,  # opened
            7 / 8,  # with the title and both neighbours
            1 / 2,  # Leeds of Leeds and 1897
            0.0,  # 1897 is nowhere
            1.0,  # there are no phrases to miss
            1.0,  # 4 June
            0.0,  # no speech is wanted
            1 / 4,  # opened, 4, May
            1.0,  # ends in a mark
        ],
        abs=1e-6,
    )
    assert rows["Clocks are shown"] == pytest.approx(
        [-0.1, 0.6, -0.5, 7 / 8, 0, 6 / 8, 1 / 2, 0, 1, 0, 0, 1 / 3, 0], abs=1e-6
    )


def test_scores_are_the_models_and_order_the_candidates() -> None:
    question = analyse("When was the museum opened?")
    passage = found(["It rained.", "The museum was opened in 1897.", "The museum was closed."], start=100)
    candidates = read_all(question, [passage])
    assert candidates[0].text == "The museum was opened in 1897."
    assert (candidates[0].start, candidates[0].end) == (111, 141)
    assert candidates[0].ordinal == 1
    assert candidates[0].stems == {stem("museum"), stem("opened"), "1897"}
    model = reader_model()
    for candidate in candidates:
        by_hand = sum((candidate.features - model.mean) / model.scale * model.weights) + model.bias
        assert candidate.score == pytest.approx(by_hand)
    assert [each.score for each in candidates] == sorted((each.score for each in candidates), reverse=True)


def test_a_question_in_running_text_is_no_answer() -> None:
    question = analyse("When was the museum opened?")
    passage = found(["When was the museum opened?", "It was opened in 1897.", 'He asked: "When?"'])
    assert {each.text: each.ordinal for each in read_all(question, [passage])} == {
        "It was opened in 1897.": 1,
        'He asked: "When?"': 2,
    }
    listed = found(["Who are you?", "Where do you live?"], separator="\n")
    assert len(read_all(analyse("Which questions are asked?"), [listed])) == 2


def test_equal_sentences_keep_the_order_of_retrieval() -> None:
    passages = [found(["The museum was opened."], document_id=name) for name in ("b", "a", "c")]
    candidates = read_all(analyse("When was it opened?"), passages)
    assert [each.document_id for each in candidates] == ["b", "a", "c"]


def test_no_passages_have_no_sentences() -> None:
    question = analyse("When was it opened?")
    assert read(question, QUERY, [], likeness(question, [])) == []


@pytest.mark.parametrize(("separator", "near"), [(" ", 1.0), ("\n\n", 1.0), ("\n", 0.0)])
def test_rows_of_a_table_and_items_of_a_list_stand_by_themselves(separator: str, near: float) -> None:
    question = analyse("Which clock is from Leeds?")
    passage = found(["Place: Leeds", "Place: York", "Age: 40"], separator=separator)
    rows = {each.text: each.features for each in read_all(question, [passage])}
    assert rows["Place: York"][FEATURES.index("names_covered")] == near
    assert rows["Place: Leeds"][FEATURES.index("names_covered")] == 1.0
    assert rows["Age: 40"][FEATURES.index("names_covered")] == 0.0


@pytest.mark.parametrize(
    ("question", "sentence", "feature", "value"),
    [
        ("Who said “peace in our time”?", "It is Peace in our time, he said.", "phrases", 1.0),
        ("Who said “peace in our time”?", "Our time is one of peace.", "phrases", 0.0),
        ("What did Roe say?", "“We will never sell the clocks,” said Roe.", "speech", 1.0),
        ("What did Roe sell?", "“We will never sell the clocks,” said Roe.", "speech", 0.0),
        ("What did Roe say?", "Roe spoke of clocks.", "speech", 0.0),
        ("Was it in 1897 or in 1898?", "It was in 1897.", "years_covered", 0.5),
        ("Who opened it?", "It was opened by Jane Roe.", "expected_span", 1.0),
        ("Who opened it?", "It was opened in spring.", "expected_span", 0.0),
        ("Is it open?", "It is open (on Mondays.)", "whole", 1.0),
        ("Is it open?", "Opening hours:", "whole", 0.0),
    ],
)
def test_single_features(question: str, sentence: str, feature: str, value: float) -> None:
    (candidate,) = read_all(analyse(question), [found([sentence])])
    assert candidate.features[FEATURES.index(feature)] == value


@pytest.mark.parametrize("mark", SENTENCE_ENDS)
def test_marks_that_end_a_sentence(mark: str) -> None:
    (candidate,) = read_all(analyse("Is it open?"), [found([f"“It is open{mark}”"])])
    assert candidate.features[FEATURES.index("whole")] == 1.0


def test_names_are_known_from_inside_sentences() -> None:
    assert known_names([found(["Protests began in Leeds.", "Then York’s mayor left."])]) == {"Leeds", "York"}


@pytest.mark.parametrize(
    ("question", "sentence", "spans"),
    [
        ("Who met Jane Roe?", "At noon Jane Roe met Anna Kern.", ["Anna Kern"]),
        ("When, if not in 1897?", "It was in 1897 or 1898.", ["1898"]),
        ("How much does it cost?", "It costs £4 on 3 days.", ["£4"]),
        ("How much does it cost?", "The cost is 4 a head.", ["4"]),
        ("How many days?", "On 3 of five days.", ["3", "five"]),
        ("Where is it?", "It is in Leeds.", ["Leeds"]),
        ("Why is it?", "It is in Leeds since 1897.", []),
    ],
)
def test_spans_of_the_expected_kind_are_new(question: str, sentence: str, spans: list[str]) -> None:
    got = expected_spans(analyse(question), sentence, frozenset())
    assert [sentence[span.start : span.end] for span in got] == spans


def test_the_share_of_the_weight_that_is_covered() -> None:
    question = analyse("museum clocks", {stem("museum"): 1.0, stem("clocks"): 3.0})
    assert covered(question, frozenset()) == 0.0
    assert covered(question, frozenset({stem("clocks"), "other"})) == 0.75
    assert covered(question, frozenset({stem("clocks"), stem("museum")})) == 1.0
    assert covered(analyse(""), frozenset({"other"})) == 0.0


WORDS = "museum clock tower opened Leeds York 1897 bridge".split()


@given(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=6),
    st.lists(st.sampled_from([*WORDS, "rain", "snow", "cat", "and"]), min_size=1, max_size=8),
    st.sampled_from(["When was", "Who saw", "How many are in", "Is it", "Where is"]),
    st.data(),
)
def test_a_word_of_the_question_never_lowers_a_sentence(
    asked: list[str], said: list[str], opening: str, data: st.DataObject
) -> None:
    question = analyse(f"{opening} {' '.join(asked)}?")
    word = data.draw(st.sampled_from(asked))
    place = data.draw(st.integers(1, len(said)))

    def score(words: list[str]) -> float:
        (candidate,) = read_all(question, [found([f"It is {' '.join(words)}."])])
        return candidate.score

    assert score([*said[:place], word, *said[place:]]) >= score(said) - 1e-9


def test_parameters_for_other_features_are_refused() -> None:
    data = {"features": ["b", "a"], "weights": [1, 2], "mean": [0, 0], "scale": [1, 1], "bias": 0}
    with pytest.raises(ValueError, match="other features"):
        LinearModel.parse(data, ["a", "b"])


def test_a_linear_model_by_hand() -> None:
    data = {"features": ["a", "b"], "weights": [1, -2], "mean": [1, 0], "scale": [2, 4], "bias": 0.5}
    logits = LinearModel.parse(data, ["a", "b"]).logits(np.array([[3.0, 4.0], [1.0, 0.0]]))
    assert logits.tolist() == [-0.5, 0.5]
