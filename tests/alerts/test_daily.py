"""The daily report: each figure against what was put in by hand, and the files read back."""

import contextlib
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pypdfium2
import pytest
from psycopg.types.json import Jsonb

from alerts import journal
from alerts.casework import transfers
from alerts.casework.leads import move_lead, open_lead
from alerts.catalogue import load_catalogue
from alerts.daily.files import WRITERS, as_data
from alerts.daily.report import NoReport, Report, daily_report
from runtime.cli import main
from runtime.settings import Settings
from tests import builders
from tests.builders import NOON
from tests.service.running import environment

DAY = date(2026, 11, 23)
ZONE = Settings().zone
BEGIN = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
"""Midnight in Shanghai."""
LATER = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True, options="-c timezone=UTC") as connection:
        with connection.transaction():
            builders.users(connection)
            builders.district(connection, trucks=3)
        yield connection


def made(connection: psycopg.Connection, day: date = DAY, now: datetime = LATER) -> Report:
    return daily_report(
        connection, day, zone=ZONE, catalogue=load_catalogue(None), office="章丘区城市管理局", now=now
    )  # fmt: skip


def said(connection: psycopg.Connection, day: date = DAY, now: datetime = LATER) -> dict[str, Any]:
    return as_data(made(connection, day, now))


def trip(connection: psycopg.Connection, at: datetime, **columns: Any) -> None:
    builders.insert(
        connection, "trip",
        **{
            "device_id": "V0", "plate": "鲁A00000", "company_id": "C1", "permit_id": "P1", "source_site_id": "PIT",
            "loaded_at": at, "left_at": at, "left_lat": 36.7, "left_lon": 117.5, "outcome": "delivered",
            "unloaded_at": at + timedelta(hours=1), "unloaded_site_id": "TIP", "distance_m": 6000.0, "on_route_m": 5400.0,
            "volume_m3": 15.0, **columns,
        },
    )  # fmt: skip


def test_a_vehicle_reports_moves_or_is_offline_by_the_days_own_readings(
    connection: psycopg.Connection,
) -> None:
    builders.position(connection, NOON)
    builders.position(connection, NOON, device_id="V1", speed_kmh=4.9)
    builders.position(
        connection, NOON, device_id="V2", speed_kmh=60.0, quality="jump"
    )  # heard of, not believed
    builders.position(connection, BEGIN - timedelta(seconds=1), device_id="V1")  # the day before
    builders.position(connection, BEGIN + timedelta(days=1), device_id="V1")  # the day after
    vehicles = said(connection)["vehicles"]
    assert vehicles == {
        "registered": 3, "equipped": 3, "reporting": 3, "moving": 1, "offline": 0, "hauling": 0, "reporting_share": 1.0,
    }  # fmt: skip
    before = said(connection, DAY - timedelta(days=1))["vehicles"]
    assert (before["reporting"], before["offline"], before["moving"]) == (1, 2, 1)
    (company,) = said(connection)["vehicles_by_company"]
    assert (company["company_id"], company["reporting"], company["loads"]) == ("C1", 3, 0)


def test_loads_are_held_against_their_permit_and_counted_where_they_were_unloaded(
    connection: psycopg.Connection,
) -> None:
    connection.execute("SELECT set_config('fleetfume.registry_version', '1', false)")
    connection.execute("UPDATE permit SET volume_m3 = 300")
    connection.execute("UPDATE site SET capacity_m3 = 1000 WHERE site_id = 'TIP'")
    trip(connection, NOON - timedelta(days=1))
    trip(connection, NOON)
    trip(connection, NOON + timedelta(hours=2), outcome="dumped", unloaded_site_id=None, volume_m3=14.0)
    trip(connection, NOON + timedelta(hours=3), permit_id=None, volume_m3=None)
    trip(connection, NOON + timedelta(days=1))
    told = said(connection)
    assert told["loads"] == {
        "loads": 3, "hauling": 1, "delivered": 2, "dumped": 1, "under_way": 0, "unknown": 0, "without_permit": 1,
        "delivered_m3": 15.0, "unmeasured": 1, "distance_km": 18.0, "on_route_share": 0.9,
    }  # fmt: skip
    (permit,) = told["permits"]
    assert (permit["loads"], permit["delivered"], permit["dumped"], permit["delivered_m3"]) == (2, 1, 1, 15.0)
    assert (permit["so_far_m3"], permit["approved_m3"], permit["hauled_share"]) == (30.0, 300.0, 0.1)
    (tip,) = told["receiving_sites"]
    assert (tip["delivered"], tip["delivered_m3"], tip["so_far_m3"], tip["filled_share"]) == (
        2,
        15.0,
        30.0,
        0.03,
    )


