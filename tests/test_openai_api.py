"""The OpenAI shape, asked with the OpenAI client."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import openai
import pytest
from markdown_it import MarkdownIt
from openai import OpenAI

from rag.tokens import count
from rag.types import Turn
from tests.web import HOSTILE, LexicalPipeline, running, settings

QUESTION = "How many days of leave do employees get?"


@dataclass(frozen=True, slots=True)
class Service:
    address: str
    pipeline: LexicalPipeline
    client: OpenAI


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    pipeline = LexicalPipeline()
    with (
        running(pipeline, settings(tmp_path_factory.mktemp("home"))) as address,
        OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client,
    ):
        yield Service(address, pipeline, client)


def test_models_are_listed_and_found_by_name(service: Service) -> None:
    assert [model.id for model in service.client.models.list()] == ["citechat"]
    assert service.client.models.retrieve("citechat").owned_by == "citechat"
    with pytest.raises(openai.NotFoundError):
        service.client.models.retrieve("gpt-4")


def test_an_answer_has_text_usage_and_citations(service: Service) -> None:
    completion = service.client.chat.completions.create(
        model="citechat", messages=[{"role": "user", "content": QUESTION}], temperature=0.2
    )
    text = completion.choices[0].message.content
    assert text is not None
    assert text.startswith("Every employee gets 25 days of paid leave a year. [1]")
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None
    assert completion.usage.prompt_tokens == count(QUESTION)
    assert completion.usage.completion_tokens == count(text)
    assert completion.usage.total_tokens == count(QUESTION) + count(text)
    citations = completion.model_dump()["citations"]
    assert citations[0]["support"] == "verbatim"
    assert citations[0]["quotes"][0]["text"] == "Every employee gets 25 days of paid leave a year."


def test_a_stream_adds_up_to_the_whole_answer(service: Service) -> None:
    whole = service.client.chat.completions.create(model="citechat", messages=[{"role": "user", "content": QUESTION}])
    chunks = list(
        service.client.chat.completions.create(
            model="citechat",
            messages=[{"role": "user", "content": QUESTION}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-2].model_dump()["citations"] == whole.model_dump()["citations"]
    assert chunks[-1].usage == whole.usage
    assert len({chunk.id for chunk in chunks}) == 1


def test_hostile_text_starts_nothing_in_a_client_that_renders_markdown(service: Service) -> None:
    messages = [{"role": "user", "content": "zebra rule instructions click mail"}]
    completion = service.client.chat.completions.create(model="citechat", messages=messages)  # type: ignore[arg-type]
    content = str(completion.choices[0].message.content)
    assert "![leak](http" in content.replace("\u200b", "")
    parsed = [token for block in MarkdownIt().parse(content) for token in (block, *(block.children or ()))]
    assert not {token.type for token in parsed} & {"image", "link_open", "html_inline", "html_block"}
    quoted = [quote["text"] for claim in completion.model_dump()["citations"] for quote in claim["quotes"]]
    assert all(text in HOSTILE.text for text in quoted)


def test_usage_is_streamed_only_when_asked_for(service: Service) -> None:
    chunks = list(
        service.client.chat.completions.create(
            model="citechat", messages=[{"role": "user", "content": QUESTION}], stream=True
        )
    )
    assert all(chunk.usage is None for chunk in chunks)


def test_earlier_turns_are_history_and_instructions_are_not(service: Service) -> None:
    service.client.chat.completions.create(
        model="citechat",
        messages=[
            {"role": "system", "content": "Reply in verse."},
            {"role": "user", "content": "When does the canteen open?"},
            {"role": "assistant", "content": "At noon."},
            {"role": "user", "content": [{"type": "text", "text": "And the soup?"}]},
        ],
    )
    assert service.pipeline.asked[-1][1] == (
        Turn("user", "When does the canteen open?"),
        Turn("assistant", "At noon."),
    )


def test_a_long_history_is_taken_and_a_longer_one_refused(service: Service) -> None:
    turns = [{"role": ("user", "assistant")[number % 2], "content": f"Turn {number}."} for number in range(498)]
    asked = {"model": "citechat", "messages": [*turns, {"role": "user", "content": QUESTION}]}
    assert httpx.post(f"{service.address}/v1/chat/completions", json=asked).status_code == 200
    assert len(service.pipeline.asked[-1][1]) == 498
    asked["messages"] = [*turns[:2], *asked["messages"]]
    refused = httpx.post(f"{service.address}/v1/chat/completions", json=asked)
    assert refused.status_code == 422
    assert "500" in refused.json()["error"]["message"]


def test_an_unknown_model_is_not_found(service: Service) -> None:
    with pytest.raises(openai.NotFoundError, match="citechat"):
        service.client.chat.completions.create(model="gpt-4", messages=[{"role": "user", "content": "x"}])


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"model": "citechat", "messages": []},
        {"model": "citechat", "messages": [{"role": "user", "content": ""}]},
        {"model": "citechat", "messages": [{"role": "user", "content": "x" * 2001}], "stream": True},
        {"model": "citechat", "messages": [{"role": "assistant", "content": "x"}]},
        {"model": "citechat", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]},
        {"model": "citechat", "messages": [{"role": "user", "content": "x"}], "n": 2},
        {"model": "citechat", "messages": [{"role": "user", "content": "x"}], "tools": [{"type": "function"}]},
    ],
)
def test_what_cannot_be_answered_is_refused_in_the_shape_that_clients_read(service: Service, body: object) -> None:
    response = httpx.post(f"{service.address}/v1/chat/completions", json=body)
    error = response.json()["error"]
    assert response.status_code == 422
    assert (error["type"], error["code"]) == ("invalid_request_error", "invalid_request")
    assert error["message"]


def test_a_failure_is_raised_by_the_client(service: Service) -> None:
    messages = [{"role": "user", "content": "Does leave explode?"}]
    with pytest.raises(openai.InternalServerError, match="Something went wrong"):
        service.client.chat.completions.create(model="citechat", messages=messages)  # type: ignore[arg-type]
    with pytest.raises(openai.APIError, match="Something went wrong"):
        list(service.client.chat.completions.create(model="citechat", messages=messages, stream=True))  # type: ignore[arg-type]


def test_a_filter_limits_what_is_quoted(service: Service) -> None:
    def answer(condition: str) -> list[object]:
        completion = service.client.chat.completions.create(
            model="citechat", messages=[{"role": "user", "content": QUESTION}], extra_body={"filter": condition}
        )
        return list(completion.model_dump()["citations"])

    assert answer("source~leave and not published<2025") != []
    assert answer("source~canteen or outlet in (AP, BBC)") == []
    with pytest.raises(openai.UnprocessableEntityError, match=r"character 9\): a value is missing"):
        answer("outlet =")
