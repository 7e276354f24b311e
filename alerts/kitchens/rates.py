"""Kitchens over a period of local days: what each outlet's, and each street's, monitors heard, and what it says.

Two statements over the figures by day (`alerts.kitchens.figures`), and the rates of their rows.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, LiteralString

from alerts.kitchens.figures import open_ten_minutes

LAST_CLEANINGS: LiteralString = """
    SELECT outlet_id, max(cleaned_on) AS cleaned_on
      FROM (SELECT outlet_id, cleaned_on FROM outlet WHERE cleaned_on < %(end)s
             UNION ALL
            SELECT outlet_id, cleaned_on FROM cleaning_record WHERE struck_at IS NULL AND cleaned_on < %(end)s) AS known
     GROUP BY outlet_id
"""
OUTLETS: LiteralString = (
    "WITH cleaned AS ("  # noqa: S608 - two constants
    + LAST_CLEANINGS
    + """), summed AS (
    SELECT device.bound_to AS outlet_id,
           sum(fume_sum) / nullif(sum(cooking), 0) AS fume_mg_m3, max(fume_max) AS fume_max_mg_m3,
           sum(over * fume_day.interval_s / 60) AS over_min, sum(fan_on * fume_day.interval_s / 60) AS fan_on_min,
           sum(both_on * fume_day.interval_s / 60) AS both_on_min, sum(dithering) AS dithering,
           10 * sum(protected) AS power_protection_min, sum(windows) AS windows, sum(windows_over) AS windows_over,
           sum(valid * fume_day.interval_s / 600) AS open_valid, sum(open_heard) AS open_heard,
           sum(meal_heard) AS meal_heard,
           count(DISTINCT fume_day.device_id) AS monitors
      FROM fume_day JOIN device USING (device_id)
     WHERE day >= %(begin)s AND day < %(end)s
     GROUP BY device.bound_to)
    SELECT outlet.outlet_id, outlet.name, outlet.scale, outlet.hours, outlet_street.jurisdiction,
           fume_mg_m3, fume_max_mg_m3, over_min, fan_on_min, both_on_min, dithering, power_protection_min,
           windows, windows_over, open_valid, open_heard, meal_heard, coalesce(monitors, 0) AS monitors,
           cleaned.cleaned_on, outlet.cleaning_days,
           (SELECT sum(both_on * fume_day.interval_s) / 3600
              FROM fume_day JOIN device USING (device_id)
             WHERE device.bound_to = outlet.outlet_id AND day > cleaned.cleaned_on
                AND day < %(end)s) AS purifier_h_since_cleaning
      FROM outlet
      LEFT JOIN outlet_street USING (outlet_id)
      LEFT JOIN summed ON summed.outlet_id = outlet.outlet_id
      LEFT JOIN cleaned ON cleaned.outlet_id = outlet.outlet_id
     WHERE %(after)s::text IS NULL OR outlet.outlet_id > %(after)s
     ORDER BY outlet.outlet_id
     LIMIT %(fetch)s
"""
)
STREETS: LiteralString = """
    WITH summed AS (
        SELECT device.bound_to AS outlet_id, sum(windows) AS windows, sum(windows_over) AS windows_over,
               sum(fan_on * fume_day.interval_s) AS fan_on, sum(both_on * fume_day.interval_s) AS both_on
          FROM fume_day JOIN device USING (device_id)
         WHERE day >= %(begin)s AND day < %(end)s
         GROUP BY device.bound_to)
    SELECT outlet_street.jurisdiction AS code, jurisdiction.name, count(*) AS outlets,
           count(*) FILTER (WHERE windows > 0) AS measured,
           count(*) FILTER (WHERE windows > 0 AND windows_over = 0) AS never_over,
           sum(windows) AS windows, sum(windows_over) AS windows_over,
           1 - sum(windows_over)::float8 / nullif(sum(windows), 0) AS compliance_rate,
           sum(both_on) / nullif(sum(fan_on), 0) AS linkage_rate
      FROM outlet
      LEFT JOIN outlet_street USING (outlet_id)
      LEFT JOIN jurisdiction ON jurisdiction.code = outlet_street.jurisdiction
      LEFT JOIN summed USING (outlet_id)
     GROUP BY outlet_street.jurisdiction, jurisdiction.name
     ORDER BY outlet_street.jurisdiction
"""


def rated(row: Mapping[str, Any], begin: datetime, end: datetime) -> dict[str, Any]:
    """`row` with its rates over [begin, end): what was heard, and valid, of what the hours should have brought."""
    due = ten_minutes_due(row, begin, end)
    meals = row["meal_hours"]
    meals_due = ten_minutes_due(row, begin, end, meals=meals) if meals else 0
    counted = {"monitors", "open_heard", "meal_heard", "open_valid"}
    return {
        **{name: value for name, value in row.items() if name not in counted},
        "online_rate": min(1.0, (row["open_heard"] or 0) / due) if due else None,
        "meal_online_rate": min(1.0, (row["meal_heard"] or 0) / meals_due) if meals_due else None,
        "valid_rate": min(1.0, (row["open_valid"] or 0) / due) if due else None,
        "linkage_rate": row["both_on_min"] / row["fan_on_min"] if row["fan_on_min"] else None,
        "compliance_rate": 1 - row["windows_over"] / row["windows"] if row["windows"] else None,
    }


def ten_minutes_due(
    row: Mapping[str, Any], begin: datetime, end: datetime, *, meals: str | None = None
) -> int:
    """How many ten minutes an outlet's monitors should have been heard of in [begin, end), local; `meals`: those hours."""
    monitors: int = max(1, row["monitors"])
    return open_ten_minutes(row["hours"], begin, end, meals=meals) * monitors