def test_passages_stand_in_the_local_hour_and_a_truck_is_one_vehicle(connection: psycopg.Connection) -> None:
    connection.execute("SELECT set_config('fleetfume.registry_version', '1', false)")
    line = Jsonb({"type": "LineString", "coordinates": [[117.5, 36.7], [117.6, 36.7]]})
    builders.insert(connection, "road", road_id="K1", name="经十东路", geometry=line)
    builders.insert(connection, "road", road_id="K2", name="旅游路", geometry=line)
    builders.position(connection, NOON)
    for minute, device_id in ((0, "V0"), (59, "V0"), (60, "V0"), (61, "V1")):
        builders.insert(
            connection, "road_passage", device_id=device_id, ts=NOON + builders.minutes(minute), road_id="K1",
            loaded_at=NOON, inferred=minute == 59,
        )  # fmt: skip
    first, second = said(connection)["passages"]
    assert (first["road_name"], first["passages"], first["vehicles_passed"]) == ("经十东路", 4, 2)
    assert {name: n for name, n in first.items() if name.startswith("h") and n} == {"h12": 2, "h13": 2}
    assert (first["passages_inferred"], second["passages_inferred"]) == (1, 0)
    assert (second["passages"], second["vehicles_passed"]) == (0, 0)


def test_alerts_are_counted_by_kind_severity_and_street_and_every_alert_once_in_each(
    connection: psycopg.Connection,
) -> None:
    builders.alert(connection, place="1")
    builders.alert(connection, place="2", state="dismissed", dismiss_code="traffic")
    builders.alert(connection, place="3", kind="illegal_dumping", severity="critical", jurisdiction=None)
    builders.alert(connection, place="4", opened_at=NOON - timedelta(days=1))
    told = said(connection)
    kinds = {row["kind"]: row for row in told["alerts_by_kind"]}
    assert list(kinds) == ["illegal_dumping", "off_route"]
    assert (kinds["off_route"]["alerts"], kinds["off_route"]["open"], kinds["off_route"]["dismissed"]) == (
        2,
        1,
        1,
    )
    assert (kinds["off_route"]["false_share"], kinds["illegal_dumping"]["false_share"]) == (1.0, None)
    assert [(row["severity"], row["alerts"]) for row in told["alerts_by_severity"]] == [
        ("critical", 1),
        ("minor", 2),
    ]
    assert [(row["jurisdiction_name"], row["alerts"]) for row in told["alerts_by_street"]] == [
        ("明水街道", 2), (None, 1),
    ]  # fmt: skip
    assert (told["summary"]["alerts"], told["summary"]["alerts.critical"]) == (3, 1)


def moved(connection: psycopg.Connection, lead_id: int, to: str, by: str, **more: Any) -> None:
    with connection.transaction():
        move_lead(connection, lead_id, to=to, actor=by, role=by, zone=ZONE, **more)


