"""Means and figures by minute, ten minutes, hour, day and month equal the readings, in whatever order they came."""

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from starlette.testclient import TestClient

from ingest.broker.arrivals import Delivery
from tests.ingest.test_pipeline import Reading, of, pipeline

ZONE = ZoneInfo("Asia/Shanghai")
BEGIN = datetime(2025, 11, 30, 15, 10, 7, tzinfo=UTC)
"""Ten past eleven in the evening, 50 minutes before December. Two readings a minute."""
BUCKETS: dict[str, Callable[[datetime], datetime]] = {
    "1m": lambda at: at.replace(second=0),
    "10m": lambda at: at.replace(second=0, minute=at.minute // 10 * 10),
    "1h": lambda at: at.replace(second=0, minute=0),
    "1d": lambda at: at.replace(second=0, minute=0, hour=0),
    "1mo": lambda at: at.replace(second=0, minute=0, hour=0, day=1),
}


def evening(dice: random.Random) -> list[Reading]:
    return [
        {
            "ts": (BEGIN + timedelta(seconds=30 * n)).timestamp(),
            "fume_mg_m3": round(dice.uniform(0, 3), 3) if dice.random() < 0.95 else 999.99,
            "temp_c": round(dice.uniform(20, 40), 1),
            "fan_on": dice.random() < 0.8,
            "purifier_on": dice.random() < 0.5,
        }
        for n in range(240)
        if dice.random() < 0.9
    ]


def sent_by(device_id: str, readings: list[Reading]) -> Delivery:
    return replace(of("fume", device_id, readings), received_us=round(BEGIN.timestamp() + 10_800) * 1_000_000)


def deliveries(readings: list[Reading], order: str, dice: random.Random) -> list[Delivery]:
    sent = list(readings)
    if order == "newest first":
        sent.reverse()
    elif order == "shuffled":
        dice.shuffle(sent)
    sent += sent[:40]
    return [sent_by("F0", sent[n : n + 7]) for n in range(0, len(sent), 7)]


def buckets(readings: list[Reading], every: str) -> dict[str, list[Reading]]:
    found: dict[str, list[Reading]] = defaultdict(list)
    for one in readings:
        local = BUCKETS[every](datetime.fromtimestamp(one["ts"], ZONE))
        found[local.astimezone(UTC).isoformat().replace("+00:00", "Z")].append(one)
    return found


def mean(values: list[float]) -> Any:
    return pytest.approx(sum(values) / len(values)) if values else None


@pytest.mark.parametrize("order", ["in order", "newest first", "shuffled"])
def test_whatever_the_order_the_means_are_those_of_the_readings(
    viewer: TestClient, database: psycopg.Connection[Any], order: str
) -> None:
    dice = random.Random(order)
    readings, line = evening(dice), pipeline()
    for delivery in deliveries(readings, order, dice):
        line.process(database, [delivery])
    asked: dict[str, Any] = {"from": "2025-11-30T15:00:00Z", "to": "2025-11-30T18:00:00Z", "limit": 1000}

    for every in BUCKETS:
        expected = buckets(readings, every)
        means = viewer.get("/outlets/R0/readings", params={**asked, "every": every}).json()["items"]
        figures = viewer.get("/outlets/R0/figures", params={**asked, "every": every}).json()["items"]
        assert [one["ts"] for one in means] == [one["ts"] for one in figures] == sorted(expected), every
        for said, figure in zip(means, figures, strict=True):
            sent = expected[said["ts"]]
            good = [one for one in sent if one["fume_mg_m3"] < 100]
            fumes = [one["fume_mg_m3"] for one in good if one["fan_on"]]
            assert (said["count"], said["valid_count"]) == (len(sent), len(good))
            assert said["fume_mg_m3"] == mean([one["fume_mg_m3"] for one in good])
            assert said["temp_c"] == mean([one["temp_c"] for one in good])
            assert said["fan_on_share"] == mean([one["fan_on"] for one in good])
            assert (figure["readings"], figure["valid"]) == (len(sent), len(good))
            assert (figure["fume_mg_m3"], figure["fume_max_mg_m3"]) == (mean(fumes), max(fumes, default=None))
            # The monitor is due every minute, so each of its readings stands for one.
            both = sum(one["fan_on"] and one["purifier_on"] for one in good)
            assert (figure["fan_on_min"], figure["both_on_min"]) == (len(fumes), both)
            assert figure["over_min"] == sum(fume > 1.5 for fume in fumes)


def test_pages_of_minutes_follow_one_another(viewer: TestClient, database: psycopg.Connection[Any]) -> None:
    readings = evening(random.Random(1))
    pipeline().process(database, [sent_by("F0", readings)])
    seen: list[str] = []
    asked: dict[str, Any] = {
        "from": "2025-11-30T15:00:00Z", "to": "2025-11-30T18:00:00Z", "every": "1m", "limit": 50,
    }  # fmt: skip
    page = viewer.get("/outlets/R0/readings", params=asked).json()
    seen += [one["ts"] for one in page["items"]]
    while page["next_cursor"]:
        page = viewer.get("/outlets/R0/readings", params={**asked, "cursor": page["next_cursor"]}).json()
        seen += [one["ts"] for one in page["items"]]

    assert seen == sorted(buckets(readings, "1m"))


def test_more_figures_than_anybody_reads_are_refused_with_how_many_may_be_asked(viewer: TestClient) -> None:
    asked = {"every": "1m", "from": "2025-01-01T00:00:00Z", "to": "2025-02-01T00:00:00Z"}
    refused = viewer.get("/outlets/R0/figures", params=asked)

    assert (refused.status_code, "at most 14 days" in refused.text) == (422, True)


def test_an_odd_width_is_refused_and_says_which_ones_there_are(viewer: TestClient) -> None:
    refused = viewer.get("/outlets/R0/readings", params={"every": "2mo"})

    assert (refused.status_code, "or 1mo" in refused.text) == (422, True)
