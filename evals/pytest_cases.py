"""A pytest plugin: the cases of a file as tests of a project.

::

    @pytest.mark.citechat_cases("cases.yaml")
    def test_answers(citechat_result):
        assert citechat_result.passed, citechat_result.reasons

Each case is a test of its own, under its id; drafts are left out. Paths are relative to the file of the test. The home
folder is that of ``--citechat-home``, ``CITECHAT_HOME`` or ``.citechat``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evals.running.homes import SuitePipelines
    from evals.scoring.judge import CaseResult
    from evals.types import Suite


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--citechat-home``."""
    parser.addoption("--citechat-home", type=Path, default=None, metavar="DIR", help="home folder of citechat")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "citechat_cases(path, ...): ask the cases of these files, one a test")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each case; a file that is no case file stops the collection with its line."""
    marker = metafunc.definition.get_closest_marker("citechat_cases")
    takes = {"citechat_result", "citechat_case"} & {*metafunc.fixturenames}
    if marker is None and not takes:
        return
    if marker is None or not marker.args:
        raise pytest.UsageError(f'{metafunc.definition.nodeid} needs a mark: @pytest.mark.citechat_cases("cases.yaml")')
    if not takes:
        raise pytest.UsageError(f"{metafunc.definition.nodeid} needs an argument: citechat_result, the judged answer")
    from evals.cases.format import load_cases
    from index.errors import InputError

    try:
        suites = [load_cases(metafunc.definition.path.parent / path) for path in marker.args]
    except InputError as error:
        raise pytest.UsageError(str(error)) from error
    asked = [(suite, case.id) for suite in suites for case in suite.cases if not case.draft]
    metafunc.parametrize("citechat_case", asked, ids=[name for _, name in asked])


@pytest.fixture(scope="session")
def citechat_pipelines(pytestconfig: pytest.Config) -> Iterator[SuitePipelines]:
    """Open the pipelines of the suites, one at a time."""
    from evals.running.homes import SuitePipelines
    from rag.settings import load_settings

    with SuitePipelines(load_settings(pytestconfig.getoption("--citechat-home"))) as pipelines:
        yield pipelines


@pytest.fixture
def citechat_result(
    request: pytest.FixtureRequest, citechat_case: tuple[Suite, str], citechat_pipelines: SuitePipelines
) -> CaseResult:
    """Return the judged answer to the test's case: ``passed``, ``reasons``, ``metrics``, ``answer``.

    A test that fails shows where the case stands, what was asked and what was answered.
    """
    from evals.running.memory import AnswerMemory
    from evals.running.run import run_suite

    suite, name = citechat_case
    report = run_suite(
        [suite],
        citechat_pipelines,
        only={name},
        memory_for=lambda answerer, system: AnswerMemory(answerer.settings.home, system),
    )
    (result,) = report.cases
    said = result.error or result.answer.text
    request.node.add_report_section("setup", "citechat", f"{result.case.where}\n{result.case.question}\n{said}")
    return result
