"""The `telemetry` channel: JSON readings to and from structs (contract, section 2).

What cannot be read is refused here, with one of the codes of `devices.reasons`. What can be read but
not believed (0,0; a negative concentration) passes: quality is the engine's to say.
"""

import contextlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, Literal, TypeVar, overload

import msgspec
from msgspec import Meta, Raw, Struct, field

from devices.decoding import Decoded, Instant, MalformedPayload, Problem, refuse_too_large
from devices.reasons import Reason
from devices.types import DeviceKind

MAX_BATCH_READINGS: Final = 500

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECONDS_END = 253_402_300_800
"""The year 10000: past it is no time, but milliseconds sent for seconds."""

_AwareDatetime = Annotated[datetime, Meta(tz=True)]
if TYPE_CHECKING:
    _Time = Instant
else:
    # What msgspec itself can read. `_in_time` makes microseconds of it: a hook costs three times what the rest does.
    _Time = _AwareDatetime | float

Switch = bool | None
Flag = Literal[
    "plant_stopped", "maintenance", "manual_value", "instrument_fault", "calibrating", "above_range", "below_range",
    "link_fault", "power_failure", "channel_closed", "user_limit", "unknown_flag",
]  # fmt: skip
"""What an instrument says of its own reading when it is no measurement of the air: stored, and never judged."""
_Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
_Sequence = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_Share = Annotated[float, Meta(ge=0, le=1)]
_Quantity = Annotated[float, Meta(ge=0, le=1e9)]
# Wide on purpose: what an instrument says beyond its own range is stored, with a quality code.
_Measured = Annotated[float, Meta(ge=-1e9, le=1e9)]


