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
from tests.console.officer import PATIENCE_MS, choose, go, shoot
from tests.service.running import environment, fleetfume

Database = psycopg.Connection[tuple[Any, ...]]


def dead_letters(database: Database, *events: int) -> int:
    """Of a webhook whose receiver is away, each of a lead of its own; the webhook's number."""
    hook = builders.insert(
        database, "webhook", name="市平台", url="http://127.0.0.1:9/", secret="a secret of sixteen",
        types=["lead.changed"], last_id=10**6, created_by="root",
    )  # fmt: skip
    for event in events:
        builders.insert(
            database, "webhook_delivery", webhook_id=hook, outbox_id=event, stream=f"lead:{event}", state="dead",
            error="HTTP 500", attempts=12, body=Jsonb({"id": event, "type": "lead.changed", "at": "2026-11-25T21:00:00Z"}),
        )  # fmt: skip
    return int(hook)


def test_the_queue_is_worked_through_by_keys_and_the_tab_says_how_much_is_left(
    sit_down: SitDown, new_lead: Callable[..., int]
) -> None:
    new_lead(alerts=2)
    duty = sit_down("wang")
    critical = duty.get_by_test_id("count-critical").locator("b")
    expect(critical).not_to_have_text("0", timeout=PATIENCE_MS)
    waiting = int(critical.inner_text())
    assert duty.title() == f"({waiting}) 渣土车与油烟监管"
    duty.keyboard.press("n")
    expect(duty.get_by_test_id("alert-detail")).to_contain_text("严重", timeout=PATIENCE_MS)
    first = duty.url
    expect(duty.get_by_test_id("ack")).to_be_visible()
    duty.keyboard.press("a")
    expect(duty.get_by_test_id("ack")).to_have_count(0, timeout=PATIENCE_MS)
    expect(critical).to_have_text(str(waiting - 1))
    duty.wait_for_function(
        "n => document.title.startsWith(n)", arg=f"({waiting - 1})" if waiting > 1 else "渣"
    )
    duty.keyboard.press("n")
    expect(duty.get_by_test_id("ack")).to_be_visible(timeout=PATIENCE_MS)
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
        ("/registry", "list-count", ("registry-new", "registry-row")),
        ("/office", "level", ("levels-keep", "level-add")),
    ):
        go(viewer, path)
        expect(viewer.get_by_test_id(there).first).to_be_visible(timeout=PATIENCE_MS)
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
    expect(reviewer.get_by_text("名单只有 2 个对象、2 名执法人员，抽不出 9 个各 2 人")).to_be_visible(
        timeout=PATIENCE_MS
    )
    reviewer.get_by_test_id("draw-count").fill("1")
    reviewer.get_by_test_id("draw-send").click()
    expect(reviewer.get_by_test_id("drawn").locator("tbody tr")).to_have_count(1, timeout=PATIENCE_MS)
    shoot(reviewer, "draw")
    with reviewer.expect_download() as download:
        reviewer.get_by_test_id("draw-record").click()
    record = tmp_path / "draw.json"
    download.value.save_as(record)
    assert json.loads(record.read_text())["seed"] == "双色球 03 08 11"
    said = fleetfume("draw", "verify", str(record), env=environment(tmp_path, database_url=desk_database))
    assert "the pool and the seed give this draw" in said


def test_an_admin_gives_a_dead_letter_up_sends_the_others_again_and_sees_what_arrived(
    sit_down: SitDown, database: Database
) -> None:
    hook = dead_letters(database, 7, 8)
    builders.insert(
        database,
        "webhook_arrival",
        webhook_id=hook,
        outbox_id=5,
        type="alert.opened",
        stream="alert:1",
        attempts=2,
    )
    admin = sit_down("root")
    go(admin, "/webhooks")
    admin.get_by_test_id("row").first.click()
    expect(admin.get_by_test_id("dead-letters")).to_contain_text("HTTP 500", timeout=PATIENCE_MS)
    expect(admin.get_by_test_id("dead-letters")).to_contain_text("线索变动")
    expect(admin.get_by_test_id("arrived")).to_contain_text("新告警试过 2 次")
    shoot(admin, "webhooks")
    admin.get_by_test_id("hook-discard-7").click()
    expect(admin.get_by_test_id("dead-letters")).to_contain_text("永远收不到")
    admin.get_by_test_id("hook-discard-7").click()
    expect(admin.get_by_test_id("dead-letters").locator("tbody tr")).to_have_count(1, timeout=PATIENCE_MS)
    admin.get_by_test_id("hook-replay").click()
    expect(admin.get_by_test_id("hook-noneDead")).to_be_visible(timeout=PATIENCE_MS)
    ((event, state, attempts),) = database.execute(
        "SELECT outbox_id, state, attempts FROM webhook_delivery WHERE webhook_id = %s", (hook,)
    ).fetchall()
    assert (event, state) == (8, "waiting")
    assert attempts in {0, 1}  # the service may have tried already
    admin.get_by_test_id("hook-forget").click()
    admin.get_by_test_id("hook-forget").click()
    expect(admin.get_by_test_id("list-empty")).to_be_visible(timeout=PATIENCE_MS)


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
    expect(reviewer.get_by_test_id("traces").get_by_role("link")).to_have_text(
        f"#{lead}", timeout=PATIENCE_MS
    )
    choose(reviewer, "standing-status", "暂停")
    expect(reviewer.get_by_test_id("standing-send")).to_be_disabled()
    reviewer.get_by_test_id("standing-reason").fill("三次偷倒")
    reviewer.get_by_test_id("standing-send").click()
    expect(row).to_contain_text("暂停", timeout=PATIENCE_MS)
    shoot(reviewer, "credit")
    assert database.execute("SELECT status FROM company WHERE company_id = 'C1'").fetchone() == ("suspended",)
    reviewer.get_by_text("待年审").click()
    expect(reviewer.locator("[data-testid=row][data-key=C2]")).to_contain_text("已超期", timeout=PATIENCE_MS)


