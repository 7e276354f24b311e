"""What a day's data were like: readings by quality, what could not be read, what was found about devices, the journal."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.rows import dict_row

from alerts.daily.tables import Period, Table, figures, share, table
from analytics.records import QUALITIES

MOVING_KMH = 5.0
FIXES: LiteralString = """
    SELECT 'vehicle' AS device_kind, device_id, quality, count(*) AS readings,
           quality = 'ok' AND coalesce(bool_or(speed_kmh >= %(moving_kmh)s), false) AS moved,
           count(*) FILTER (WHERE received_at > ts + INTERVAL '2 min') AS late
      FROM vehicle_position WHERE ts >= %(since)s AND ts < %(until)s
     GROUP BY device_id, quality
"""
SAMPLES: LiteralString = """
    SELECT 'fume' AS device_kind, device_id, quality, count(*) AS readings,
           count(*) FILTER (WHERE received_at > ts + INTERVAL '2 min') AS late
      FROM fume_reading WHERE ts >= %(since)s AND ts < %(until)s
     GROUP BY device_id, quality
"""
QUARANTINE: LiteralString = """
    SELECT reason, count(*) AS messages, sum(readings) AS readings, count(DISTINCT device_id) AS devices,
           count(resolved_at) AS resolved
      FROM quarantine WHERE received_at >= %(since)s AND received_at < %(until)s
     GROUP BY reason ORDER BY messages DESC, reason
"""
FINDINGS: LiteralString = """
    SELECT 'vehicle' AS device_kind, code AS suspicion, count(*) AS devices
      FROM device_finding WHERE day = %(day)s GROUP BY code
     UNION ALL
    SELECT 'fume', kind, count(DISTINCT device_id) FROM kitchen_finding WHERE day = %(day)s GROUP BY kind
     ORDER BY device_kind DESC, suspicion
"""
JOURNAL: LiteralString = """
    SELECT (SELECT count(*) FROM lead_journal WHERE at >= %(since)s AND at < %(until)s) AS entries,
           (SELECT count(DISTINCT lead_id) FROM lead_journal WHERE at >= %(since)s AND at < %(until)s) AS leads,
           (SELECT count(*) FROM evidence_made WHERE at >= %(since)s AND at < %(until)s) AS packages,
           (SELECT head FROM journal_head WHERE day = %(day)s) AS head
"""
# The first of everything that is kept by time. Each is the end of an index.
FIRST: LiteralString = """
    SELECT least((SELECT min(ts) FROM vehicle_position), (SELECT min(ts) FROM fume_reading),
                 (SELECT min(opened_at) FROM alert), (SELECT min(loaded_at) FROM trip),
                 (SELECT min(at) FROM lead_journal), (SELECT min(received_at) FROM quarantine))
"""


def heard_on(connection: Connection[Any], period: Period) -> list[dict[str, Any]]:
    """Readings by device and quality, of trucks and of kitchens; those that came two minutes late or more."""
    parameters = {**period.parameters, "moving_kmh": MOVING_KMH}
    with connection.cursor(row_factory=dict_row) as cursor:
        fixes = cursor.execute(FIXES, parameters).fetchall()
        return fixes + cursor.execute(SAMPLES, parameters).fetchall()


def data(connection: Connection[Any], period: Period, heard: Iterable[dict[str, Any]]) -> list[Table]:
    with connection.cursor(row_factory=dict_row) as cursor:
        quarantined = cursor.execute(QUARANTINE, period.parameters).fetchall()
        found = cursor.execute(FINDINGS, period.parameters).fetchall()
        written = cursor.execute(JOURNAL, period.parameters).fetchall()
    return [
        _qualities(heard),
        table("quarantine", ("reason", "messages", "readings", "devices", "resolved"), quarantined),
        table("findings", ("device_kind", "suspicion", "devices"), found),
        figures("journal", written[0]),
    ]


def _qualities(heard: Iterable[dict[str, Any]]) -> Table:
    sums: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    kinds: Counter[str] = Counter()
    for row in heard:
        sums[row["device_kind"], row["quality"]].update(
            {"readings": row["readings"], "devices": 1, "late": row["late"]}
        )
        kinds[row["device_kind"]] += row["readings"]
    order = {code: rank for rank, code in enumerate(QUALITIES)}
    keys = sorted(sums, key=lambda key: (key[0] != "vehicle", order.get(key[1], len(order)), key[1]))
    rows = (
        {"device_kind": kind, "quality": quality, **sums[kind, quality],
         "late": sums[kind, quality]["late"], "share": share(sums[kind, quality]["readings"], kinds[kind])}
        for kind, quality in keys
    )  # fmt: skip
    return table("data_quality", ("device_kind", "quality", "readings", "share", "devices", "late"), rows)
