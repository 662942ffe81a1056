"""What the description of the interface promises is so: schemathesis asks whatever it allows, and what it does not."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from tests import web
from tests.web import LEAVE, LexicalPipeline, running

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 12
"""Requests to each route that it allows, and as many that it does not."""
SECONDS = 40.0
"""Time after which the routes that are left get one request each."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    chosen = web.settings(tmp_path_factory.mktemp("home"), requests_per_minute=1_000_000, uploads=True)
    with running(LexicalPipeline(), chosen) as address:
        yield address


@pytest.fixture(scope="module")
def description(address: str) -> dict[str, Any]:
    described: dict[str, Any] = httpx.get(f"{address}/openapi.json").json()
    return described


def test_every_route_keeps_to_its_description(address: str, description: dict[str, Any]) -> None:
    schema = schemathesis.openapi.from_dict(description)
    schema.config.update(base_url=address)
    ends = time.monotonic() + SECONDS
    asked: list[str] = []
    for result in schema.get_all_operations():
        operation = result.ok()  # type: ignore[union-attr]  # or its test fails
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query):
                continue  # anything is a path parameter
            asked.append(operation.label)
            ask(operation, mode, EXAMPLES if time.monotonic() < ends else 1)
    assert {"POST /api/chat", "POST /v1/chat/completions", "GET /api/documents/{document_id}"} <= set(asked)


def ask(operation: Any, mode: GenerationMode, number: int) -> None:  # noqa: ANN401  # of schemathesis, which has no types
    checks = [*CHECKS, negative_data_rejection] if mode is GenerationMode.NEGATIVE else CHECKS

    @seed(5)
    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def each(case: Any) -> None:  # noqa: ANN401
        case.call_and_validate(checks=checks)

    each()


def test_every_reply_is_described_with_its_refusals(description: dict[str, Any]) -> None:
    problem = {"$ref": "#/components/schemas/Problem"}
    for path, methods in description["paths"].items():
        for operation in methods.values():
            refused = operation["responses"]["4XX"]["content"]["application/json"]["schema"]
            assert refused == problem, path
            assert "HTTPValidationError" not in json.dumps(operation)


def test_every_body_has_an_example_that_is_answered(address: str, description: dict[str, Any]) -> None:
    known = httpx.post(f"{address}/api/chat", json={"question": "How many days of leave?"}).text
    message_id = json.loads(known.split("data: ")[-1])["message_id"]
    for path in ("/api/chat", "/api/feedback", "/v1/chat/completions"):
        reference = description["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        fields = description["components"]["schemas"][reference.rpartition("/")[2]]
        body = {name: fields["properties"][name]["examples"][0] for name in fields["required"]}
        if "message_id" in body:
            body["message_id"] = message_id
        assert httpx.post(address + path, json=body).status_code == 200, path


def test_a_document_is_read_as_described(address: str) -> None:
    reply = httpx.get(f"{address}/api/documents/{LEAVE.id}", params={"start": 14, "end": 20})
    assert reply.json()["quote"] == LEAVE.text[14:20]