def test_a_device_is_told_something_and_shows_what_it_sent_badly(
    sit_down: SitDown, database: Database
) -> None:
    builders.insert(
        database, "quarantine", topic="ff/v1/vehicle/V1/telemetry", payload=b'{"ts": 12', reason="not_json",
        device_id="V1", received_at=datetime.now(UTC),
    )  # fmt: skip
    duty = sit_down("wang")
    go(duty, "/devices/V1")
    expect(duty.get_by_test_id("quarantined")).to_contain_text('{"ts": 12', timeout=PATIENCE_MS)
    expect(duty.get_by_test_id("device-faults")).to_contain_text("非 JSON")
    duty.get_by_test_id("command-text").fill("请立即返回")
    duty.get_by_test_id("command-send").click()
    expect(duty.get_by_test_id("commands")).to_contain_text("语音播报 请立即返回", timeout=PATIENCE_MS)
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
    expect(duty.get_by_test_id("groups")).to_contain_text("同一企业 示例渣土运输公司", timeout=PATIENCE_MS)
    duty.get_by_test_id("group-ack").click()
    expect(duty.get_by_test_id("groups").locator("aside")).to_contain_text("已签收", timeout=PATIENCE_MS)
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
    expect(duty.get_by_test_id("journal").locator("li").first).to_be_visible(timeout=PATIENCE_MS)
    go(duty, "/notices")
    choose(duty, "subscribe-channel", "值班群")
    choose(duty, "subscribe-events", "告警升级", "新线索")
    duty.get_by_test_id("subscribe-send").click()
    expect(duty.get_by_test_id("notices")).to_contain_text("告警升级、新线索", timeout=PATIENCE_MS)

    reviewer = sit_down("r1")
    go(reviewer, f"/audit?lead={lead}")
    expect(reviewer.get_by_test_id("list-count")).to_have_text("共 1 条", timeout=PATIENCE_MS)
    expect(reviewer.get_by_test_id("audit")).to_contain_text("查看线索")
    expect(reviewer.get_by_test_id("audit")).to_contain_text("wang")


