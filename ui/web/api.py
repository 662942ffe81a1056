"""The JSON interface under ``/api``, which the sources panel and the widget use.

Offsets are code points of the stored text. JavaScript counts otherwise, so a document is sent in three pieces:
before the quote, the quote, after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, Field

from index.errors import InputError
from index.filters import joined, parse_filter
from index.filters.fields import Fields, document_fields
from ui.i18n import negotiate
from ui.kept.aside import aside
from ui.kept.conversations import Exchange, Transcripts
from ui.kept.feedback import Judgements, Verdict
from ui.page.visitors import visitor_of
from ui.web import sse
from ui.web.assets import STATIC
from ui.web.leaving import unless_gone
from ui.web.metrics import CONTENT_TYPE, Metrics
from ui.web.problems import plain
from ui.web.script import widget_response
from ui.web.sites import Visit, bearer, page_origin
from ui.web.stream import Library, Streams, begun
from ui.web.today import Today, believed

if TYPE_CHECKING:
    from index.types import Document
    from rag.settings import Settings
    from ui.web.sites import Sites


_CONTEXT = 200_000
"""Code points of a document that are sent on either side of a quote."""


class ChatRequest(BaseModel):
    """Body of ``POST /api/chat``. A longer question than the settings allow is refused in words by the pipeline."""

    question: str = Field(min_length=1, max_length=100_000, examples=["How many weeks of parental leave are paid?"])
    conversation_id: str | None = Field(default=None, max_length=64)
    filter: str | None = Field(default=None, max_length=10_000)
    today: Today = None


class FeedbackRequest(BaseModel):
    """Body of ``POST /api/feedback``."""

    message_id: str = Field(max_length=64, examples=["hVx0c1UoTQyYb1nJ2m4KqA"])
    value: Verdict = Field(examples=["down"])
    reason: str = Field(default="", max_length=1_000, examples=["The rule changed in March."])


def require_json(request: Request) -> None:
    """Refuse other content types: a page of another site can send those without asking first."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "The body must be application/json.")


def visit_of(request: Request) -> Visit:
    """Return who asks; the guard has found it out."""
    visit: Visit = request.state.visit
    return visit


Visitor = Annotated[Visit, Depends(visit_of)]


def chat_router(streams: Streams, conversations: Transcripts, feedback: Judgements, sites: Sites) -> APIRouter:
    """Return the routes for asking, for looking at the sources of an answer, and for judging it."""
    router = APIRouter(prefix="/api")

    @router.post(
        "/chat",
        dependencies=[Depends(require_json)],
        response_class=StreamingResponse,
        responses=plain("text/event-stream", sse.EVENT),
    )
    async def chat(body: ChatRequest, visit: Visitor, request: Request) -> StreamingResponse:
        known, visitor = body.conversation_id or "", visitor_of(request.cookies)
        history = await aside(conversations, conversations.history, known, visit.owner, visitor)
        where = joined(sites.filter_of(visit), parse_filter(body.filter) if body.filter else None)
        events = streams.events(body.question, history, where, believed(body.today))
        first = await unless_gone(request, begun(events))
        conversation_id, exchange = await aside(conversations, conversations.begin, known, body.question, visit.owner)
        reply = sse.Reply(conversations, conversation_id, exchange, history)
        return StreamingResponse(reply.encode(first, events), media_type="text/event-stream", headers=sse.HEADERS)

    @router.get("/answers/{message_id}/sources")
    async def sources(message_id: str, visit: Visitor, request: Request) -> dict[str, Any]:
        visitor = visitor_of(request.cookies)
        exchange = await aside(conversations, conversations.exchange, message_id, visit.owner, visitor)
        if exchange is None:
            raise HTTPException(404, "This answer is no longer kept; ask again.")
        return _sources(exchange)

    @router.post("/feedback", dependencies=[Depends(require_json)])
    def give_feedback(body: FeedbackRequest, visit: Visitor, request: Request) -> dict[str, bool]:
        exchange = conversations.exchange(body.message_id, visit.owner, visitor_of(request.cookies))
        if exchange is None:
            raise HTTPException(404, "This answer is no longer kept.")
        feedback.append(exchange, body.value, body.reason)
        return {"ok": True}

    return router


