"""The evals, tested: each fault planted in a real small pipeline turns the metric red that is there for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evals.cases.format import Case, Evidence, Quantity, Suite
from evals.reports.summary import Report
from evals.running.run import run_suite
from evals.scoring.measures import LESS_IS_BETTER, MEANS
from index.corpus import Corpus
from index.files import find_files
from index.filters import Filter
from rag.pipeline import Pipeline, open_pipeline
from rag.retrieval.retrieve import retrieve
from rag.settings import Settings, load_settings
from rag.types import Answer, Quote, Turn
from rag.writer.verify import Verdict, Verifier
from tests.llm_servers import saying, serving

TEXTS = {
    "canteen.txt": "The canteen opens at noon. The canteen serves soup on Fridays. Menus are printed on Mondays.",
    "leave.txt": "Every employee gets 25 days of paid leave a year. Unused days of leave lapse on 31 March.",
    "rhine.txt": "The Rhine flows from the Alps to the North Sea. The Rhine is 1,230 kilometres long.",
    "plan.txt": "Marco Rubio prepared the draft of the plan. The draft of the plan has 28 points.",
    "lamps.txt": "Brackwater repairs the lenses of lighthouses. The workshop in Brackwater was founded in 1911.",
}


def case(question: str, source: str, quote: str, *answer: str, **more: Any) -> Case:  # noqa: ANN401  # fields of a case
    return Case(question, question, tuple((each,) for each in answer), evidence=(Evidence(source, quote),), **more)


SUITE = Suite(
    Path("faults.yaml"),
    cases=(
        case("When does the canteen open?", "canteen.txt", "opens at noon", "noon"),
        case("What does the canteen serve on Fridays?", "canteen.txt", "serves soup", "soup"),
        case(
            "How many days of paid leave does every employee get?",
            "leave.txt",
            "days of paid leave",
            quantities=(Quantity(25, 0, {"days": 1}),),
        ),
        case("When do unused days of leave lapse?", "leave.txt", "lapse on 31 March", "31 March"),
        case("How long is the Rhine?", "rhine.txt", "kilometres long", "1230 kilometres"),
        case("Where does the Rhine flow to?", "rhine.txt", "flows from the Alps", "North Sea"),
        case("Who prepared the draft of the plan?", "plan.txt", "prepared the draft", "Marco Rubio"),
        case("How many points does the draft of the plan have?", "plan.txt", "28 points", "28"),
        case("When was the workshop in Brackwater founded?", "lamps.txt", "founded in 1911", "1911"),
        *(
            Case(question, question, unanswerable=True)
            for question in (
                "Who invented the telephone?",
                "What do orcas eat in winter?",
                "How high is the tower of the cathedral?",
                "Which composer wrote nine symphonies?",
            )
        ),
    ),
)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    folder = tmp_path_factory.mktemp("texts")
    for name, text in TEXTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    with open_pipeline(load_settings(tmp_path_factory.mktemp("home"))) as opened:
        opened.corpus.add(find_files([folder]))
        yield opened


@pytest.fixture(scope="module")
def healthy(pipeline: Pipeline) -> Report:
    return run_suite([SUITE], lambda _: pipeline)


@dataclass(frozen=True, slots=True)
class Changed:
    """A pipeline whose answers are changed on their way out."""

    whole: Pipeline
    change: Callable[[Answer], Answer]

    @property
    def corpus(self) -> Corpus:
        return self.whole.corpus

    @property
    def settings(self) -> Settings:
        return self.whole.settings

    @property
    def threshold(self) -> float:
        return self.whole.threshold

    def ask(self, question: str, history: Sequence[Turn] = (), filter: Filter | None = None) -> Answer:  # noqa: A002
        return self.change(self.whole.ask(question, history, filter))


def worse(healthy: Report, faulty: Report) -> set[str]:
    """The metrics that are worse than they were, those that nothing is left to measure on included."""

    def goodness(report: Report, name: str) -> float:
        value = report.metrics[name]
        return float("-inf") if value is None else -value if name in LESS_IS_BETTER else value

    return {name for name in MEANS if goodness(faulty, name) < goodness(healthy, name) - 1e-9}


def test_the_pipeline_is_sound_to_begin_with(healthy: Report) -> None:
    assert [result.reasons for result in healthy.cases] == [()] * len(SUITE.cases)
    assert healthy.metrics["retrieval_hit@1"] == 1
    assert healthy.stale == ()


def test_random_passages_are_caught_by_retrieval(
    pipeline: Pipeline, healthy: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = np.random.default_rng(3)

    def at_random(*given: Any, **options: Any) -> Any:  # noqa: ANN401  # those of retrieve
        found = retrieve(*given, **options)
        return [found[place] for place in order.permutation(len(found))]

    monkeypatch.setattr("rag.reader.reading.retrieve", at_random)
    red = worse(healthy, run_suite([SUITE], lambda _: pipeline))
    assert {"retrieval_hit@1", "mrr", "ndcg@10"} <= red
    assert "quote_verbatim" not in red


def shifted(quote: Quote) -> Quote:
    return replace(quote, start=quote.start + 1, end=quote.end + 1)


def test_quotes_shifted_by_one_character_are_caught_by_verbatim_quotes(pipeline: Pipeline, healthy: Report) -> None:
    def shift(answer: Answer) -> Answer:
        claims = (replace(claim, quotes=tuple(map(shifted, claim.quotes))) for claim in answer.claims)
        return replace(answer, claims=tuple(claims))

    faulty = run_suite([SUITE], lambda _: Changed(pipeline, shift))
    assert worse(healthy, faulty) == {"quote_verbatim", "pass_rate"}
    assert faulty.metrics["quote_verbatim"] == 0


def test_a_verifier_that_always_says_yes_is_caught_by_grounded_claims(pipeline: Pipeline, healthy: Report) -> None:
    """It lets a claim pass that says more than its quote, and calls it supported."""

    def embellish(answer: Answer) -> Answer:
        told = (
            replace(claim, text=f"{claim.text[:-1]}, said Kofi Annan in 1999.", support="supported")
            for claim in answer.claims
        )
        return replace(answer, claims=tuple(told))

    faulty = run_suite([SUITE], lambda _: Changed(pipeline, embellish))
    assert faulty.metrics["claim_support"] == 1
    assert faulty.metrics["claim_grounding"] == 0
    assert worse(healthy, faulty) == {"claim_grounding", "token_f1"}


def test_a_verifier_that_always_says_yes_to_a_real_models_sentences_is_caught_by_grounded_claims(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model makes things up. As it is, the verifier lets none of it through; the planted one lets all."""
    shared = pipeline.settings.model_dump() | {"llm": "any"}
    one = replace(SUITE, cases=SUITE.cases[:3])
    with serving(saying("Kofi Annan announced it in Geneva in 1999 [1].")) as (url, seen):
        with open_pipeline(load_settings(**shared | {"llm_url": url})) as written:
            sound = run_suite([one], lambda _: written)
        assert seen.bodies
        assert (sound.metrics["claim_grounding"], sound.metrics["claim_support"]) == (1, 1)
        monkeypatch.setattr(Verifier, "judge", lambda *_, **__: Verdict("supported", 1.0))
        with open_pipeline(load_settings(**shared | {"llm_url": url})) as written:
            faulty = run_suite([one], lambda _: written)
    assert faulty.metrics["claim_support"] == 1
    assert faulty.metrics["claim_grounding"] == 0
    assert {"claim_grounding", "answer_recall"} <= worse(sound, faulty)


