"""What the scripts of the chat page ask for, under ``/chat``: for our own page only, no other site gets it.

A visitor is known by the cookie of :mod:`ui.page.visitors`; answers have unguessable ids, for their visitor alone.
"""

from __future__ import annotations

import base64
import threading
from dataclasses import asdict
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response

from index.errors import InputError, ReadError
from index.readers import SUFFIXES
from index.readers.pdf_page import PageImage, draw_page
from rag.types import Quote, Source
from ui.i18n import Messages, messages, negotiate
from ui.kept.conversations import Conversation, Exchange, Transcripts
from ui.page import export, view
from ui.page.suggestions import Suggestions
from ui.page.uploads import FOLDER, Uploads
from ui.page.visitors import visitor_of
from ui.web.stream import Library

if TYPE_CHECKING:
    from index.types import Document, Original
    from rag.settings import Settings

_FILE = {"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string"}}}}}
_EXPORTED: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind: {"schema": {"type": "string"}} for kind in ("text/markdown", "text/html")}}
}
_EXPORTED[200]["content"]["application/json"] = {"schema": {"type": "object"}}
"""An upload is read as it comes; this describes it."""
_PAGES_DRAWN = threading.Semaphore(2)
"""Each page is drawn by a process of its own."""


def page_router(library: Library, suggestions: Suggestions, settings: Settings) -> APIRouter:
    """Return the routes that tell the page what there is: messages, documents, examples, fields to filter by."""
    router = APIRouter(prefix="/chat")
    uploads = Uploads(settings.files / FOLDER, library.add, settings.max_upload_mib << 20)

    @router.get("/messages")
    async def catalogue(request: Request, response: Response) -> dict[str, Any]:
        say = _say(request, settings)
        response.headers["Vary"] = "Accept-Language"
        return {"language": say.language, "messages": say.entries}

    @router.get("/start")
    def start() -> dict[str, Any]:
        totals, documents = library.stats(), library.documents()
        return {
            "documents": totals.documents,
            "passages": totals.passages,
            "newest": max(filter(None, (info.metadata.get("published") for info in documents)), default=None),
            "uploads": {"types": sorted(SUFFIXES), "max_mib": settings.max_upload_mib} if settings.uploads else None,
        }

    @router.get("/examples")
    def examples() -> dict[str, Any]:
        return {"examples": suggestions.examples()}

    @router.get("/facets")
    def facets() -> dict[str, Any]:
        documents = library.documents()
        dates = sorted(filter(None, (info.metadata.get("published") for info in documents)))
        return {
            "sources": [{"source": info.sources[0], "title": info.title} for info in documents if info.sources],
            "outlets": sorted({info.metadata["outlet"] for info in documents if info.metadata.get("outlet")}),
            "earliest": dates[0] if dates else None,
            "latest": dates[-1] if dates else None,
        }

    @router.post("/uploads", openapi_extra=_FILE)
    async def upload(request: Request, name: Annotated[str, Query(max_length=500)]) -> dict[str, Any]:
        if not settings.uploads:
            raise HTTPException(403, "Documents cannot be added here; see the setting uploads.")
        if request.headers.get("content-type", "") != "application/octet-stream":
            raise HTTPException(415, "The body must be application/octet-stream.")
        from fastapi.concurrency import run_in_threadpool

        results = await run_in_threadpool(uploads.add, name, await request.body())
        return {"results": [asdict(result) for result in results]}

    return router


def answers_router(
    library: Library, conversations: Transcripts, suggestions: Suggestions, settings: Settings
) -> APIRouter:
    """Return the routes about an answer: its documents and their pages, references, what may follow."""
    router = APIRouter(prefix="/chat/answers/{message_id}")

    def exchange_of(message_id: str, request: Request) -> Exchange:
        exchange = conversations.exchange(message_id, visitor=visitor_of(request.cookies))
        if exchange is None:
            raise HTTPException(404, "This answer is no longer kept; ask again.")
        return exchange

    @router.get("/sources/{n}")
    def source(message_id: str, n: int, request: Request) -> dict[str, Any]:
        numbered = _numbered(exchange_of(message_id, request))
        document, cited = _cited(library, numbered, n)
        names = library.sources(document.id)
        same = [(n, cited)] if isinstance(cited, Source) else _of(document, numbered)
        drawable = _original_page(library, document, cited) is not None
        return view.cited(document, same, n, names) | {"can_draw": drawable}

    @router.get("/sources/{n}/page")
    def page(message_id: str, n: int, request: Request) -> dict[str, Any]:
        document, cited = _cited(library, _numbered(exchange_of(message_id, request)), n)
        original = _original_page(library, document, cited)
        if original is None:
            raise HTTPException(404, "The file of this document is not there any more; its text is.")
        try:
            with _PAGES_DRAWN:
                image = _draw(original, cited.page or 1, cited.text)
        except ReadError as error:
            raise HTTPException(422, str(error)) from error
        return {
            "number": cited.page,
            "width": image.width,
            "height": image.height,
            "image": f"data:image/png;base64,{base64.b64encode(image.png).decode()}",
            "marks": [asdict(mark) for mark in image.marks],
        }

    @router.get("/references")
    def references(message_id: str, request: Request, style: export.References = "markdown") -> dict[str, str]:
        answer = exchange_of(message_id, request).answer
        if answer is None:
            raise HTTPException(404, "This answer is not complete.")
        return {"text": export.references(answer, style, _say(request, settings))}

    @router.get("/follow-ups")
    def follow_ups(message_id: str, request: Request) -> dict[str, Any]:
        return {"questions": suggestions.after(exchange_of(message_id, request))}

    return router


