"""Trucks on a day: who was heard of, what was hauled, by which permit, to which site, over which road."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.rows import dict_row

from alerts.daily.tables import Period, Table, figures, share, table

VEHICLES: LiteralString = """
    SELECT vehicle.plate, vehicle.company_id, company.name AS company_name,
           array_remove(array_agg(device.device_id), NULL) AS devices
      FROM vehicle
      LEFT JOIN company USING (company_id)
      LEFT JOIN device ON device.bound_to = vehicle.plate AND device.kind = 'vehicle' AND device.status = 'active'
     WHERE vehicle.status = 'active'
     GROUP BY vehicle.plate, company.name
     ORDER BY vehicle.company_id NULLS LAST, vehicle.plate
"""
LOADS: LiteralString = """
    SELECT count(*) AS loads, count(DISTINCT device_id) AS hauling,
           count(*) FILTER (WHERE outcome = 'delivered') AS delivered,
           count(*) FILTER (WHERE outcome = 'dumped') AS dumped,
           count(*) FILTER (WHERE outcome = 'under_way') AS under_way,
           count(*) FILTER (WHERE outcome = 'unknown') AS unknown,
           count(*) FILTER (WHERE permit_id IS NULL) AS without_permit,
           coalesce(sum(volume_m3) FILTER (WHERE outcome = 'delivered'), 0) AS delivered_m3,
           count(*) FILTER (WHERE outcome = 'delivered' AND volume_m3 IS NULL) AS unmeasured,
           sum(distance_m) / 1000 AS distance_km,
           sum(on_route_m) / nullif(sum(distance_m) FILTER (WHERE on_route_m IS NOT NULL), 0) AS on_route_share
      FROM trip WHERE loaded_at >= %(since)s AND loaded_at < %(until)s
"""
LOADS_OF: LiteralString = """
    SELECT plate, count(*) AS loads FROM trip
     WHERE loaded_at >= %(since)s AND loaded_at < %(until)s AND plate IS NOT NULL
     GROUP BY plate
"""
# Permits in force on the day, and others that something was hauled by.
PERMITS: LiteralString = """
    SELECT permit.permit_id, company.name AS company_name, source.name AS source_site_name,
           target.name AS disposal_site_name,
           count(trip.id) FILTER (WHERE trip.loaded_at >= %(since)s) AS loads,
           count(trip.id) FILTER (WHERE trip.loaded_at >= %(since)s AND trip.outcome = 'delivered') AS delivered,
           count(trip.id) FILTER (WHERE trip.loaded_at >= %(since)s AND trip.outcome = 'dumped') AS dumped,
           coalesce(sum(trip.volume_m3) FILTER (WHERE trip.loaded_at >= %(since)s AND trip.outcome = 'delivered'), 0)
               AS delivered_m3,
           coalesce(sum(trip.volume_m3) FILTER (WHERE trip.outcome = 'delivered'), 0) AS so_far_m3,
           permit.volume_m3 AS approved_m3,
           coalesce(sum(trip.volume_m3) FILTER (WHERE trip.outcome = 'delivered'), 0) / nullif(permit.volume_m3, 0)
               AS hauled_share
      FROM permit
      LEFT JOIN company USING (company_id)
      LEFT JOIN site source ON source.site_id = permit.source_site_id
      LEFT JOIN site target ON target.site_id = permit.disposal_site_id
      LEFT JOIN trip ON trip.permit_id = permit.permit_id AND trip.loaded_at < %(until)s
     GROUP BY permit.permit_id, company.name, source.name, target.name
    HAVING count(trip.id) FILTER (WHERE trip.loaded_at >= %(since)s) > 0
           OR coalesce(permit.valid_from <= %(day)s, true) AND coalesce(permit.valid_to >= %(day)s, true)
     ORDER BY permit.permit_id
"""
SITES: LiteralString = """
    SELECT site.site_id, site.name AS site_name, site.kind,
           count(trip.id) FILTER (WHERE trip.unloaded_at >= %(since)s) AS delivered,
           coalesce(sum(trip.volume_m3) FILTER (WHERE trip.unloaded_at >= %(since)s), 0) AS delivered_m3,
           coalesce(sum(trip.volume_m3), 0) AS so_far_m3, site.capacity_m3,
           coalesce(sum(trip.volume_m3), 0) / nullif(site.capacity_m3, 0) AS filled_share
      FROM site
      LEFT JOIN trip ON trip.unloaded_site_id = site.site_id AND trip.outcome = 'delivered'
            AND trip.unloaded_at < %(until)s
     WHERE site.kind IN ('disposal', 'transfer')
     GROUP BY site.site_id
     ORDER BY site.site_id
