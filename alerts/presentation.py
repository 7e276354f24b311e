"""Alerts and leads as the API and the stream show them: one query and one shape for each."""

from datetime import UTC, date, datetime
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.rows import dict_row

from alerts.labels import Language, label
from alerts.outbox import publish

ALERT: LiteralString = """
    SELECT alert.*, company.name AS company_name, outlet.name AS outlet_name, jurisdiction.name AS jurisdiction_name,
           CASE WHEN alert.state = 'open' THEN alert.recorded_at + alert_sla.ack_within END AS ack_due_at
      FROM alert
      LEFT JOIN alert_sla ON alert_sla.severity = alert.severity
      LEFT JOIN company ON company.company_id = alert.company_id
      LEFT JOIN outlet ON outlet.outlet_id = alert.outlet_id
      LEFT JOIN jurisdiction ON jurisdiction.code = alert.jurisdiction
"""
"""Rows `alert_json` takes; add WHERE and ORDER BY."""

LEAD: LiteralString = """
    SELECT lead.*, company.name AS company_name, outlet.name AS outlet_name, jurisdiction.name AS jurisdiction_name,
           ARRAY(SELECT id FROM alert WHERE alert.lead_id = lead.id ORDER BY id) AS alerts,
           (SELECT coalesce(json_agg(json_build_object(
                       'round', round, 'level', level, 'verdict', verdict, 'reviewer', reviewer, 'note', note,
                       'at', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) ORDER BY id), '[]')
              FROM lead_review WHERE lead_review.lead_id = lead.id) AS reviews
      FROM lead
      LEFT JOIN company ON company.company_id = lead.company_id
      LEFT JOIN outlet ON outlet.outlet_id = lead.outlet_id
      LEFT JOIN jurisdiction ON jurisdiction.code = lead.jurisdiction
"""
"""Rows `lead_json` takes."""

ONE_ALERT: LiteralString = ALERT + " WHERE alert.id = %s"
ONE_LEAD: LiteralString = LEAD + " WHERE lead.id = %s"


def load_lead(connection: Connection[Any], lead_id: int) -> dict[str, Any] | None:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(ONE_LEAD, (lead_id,)).fetchone()


def load_alert(connection: Connection[Any], alert_id: int) -> dict[str, Any] | None:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(ONE_ALERT, (alert_id,)).fetchone()


def publish_alert(connection: Connection[Any], alert_id: int, event_type: str) -> int:
    """Put the alert as it stands now into the outbox, in the caller's transaction; return the event's id."""
    row = load_alert(connection, alert_id)
    assert row is not None  # noqa: S101 - the caller has just written it
    return publish(connection, event_type, alert_json(row), alert_id=alert_id)


def alert_json(row: dict[str, Any], language: Language = "zh") -> dict[str, Any]:
    """`row` (of ALERT) as the contract's alert; `summary` in `language`, and in both beside it."""
    said = {name: plain(value) for name, value in row.items()}
    return {
        **said,
        "summary": summary(row, language),
        "summary_zh": summary(row, "zh"),
        "summary_en": summary(row, "en"),
    }


def lead_json(row: dict[str, Any]) -> dict[str, Any]:
    """`row` (of LEAD) as the API shows it."""
    said = {name: plain(value) for name, value in row.items() if name != "moved_by"}
    signed = [one["level"] for one in row["reviews"] if one["round"] == row["review_round"]]
    said["next_level"] = (
        next(iter(row["review_levels"][len(signed) :]), None) if row["state"] == "filed" else None
    )
    return {**said, "title_zh": _title(row, "zh"), "title_en": _title(row, "en"), "title": _title(row, "zh")}


def summary(row: dict[str, Any], language: Language) -> str:
    """One sentence: who, what, where, how much."""
    measured = _measured(row["kind"], (row["evidence"] or {}).get("values", {}), language)
    return _title(row, language) + (("：" if language == "zh" else ": ") + measured if measured else "")


def _title(row: dict[str, Any], language: Language) -> str:
    who = row["plate"] or row["outlet_name"] or row["outlet_id"] or row["device_id"] or ""
    where = row["jurisdiction_name"]
    if language == "zh":
        return f"{who}{f'在{where}' if where else ''}{label(row['kind'], 'zh')}"
    return f"{who}: {label(row['kind'], 'en').lower()}{f' in {where}' if where else ''}"


def _measured(kind: str, values: dict[str, float], language: Language) -> str:
    """What was measured, in words, for the kinds whose numbers say it best."""
    zh = language == "zh"
    match kind:
        case "off_route" if "max_distance_m" in values:
            metres = f"{values['max_distance_m']:.0f}"
            return f"最远偏离 {metres} 米" if zh else f"up to {metres} m off"
        case "fume_exceedance" if "max_mean_mg_m3" in values:
            mean, limit = f"{values['max_mean_mg_m3']:.2f}", f"{values['limit_mg_m3']:g}"
            return (
                f"十分钟均值 {mean} mg/m³，限值 {limit} mg/m³"
                if zh
                else f"10-min mean {mean} mg/m³, limit {limit} mg/m³"
            )
        case "loaded_stop" if "duration_s" in values:
            minutes = f"{values['duration_s'] / 60:.0f}"
            return f"已停留 {minutes} 分钟" if zh else f"stood for {minutes} min"
        case "purifier_off" if "duration_s" in values:
            minutes = f"{values['duration_s'] / 60:.0f}"
            return (
                f"风机运行而净化器关闭已 {minutes} 分钟" if zh else f"fan on, purifier off for {minutes} min"
            )
        case "monitor_offline" if "silent_s" in values:
            minutes = f"{values['silent_s'] / 60:.0f}"
            return f"营业时间内已 {minutes} 分钟无数据" if zh else f"no data for {minutes} min while open"
        case "monitor_suspect":
            causes = [name for name in ("stuck", "impossible", "clipped", "copied") if values.get(name)]
            return ("、" if zh else ", ").join(label(name, language) for name in causes)
        case "purifier_degraded":
            causes = [name for name in ("dirty", "cleaning_overdue") if values.get(name)]
            return ("、" if zh else ", ").join(label(name, language) for name in causes)
        case "illegal_dumping":
            signs = [
                label(name, language) for name, value in values.items() if name.startswith("term_") and value
            ]
            if "load_before" in values and "load_after" in values:
                before, after = f"{values['load_before']:.0%}", f"{values['load_after']:.0%}"
                if before != after:  # a raised box may be seen before the load has fallen
                    signs.append(f"载重 {before} → {after}" if zh else f"load {before} → {after}")
            return ("、" if zh else ", ").join(signs)
    return ""


def plain(value: Any) -> Any:
    """A column's value for JSON: instants as RFC 3339 with Z, days as ISO dates."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return value
