"""The dashboard's figures."""

from datetime import UTC, datetime, timedelta
from typing import LiteralString

from fastapi import APIRouter, Request

from api.answers import Answer
from api.auth import AnyCaller
from api.database import Database, one
from api.shapes import Shape

router = APIRouter(prefix="/stats", tags=["stats"])

VEHICLE_ONLINE = timedelta(minutes=10)  # parked terminals report every five minutes or so
MONITOR_ONLINE = timedelta(minutes=30)  # when monitor_offline would say so
MOVING_KMH = 5.0

OVERVIEW: LiteralString = """
    SELECT now() AS at,
           (SELECT json_build_object(
                       'total', (SELECT count(*) FROM vehicle WHERE status = 'active'),
                       'online', count(*),
                       'moving', count(*) FILTER (WHERE speed_kmh >= %(moving_kmh)s),
                       'loaded', count(*) FILTER (WHERE loaded))
              FROM vehicle_latest JOIN device USING (device_id)
             WHERE received_at > now() - %(vehicle_online)s) AS vehicles,
           (SELECT json_build_object(
                       'total', (SELECT count(*) FROM outlet),
                       'online', count(*),
                       'fan_on', count(*) FILTER (WHERE fan_on),
                       'purifier_off', count(*) FILTER (WHERE fan_on AND NOT purifier_on))
              FROM fume_latest JOIN device USING (device_id)
             WHERE received_at > now() - %(monitor_online)s) AS outlets,
           json_build_object(
               'open_by_kind', (SELECT coalesce(json_object_agg(kind, n), '{}')
                                  FROM (SELECT kind, count(*) AS n FROM alert
                                         WHERE state IN ('open', 'acked') GROUP BY kind) t),
               'open_by_severity', (SELECT coalesce(json_object_agg(severity, n), '{}')
                                      FROM (SELECT severity, count(*) AS n FROM alert
                                             WHERE state IN ('open', 'acked') GROUP BY severity) t),
               'today', (SELECT count(*) FROM alert
                          WHERE opened_at >= %(today)s AND state <> 'withdrawn')) AS alerts,
           json_build_object(
               'by_state', (SELECT coalesce(json_object_agg(state, n), '{}')
                              FROM (SELECT state, count(*) AS n FROM lead GROUP BY state) t)) AS leads
"""


class VehicleCounts(Shape):
    total: int
    online: int
    moving: int
    loaded: int


class OutletCounts(Shape):
    total: int
    online: int
    fan_on: int
    purifier_off: int


class AlertCounts(Shape):
    open_by_kind: dict[str, int]
    open_by_severity: dict[str, int]
    today: int


class LeadCounts(Shape):
    by_state: dict[str, int]


class OverviewShape(Shape):
    at: datetime
    vehicles: VehicleCounts
    outlets: OutletCounts
    alerts: AlertCounts
    leads: LeadCounts


@router.get("/overview", response_model=OverviewShape)
def overview(_: AnyCaller, request: Request, connection: Database) -> Answer:
    """How many are there, online, moving, loaded; what is open; today's alerts on the local calendar."""
    zone = request.app.state.settings.zone
    today = datetime.now(zone).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    figures = one(
        connection,
        OVERVIEW,
        {
            "moving_kmh": MOVING_KMH, "vehicle_online": VEHICLE_ONLINE, "monitor_online": MONITOR_ONLINE,
            "today": today,
        },
    )  # fmt: skip
    return Answer(figures)
