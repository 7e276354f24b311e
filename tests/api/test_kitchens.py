"""What is known of kitchens, over the API: units, limits, shop-fronts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from devices.checks import RegistryFilesError
from devices.shop_fronts import import_shop_fronts

Database = psycopg.Connection[Any]


def test_a_units_thresholds_are_an_admins_to_set_and_raise_the_register(
    as_role: Callable[[str], TestClient], database: Database
) -> None:
    def version() -> Any:
        return database.execute("SELECT max(version) FROM registry_version").fetchone()

    before, body = version(), {"purifier_min_a": 0.4, "source": "铭牌"}
    assert as_role("squad").put("/kitchen-units/F0", json=body).status_code == 403
    assert as_role("admin").put("/kitchen-units/V0", json=body).status_code == 404
    assert as_role("admin").put("/kitchen-units/F0", json=body).json()["purifier_min_a"] == 0.4
    assert version() > before


def test_the_standards_say_which_of_them_nobody_has_confirmed(viewer: TestClient) -> None:
    told = viewer.get("/fume-standards").json()

    shandong = next(item for item in told["items"] if item["region"] == "Shandong")
    assert (shandong["confirmed"], shandong["limits_mg_m3"]["large"]) == (False, 1.0)
    assert "confirm" in told["in_force"]["note"]


def shop_fronts(path: Path, count: int, *, outlet: str = "R0") -> Path:
    lines = ["unit_id,name,trade,address,lat,lon,grid_cell,outlet_id"]
    lines += [f"U{n},店铺{n},餐饮,,36.7,117.5,G{n % 40},{outlet if n == 0 else ''}" for n in range(count)]
    file = path / "shop_fronts.csv"
    file.write_text("\n".join(lines), "utf-8")
    return file


def test_twelve_thousand_shop_fronts_are_imported_and_replaced_whole(
    viewer: TestClient, database: Database, tmp_path: Path
) -> None:
    with database.transaction():
        assert import_shop_fronts(database, shop_fronts(tmp_path, 12_000)) == 12_000
        assert import_shop_fronts(database, shop_fronts(tmp_path, 11_999)) == 11_999

    (first,) = viewer.get("/shop-fronts?limit=1").json()["items"]
    assert (first["unit_id"], first["outlet_id"], first["monitors"], first["leads"]) == (
        "U0",
        "R0",
        ["F0"],
        [],
    )
    assert database.execute("SELECT count(*) FROM shop_front").fetchone() == (11_999,)


def test_every_bad_shop_front_is_named_and_none_is_stored(database: Database, tmp_path: Path) -> None:
    file = shop_fronts(tmp_path, 3, outlet="R77")
    with pytest.raises(RegistryFilesError, match="'R77' is not in the register"):
        import_shop_fronts(database, file)
    file.write_text("unit_id,name,lat\nU1,a,36\nU1,b,north\n,c,\n", "utf-8")
    with pytest.raises(RegistryFilesError) as refused:
        import_shop_fronts(database, file)
    assert len(refused.value.problems) == 2
    assert database.execute("SELECT count(*) FROM shop_front").fetchone() == (0,)
