"""A report as a file: JSON for programs, XLSX to count on with, PDF to read. The same report makes the same bytes."""

import io
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any, NamedTuple

import xlsxwriter

from alerts.daily.report import Report
from alerts.daily.tables import Table
from alerts.labels import Language, catalogue, label
from alerts.papers import render
from alerts.presentation import plain

CODED = frozenset({
    "kind", "severity", "state", "reason", "quality", "suspicion", "outcome", "direction", "party", "device_kind",
})  # fmt: skip
"""Columns whose values are codes."""
SIZES = ((9, 8.0), (16, 6.8), (99, 5.6))
"""Up to how many columns a table of the PDF is set how large, in points."""
WORDS = {
    "zh": {
        "title": "运行日报",
        "range": "统计区间",
        "going_on": "（当日尚未结束）",
        "none": "无",
        "page": "第 {} 页，共 {} 页",
        "notes": "街镇、道路、场站、企业与核准证取自名录。告警的状态与误报率、运单的去向以制表时所知为准；"
        "线索按当日结束时的状态统计。方量为估算：车辆容积乘以最大载重比。各项口径见 docs/reports.md。",
    },
    "en": {
        "title": "Daily report",
        "range": "Period",
        "going_on": " (the day is not over)",
        "none": "none",
        "page": "page {} of {}",
        "notes": "Streets, roads, sites, companies and permits as registered. States of alerts, false-alarm shares and "
        "what became of loads as known when this was made; leads as they stood when the day was over. Volumes are "
        "estimates: the vehicle's capacity times its highest load. How each figure is meant: docs/reports.md.",
    },
}


class Cell(NamedTuple):
    value: Any
    form: str
    """`text`, or how a number is written: a key of NUMBERS."""


NUMBERS: Mapping[str, tuple[str, str]] = {
    "percent": ("0.0%", "{:.1%}"), "decimal": ("#,##0.0", "{:,.1f}"), "number": ("#,##0", "{:,.0f}"),
}  # fmt: skip
"""Each as a spreadsheet and as Python says it."""


def as_json(report: Report, language: Language = "zh") -> bytes:  # noqa: ARG001 - as the others
    return json.dumps(as_data(report), ensure_ascii=False, indent=1).encode() + b"\n"


def as_data(report: Report) -> dict[str, Any]:
    """Codes and numbers: each table as a list of objects, one of a single row as an object."""
    period = report.period
    return {
        "report": "daily",
        "date": period.day.isoformat(),
        "timezone": period.zone.key,
        "since": plain(period.since),
        "until": plain(period.until),
        "complete": period.whole,
        "office": report.office,
        **{one.code: one.records()[0] if one.single else one.records() for one in report.tables},
    }


def as_xlsx(report: Report, language: Language = "zh") -> bytes:
    """A sheet for each table; figures stay numbers."""
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, options) as book:
        book.set_properties(
            {"title": _title(report, language), "created": report.period.until.astimezone(UTC)}
        )
        forms = {name: book.add_format({"num_format": said}) for name, (said, _) in NUMBERS.items()}
        bold = book.add_format({"bold": True, "text_wrap": True, "bottom": 1, "valign": "top"})
        for table in report.tables:
            sheet = book.add_worksheet(_sheet_name(table.code, language))
            head, rows = words_of(table, language)
            if table.single:
                head = [_title(report, language), _range(report, language)]
            sheet.write_row(0, 0, head, bold)
            sheet.freeze_panes(1, 0)
            sheet.set_column(0, len(head) - 1, 14)
            sheet.set_column(0, 0, 30)
            for number, row in enumerate(rows, start=1):
                for column, cell in enumerate(row):
                    if cell.value is not None:
                        sheet.write(number, column, cell.value, forms.get(cell.form))
    return out.getvalue()


def _sheet_name(code: str, language: Language) -> str:
    """Excel allows 31 characters, without some."""
    return re.sub(r"[\[\]:*?/\\]", " ", label(code, language))[:31]


def as_pdf(report: Report, language: Language = "zh") -> bytes:
    words = WORDS[language]
    data = {
        "title": _title(report, language),
        "office": report.office,
        "range": f"{words['range']} {_range(report, language)}",
        "notes": words["notes"],
        "none": words["none"],
        "page": words["page"].split("{}"),
        "lang": language,
        "tables": [_set(table, language) for table in report.tables],
    }
    return render("daily", data)


def _set(table: Table, language: Language) -> dict[str, Any]:
    """A table as papers/daily.typ wants it: words alone."""
    head, rows = words_of(table, language)
    return {
        "title": label(table.code, language),
        "single": table.single,
        "size_pt": next(size for most, size in SIZES if len(head) <= most),
        "narrow": [
            name.endswith("_id") or cell.form != "text"
            for name, cell in zip(table.columns, rows[0], strict=False)
        ]
        if rows and not table.single
        else [],
        "head": head,
        "numeric": [cell.form != "text" for cell in rows[0]] if rows else [],
        "rows": [[_said(cell) for cell in row] for row in rows],
    }


def _said(cell: Cell) -> str:
    if cell.value is None:
        return "—"
    return str(cell.value) if cell.form == "text" else NUMBERS[cell.form][1].format(cell.value)


def words_of(table: Table, language: Language) -> tuple[list[str], list[list[Cell]]]:
    """Headings and rows in words; of a single row no headings, and a row for each figure."""
    heads = [heading(name, language) for name in table.columns]
    forms = [_form(table, column) for column in range(len(table.columns))]
    rows = [
        [
            Cell(_word(value, language) if name in CODED else value, form)
            for name, value, form in zip(table.columns, row, forms, strict=True)
        ]
        for row in table.rows
    ]
    if table.single:
        return [], [[Cell(head, "text"), cell] for head, cell in zip(heads, rows[0], strict=True)]
    return heads, rows


def _form(table: Table, column: int) -> str:
    """How a column's figures are written, as its unit says."""
    name = table.columns[column]
    if any(isinstance(row[column], str) for row in table.rows):
        return "text"
    if name.endswith(("share", "rate")):
        return "percent"
    return "decimal" if name.endswith(("_m3", "_min", "_km")) else "number"


def _word(code: Any, language: Language) -> Any:
    return catalogue().get(code, {}).get(language, code)


def heading(column: str, language: Language) -> str:
    """A column's name in words; `h07` is the hour 7, `loads.dumped` that figure of that table."""
    if re.fullmatch(r"h\d\d", column):
        return str(int(column[1:]))
    return " · ".join(label(part, language) for part in column.split("."))


def _title(report: Report, language: Language) -> str:
    return f"{WORDS[language]['title']} {report.period.day}"


def _range(report: Report, language: Language) -> str:
    period = report.period
    since, until = (
        at.astimezone(period.zone).strftime("%Y-%m-%d %H:%M") for at in (period.since, period.until)
    )
    return f"{since} – {until} {period.zone.key}" + ("" if period.whole else WORDS[language]["going_on"])


WRITERS: Mapping[str, Callable[[Report, Language], bytes]] = {"json": as_json, "xlsx": as_xlsx, "pdf": as_pdf}
