"""Every refusal in one shape: RFC 9457, `application/problem+json`.

type      about:blank, as the status says what kind it is
title     the status in words
status    the number
detail    which thing, what is wrong, what to do
errors    for 422: where in the request (`loc`) and why (`msg`)
complaints of /readyz: what is wrong, by part
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import psycopg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from psycopg_pool import PoolTimeout
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alerts.casework.assignees import NoSuchAssignee
from alerts.casework.draws import DrawRefused
from alerts.casework.duty import AlertDecided
from alerts.casework.laws import LawsError
from alerts.casework.leads import NoSuchAlert, NoSuchLead, NothingToOpen
from alerts.casework.moves import MoveRefused, RoleRefused
from alerts.casework.photos import BadPhoto
from alerts.casework.reviews import BadLevels
from alerts.casework.transfers import NoSuchTransfer
from alerts.daily.report import NoReport
from alerts.telling.channels import NotSent
from api.answers import encode
from devices.checks import RegistryFilesError, printable

log = structlog.get_logger(__name__)

RETRY_AFTER_S = 5

STATUS_OF: Mapping[type[Exception], int] = {
    NoSuchAlert: 404,
    NoReport: 404,
    NoSuchLead: 404,
    NoSuchTransfer: 404,
    MoveRefused: 409,
    AlertDecided: 409,
    NothingToOpen: 409,
    RoleRefused: 403,
    BadPhoto: 422,
    BadLevels: 422,
    NoSuchAssignee: 422,
    LawsError: 422,
    DrawRefused: 422,
    NotSent: 422,
}


class Problem(Response):
    media_type = "application/problem+json"

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: list[dict[str, Any]] | None = None,
        complaints: dict[str, str] | None = None,
    ) -> None:
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
        }
        if errors is not None:
            body["errors"] = errors
        if complaints is not None:
            body["complaints"] = complaints
        super().__init__(encode(body), status_code=status, headers=headers)


class Worded:
    """ASGI middleware: refusals that the framework makes in plain text (a body too large) become Problems."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        replaced = False

        async def word(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and _in_plain_text(message):
                replaced = True
                status = message["status"]
                await Problem(status, HTTPStatus(status).description)(scope, receive, send)
            elif not replaced:
                await send(message)

        await self._app(scope, receive, word)


def _in_plain_text(message: Message) -> bool:
    kind = Headers(raw=message["headers"]).get("Content-Type", "")
    return message["status"] >= 400 and kind.startswith("text/plain")


def install(app: FastAPI) -> None:
    """Make every error of `app` a Problem."""
    app.add_middleware(Worded)
    app.exception_handler(HTTPException)(_refused)
    app.exception_handler(RequestValidationError)(_malformed)
    for error in STATUS_OF:
        app.exception_handler(error)(_not_possible)
    app.exception_handler(RegistryFilesError)(_bad_row)
    app.exception_handler(psycopg.DataError)(_not_storable)
    for away in (psycopg.OperationalError, PoolTimeout):
        app.exception_handler(away)(_database_away)
    app.exception_handler(Exception)(_defect)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    return Problem(error.status_code, str(error.detail), headers=error.headers)


async def _malformed(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    # The input is not repeated: it may be a password.
    errors = [{"loc": list(e["loc"]), "msg": e["msg"], "type": e["type"]} for e in error.errors()]
    said = "; ".join(f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in errors)
    return Problem(422, said, errors=errors)


async def _bad_row(_: Request, error: Exception) -> Response:
    assert isinstance(error, RegistryFilesError)  # noqa: S101
    found = [(printable(problem.field), printable(problem.reason)) for problem in error.problems]
    errors = [{"loc": ["body", field], "msg": reason, "type": "registry"} for field, reason in found]
    return Problem(422, "; ".join(f"{field}: {reason}" for field, reason in found), errors=errors)


async def _not_possible(_: Request, error: Exception) -> Response:
    return Problem(STATUS_OF[type(error)], str(error))


async def _not_storable(_: Request, error: Exception) -> Response:
    return Problem(400, f"the request holds a value no column can hold: {str(error).splitlines()[0]}")


async def _database_away(request: Request, error: Exception) -> Response:
    log.warning("database did not answer", path=request.url.path, reason=str(error).splitlines()[0])
    return Problem(
        503, "the database does not answer now; try again", headers={"Retry-After": str(RETRY_AFTER_S)}
    )


async def _defect(_: Request, __: Exception) -> Response:
    # uvicorn logs the traceback: Starlette raises the error again after this answer.
    return Problem(500, "a fault of the service, which its log describes")
