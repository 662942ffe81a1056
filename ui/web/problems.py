"""The one shape in which every endpoint reports a problem. OpenAI clients and Gradio's page read it too."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, RedirectResponse, Response

from index.errors import Busy, CitechatError, InputError, ModelMissing, StoreUnavailable

if TYPE_CHECKING:
    from fastapi import FastAPI, Request


class ProblemError(BaseModel):
    """What is wrong: for people, and for programs that know the OpenAI interface."""

    message: str
    type: str
    param: None
    code: str


class Problem(BaseModel):
    """The body of every refusal; ``detail`` is the message once more, where Gradio's page looks for it."""

    error: ProblemError
    detail: str


REFUSALS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "description": "Refused; the message says why and what to do"},
    "5XX": {"model": Problem, "description": "It failed, or too many questions wait (503, with Retry-After)"},
}
"""What the description of the interface says of each route."""


def plain(media_type: str, schema: dict[str, Any] | None = None) -> dict[int | str, dict[str, Any]]:
    """Describe a reply that is no JSON."""
    return {200: {"content": {media_type: {"schema": schema or {"type": "string"}}}}}


class LoggedOut(Exception):
    """A page of the operator's was asked for by somebody who is not logged in."""


_CODES = {
    401: "not_authorised",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    413: "too_large",
    415: "unsupported_media_type",
    421: "unknown_host",
    422: "invalid_request",
    429: "too_many_requests",
    503: "busy",
}
_log = logging.getLogger(__name__)
_KINDS = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


def problem(status: int, message: str, code: str | None = None, headers: dict[str, str] | None = None) -> Response:
    """Return a response of HTTP status ``status`` that says what is wrong."""
    return JSONResponse(problem_json(status, message, code), status, headers)


def problem_json(status: int, message: str, code: str | None = None) -> dict[str, Any]:
    """Return ``{"error": {message, type, param, code}, "detail": message}``.

    ``code`` is for programs, ``message`` for people; Gradio shows its readers the ``detail``.
    """
    kind = "server_error" if status >= 500 else _KINDS.get(status, "invalid_request_error")
    error = {"message": message, "type": kind, "param": None, "code": code or _CODES.get(status, kind)}
    return {"error": error, "detail": message}


def error_json(error: CitechatError) -> dict[str, Any]:
    """Return the body for an error that people can act on."""
    return problem_json(_status(error), str(error), code_of(error))


def code_of(error: Exception) -> str:
    """Return the code under which programs know an error."""
    if isinstance(error, InputError):
        return "invalid_request"
    if isinstance(error, ModelMissing):
        return "model_missing"
    if isinstance(error, StoreUnavailable):
        return "store_unavailable"
    return "busy" if isinstance(error, Busy) else "internal_error"


def message_of(error: Exception) -> str:
    """Return what a reader may know of an error; what is not meant for people goes to the log only."""
    if isinstance(error, CitechatError):
        return str(error)
    _log.error("an answer failed", exc_info=error)
    return "Something went wrong while answering. Please try again."


def _status(error: CitechatError) -> int:
    return 422 if isinstance(error, InputError) else 503


def install_handlers(app: FastAPI) -> None:
    """Let every error of a route come out in this shape."""

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return problem(422, f"{where}: {first['msg']}".removeprefix(": "))

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> Response:
        return problem(error.status_code, str(error.detail))

    @app.exception_handler(ClientDisconnect)
    async def gone(_: Request, __: ClientDisconnect) -> Response:
        return Response(status_code=499)  # nobody reads it

    @app.exception_handler(LoggedOut)
    async def logged_out(request: Request, _: LoggedOut) -> Response:
        if request.method == "GET" and not request.url.path.endswith(".json"):
            return RedirectResponse("/admin/login", 303)
        return problem(401, "Log in first: /admin/login")

    @app.exception_handler(CitechatError)
    async def told(_: Request, error: CitechatError) -> Response:
        headers = {"Retry-After": "5"} if isinstance(error, Busy) else None
        return JSONResponse(error_json(error), _status(error), headers)