class VehicleReading(Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """What a vehicle's terminal says at one instant. None: not sent."""

    ts_us: _Time = field(name="ts")
    lat: Annotated[float, Meta(ge=-90, le=90)]
    """Degrees, WGS-84; (0, 0) is readable."""
    lon: Annotated[float, Meta(ge=-180, le=180)]
    speed_kmh: Annotated[float, Meta(ge=0, le=500)] | None = None
    heading_deg: Annotated[float, Meta(ge=0, le=360)] | None = None
    alt_m: Annotated[float, Meta(ge=-1000, le=100_000)] | None = None
    hdop: _Quantity | None = None
    sats: _Count | None = None
    fix: Switch = None
    ignition: Switch = None
    odometer_km: _Quantity | None = None
    load: _Share | None = None
    """0 empty to 1 full."""
    lift: Switch = None
    """True while the box is raised."""
    cover: Literal["open", "closed"] | None = None
    seq: _Sequence | None = None


class FumeReading(Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """What a fume monitor says at one instant. None: not sent."""

    ts_us: _Time = field(name="ts")
    fume_mg_m3: _Measured | None = None
    pm_mg_m3: _Measured | None = None
    nmhc_mg_m3: _Measured | None = None
    temp_c: _Measured | None = None
    rh_pct: _Measured | None = None
    fan_on: Switch = None
    purifier_on: Switch = None
    fan_a: _Measured | None = None
    purifier_a: _Measured | None = None
    flag: Flag | None = None
    """None: the instrument measured."""
    seq: _Sequence | None = None


Reading = TypeVar("Reading", VehicleReading, FumeReading)


@overload
def decode_telemetry(kind: Literal["vehicle"], payload: bytes) -> Decoded[VehicleReading]: ...
@overload
def decode_telemetry(kind: Literal["fume"], payload: bytes) -> Decoded[FumeReading]: ...
@overload
def decode_telemetry(kind: DeviceKind, payload: bytes) -> Decoded[VehicleReading] | Decoded[FumeReading]: ...
def decode_telemetry(kind: DeviceKind, payload: bytes) -> Decoded[VehicleReading] | Decoded[FumeReading]:
    """Read one reading or a batch. A batch's bad readings are its `problems`; the good ones count.

    An empty batch is readable and holds nothing. Raises MalformedPayload, and nothing else, whatever
    the bytes: for a single bad reading, and for a payload that is no reading and no batch.
    """
    return _VEHICLE.decode(payload) if kind == "vehicle" else _FUME.decode(payload)


def encode_readings(readings: Iterable[VehicleReading | FumeReading | Mapping[str, Any]]) -> bytes:
    """The payload for these readings: one alone, several as a batch.

    Mappings are written as they are (`ts` text, seconds, or a datetime with a zone), so that a simulated
    fault can be sent. Raises ValueError for more than a batch may hold.
    """
    plain = [_plain(reading) for reading in readings]
    if len(plain) > MAX_BATCH_READINGS:
        raise ValueError(f"{len(plain)} readings: a batch holds at most {MAX_BATCH_READINGS}")
    return msgspec.json.encode(plain[0] if len(plain) == 1 else {"batch": plain})


def _plain(reading: VehicleReading | FumeReading | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(reading, Mapping):
        return reading
    fields = {name: value for name, value in msgspec.structs.asdict(reading).items() if value is not None}
    return {"ts": _EPOCH + fields.pop("ts_us") * _MICROSECOND, **fields}


class _TimeError(msgspec.ValidationError):
    """Told apart from every other reason a reading is refused for."""


def from_wire(wanted: type, value: Any) -> Any:
    """Msgspec's hook for an Instant; any other value than one is refused by name."""
    if wanted is not Instant:
        raise NotImplementedError(wanted)
    if isinstance(value, str):
        try:
            return _instant(msgspec.convert(value, _AwareDatetime))
        except _TimeError:
            raise
        except msgspec.ValidationError:
            raise _TimeError(
                f"{value[:64]!r} is not RFC 3339 with a zone, like 2026-11-23T00:00:10Z"
            ) from None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _instant(value)
    raise _TimeError("it must be text or a number")


def _instant(value: datetime | float) -> Instant:
    if isinstance(value, datetime):
        us = (value - _EPOCH) // _MICROSECOND
    elif value >= _SECONDS_END:
        raise _TimeError(f"{value:.0f} s is past the year 9999; a number means seconds, not milliseconds")
    else:
        us = round(value * 1_000_000)
    if us < 0:
        raise _TimeError(f"{value} is before 1970")
    return Instant(us)


def _in_time(readings: list[Reading]) -> list[Reading]:
    """`readings`, of which msgspec has read the times as they were written, with their times in microseconds."""
    for reading in readings:
        at: Any = reading.ts_us
        # Most often seconds; a call for each would take as long as the rest of the loop.
        plain = type(at) is float and 0 <= at < _SECONDS_END
        msgspec.structs.force_setattr(reading, "ts_us", round(at * 1_000_000) if plain else _instant(at))
    return readings


_FIELDS = msgspec.json.Decoder(dict[str, Raw])
_ITEMS = msgspec.json.Decoder(list[Raw])
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Codec(Generic[Reading]):
    def __init__(self, reading: type[Reading]) -> None:
        self._reading: msgspec.json.Decoder[Reading] = msgspec.json.Decoder(reading)
        batch = msgspec.defstruct(
            "Batch", [("batch", list.__class_getitem__(reading))], forbid_unknown_fields=True
        )
        self._batch: msgspec.json.Decoder[Any] = msgspec.json.Decoder(batch)
        self._names = {item.encode_name for item in msgspec.structs.fields(reading)}

    def decode(self, payload: bytes) -> Decoded[Reading]:
        refuse_too_large(payload)
        try:
            # msgspec looks at the text of known fields only.
            if not payload.isascii():
                payload.decode()
            if b'"batch"' in payload:
                with contextlib.suppress(*UNREADABLE):  # most often all is well; if not, one by one
                    whole: list[Reading] = self._batch.decode(payload).batch
                    if len(whole) <= MAX_BATCH_READINGS:
                        return Decoded(_in_time(whole), [], 0)
                if "batch" in (envelope := _FIELDS.decode(payload)):
                    return self._one_by_one(envelope)
            reading, unknown = self._one(payload)
        except UNREADABLE as error:
            raise MalformedPayload(*diagnosis(error)) from None
        return Decoded([reading], [], unknown)

    def _one_by_one(self, envelope: dict[str, Raw]) -> Decoded[Reading]:
        batch = envelope.pop("batch")
        try:
            items = _ITEMS.decode(batch)
        except msgspec.ValidationError:
            raise MalformedPayload(Reason.WRONG_TYPE, "batch must be a list of readings") from None
        if len(items) > MAX_BATCH_READINGS:
            raise MalformedPayload(
                Reason.TOO_MANY_READINGS, f"{len(items)} readings in one batch; at most {MAX_BATCH_READINGS}"
            )
        readings: list[Reading] = []
        problems: list[Problem] = []
        unknown = len(envelope)
        for index, item in enumerate(items):
            try:
                reading, more = self._one(item)
            except UNREADABLE as error:
                problems.append(Problem(index, *diagnosis(error)))
            else:
                readings.append(reading)
                unknown += more
        return Decoded(readings, problems, unknown)

    def _one(self, text: bytes | Raw) -> tuple[Reading, int]:
        """The reading, and how many of its fields mean nothing to us."""
        try:
            return _in_time([self._reading.decode(text)])[0], 0
        except msgspec.ValidationError as error:
            said = str(error)
            if said.endswith(" - at `$.ts`"):
                from_wire(
                    Instant, msgspec.json.decode(_FIELDS.decode(text)["ts"])
                )  # says what is wrong with it
            if "contains unknown field" not in said:
                raise
        fields = _FIELDS.decode(text)
        known = {name: value for name, value in fields.items() if name in self._names}
        return self._one(msgspec.json.encode(known))[0], len(fields) - len(known)


def diagnosis(error: Exception) -> tuple[Reason, str]:
    """Reason and detail; the detail is short and printable, whatever was in the payload."""
    detail = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in str(error)[:200])
    match error:
        case UnicodeDecodeError():
            return Reason.NOT_UTF8, f"not UTF-8 at byte {error.start}"
        case RecursionError():
            return Reason.NOT_JSON, "nested too deeply to be a reading"
        case _TimeError():
            return Reason.BAD_TIME, f"ts is no instant: {detail}"
        case msgspec.ValidationError() if "missing required field" in detail:
            return Reason.MISSING_FIELD, detail
        case msgspec.ValidationError() if ", got `" in detail:
            return Reason.WRONG_TYPE, detail
        case msgspec.ValidationError():
            return Reason.OUT_OF_RANGE, detail
    return Reason.NOT_JSON, detail


_VEHICLE = _Codec(VehicleReading)
_FUME = _Codec(FumeReading)