def document_router(library: Library, sites: Sites) -> APIRouter:
    """Return the routes for reading what was cited."""
    router = APIRouter(prefix="/api")

    @router.get("/documents/{document_id}")
    def document(
        document_id: str, visit: Visitor, start: Annotated[int, Query(ge=0)] = 0, end: Annotated[int, Query(ge=0)] = 0
    ) -> dict[str, Any]:
        where = sites.filter_of(visit)
        try:
            found = library.document(document_id)
        except InputError:
            found = None
        if found is None or not (where is None or where.matches(_fields(library, found))):
            raise HTTPException(404, "This document is no longer in the index.")
        if not start <= end <= len(found.text):
            raise HTTPException(422, f"start and end must be in order and at most {len(found.text)}.")
        return _document(found, start, end)

    @router.get("/holdings")
    def holdings() -> dict[str, int]:
        totals = library.stats()
        return {"documents": totals.documents, "passages": totals.passages}

    return router


def site_router(
    library: Library, metrics: Metrics, settings: Settings, sites: Sites, examples: Callable[[], Sequence[str]]
) -> APIRouter:
    """Return the routes of the widget and of whoever watches the server; ``examples`` is as in `Sites.greeting`."""
    router = APIRouter()

    @router.get("/api/widget/config")
    def widget_config(
        request: Request, response: Response, site: Annotated[str | None, Query(max_length=64)] = None
    ) -> dict[str, Any]:
        """Give a page of an allowed site its token; every page may ask, and learns what to change."""
        response.headers.update({"Access-Control-Allow-Origin": "*", "Vary": "Origin", "Cache-Control": "no-store"})
        return sites.greeting(site, page_origin(request.headers), bearer(request.headers), examples)

    @router.get("/widget.js", response_class=Response, responses=plain("text/javascript"))
    async def widget(request: Request, lang: Annotated[str, Query(max_length=35)] = "") -> Response:
        """Give the script in the language ``lang``, or in the reader's."""
        wanted = f"{lang}, {request.headers.get('accept-language', '')}"
        return widget_response(request.headers.get("accept-encoding", ""), negotiate(wanted, settings.language))

    @router.get("/demo", include_in_schema=False)
    async def demo() -> FileResponse:
        return FileResponse(STATIC / "demo.html", media_type="text/html")

    @router.get("/embed", include_in_schema=False)
    async def embed() -> FileResponse:
        return FileResponse(STATIC / "embed.html", media_type="text/html")

    @router.get("/frame", include_in_schema=False)
    async def frame() -> FileResponse:
        return FileResponse(STATIC / "frame.html", media_type="text/html")

    @router.get("/manifest.json", include_in_schema=False)
    async def manifest() -> dict[str, Any]:
        icon = {"src": "/static/icon.svg", "sizes": "any", "type": "image/svg+xml"}
        return {"name": settings.title, "start_url": "/", "display": "minimal-ui", "icons": [icon]}

    @router.get("/favicon.ico", include_in_schema=False)
    async def favicon() -> FileResponse:
        return FileResponse(STATIC / "icon.svg", media_type="image/svg+xml")

    @router.get("/healthz")
    async def healthz() -> dict[str, bool]:
        return {"ok": True}

    @router.get("/metrics", response_class=Response, responses=plain("text/plain"))
    def numbers() -> Response:
        totals = library.stats()
        return Response(metrics.text(totals.documents, totals.passages), media_type=CONTENT_TYPE)

    return router


def _fields(library: Library, document: Document) -> Fields:
    """Return what filters may ask of a document, under each of the names that it has."""
    names = library.sources(document.id) or (document.source,)
    return document_fields(document.title, names, document.metadata)


def _sources(exchange: Exchange) -> dict[str, Any]:
    """Return what an answer stands on: quotes by number, and the passages that were found."""
    answer = exchange.answer
    cited = {
        quote.n: asdict(quote) | {"support": claim.support}
        for claim in (answer.claims if answer else ())
        for quote in claim.quotes
    }
    hits = answer.hits if answer else exchange.hits
    return {
        "state": exchange.state,
        "status": answer.status if answer else None,
        "question": exchange.question,
        "sources": [cited[n] for n in sorted(cited)],
        "nearest": [asdict(hit) | {"n": n} for n, hit in enumerate(hits, 1)],
    }


def _document(document: Document, start: int, end: int) -> dict[str, Any]:
    first, last = max(0, start - _CONTEXT), min(len(document.text), end + _CONTEXT)
    return {
        "id": document.id,
        "title": document.title,
        "source": document.source,
        "published": document.metadata.get("published"),
        "outlet": document.metadata.get("outlet"),
        "author": document.metadata.get("author"),
        "page": document.page_of(start),
        "before": document.text[first:start],
        "quote": document.text[start:end],
        "after": document.text[end:last],
        "cut_before": first > 0,
        "cut_after": last < len(document.text),
    }