@pytest.mark.parametrize(("threshold", "caught"), [(0.0, "false_answer_rate"), (1.0, "false_refusal_rate")])
def test_a_refusal_never_or_always_is_caught_by_its_error_rate(
    pipeline: Pipeline, healthy: Report, monkeypatch: pytest.MonkeyPatch, threshold: float, caught: str
) -> None:
    monkeypatch.setattr(pipeline._reader, "threshold", threshold)
    faulty = run_suite([SUITE], lambda _: pipeline)
    other = {"false_answer_rate": "false_refusal_rate", "false_refusal_rate": "false_answer_rate"}[caught]
    red = worse(healthy, faulty)
    assert caught in red
    assert other not in red
    assert faulty.metrics[caught] == 1


def with_texts(texts: dict[str, str], folder: Path) -> Report:
    (folder / "texts").mkdir()
    for name, text in texts.items():
        (folder / "texts" / name).write_text(text, encoding="utf-8")
    with open_pipeline(load_settings(folder / "home")) as opened:
        opened.corpus.add(find_files([folder / "texts"]))
        return run_suite([SUITE], lambda _: opened)


def test_a_missing_document_is_caught_by_retrieval_and_evidence(healthy: Report, tmp_path: Path) -> None:
    faulty = with_texts({name: text for name, text in TEXTS.items() if name != "rhine.txt"}, tmp_path)
    assert {"retrieval_hit@10", "evidence_recall", "answer_recall"} <= worse(healthy, faulty)
    assert faulty.metrics["retrieval_hit@10"] == pytest.approx(7 / 9)
    assert len(faulty.stale) == 2
    assert faulty.stale[0].endswith("there is no document rhine.txt")


def test_an_altered_number_is_caught_by_answer_recall(healthy: Report, tmp_path: Path) -> None:
    faulty = with_texts({**TEXTS, "leave.txt": TEXTS["leave.txt"].replace("25", "26")}, tmp_path)
    red = worse(healthy, faulty)
    assert {"answer_recall", "citation_precision"} <= red
    assert not red & {"evidence_recall", "retrieval_hit@1", "quote_verbatim", "false_refusal_rate"}
    failed = [result for result in faulty.cases if not result.passed]
    assert [result.reasons for result in failed] == [("missing from the answer: 25 days",)]
