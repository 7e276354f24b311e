"""`/healthz`, `/readyz`, `/metrics`: at the root, without a token, in every role."""

from typing import Any

import psycopg
from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from psycopg import Connection
from psycopg_pool import ConnectionPool, PoolTimeout
from starlette.responses import Response

from api.answers import Answer
from api.problems import Problem
from runtime import health
from runtime.errors import MigrationError
from runtime.migrate import applied, plan, read_migrations

router = APIRouter(include_in_schema=False)

PATIENCE_S = 2.0
COLLECTING = ("collector", "broker")
"""Checks a collecting process has once it collects (ingest.collector): before that it is not ready."""


@router.get("/healthz")
def alive() -> Answer:
    """The process answers."""
    return Answer({"status": "ok"})


@router.get("/readyz")
def ready(request: Request) -> Response:
    """200 while the process can do its work; else 503 and what is wrong, by part."""
    wrong = {name: "not started" for name in request.app.state.expected if name not in health.checks}
    wrong |= health.complaints()
    if complaint := _database_complaint(request.app.state.pool):
        wrong["database"] = complaint
    if wrong:
        return Problem(503, "; ".join(f"{name}: {said}" for name, said in wrong.items()), complaints=wrong)
    return Answer({"status": "ready", "complaints": {}})


@router.get("/metrics")
def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _database_complaint(pool: ConnectionPool[Connection[Any]]) -> str | None:
    try:
        with pool.connection(timeout=PATIENCE_S) as connection:
            pending = plan(read_migrations(), applied(connection))
    except (psycopg.OperationalError, PoolTimeout):
        return "does not answer"
    except psycopg.errors.UndefinedTable:
        return "has no schema: run 'fleetfume db migrate'"
    except MigrationError as error:
        return str(error)
    return f"schema is behind ({pending[0].name} is missing): run 'fleetfume db migrate'" if pending else None
