"""Kitchens on a day: who was heard of, how far purifiers ran with the fans, what was over, by street; what was done."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.rows import dict_row

from alerts.catalogue import Catalogue
from alerts.daily.tables import Period, Table, figures, share, table
from alerts.kitchens.figures import Counter
from alerts.kitchens.rates import OUTLETS, STREETS, rated, ten_minutes_due

DONE: LiteralString = """
    SELECT (SELECT count(*) FROM correction_order WHERE issued_at >= %(since)s AND issued_at < %(until)s) AS orders,
           (SELECT count(*) FROM correction_recheck WHERE checked_at >= %(since)s AND checked_at < %(until)s) AS rechecks,
           (SELECT count(*) FROM correction_recheck
             WHERE checked_at >= %(since)s AND checked_at < %(until)s AND passed) AS rechecks_passed,
           (SELECT count(*) FROM correction_order one
             WHERE issued_at < %(until)s AND NOT EXISTS (
                   SELECT FROM correction_recheck WHERE order_id = one.id AND passed AND checked_at < %(until)s)
           ) AS orders_open,
           (SELECT count(*) FROM inspection_result WHERE visited_at >= %(since)s AND visited_at < %(until)s) AS inspected,
           (SELECT count(*) FROM inspection_result
             WHERE visited_at >= %(since)s AND visited_at < %(until)s AND problem) AS problems,
           (SELECT count(*) FROM cleaning_record
             WHERE cleaned_on = %(day)s AND struck_at IS NULL) AS cleanings
"""


def kitchens(connection: Connection[Any], period: Period, catalogue: Catalogue) -> list[Table]:
    """Counts what is not counted yet first."""
    Counter(catalogue, period.zone).count(connection)
    days = {"begin": period.day, "end": period.day + timedelta(days=1)}
    with connection.cursor(row_factory=dict_row) as cursor:
        outlets = cursor.execute(OUTLETS, {**days, "after": None, "fetch": None}).fetchall()
        streets = cursor.execute(STREETS, days).fetchall()
        done = cursor.execute(DONE, period.parameters).fetchall()
    begin, end = (at.astimezone(period.zone).replace(tzinfo=None) for at in (period.since, period.until))
    over = [rated({**row, "meal_hours": None}, begin, end) for row in outlets if row["windows_over"]]
    names = {street["code"]: street["name"] for street in streets}
    return [
        figures("kitchens", {**_whole(outlets, [ten_minutes_due(row, begin, end) for row in outlets]), **done[0]}),
        table(
            "kitchens_by_street",
            ("jurisdiction", "jurisdiction_name", "outlets", "measured", "never_over", "windows", "windows_over",
             "compliance_rate", "linkage_rate"),
            ({**row, "jurisdiction": row["code"], "jurisdiction_name": row["name"]} for row in streets),
        ),
        table(
            "kitchens_over",
            ("outlet_id", "outlet_name", "jurisdiction_name", "windows", "windows_over", "over_min", "fume_max_mg_m3",
             "linkage_rate", "online_rate"),
            ({**row, "outlet_name": row["name"], "jurisdiction_name": names.get(row["jurisdiction"])}
             for row in sorted(over, key=lambda row: (-row["windows_over"], row["outlet_id"]))),
        ),
    ]  # fmt: skip


def _whole(outlets: Sequence[dict[str, Any]], due: Sequence[int]) -> dict[str, Any]:
    """`due`: ten minutes that each should have been heard of."""

    def total(name: str) -> float:
        return sum(row[name] or 0 for row in outlets)

    def heard(name: str) -> float | None:
        return share(sum(min(row[name] or 0, most) for row, most in zip(outlets, due, strict=True)), sum(due))

    windows, windows_over = total("windows"), total("windows_over")
    return {
        "outlets": len(outlets),
        "measured": sum(bool(row["windows"]) for row in outlets),
        "online_rate": heard("open_heard"),
        "valid_rate": heard("open_valid"),
        "linkage_rate": share(total("both_on_min"), total("fan_on_min")),
        "windows": windows,
        "windows_over": windows_over,
        "compliance_rate": share(windows - windows_over, windows),
        "over_min": float(total("over_min")),
    }
