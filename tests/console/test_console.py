"""A duty officer's shift in a real browser: log in, see what is wrong and why, hand it on.

Wants the fixtures `console_url` (the running service, its stream carrying vehicles and at least one alert that
opened a lead) and `officer` (name and password of a user with the role `duty`).
"""

import re
from pathlib import Path

import psycopg
from playwright.sync_api import Page, expect
from psycopg.types.json import Jsonb

from tests import builders
from tests.console.officer import Watch, choose, log_in, see_vehicles


def open_alert(page: Page, kind: str) -> None:
    page.locator(f"[data-testid=alert][data-kind={kind}]").first.click()
    expect(page.get_by_test_id("alert-summary")).not_to_be_empty()


def acknowledge(page: Page) -> None:
    page.get_by_test_id("ack").click()
    expect(page.get_by_test_id("ack")).to_have_count(0)


def dismiss(page: Page, reason: str) -> None:
    page.get_by_test_id("dismiss").click()
    expect(page.get_by_test_id("dismiss-confirm")).to_be_disabled()
    page.get_by_test_id("dismiss-permitted_place").click()
    page.get_by_test_id("dismiss-reason").locator("visible=true").first.fill(reason)
    page.get_by_test_id("dismiss-confirm").click()
    expect(page.get_by_test_id("dismiss")).to_have_count(0)


def go_to_its_lead(page: Page) -> None:
    page.get_by_test_id("open-lead").click()
    expect(page.get_by_test_id("journal").locator("li").first).to_be_visible()


def assign(page: Page, assignee: str, note: str) -> None:
    page.get_by_test_id("next-assigned").click()
    choose(page, "assignee", assignee)
    page.get_by_test_id("lead-note").fill(note)
    page.get_by_test_id("lead-submit").click()
    expect(page.get_by_test_id("lead-state")).to_have_attribute("data-state", "assigned")


def switch_language(page: Page) -> None:
    page.get_by_test_id("language").click()


# What must hold.


def test_an_officer_sees_an_alert_and_why_and_hands_its_lead_on(
    page: Page, console_url: str, officer: tuple[str, str]
) -> None:
    watch = Watch(page, console_url)

    log_in(page, console_url, *officer)
    see_vehicles(page, at_least=2)
    open_alert(page, "illegal_dumping")
    expect(page.get_by_test_id("evidence").locator("tbody tr").first).to_be_visible()
    expect(page.get_by_test_id("alert-map").locator("canvas").first).to_be_visible()
    acknowledge(page)
    go_to_its_lead(page)
    assign(page, officer[0], "请到场核查")

    expect(page.get_by_test_id("journal")).to_contain_text("请到场核查")
    assert watch.complaints == []
    assert watch.strangers == []


def test_the_token_is_never_part_of_an_address(
    page: Page, console_url: str, officer: tuple[str, str]
) -> None:
    watch = Watch(page, console_url)

    log_in(page, console_url, *officer)
    see_vehicles(page)

    token = page.evaluate("() => JSON.parse(sessionStorage.getItem('fleetfume.session')).token")
    assert len(token) >= 16
    assert watch.addresses
    assert [address for address in watch.addresses if token in address] == []


def test_a_wrong_password_is_said_and_lets_nobody_in(
    page: Page, console_url: str, officer: tuple[str, str]
) -> None:
    log_in(page, console_url, officer[0], "not " + officer[1])

    expect(page.get_by_test_id("login-problem")).to_be_visible()
    expect(page.get_by_test_id("console")).to_have_count(0)


def test_the_language_is_a_click_away_and_is_remembered(
    page: Page, console_url: str, officer: tuple[str, str]
) -> None:
    log_in(page, console_url, *officer)
    expect(page.get_by_test_id("nav-leads")).to_have_text("线索")

    switch_language(page)
    expect(page.get_by_test_id("nav-leads")).to_have_text("Leads")
    page.reload()

    expect(page.get_by_test_id("nav-leads")).to_have_text("Leads")
    assert page.locator("html").get_attribute("lang") == "en"


def test_a_refused_token_leads_back_to_the_login(
    page: Page, console_url: str, officer: tuple[str, str]
) -> None:
    log_in(page, console_url, *officer)
    see_vehicles(page)

    page.evaluate(
        """() => {
            const kept = JSON.parse(sessionStorage.getItem('fleetfume.session'))
            sessionStorage.setItem('fleetfume.session', JSON.stringify({...kept, token: 'spoilt'}))
        }"""
    )
    page.reload()

    expect(page.get_by_test_id("login")).to_be_visible()


def test_built_files_ask_nothing_of_other_hosts() -> None:
    """The policy is `default-src 'self'`: an inline script or a foreign address would be a blank wall screen."""
    web = Path(__file__).parents[2] / "api" / "web"
    assert web.exists(), "the console is not built: npm ci && npm run build in api/console"

    page = (web / "index.html").read_text()

    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert re.findall(r"""(?:src|href)=["'](?:https?:)?//""", page) == []
    assert [sheet.name for sheet in web.rglob("*.css") if "url(http" in sheet.read_text()] == []


def test_kitchens_have_a_page_of_their_own(page: Page, console_url: str, officer: tuple[str, str]) -> None:
    log_in(page, console_url, *officer)

    page.get_by_test_id("nav-more").click()
    page.get_by_test_id("nav-kitchens").click()

    expect(page.get_by_test_id("kitchens").get_by_test_id("list-count").first).to_contain_text("1")
    page.get_by_text("街镇", exact=True).first.click()
    expect(page.get_by_test_id("kitchens-streets")).to_contain_text("明水街道")
    page.get_by_text("夜间核查", exact=True).click()
    expect(page.get_by_test_id("kitchens")).to_contain_text("不是结论")
    page.get_by_text("用餐时段", exact=True).click()
    expect(page.get_by_test_id("kitchens-meals")).to_contain_text("10:30-13:30;16:30-20:30")
    expect(page.get_by_test_id("kitchens-meals")).to_contain_text("待核实")


def test_an_alert_of_copied_readings_names_the_monitor_they_are_of(
    page: Page, console_url: str, officer: tuple[str, str], desk_database: str
) -> None:
    original = {
        "device_id": "F7", "outlet_id": "R7", "outlet_name": "老张家常菜", "from": "2025-11-23T04:00:00Z",
        "to": "2025-11-23T04:59:00Z",
    }  # fmt: skip
    with psycopg.connect(desk_database, autocommit=True) as connection:
        alert_id = builders.alert(
            connection, kind="monitor_suspect", device_id="F0", plate=None, company_id=None, outlet_id="R0",
            evidence=Jsonb({"values": {"copied": 1.0}, "samples": [], "copied_from": original}),
        )  # fmt: skip
    log_in(page, console_url, *officer)

    page.goto(f"{console_url}/#/alerts/{alert_id}")

    expect(page.get_by_test_id("copied-from")).to_contain_text("老张家常菜 F7")
    expect(page.get_by_test_id("copied-from")).to_contain_text("12:59")
