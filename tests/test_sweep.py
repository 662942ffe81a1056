from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evals.cases.format import Case, Suite
from evals.reports.summary import Report
from evals.running.run import run_suite
from evals.running.sweep import INDEXED, half, held_out, proved, read_grid, render_trials, sweep, with_settings
from index.errors import InputError
from rag.settings import Settings
from tests.small_pipeline import SmallPipeline
from tests.terminal import run as citechat

TRIED = sorted({*Settings.model_fields} - {*INDEXED, "threshold"})
CASES = tuple(Case(f"c{number}", f"Who leads number {number}?", answer=(("Ada",),)) for number in range(80))
SUITE = Suite(Path("s.yaml"), (Path(),), {}, CASES)


def run_with(right: Callable[[dict[str, Any], int], bool]) -> Callable[[dict[str, Any]], Report]:
    """A system that answers a case rightly if ``right(settings, number)``."""

    def run(settings: dict[str, Any]) -> Report:
        names = {number: "Ada" if right(settings, number) else "Bo" for number in range(80)}
        texts = {f"{number}.txt": f"{name} leads number {number}." for number, name in names.items()}
        return run_suite([SUITE], lambda _: SmallPipeline(texts))

    return run


def is_held_out(number: int) -> bool:
    return held_out(f"c{number}")


def test_what_is_better_on_both_halves_is_proved() -> None:
    run = run_with(lambda settings, number: number % 2 == 0 or settings.get("max_claims") == 2)
    trials = sweep([{"max_claims": 1}, {"max_claims": 2}], run)
    best = proved(trials)
    assert best is not None
    assert (best.settings, best.chosen_on, best.held_out) == ({"max_claims": 2}, 1.0, 1.0)
    assert best.gain is not None
    assert best.gain.low > 0
    assert any(trial.front and trial.settings == {"max_claims": 2} for trial in trials)
    shown = render_trials(trials, "pass_rate", {"max_claims": 4}).splitlines()
    assert "max_claims=2" in shown[1]
    assert any("in use: max_claims=4" in line for line in shown)
    assert shown[-2].startswith("* Pareto front")
    assert shown[-1] == "Better by more than chance on the held-out half: max_claims=2."


def test_what_is_better_only_where_it_was_chosen_is_noise() -> None:
    run = run_with(lambda settings, number: number % 2 == 0 or (bool(settings) and not is_held_out(number)))
    trials = sweep([{"max_claims": 2}], run)
    assert (trials[0].settings, trials[0].chosen_on) == ({"max_claims": 2}, 1.0)
    assert proved(trials) is None
    shown = render_trials(trials, "pass_rate", {"max_claims": 4})
    held = sum(map(is_held_out, range(80)))
    assert "max_claims=2, the best on the half that chooses, did not prove itself" in shown
    assert f"on the {held} cases held out: +0.000 (+0.000 to +0.000)." in shown
    assert "A gain of that size" not in shown


def test_a_gain_that_may_be_chance_says_how_many_cases_it_takes() -> None:
    some = next(number for number in range(1, 80, 2) if is_held_out(number))
    run = run_with(
        lambda settings, number: number % 2 == 0 or (bool(settings) and (number == some or not is_held_out(number)))
    )
    trials = sweep([{"max_claims": 2}], run)
    assert proved(trials) is None
    said = re.search(r"takes about (\d+) cases held out", render_trials(trials, "pass_rate", {"max_claims": 4}))
    assert said is not None
    assert sum(map(is_held_out, range(80))) < int(said[1]) < 400


def test_a_line_that_was_not_chosen_is_no_proof() -> None:
    def right(settings: dict[str, Any], number: int) -> bool:
        return number % 2 == 0 or (bool(settings) and is_held_out(number) == (settings["max_claims"] == 3))

    trials = sweep([{"max_claims": 2}, {"max_claims": 3}], run_with(right))
    assert proved(trials) is None
    assert "A better line below it does not count" in render_trials(trials, "pass_rate", {"max_claims": 4})


def test_what_makes_no_difference_leaves_the_settings_in_use_first() -> None:
    trials = sweep([{"max_claims": 2}, {"max_claims": 3}], run_with(lambda _, number: number % 3 == 0))
    assert trials[0].gain is None
    assert "Keep the settings in use: nothing was better" in render_trials(trials, "pass_rate", {"max_claims": 4})


def test_no_trial_of_the_front_is_beaten_by_another() -> None:
    trials = sweep([{"max_claims": 2}, {"max_claims": 3}], run_with(lambda _, number: number % 3 == 0))
    for one in (trial for trial in trials if trial.front):
        assert not any(other.held_out > one.held_out and other.latency_ms < one.latency_ms for other in trials)
    assert any(trial.front for trial in trials)


def test_the_halves_are_of_similar_size_and_keep_a_conversation_together() -> None:
    assert 25 < sum(is_held_out(number) for number in range(80)) < 55
    turns = [
        {"id": f"c{n}-{turn}", "follows": f"c{n}-{turn - 1}" if turn else None} for n in range(9) for turn in range(4)
    ]
    for second in (False, True):
        kept = [case["id"] for case in half({"cases": turns}, second)["cases"]]
        assert 0 < len(kept) < len(turns)
        assert len(kept) == 4 * len({name.split("-")[0] for name in kept})


