"""The sealed case file: any byte, any row and any order that changed is found, and the first one named."""

import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.canonical import canonical
from alerts.casefile.package import HEADS, MANIFEST, REPORT, SEAL, _archive, seal, verify, write_entry
from alerts.journal import Entry, day_head

AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
JOURNAL = "journal/7.json"


def entries(n: int = 4) -> list[dict[str, Any]]:
    written: list[dict[str, Any]] = []
    for seq in range(1, n + 1):
        entry = Entry(
            lead_id=7, seq=seq, at=AT + timedelta(minutes=seq), actor="王", action="transition",
            detail={"to": "assigned", "note": f"第{seq}步"}, prev_hash=written[-1]["hash"] if written else "",
        )  # fmt: skip
        written.append(write_entry(entry, entry.hash()))
    return written


def heads(hashes: list[str]) -> list[dict[str, Any]]:
    head = day_head("2026-11-23", "", hashes)
    return [
        {
            "day": "2026-11-23", "prev_head": "", "head": head, "hashes": hashes, "since": "2026-11-22T16:00:00+00:00",
            "until": "2026-11-23T16:00:00+00:00",
        }
    ]  # fmt: skip


def files(
    journal: list[dict[str, Any]] | None = None, days: list[dict[str, Any]] | None = None
) -> dict[str, bytes]:
    written = entries() if journal is None else journal
    return {
        "lead.json": canonical({"id": 7, "plate": "鲁A00000"}),
        "readings/1.csv": b"ts,lat\n2026-11-23T04:00:00Z,36.7\n2026-11-23T04:00:10Z,36.8\n",
        JOURNAL: canonical(written),
        HEADS: canonical(heads(["x", *(one["hash"] for one in written)]) if days is None else days),
    }


def sealed(content: dict[str, bytes]) -> bytes:
    return seal(content, {"lead_id": 7}, lambda digest, _: b"%PDF-1.7 " + digest.encode())[0]


@cache
def whole() -> bytes:
    return sealed(files())


def opened(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(content: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, said in content.items():
            archive.writestr(name, said)
    return out.getvalue()


def found(content: dict[str, bytes]) -> str:
    finding = verify(packed(content))
    assert finding is not None
    return finding.what


def test_what_was_sealed_holds_and_the_same_files_make_the_same_archive() -> None:
    assert verify(whole()) is None
    assert sealed(files()) == whole()
    assert opened(whole())[REPORT].endswith(json.loads(opened(whole())[SEAL])["manifest_sha256"].encode())


@settings(max_examples=400, deadline=None)
@given(st.integers(0, len(whole()) - 1), st.integers(1, 255))
def test_one_changed_byte_anywhere_is_found(place: int, change: int) -> None:
    changed = bytearray(whole())
    changed[place] ^= change
    assert verify(bytes(changed)) is not None


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(whole())), st.binary(min_size=1, max_size=4))
def test_bytes_put_in_or_cut_off_are_found(place: int, more: bytes) -> None:
    assert verify(whole()[:place] + more + whole()[place:]) is not None
    if place < len(whole()):
        assert verify(whole()[:place]) is not None


@pytest.mark.parametrize("name", [*files(), MANIFEST, REPORT])
def test_the_file_that_was_changed_is_named(name: str) -> None:
    content = opened(whole())
    assert found({**content, name: content[name] + b" "}) == name


def test_a_file_taken_out_or_put_in_is_named() -> None:
    content = opened(whole())
    assert found({name: said for name, said in content.items() if name != "lead.json"}) == "lead.json"
    assert found({**content, "extra.txt": b"x"}) == "extra.txt"
    assert found({**content, SEAL: b"{}"}) == MANIFEST
    assert found({name: said for name, said in content.items() if name != SEAL}) == SEAL


@settings(max_examples=60, deadline=None)
@given(st.permutations(range(len(opened(whole())))))
def test_files_in_another_order_are_found(order: list[int]) -> None:
    content = list(opened(whole()).items())
    moved = _archive(dict(content[n] for n in order))  # its order alone can give it away
    assert (verify(moved) is None) == (list(order) == sorted(order))


ROWS = {name: said.splitlines(keepends=True) for name, said in files().items() if len(said.splitlines()) > 1}
"""Files of rows: in a real package readings, tracks and raw messages."""


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(ROWS)), st.data())
def test_a_row_taken_out_put_in_twice_or_moved_is_found_and_its_file_named(
    name: str, data: st.DataObject
) -> None:
    rows = list(ROWS[name])
    n = data.draw(st.integers(0, len(rows) - 1))
    match data.draw(st.sampled_from(["out", "twice", "moved"])):
        case "out":
            del rows[n]
        case "twice":
            rows.insert(n, rows[n])
        case _:
            rows.insert((n + 1) % len(rows), rows.pop(n))
    assert found({**opened(whole()), name: b"".join(rows)}) == name


# Someone who seals anew what he changed meets the journal's chain.


CHANGES: list[tuple[str, Any]] = [
    ("actor", "李"), ("action", "note"), ("detail", {"to": "closed"}), ("at", "2026-11-23T04:09:00.000000+00:00"),
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 3), st.sampled_from(CHANGES))
def test_a_changed_entry_is_named_even_if_everything_was_sealed_anew(
    row: int, change: tuple[str, Any]
) -> None:
    journal = entries()
    journal[row][change[0]] = change[1]
    finding = verify(sealed(files(journal, [])))
    assert finding is not None
    assert finding.what == f"{JOURNAL} entry {row + 1}"


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(4)))
def test_entries_in_another_order_are_found(order: list[int]) -> None:
    journal = entries()
    finding = verify(sealed(files([journal[n] for n in order], [])))
    assert (finding is None) == (list(order) == [0, 1, 2, 3])


def test_a_journal_written_anew_does_not_fit_the_head_of_its_day() -> None:
    forged = entries(3)
    finding = verify(sealed(files(forged, heads(["x", *(one["hash"] for one in entries(2))]))))
    assert finding is not None
    assert finding.what == f"{JOURNAL} entry 3"
    day = heads([one["hash"] for one in entries()])
    day[0]["hashes"] = day[0]["hashes"][::-1]
    finding = verify(sealed(files(days=day)))
    assert finding is not None
    assert finding.what == f"{HEADS} 2026-11-23"


def test_days_that_do_not_follow_each_other_are_found() -> None:
    (first,) = heads(["x", *(one["hash"] for one in entries())])

    def second(prev_head: str) -> dict[str, Any]:
        return {
            "day": "2026-11-24", "prev_head": prev_head, "head": day_head("2026-11-24", prev_head, ["y"]), "hashes": ["y"],
            "since": first["until"], "until": "2026-11-24T16:00:00+00:00",
        }  # fmt: skip

    assert verify(sealed(files(days=[first, second(first["head"])]))) is None
    finding = verify(sealed(files(days=[first, second("0" * 64)])))
    assert finding is not None
    assert finding.what == f"{HEADS} 2026-11-24"


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all", packed({}), packed({SEAL: b"{"})])
def test_what_is_no_package_is_said(content: bytes) -> None:
    assert verify(content) is not None
