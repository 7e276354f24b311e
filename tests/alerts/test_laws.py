"""The law table and the discretion worksheet."""

from pathlib import Path

import pytest

from alerts.casework.laws import LawsError, load_laws, suggest
from alerts.casework.moves import RECEIVERS
from analytics.records import KINDS


def test_every_kind_has_a_receiver_and_every_entry_says_that_it_is_unconfirmed() -> None:
    table = load_laws(None)
    assert set(table.transfer_to) == set(KINDS)
    assert set(table.transfer_to.values()) <= set(RECEIVERS)
    assert [law.id for law in table.law if law.confirmed] == []
    assert all(law.seen in {"A", "B", "C"} and law.articles for law in table.law)
    assert len({law.id for law in table.law}) == len(table.law)


def test_what_opens_a_lead_has_a_law() -> None:
    table = load_laws(None)
    without = {kind for kind in KINDS if not table.of(kind)}
    assert without <= {"loaded_stop"}  # which is no violation by itself


def test_a_worksheet_points_into_the_range_and_says_how() -> None:
    table = load_laws(None)
    law = table.find("dump-jinan-52")
    assert law is not None
    mild = suggest(table, law, ["first_offence", "cleared_at_once", "cooperative"])
    assert (mild.share, mild.amount_yuan) == (0.0, 5000)
    plain = suggest(table, law, [])
    assert (plain.share, plain.amount_yuan, plain.terms) == (0.3, 18500, {"base": 0.3})
    grave = suggest(table, law, ["repeated", "large_volume", "protected_area"])
    assert (grave.share, grave.amount_yuan) == (1.0, 50000)
    with pytest.raises(LawsError, match="no discretion factor luck; there are first_offence"):
        suggest(table, law, ["luck"])


def test_a_law_without_a_range_suggests_no_amount() -> None:
    table = load_laws(None)
    law = table.find("dump-water-20")
    assert law is not None
    assert suggest(table, law, []).amount_yuan is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('kinds = ["illegal_dumping"]', 'kinds = ["littering"]'), "names kinds nobody knows: littering"),
        (("fine_max_yuan = 50000", "fine_max_yuan = 10"), "a range that ends below its beginning"),
        (('seen = "A"', "sean = 1"), "sean"),
        (("[transfer_to]", "[transfer_to"), "law table"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_by_name(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    text = Path("alerts/casework/laws.toml").read_text("utf-8")
    own = tmp_path / "own.toml"
    own.write_text(text.replace(*change, 1), "utf-8")
    with pytest.raises(LawsError, match=said):
        load_laws(own)
