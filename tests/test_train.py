from __future__ import annotations

import gzip
import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from evals.datasets import kept_out
from evals.exercises import Exercise, School, lesson
from evals.train import report, train
from rag.models import locate
from rag.reader.cross_encoder import BASE
from rag.reader.layers import WIDTH, Layers
from rag.reader.pages import Page

RHINE = "The Rhine begins in the Alps. It flows north to the sea. Its mouth is in Rotterdam."
WARSAW = "Warsaw stands on the Vistula. Its old town was built anew after the war."


def question(number: int, text: str, *answers: str) -> dict[str, object]:
    given = [{"text": answer} for answer in answers]
    return {"id": str(number), "question": text, "answers": given, "is_impossible": not answers}


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> School:
    questions = {
        RHINE: [
            question(1, "Where is the source of the river?", "the Alps", "Alps"),
            question(2, "Which way does it run?", "north"),
            question(3, "How deep is it?"),
        ],
        WARSAW: [question(4, "Which river passes the town?", "the Vistula"), question(5, "Who rules the town?")],
    }
    articles = [
        {"title": title, "paragraphs": [{"context": context, "qas": questions[context]}]}
        for title, context in (("The_Rhine", RHINE), ("Warsaw", WARSAW))
    ]
    data = tmp_path_factory.mktemp("data")
    (data / "squad").mkdir()
    with gzip.open(data / "squad" / "squad_v2_dev.json.gz", "wt", encoding="utf-8") as file:
        json.dump({"data": articles}, file)
    return School(data, ("squad2",))


def test_an_exercise_knows_its_sentences_and_words(school: School) -> None:
    source, way, deep, river, _ = school.exercises
    assert [each.kind for each in school.exercises] == ["squad"] * 5
    assert [each.article for each in school.exercises] == ["the-rhine"] * 3 + ["warsaw"] * 2
    assert (source.own, source.groups) == ((0,), (((0, 1),),))
    assert way.groups == (((0, 2),),)
    assert (deep.groups, deep.spans) == ((), ())
    assert river.own == (1,)
    text = f"The Rhine\n\n{RHINE}"
    for page, first, last in (*source.spans, *way.spans):
        tokens = school.pages[page].tokens
        assert text[tokens[first][0] : tokens[last][1]] in {"the Alps", "Alps", "north"}
    assert len(source.spans) == 2
    assert {each.kept_out for each in school.exercises} == {kept_out("the-rhine"), kept_out("warsaw")}


def test_similar_passages_that_hold_the_answer_are_no_counterexamples(tmp_path: Path) -> None:
    paragraphs = [
        {"context": context, "qas": [question(number, f"Where is it, {number}?", "Leeds")]}
        for number, context in enumerate(("The clock is in Leeds.", "A clock came from Leeds.", "The clock is old."))
    ]
    (tmp_path / "squad").mkdir()
    with gzip.open(tmp_path / "squad" / "squad_v2_dev.json.gz", "wt", encoding="utf-8") as file:
        json.dump({"data": [{"title": "Clocks", "paragraphs": paragraphs}]}, file)
    first, second = School(tmp_path, ("squad2",)).exercises
    assert (first.similar, second.similar) == ((2,), (2,))


def exercise(groups: tuple[tuple[tuple[int, int], ...], ...], *spans: tuple[int, int, int]) -> Exercise:
    return Exercise("set", "a", torch.zeros(2, WIDTH), (0, 1), (), groups, spans)


PAGES = [Page(torch.zeros(4, WIDTH), ((0, 2), (2, 4)), ((0, 1),) * 4), Page(torch.zeros(3, WIDTH), ((0, 3),), ())]


def test_the_loss_is_the_surprise_at_the_answering_sentences_by_hand() -> None:
    exercises = [exercise((((0, 0), (0, 1)), ((1, 0),))), exercise(())]
    taken = lesson(exercises, PAGES, lambda each: each.own)
    assert taken.places == [(number, sentence) for number in (0, 1) for sentence in ((0, 0), (0, 1), (1, 0))]
    scores = torch.tensor([0.0, math.log(2), math.log(4), 0.0, math.log(3), math.log(5)])
    # The first has 1 + 2 + 4 and 1 for nothing; its groups have 1 + 2 and 4. The second has 1 + 3 + 5 and 1.
    expected = ((math.log(8 / 3) + math.log(8 / 4)) / 2 + math.log(10)) / 2
    assert float(taken.loss(scores)) == pytest.approx(expected, abs=1e-6)


def test_the_loss_of_short_answers_by_hand() -> None:
    taken = lesson([exercise((((0, 0),),), (0, 1, 2))], PAGES, lambda each: each.own)
    ends = torch.zeros(2, 6, 2)
    ends[0, 2 + 1, 0] = math.log(5)
    # Two tokens are the question's. Of four tokens the first of the answer has 5 of 8; the last has 1 of 4.
    assert float(taken.span_loss(ends)) == pytest.approx((math.log(8 / 5) + math.log(4)) / 2, abs=1e-6)
    without = lesson([exercise(())], PAGES, lambda each: each.own)
    assert float(without.span_loss(ends)) == 0


def test_training_teaches(school: School) -> None:
    layers = Layers()
    layers.start_from(load_file(locate(BASE) / "model.safetensors"))
    before = report(layers, school.exercises, school.pages)
    train(layers, school.exercises, school.pages, epochs=200)
    after = report(layers, school.exercises, school.pages)
    assert "squad    right sentence 1.000" in after
    assert "answerable or not: AUC 1.000, n=2 unanswerable" in after
    assert before != after
