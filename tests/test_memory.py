from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from evals.cases.format import Case, Suite
from evals.reports.summary import Report
from evals.running.answerer import Answerer, describe
from evals.running.memory import KEPT, AnswerMemory, forget
from evals.running.run import run_suite
from index.errors import InputError
from rag.answer.said import said
from rag.types import Turn
from tests.small_pipeline import SmallPipeline

TEXTS = {"plan.txt": "Marco Rubio prepared the draft. The plan has 28 points.", "leave.txt": "Staff get 25 days."}
WHO = Case("who", "Who prepared the draft?", answer=(("Rubio",),))
POINTS = Case("points", "How many points has it?", answer=(("28",),), follows="who")
DAYS = Case("days", "How many days do staff get?", answer=(("25",),))
SUITE = Suite(Path("s.yaml"), cases=(WHO, POINTS, DAYS))


class Counting(SmallPipeline):
    """Counts how often it is asked."""

    asked = 0

    def ask(self, question: str, *rest: object) -> object:  # type: ignore[override]
        self.asked += 1
        return super().ask(question, *rest)  # type: ignore[arg-type]


def run(home: Path, pipeline: SmallPipeline, suite: Suite = SUITE) -> tuple[Report, list[AnswerMemory]]:
    opened = []

    def memory_for(_: Answerer, system: Mapping[str, object]) -> AnswerMemory:
        opened.append(AnswerMemory(home, system))
        return opened[-1]

    return run_suite([suite], lambda _: pipeline, memory_for=memory_for), opened


def test_an_unchanged_system_is_not_asked_again(tmp_path: Path) -> None:
    first, _ = run(tmp_path, SmallPipeline(TEXTS))
    pipeline = Counting(TEXTS)
    second, memories = run(tmp_path, pipeline)
    assert (pipeline.asked, memories[0].found) == (0, 3)
    assert second.as_json() == first.as_json()


def test_a_changed_document_or_threshold_is_another_system(tmp_path: Path) -> None:
    run(tmp_path, SmallPipeline(TEXTS))
    strict = Counting(TEXTS)
    strict.threshold = 0.9
    for pipeline in (Counting(TEXTS | {"more.txt": "More."}), strict):
        run(tmp_path, pipeline)
        assert pipeline.asked == 3


def test_changed_expectations_are_judged_on_the_answer_that_is_known(tmp_path: Path) -> None:
    run(tmp_path, SmallPipeline(TEXTS))
    pipeline = Counting(TEXTS)
    wrong = replace(SUITE, cases=(WHO, POINTS, replace(DAYS, answer=(("26",),))))
    report, _ = run(tmp_path, pipeline, wrong)
    assert pipeline.asked == 0
    assert report.cases[2].reasons == ("missing from the answer: 26",)


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    class Interrupted(Counting):
        def ask(self, question: str, *rest: object) -> object:  # type: ignore[override]
            if self.asked == 2:
                raise KeyboardInterrupt
            return super().ask(question, *rest)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Interrupted(TEXTS))
    file = next(tmp_path.rglob("*.jsonl"))
    file.write_bytes(file.read_bytes()[:-9])  # as if killed in the middle of the second line
    pipeline = Counting(TEXTS)
    report, _ = run(tmp_path, pipeline)
    whole, _ = run(tmp_path / "other", SmallPipeline(TEXTS))
    assert pipeline.asked == 2
    assert report.metrics["pass_rate"] == whole.metrics["pass_rate"]
    again = Counting(TEXTS)
    run(tmp_path, again)
    assert again.asked == 0


def test_a_follow_up_after_another_answer_is_another_question(tmp_path: Path) -> None:
    system = describe(SmallPipeline(TEXTS))
    memory = AnswerMemory(tmp_path, system)
    assert memory.get(WHO, ()) is None
    run(tmp_path, SmallPipeline(TEXTS))
    memory = AnswerMemory(tmp_path, system)
    assert memory.get(WHO, ()) is not None
    assert memory.get(WHO, (Turn("user", "Hello"),)) is None
    assert AnswerMemory(tmp_path, system, repetition=1).get(WHO, ()) is None


def test_no_answer_outlives_its_documents(tmp_path: Path) -> None:
    run(tmp_path, SmallPipeline(TEXTS))
    run(tmp_path, SmallPipeline({"leave.txt": TEXTS["leave.txt"]}))
    kept = [path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.jsonl")]
    assert len(kept) == 1
    assert "Rubio" not in kept[0]
    forget(tmp_path)
    assert not [*tmp_path.rglob("*.jsonl")]


def test_few_systems_are_kept(tmp_path: Path) -> None:
    system = describe(SmallPipeline(TEXTS))
    for number in range(KEPT + 3):
        AnswerMemory(tmp_path, {**system, "threshold": number})
    assert len([*tmp_path.rglob("*.jsonl")]) == KEPT


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "evals").write_text("a file")
    with pytest.raises(InputError, match="Cannot write"):
        AnswerMemory(tmp_path, describe(SmallPipeline(TEXTS)))


def test_what_is_told_from_today_is_another_question_tomorrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    friday = replace(WHO, id="friday", question="Who prepared the draft last Friday?")
    suite = replace(SUITE, cases=(WHO, friday))
    run(tmp_path, SmallPipeline(TEXTS), suite)

    class Tomorrow(date):
        @classmethod
        def today(cls) -> Tomorrow:
            return cls(2031, 3, 4)

    monkeypatch.setattr("evals.running.memory.date", Tomorrow)
    pipeline = Counting(TEXTS)
    _, memories = run(tmp_path, pipeline, suite)
    assert (pipeline.asked, memories[0].found) == (1, 1)


class Forsaken(Counting):
    """Goes on without the language model that it has: ``notice`` says why."""

    notice = ""

    def ask(self, question: str, *rest: object) -> object:  # type: ignore[override]
        return replace(super().ask(question, *rest), notice=self.notice)  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("key", "kept"), [("fell_back", 0), ("broke_off", 0), ("nothing_held", 3), ("wrote_nothing", 3)]
)
def test_an_answer_that_a_failing_model_cut_short_is_no_answer_of_the_system(
    tmp_path: Path, key: str, kept: int
) -> None:
    pipeline = Forsaken(TEXTS)
    pipeline.notice = said(key, "de", problem="it does not answer")
    run(tmp_path, pipeline)
    assert run(tmp_path, pipeline)[1][0].found == kept
