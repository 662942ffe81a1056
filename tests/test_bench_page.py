"""The benchmark of the chat page, in a real browser; and that the page stays as light as it was when it was timed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.bench.page import main
from tests.browser import CHROMIUM
from tests.chat_page import serving

MOST_REQUESTS, MOST_KILOBYTES = 90, 450
"""What it may take somebody who is new here until the question box is there: bounds that no busy machine moves."""


@pytest.mark.skipif(not CHROMIUM.exists(), reason="apt-get install chromium")
def test_the_page_takes_few_requests_and_sends_what_is_typed_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(tmp_path) as service:
        assert main([service.address, "--rounds", "2", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert 10 < shown["cold"]["requests"] <= MOST_REQUESTS
    assert 50 < shown["cold"]["kilobytes"] <= MOST_KILOBYTES
    assert shown["warm"]["kilobytes"] < shown["cold"]["kilobytes"] / 2
    for visits in shown.values():
        assert 0 < visits["drawn_ms"] < visits["usable_ms"] <= visits["usable_worst_ms"]
