"""Questions of search engines, and of several steps, over passages of an encyclopaedia."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from evals.cases.format import Case, Evidence
from evals.datasets.collection import Collection, joined, single, slug
from evals.datasets.files import read_json, read_lines

_LOOSE = re.compile(r"\s+(?=[.,;:!?%)\]]|'s\b|n't\b)|(?<=[(\[])\s+")


def clapnq(data: Path) -> Iterator[Collection]:
    """Yield the passages of CLAP NQ, answerable and unanswerable questions together."""
    records = [
        (record, kind)
        for kind in ("answerable", "unanswerable")
        for record in read_lines(data / "clapnq" / f"dev_{kind}.jsonl.gz")
    ]
    yield joined("clapnq", (_clapnq_passage(number, *record) for number, record in enumerate(records)))


def _clapnq_passage(number: int, record: Mapping[str, Any], kind: str) -> Collection:
    passage = record["passages"][0]
    gold = [output["selected_sentences"] for output in record["output"]] if kind == "answerable" else []
    wordings = tuple(dict.fromkeys(sentence for sentences in gold for sentence in sentences))

    def case(source: str) -> Case:
        return Case(
            id=f"clapnq-{record['id']}",
            question=record["input"],
            answer=(wordings,) if wordings else (),
            evidence=tuple(Evidence(source, sentence) for sentence in gold[0]) if gold else (),
            unanswerable=kind == "unanswerable",
            tags=(kind,),
        )

    return single("clapnq", passage["title"], number, passage["text"], case)


def nq(data: Path) -> Iterator[Collection]:
    """Yield Natural Questions with their gold passages."""
    records = read_lines(data / "nq_open" / "nq-open-oracle.jsonl.gz")
    yield joined("nq", (_nq_passage(number, record) for number, record in enumerate(records)))


def _nq_passage(number: int, record: Mapping[str, Any]) -> Collection:
    passage = record["ctxs"][0]

    def case(source: str) -> Case:
        return Case(
            id=f"nq-{number:05}",
            question=record["question"],
            answer=(tuple(record["answers"]),),
            evidence=(Evidence(source),),
            tags=("answerable",),
        )

    return single("nq", passage["title"], number, passage["text"], case)


def qed(data: Path) -> Iterator[Collection]:
    """Yield the Natural Questions of QED whose answer one sentence explains, with their paragraphs."""
    records = [
        record
        for record in read_lines(data / "qed" / "qed-dev.jsonl.gz")
        if "selected_sentence" in record["annotation"]
    ]
    yield joined("qed", (_qed_paragraph(number, record) for number, record in enumerate(records)))


def _qed_paragraph(number: int, record: Mapping[str, Any]) -> Collection:
    sentence = _untokenised(record["annotation"]["selected_sentence"]["string"])
    answers = tuple(_untokenised(answer["string"]) for answer in record["original_nq_answers"][0])

    def case(source: str) -> Case:
        return Case(
            id=f"qed-{number:05}",
            question=record["question_text"],
            answer=(answers,),
            evidence=(Evidence(source, sentence),),
            tags=("answerable",),
        )

    return single("qed", record["title_text"], number, _untokenised(record["paragraph_text"]), case)


def hotpot(data: Path) -> Iterator[Collection]:
    """Yield the questions of HotpotQA over their paragraphs; each needs sentences of two."""
    documents: dict[str, str] = {}
    cases: list[Case] = []
    asked_of: dict[str, str] = {}
    for record in read_json(data / "multihop_small" / "hotpotqa_train.json"):
        paragraphs = dict(record["context"])
        sources = {title: f"{slug(title)}-{len(documents) + n:05}.txt" for n, title in enumerate(paragraphs)}
        documents |= {sources[title]: f"{title}\n\n{''.join(texts)}\n" for title, texts in paragraphs.items()}
        facts = [(title, line) for title, line in record["supporting_facts"] if line < len(paragraphs[title])]
        case = Case(
            id=f"hotpot-{len(cases):03}",
            question=record["question"],
            answer=((record["answer"],),),
            evidence=tuple(Evidence(sources[title], paragraphs[title][line].strip()) for title, line in facts),
            tags=("answerable",),
        )
        cases.append(case)
        asked_of[case.id] = case.evidence[0].source
    yield Collection("hotpot", documents, tuple(cases), asked_of)


def _untokenised(text: str) -> str:
    """Return text whose words and marks stand apart as people write it."""
    for apart, together in (("``", '"'), ("''", '"'), (" -- ", " – "), (" - ", "-")):
        text = text.replace(apart, together)
    return " ".join(_LOOSE.sub("", text).split())