def test_leads_stand_as_they_did_when_the_day_was_over(connection: psycopg.Connection) -> None:
    today = datetime.now(ZONE).date()
    ids = []
    for place in ("1", "2", "3"):
        with connection.transaction():
            lead_id = open_lead(connection, [builders.alert(connection, place=place)])
            assert lead_id is not None
            ids.append(lead_id)
    moved(connection, ids[0], "assigned", "duty")
    moved(connection, ids[0], "verifying", "squad")
    moved(connection, ids[0], "confirmed", "squad")
    moved(connection, ids[0], "transferred", "squad", receiver="police")
    with connection.transaction():
        transfers.send(connection, ids[0], party="police", by="squad", zone=ZONE)
    connection.execute("UPDATE lead SET due_on = %s WHERE id = %s", (today - timedelta(days=1), ids[1]))
    after = datetime.now(UTC) + timedelta(seconds=1)
    told = said(connection, today, after)
    states = {row["state"]: row for row in told["leads_by_state"]}
    assert {state: row["standing"] for state, row in states.items() if row["standing"]} == {
        "new": 2,
        "transferred": 1,
    }
    assert (states["new"]["entered"], states["confirmed"]["entered"], states["new"]["overdue"]) == (3, 1, 1)
    assert (told["leads"]["opened"], told["leads"]["going_on"], told["leads"]["overdue"]) == (3, 3, 1)
    (sent,) = told["transfers"]
    assert (sent["direction"], sent["party"], sent["sent"], sent["pending"], sent["overdue"]) == (
        "out",
        "police",
        1,
        1,
        0,
    )

    # What is done the day after changes nothing of how they stood; that day's report has it.
    connection.execute("ALTER TABLE lead_journal DISABLE TRIGGER append_only")
    connection.execute("UPDATE lead_journal SET at = at - interval '1 day'")
    connection.execute("UPDATE lead_transfer SET created_at = created_at - interval '1 day'")
    moved(connection, ids[1], "assigned", "duty")
    moved(connection, ids[0], "closed", "duty", outcome="feedback_received")
    yesterday, now = (
        said(connection, day, datetime.now(UTC) + timedelta(seconds=1))
        for day in (today - timedelta(days=1), today)
    )
    assert {row["state"]: row["standing"] for row in yesterday["leads_by_state"] if row["standing"]} == {
        "new": 2, "transferred": 1,
    }  # fmt: skip
    assert yesterday["leads"]["closed"] == 0
    assert {row["state"]: row["standing"] for row in now["leads_by_state"] if row["standing"]} == {
        "new": 1, "assigned": 1, "closed": 1,
    }  # fmt: skip
    assert now["lead_outcomes"] == [{"outcome": "feedback_received", "leads": 1, "amount_yuan": 0}]


def test_a_lead_that_moved_on_since_was_overdue_by_the_time_limit_of_where_it_stood(
    connection: psycopg.Connection,
) -> None:
    today = datetime.now(ZONE).date()
    with connection.transaction():
        lead_id = open_lead(connection, [builders.alert(connection)])
    assert lead_id is not None
    connection.execute("ALTER TABLE lead_journal DISABLE TRIGGER append_only")
    connection.execute("UPDATE lead_journal SET at = at - interval '20 days'")
    moved(connection, lead_id, "assigned", "duty")
    yesterday = said(connection, today - timedelta(days=1), datetime.now(UTC))
    assert (yesterday["leads"]["going_on"], yesterday["leads"]["overdue"]) == (1, 1)
    assert said(connection, today, datetime.now(UTC) + timedelta(seconds=1))["leads"]["overdue"] == 0


def test_kitchens_are_measured_by_what_their_opening_hours_should_have_brought(
    connection: psycopg.Connection,
) -> None:
    # F0: twenty minutes, the second ten over the limit, purifier on for the first; F1 is silent.
    for minute in range(20):
        builders.reading(
            connection, NOON + builders.minutes(minute), fume_mg_m3=0.5 if minute < 10 else 3.0,
            purifier_on=minute < 10,
        )  # fmt: skip
    for begin in (0, 10):
        builders.insert(connection, "fume_due", device_id="F0", begins_at=NOON + builders.minutes(begin))
    told = said(connection)
    kitchens = told["kitchens"]
    assert (kitchens["outlets"], kitchens["measured"]) == (2, 1)
    assert (kitchens["windows"], kitchens["windows_over"], kitchens["compliance_rate"]) == (2, 1, 0.5)
    assert (kitchens["over_min"], kitchens["linkage_rate"]) == (10.0, 0.5)
    due = sum(row["hours"] for row in [{"hours": 144}] * 2)  # these outlets have no hours: always open
    assert kitchens["online_rate"] == kitchens["valid_rate"] == round(2 / due, 4)
    (street,) = told["kitchens_by_street"]
    assert (street["jurisdiction_name"], street["outlets"], street["compliance_rate"]) == ("明水街道", 2, 0.5)
    (over,) = told["kitchens_over"]
    assert (over["outlet_id"], over["windows_over"], over["fume_max_mg_m3"]) == ("R0", 1, 3.0)


