"""What supervisors and Prometheus ask, at the root and without a token."""

import psycopg
from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from psycopg_pool import PoolTimeout
from starlette.responses import Response

from api.problems import problem
from api.replies import Json
from api.state import Parts, Pool
from runtime import health
from runtime.errors import MigrationError
from runtime.migrate import applied, plan, read_migrations

router = APIRouter(tags=["health"])

WAIT_S = 3.0
COLLECTING = ("collector", "broker")


@router.get("/healthz")
def healthz() -> Json:
    """Alive."""
    return Json({"status": "ok"})


@router.get("/readyz")
def readyz(request: Request, parts: Parts) -> Json:
    """Ready for work: the database with its schema, and in a collector its broker and its lag; else 503."""
    complaints = health.complaints()
    if request.app.state.role != "api":
        complaints.update({name: "not started" for name in COLLECTING if name not in health.checks})
    if (complaint := _database_complaint(parts.pool)) is not None:
        complaints["database"] = complaint
    if complaints:
        detail = "; ".join(f"{name}: {complaint}" for name, complaint in complaints.items())
        return problem(request, 503, detail, complaints=complaints)
    return Json({"status": "ok"})


@router.get("/metrics")
def metrics() -> Response:
    """Prometheus text."""
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _database_complaint(pool: Pool) -> str | None:
    try:
        with pool.connection(timeout=WAIT_S) as connection:
            pending = plan(read_migrations(), applied(connection))
    except (psycopg.OperationalError, PoolTimeout):
        return "does not answer"
    except psycopg.errors.UndefinedTable:
        return "has no schema; fleetfume db migrate makes it"
    except MigrationError as error:
        return str(error)
    if pending:
        return (
            f"lacks {', '.join(migration.name for migration in pending)}; fleetfume db migrate applies them"
        )
    return None
