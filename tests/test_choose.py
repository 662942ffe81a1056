from __future__ import annotations

from pathlib import Path

import pytest

from evals.cases.choose import choose, parse_condition
from evals.cases.format import Case, Suite
from index.errors import InputError

SUITES = [
    Suite(
        Path("a.yaml"), cases=(Case("draft-who", "Q", tags=("who", "hard")), Case("draft-when", "Q", tags=("when",)))
    ),
    Suite(Path("b.yaml"), cases=(Case("other", "Q"), Case("proposed", "Q", tags=("who",), draft=True))),
]


@pytest.mark.parametrize(
    ("conditions", "chosen"),
    [
        ([], {"draft-who", "draft-when", "other"}),
        (["tag=who"], {"draft-who"}),
        (["tag = wh*"], {"draft-who", "draft-when"}),
        (["tag!=hard"], {"draft-when", "other"}),
        (["id=draft-*", "tag!=when"], {"draft-who"}),
    ],
)
def test_cases_are_chosen_by_all_conditions(conditions: list[str], chosen: set[str]) -> None:
    assert choose(SUITES, [parse_condition(text) for text in conditions]) == chosen


def test_a_draft_counts_when_told() -> None:
    assert choose(SUITES, [parse_condition("tag=who")], drafts=True) == {"draft-who", "proposed"}


def test_those_that_failed_are_asked_again() -> None:
    report = {"cases": [{"id": "other", "passed": False}, {"id": "draft-who", "passed": True}]}
    assert choose(SUITES, failed_in=report) == {"other"}


def test_no_case_left_is_told_with_the_reason() -> None:
    with pytest.raises(InputError, match="no case has tag=where, the tags are hard, when, who"):
        choose(SUITES, [parse_condition("tag=where")])
    with pytest.raises(InputError, match=r"1 of 4 are drafts .*, the tags are hard, when, who"):
        choose(SUITES, [parse_condition("id=proposed")])
    with pytest.raises(InputError, match="in the report, none failed"):
        choose(SUITES, failed_in={"cases": []})


@pytest.mark.parametrize("text", ["", "tag", "who", "tag=", "question=x", "tag>who"])
def test_what_is_no_condition_is_told(text: str) -> None:
    with pytest.raises(InputError, match="Cannot read the filter"):
        parse_condition(text)
