"""Episodes into the `alert` table, with everything that follows from a new or changed alert.

The caller owns the transaction: readings, states, alerts, leads and the outbox commit together.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString, NamedTuple

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from alerts import storms
from alerts.casework.leads import join_lead, note_on_lead, open_lead
from alerts.catalogue import Catalogue
from alerts.episodes import EACH_ITS_OWN, Amendment, Difference, Episode, clean
from alerts.evidence import build_evidence
from alerts.kitchens.copied import find_original
from alerts.outbox import take_turn
from alerts.presentation import publish_alert
from analytics.records import CRITICAL, FUME_EXCEEDANCE, ILLEGAL_DUMPING, KINDS, NEVER, SEVERITIES
from runtime.instants import instant, microseconds


class Why(NamedTuple):
    """What brings a change about beside the newest readings: the `note` of alerts raised, amended, withdrawn by it."""

    raised: str
    amended: str
    withdrawn: str


LATE = Why("raised_late", "amended_late", "withdrawn_late")
"""Readings that came late."""
REEVALUATED = Why("raised_reevaluated", "amended_reevaluated", "withdrawn_reevaluated")
"""History judged again (`fleetfume reevaluate --apply`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom an alert is about, as the register says."""

    device_id: str
    plate: str | None = None
    outlet_id: str | None = None
    company_id: str | None = None
    lat: float | None = None
    lon: float | None = None
    """Where a kitchen is; a vehicle's alert knows its own place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What is looked up when an alert is written."""

    catalogue: Catalogue
    registry_version_at: Callable[[int], int]
    """The register's version that a reading of an event time (µs) is judged by."""
    jurisdiction_of: Callable[[float, float], str | None]


LOAD: LiteralString = """
    SELECT id, device_id, kind, place, severity, score, lat, lon, started_at, opened_at, updated_at, cleared_at,
           withdrawn_at, note, evidence
      FROM alert
     WHERE device_id = ANY(%(device_ids)s) AND kind = ANY(%(kinds)s)
       AND (%(since)s::timestamptz IS NULL
            OR updated_at >= %(since)s
            OR (cleared_at IS NULL AND withdrawn_at IS NULL AND NOT kind = ANY(%(each_its_own)s)))
     ORDER BY id
"""

INSERT: LiteralString = """
    INSERT INTO alert (kind, severity, score, state, device_id, plate, outlet_id, company_id, place,
                       started_at, opened_at, updated_at, cleared_at, withdrawn_at, lat, lon, jurisdiction,
                       evidence, rule_version, registry_version, note, late)
    VALUES (%(kind)s, %(severity)s, %(score)s,
            CASE WHEN %(withdrawn_at)s::timestamptz IS NOT NULL THEN 'withdrawn'
                 WHEN %(cleared_at)s::timestamptz IS NOT NULL THEN 'cleared' ELSE 'open' END,
            %(device_id)s, %(plate)s, %(outlet_id)s, %(company_id)s, %(place)s,
            %(started_at)s, %(opened_at)s, %(updated_at)s, %(cleared_at)s, %(withdrawn_at)s, %(lat)s, %(lon)s,
            %(jurisdiction)s, %(evidence)s, %(rule_version)s, %(registry_version)s, %(note)s, %(late)s)
    RETURNING id
"""

# An officer's word outlasts the engine's, except that nothing stands which the engine has taken back.
AMEND: LiteralString = """
    UPDATE alert
       SET severity = %(severity)s, score = %(score)s, place = %(place)s, started_at = %(started_at)s,
           opened_at = %(opened_at)s, updated_at = %(updated_at)s, cleared_at = %(cleared_at)s,
           withdrawn_at = %(withdrawn_at)s, lat = %(lat)s, lon = %(lon)s, jurisdiction = %(jurisdiction)s,
           evidence = %(evidence)s, note = coalesce(%(note)s, note), late = late OR %(late)s,
           rule_version = %(rule_version)s, registry_version = %(registry_version)s,
           state = CASE WHEN %(withdrawn_at)s::timestamptz IS NOT NULL THEN 'withdrawn'
                        WHEN dismissed_at IS NOT NULL THEN 'dismissed'
                        WHEN %(cleared_at)s::timestamptz IS NOT NULL THEN 'cleared'
                        WHEN acked_at IS NOT NULL THEN 'acked'
                        ELSE 'open' END
     WHERE id = %(id)s
    RETURNING lead_id
"""

WITHDRAW: LiteralString = """
    UPDATE alert SET state = 'withdrawn', withdrawn_at = updated_at, note = %(note)s, late = late OR %(late)s
     WHERE id = %(id)s
    RETURNING lead_id
"""

HAS_LEAD: LiteralString = """
    SELECT alert.lead_id, alert.group_id, alert_group.lead_id
      FROM alert LEFT JOIN alert_group ON alert_group.id = alert.group_id
     WHERE alert.id = %s
"""

FIXES: LiteralString = """
    SELECT ts, lat, lon, speed_kmh, load, lift, quality
      FROM vehicle_position
     WHERE device_id = %(device_id)s AND ts BETWEEN %(begin)s AND %(end)s
     ORDER BY ts
     LIMIT %(limit)s
"""
SAMPLES: LiteralString = """
    SELECT ts, fume_mg_m3, fan_on, purifier_on, fan_a, purifier_a, quality
      FROM fume_reading
     WHERE device_id = %(device_id)s AND ts BETWEEN %(begin)s AND %(end)s
     ORDER BY ts
     LIMIT %(limit)s
"""
OF_KITCHENS = frozenset(KINDS[FUME_EXCEEDANCE:])
READINGS_SHOWN = 120
"""Readings kept inside an alert's evidence; the track beyond them is in the database."""


def load_episodes(
    connection: Connection, device_ids: Sequence[str], *, since_us: int
) -> dict[str, dict[int, Episode]]:
    """Alerts of these devices by alert id: those that go on, and those with anything since `since_us`
    (NEVER: all of them).
    """
    found: dict[str, dict[int, Episode]] = {}
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            LOAD,
            {
                "device_ids": list(device_ids),
                "since": None if since_us <= max(NEVER, 0) else _at(since_us),
                "each_its_own": list(EACH_ITS_OWN),
                "kinds": list(KINDS),  # other systems' alerts are not ours to take back
            },
        )
        for row in cursor:
            found.setdefault(row["device_id"], {})[row["id"]] = episode_of(row)
    return found