def test_data_are_counted_by_quality_and_what_could_not_be_read_by_reason(
    connection: psycopg.Connection,
) -> None:
    builders.position(connection, NOON)
    builders.position(connection, NOON + builders.minutes(1), received_at=NOON + builders.minutes(9))
    builders.position(connection, NOON, device_id="V1", quality="jump")
    builders.reading(connection, NOON, quality="negative")
    for reason in ("not_json", "not_json", "bad_time"):
        builders.insert(
            connection, "quarantine", topic="t", payload=b"{", reason=reason, device_id="V0", received_at=NOON
        )
    builders.insert(connection, "device_finding", device_id="V0", day=DAY, code="frozen", detail=Jsonb({}))
    told = said(connection)
    assert told["data_quality"] == [
        {"device_kind": "vehicle", "quality": "ok", "readings": 2, "share": 0.6667, "devices": 1, "late": 1},
        {
            "device_kind": "vehicle",
            "quality": "jump",
            "readings": 1,
            "share": 0.3333,
            "devices": 1,
            "late": 0,
        },
        {"device_kind": "fume", "quality": "negative", "readings": 1, "share": 1.0, "devices": 1, "late": 0},
    ]
    assert [(row["reason"], row["messages"]) for row in told["quarantine"]] == [
        ("not_json", 2),
        ("bad_time", 1),
    ]
    assert told["findings"] == [{"device_kind": "vehicle", "suspicion": "frozen", "devices": 1}]


def test_the_head_of_the_day_stands_in_its_report(connection: psycopg.Connection) -> None:
    with connection.transaction():
        open_lead(connection, [builders.alert(connection)])
    today = datetime.now(ZONE).date()
    now = datetime.now(UTC) + timedelta(days=1)
    assert said(connection, today, now)["journal"]["head"] is None
    journal.close_days(connection, ZONE, now)
    told = said(connection, today, now)["journal"]
    assert (told["entries"], told["leads"], len(told["head"])) == (1, 1, 64)


@pytest.fixture
def filled(connection: psycopg.Connection) -> psycopg.Connection:
    builders.position(connection, NOON)
    builders.alert(connection, kind="illegal_dumping", severity="critical")
    trip(connection, NOON)
    for minute in range(10):
        builders.reading(connection, NOON + builders.minutes(minute), fume_mg_m3=3.0)
    builders.insert(connection, "fume_due", device_id="F0", begins_at=NOON)
    connection.execute("SELECT set_config('fleetfume.registry_version', '1', false)")
    connection.execute("UPDATE outlet SET name = '=1+1' WHERE outlet_id = 'R0'")  # a name, not a formula
    return connection


@pytest.mark.parametrize("ending", WRITERS)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_same_day_makes_the_same_bytes(filled: psycopg.Connection, ending: str, language: Any) -> None:
    write = WRITERS[ending]
    first = write(made(filled), language)
    assert write(made(filled, now=LATER + timedelta(days=3)), language) == first


def test_the_spreadsheet_holds_the_figures_as_numbers_under_words(filled: psycopg.Connection) -> None:
    report = made(filled)
    sheets = pl.read_excel(io.BytesIO(WRITERS["xlsx"](report, "zh")), sheet_id=0, has_header=False)
    assert len(sheets) == len(report.tables)
    kinds = sheets["告警·按种类"].rows()
    assert kinds[0][:3] == ("种类", "告警", "严重")
    assert kinds[1][0] == "疑似偷倒乱倒"
    typed = pl.read_excel(io.BytesIO(WRITERS["xlsx"](report, "zh")), sheet_name="核准证执行")
    assert typed["消纳量（m³，估）"].to_list() == [15]
    over = sheets["超标餐饮单位"].rows()
    assert over[1][1] == "=1+1"
    overview = dict(row[:2] for row in sheets["概要"].rows())
    assert overview["运行日报 2026-11-23"] == "2026-11-23 00:00 – 2026-11-24 00:00 Asia/Shanghai"


def text_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    return " ".join(" ".join(page.get_textpage().get_text_bounded().split()) for page in document)


