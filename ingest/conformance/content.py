"""Checks of what is in the messages: can it be read, is it believed, is it sent again as it was."""

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import msgspec

from analytics.records import OK, QUALITIES
from devices.reasons import Reason
from devices.topics import READ_CHANNELS
from devices.wire import FumeReading, VehicleReading
from ingest.conformance.findings import Finding, some
from ingest.conformance.heard import Heard

REMEDIES: Final[dict[Reason, str]] = {
    Reason.WRONG_KIND: "Publish below the kind the register has",
    Reason.UNKNOWN_DEVICE: "Publish below its own device id",
    Reason.DEVICE_DISABLED: "Have it set to active in the register",
    Reason.TOO_LARGE: "Cut messages at 256 KiB",
    Reason.NOT_UTF8: "Encode text as UTF-8",
    Reason.NOT_JSON: "Send JSON; leave out what is not a number instead of NaN",
    Reason.TOO_MANY_READINGS: "Send at most 500 readings in a message",
    Reason.BAD_FRAME: "Send whole frames, with their delimiters, and nothing between them",
    Reason.BAD_ESCAPE: "Escape 7D first, then 7E; the check byte too",
    Reason.BAD_CHECKSUM: "Take the check sum over what the standard says, before the escape",
    Reason.BAD_LENGTH: "Write the length of the body before the escape",
    Reason.BAD_BODY: "Compare the body with the standard's table, field by field",
    Reason.ENCRYPTED: "Switch the encryption off: TLS protects the connection",
    Reason.INCOMPLETE_MESSAGE: "Send all parts of a message, best glued together in one MQTT message",
    Reason.WRONG_SERIAL: "Set the number in the terminal, or correct `serial` in the register",
    Reason.MISSING_FIELD: "Every reading needs ts; a vehicle's lat and lon too",
    Reason.WRONG_TYPE: "Numbers without quotes, switches as true and false",
    Reason.OUT_OF_RANGE: "See the ranges in docs/firmware.md: load is 0 to 1, not percent; lat comes before lon",
    Reason.BAD_TIME: "RFC 3339 with a zone, or seconds since 1970; without a time yet, wait for one",
    Reason.FUTURE_TIME: "Set the clock by GNSS or NTP; ts with Z is UTC, not local time",
    Reason.TOO_OLD: "Set the clock by GNSS or NTP before the first reading",
    Reason.RATE_LIMITED: "Send several readings in one message, and no reading again that was acknowledged",
}


def readable(heard: Heard) -> Iterator[Finding]:
    rows = [row for row in heard.batch.quarantined if row.reason not in _TOPIC_REASONS]
    for reason in dict.fromkeys(row.reason for row in rows):
        same = [row for row in rows if row.reason == reason]
        number = sum(row.readings or 1 for row in same)
        yield Finding(
            "wrong", "content", f"{some(number, 'time')} {reason}, first: {same[0].detail}", REMEDIES.get(reason, "")
        )  # fmt: skip
    if heard.readings:
        yield Finding("right", "content", f"{some(len(heard.readings), 'reading')} can be read")
    if heard.batch.unknown_fields:
        names = ", ".join(f"{name!r}" for name in sorted(_unknown_names(heard))[:10])
        yield Finding(
            "doubtful", "fields",
            f"{some(heard.batch.unknown_fields, 'field')} that mean nothing here" + (f": {names}" if names else ""),
            "Are they misspelt? They are not stored. JT/T 808: a vendor's items need a profile (docs/jt808.md)",
        )  # fmt: skip
    for (channel, defect), number in heard.batch.defects.items():
        yield Finding(
            "doubtful", "content", f"{channel}: {some(number, 'time')} {defect}", "Read all the same; see docs/hj212.md"
        )  # fmt: skip
    for (channel, message), number in heard.batch.messages.items():
        yield Finding("note", "messages", f"{channel}: {some(number, 'message')} {message}")


_TOPIC_REASONS = (
    Reason.BAD_TOPIC,
    Reason.UNKNOWN_KIND,
    Reason.BAD_DEVICE_ID,
    Reason.UNKNOWN_CHANNEL,
    Reason.WRONG_KIND,
)


def _unknown_names(heard: Heard) -> set[str]:
    kind = VehicleReading if heard.device.kind == "vehicle" else FumeReading
    known = {"batch", *(item.encode_name for item in msgspec.structs.fields(kind))}
    names: set[str] = set()
    for one in heard.on("telemetry"):
        try:
            said = json.loads(one.captured.payload)
        except ValueError:
            continue
        for reading in [said, *(said.get("batch", []) if isinstance(said, dict) else [])]:
            if isinstance(reading, dict):
                names |= reading.keys() - known
    return names