def write_difference(
    connection: Connection, subject: Subject, difference: Difference, desk: Desk, *, why: Why | None = None
) -> None:
    """Carry `difference` out and tell the outbox. `why`: what it came of, which the alerts then say."""
    if not (difference.withdrawn or difference.amended or difference.raised):
        return
    take_turn(connection)
    for alert_id in difference.withdrawn:
        reason = (why or LATE).withdrawn
        withdrawal = {"id": alert_id, "note": reason, "late": why is not REEVALUATED}
        lead = connection.execute(WITHDRAW, withdrawal).fetchone()
        if lead and lead[0] is not None:
            note_on_lead(connection, lead[0], "alert_withdrawn", {"alert_id": alert_id, "reason": reason})
        publish_alert(connection, alert_id, "alert.withdrawn")
    # What ends first: an episode that goes on may need the place of one that is over.
    for amendment in sorted(difference.amended, key=lambda amendment: amendment.after.ongoing):
        _amend(connection, subject, amendment, desk, why)
    for episode in difference.raised:
        _raise(connection, subject, episode, desk, why)


def _raise(connection: Connection, subject: Subject, episode: Episode, desk: Desk, why: Why | None) -> None:
    inserted = connection.execute(
        INSERT,
        {
            **_columns(connection, subject, episode, desk),
            "device_id": subject.device_id,
            "plate": subject.plate,
            "outlet_id": subject.outlet_id,
            "company_id": subject.company_id,
            "rule_version": desk.catalogue.version,
            "registry_version": desk.registry_version_at(episode.opened),
            "note": episode.reason or (why and why.raised),
            "late": why is LATE,
        },
    ).fetchone()
    assert inserted is not None  # noqa: S101 - INSERT … RETURNING of one row
    (alert_id,) = inserted
    storms.hold(connection, alert_id, episode.kind, instant(episode.opened))
    if episode.withdrawn is None and _opens_a_lead(episode):
        _lead(connection, alert_id)
    publish_alert(connection, alert_id, "alert.opened")
    if not episode.ongoing:
        publish_alert(
            connection, alert_id, "alert.withdrawn" if episode.withdrawn is not None else "alert.cleared"
        )


