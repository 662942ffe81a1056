"""The routes of the operator's pages: forms in, pages out, and a redirect after each change."""
# Annotations are evaluated here: FastAPI cannot find a dependency that is local to a function by its name.

import hmac
import math
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request

from evals.reports.page import stylesheet
from evals.scoring.measures import label
from evals.scoring.text import printable
from index.errors import CitechatError, InputError
from rag.answer.serialize import answer_json
from ui.admin import plots, runs
from ui.admin.desk import Changes, Desk
from ui.admin.plots import Look
from ui.admin.sessions import Session
from ui.kept.conversations import MAX_CONVERSATIONS
from ui.kept.days import Gap
from ui.web.metrics import Minute, Outcome
from ui.web.problems import LoggedOut

_LEAD = re.compile(r"\*\*(.+?)\*\*\s*", re.DOTALL)
COOKIE = "citechat_operator"
SHOWN = 200
"""Rows of a table, at most."""
LATENCIES = {"first_p50": "first evidence, median", "first_p95": "first evidence, p95", "whole_p95": "whole, p95"}
DAILY: dict[Outcome, str] = {"not_found": "without an answer", "answered": "answered"}


class Pages:
    """Renders templates; every value is escaped, whatever document or visitor it comes from."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._environment = Environment(
            loader=FileSystemLoader(Path(__file__).with_name("templates")),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["ms"] = lambda seconds: "–" if seconds is None else f"{seconds * 1000:.0f} ms"
        self._environment.filters["seconds"] = lambda value: "–" if value is None else f"{value:.2f} s"
        self._environment.filters["moment"] = _moment
        self._environment.filters["said"] = _said
        self._environment.filters["number"] = lambda value: "–" if value is None else f"{value:.3f}"

    def show(self, name: str, session: Session | None = None, status: int = 200, **values: object) -> Response:
        """Return a page; notices of the session are shown once."""
        notices = session.told() if session else []
        page = self._environment.get_template(f"{name}.html").render(
            here=name, site=self._title, csrf=session.csrf if session else "", notices=notices, **values
        )
        return HTMLResponse(printable(page), status, headers={"Cache-Control": "no-store"})


def _moment(when: datetime | str) -> str:
    return f"{datetime.fromisoformat(str(when)).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _said(text: str) -> Markup:
    """Return an answer with its short answer, which leads it between asterisks, in bold."""
    lead = _LEAD.match(text)
    return Markup("<strong>{}</strong> {}").format(lead[1], text[lead.end() :]) if lead else escape(text)


def admin_router(desk: Desk) -> APIRouter:
    """Return the routes under ``/admin``; without any way to log in, each says how to make one."""
    router = APIRouter(prefix="/admin", include_in_schema=False)
    pages = Pages(desk.title)
    if not desk.access.enabled:
        _add_hint(router, pages)
        return router

    def operator(request: Request) -> Session:
        session = desk.access.session(request.cookies.get(COOKIE))
        if session is None:
            raise LoggedOut
        return session

    async def form(request: Request) -> AsyncIterator[tuple[Session, FormData]]:
        session = await run_in_threadpool(operator, request)  # before a byte of an upload is read
        async with request.form(max_files=100, max_fields=100, max_part_size=1 << 20) as fields:
            if not hmac.compare_digest(str(fields.get("csrf", "")).encode(), session.csrf.encode()):
                raise HTTPException(403, "This form is too old. Go back, reload the page, and send it again.")
            yield session, fields

    _add_login(router, desk, pages)
    _add_views(router, desk, pages, operator)
    _add_evals(router, desk, pages, operator)
    _add_plots(router, desk, operator)
    _add_changes(router, desk, form)
    return router


def _add_hint(router: APIRouter, pages: Pages) -> None:
    @router.get("")
    @router.get("/{path:path}")
    def closed() -> Response:
        return pages.show("closed", status=404)


def _add_login(router: APIRouter, desk: Desk, pages: Pages) -> None:
    @router.get("/login")
    def login() -> Response:
        return pages.show("login", problem="")

    @router.post("/login")
    async def log_in(request: Request) -> Response:
        fields = await request.form(max_files=0, max_fields=5)
        address = request.client.host if request.client else ""
        wait = await run_in_threadpool(desk.access.wait, address)
        if wait:
            problem = f"Too many wrong passwords. Try again in {math.ceil(wait)} seconds."
            reply = pages.show("login", status=429, problem=problem)
            reply.headers["Retry-After"] = str(math.ceil(wait))
            return reply
        key = await run_in_threadpool(desk.access.log_in, address, str(fields.get("password", "")))
        if key is None:
            return pages.show("login", status=401, problem="That is not the password.")
        reply = RedirectResponse("/admin", 303)
        secure = request.headers.get("x-forwarded-proto", request.url.scheme) == "https"
        reply.set_cookie(COOKIE, key, path="/admin", httponly=True, samesite="strict", secure=secure)
        return reply


def _picture(svg: bytes) -> Response:
    return Response(svg, media_type="image/svg+xml", headers={"Cache-Control": "no-store"})


def _clock(minutes: list[Minute]) -> list[str]:
    return [f"{minute.begun:%H:%M}" for minute in minutes]


Operator = Callable[[Request], Session]


def _add_views(router: APIRouter, desk: Desk, pages: Pages, operator: Operator) -> None:
    @router.get("")
    def overview(session: Annotated[Session, Depends(operator)]) -> Response:
        return pages.show(
            "overview",
            session,
            load=desk.metrics.load(),
            totals=desk.library.stats(),
            minutes=[(minute, minute.percentiles()) for minute in desk.metrics.minutes() if minute.answers],
        )

    @router.get("/load.json", dependencies=[Depends(operator)])
    async def load() -> dict[str, Any]:
        return desk.metrics.load()

    @router.get("/documents")
    def documents(session: Annotated[Session, Depends(operator)], find: str = "") -> Response:
        listed = desk.shelves.archive.documents() if desk.shelves else []
        wanted = find.casefold()
        found = [info for info in listed if any(wanted in name.casefold() for name in (info.title, *info.sources))]
        return pages.show(
            "documents",
            session,
            documents=found[:SHOWN],
            total=len(listed),
            find=find,
            changeable=desk.shelves is not None,
            folders=desk.shelves.folders if desk.shelves else (),
        )

    @router.get("/conversations")
    def conversations(session: Annotated[Session, Depends(operator)]) -> Response:
        return pages.show("conversations", session, conversations=desk.conversations.recent(SHOWN))

    @router.get("/answers/{message_id}")
    def answer(message_id: str, session: Annotated[Session, Depends(operator)]) -> Response:
        found = desk.conversations.whoever(message_id)
        if found is None:
            raise HTTPException(404, "This answer is no longer kept.")
        trace = answer_json(found.answer) if found.answer else None
        return pages.show("answer", session, exchange=found, trace=trace)

    @router.get("/gaps")
    def gaps(session: Annotated[Session, Depends(operator)]) -> Response:
        asked = [each for talk in desk.conversations.recent(MAX_CONVERSATIONS) for each in talk]
        missed = [each for each in asked if each.answer and each.answer.status == "not_found"]
        nearest = {" ".join(each.question.split()): each for each in missed}
        counts = Counter(" ".join(each.question.split()) for each in missed)
        return pages.show(
            "gaps",
            session,
            kept=desk.days.questions,
            gaps=desk.days.gaps(SHOWN)
            or [Gap(text, times, nearest[text].asked.date()) for text, times in counts.most_common(SHOWN)],
            nearest=nearest,
            asked=len(asked),
            days=desk.days.days(),
        )


def _add_plots(router: APIRouter, desk: Desk, operator: Operator) -> None:
    @router.get("/plots/answers.svg", dependencies=[Depends(operator)])
    def answers_plot(look: Look = "light") -> Response:
        minutes = desk.metrics.minutes()
        return _picture(plots.bars(_clock(minutes), {"answers": [each.answers for each in minutes]}, "a minute", look))

    @router.get("/plots/latency.svg", dependencies=[Depends(operator)])
    def latency_plot(look: Look = "light") -> Response:
        minutes = desk.metrics.minutes()
        percentiles = [minute.percentiles() for minute in minutes]
        series = {name: [each[key] for each in percentiles] for key, name in LATENCIES.items()}
        return _picture(plots.lines(_clock(minutes), series, "seconds", look))

    @router.get("/plots/gaps.svg", dependencies=[Depends(operator)])
    def gaps_plot(look: Look = "light") -> Response:
        days = desk.days.days()
        series = {name: [counts.get(outcome, 0) for _, counts in days] for outcome, name in DAILY.items()}
        return _picture(plots.bars([f"{day:%d %b}" for day, _ in days], series, "questions", look))

    @router.get("/plots/runs.svg", dependencies=[Depends(operator)])
    def runs_plot(look: Look = "light") -> Response:
        return _picture(runs.plot(runs.read_runs(desk.reports)[0], look))

    @router.get("/plots/changes.svg", dependencies=[Depends(operator)])
    def changes_plot(before: str, after: str, look: Look = "light") -> Response:
        by_name = {run.name: run for run in runs.read_runs(desk.reports)[0]}
        if before not in by_name or after not in by_name:
            raise HTTPException(404, "There is no such run.")
        return _picture(runs.plot_changes(runs.side_by_side(by_name[before], by_name[after]), look))


def _add_evals(router: APIRouter, desk: Desk, pages: Pages, operator: Operator) -> None:
    @router.get("/feedback")
    def feedback(session: Annotated[Session, Depends(operator)]) -> Response:
        return pages.show("feedback", session, entries=desk.feedback.entries(SHOWN))

    @router.get("/cases")
    def cases(session: Annotated[Session, Depends(operator)]) -> Response:
        return pages.show("cases", session, drafts=desk.cases.drafts(), finished=desk.cases.finished)

    @router.get("/evals")
    def evals(session: Annotated[Session, Depends(operator)], before: str = "", after: str = "") -> Response:
        known, problems = runs.read_runs(desk.reports)
        by_name = {run.name: run for run in known}
        pair = None
        if before in by_name and after in by_name:
            try:
                pair = runs.side_by_side(by_name[before], by_name[after])
            except InputError as error:
                problems.append(str(error))
        return pages.show(
            "evals",
            session,
            runs=known,
            problems=problems,
            folder=desk.reports,
            pair=pair,
            label=label,
            shown=runs.SHOWN,
            plotted=[(label(name), [run.metrics.get(name) for run in known]) for name in runs.PLOTTED],
        )

    @router.get("/evals/{name}")
    def report(name: str, session: Annotated[Session, Depends(operator)], before: str = "") -> Response:
        listed = runs.names(desk.reports)
        if name not in listed or (before and before not in listed):
            raise HTTPException(404, "There is no such run.")
        shown: runs.Shown | None = None
        problem = ""
        try:
            shown = runs.whole_report(desk.reports, name, before)
        except InputError as error:
            problem = str(error)
        others = [each for each in reversed(listed) if each != name]
        return pages.show("report", session, run=name, shown=shown, problem=problem, before=before, others=others)

    @router.get("/report.css", dependencies=[Depends(operator)])
    def report_style() -> Response:
        return Response(stylesheet(), media_type="text/css")


Form = Callable[[Request], AsyncIterator[tuple[Session, FormData]]]


def _add_changes(router: APIRouter, desk: Desk, form: Form) -> None:
    """Add the routes that change something: each does it, leaves a notice, and sends back to a page."""
    changes = Changes(desk)

    def route(path: str, back: str, change: Callable[[FormData, dict[str, str]], list[str]]) -> None:
        async def handle(request: Request, sent: Annotated[tuple[Session, FormData], Depends(form)]) -> Response:
            session, fields = sent
            try:
                notices = await run_in_threadpool(change, fields, request.path_params)
            except CitechatError as error:
                notices = [str(error)]
            await run_in_threadpool(session.tell, notices)
            return RedirectResponse(back, 303)

        router.post(path)(handle)

    def log_out(request: Request, _: Annotated[object, Depends(form)]) -> Response:
        desk.access.log_out(request.cookies.get(COOKIE))
        return RedirectResponse("/admin/login", 303)

    route("/documents", "/admin/documents", changes.add)
    route("/documents/{document}/replace", "/admin/documents", changes.replace)
    route("/documents/{document}/remove", "/admin/documents", changes.remove)
    route("/sync", "/admin/documents", changes.sync)
    route("/verify", "/admin/documents", changes.verify)
    route("/repair", "/admin/documents", changes.repair)
    route("/compact", "/admin/documents", changes.compact)
    route("/cases", "/admin/cases", changes.draft)
    route("/cases/{case}", "/admin/cases", changes.finish)
    router.post("/logout")(log_out)
