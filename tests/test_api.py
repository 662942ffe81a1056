"""The JSON interface, asked by a client over a real connection."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from rag.types import Turn
from tests.web import CANTEEN, DOCUMENTS, HOSTILE, LEAVE, LexicalPipeline, running, settings

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Service:
    address: str
    pipeline: LexicalPipeline
    home: Path

    def ask(self, question: str, conversation_id: str | None = None) -> list[Event]:
        body = {"question": question, "conversation_id": conversation_id}
        reply = httpx.post(f"{self.address}/api/chat", json=body)
        assert reply.status_code == 200, reply.text
        assert reply.headers["content-type"].startswith("text/event-stream")
        return events_of(reply.text)

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.address + path)

    def post(self, path: str, body: object) -> httpx.Response:
        return httpx.post(self.address + path, json=body)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    home, pipeline = tmp_path_factory.mktemp("home"), LexicalPipeline()
    with running(pipeline, settings(home)) as address:
        yield Service(address, pipeline, home)


def events_of(stream: str) -> list[Event]:
    """Decode a stream and check that the name of each event is also in its data."""
    events: list[Event] = []
    for message in stream.split("\n\n")[:-1]:
        name, data = message.split("\n")
        events.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {events[-1]['type']}"
    return events


def test_an_answer_arrives_in_order_and_adds_up(service: Service) -> None:
    events = service.ask("How many days of leave do employees get?")
    kinds = [event["type"] for event in events]
    assert [*kinds[:2], *kinds[-2:]] == ["sources", "quotes", "citations", "done"]
    assert set(kinds[2:-2]) == {"token"}
    assert "".join(event["text"] for event in events if event["type"] == "token") == events[-2]["answer"]
    first = events[-2]["claims"][0]
    assert first["text"] == "Every employee gets 25 days of paid leave a year."
    assert first["quotes"][0]["n"] == 1
    assert events[-1]["status"] == "answered"
    assert events[-1]["usage"]["total_tokens"] > events[-1]["usage"]["completion_tokens"] > 0


def test_the_client_in_the_readme_works(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    client = readme.split("```python\n")[1].split("```")[0]
    client = client.replace("http://127.0.0.1:7860", service.address)
    exec(client.replace("weeks of parental leave", "days of leave"), {})  # noqa: S102  # our own text
    assert "Every employee gets 25 days of paid leave a year. ['handbook/leave.md']" in capsys.readouterr().out


def test_what_is_not_found_comes_with_the_nearest_passages(service: Service) -> None:
    events = service.ask("Quidditch?")
    assert events[-2]["status"] == "not_found"
    assert events[-2]["claims"] == []
    assert [hit["document_id"] for hit in events[0]["sources"]] == [document.id for document in DOCUMENTS]


def test_the_sources_of_an_answer_can_be_fetched_again(service: Service) -> None:
    events = service.ask("days left in the portal")
    message_id = events[-1]["message_id"]
    body = service.get(f"/api/answers/{message_id}/sources").json()
    assert body["state"] == "complete"
    assert body["question"] == "days left in the portal"
    assert [source["n"] for source in body["sources"]] == list(range(1, len(body["sources"]) + 1))
    assert body["sources"][0]["support"] == "verbatim"
    assert [hit["n"] for hit in body["nearest"]] == list(range(1, len(body["nearest"]) + 1))


def test_a_quote_behind_astral_characters_is_cut_out_exactly(service: Service) -> None:
    quotes = [q for c in service.ask("Which portal shows the days left?")[-2]["claims"] for q in c["quotes"]]
    quote = next(quote for quote in quotes if "🚀" in quote["text"])
    query = f"?start={quote['start']}&end={quote['end']}"
    body = service.get(f"/api/documents/{quote['document_id']}{query}").json()
    assert body["quote"] == quote["text"] == "🌍🌍 The portal 🚀 shows the days that are left."
    assert body["before"] + body["quote"] + body["after"] == LEAVE.text
    assert (body["title"], body["outlet"]) == ("Staff handbook: leave", "Human Resources")
    assert (body["author"], body["published"]) == ("A. Writer", "2025-02-01")
    assert (body["cut_before"], body["cut_after"]) == (False, False)


def test_a_document_without_a_quote_is_given_whole(service: Service) -> None:
    body = service.get(f"/api/documents/{CANTEEN.id}").json()
    assert (body["before"], body["quote"], body["after"]) == ("", "", CANTEEN.text)


def test_hostile_text_is_given_as_json_and_never_sniffed(service: Service) -> None:
    response = service.get(f"/api/documents/{HOSTILE.id}")
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.json()["title"] == HOSTILE.title


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/answers/nothing/sources", 404),
        ("/api/documents/ffffffffffffffff", 404),
        (f"/api/documents/{CANTEEN.id}?start=5&end=4", 422),
        (f"/api/documents/{CANTEEN.id}?start=0&end=999999", 422),
        (f"/api/documents/{CANTEEN.id}?start=-1&end=4", 422),
        (f"/api/documents/{CANTEEN.id}?start=x", 422),
    ],
)
def test_what_is_not_there_is_said_in_one_shape(service: Service, path: str, status: int) -> None:
    response = service.get(path)
    assert response.status_code == status
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"question": "   "}, "empty or too long"),
        ({"question": "x" * 2001}, "empty or too long"),
        ({"question": ""}, "question"),
        ({"question": "x" * 100_001}, "question"),
        ({"question": ["x"]}, "question"),
        ({}, "question"),
        ([], ""),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused_before_the_stream(
    service: Service, body: object, problem: str
) -> None:
    response = service.post("/api/chat", body)
    assert response.status_code == 422
    assert response.json()["error"]["code"] == "invalid_request"
    assert problem in response.json()["error"]["message"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
@pytest.mark.parametrize("path", ["/api/chat", "/api/feedback", "/v1/chat/completions"])
def test_only_json_is_taken(service: Service, path: str, kind: str) -> None:
    headers = {"content-type": kind} if kind else {}
    response = httpx.post(service.address + path, content=b'{"question": "x"}', headers=headers)
    assert (response.status_code, response.json()["error"]["code"]) == (415, "unsupported_media_type")


def test_a_failure_in_the_middle_ends_the_stream_and_tells_no_internals(service: Service) -> None:
    events = service.ask("Does leave explode?")
    assert [event["type"] for event in events] == ["sources", "error"]
    assert events[1]["code"] == "internal_error"
    assert "boiler" not in events[1]["message"]


def test_a_conversation_is_kept_on_the_server_and_cannot_be_joined_by_guessing(service: Service) -> None:
    first = service.ask("When does the canteen open?")
    conversation = first[-1]["conversation_id"]
    second = service.ask("And the soup?", conversation)
    assert second[-1]["conversation_id"] == conversation
    assert service.pipeline.asked[-1][1] == (
        Turn("user", "When does the canteen open?"),
        Turn("assistant", first[-2]["answer"]),
    )
    stranger = service.ask("And the soup?", "made-up")
    assert stranger[-1]["conversation_id"] not in ("made-up", conversation)
    assert not service.pipeline.asked[-1][1]


def test_feedback_is_written_down_with_what_it_is_about(service: Service) -> None:
    done = service.ask("soup on Fridays?")[-1]
    body = {"message_id": done["message_id"], "value": "wrong_source", "reason": "old menu\n"}
    assert service.post("/api/feedback", body).json() == {"ok": True}
    entry = json.loads((service.home / "feedback.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    assert (entry["verdict"], entry["reason"], entry["question"]) == ("wrong_source", "old menu\n", "soup on Fridays?")
    assert entry["quotes"][0] == {"source": "canteen.txt", "start": 27, "end": 53, "text": "It serves soup on Fridays."}


@pytest.mark.parametrize(
    ("change", "status"),
    [({"message_id": "unknown"}, 404), ({"value": "great"}, 422), ({"reason": "x" * 1001}, 422)],
)
def test_feedback_that_makes_no_sense_is_refused(service: Service, change: dict[str, str], status: int) -> None:
    body = {"message_id": service.ask("soup")[-1]["message_id"], "value": "up"} | change
    assert service.post("/api/feedback", body).status_code == status


def test_leaving_ends_the_work_and_the_answer_is_kept_as_stopped(tmp_path: Path) -> None:
    pipeline = LexicalPipeline(delay=0.05)
    with running(pipeline, settings(tmp_path)) as address:
        with httpx.stream("POST", f"{address}/api/chat", json={"question": "days of leave in the portal"}) as reply:
            pieces = reply.iter_text()
            next(pieces)
            assert pipeline.running == 1
        deadline = time.monotonic() + 3
        while pipeline.running and time.monotonic() < deadline:
            time.sleep(0.02)
        assert pipeline.running == 0


def test_answers_are_counted_by_how_they_ended(tmp_path: Path) -> None:
    pipeline = LexicalPipeline()
    with running(pipeline, settings(tmp_path)) as address:
        service = Service(address, pipeline, tmp_path)
        for question in ("soup?", "leave?", "Quidditch?", "Does leave explode?"):
            service.ask(question)
        pipeline.delay = 0.1
        with httpx.stream("POST", f"{address}/api/chat", json={"question": "days of leave in the portal"}) as reply:
            pieces = reply.iter_text()
            next(pieces)
            assert numbers(service)["citechat_answers_running"] == 1
        deadline = time.monotonic() + 5
        while numbers(service)["citechat_answers_running"] and time.monotonic() < deadline:
            time.sleep(0.02)
        counted = numbers(service)
    outcomes = {"answered": 2, "not_found": 1, "clarify": 0, "stopped": 1, "failed": 1}
    assert {name: counted[f'citechat_answers_total{{outcome="{name}"}}'] for name in outcomes} == outcomes
    assert counted["citechat_answer_seconds_count"] == 5
    assert counted["citechat_answer_seconds_sum"] > 0
    assert (counted["citechat_documents"], counted["citechat_passages"]) == (3, 12)


@pytest.mark.parametrize("questions", [False, True])
def test_the_log_holds_questions_only_where_it_may(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, questions: bool
) -> None:
    caplog.set_level("INFO", "citechat.answers")
    pipeline = LexicalPipeline()
    with running(pipeline, settings(tmp_path, log_questions=questions)) as address:
        Service(address, pipeline, tmp_path).ask("When does the canteen open?")
    entry = json.loads(caplog.messages[-1])
    assert (entry["event"], entry["outcome"], entry["characters"]) == ("answer", "answered", 27)
    assert 0 < entry["first_evidence"] <= entry["seconds"]
    assert entry.get("question") == ("When does the canteen open?" if questions else None)
    assert ("canteen" in caplog.text) == questions


def numbers(service: Service) -> dict[str, float]:
    lines = service.get("/metrics").text.splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def test_many_readers_are_served_at_once(tmp_path: Path) -> None:
    with running(LexicalPipeline(delay=0.02), settings(tmp_path)) as address:
        answers: list[str] = []

        def ask() -> None:
            answers.append(httpx.post(f"{address}/api/chat", json={"question": "days of leave"}, timeout=30).text)

        def seconds(readers: int) -> float:
            begun = time.monotonic()
            threads = [threading.Thread(target=ask) for _ in range(readers)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return time.monotonic() - begun

        one, many = seconds(1), seconds(20)
        assert len(answers) == 21
        assert all("event: done" in answer for answer in answers)
        assert many < 10 * one  # one after the other they would take twenty times as long


def test_a_filter_limits_what_is_searched(service: Service) -> None:
    question = "When does the canteen serve soup on Fridays?"
    conditions = {"source=canteen.txt": {CANTEEN.source}, "published=2025 and not source~img": {LEAVE.source}}
    for condition, found in conditions.items():
        reply = service.post("/api/chat", {"question": question, "filter": condition})
        assert {hit["source"] for hit in events_of(reply.text)[0]["sources"]} == found
    refused = service.post("/api/chat", {"question": question, "filter": "published>=2025 and"})
    assert refused.status_code == 422
    assert "at its end (character 20): a field is missing" in refused.json()["error"]["message"]