def letters_of(pdf: bytes) -> list[Any]:
    text = pypdfium2.raw.FPDF_PAGEOBJ_TEXT
    return [one for page in pypdfium2.PdfDocument(pdf) for one in page.get_objects([text])]


def test_the_pdf_says_it_in_chinese_with_its_own_font_and_page_numbers(filled: psycopg.Connection) -> None:
    pdf = WRITERS["pdf"](made(filled), "zh")
    text = text_of(pdf)
    for word in (
        "章丘区城市管理局",
        "运行日报 2026-11-23",
        "疑似偷倒乱倒",
        "核准证执行",
        "达标率",
        "第 1 页，共",
    ):
        assert word in text
    raw = pypdfium2.raw
    assert all(raw.FPDFFont_GetIsEmbedded(raw.FPDFTextObj_GetFont(one.raw)) == 1 for one in letters_of(pdf))
    assert "Suspected illegal dumping" in text_of(WRITERS["pdf"](made(filled), "en"))


def test_a_day_that_goes_on_is_told_up_to_now_and_says_so(filled: psycopg.Connection) -> None:
    now = NOON + timedelta(minutes=1, seconds=30)
    builders.position(filled, NOON + timedelta(minutes=3), device_id="V1")
    told = said(filled, now=now)
    assert (told["complete"], told["until"], told["vehicles"]["reporting"]) == (
        False,
        "2026-11-23T04:01:30Z",
        1,
    )
    assert "当日尚未结束" in text_of(WRITERS["pdf"](made(filled, now=now), "zh"))


def test_there_is_no_report_of_days_to_come_or_before_everything(connection: psycopg.Connection) -> None:
    with pytest.raises(NoReport, match="holds no readings, alerts or leads yet"):
        made(connection)
    builders.position(connection, NOON)
    with pytest.raises(NoReport, match="2026-11-22: what is kept begins on 2026-11-23"):
        made(connection, DAY - timedelta(days=1))
    with pytest.raises(NoReport, match="2026-11-24 has not begun yet: today is 2026-11-23"):
        made(connection, DAY + timedelta(days=1), NOON)
    silent = said(connection, DAY + timedelta(days=1))  # a day without a word is worth a report
    assert (silent["vehicles"]["reporting"], silent["vehicles"]["offline"]) == (0, 3)


@pytest.fixture
def command(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """`fleetfume report daily …`: its code, and its lines on standard error."""

    def run(*arguments: str, **more: str) -> tuple[Any, list[str]]:
        for name, value in environment(tmp_path, database_url=database_url, **more).items():
            monkeypatch.setenv(name, value)
        said = io.StringIO()
        with contextlib.redirect_stderr(said), pytest.raises(SystemExit) as ended:
            main(["report", "daily", *arguments])
        return ended.value.code, said.getvalue().splitlines()

    return run


def test_the_command_writes_by_the_files_ending(
    filled: psycopg.Connection, command: Any, tmp_path: Path
) -> None:
    for ending, begins in (("json", b"{"), ("XLSX", b"PK"), ("pdf", b"%PDF")):
        file = tmp_path / f"日报.{ending}"
        assert command("--date", "2026-11-23", "-o", str(file)) == (0, [])
        assert file.read_bytes().startswith(begins)
    assert json.loads((tmp_path / "日报.json").read_bytes())["date"] == "2026-11-23"
    command("--date", "2026-11-23", "-o", str(tmp_path / "en.pdf"), language="en")
    assert "Daily report" in text_of((tmp_path / "en.pdf").read_bytes())


def test_a_mistake_is_one_line(filled: psycopg.Connection, command: Any) -> None:
    for day, file, words in (
        ("yesterday", "x.json", "is no day; write it like 2026-11-23"),
        ("2026-11-31", "x.json", "is no day"),
        ("2026-11-23", "x.docx", "must be one of .json, .xlsx, .pdf"),
        ("2099-01-01", "x.json", "has not begun yet"),
        ("2019-01-01", "x.json", "what is kept begins on 2026-11-23"),
        ("2026-11-23", "/nowhere/x.json", "cannot be written"),
    ):
        code, (line,) = command("--date", day, "-o", file)
        assert code != 0
        assert words in line
