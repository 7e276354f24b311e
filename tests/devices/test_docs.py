from pathlib import Path

import msgspec
import pytest

from devices.nouns import NOUNS, Noun
from devices.reasons import Reason
from devices.topics import UP_CHANNELS
from devices.wire import FumeReading, VehicleReading

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.name)
def test_every_column_stands_under_its_file_and_the_required_ones_are_marked(noun: Noun) -> None:
    _, _, after = (DOCS / "registry.md").read_text().partition(f"### {noun.file}\n")
    table = [
        line.split("|")[1].strip()
        for line in after.partition("###")[0].splitlines()
        if line.startswith("| `")
    ]

    documented = {
        name: cell.endswith("*") for cell in table for name in cell.rstrip(" *").replace("`", "").split(", ")
    }

    assert documented == {name: name in noun.required for name in noun.columns}


def test_every_reason_channel_and_field_is_told_to_makers_of_firmware() -> None:
    text = (DOCS / "firmware.md").read_text()
    fields = [
        item.encode_name
        for reading in (VehicleReading, FumeReading)
        for item in msgspec.structs.fields(reading)
    ]

    for name in [*Reason, *(channel for several in UP_CHANNELS.values() for channel in several), *fields]:
        assert f"`{name}`" in text
