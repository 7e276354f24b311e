"""What an officer does at the console, one function a step; and what the console must never do meanwhile."""

import os
import re

from playwright.sync_api import Page, expect

PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)
SHOTS = os.environ.get("FLEETFUME_SCREENSHOTS")
"""A folder to put pictures into, for whoever wants to look."""


class Watch:
    """What a page must never do: complain, or ask anyone but the service."""

    def __init__(self, page: Page, base_url: str) -> None:
        self.complaints: list[str] = []
        self.strangers: list[str] = []
        self.addresses: list[str] = []
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._note(request.url, base_url))
        page.on("websocket", lambda socket: self._note(socket.url.replace("ws", "http", 1), base_url))

    def _note(self, url: str, base_url: str) -> None:
        self.addresses.append(url)
        if not url.startswith((base_url, "data:", "blob:")):
            self.strangers.append(url)


def log_in(page: Page, base_url: str, name: str, password: str) -> None:
    page.goto(base_url)
    page.get_by_test_id("login").locator("input[name=username]").fill(name)
    page.get_by_test_id("login").locator("input[name=password]").fill(password)
    page.get_by_test_id("login-submit").click()


def go(page: Page, path: str) -> None:
    """To another page of the console, without loading it anew."""
    page.evaluate("path => { location.hash = path }", path)


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        for width, height in ((1366, 768), (1920, 1080)):
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(400)
            page.screenshot(path=f"{SHOTS}/{name}-{width}.png")
        page.set_viewport_size({"width": 1366, "height": 768})


def see_vehicles(page: Page, at_least: int = 1) -> int:
    """Wait until the map shows that many vehicles; answer how many it shows."""
    shown = page.get_by_test_id("map")
    expect(shown).to_have_attribute("data-vehicles", re.compile(r"[1-9]\d*"))
    count = int(shown.get_attribute("data-vehicles") or 0)
    assert count >= at_least, f"the map shows {count} vehicles, not {at_least}"
    return count


def choose(page: Page, field: str, *options: str) -> None:
    """From a list that opens at a click and is looked through by writing."""
    page.get_by_test_id(field).click()
    for option in options:
        page.keyboard.type(option.strip())
        page.locator(".n-base-select-option").filter(has_text=option).first.click()
    if len(options) > 1:
        page.keyboard.press("Escape")


def step(page: Page, to: str, note: str) -> None:
    """Move a lead on."""
    page.get_by_test_id(f"next-{to}").click()
    page.get_by_test_id("lead-note").fill(note)
    page.get_by_test_id("lead-submit").click()
    state = "filed" if to == "review" else to
    expect(page.get_by_test_id("lead-state")).to_have_attribute("data-state", state)
