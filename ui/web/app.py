"""The web server: one FastAPI process with the chat, the JSON interfaces and the widget, behind the guard."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI
from fastapi.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware

from index.errors import InputError
from ui.admin import runs
from ui.admin.access import Access
from ui.admin.cases import Cases
from ui.admin.desk import Desk
from ui.admin.documents import Shelves, archive_of
from ui.admin.pages import admin_router
from ui.kept.conversations import Transcripts
from ui.kept.keeping import Keeping, open_keeping
from ui.page.chat_api import answers_router, history_router, page_router
from ui.page.shell import Shell
from ui.page.suggestions import Suggestions
from ui.web.api import chat_router, document_router, site_router
from ui.web.assets import STATIC, Assets
from ui.web.guard import Guard, Policy
from ui.web.logs import AnswerLog, log_to_stderr
from ui.web.metrics import Metrics
from ui.web.openai_api import openai_router
from ui.web.parts import FRONTEND, parts
from ui.web.problems import REFUSALS, install_handlers
from ui.web.sites import Sites
from ui.web.stream import Answerer, Library, Streams

if TYPE_CHECKING:
    import uvicorn

    from rag.settings import Settings

_GRADIO_ENVIRONMENT = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_ANALYTICS_MAX_EVENTS": "1",
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000000",
    "MPLBACKEND": "agg",
}
"""Gradio calls nobody, and does not sum up its own use after every event for a page that is not served. At every event
it asks matplotlib for its backend: where none is named, the first question waits for all fonts to be listed."""

BODY_SECONDS = 20.0
"""Time for the body of a request."""
MAX_CONNECTIONS = 2_000
"""Connections at one time; a further one is told that the server is busy (503)."""
_ANY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104  # recognised, not bound


def build_app(pipeline: Answerer, settings: Settings) -> FastAPI:
    """Assemble the application. It asks nothing of the network but its database, and writes only to the home folder.

    Raises:
        StoreUnavailable: the database is not there, or lets us not in.
    """
    keeping = open_keeping(settings)
    metrics, sites, conversations = Metrics(), Sites(settings, time.time, keeping.signing_key), keeping.conversations
    streams = Streams(pipeline, metrics, log=AnswerLog(settings.log_questions), days=keeping.days)
    library = keeping.cached(pipeline.corpus)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(keeping.close)

    app = FastAPI(title=settings.title, docs_url=None, redoc_url=None, responses=REFUSALS, lifespan=lifespan)
    install_handlers(app)
    suggestions = Suggestions(streams.aside, pipeline.corpus, settings.examples, library)
    app.state.suggestions = suggestions
    app.include_router(site_router(library, metrics, settings, sites, suggestions.found))
    app.include_router(chat_router(streams, conversations, keeping.feedback, sites))
    app.include_router(document_router(library, sites))
    app.include_router(openai_router(streams))
    app.include_router(page_router(library, suggestions, settings))
    app.include_router(answers_router(library, conversations, suggestions, settings))
    app.include_router(history_router(conversations, settings))
    app.include_router(_operator_pages(pipeline.corpus, keeping, metrics, settings))
    early: list[str] = []
    _add_middleware(app, settings, sites, metrics, keeping, early)
    # Outside a running loop Gradio opens one for each of its locks, and closes none of them.
    early += asyncio.run(_mount_chat(app, streams, conversations, settings))
    return app


def _operator_pages(library: Library, keeping: Keeping, metrics: Metrics, settings: Settings) -> APIRouter:
    os.environ.setdefault("MPLCONFIGDIR", str(settings.home.resolve() / "plots"))  # else its fonts' list goes elsewhere
    archive = archive_of(library)
    token = settings.admin_token.get_secret_value()
    desk = Desk(
        access=Access(settings.admin_password_hash, token, ledger=keeping.ledger),
        library=library,
        shelves=Shelves(archive, settings.files, settings.folders) if archive else None,
        conversations=keeping.conversations,
        feedback=keeping.feedback,
        cases=Cases(settings.files),
        metrics=metrics,
        days=keeping.days,
        home=settings.home,
        reports=settings.files / runs.FOLDER,
        title=settings.title,
    )
    return admin_router(desk)


async def _mount_chat(app: FastAPI, streams: Streams, conversations: Transcripts, settings: Settings) -> list[str]:
    """Mount the chat, and return the addresses that its page will ask for."""
    os.environ.update(_GRADIO_ENVIRONMENT)  # read when gradio is imported and when its queue is made, both below
    import gradio as gr
    import matplotlib  # noqa: F401  # Gradio does so at the first question, and everybody would wait

    from ui.page.chat import Chat, build_chat
    from ui.page.theme import theme

    page = build_chat(Chat(streams, conversations, settings), settings)
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        theme=theme(),
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        show_error=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        allowed_paths=[],
        max_file_size=0,
    )
    types = {component["type"] for component in page.config["components"]}
    names = parts(FRONTEND, types | {"form"})  # Gradio puts what is entered into forms
    return [f"/theme.css?v={page.config['theme_hash']}", *(f"/assets/{name}" for name in names)]


def _add_middleware(
    app: FastAPI, settings: Settings, sites: Sites, metrics: Metrics, keeping: Keeping, early: Sequence[str]
) -> None:
    """Add what stands before the routes. The last one added is the outermost.

    Gradio leaves cross-origin headers to this middleware once it is there, even where it allows nothing.
    """
    app.add_middleware(Shell, title=settings.title, early=early)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=sites.origins,
        allow_methods=["GET", "POST"],
        allow_headers=["authorization", "content-type"],
        max_age=600,
    )
    own = () if settings.host in _ANY_ADDRESS else (settings.host,)
    policy = Policy(
        hosts=settings.allowed_hosts + own,
        requests_per_minute=settings.requests_per_minute,
        burst=max(min(20, settings.requests_per_minute), settings.requests_per_minute // 3),
        max_visitor_upload=settings.max_upload_mib << 20,
        body_seconds=BODY_SECONDS,
        proxies=tuple(settings.trusted_proxies),
        open_to_all=settings.open_to_all,
    )
    app.add_middleware(Assets, folders={"/static/": STATIC, "/assets/": FRONTEND / "assets"})
    app.add_middleware(Guard, policy=policy, sites=sites, metrics=metrics, buckets=keeping.buckets)


def serve(pipeline: Answerer, settings: Settings) -> None:
    """Serve until interrupted; says where once it is ready. The models load while the application is built.

    Raises:
        InputError: the address or the port cannot be used.
    """
    if settings.log_answers:
        log_to_stderr()
    with listen(settings.host, settings.port) as listener:
        threading.Thread(target=pipeline.warm_up, daemon=True).start()
        app = build_app(pipeline, settings)
        threading.Thread(target=app.state.suggestions.examples, daemon=True).start()
        server_for(app, listener, settings.shutdown_seconds).run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """Bind an address before anything else is built, so that a port in use is told at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host.strip("[]"), port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise InputError(
            f"Cannot listen on {host}, port {port}: {error.strerror}.", f"Try another: --port {port + 1}"
        ) from error
    return listener


def server_for(app: FastAPI, listener: socket.socket, shutdown_seconds: int = 3) -> uvicorn.Server:
    """Return a server for a bound socket that prints its address when it is ready.

    Told to end, it takes no further connection and gives the answers that are under way ``shutdown_seconds``.
    """
    import uvicorn

    from ui.web.connection import Connection

    host, port = listener.getsockname()[:2]
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            sys.stdout.write(f"Ask at {address}  (Ctrl-C ends)\n")
            sys.stdout.flush()

    config = uvicorn.Config(
        app,
        http=Connection,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        ws="none",
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=shutdown_seconds,
    )
    return Server(config)
