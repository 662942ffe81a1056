"""The same documents in both stores: the same answers, to the last word and place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from index.files import find_files
from index.filters import parse_filter
from index.store.migrate import migrate
from rag.pipeline import Pipeline, open_pipeline
from rag.settings import load_settings
from rag.types import Answer, Turn
from tests.postgres import Postgres
from tests.terminal import ROOT

QUESTIONS = (
    "Who prepared the draft of the peace plan?",
    "What did Peskov say about Zelensky?",
    "How many weeks of parental leave are paid?",
    "Who may work from abroad?",
    'Who said "a fair deal"?',
    "What is Zelensky's answer to the plan?",
    "Which planets have rings?",
)


@pytest.fixture(scope="module")
def pipelines(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pipeline, Pipeline]]:
    home = tmp_path_factory.mktemp("home")
    with postgres.schema() as schema, ExitStack() as opened:
        settings = (load_settings(home), load_settings(home, store=postgres.url(), store_schema=schema))
        both = [opened.enter_context(open_pipeline(each)) for each in settings]
        for folder in ("handbook", "dossier"):  # the copy is made in another order: no number of a row decides
            both[0].corpus.add(find_files([ROOT / "seeds" / folder]))
        migrate(both[0].corpus.store, both[1].corpus.store, lambda _: None)
        yield both[0], both[1]


def without_times(answer: Answer) -> Answer:
    """All but the times; scores are added up in another order, which moves their last places."""
    return replace(answer, timings_ms={}, confidence=round(answer.confidence, 9))


@pytest.mark.parametrize("question", QUESTIONS)
def test_both_answer_the_same(pipelines: tuple[Pipeline, Pipeline], question: str) -> None:
    one, other = (without_times(pipeline.ask(question)) for pipeline in pipelines)
    assert one == other


def test_both_answer_a_follow_up_the_same(pipelines: tuple[Pipeline, Pipeline]) -> None:
    history = (Turn("user", "Who prepared the draft of the peace plan?"), Turn("assistant", "Marco Rubio prepared it."))
    one, other = (without_times(pipeline.ask("When was it leaked?", history)) for pipeline in pipelines)
    assert one == other


def test_both_answer_the_same_under_a_filter(pipelines: tuple[Pipeline, Pipeline]) -> None:
    where = parse_filter("published>=2025-11-22 and not source~asks")
    one, other = (without_times(pipeline.ask("What does the plan ask?", filter=where)) for pipeline in pipelines)
    assert one == other
    assert one.hits


def test_both_hold_the_same(pipelines: tuple[Pipeline, Pipeline]) -> None:
    one, other = (pipeline.corpus.store for pipeline in pipelines)
    assert one.documents() == other.documents()
    assert one.totals() == other.totals()
    assert (one.verify(), other.verify()) == ([], [])
