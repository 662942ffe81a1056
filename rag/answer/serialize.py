"""Answers as JSON, in the one shape that every surface gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, TypeVar

from rag.answer.said import remarked
from rag.query.language import Language, language_of
from rag.types import Answer, Claim, Quote, Remark, Source

Found = TypeVar("Found", Source, Quote)


def answer_json(answer: Answer) -> dict[str, Any]:
    """Return an answer as JSON values: the shape of ``citechat ask --json``.

    ``notice`` and ``remarks`` are there where there is one; each remark has its words in ``text``.
    """
    more: dict[str, Any] = {"notice": answer.notice} if answer.notice else {}
    if answer.remarks:
        language = language_of(answer.question, answer.standalone_question)
        more["remarks"] = [remark_json(remark, language) for remark in answer.remarks]
    return more | {
        "question": answer.question,
        "standalone_question": answer.standalone_question,
        "status": answer.status,
        "confidence": round(answer.confidence, 4),
        "short_answer": answer.short_answer,
        "answer": answer.text,
        "claims": [claim_json(claim) for claim in answer.claims],
        "hits": [source_json(hit) for hit in answer.hits],
        "model": answer.model,
        "timings_ms": dict(answer.timings_ms),
    }


def claim_json(claim: Claim) -> dict[str, Any]:
    """Return a claim with its quotes as JSON values."""
    return {"text": claim.text, "support": claim.support, "quotes": [_fields(quote) for quote in claim.quotes]}


def remark_json(remark: Remark, language: Language | None) -> dict[str, Any]:
    """Return a remark as JSON values, with its words in the question's language."""
    return {**asdict(remark), "quotes": list(remark.quotes), "text": remarked(remark, language)}


def source_json(source: Source) -> dict[str, Any]:
    """Return a hit as JSON values."""
    return _fields(source)


def _fields(value: Quote | Source) -> dict[str, Any]:
    """Return the fields of a quote or a hit; ``author`` and ``also_in`` only where there is one."""
    values: dict[str, Any] = {field.name: getattr(value, field.name) for field in fields(value)}
    there = {"author": values.pop("author"), "also_in": list(values.pop("also_in"))}
    return values | {name: each for name, each in there.items() if each}


def answer_of(values: Mapping[str, Any]) -> Answer:
    """Return an answer from what ``dataclasses.asdict`` and JSON made of it.

    Raises:
        ValueError, TypeError, KeyError: it is something else.
    """
    claims = tuple(
        Claim(claim["text"], claim["support"], found_of(Quote, claim["quotes"])) for claim in values["claims"]
    )
    remarks = tuple(Remark(**remark | {"quotes": tuple(remark["quotes"])}) for remark in values["remarks"])
    return Answer(**{**values, "claims": claims, "hits": found_of(Source, values["hits"]), "remarks": remarks})


def found_of(kind: Callable[..., Found], values: Sequence[Mapping[str, Any]]) -> tuple[Found, ...]:
    """Return sources or quotes in the same way."""
    return tuple(kind(**{**each, "also_in": tuple(each["also_in"])}) for each in values)
