"""How fast, and how faithfully, a language model writes answers over ``seeds/``.

    python -m evals.bench.writing --llm NAME [--llm-url URL] [--limit N] [--quotes 3 6] [--home DIR]

Asks answerable cases of our own suite and prints, for each number of quotes and each order of the prompt: the time to
the evidence and to the first sentence that was verified (median and 95th percentile; for the sentence also in processor
time, all threads together, which other work on the machine changes less), what became of the model's
sentences, and answer recall beside that of the same questions without a model.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from evals.cases.format import Case, load_cases
from evals.scoring.facts import count_facts, missing_facts
from evals.scoring.metrics import percentile, share
from evals.scoring.wordings import answer_text
from index.errors import CitechatError
from index.files import find_files
from rag.models import locate
from rag.pipeline import Pipeline, open_pipeline
from rag.reader.cross_encoder import BASE, TRAINED, CrossEncoder
from rag.settings import load_settings
from rag.types import Answer, Claim, Delta, Done, Evidence
from rag.writer import prompts
from rag.writer.llm import LLM, open_llm
from rag.writer.verify import Verifier
from rag.writer.write import Ask, Sentence, Writer

SUITE = Path(__file__).parents[1] / "suite"
FILES = ("dossier", "handbook", "manual")


def question_first(question: str, quotes: Iterable[tuple[int, str]]) -> str:
    """Ask with the question before the quotes as well as after them."""
    return f"Question: {prompts.fenced(question)}\n\n{prompts.write_from(question, quotes)}"


ORDERS: dict[str, Ask] = {"quotes first": prompts.write_from, "question first": question_first}


@dataclass(slots=True)
class Tally:
    """What was measured with one prompt."""

    evidence_s: list[float] = field(default_factory=list)
    sentence_s: list[float] = field(default_factory=list)
    sentence_cpu_s: list[float] = field(default_factory=list)
    total_s: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    recall: list[float] = field(default_factory=list)
    fallen_back: int = 0

    def line(self, name: str) -> str:
        """Return the figures in one line."""
        times = (self.evidence_s, self.sentence_s, self.sentence_cpu_s, self.total_s)
        shown = " ".join(f"{percentile(each, 50) or 0:6.2f} {percentile(each, 95) or 0:6.2f}" for each in times)
        counts = " ".join(f"{self.outcomes[outcome]:5}" for outcome in ("kept", "quoted", "dropped"))
        return f"{name:26} {shown}  {counts} {self.fallen_back:5}  {sum(self.recall) / max(1, len(self.recall)):.2f}\n"


class _Counting(Writer):
    """A writer that counts what becomes of its sentences."""

    def __init__(self, llm: LLM, verifier: Verifier, context: int, ask: Ask, tally: Tally) -> None:
        super().__init__(llm, verifier, context, ask)
        self._tally = tally

    def _judge(self, raw: str, question: str, chosen: Sequence[Claim]) -> Sentence:
        sentence = super()._judge(raw, question, chosen)
        self._tally.outcomes[sentence.outcome] += 1
        return sentence


def measure(pipeline: Pipeline, cases: Sequence[Case], tally: Tally) -> None:
    """Ask each case once and add to the tally."""
    for case in tqdm(cases, unit="question", disable=None, leave=False):
        begun, worked = time.perf_counter(), time.process_time()
        first: tuple[float, float] | None = None
        answer: Answer | None = None
        for event in pipeline.stream(case.question):
            match event:
                case Evidence():
                    tally.evidence_s.append(time.perf_counter() - begun)
                case Delta(text) if first is None and "[" in text:
                    first = time.perf_counter() - begun, time.process_time() - worked
                case Done(done):
                    answer = done
        tally.total_s.append(time.perf_counter() - begun)
        wall, processor = first or (tally.total_s[-1], time.process_time() - worked)
        tally.sentence_s.append(wall)
        tally.sentence_cpu_s.append(processor)
        if answer is not None:
            tally.recall.append(_recall(case, answer))
            tally.fallen_back += answer.notice is not None


def _recall(case: Case, answer: Answer) -> float:
    facts = count_facts(case)
    return share(facts - len(missing_facts(case, answer_text(answer))), facts) or 0.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m evals.bench.writing")
    parser.add_argument("--llm", required=True, help="as for citechat ask")
    parser.add_argument("--llm-url", help="as for citechat ask")
    parser.add_argument("--limit", type=int, default=24, help="questions, spread evenly over the suite (default 24)")
    parser.add_argument("--quotes", type=int, nargs="+", default=[3, 6], help="numbers of quotes to try (default 3 6)")
    parser.add_argument(
        "--home", type=Path, default=Path(".citechat"), help="home folder; seeds/ is added to its index"
    )
    options = parser.parse_args(arguments)
    cases = [case for name in FILES for case in load_cases(SUITE / f"{name}.yaml").cases]
    asked = [case for case in cases if case.answer and not case.history and not case.filter]
    chosen = asked[:: max(1, len(asked) // options.limit)][: options.limit]
    try:
        llm = open_llm(load_settings(options.home, llm=options.llm, llm_url=options.llm_url))
        if llm is None:
            parser.error("name a model")
        head = " ".join(f"{name + ' p50':>6} {'p95':>6}" for name in ("ev.", "sent", "cpu", "all"))
        sys.stdout.write(f"{len(chosen)} questions, seconds{'':7} {head}   kept quotd dropd fellb  recall\n")
        with open_pipeline(load_settings(options.home, llm="none")) as pipeline:
            pipeline.corpus.add(find_files([SUITE.parents[1] / "seeds"]))
            pipeline.warm_up()
            cross_encoder = CrossEncoder(locate(BASE), locate(TRAINED))
            quoted = Tally()
            measure(pipeline, chosen, quoted)
            sys.stdout.write(quoted.line("no model"))
            for order, ask in ORDERS.items():
                for quotes in options.quotes:
                    settings = load_settings(options.home, llm_quotes=quotes)
                    tally = Tally()
                    verifier = Verifier(pipeline.corpus.embedder)
                    writer = _Counting(llm, verifier, settings.llm_context, ask, tally)
                    writer.warm_up()
                    measure(Pipeline(pipeline.corpus, cross_encoder, settings, writer), chosen, tally)
                    sys.stdout.write(tally.line(f"{order}, {quotes} quotes"))
                    sys.stdout.flush()
    except CitechatError as error:
        parser.exit(error.exit_code, f"{error}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
