"""What is wrong with a language model is told whoever runs the server, not its readers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from rag.answer.said import for_readers, said
from rag.query.language import LANGUAGES, Language
from rag.types import Done, Event
from tests.web import LexicalPipeline
from ui.web.metrics import Metrics
from ui.web.stream import Streams

PROBLEM = "http://10.0.0.7:8080/v1 refuses the key (HTTP 401). Set CITECHAT_LLM_KEY or llm_key_file."


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", ["broke_off", "fell_back"])
def test_a_notice_for_readers_names_no_server(key: str, language: Language) -> None:
    shown = for_readers(said(key, language, problem=PROBLEM))
    assert said(key, language, problem="").startswith(shown.rstrip("."))
    assert shown.endswith(".")
    assert not any(word in shown for word in ("10.0.0.7", "KEY", "401"))


def test_a_notice_without_a_problem_stays() -> None:
    assert for_readers(said("nothing_held", "de")) == said("nothing_held", "de")


def test_readers_get_the_notice_and_the_log_the_problem(caplog: pytest.LogCaptureFixture) -> None:
    class Noticed(LexicalPipeline):
        def stream(self, question: str, *arguments: Any, **options: Any) -> Iterator[Event]:  # noqa: ANN401  # as it has
            for event in super().stream(question, *arguments, **options):
                notice = said("fell_back", "en", problem=PROBLEM)
                yield Done(replace(event.answer, notice=notice)) if isinstance(event, Done) else event

    async def asked() -> list[Event]:
        return [event async for event in Streams(Noticed(), Metrics()).events("days of leave in the portal")]

    with caplog.at_level(logging.WARNING):
        done = asyncio.run(asked())[-1]
    assert isinstance(done, Done)
    assert done.answer.notice == "Quoted without the language model."
    assert PROBLEM in caplog.text
