"""Documents of ours with questions, written for learning: ``texts/*.jsonl``, a document a line.

Invented handbooks, manuals, news, letters and the like, in groups of five that resemble each other, and questions as
people type them, in other words than the text's; a third of them nearly answered, but not. See ``texts/README.md``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.cases.format import Case, Evidence
from evals.datasets.collection import Collection
from evals.datasets.files import read_lines

TEXTS = Path(__file__).with_name("texts")


def own(_: Path) -> Iterator[Collection]:
    """Yield the groups of documents, each with its questions. The folder of public sets is not needed."""
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for path in sorted(TEXTS.glob("*.jsonl")):
        for document in read_lines(path):
            groups[document["collection"]].append(document)
    for name, documents in groups.items():
        yield _group(name, documents)


def _group(name: str, records: Sequence[Mapping[str, Any]]) -> Collection:
    documents: dict[str, str] = {}
    cases: list[Case] = []
    asked_of: dict[str, str] = {}
    for number, record in enumerate(records, 1):
        source = f"{name}-{number:03}.md"  # what is kept out of training is kept out by the group
        documents[source] = f"# {record['title']}\n\n{record['text']}\n"
        for asked in record["questions"]:
            case = _case(f"own-{name}-{len(cases):03}", source, asked)
            cases.append(case)
            asked_of[case.id] = source
    return Collection(f"own-{name}", documents, tuple(cases), asked_of)


def _case(case_id: str, source: str, asked: Mapping[str, Any]) -> Case:
    quotes = asked["evidence"]
    return Case(
        id=case_id,
        question=asked["question"],
        answer=((asked["answer"],),) if asked.get("answer") else (),
        evidence=tuple(Evidence(source, quote) for quote in quotes),
        unanswerable=not quotes,
        tags=("answerable" if quotes else "unanswerable",),
    )
