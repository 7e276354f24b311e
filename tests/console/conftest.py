"""The console in a real browser, on the real service: one of each for all tests of a module, trucks on the road and one
tipping to look at. Tests that move something make it for themselves."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from psycopg.types.json import Jsonb

from alerts.casework.leads import open_lead
from devices.repository import store_registry
from tests import builders
from tests.builders import PASSWORD, password_hash
from tests.console.officer import PATIENCE_MS, log_in
from tests.parts.mosquitto import Mosquitto
from tests.parts.postgres import fresh_database
from tests.service.running import environment, publisher, serving, wait_until
from tests.service.test_from_broker_to_alert import a_tipping
from tests.small_district import registry

CHROMIUM = os.environ.get("FLEETFUME_TEST_CHROMIUM", "/usr/bin/chromium")
REVIEWERS = ("r1", "r2", "r3", "r4", "r5")
OFFICERS = (
    ("wang", "duty"), ("qian", "duty"), ("zhao", "squad"), ("sun", "squad"), ("root", "admin"), ("kan", "viewer"),
    *((name, "reviewer") for name in REVIEWERS),
)  # fmt: skip
SitDown = Callable[[str], Page]


@pytest.fixture(scope="module")  # while it lives it holds this thread's event loop, which others' tests want
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.fail(f"no browser at {CHROMIUM}: name one in FLEETFUME_TEST_CHROMIUM")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def desk_database(timescaledb: str) -> Iterator[str]:
    """A district and its officers: the squads' are of 一中队."""
    with fresh_database(timescaledb) as url:
        with psycopg.connect(url) as connection:
            store_registry(connection, registry(trucks=3), actor="test", note="")
            for name, role in OFFICERS:
                connection.execute(
                    "INSERT INTO console_user (name, role, password_hash, squad) VALUES (%s, %s, %s, %s)",
                    (name, role, password_hash(), "一中队" if role == "squad" else None),
                )
        yield url


@pytest.fixture(scope="module")
def officer() -> tuple[str, str]:
    """Name and password of a duty officer."""
    return "wang", PASSWORD


@pytest.fixture(scope="module")
def console_url(
    desk_database: str, broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("desk")
    env = environment(directory, database_url=desk_database, mqtt_url=broker.url)
    with serving(env=env, directory=directory) as service:
        with publisher(broker.url) as publish:
            tipping = a_tipping(time.time())
            publish("ff/v1/vehicle/V0/telemetry", {"batch": tipping})
            publish("ff/v1/vehicle/V1/telemetry", {"batch": tipping[:3]})
            publish("ff/v1/vehicle/V2/telemetry", tipping[0])
        wait_until(lambda: _leads(desk_database) == 1)
        yield service.url


def _leads(url: str) -> int:
    with psycopg.connect(url) as connection:
        ((count,),) = connection.execute("SELECT count(*) FROM lead").fetchall()
    return int(count)


@pytest.fixture
def database(desk_database: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(desk_database, autocommit=True, options="-c timezone=UTC") as connection:
        yield connection


@pytest.fixture
def new_lead(desk_database: str) -> Callable[..., int]:
    """Opens a lead of as many critical alerts of its own; its number."""

    def make(alerts: int = 1) -> int:
        with psycopg.connect(desk_database) as connection:
            ids = [
                builders.alert(
                    connection, kind="illegal_dumping", severity="critical", place=f"test {time.monotonic_ns()}", told=True,
                    evidence=Jsonb({"values": {"max_distance_m": 420.0}}),
                )
                for _ in range(alerts)
            ]  # fmt: skip
            lead_id = open_lead(connection, ids)
        assert lead_id is not None
        return lead_id

    return make


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A browser nobody has logged in with."""
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    yield page
    context.close()


@pytest.fixture
def sit_down(browser: Browser, console_url: str) -> Iterator[SitDown]:
    """Logs an officer in, at a browser of his own."""
    opened: list[Page] = []

    def log_somebody_in(name: str) -> Page:
        context = browser.new_context(
            viewport={"width": 1366, "height": 768}, locale="zh-CN", accept_downloads=True
        )
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        opened.append(page)
        log_in(page, console_url, name, PASSWORD)
        expect(page.get_by_test_id("console")).to_be_visible()
        return page

    yield log_somebody_in
    for page in opened:
        page.context.close()
