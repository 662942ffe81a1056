"""``docs/evals.md`` names every key, figure, option and set, and its examples are read without complaint."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evals.cases.format import load_cases
from evals.datasets import DATASETS
from evals.datasets.__main__ import RETRIEVED
from evals.reports.gate import METRICS
from evals.running.sweep import read_grid
from evals.types import CASE_KEYS
from tests.terminal import run

TEXT = (Path(__file__).parents[1] / "docs" / "evals.md").read_text(encoding="utf-8")
EXAMPLE = next(iter(re.findall(r"```yaml\n(.*?)```", TEXT, re.S)))


def test_the_example_is_a_case_file_with_every_key(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "cases.yaml").write_text(EXAMPLE, encoding="utf-8")
    cases = load_cases(tmp_path / "cases.yaml").cases
    assert {case.status for case in cases} == {"answered", "not_found", "clarify"}
    assert {key for key in CASE_KEYS if re.search(rf"^(- |  ){key}:", EXAMPLE, re.M)} == {*CASE_KEYS}


def test_the_table_in_prose_is_a_case_too(tmp_path: Path) -> None:
    row = "id,question,answer,evidence\na,Who?,Marco Rubio | Rubio; Steve Witkoff,peace-plan.md: prepared by\n"
    assert "`Marco Rubio | Rubio; Steve Witkoff`" in TEXT
    (tmp_path / "c.csv").write_text(row, encoding="utf-8")
    assert load_cases(tmp_path / "c.csv").cases[0].answer == (("Marco Rubio", "Rubio"), ("Steve Witkoff",))


def test_the_grid_is_one(tmp_path: Path) -> None:
    (grid,) = re.findall(r"`(\{passage_tokens.*?\})`", TEXT)
    (tmp_path / "grid.yaml").write_text(grid, encoding="utf-8")
    assert len(read_grid(tmp_path / "grid.yaml", [])) == 4


@pytest.mark.parametrize("name", [*METRICS, *DATASETS, *RETRIEVED])
def test_every_figure_and_set_is_named(name: str) -> None:
    assert f"`{name}`" in TEXT


def test_every_option_of_a_run_is_named() -> None:
    told = run("eval", "run", "--help").output
    options = {*re.findall(r"--[a-z-]+", told)} - {"--help", "--home"}
    assert len(options) > 15
    assert {option for option in options if option not in TEXT} == set()
