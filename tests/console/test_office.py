"""What is done at the console beside leads: keys, a group, a device, a company, a draw, a webhook; and who may not."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from playwright.sync_api import expect
from psycopg.types.json import Jsonb

from alerts.casework.leads import move_lead
from alerts.outbox import take_turn
from devices.repository import lock_registry, put_row
from devices.types import Company
from tests import builders
from tests.console.conftest import SitDown
from tests.console.officer import choose, go, shoot
from tests.service.running import environment, fleetfume

Database = psycopg.Connection[tuple[Any, ...]]


def a_dead_letter(database: Database) -> int:
    """Of a webhook whose receiver is away; the webhook's number."""
    hook = builders.insert(
        database, "webhook", name="市平台", url="http://127.0.0.1:9/", secret="a secret of sixteen",
        types=["lead.changed"], last_id=10**6, created_by="root",
    )  # fmt: skip
    builders.insert(
        database, "webhook_delivery", webhook_id=hook, outbox_id=7, stream="lead:1", state="dead", error="HTTP 500",
        attempts=12, body=Jsonb({"id": 7, "type": "lead.changed", "at": "2026-11-25T21:00:00Z"}),
    )  # fmt: skip
    return int(hook)


def test_the_queue_is_worked_through_by_keys_and_the_tab_says_how_much_is_left(
    sit_down: SitDown, new_lead: Callable[..., int]
) -> None:
    new_lead(alerts=2)
    duty = sit_down("wang")
    critical = duty.get_by_test_id("count-critical").locator("b")
    expect(critical).not_to_have_text("0")
    waiting = int(critical.inner_text())
    assert duty.title() == f"({waiting}) 渣土车与油烟监管"
    duty.keyboard.press("n")
    expect(duty.get_by_test_id("alert-detail")).to_contain_text("严重")
    first = duty.url
    expect(duty.get_by_test_id("ack")).to_be_visible()
    duty.keyboard.press("a")
    expect(duty.get_by_test_id("ack")).to_have_count(0)
    expect(critical).to_have_text(str(waiting - 1))
    duty.wait_for_function(
        "n => document.title.startsWith(n)", arg=f"({waiting - 1})" if waiting > 1 else "渣"
    )
    duty.keyboard.press("n")
    expect(duty.get_by_test_id("ack")).to_be_visible()
    assert duty.url != first
    duty.keyboard.press("Escape")
    expect(duty.get_by_test_id("alert-detail")).to_have_count(0)
    duty.get_by_placeholder("车牌").fill("n")  # what is written is no command
    expect(duty.get_by_test_id("alert-detail")).to_have_count(0)


def test_nobody_is_shown_what_his_role_may_not(sit_down: SitDown, new_lead: Callable[..., int]) -> None:
    lead = new_lead()
    viewer = sit_down("kan")
    viewer.get_by_test_id("nav-more").click()
    expect(viewer.get_by_test_id("nav-draws")).to_be_visible()
    for closed in ("nav-webhooks", "nav-audit"):
        expect(viewer.get_by_test_id(closed)).to_have_count(0)
    for path, there, absent in (
        (f"/leads/{lead}", "journal", ("lead-more", "lead-submit", "photo-file")),
        ("/draws", "list-count", ("draw",)),
        ("/devices/V0", "device-card", ("command",)),
        ("/notices", "list-count", ("subscribe",)),
        ("/transfers", "list-count", ("take-in",)),
        ("/handover", "handover", ("handover-give",)),
    ):
        go(viewer, path)
        expect(viewer.get_by_test_id(there).first).to_be_visible()
        for name in absent:
            expect(viewer.get_by_test_id(name)).to_have_count(0)


def test_a_draw_is_made_refused_in_words_and_verified_by_anyone(
    sit_down: SitDown, desk_database: str, tmp_path: Path
) -> None:
    reviewer = sit_down("r1")
    go(reviewer, "/draws")
    expect(reviewer.get_by_test_id("draw-send")).to_be_disabled()
    reviewer.get_by_test_id("draw-seed").fill("双色球 03 08 11")
    reviewer.get_by_test_id("draw-count").fill("9")
    reviewer.get_by_test_id("draw-send").click()
    expect(reviewer.get_by_text("名单只有 2 个对象、2 名执法人员，抽不出 9 个各 2 人")).to_be_visible()
    reviewer.get_by_test_id("draw-count").fill("1")
    reviewer.get_by_test_id("draw-send").click()
    expect(reviewer.get_by_test_id("drawn").locator("tbody tr")).to_have_count(1)
    shoot(reviewer, "draw")
    with reviewer.expect_download() as download:
        reviewer.get_by_test_id("draw-record").click()
    record = tmp_path / "draw.json"
    download.value.save_as(record)
    assert json.loads(record.read_text())["seed"] == "双色球 03 08 11"
    said = fleetfume("draw", "verify", str(record), env=environment(tmp_path, database_url=desk_database))
    assert "the pool and the seed give this draw" in said


