"""The asker's day on its way through the interfaces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from tests.web import LexicalPipeline, running, settings
from ui.web.today import believed, read

QUESTION = "How many days of leave do employees get?"
BODIES: dict[str, dict[str, object]] = {
    "/api/chat": {"question": QUESTION},
    "/v1/chat/completions": {"model": "citechat", "messages": [{"role": "user", "content": QUESTION}]},
}


@dataclass(frozen=True, slots=True)
class Service:
    address: str
    pipeline: LexicalPipeline

    def ask(self, path: str, today: object) -> httpx.Response:
        return httpx.post(self.address + path, json=BODIES[path] | {"today": today})


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    pipeline = LexicalPipeline()
    with running(pipeline, settings(tmp_path_factory.mktemp("home"))) as address:
        yield Service(address, pipeline)


@pytest.mark.parametrize("path", BODIES)
def test_a_question_is_asked_on_the_day_that_it_brings(service: Service, path: str) -> None:
    today = datetime.now(UTC).date()  # one day of the clock passes at most, which is still believed
    assert service.ask(path, today.isoformat()).status_code == 200
    assert service.pipeline.days[-1] == today
    assert service.ask(path, None).status_code == 200
    assert service.pipeline.days[-1] is None


@pytest.mark.parametrize("path", BODIES)
def test_a_day_that_is_nowhere_is_not_believed(service: Service, path: str) -> None:
    assert service.ask(path, "1999-12-31").status_code == 200
    assert service.pipeline.days[-1] is None


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("today", ["yesterday", "2025-02-30", "2025-11-20; drop", ["2025-11-20"], "9" * 10_000])
def test_what_is_no_day_is_refused_by_its_name(service: Service, path: str, today: object) -> None:
    asked = len(service.pipeline.days)
    reply = service.ask(path, today)
    assert reply.status_code == 422
    assert "today" in reply.text
    assert len(service.pipeline.days) == asked


def test_the_description_of_the_interface_tells_the_rule(service: Service) -> None:
    schemas = httpx.get(f"{service.address}/openapi.json").json()["components"]["schemas"]
    for name in ("ChatRequest", "CompletionRequest"):
        assert "at most one day from the server" in schemas[name]["properties"]["today"]["description"]


def test_the_day_is_believed_wherever_on_earth_it_may_be() -> None:
    now = datetime.now(UTC).date()
    for hours in (-12, 0, 14):
        somewhere = (datetime.now(UTC) + timedelta(hours=hours)).date()
        assert believed(somewhere) == somewhere
    assert believed(now + timedelta(days=3)) is None
    assert believed(None) is None
    assert read((now - timedelta(days=3)).isoformat()) is None
    assert read("") is None
    assert read("<script>") is None
    assert read(date.max.isoformat()) is None
