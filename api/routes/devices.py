"""What was wrong with a device's readings: doubted ones and those that could not be read, by hour."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, LiteralString

from fastapi import APIRouter, HTTPException, Request
from pydantic import Field

from api.answers import Answer
from api.auth import AnyCaller
from api.database import Database, one, rows
from api.parameters import From, To
from api.routes.quarantine import COLUMNS, SHOWN_BYTES, QuarantinedShape, shown
from api.shapes import Shape

router = APIRouter(prefix="/devices", tags=["devices"])

DEFAULT = timedelta(days=1)
MOST = timedelta(days=31)
EXAMPLES = 20

FINDINGS: LiteralString = """
    SELECT day, code, detail FROM device_finding
     WHERE device_id = %(device_id)s AND day BETWEEN %(first)s AND %(last)s
     ORDER BY day, code
"""
REFUSED: LiteralString = """
    SELECT date_trunc('hour', received_at, 'UTC') AS hour, reason, sum(coalesce(readings, 1))::bigint AS readings
      FROM quarantine
     WHERE device_id = %(device_id)s AND received_at >= %(begin)s AND received_at < %(end)s
     GROUP BY 1, 2 ORDER BY 1, 2
"""
NEWEST_REFUSED: LiteralString = (
    "SELECT"
    + COLUMNS
    + """
      FROM quarantine
     WHERE device_id = %(device_id)s AND received_at >= %(begin)s AND received_at < %(end)s
     ORDER BY received_at DESC, id DESC LIMIT %(most)s
"""
)
DOUBTED: LiteralString = """
    SELECT date_trunc('hour', ts, 'UTC') AS hour, quality, count(*) AS readings
      FROM {table}
     WHERE device_id = %(device_id)s AND ts >= %(begin)s AND ts < %(end)s AND quality <> 'ok'
     GROUP BY 1, 2 ORDER BY 1, 2
"""
NEWEST_DOUBTED: LiteralString = """
    SELECT * FROM {table}
     WHERE device_id = %(device_id)s AND ts >= %(begin)s AND ts < %(end)s AND quality <> 'ok'
     ORDER BY ts DESC LIMIT %(most)s
"""
TABLES: dict[str, LiteralString] = {"vehicle": "vehicle_position", "fume": "fume_reading"}


class DoubtedHour(Shape):
    hour: datetime
    quality: str
    readings: int


class RefusedHour(Shape):
    hour: datetime
    reason: str
    readings: int


class FindingShape(Shape):
    day: date
    code: str
    detail: Any


class FaultsShape(Shape):
    device_id: str
    begin: datetime = Field(alias="from")
    to: datetime
    doubted: list[DoubtedHour]
    refused: list[RefusedHour]
    doubted_newest: list[dict[str, Any]]
    refused_newest: list[QuarantinedShape]
    findings: list[FindingShape]


@router.get("/{device_id}/faults", response_model=FaultsShape)
def get_faults(
    request: Request, _: AnyCaller, connection: Database, device_id: str, begin: From = None, to: To = None
) -> Answer:
    """What was wrong with a device's readings; by default of the last day, of 31 days at most.

    `doubted`: stored and not believed, by hour of event time and quality. `refused`: not readable, by hour of arrival
    and reason. The newest examples of both, and `findings`: what a day's readings together say of the device.
    """
    device = one(connection, "SELECT device_id, kind FROM device WHERE device_id = %s", (device_id,))
    if device is None:
        raise HTTPException(404, f"no device {device_id!r} in the register")
    end = to or (begin + DEFAULT if begin else datetime.now(UTC))
    start = begin or end - DEFAULT
    if not timedelta() < end - start <= MOST:
        raise HTTPException(
            422, f"from and to: `to` must come after `from`, and at most {MOST.days} days later"
        )
    zone = request.app.state.settings.zone
    asked = {
        "device_id": device_id, "begin": start, "end": end, "most": EXAMPLES, "shown": SHOWN_BYTES,
        "first": start.astimezone(zone).date(), "last": end.astimezone(zone).date(),
    }  # fmt: skip
    table = TABLES[device["kind"]]
    answer: dict[str, Any] = {
        "device_id": device_id,
        "from": start,
        "to": end,
        "doubted": rows(connection, DOUBTED.replace("{table}", table), asked),
        "refused": rows(connection, REFUSED, asked),
        "doubted_newest": rows(connection, NEWEST_DOUBTED.replace("{table}", table), asked),
        "refused_newest": [shown(row) for row in rows(connection, NEWEST_REFUSED, asked)],
        "findings": rows(connection, FINDINGS, asked),
    }
    return Answer(answer)
