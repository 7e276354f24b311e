"""The bureau's daily report."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from alerts.daily.files import WRITERS
from alerts.daily.report import daily_report
from api.auth import AnyCaller
from api.database import Database

router = APIRouter(prefix="/reports", tags=["reports"])

TYPES = {
    "json": "application/json",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}


@router.get(
    "/daily",
    response_class=Response,
    responses={
        200: {
            "content": {TYPES["json"]: {"schema": {"type": "object"}}, TYPES["xlsx"]: {}, TYPES["pdf"]: {}}
        },
        404: {},
    },
)
def get_daily(
    _: AnyCaller,
    request: Request,
    connection: Database,
    day: Annotated[date | None, Query(alias="date", description="local day; default yesterday")] = None,
    form: Annotated[Literal["json", "xlsx", "pdf"], Query(alias="format")] = "json",
) -> Response:
    """The figures of one local day, as `fleetfume report daily` writes them. Of today: up to now."""
    settings = request.app.state.settings
    now = datetime.now(UTC)
    report = daily_report(
        connection, day or now.astimezone(settings.zone).date() - timedelta(days=1), zone=settings.zone,
        catalogue=request.app.state.catalogue, office=settings.office, now=now,
    )  # fmt: skip
    content = WRITERS[form](report, request.app.state.language)
    headers = {"Content-Disposition": f'attachment; filename="daily-{report.period.day}.{form}"'}
    return Response(content, media_type=TYPES[form], headers=headers if form != "json" else None)
