"""A lead's way in a real browser: from duty to squad to the reviewers, with photo, law, evidence and hand-over."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from alerts.outbox import take_turn
from alerts.package import verify
from alerts.reviews import sign
from tests.api.test_photos import picture
from tests.builders import PASSWORD, password_hash
from tests.console.test_console import PATIENCE_MS, Watch, browser, log_in
from tests.small_district import place

__all__ = ["browser"]
REVIEWERS = ("r1", "r2", "r3", "r4", "r5")
LEVELS = ("handler", "squad_leader", "legal", "deputy_director", "case_committee")
SHOTS = os.environ.get("FLEETFUME_SCREENSHOTS")
"""A folder to put pictures into, for whoever wants to look."""


@pytest.fixture
def officers(database_url: str, console_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        for name, role in (("zhao", "squad"), ("qian", "duty"), *((one, "reviewer") for one in REVIEWERS)):
            connection.execute(
                "INSERT INTO console_user (name, role, password_hash, squad) VALUES (%s, %s, %s, '一中队')",
                (name, role, password_hash()),
            )


@pytest.fixture
def pages(browser: Browser) -> Iterator[list[Page]]:
    made: list[Page] = []
    yield made
    for page in made:
        page.context.close()


def sit_down(browser: Browser, pages: list[Page], url: str, name: str, password: str = PASSWORD) -> Page:
    page = browser.new_context(
        viewport={"width": 1366, "height": 768}, locale="zh-CN", accept_downloads=True
    ).new_page()
    page.set_default_timeout(PATIENCE_MS)
    pages.append(page)
    log_in(page, url, name, password)
    expect(page.get_by_test_id("console")).to_be_visible(timeout=PATIENCE_MS)
    return page


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        for width, height in ((1366, 768), (1920, 1080)):
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(400)
            page.screenshot(path=f"{SHOTS}/{name}-{width}.png")
        page.set_viewport_size({"width": 1366, "height": 768})


def step(page: Page, to: str, note: str) -> None:
    page.get_by_test_id(f"next-{to}").click()
    page.get_by_test_id("lead-note").fill(note)
    page.get_by_test_id("lead-submit").click()
    state = "filed" if to == "review" else to
    expect(page.get_by_test_id("lead-state")).to_have_attribute("data-state", state, timeout=PATIENCE_MS)


@pytest.mark.usefixtures("officers")
def test_a_lead_goes_from_hand_to_hand_until_it_is_decided(
    browser: Browser,
    pages: list[Page],
    console_url: str,
    database_url: str,
    officer: tuple[str, str],
    tmp_path: Path,
) -> None:
    duty = sit_down(browser, pages, console_url, *officer)
    watch = Watch(duty, console_url)
    duty.goto(f"{console_url}/#/leads/1")
    expect(duty.get_by_test_id("laws")).to_contain_text("尚未核对原文")
    step(duty, "assigned", "请到场核查")  # the squad of the place stands there already
    expect(duty.get_by_test_id("lead-detail")).to_contain_text("一中队")

    squad = sit_down(browser, pages, console_url, "zhao")
    squad.goto(f"{console_url}/#/leads/1")
    step(squad, "verifying", "出发")
    photo = tmp_path / "现场.jpg"
    photo.write_bytes(picture(where=place(3000, -1900)))
    squad.get_by_test_id("photo-file").set_input_files(photo)
    expect(squad.get_by_test_id("photo")).to_contain_text("照片未载明", timeout=PATIENCE_MS)
    expect(squad.get_by_test_id("photo").locator("img")).to_be_visible()
    step(squad, "confirmed", "现场有新鲜渣土")
    squad.get_by_test_id("worksheet-dump-jinan-52").click()
    squad.get_by_test_id("worksheet").get_by_text("夜间实施").click()
    squad.get_by_test_id("worksheet-keep").click()
    expect(squad.get_by_test_id("worksheet-kept")).to_contain_text("建议 20,800 元", timeout=PATIENCE_MS)
    step(squad, "filed", "立案")
    expect(squad.get_by_test_id("next-review")).to_have_count(0)  # nobody reviews their own step
    shoot(squad, "filed")

    first = sit_down(browser, pages, console_url, "r1")
    first.goto(f"{console_url}/#/leads/1")
    first.get_by_test_id("next-review").click()
    expect(first.get_by_test_id("lead-submit")).to_be_disabled()
    first.get_by_test_id("verdict-approve").click()
    shoot(first, "review")
    first.get_by_test_id("lead-note").fill("事实清楚")
    first.get_by_test_id("lead-submit").click()
    expect(first.get_by_test_id("reviews").locator("li").first).to_contain_text("✓", timeout=PATIENCE_MS)
    with psycopg.connect(database_url) as connection:
        for name, level in list(zip(REVIEWERS, LEVELS, strict=True))[1:]:
            take_turn(connection)
            sign(connection, 1, level=level, verdict="approve", actor=name, role="reviewer")
    first.get_by_test_id("next-decided").click()
    first.get_by_test_id("decision").click()
    first.get_by_text("行政处罚", exact=True).click()
    first.get_by_test_id("lead-note").fill("罚款")
    first.get_by_test_id("lead-submit").click()
    expect(first.get_by_test_id("lead-state")).to_have_attribute("data-state", "decided", timeout=PATIENCE_MS)
    shoot(first, "decided")

    with first.expect_download() as download:
        first.get_by_test_id("lead-evidence").click()
    package = tmp_path / "lead.zip"
    download.value.save_as(package)
    assert verify(package.read_bytes()) is None
    assert watch.complaints == []
    assert watch.strangers == []


@pytest.mark.usefixtures("officers")
def test_a_transfer_is_received_and_answered_and_a_shift_is_handed_over(
    browser: Browser, pages: list[Page], console_url: str, officer: tuple[str, str]
) -> None:
    duty = sit_down(browser, pages, console_url, *officer)
    duty.goto(f"{console_url}/#/handover")
    expect(duty.get_by_test_id("handover-leads").locator("tr")).to_have_count(1, timeout=PATIENCE_MS)
    duty.get_by_test_id("handover-note").fill("盯住 1 号线索")
    duty.get_by_test_id("handover-give").click()
    expect(duty.get_by_test_id("handover-past")).to_contain_text("待接班", timeout=PATIENCE_MS)
    shoot(duty, "handover")
    next_one = sit_down(browser, pages, console_url, "qian")
    next_one.goto(f"{console_url}/#/handover")
    next_one.get_by_test_id("handover-take").click()
    expect(next_one.get_by_test_id("handover-past")).to_contain_text("qian 已接班", timeout=PATIENCE_MS)

    next_one.goto(f"{console_url}/#/leads/1")
    step(next_one, "assigned", "核查")
    squad = sit_down(browser, pages, console_url, "zhao")
    squad.goto(f"{console_url}/#/leads/1")
    for to in ("verifying", "confirmed", "transferred"):
        step(squad, to, "说明")
    squad.get_by_test_id("transfer-receipt").click()
    squad.get_by_test_id("transfer-said").fill("公收〔2026〕1号")
    squad.get_by_test_id("transfer-send").click()
    expect(squad.get_by_test_id("transfers")).to_contain_text("公收〔2026〕1号", timeout=PATIENCE_MS)
    shoot(squad, "transfer")
    squad.get_by_test_id("transfer-return").click()
    squad.get_by_test_id("transfer-said").fill("不属管辖")
    squad.get_by_test_id("transfer-send").click()
    expect(squad.get_by_test_id("lead-state")).to_have_attribute(
        "data-state", "confirmed", timeout=PATIENCE_MS
    )
