from __future__ import annotations

import json
from dataclasses import replace

from rag.answer.serialize import answer_json
from rag.types import Answer, Claim, Quote, Source

QUOTE = Quote(1, "d1", "plan.md", "The plan", 3, 27, 47, "It was “drafted” 😀.", "2025-11-20", "AP")
HIT = Source("d1", "plan.md", "The plan", None, 0, 47, 0.5, "Some context.", None, None)
ANSWER = Answer(
    question="Who?",
    standalone_question="Who drafted it?",
    status="answered",
    confidence=0.123456789,
    short_answer="Jane Roe",
    text="**Jane Roe.** It was “drafted” 😀. [1]",
    claims=(Claim("It was “drafted” 😀.", "verbatim", (QUOTE,)),),
    hits=(HIT,),
    model="extractive",
    timings_ms={"retrieve": 9.1, "total": 33.0},
)


def test_the_shape_of_ask_json() -> None:
    assert answer_json(ANSWER) == {
        "question": "Who?",
        "standalone_question": "Who drafted it?",
        "status": "answered",
        "confidence": 0.1235,
        "short_answer": "Jane Roe",
        "answer": "**Jane Roe.** It was “drafted” 😀. [1]",
        "claims": [
            {
                "text": "It was “drafted” 😀.",
                "support": "verbatim",
                "quotes": [
                    {
                        "n": 1,
                        "document_id": "d1",
                        "source": "plan.md",
                        "title": "The plan",
                        "page": 3,
                        "start": 27,
                        "end": 47,
                        "text": "It was “drafted” 😀.",
                        "published": "2025-11-20",
                        "outlet": "AP",
                    }
                ],
            }
        ],
        "hits": [
            {
                "document_id": "d1",
                "source": "plan.md",
                "title": "The plan",
                "page": None,
                "start": 0,
                "end": 47,
                "score": 0.5,
                "text": "Some context.",
                "published": None,
                "outlet": None,
            }
        ],
        "model": "extractive",
        "timings_ms": {"retrieve": 9.1, "total": 33.0},
    }


def test_an_author_is_named_where_there_is_one() -> None:
    quote = replace(QUOTE, author="Jane Roe")
    values = answer_json(replace(ANSWER, claims=(replace(ANSWER.claims[0], quotes=(quote,)),)))
    assert values["claims"][0]["quotes"][0]["author"] == "Jane Roe"


def test_keys_come_in_the_documented_order() -> None:
    assert list(answer_json(ANSWER)) == (
        "question standalone_question status confidence short_answer answer claims hits model timings_ms".split()
    )


def test_json_and_back_is_the_same() -> None:
    data = answer_json(ANSWER)
    assert json.loads(json.dumps(data)) == data
    assert json.loads(json.dumps(data, ensure_ascii=False, allow_nan=False)) == data


def test_an_answer_without_claims() -> None:
    refused = Answer("Who?", "Who?", "not_found", 0.0, None, "No.", (), (), "extractive")
    data = answer_json(refused)
    assert (data["claims"], data["hits"], data["short_answer"], data["timings_ms"]) == ([], [], None, {})


def test_a_notice_is_told_where_there_is_one() -> None:
    assert "notice" not in answer_json(ANSWER)
    assert answer_json(replace(ANSWER, notice="No model."))["notice"] == "No model."
