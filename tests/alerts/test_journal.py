"""Whoever changes a word of the journal is found out."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from alerts import journal
from alerts.journal import Entry, first_broken

HISTORY: list[tuple[str, dict[str, Any]]] = [
    ("opened", {"alerts": [1]}),
    ("transition", {"to": "assigned", "note": "现场核查"}),
    ("transition", {"to": "verifying"}),
]


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def a_lead(connection: psycopg.Connection) -> int:
    row = connection.execute(
        "INSERT INTO lead (kind, severity, created_by) VALUES ('illegal_dumping', 'critical', 'engine') RETURNING id"
    ).fetchone()
    assert row is not None
    return int(row[0])


def written(connection: psycopg.Connection, lead_id: int) -> list[tuple[Entry, str]]:
    rows = connection.execute(
        "SELECT lead_id, seq, at, actor, action, detail, prev_hash, hash FROM lead_journal WHERE lead_id = %s ORDER BY seq",
        (lead_id,),
    ).fetchall()
    return [
        (Entry(lead_id=a, seq=b, at=c, actor=d, action=e, detail=f, prev_hash=g), carried)
        for a, b, c, d, e, f, g, carried in rows
    ]


@pytest.fixture
def entries(connection: psycopg.Connection) -> list[tuple[Entry, str]]:
    lead_id = a_lead(connection)
    for action, detail in HISTORY:
        with connection.transaction():
            journal.append(connection, lead_id, actor="王", action=action, detail=detail)
    return written(connection, lead_id)


def test_a_journal_as_it_was_written_holds(entries: list[tuple[Entry, str]]) -> None:
    assert [entry.seq for entry, _ in entries] == [1, 2, 3]
    assert first_broken(entries) is None


def test_a_changed_a_missing_and_a_moved_entry_are_found(entries: list[tuple[Entry, str]]) -> None:
    one, two, three = entries
    forged = replace(two[0], detail={"to": "assigned", "note": "无问题"})

    assert first_broken([one, (forged, two[1]), three]) == 2
    assert first_broken([one, (forged, forged.hash()), three]) == 3
    assert first_broken([one, three]) == 3
    assert first_broken([two, one, three]) == 2


@pytest.mark.parametrize(
    "statement", ["UPDATE lead_journal SET actor = 'x'", "DELETE FROM lead_journal", "TRUNCATE lead_journal"]
)
def test_the_database_refuses_to_change_what_is_written(
    connection: psycopg.Connection, entries: list[tuple[Entry, str]], statement: str
) -> None:
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        connection.execute(statement)
