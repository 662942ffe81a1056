from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.calibrate import fit_suites
from evals.cases.format import Case, Evidence, Suite
from evals.running.homes import SuitePipelines
from evals.running.run import run_suite
from index.errors import InputError
from rag.pipeline import open_pipeline
from rag.settings import Settings, load_settings
from tests.stores import Place, both

RHINE = "The Rhine\n\nThe Rhine flows from the Swiss Alps to the North Sea. The Rhine is 1,230 kilometres long.\n"
WARSAW = "Warsaw\n\nWarsaw is the capital of Poland. The Vistula flows through the city.\n"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "rhine.txt").write_text(RHINE, encoding="utf-8")
    (folder / "warsaw.txt").write_text(WARSAW, encoding="utf-8")
    return folder


def suite(corpus: Path, *cases: Case) -> Suite:
    return Suite(corpus.parent / "cases.yaml", (corpus,), {"threshold": 0.0}, cases)


def settings_of(place: Place, **given: object) -> Settings:
    return load_settings(place.folder, store=place.url or None, store_schema=place.schema, **given)


@both
def test_a_corpus_is_indexed_and_asked(corpus: Path, place: Place) -> None:
    case = Case(
        "long", "How long is the Rhine?", (("1230 kilometres",),), evidence=(Evidence("rhine.txt", "The Rhine is"),)
    )
    with SuitePipelines(settings_of(place)) as pipeline_for:
        report = run_suite([suite(corpus, case)], pipeline_for)
    assert report.cases[0].reasons == ()
    assert "The Rhine is 1,230 kilometres long." in [quote.text for quote in report.cases[0].answer.quotes]
    assert (report.metrics["evidence_recall"], report.metrics["quote_verbatim"]) == (1.0, 1.0)


@both
def test_the_index_follows_the_files(corpus: Path, place: Place) -> None:
    with SuitePipelines(settings_of(place)) as pipeline_for:
        first = pipeline_for(suite(corpus))
        assert [info.sources for info in first.corpus.documents()] == [("rhine.txt",), ("warsaw.txt",)]
        (corpus / "rhine.txt").unlink()
        again = pipeline_for(suite(corpus))
        assert again is first
        assert [info.sources for info in again.corpus.documents()] == [("warsaw.txt",)]
    with open_pipeline(settings_of(place)) as own:  # the suite's index is not the user's
        assert own.corpus.documents() == []


def test_unusable_suites_are_errors(corpus: Path, tmp_path: Path) -> None:
    with SuitePipelines(load_settings(tmp_path / "home")) as pipeline_for:
        with pytest.raises(InputError, match="names no corpus and the index is empty"):
            pipeline_for(Suite(tmp_path / "cases.yaml"))
        with pytest.raises(InputError, match="Setting top_q"):
            pipeline_for(Suite(tmp_path / "cases.yaml", (corpus,), {"top_q": 3}))
        (corpus / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
        with pytest.raises(InputError, match=r"its document broken\.pdf cannot be indexed"):
            pipeline_for(suite(corpus))


def test_a_calibration_on_cases_is_used_on_them(corpus: Path, tmp_path: Path) -> None:
    answerable = [("How long is the Rhine?", "1230"), ("Where does the Rhine flow?", "North Sea")]
    answerable += [("What is the capital of Poland?", "Warsaw"), ("What flows through the city?", "Vistula")]
    hopeless = ["Who invented the telephone?", "What do orcas eat?", "When is Easter?", "Why is snow white?"]
    cases = [Case(question, question, ((answer,),)) for question, answer in answerable]
    cases += [Case(question, question, unanswerable=True) for question in hopeless]
    cases += [Case("draft", "What is the capital of Poland?", unanswerable=True, draft=True)]  # nobody accepted it
    asked = Suite(tmp_path / "cases.yaml", (corpus,), {}, tuple(cases))
    settings = load_settings(tmp_path / "home")
    with SuitePipelines(settings) as pipeline_for:
        calibration = fit_suites([asked], pipeline_for)
        features = pipeline_for(asked).readings(cases[0].question)[0].features
    assert features is not None
    assert len(calibration.weights) == len(features)
    assert calibration.auc == 1.0
    assert (calibration.answerable, calibration.unanswerable) == (4, 4)
    names = json.loads((Path(__file__).parent.parent / "rag" / "reader" / "abstain.json").read_text(encoding="utf-8"))[
        "features"
    ]
    own = json.dumps({"features": names, **calibration.parameters()})
    (settings.home / "abstain.json").write_text(own, encoding="utf-8")
    with SuitePipelines(settings) as pipeline_for:
        assert pipeline_for(asked).threshold == calibration.threshold
        report = run_suite([asked], pipeline_for, only={case.id for case in cases if not case.draft})
    assert (report.metrics["false_answer_rate"], report.metrics["false_refusal_rate"]) == (0.0, 0.0)
    (settings.home / "abstain.json").unlink()
    with SuitePipelines(settings) as pipeline_for:
        assert pipeline_for(asked).threshold != calibration.threshold
