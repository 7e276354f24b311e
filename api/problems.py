"""Every error as RFC 9457 `application/problem+json`: what was asked, what is wrong, what to do."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import psycopg
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from psycopg_pool import PoolTimeout, TooManyRequests
from starlette.exceptions import HTTPException
from starlette.requests import Request

from alerts.leads import MoveRefused, NoSuchLead, NothingToOpen, RoleRefused
from api.replies import Json
from runtime.errors import DatabaseUnreachable, FleetfumeError

log = structlog.get_logger(__name__)

STATUS_OF: Mapping[type[FleetfumeError], int] = {
    NoSuchLead: 404,
    MoveRefused: 409,
    NothingToOpen: 409,
    RoleRefused: 403,
    DatabaseUnreachable: 503,
}
"""Of errors that say it all themselves; every other FleetfumeError is 400."""


class Problem(HTTPException):
    """An error with a sentence for the person at the other end, and further members of the answer."""

    def __init__(
        self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(status, detail, headers)
        self.members = members


def problem(
    request: Request | None,
    status: int,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> Json:
    """The answer itself. The type is `about:blank`, so the title is the status's own name."""
    content = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    if request is not None:
        content["instance"] = request.url.path
    return Json({**content, **members}, status, headers, media_type="application/problem+json")


def add_handlers(app: FastAPI) -> None:
    """Have `app` answer every error in this shape."""

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> Json:
        members = error.members if isinstance(error, Problem) else {}
        detail = error.detail
        if error.status_code == HTTPStatus.NOT_FOUND and detail == HTTPStatus.NOT_FOUND.phrase:
            detail = f"there is nothing at {request.url.path}"
        return problem(request, error.status_code, detail, headers=error.headers, **members)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Json:
        # What was sent is not sent back: it may be a password.
        errors = [
            {"field": ".".join(str(part) for part in one["loc"]), "reason": one["msg"]}
            for one in error.errors()
        ]
        detail = "; ".join(f"{one['field']}: {one['reason']}" for one in errors)
        return problem(request, 422, detail, errors=errors)

    @app.exception_handler(FleetfumeError)
    def known(request: Request, error: FleetfumeError) -> Json:
        return problem(request, STATUS_OF.get(type(error), 400), str(error))

    @app.exception_handler(psycopg.DataError)
    def unusable(request: Request, _: psycopg.DataError) -> Json:
        return problem(request, 400, "a value is outside what can be stored or compared, or holds a NUL")

    @app.exception_handler(psycopg.OperationalError)
    @app.exception_handler(PoolTimeout)
    @app.exception_handler(TooManyRequests)
    def unavailable(request: Request, error: Exception) -> Json:
        log.warning("request without an answer from the database", path=request.url.path, error=repr(error))
        return problem(
            request, 503, "the database does not answer now; try again shortly", headers={"Retry-After": "5"}
        )

    @app.exception_handler(Exception)
    def failed(request: Request, _: Exception) -> Json:
        return problem(request, 500, "the server failed; its log has the reason")