def batches(heard: Heard) -> Iterator[Finding]:
    sizes = [len(one.readings) for one in heard.on(*READ_CHANNELS) if one.readings]
    if sizes:
        yield Finding("note", "batch", f"{_span(sizes)} in a message")


def _span(sizes: Sequence[int]) -> str:
    most = some(max(sizes), "reading")
    return most if min(sizes) == max(sizes) else f"{min(sizes)} to {most}"


def belief(heard: Heard) -> Iterator[Finding]:
    total = heard.qualities.total()
    for quality, number in heard.qualities.items():
        if quality != QUALITIES[OK]:
            share = number / total
            yield Finding(
                "wrong" if share > 0.5 else "doubtful", "quality",
                f"{number} of {some(total, 'reading')} ({share:.0%}) are stored as {quality!r} and not believed",
                _QUALITY_REMEDIES.get(quality, "See docs/rules.md"),
            )  # fmt: skip
    if total and heard.qualities[QUALITIES[OK]] == total:
        yield Finding("right", "quality", "all readings are believed")


_QUALITY_REMEDIES: Final = {
    "unfixed": "Test it under open sky; unfixed readings are right to be sent, but say nothing of where it is",
    "zero": "Do not send 0, 0 for a position that is not known: say fix false",
    "hdop": "Test it under open sky; look at the antenna",
    "jump": "Look at the antenna and at the order of lat and lon; is the position shifted to GCJ-02 now and then?",
    "negative": "Calibrate the zero",
    "range": "Units are mg/m3, degrees Celsius, percent and amperes",
}


def repeats(heard: Heard) -> Iterator[Finding]:
    if heard.batch.contradicting:
        yield Finding(
            "wrong", "resending", f"{some(heard.batch.contradicting, 'reading')} with a ts sent before and another content",
            "Send a reading again as it was; the first one stands. Two readings within one second need fractions in ts",
        )  # fmt: skip
    if heard.batch.repeated:
        yield Finding("right", "resending", f"{some(heard.batch.repeated, 'reading')} sent again, the same")


def sequence(heard: Heard) -> Iterator[Finding]:
    numbers = [reading.seq for reading in heard.readings if reading.seq is not None]
    missing = sum(max(0, b - a - 1) for a, b in pairwise(numbers))
    again = sum(b <= a for a, b in pairwise(numbers))
    if missing:
        yield Finding(
            "doubtful", "seq", f"{some(missing, 'number')} missing between readings: not sent, or not yet",
            "Keep readings until their PUBACK, over a restart too",
        )  # fmt: skip
    if again:
        yield Finding(
            "doubtful", "seq", f"seq does not rise with ts {some(again, 'time')}",
            "Count readings when they are made; go on counting after a restart if you can",
        )  # fmt: skip


def sensors(heard: Heard) -> Iterator[Finding]:
    """What the readings have in them, and what follows where something is never there."""
    if not heard.readings:
        return
    sent = {
        name
        for name in msgspec.structs.asdict(heard.readings[0])
        if any(getattr(one, name) is not None for one in heard.readings)
    }
    yield Finding("note", "sensors", f"fields sent: {', '.join(sorted(sent - {'ts_us'}))}")
    if heard.device.kind == "fume":
        for name, then in (
            ("fume_mg_m3", "no exceedance can be seen"),
            ("fan_on", "no rule applies: all of them need the fan's state"),
            ("purifier_on", "a purifier that is off cannot be seen"),
        ):
            if name not in sent:
                yield Finding(
                    "doubtful", "sensors", f"{name} is never sent: {then}", "Send it if it is measured"
                )
        return
    loads = {one.load for one in heard.readings if isinstance(one, VehicleReading)}
    if loads == {0.0} and heard.on("jt808"):
        yield Finding(
            "note", "sensors", "the load bits say empty throughout",
            "Load the truck and listen again. If they do not change it has no load sensor: "
            "give it the profile no_load_sensor (docs/jt808.md)",
        )  # fmt: skip
    if "fix" not in sent:
        yield Finding(
            "doubtful", "sensors", "fix is never sent: a position without one will be believed",
            "Send fix true or false with every position",
        )  # fmt: skip


CONTENT = (readable, batches, belief, repeats, sequence, sensors)
