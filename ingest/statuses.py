"""What terminals said of themselves, kept as one row a device; what they said to commands, each once.

The row is the newest of all statuses by the time each speaks of, so that any order and any repetition end in the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from psycopg import Connection

from devices.decoding import Ack, Status
from ingest.batch import Said
from runtime.instants import instant, microseconds


@dataclass(frozen=True, slots=True)
class Kept:
    """A row of `terminal_status`; times in µs."""

    online: bool
    since_us: int
    heard_us: int
    firmware: str | None = None
    firmware_us: int | None = None


LOAD: LiteralString = """
    SELECT device_id, online, since, heard_at, firmware, firmware_at
      FROM terminal_status WHERE device_id = ANY(%s) ORDER BY device_id FOR UPDATE
"""
INSERT: LiteralString = """
    INSERT INTO terminal_status (online, since, heard_at, firmware, firmware_at, device_id)
    VALUES (%s, %s, %s, %s, %s, %s)
"""
UPDATE: LiteralString = """
    UPDATE terminal_status SET online = %s, since = %s, heard_at = %s, firmware = %s, firmware_at = %s
     WHERE device_id = %s
"""
ACKNOWLEDGED: LiteralString = """
    INSERT INTO command_ack (device_id, command_id, ok, acked_at)
    SELECT * FROM unnest(%s::text[], %s::text[], %s::boolean[], %s::timestamptz[]) ORDER BY 1, 2
        ON CONFLICT (device_id, command_id) DO NOTHING
"""
SEND_NO_MORE: LiteralString = """
    UPDATE device_command SET next_at = NULL
      FROM unnest(%s::text[], %s::text[]) AS acked (device_id, command_id)
     WHERE device_command.device_id = acked.device_id AND device_command.id::text = acked.command_id
       AND next_at IS NOT NULL
"""


def store_said(connection: Connection, said: Iterable[Said]) -> None:
    """In the caller's transaction; UniqueViolation if another one hears of a device for the first time too."""
    statuses: dict[str, list[Said]] = {}
    acks: dict[tuple[str, str], tuple[bool, int]] = {}
    for one in said:
        if isinstance(one.said, Ack):
            acks.setdefault((one.device_id, str(one.said.id)), (one.said.ok, one.received_us))
        else:
            statuses.setdefault(one.device_id, []).append(one)
    if statuses:
        _store_statuses(connection, statuses)
    if acks:
        rows = [(*key, ok, instant(received_us)) for key, (ok, received_us) in acks.items()]
        columns = [list(column) for column in zip(*rows, strict=True)]
        connection.execute(ACKNOWLEDGED, columns)
        connection.execute(SEND_NO_MORE, columns[:2])


def _store_statuses(connection: Connection, statuses: Mapping[str, Sequence[Said]]) -> None:
    kept = {
        device_id: Kept(
            online, microseconds(since), microseconds(heard_at), firmware,
            None if firmware_at is None else microseconds(firmware_at),
        )
        for device_id, online, since, heard_at, firmware, firmware_at in connection.execute(LOAD, [sorted(statuses)])
    }  # fmt: skip
    for device_id in sorted(statuses):  # one lock order for all collectors
        before = after = kept.get(device_id)
        for one in statuses[device_id]:
            after = newest(after, one)
        if after is not None and after != before:
            connection.execute(
                INSERT if before is None else UPDATE,
                (
                    after.online, instant(after.since_us), instant(after.heard_us), after.firmware,
                    None if after.firmware_us is None else instant(after.firmware_us), device_id,
                ),
            )  # fmt: skip


def newest(kept: Kept | None, one: Said) -> Kept:
    """`kept`, with what `one` changes of it.

    A status speaks of its ts, or else of when it came; never of later than that, or a will would seem older than what a fast
    clock said. One that the broker may have sent before and that has no ts says nothing of when: if it is the same
    as what is kept, it changes nothing.
    """
    status = one.said
    assert isinstance(status, Status)  # noqa: S101 - the caller tells them apart
    at_us = one.received_us if status.ts_us is None else min(status.ts_us, one.received_us)
    if kept is None:
        kept = Kept(status.online, at_us, one.received_us)
    elif (
        one.again
        and status.ts_us is None
        and status.online == kept.online
        and status.fw in (None, kept.firmware)
    ):
        return kept
    elif (at_us, status.online, -one.received_us) > (kept.since_us, kept.online, -kept.heard_us):
        kept = replace(kept, online=status.online, since_us=at_us, heard_us=one.received_us)
    if status.fw is not None and (at_us, status.fw) > (kept.firmware_us or 0, kept.firmware or ""):
        kept = replace(kept, firmware=status.fw, firmware_us=at_us)
    return kept
