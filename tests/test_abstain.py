from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from index.errors import InputError
from index.terms import stem
from rag.query.question import analyse
from rag.reader.abstain import describe
from rag.reader.gate import FEATURES, FILE, SIGNS, Gate, load_gate
from rag.reader.linear import LinearModel
from rag.reader.read import FEATURES as READER_FEATURES
from rag.reader.read import read
from tests.handmade import QUERY, found, likeness

# The reader's score is the sentence's cosine, so that it can be told at a glance.
BY_COSINE = LinearModel(
    np.array([float(name == "sentence_similarity") for name in READER_FEATURES]),
    0.0,
    np.zeros(len(READER_FEATURES)),
    np.ones(len(READER_FEATURES)),
)


def test_the_features_of_a_question_by_hand() -> None:
    question = analyse(
        "When was the museum of Leeds opened by Roe?",
        {stem("museum"): 0.5, stem("Leeds"): 0.75, stem("opened"): 0.25, stem("Roe"): 1.0},
    )
    best = found(
        ["It was opened in 1897.", "Many came to Leeds.", "It rained that day.", "Clocks are shown."],
        context="The museum",
        cosines=[0.9, 0.4, 0.3, 0.2],
    )
    other = found(["Roe has trams.", "Trams are red."], document_id="e", cosines=[0.25, 0.1])
    alike = likeness(question, [best, other])
    candidates = read(question, QUERY, [best, other], alike, BY_COSINE)
    odds = [-4.0, -1.5, -9.0]  # of the three best; the others were read once
    twice = [replace(each, log_odds=given) for each, given in zip(candidates, odds, strict=False)]
    described = dict(zip(FEATURES, describe([*twice, *candidates[3:]], alike), strict=True))
    assert described == pytest.approx({"log_odds": -1.5, "lacking_near": 1.0, "names_covered": 0.5}, abs=1e-6)


def test_a_question_without_names_that_is_covered_lacks_nothing() -> None:
    question = analyse("Why is the museum closed?")
    hits = [found(["The museum is closed for repairs."], cosines=[0.8])]
    alike = likeness(question, hits)
    candidates = read(question, QUERY, hits, alike, BY_COSINE)
    described = dict(zip(FEATURES, describe(candidates, alike), strict=True))
    assert described == {"log_odds": 0.0, "lacking_near": 0.0, "names_covered": 1.0}


def parameters(**changes: object) -> str:
    count = len(FEATURES)
    weights = [0.0] * count
    weights[0] = 2.0
    return json.dumps(
        {
            "features": FEATURES,
            "weights": weights,
            "bias": -1.0,
            "mean": [0.5] * count,
            "scale": [0.25] * count,
            "threshold": 0.6,
            **changes,
        }
    )


def test_confidence_is_the_logistic_of_the_model(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(parameters(), encoding="utf-8")
    gate = load_gate(tmp_path)
    row = np.zeros(len(FEATURES))
    row[0] = 0.75
    assert gate.threshold == 0.6
    assert gate.confidence(row) == pytest.approx(1 / (1 + math.exp(-(2.0 * (0.75 - 0.5) / 0.25 - 1.0))))


@pytest.mark.parametrize(("value", "confidence"), [(1e9, 1.0), (-1e9, 0.0)])
def test_confidence_stays_between_0_and_1(tmp_path: Path, value: float, confidence: float) -> None:
    (tmp_path / FILE).write_text(parameters(), encoding="utf-8")
    assert load_gate(tmp_path).confidence(np.full(len(FEATURES), value)) == pytest.approx(confidence)


def test_without_a_calibration_of_its_own_a_home_has_that_of_the_package(tmp_path: Path) -> None:
    gate = load_gate(tmp_path)
    assert isinstance(gate, Gate)
    assert 0 < gate.threshold < 1
    assert gate.model.weights.shape == (len(FEATURES),)
    assert dict(zip(FEATURES, np.minimum(gate.model.weights * SIGNS, 0.0), strict=True)) == dict.fromkeys(FEATURES, 0.0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "3",
        "\x00",
        parameters(features=["other"]),
        parameters(threshold=None),
        parameters(threshold="high"),
        parameters(scale="x"),
        parameters(weights=[1.0]),
        parameters()[:-5],
    ],
)
def test_a_calibration_for_something_else_is_an_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        load_gate(tmp_path)
    assert str(tmp_path / FILE) in error.value.problem
    assert "citechat eval calibrate" in error.value.remedy


def test_a_calibration_that_is_no_text_is_an_error_too(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError):
        load_gate(tmp_path)


def test_a_target_without_a_curve_says_what_to_do() -> None:
    gate = Gate(BY_COSINE, 0.5)
    with pytest.raises(InputError, match="no curve") as caught:
        gate.threshold_for(0.05)
    assert "eval calibrate" in str(caught.value)


def test_a_curve_out_of_order_is_no_calibration(tmp_path: Path) -> None:
    parameters = {"features": FEATURES, "bias": 0.0, "threshold": 0.5}
    parameters |= dict.fromkeys(("weights", "mean"), [0.0] * len(FEATURES)) | {"scale": [1.0] * len(FEATURES)}
    (tmp_path / FILE).write_text(json.dumps({**parameters, "curve": [[0.2, 0.5, 0.0], [0.1, 0.6, 0.0]]}))
    with pytest.raises(InputError, match="ascending"):
        load_gate(tmp_path)
