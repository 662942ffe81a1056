"""The pytest plugin, in a project of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.terminal import ENVIRONMENT

TEST = """\
import pytest

@pytest.mark.citechat_cases("cases.yaml")
def test_answers(citechat_result):
    assert citechat_result.passed, citechat_result.reasons
"""
CASES = """\
- corpus: [docs]
- {id: noon, question: When does the canteen open?, answer: [[noon]]}
- {id: soup, question: What does the canteen serve on Fridays?, answer: [[salad]]}
- {id: later, question: Who cooks?, answer: [[Bo]], draft: true}
"""


def pytest_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "evals.pytest_cases", "--strict-markers", "-q", *arguments]
    return subprocess.run([*command, str(folder)], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)


def test_each_case_is_a_test(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "canteen.txt").write_text("The canteen opens at noon. The canteen serves soup on Fridays.")
    (tmp_path / "cases.yaml").write_text(CASES)
    (tmp_path / "test_mine.py").write_text(TEST)
    done = pytest_in(tmp_path, "--citechat-home", str(tmp_path / "home"))
    assert "FAILED test_mine.py::test_answers[soup] - AssertionError: ('missing from" in done.stdout
    assert "1 failed, 1 passed" in done.stdout
    asked = f"{tmp_path / 'cases.yaml'}:3\nWhat does the canteen serve on Fridays?\n"
    assert asked in done.stdout
    assert "soup on Fridays. [1]" in done.stdout.partition(asked)[2]


def test_a_broken_case_file_stops_the_collection_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "cases.yaml").write_text("- id: a\n  anwser: [[x]]\n")
    (tmp_path / "test_mine.py").write_text(TEST)
    done = pytest_in(tmp_path)
    assert done.returncode != 0
    assert "cases.yaml:2: unknown key 'anwser', did you mean 'answer'?" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("test", "told"),
    [
        ("def test_a(citechat_result): ...", 'test_a needs a mark: @pytest.mark.citechat_cases("cases.yaml")'),
        ('@pytest.mark.citechat_cases("cases.yaml")\ndef test_a(): ...', "test_a needs an argument: citechat_result"),
    ],
    ids=["no-mark", "no-argument"],
)
def test_a_test_that_is_not_whole_is_told_what_it_needs(tmp_path: Path, test: str, told: str) -> None:
    (tmp_path / "cases.yaml").write_text("- {id: a, question: Who?, answer: [[Ada]]}\n")
    (tmp_path / "test_mine.py").write_text(f"import pytest\n\n{test}\n")
    done = pytest_in(tmp_path)
    assert done.returncode != 0
    assert told in done.stdout + done.stderr