def test_an_admin_sets_levels_limits_deadlines_and_working_days(
    sit_down: SitDown, database: Database
) -> None:
    admin = sit_down("root")
    go(admin, "/office")
    expect(admin.get_by_test_id("level")).to_have_count(5, timeout=PATIENCE_MS)
    admin.get_by_test_id("level-up-2").click()  # 法制审核 before 中队负责人
    admin.get_by_test_id("level-drop-4").click()
    admin.get_by_test_id("level-add").click()
    expect(admin.get_by_test_id("levels-wrong")).to_contain_text("请填写每一级的中英文名称")
    expect(admin.get_by_test_id("levels-keep")).to_be_disabled()
    admin.get_by_test_id("level-zh-4").fill("局长")
    admin.get_by_test_id("level-en-4").fill("Director")
    shoot(admin, "office")
    admin.get_by_test_id("levels-keep").click()
    expect(admin.get_by_test_id("levels-keep")).to_be_disabled(timeout=PATIENCE_MS)
    admin.get_by_test_id("distinct-people").click()
    expect(admin.get_by_test_id("distinct-people")).to_have_attribute("aria-checked", "true")
    levels = database.execute("SELECT level FROM review_level ORDER BY position").fetchall()
    assert [level for (level,) in levels] == [
        "handler",
        "legal",
        "squad_leader",
        "deputy_director",
        "level_1",
    ]
    assert database.execute("SELECT distinct_people FROM review_rule").fetchone() == (True,)

    admin.get_by_text("签收时限", exact=True).click()
    critical = admin.locator("[data-testid=row][data-key=critical]")
    critical.click()
    admin.get_by_test_id("limit-minutes").fill("3")
    admin.get_by_test_id("limit-send").click()
    expect(critical).to_contain_text("3 分钟", timeout=PATIENCE_MS)
    admin.locator("[data-testid=row][data-key=minor]").click()
    admin.get_by_test_id("limit-drop").click()
    admin.get_by_test_id("limit-drop").click()
    expect(admin.locator("[data-testid=row][data-key=minor]")).to_contain_text(
        "不设时限", timeout=PATIENCE_MS
    )

    admin.get_by_text("办理期限", exact=True).click()
    verifying = admin.locator("[data-testid=row][data-key=verifying]")
    verifying.click()
    admin.get_by_test_id("deadline-days").fill("4")
    admin.get_by_test_id("deadline-confirmed").click()
    admin.get_by_test_id("deadline-send").click()
    expect(verifying).to_contain_text("4 个工作日", timeout=PATIENCE_MS)
    expect(verifying).to_contain_text("已核实")

    admin.get_by_text("工作日历", exact=True).click()
    admin.get_by_test_id("year").fill("2026")
    admin.keyboard.press("Enter")
    admin.get_by_test_id("day-2026-11-27").click()
    expect(admin.get_by_test_id("year-unknown")).to_have_count(0)
    choose(admin, "day-working", "休息日")
    admin.get_by_test_id("day-note").fill("本局安排")
    admin.get_by_test_id("day-send").click()
    expect(admin.get_by_test_id("day-2026-11-27")).to_have_attribute(
        "title", "2026-11-27 · 休息日 · 本局安排", timeout=PATIENCE_MS
    )
    admin.get_by_test_id("day-back").click()
    expect(admin.get_by_test_id("day-2026-11-27")).to_have_attribute("title", "2026-11-27 · 工作日")
    admin.get_by_test_id("year").fill("2100")
    admin.keyboard.press("Enter")
    expect(admin.get_by_test_id("year-unknown")).to_contain_text("2100", timeout=PATIENCE_MS)


def test_an_admin_changes_the_register_row_by_row_and_is_told_what_is_wrong(
    sit_down: SitDown, database: Database
) -> None:
    admin = sit_down("root")
    go(admin, "/registry/sites")
    admin.get_by_test_id("registry-row-site_id").fill("NEW")
    admin.get_by_test_id("registry-row-name").fill("新消纳场")
    choose(admin, "registry-row-kind", "消纳场")
    admin.get_by_test_id("registry-row-geometry-draw-Point").click()
    admin.get_by_test_id("registry-row-geometry-map").click()
    expect(admin.get_by_test_id("registry-row-geometry-draw-Point")).to_have_attribute(
        "aria-pressed", "false"
    )
    admin.get_by_test_id("registry-row-send").click()
    expect(admin.get_by_text("半径（米）: 中心点须填写半径")).to_be_visible(timeout=PATIENCE_MS)
    admin.get_by_test_id("registry-row-radius_m").fill("120")
    assert admin.evaluate("document.documentElement.scrollHeight <= innerHeight"), "the page itself scrolls"
    shoot(admin, "registry")
    admin.get_by_test_id("registry-row-send").click()
    row = admin.locator("[data-testid=row][data-key=NEW]")
    expect(row).to_contain_text("新消纳场", timeout=PATIENCE_MS)
    ((kind, radius),) = database.execute(
        "SELECT geometry ->> 'type', radius_m FROM site WHERE site_id = 'NEW'"
    ).fetchall()
    assert (kind, radius) == ("Point", 120)

    expect(admin.get_by_test_id("registry-row-site_id")).to_have_count(0)  # a row keeps its key
    admin.get_by_test_id("registry-row-name").fill("新消纳场（扩）")
    admin.get_by_test_id("registry-row-send").click()
    expect(row).to_contain_text("新消纳场（扩）", timeout=PATIENCE_MS)
    admin.get_by_test_id("registry-drop").click()
    admin.get_by_test_id("registry-drop").click()
    expect(row).to_have_count(0, timeout=PATIENCE_MS)

    admin.get_by_text("运输企业", exact=True).click()
    admin.locator("[data-testid=row][data-key=C2]").focus()
    admin.keyboard.press("ArrowUp")
    admin.keyboard.press("Enter")  # C1
    admin.get_by_test_id("registry-drop").click()
    admin.get_by_test_id("registry-drop").click()
    expect(admin.get_by_text("“C1”仍被引用，不能删除")).to_be_visible(timeout=PATIENCE_MS)
