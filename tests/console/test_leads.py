"""A lead's way in a real browser: from duty to squad to the reviewers, with photo, law, evidence and hand-over."""

from collections.abc import Callable
from pathlib import Path

import psycopg
from playwright.sync_api import expect

from alerts.casefile.package import verify
from alerts.casework.reviews import sign
from alerts.outbox import take_turn
from tests.api.test_photos import picture
from tests.console.conftest import REVIEWERS, SitDown
from tests.console.officer import Watch, choose, go, shoot, step
from tests.small_district import place

LEVELS = ("handler", "squad_leader", "legal", "deputy_director", "case_committee")


def test_a_lead_goes_from_hand_to_hand_until_it_is_decided(
    sit_down: SitDown, console_url: str, desk_database: str, tmp_path: Path
) -> None:
    lead = 1  # that of the truck: its evidence is what it sent
    duty = sit_down("wang")
    watch = Watch(duty, console_url)
    go(duty, f"/leads/{lead}")
    expect(duty.get_by_test_id("laws")).to_contain_text("尚未核对原文")
    step(duty, "assigned", "请到场核查")  # the squad of the place stands there already
    expect(duty.get_by_test_id("lead-detail")).to_contain_text("一中队")

    squad = sit_down("zhao")
    go(squad, f"/leads/{lead}")
    step(squad, "verifying", "出发")
    photo = tmp_path / "现场.jpg"
    photo.write_bytes(picture(where=place(3000, -1900)))
    squad.get_by_test_id("photo-file").set_input_files(photo)
    expect(squad.get_by_test_id("photo")).to_contain_text("照片未载明")
    expect(squad.get_by_test_id("photo").locator("img")).to_be_visible()
    step(squad, "confirmed", "现场有新鲜渣土")
    squad.get_by_test_id("worksheet-dump-jinan-52").click()
    squad.get_by_test_id("worksheet").get_by_text("夜间实施").click()
    squad.get_by_test_id("worksheet-keep").click()
    expect(squad.get_by_test_id("worksheet-kept")).to_contain_text("建议 20,800 元")
    step(squad, "filed", "立案")
    expect(squad.get_by_test_id("next-review")).to_have_count(0)  # nobody reviews their own step
    shoot(squad, "filed")

    first = sit_down("r1")
    go(first, f"/leads/{lead}")
    first.get_by_test_id("next-review").click()
    expect(first.get_by_test_id("lead-submit")).to_be_disabled()
    first.get_by_test_id("verdict-approve").click()
    shoot(first, "review")
    first.get_by_test_id("lead-note").fill("事实清楚")
    first.get_by_test_id("lead-submit").click()
    expect(first.get_by_test_id("reviews").locator("li").first).to_contain_text("✓")
    with psycopg.connect(desk_database) as connection:
        for name, level in list(zip(REVIEWERS, LEVELS, strict=True))[1:]:
            take_turn(connection)
            sign(connection, lead, level=level, verdict="approve", actor=name, role="reviewer")
    first.get_by_test_id("next-decided").click()
    first.get_by_test_id("decision").click()
    first.get_by_text("行政处罚", exact=True).click()
    first.get_by_test_id("lead-note").fill("罚款")
    first.get_by_test_id("lead-submit").click()
    expect(first.get_by_test_id("lead-state")).to_have_attribute("data-state", "decided")
    shoot(first, "decided")

    with first.expect_download() as download:
        first.get_by_test_id("lead-evidence").click()
    package = tmp_path / "lead.zip"
    download.value.save_as(package)
    assert verify(package.read_bytes()) is None
    assert watch.complaints == []
    assert watch.strangers == []


def test_a_transfer_is_received_and_answered_and_a_shift_is_handed_over(
    sit_down: SitDown, new_lead: Callable[..., int]
) -> None:
    lead = new_lead()
    duty = sit_down("wang")
    go(duty, "/handover")
    expect(duty.get_by_test_id("handover-leads")).to_contain_text(f"线索 #{lead}")
    duty.get_by_test_id("handover-note").fill(f"盯住 {lead} 号线索")
    duty.get_by_test_id("handover-give").click()
    expect(duty.get_by_test_id("handover-past")).to_contain_text("待接班")
    shoot(duty, "handover")
    next_one = sit_down("qian")
    go(next_one, "/handover")
    next_one.get_by_test_id("handover-take").click()
    expect(next_one.get_by_test_id("handover-past")).to_contain_text("qian 已接班")

    go(next_one, f"/leads/{lead}")
    step(next_one, "assigned", "核查")
    squad = sit_down("zhao")
    go(squad, f"/leads/{lead}")
    for to in ("verifying", "confirmed", "transferred"):
        step(squad, to, "说明")
    squad.get_by_test_id("transfer-receipt").click()
    squad.get_by_test_id("transfer-said").fill("公收〔2026〕1号")
    squad.get_by_test_id("transfer-send").click()
    expect(squad.get_by_test_id("transfers")).to_contain_text("公收〔2026〕1号")
    shoot(squad, "transfer")
    squad.get_by_test_id("transfer-return").click()
    squad.get_by_test_id("transfer-said").fill("不属管辖")
    squad.get_by_test_id("transfer-send").click()
    expect(squad.get_by_test_id("lead-state")).to_have_attribute("data-state", "confirmed")


def test_leads_are_merged_split_reopened_and_handed_to_somebody_else(
    sit_down: SitDown, new_lead: Callable[..., int]
) -> None:
    first, second = new_lead(), new_lead(alerts=2)
    duty = sit_down("wang")
    go(duty, f"/leads/{first}")
    expect(duty.get_by_test_id("more-split")).to_have_count(0)  # of one alert nothing is split off
    duty.get_by_test_id("more-merge").click()
    choose(duty, "lead-merge-leads", f"#{second} ")
    duty.get_by_test_id("lead-merge-note").fill("同一地点")
    duty.get_by_test_id("lead-merge-send").click()
    alerts = duty.get_by_test_id("lead-alerts").locator("tr")
    expect(alerts).to_have_count(3)
    step(duty, "assigned", "核查")
    duty.get_by_test_id("more-assignee").click()
    choose(duty, "lead-assignee-assignee", "sun · 执法中队")
    duty.get_by_test_id("lead-assignee-send").click()
    expect(duty.get_by_test_id("lead-detail").locator("header")).to_contain_text("承办人 sun")
    duty.get_by_test_id("more-split").click()
    choose(duty, "lead-split-alerts", "疑似偷倒乱倒")
    shoot(duty, "split")
    duty.get_by_test_id("lead-split-send").click()
    expect(alerts).to_have_count(1)
    expect(duty.get_by_test_id("lead-detail")).to_contain_text(f"#{first}")  # where it was split from

    squad = sit_down("zhao")
    go(squad, f"/leads/{first}")
    for to in ("verifying", "unfounded"):
        step(squad, to, "查无此事")
    squad.get_by_test_id("more-note").click()
    squad.get_by_test_id("lead-note-text").fill("群众再次举报")
    squad.get_by_test_id("lead-note-send").click()
    expect(squad.get_by_test_id("journal")).to_contain_text("群众再次举报")
    go(duty, f"/leads/{first}")
    expect(duty.get_by_test_id("next-assigned")).to_have_text("重新办理")
    step(duty, "assigned", "重新核查")
