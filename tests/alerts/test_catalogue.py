"""The catalogue is data that cannot go wrong quietly."""

from pathlib import Path

import pytest

from alerts.catalogue import CatalogueError, load_catalogue
from analytics.rules import FumeRules, VehicleRules


def test_every_threshold_of_the_engine_is_in_the_catalogue_with_the_engines_default() -> None:
    catalogue = load_catalogue(None)
    known = [name for section in catalogue.sections.values() for name in section]

    assert sorted(known) == sorted(VehicleRules._fields + FumeRules._fields)
    assert catalogue.vehicle_rules() == VehicleRules()
    assert catalogue.fume_rules() == FumeRules()


def test_a_file_changes_what_it_names_and_with_it_the_version(tmp_path: Path) -> None:
    changes = tmp_path / "ours.toml"
    changes.write_text("[off_route]\noff_route_s = 90\n[fume_limits]\nlarge = 1.2\n")

    ours, shipped = load_catalogue(changes), load_catalogue(None)

    assert ours.vehicle_rules().off_route_s == 90
    assert ours.thresholds("off_route")["off_route_major_m"] == 300
    assert (ours.fume_limit("large"), ours.fume_limit("small")) == (1.2, 1.5)
    assert ours.version != shipped.version == load_catalogue(None).version


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[off_rout]\noff_route_s = 90", "no detection [off_rout]"),
        ("[off_route]\nseconds = 90", "has no 'seconds'"),
        ("[off_route]\noff_route_s = 'long'", "'long' is not a number"),
        ("[off_route]\noff_route_s = true", "True is not a number"),
        ("[off_route]\noff_route_s = -1", "out of range, 0 to 3600"),
        ("[fume_limits]\nhuge = 1", "not 'huge'"),
        ("off_route = 3", "must be a table"),
        ("[off_route", "not TOML"),
    ],
)
def test_a_wrong_file_is_told_what_is_wrong_with_it(tmp_path: Path, text: str, said: str) -> None:
    changes = tmp_path / "wrong.toml"
    changes.write_text(text)

    with pytest.raises(CatalogueError, match=r"wrong\.toml") as refused:
        load_catalogue(changes)
    assert said in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"nowhere\.toml"):
        load_catalogue(tmp_path / "nowhere.toml")