def _lead(connection: Connection, alert_id: int) -> None:
    """Open the lead that the alert asks for, or join the one of its group; nothing if it has one."""
    lead_id, group_id, group_lead = connection.execute(HAS_LEAD, (alert_id,)).fetchone() or (None, None, None)
    if lead_id is not None or (group_lead is not None and join_lead(connection, group_lead, alert_id)):
        return
    made = open_lead(connection, [alert_id])
    if group_id is not None and made is not None:
        storms.name_lead(connection, group_id, made)


def _amend(
    connection: Connection, subject: Subject, amendment: Amendment, desk: Desk, why: Why | None
) -> None:
    alert_id, before, episode = amendment
    lead = connection.execute(
        AMEND,
        {
            **_columns(connection, subject, episode, desk),
            "id": alert_id,
            "note": episode.reason or (why and why.amended),
            "late": why is LATE,
            "rule_version": desk.catalogue.version,
            "registry_version": desk.registry_version_at(episode.opened),
        },
    ).fetchone()
    if why is REEVALUATED and lead and lead[0] is not None:
        note_on_lead(connection, lead[0], "alert_amended", {"alert_id": alert_id, "reason": why.amended})
    if episode.withdrawn is None and _opens_a_lead(episode):
        _lead(connection, alert_id)
    if episode.withdrawn is not None and before.withdrawn is None:
        told = "alert.withdrawn"
    elif episode.cleared is not None and before.cleared is None:
        told = "alert.cleared"
    else:
        told = "alert.updated"
    publish_alert(connection, alert_id, told)


def _opens_a_lead(episode: Episode) -> bool:
    return episode.kind == KINDS[ILLEGAL_DUMPING] or episode.severity == SEVERITIES[CRITICAL]


def _columns(connection: Connection, subject: Subject, episode: Episode, desk: Desk) -> dict[str, Any]:
    lat = episode.lat if episode.lat is not None else subject.lat
    lon = episode.lon if episode.lon is not None else subject.lon
    return {
        "kind": episode.kind,
        "place": episode.place,
        "severity": episode.severity,
        "score": min(1.0, max(0.0, episode.score)),
        "started_at": _at(episode.started),
        "opened_at": _at(episode.opened),
        "updated_at": _at(episode.updated),
        "cleared_at": _at(episode.cleared),
        "withdrawn_at": _at(episode.withdrawn),
        "lat": lat,
        "lon": lon,
        "jurisdiction": desk.jurisdiction_of(lat, lon) if lat is not None and lon is not None else None,
        "evidence": Jsonb(
            build_evidence(
                episode,
                desk.catalogue,
                registry_version=desk.registry_version_at(episode.opened),
                readings=_readings(connection, subject, episode),
                copied_from=find_original(connection, subject.device_id, episode),
            )
        ),
    }


def _readings(connection: Connection, subject: Subject, episode: Episode) -> Iterable[dict[str, Any]]:
    """The readings from the behaviour's beginning to what completed the alert."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            SAMPLES if episode.kind in OF_KITCHENS else FIXES,
            {
                "device_id": subject.device_id,
                "begin": _at(episode.started),
                "end": _at(episode.opened),
                "limit": READINGS_SHOWN,
            },
        )
        return cursor.fetchall()


def episode_of(row: dict[str, Any]) -> Episode:
    """What a row of `alert` says of the engine's part."""
    evidence = row["evidence"]
    withdrawn = _us(row["withdrawn_at"])
    return Episode(
        kind=row["kind"],
        place=row["place"],
        started=microseconds(row["started_at"]),
        opened=microseconds(row["opened_at"]),
        updated=microseconds(row["updated_at"]),
        cleared=_us(row["cleared_at"]),
        withdrawn=withdrawn,
        reason=(row["note"] or "") if withdrawn is not None else "",
        severity=row["severity"],
        score=clean(row["score"]),
        lat=evidence["began"]["lat"],
        lon=evidence["began"]["lon"],
        permit_id=evidence.get("permit_id"),
        site_id=evidence.get("site_id"),
        road_id=evidence.get("road_id"),
        values={name: clean(value) for name, value in evidence["values"].items()},
    )


def _us(moment: datetime | None) -> int | None:
    return None if moment is None else microseconds(moment)


def _at(moment_us: int | None) -> datetime | None:
    return None if moment_us is None else instant(moment_us)