def history_router(conversations: Transcripts, settings: Settings) -> APIRouter:
    """Return the routes about the conversations of one visitor; another's are as if they did not exist."""
    router = APIRouter(prefix="/chat/history")

    @router.get("")
    def history(request: Request) -> dict[str, Any]:
        visitor = visitor_of(request.cookies)
        own = conversations.of(visitor) if visitor else ()
        return {"conversations": [_summary(conversation) for conversation in own]}

    @router.delete("", status_code=204)
    def forget_all(request: Request) -> None:
        visitor = visitor_of(request.cookies)
        if visitor:
            conversations.forget(visitor)

    @router.delete("/{conversation_id}", status_code=204)
    def forget(conversation_id: str, request: Request) -> None:
        visitor = visitor_of(request.cookies)
        if visitor:
            conversations.forget(visitor, conversation_id)

    @router.get("/{conversation_id}/export", response_class=Response, responses=_EXPORTED)
    def exported(conversation_id: str, request: Request, format: export.Format = "markdown") -> Response:  # noqa: A002
        visitor = visitor_of(request.cookies)
        own = conversations.of(visitor) if visitor else ()
        found = next((conversation for conversation in own if conversation.id == conversation_id), None)
        if found is None:
            raise HTTPException(404, "This conversation is no longer kept.")
        content = export.conversation(found, format, settings.title, _say(request, settings))
        name = f"conversation-{found.exchanges[0].asked:%Y-%m-%d}.{export.SUFFIXES[format]}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return Response(content, media_type=export.MEDIA_TYPES[format], headers=headers)

    return router


def _say(request: Request, settings: Settings) -> Messages:
    return messages(negotiate(request.headers.get("accept-language", ""), settings.language))


def _summary(conversation: Conversation) -> dict[str, Any]:
    first = conversation.exchanges[0]
    return {
        "id": conversation.id,
        "title": first.question[:200],
        "asked": first.asked.isoformat(timespec="seconds"),
        "questions": len(conversation.exchanges),
        "messages": [exchange.id for exchange in conversation.exchanges],
    }


def _numbered(exchange: Exchange) -> list[tuple[int, Quote | Source]]:
    """Return what an answer cites by number; where it cites nothing, what was found."""
    answer = exchange.answer
    if answer and answer.quotes:
        return [(quote.n, quote) for quote in answer.quotes]
    return list(enumerate(answer.hits if answer else exchange.hits, 1))


def _cited(library: Library, numbered: list[tuple[int, Quote | Source]], n: int) -> tuple[Document, Quote | Source]:
    cited = next((source for number, source in numbered if number == n), None)
    if cited is None:
        raise HTTPException(404, "The answer has no such source.")
    try:
        return library.document(cited.document_id), cited
    except InputError:
        raise HTTPException(404, "This document is no longer in the index.") from None


def _of(document: Document, numbered: list[tuple[int, Quote | Source]]) -> list[tuple[int, Quote | Source]]:
    return [(n, source) for n, source in numbered if source.document_id == document.id]


def _original_page(library: Library, document: Document, cited: Quote | Source) -> Original | None:
    """Return the file whose page can be drawn, if the document is a PDF and its file is unchanged."""
    if document.metadata.get("format") != "pdf" or not cited.page:
        return None
    return library.original(document.id)


@lru_cache(maxsize=32)
def _draw(original: Original, number: int, quote: str) -> PageImage:
    return draw_page(original, number, quote)