"""
# With the totals as rows without an hour: a truck that passed in two hours is one vehicle.
PASSAGES: LiteralString = """
    SELECT road.road_id, road.name AS road_name, extract(hour FROM passage.ts AT TIME ZONE %(zone)s)::int AS hour,
           grouping(extract(hour FROM passage.ts AT TIME ZONE %(zone)s)::int) = 1 AS total,
           count(passage.ts) AS passages, count(*) FILTER (WHERE passage.inferred) AS inferred,
           count(DISTINCT passage.device_id) AS vehicles
      FROM road
      LEFT JOIN road_passage passage ON passage.road_id = road.road_id
            AND passage.ts >= %(since)s AND passage.ts < %(until)s
     GROUP BY GROUPING SETS ((road.road_id, road.name),
                             (road.road_id, road.name, extract(hour FROM passage.ts AT TIME ZONE %(zone)s)::int))
     ORDER BY road.road_id, hour NULLS FIRST
"""
HOURS = tuple(f"h{hour:02d}" for hour in range(24))
OF_VEHICLES = ("registered", "equipped", "reporting", "moving", "offline", "hauling", "loads")


def haulage(connection: Connection[Any], period: Period, heard: Sequence[dict[str, Any]]) -> list[Table]:
    """`heard`: what each terminal sent that day, by quality (alerts.daily.data)."""
    with connection.cursor(row_factory=dict_row) as cursor:
        loads = cursor.execute(LOADS, period.parameters).fetchall()
        permits = cursor.execute(PERMITS, period.parameters).fetchall()
        sites = cursor.execute(SITES, period.parameters).fetchall()
    return [
        *_vehicles(connection, period, heard),
        figures("loads", loads[0]),
        table(
            "permits",
            ("permit_id", "company_name", "source_site_name", "disposal_site_name", "loads", "delivered", "dumped",
             "delivered_m3", "so_far_m3", "approved_m3", "hauled_share"),
            permits,
        ),
        table(
            "receiving_sites",
            ("site_id", "site_name", "kind", "delivered", "delivered_m3", "so_far_m3", "capacity_m3", "filled_share"),
            sites,
        ),
        _passages(connection, period),
    ]  # fmt: skip


def _vehicles(connection: Connection[Any], period: Period, heard: Sequence[dict[str, Any]]) -> list[Table]:
    reporting = {one["device_id"] for one in heard}
    moving = {one["device_id"] for one in heard if one["moved"]}
    loads_of: dict[str, int] = dict(connection.execute(LOADS_OF, period.parameters).fetchall())
    companies: dict[str | None, dict[str, Any]] = {}
    with connection.cursor(row_factory=dict_row) as cursor:
        vehicles = cursor.execute(VEHICLES).fetchall()
    for one in vehicles:
        row = companies.setdefault(
            one["company_id"],
            {"company_id": one["company_id"], "company_name": one["company_name"], **dict.fromkeys(OF_VEHICLES, 0)},
        )  # fmt: skip
        devices, loads = set(one["devices"]), loads_of.get(one["plate"], 0)
        row["registered"] += 1
        row["equipped"] += bool(devices)
        row["reporting"] += bool(devices & reporting)
        row["moving"] += bool(devices & moving)
        row["offline"] += bool(devices) and not devices & reporting
        row["hauling"] += loads > 0
        row["loads"] += loads
    whole = {name: sum(row[name] for row in companies.values()) for name in OF_VEHICLES[:-1]}
    return [
        figures("vehicles", {**whole, "reporting_share": share(whole["reporting"], whole["equipped"])}),
        table("vehicles_by_company", ("company_id", "company_name", *OF_VEHICLES), companies.values()),
    ]


def _passages(connection: Connection[Any], period: Period) -> Table:
    roads: dict[str, dict[str, Any]] = defaultdict(lambda: dict.fromkeys(HOURS, 0))
    for road_id, road_name, hour, total, passages, inferred, vehicles in connection.execute(
        PASSAGES, period.parameters
    ):
        if total:
            roads[road_id] |= {
                "road_id": road_id, "road_name": road_name, "passages": passages, "passages_inferred": inferred,
                "vehicles_passed": vehicles,
            }  # fmt: skip
        elif hour is not None:
            roads[road_id][HOURS[hour]] = passages
    columns = ("road_id", "road_name", "passages", "passages_inferred", "vehicles_passed", *HOURS)
    return table("passages", columns, roads.values())