def test_an_admin_sends_dead_letters_again(sit_down: SitDown, database: Database) -> None:
    hook = a_dead_letter(database)
    admin = sit_down("root")
    go(admin, "/webhooks")
    admin.get_by_test_id("row").first.click()
    expect(admin.get_by_test_id("dead-letters")).to_contain_text("HTTP 500")
    expect(admin.get_by_test_id("dead-letters")).to_contain_text("线索变动")
    shoot(admin, "webhooks")
    admin.get_by_test_id("hook-replay").click()
    expect(admin.get_by_test_id("hook-noneDead")).to_be_visible()
    (state, attempts) = database.execute(
        "SELECT state, attempts FROM webhook_delivery WHERE webhook_id = %s", (hook,)
    ).fetchone() or (None, None)
    assert state == "waiting"
    assert attempts in {0, 1}  # the service may have tried already
    admin.get_by_test_id("hook-forget").click()
    admin.get_by_test_id("hook-forget").click()
    expect(admin.get_by_test_id("list-empty")).to_be_visible()


def test_a_company_is_suspended_with_a_reason_and_points_lead_to_their_lead(
    sit_down: SitDown, new_lead: Callable[..., int], database: Database
) -> None:
    lead = new_lead()
    overdue = Company(
        company_id="C2",
        name="无证运输公司",
        kind="construction",
        status="active",
        review_due=date(2026, 1, 1),
    )
    with database.transaction():
        take_turn(database)
        for officer, role, to in (
            ("wang", "duty", "assigned"), ("zhao", "squad", "verifying"), ("zhao", "squad", "confirmed"),
        ):  # fmt: skip
            move_lead(database, lead, to=to, actor=officer, role=role, zone=ZoneInfo("Asia/Shanghai"))
        lock_registry(database)
        put_row(database, "companies", overdue, actor="root", note="")
    reviewer = sit_down("r1")
    go(reviewer, "/credit")
    row = reviewer.locator("[data-testid=row][data-key=C1]")
    row.click()
    expect(reviewer.get_by_test_id("traces").get_by_role("link")).to_have_text(f"#{lead}")
    choose(reviewer, "standing-status", "暂停")
    expect(reviewer.get_by_test_id("standing-send")).to_be_disabled()
    reviewer.get_by_test_id("standing-reason").fill("三次偷倒")
    reviewer.get_by_test_id("standing-send").click()
    expect(row).to_contain_text("暂停")
    shoot(reviewer, "credit")
    assert database.execute("SELECT status FROM company WHERE company_id = 'C1'").fetchone() == ("suspended",)
    reviewer.get_by_text("待年审").click()
    expect(reviewer.locator("[data-testid=row][data-key=C2]")).to_contain_text("已超期")


def test_a_device_is_told_something_and_shows_what_it_sent_badly(
    sit_down: SitDown, database: Database
) -> None:
    builders.insert(
        database, "quarantine", topic="ff/v1/vehicle/V1/telemetry", payload=b'{"ts": 12', reason="not_json",
        device_id="V1", received_at=datetime.now(UTC),
    )  # fmt: skip
    duty = sit_down("wang")
    go(duty, "/devices/V1")
    expect(duty.get_by_test_id("quarantined")).to_contain_text('{"ts": 12')
    expect(duty.get_by_test_id("device-faults")).to_contain_text("非 JSON")
    duty.get_by_test_id("command-text").fill("请立即返回")
    duty.get_by_test_id("command-send").click()
    expect(duty.get_by_test_id("commands")).to_contain_text("语音播报 请立即返回")
    shoot(duty, "device")


def test_a_group_of_one_cause_is_acknowledged_whole(sit_down: SitDown, database: Database) -> None:
    now = datetime.now(UTC)
    group = builders.insert(
        database, "alert_group", kind="off_route", cause="one_company", cause_value="C1", first_at=now, last_at=now,
        alerts=2,
    )  # fmt: skip
    for n in range(2):
        builders.alert(database, group_id=group, place=f"group {n}", told=True)
    duty = sit_down("wang")
    go(duty, "/groups")
    duty.get_by_test_id("row").first.click()
    expect(duty.get_by_test_id("groups")).to_contain_text("同一企业 示例渣土运输公司")
    duty.get_by_test_id("group-ack").click()
    expect(duty.get_by_test_id("groups").locator("aside")).to_contain_text("已签收")
    states = database.execute("SELECT DISTINCT state FROM alert WHERE group_id = %s", (group,)).fetchall()
    assert states == [("acked",)]


def test_who_looked_at_a_lead_is_told_to_reviewers_and_a_shift_is_told_of_what_it_asked_for(
    sit_down: SitDown, new_lead: Callable[..., int], database: Database
) -> None:
    database.execute(
        "INSERT INTO channel (name, kind, settings, created_by) VALUES ('值班群', 'wecom', %s, 'root')",
        (Jsonb({"url": "http://127.0.0.1:9/"}),),
    )
    lead = new_lead()
    duty = sit_down("wang")
    go(duty, f"/leads/{lead}")
    expect(duty.get_by_test_id("journal").locator("li").first).to_be_visible()
    go(duty, "/notices")
    choose(duty, "subscribe-channel", "值班群")
    choose(duty, "subscribe-events", "告警升级", "新线索")
    duty.get_by_test_id("subscribe-send").click()
    expect(duty.get_by_test_id("notices")).to_contain_text("告警升级、新线索")

    reviewer = sit_down("r1")
    go(reviewer, f"/audit?lead={lead}")
    expect(reviewer.get_by_test_id("list-count")).to_have_text("共 1 条")
    expect(reviewer.get_by_test_id("audit")).to_contain_text("查看线索")
    expect(reviewer.get_by_test_id("audit")).to_contain_text("wang")