def test_a_grid_is_every_combination(tmp_path: Path) -> None:
    (tmp_path / "grid.yaml").write_text("dense_weight: [0.4, 0.6]\nmax_claims: [2]\n")
    assert read_grid(tmp_path / "grid.yaml", [SUITE]) == [
        {"dense_weight": 0.4, "max_claims": 2},
        {"dense_weight": 0.6, "max_claims": 2},
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("max_claim: [1]\n", r"grid\.yaml:1: unknown key 'max_claim', did you mean 'max_claims'\?"),
        ("max_claims: 1\n", "max_claims must be a list"),
        ("candidates: [10]\nmax_claims: [1, x]\n", r"grid\.yaml:2: max_claims: Input should be a valid integer"),
        ("max_claims: [[1]]\n", r"grid\.yaml:1: max_claims: Input should be a valid integer"),
        ("max_claims: []\n", "needs at least one value"),
        ("threshold: [0.1]\n", r"threshold is set by s\.yaml itself"),
        ("passage_tokens: [96]\n", "only on case files that name a corpus"),
        (f"max_claims: {list(range(9))}\ncandidates: {list(range(9))}\n", "81 combinations; at most 64"),
        (
            "".join(f"{name}: {[*range(99)]}\n" for name in sorted({*Settings.model_fields} - {*INDEXED, "threshold"})),
            "at most",
        ),
    ],
)
def test_what_is_no_grid_is_told(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "grid.yaml").write_text(text)
    with pytest.raises(InputError, match=problem):
        read_grid(tmp_path / "grid.yaml", [Suite(Path("s.yaml"), settings={"threshold": 0.5})])


def test_settings_are_set_and_the_rest_stays() -> None:
    before = "# mine\nmax_claims = 4  # few\nport = 80\n\n[table]\nx = 1\n"
    after = with_settings(before, {"max_claims": 2, "embedder": "näme"})
    assert after == 'embedder = "näme"\n# mine\nmax_claims = 2\nport = 80\n\n[table]\nx = 1\n'
    with pytest.raises(InputError, match=r"citechat\.toml cannot be written"):
        with_settings("broken", {"max_claims": 2})


def test_a_metric_that_is_no_mean_cannot_choose() -> None:
    with pytest.raises(InputError, match="no metric 'beauty' to choose by"):
        sweep([], run_with(lambda *_: True), "beauty")


def test_a_value_that_is_none_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "canteen.txt").write_text("The canteen opens at noon.")
    (tmp_path / "cases.yaml").write_text("- corpus: [canteen.txt]\n- {id: c, question: When?, answer: [[noon]]}\n")
    (tmp_path / "grid.yaml").write_text("threshold: [0.2, 5]\n")
    refused = citechat("eval", "sweep", tmp_path / "grid.yaml", tmp_path / "cases.yaml", "--home", tmp_path / "home")
    assert (refused.code, refused.output) == (2, "")
    assert "threshold" in refused.errors
    assert not (tmp_path / "home").exists()


def test_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "canteen.txt").write_text("The canteen opens at noon. The canteen serves soup on Fridays.")
    asked = [f"- {{id: c{n}, question: When does the canteen open?, answer: [[noon]]}}\n" for n in range(20)]
    (tmp_path / "cases.yaml").write_text("- corpus: [docs]\n" + "".join(asked))
    (tmp_path / "grid.yaml").write_text("threshold: [0.2]\nmax_claims: [1]\n")
    home = tmp_path / "home"
    home.mkdir()
    (home / "citechat.toml").write_text("threshold = 1.0\n")
    done = citechat("eval", "sweep", tmp_path / "grid.yaml", tmp_path / "cases.yaml", "--write", "--home", home)
    assert done.code == 0
    assert "Better by more than chance on the held-out half: threshold=0.2, max_claims=1." in done.output
    assert (home / "citechat.toml").read_text() == "max_claims = 1\nthreshold = 0.2\n"
    assert done.output.endswith(f"Set in {home / 'citechat.toml'}.\n")
    again = citechat("eval", "sweep", tmp_path / "grid.yaml", tmp_path / "cases.yaml", "--home", home, "--json")
    assert again.json["better"] is None
    few = [next(line for number, line in enumerate(asked) if held_out(f"c{number}") == second) for second in (0, 1)]
    (tmp_path / "cases.yaml").write_text("- corpus: [docs]\n" + "".join(few))

    def kept() -> int:
        return sum(path.read_text().count("\n") for path in home.rglob("answers/*.jsonl"))

    before = kept()
    arguments = ("eval", "sweep", tmp_path / "grid.yaml", tmp_path / "cases.yaml", "--home", home)
    assert (citechat(*arguments).code, kept()) == (0, before)
    assert (citechat(*arguments, "--fresh").code, kept()) == (0, before + 4)


def test_what_is_written_and_does_not_take_effect_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITECHAT_THRESHOLD", "1.0")
    (tmp_path / "canteen.txt").write_text("The canteen opens at noon. The canteen serves soup on Fridays.")
    asked = [f"- {{id: c{n}, question: When does the canteen open?, answer: [[noon]]}}\n" for n in range(20)]
    (tmp_path / "cases.yaml").write_text("- corpus: [canteen.txt]\n" + "".join(asked))
    (tmp_path / "grid.yaml").write_text("threshold: [0.2]\npassage_tokens: [96]\n")
    done = citechat(
        "eval", "sweep", tmp_path / "grid.yaml", tmp_path / "cases.yaml", "--write", "--home", tmp_path / "home"
    )
    assert "The variable CITECHAT_THRESHOLD still says otherwise, and counts: unset it." in done.output
    assert "passage_tokens holds for what is indexed from now on" in done.output
