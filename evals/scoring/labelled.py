"""Answers of which it is known whether they are right: what a judge is held to before it is believed.

    python -m evals.scoring.labelled

writes ``labelled.json`` anew out of the cases over ``seeds/``. A right answer is the sentence of the document that
states all that a case wants, retold; a wrong one is that sentence with its number, name, date, speaker or polarity
altered (`evals.mutations`), so that it no longer says what is wanted.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from evals.cases.format import load_cases
from evals.mutations import mutated, shortened
from evals.scoring.facts import missing_facts
from evals.types import Case
from index.readers import read
from index.sentences import sentence_spans

FILE = Path(__file__).with_name("labelled.json")
SUITE = Path(__file__).parents[1] / "suite"
NAMES = ("dossier", "handbook", "manual")
SEED = 5
TURNED = ("polarity", "speaker")
"""Alterations that make an answer wrong even where every wording that is wanted is still there."""

WORDS = 5
"""Words of an answer, at least: a heading or a cell is none."""
DOUBTFUL = {
    "answer-recall",
    "filter-badge",
    "para-meal",
    "para-pets",
    "peskov-maneuver",
    "undated-posts",
    "widget-methods",
}
"""Cases whose altered answer turned out, on reading, not to be wrong beyond doubt."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """An answer to a question, what was ``expected``, and whether the answer is ``right``; ``kind`` says how not."""

    question: str
    expected: tuple[tuple[str, ...], ...]
    answer: str
    right: bool
    kind: str


def labelled() -> list[Labelled]:
    """Return the labelled answers that belong to this version."""
    return [
        Labelled(**each | {"expected": tuple(map(tuple, each["expected"]))})
        for each in json.loads(FILE.read_text(encoding="utf-8"))
    ]


def make() -> list[Labelled]:
    """Make the labelled answers from the suite: of each case a right one and, where it can be altered, a wrong one."""
    chance = random.Random(SEED)  # noqa: S311  # the same every time
    return [each for name in NAMES for each in _of_suite(SUITE / f"{name}.yaml", chance)]


def _of_suite(path: Path, chance: random.Random) -> Iterator[Labelled]:
    suite = load_cases(path)
    for case in suite.cases:
        alone = len(case.evidence) == 1 and case.answer and not case.history
        if alone and case.evidence[0].quote and case.id not in DOUBTFUL:
            source = case.evidence[0].source
            text = read(suite.corpus[0] / source, source).text
            yield from _of_case(case, text, chance)


def _of_case(case: Case, text: str, chance: random.Random) -> Iterator[Labelled]:
    sentences = [line[span.start : span.end] for line in text.splitlines() for span in sentence_spans(line)]
    stating = [each for each in sentences if not missing_facts(case, each) and len(each.split()) >= WORDS]
    if not stating:
        return
    sentence = min(stating, key=len)
    retold = shortened(sentence, chance)
    right = sentence if missing_facts(case, retold) else retold
    yield Labelled(case.question, case.answer, right, True, "true")
    altered = mutated(right, sentence, text, chance)
    wrong = {kind: said for kind, said in altered.items() if kind in TURNED or missing_facts(case, said)}
    if wrong:
        kind = chance.choice(sorted(wrong))
        yield Labelled(case.question, case.answer, wrong[kind], False, kind)


def render(answers: Sequence[Labelled]) -> str:
    """Return the file's text, a line for each answer."""
    return "[\n" + ",\n".join(json.dumps(asdict(each), ensure_ascii=False) for each in answers) + "\n]\n"


if __name__ == "__main__":
    FILE.write_text(render(make()), encoding="utf-8")
