"""Vendors' dialects, and which terminal speaks which."""

from pathlib import Path

import pytest

from devices.channels import decoders
from devices.hj212 import build_frame
from devices.jt808 import LOCATION, location_body, pack
from devices.jt808.profiles import shipped_profiles
from devices.terminals import Terminals, load_terminals
from devices.types import Device
from devices.wire import FumeReading, VehicleReading
from runtime.errors import SettingsError

ACME = """
[jt808.profiles.acme]
about = "tests"
as_of = 2026-11-25
source = "tests"
confidence = "invented"
[[jt808.profiles.acme.fields]]
field = "lift"
item = 0xE1
byte = 1
mask = 0x30
values = { 0x10 = true, 0x20 = false }
[[jt808.profiles.acme.fields]]
field = "load"
item = 0xE2
values = { 0 = 0, 1 = 0.25, 2 = 1.0 }
"""


def terminals(tmp_path: Path, text: str) -> Terminals:
    file = tmp_path / "terminals.toml"
    file.write_text(text, encoding="utf-8")
    return load_terminals(file)


def device(device_id: str = "V1", serial: str | None = "064000000001") -> Device:
    return Device(device_id=device_id, kind="vehicle", bound_to=None, serial=serial, status="active")


def read(
    speaking: Terminals, items: dict[int, bytes], *, status: int = 0, of: Device | None = None
) -> VehicleReading:
    of = of or device()
    body = location_body(ts_us=1_764_043_200_000_000, lat=36.7, lon=117.5, status=status, items=items)
    frame = pack(LOCATION, body, phone=of.serial or "1", serial=1)
    (reading,) = decoders(speaking)["jt808"](of, frame).readings
    assert isinstance(reading, VehicleReading)
    return reading


def test_a_terminal_that_is_not_named_speaks_the_standard() -> None:
    reading = read(Terminals(), {0x52: b"\x02", 0xE7: b"\x0f"}, status=0x300)

    assert (reading.load, reading.lift, reading.cover) == (1.0, None, None)


def test_a_dialect_gives_its_items_a_meaning_and_what_it_does_not_list_has_none(tmp_path: Path) -> None:
    speaking = terminals(tmp_path, ACME + '[[jt808.terminals]]\nprofile = "acme"\ndevices = ["V1"]\n')

    assert read(speaking, {0xE1: b"\x00\x10"}).lift is True
    assert read(speaking, {0xE1: b"\x00\x2f"}).lift is False
    assert read(speaking, {0xE1: b"\x00\x30"}).lift is None
    assert read(speaking, {0xE1: b"\x10"}).lift is None
    assert read(speaking, {0xE2: b"\x01"}, status=0x300).load == 0.25
    assert read(speaking, {0xE2: b"\x07"}, status=0x300).load == 1.0
    assert read(speaking, {0xE1: b"\x00\x10"}, of=device("V2")).lift is None


def test_a_terminal_without_a_load_sensor_says_nothing_of_its_load(tmp_path: Path) -> None:
    speaking = terminals(tmp_path, '[[jt808.terminals]]\nprofile = "no_load_sensor"\ndevices = ["V1"]\n')

    assert read(speaking, {}).load is None
    assert read(speaking, {}, of=device("V2")).load == 0.0


def test_a_device_goes_before_a_serial_and_a_longer_serial_before_a_shorter(tmp_path: Path) -> None:
    speaking = terminals(
        tmp_path,
        """
        [[jt808.terminals]]
        profile = "no_load_sensor"
        serials = ["0640"]
        [[jt808.terminals]]
        profile = "gps51"
        serials = ["64000000002"]
        [[jt808.terminals]]
        profile = "simulated"
        devices = ["V3"]
        """,
    )
    said = {0x52: b"\x02", 0xE7: b"\x03"}

    assert read(speaking, said, of=device("V1", "064000000001")).load is None
    assert read(speaking, said, of=device("V2", "064000000002")).load == 1.0
    assert read(speaking, said, of=device("V3", "064000000003")).lift is True
    assert read(speaking, said, of=device("V4", "139")).load == 0.0
    assert read(speaking, said, of=device("V5", None)).load == 0.0


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("jt808 = 1", "jt808"),
        ("[jt909]", "jt909"),
        ("= nonsense", "line 1"),
        ('[[jt808.terminals]]\nprofile = "acme"', "there is no profile 'acme'; there are standard"),
        (ACME.replace("true", '"up"'), "'up' is no lift: true or false"),
        (ACME.replace("0.25", "1.25"), "1.25 is no load: 0 to 1"),
        (ACME.replace('"lift"', '"lifted"'), "lifted"),
        (ACME.replace("0xE1", "0x1E1"), "one byte"),
        (ACME.replace("0x10 =", "zehn ="), "zehn"),
        (
            'jt808.terminals = [{profile="gps51",devices=["V1"]},{profile="standard",devices=["V1"]}]',
            "'V1' is given two profiles, 'gps51' and 'standard'",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_file_is_said(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=r"terminals\.toml") as caught:
        terminals(tmp_path, text)
    assert complaint in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        load_terminals(tmp_path / "none.toml")


def test_every_shipped_dialect_says_of_when_and_from_where_it_is() -> None:
    for profile in shipped_profiles().values():
        assert profile.source
        assert profile.as_of.year >= 2026


HJ212 = """
[hj212.profiles.sb7]
about = "tests"
[[hj212.profiles.sb7.items]]
item = "SB7-RS"
field = "fan_on"
confidence = "A"
source = "tests"
[[hj212.terminals]]
profile = "sb7"
serials = ["0100"]
[[hj212.terminals]]
profile = "a00000"
devices = ["F2"]
"""


def test_a_monitors_dialect_gives_its_items_a_meaning(tmp_path: Path) -> None:
    speaking = decoders(terminals(tmp_path, HJ212))["hj212"]

    def heard(device_id: str, serial: str) -> FumeReading:
        text = f"CN=2011;MN={serial};CP=&&DataTime=20260315115930;a34041-Rtd=1;a00000-Rtd=7;SB7-RS=1&&"
        monitor = Device(device_id=device_id, kind="fume", bound_to=None, serial=serial, status="active")
        (reading,) = speaking(monitor, build_frame(text.encode())).readings
        assert isinstance(reading, FumeReading)
        return reading

    assert (heard("F1", "01007").fan_on, heard("F1", "01007").fume_mg_m3) == (True, 1.0)
    assert (heard("F2", "22").fan_on, heard("F2", "22").fume_mg_m3) == (None, 7.0)
    assert (heard("F3", "22").fan_on, heard("F3", "22").fume_mg_m3) == (None, 1.0)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (HJ212.replace('"sb7"\nserials', '"sb8"\nserials'), "no profile 'sb8'"),
        (HJ212.replace("fan_on", "fan"), "SB7-RS: field must be one of"),
        (HJ212.replace('item = "SB7-RS"', ""), "needs a code"),
        (HJ212.replace("about", "abuot"), "abuot"),
    ],
)
def test_a_wrong_dialect_of_a_monitor_is_named(tmp_path: Path, wrong: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        terminals(tmp_path, wrong)
