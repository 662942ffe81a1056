"""Language models behind one verb: messages in, pieces of text out.

A model is a file of this machine (`local_llm`) or a server that the user named (`server_llm`). Both speak the OpenAI
interface: what they send is read here, once, and is not trusted: it may be late, endless, or no answer at all.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from index.errors import ContextTooSmall, ModelFailed, ModelMissing
from rag.models import gguf_file, is_gguf

if TYPE_CHECKING:
    from rag.settings import Settings

NO_MODEL = "none"
MAX_TOKENS = 400
"""Tokens of an answer, at most; models are asked to keep to it."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message to a model."""

    role: Literal["system", "user", "assistant"]
    content: str


class LLM(Protocol):
    """A language model."""

    @property
    def name(self) -> str:
        """What answers say they were written by."""
        ...

    def stream(self, messages: Sequence[Message]) -> Generator[str, None, None]:
        """Yield the model's reply in pieces, as they come; an empty piece says that nothing has come for a while.

        Closing the iterator stops the model.

        Raises:
            ContextTooSmall: the messages are longer than the model can read.
            ModelFailed: there is no reply, or it breaks off, takes too long, or is not one.
        """
        ...


def open_llm(settings: Settings) -> LLM | None:
    """Return the language model of the settings, or ``None`` if they name none. Nothing is sent yet.

    Raises:
        ModelMissing: there is no such model, its file is not the pinned one, or what runs it is not installed.
        InputError: the key's file cannot be read.
    """
    if settings.llm == NO_MODEL:
        return None
    given = Path(settings.llm).expanduser()
    if not is_gguf(given) and settings.llm_url is not None:
        from rag.writer.server_llm import ServerLLM

        return ServerLLM(settings.llm_url, settings.llm, settings.api_key(), settings.llm_timeout_s)
    path = given if is_gguf(given) else gguf_file(settings.llm)
    if path is None:
        raise ModelMissing(
            f"The language model {settings.llm!r} is no GGUF file and not in the catalogue.",
            "If a server has it, name the server: --llm-url http://127.0.0.1:11434/v1",
        )
    from rag.writer.local_llm import LocalLLM

    return LocalLLM(path, settings.llm_context, settings.llm_timeout_s)


def request(messages: Sequence[Message]) -> dict[str, Any]:
    """Return what asks a model of the OpenAI interface to answer, always in the same way."""
    return {
        "messages": [{"role": message.role, "content": message.content} for message in messages],
        "stream": True,
        "temperature": 0,
        "max_tokens": MAX_TOKENS,
    }


def read_chunk(chunk: object) -> tuple[str, bool]:
    """Return the text of a chunk of a reply, and whether the chunk says that the reply is complete.

    Raises:
        ContextTooSmall: the chunk says that the messages are too long.
        ModelFailed: it reports another error, or is no chunk.
    """
    match chunk:
        case {"error": {"type": "exceed_context_size_error", "n_prompt_tokens": int(asked), "n_ctx": int(limit)}}:
            raise ContextTooSmall(asked, limit)
        case {"error": {"code": "context_length_exceeded"}}:
            raise ContextTooSmall
        case {"error": {"message": str(message)}} | {"error": str(message)}:
            raise ModelFailed(f"The language model reports: {' '.join(message[:300].split())}")
        case {"choices": [{"delta": {}} | {"message": {}} as choice, *_]}:
            said = choice.get("delta") or choice.get("message") or {}
            text = said.get("content")
            if choice.get("finish_reason") == "content_filter" or said.get("refusal"):
                raise ModelFailed("The language model declines to answer.")
            return text if isinstance(text, str) else "", choice.get("finish_reason") is not None
        case {"choices": []} | {"object": "chat.completion.chunk"}:
            return "", False  # usage, or a heartbeat
    raise ModelFailed("What answers does not speak the OpenAI interface.", "Check llm_url; it often ends in /v1.")
