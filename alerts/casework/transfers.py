"""双移交: leads and cases handed to another authority, and taken in from one, each with basis, due date and answer.

    out   sent -> received (their receipt number) -> answered | returned (with reason: the lead is ours again)
    in    sent -> received (our receipt number)   -> answered (what we told them) | returned (to them)

By when: rows `transfer_out` and `transfer_feedback` of `deadline`. What is taken in must be answered within
`transfer_feedback` after its lead is closed, what is handed out within that after its receipt.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import dict_row

from alerts.case_words import Clock, zh
from alerts.casework.leads import lock_lead, move_lead, note_on_lead
from alerts.casework.moves import MoveRefused
from alerts.casework.workdays import due
from alerts.papers import render
from alerts.presentation import lead_json, load_lead
from runtime.errors import FleetfumeError

BASIS_OUT = "《济南市城市建筑垃圾管理条例》第四十二条；《行政处罚法》第二十七条"
"""Where an officer names no other; to be held against the texts."""


class NoSuchTransfer(FleetfumeError):
    """There is no hand-over of this number."""


SEND: LiteralString = """
    INSERT INTO lead_transfer (lead_id, direction, what, party, party_name, basis, note, created_by, due_on)
    VALUES (%(lead_id)s, %(direction)s, %(what)s, %(party)s, %(party_name)s, %(basis)s, %(note)s, %(by)s, %(due_on)s)
    RETURNING id
"""
LOCK: LiteralString = "SELECT * FROM lead_transfer WHERE id = %s FOR UPDATE"
RECEIVE: LiteralString = """
    UPDATE lead_transfer SET state = 'received', receipt_no = %(said)s, received_at = now(), answer_due_on = %(due)s
     WHERE id = %(id)s
"""
ANSWER: LiteralString = """
    UPDATE lead_transfer SET state = 'answered', answer = %(said)s, answered_at = now() WHERE id = %(id)s
"""
RETURN: LiteralString = """
    UPDATE lead_transfer SET state = 'sent_back', return_reason = %(said)s, returned_at = now() WHERE id = %(id)s
"""
OPEN_OF: LiteralString = """
    SELECT id FROM lead_transfer WHERE lead_id = %s AND direction = %s AND state IN ('sent', 'received')
"""
ANSWER_DUE: LiteralString = """
    UPDATE lead_transfer SET answer_due_on = %s
     WHERE lead_id = %s AND direction = 'in' AND state IN ('sent', 'received')
"""


def send(
    connection: Connection[Any],
    lead_id: int,
    *,
    party: str,
    by: str,
    zone: ZoneInfo,
    direction: str = "out",
    what: str = "lead",
    party_name: str = "",
    basis: str = "",
    note: str = "",
) -> int:
    """Write a hand-over down; return its number. One that has been sent already and is not answered stays the one."""
    if known := connection.execute(OPEN_OF, (lead_id, direction)).fetchone():
        return int(known[0])
    until = due(connection, "transfer_out", _today(zone))
    row = connection.execute(
        SEND,
        {
            "lead_id": lead_id, "direction": direction, "what": what, "party": party, "party_name": party_name,
            "basis": basis or BASIS_OUT, "note": note, "by": by, "due_on": until[0] if until else _today(zone),
        },
    ).fetchone()  # fmt: skip
    assert row is not None  # noqa: S101 - INSERT … RETURNING of one row
    return int(row[0])


def receive(
    connection: Connection[Any], transfer_id: int, *, receipt_no: str, by: str, zone: ZoneInfo
) -> None:
    """The other side (out) or we (in) have it, under this number."""
    transfer = _lock(connection, transfer_id, "sent")
    until = due(connection, "transfer_feedback", _today(zone)) if transfer["direction"] == "out" else None
    connection.execute(RECEIVE, {"id": transfer_id, "said": receipt_no, "due": until[0] if until else None})
    _note(connection, transfer, "transfer_received", {"receipt_no": receipt_no}, by)


def answer(connection: Connection[Any], transfer_id: int, *, text: str, by: str) -> None:
    """What came of it: what they told us (out), or what we told them (in)."""
    transfer = _lock(connection, transfer_id, "sent", "received")
    connection.execute(ANSWER, {"id": transfer_id, "said": text})
    _note(connection, transfer, "transfer_answered", {"answer": text}, by)


def send_back(
    connection: Connection[Any], transfer_id: int, *, reason: str, by: str, role: str, zone: ZoneInfo
) -> None:
    """Returned with a reason. A lead that was handed out is confirmed again."""
    transfer = _lock(connection, transfer_id, "sent", "received")
    connection.execute(RETURN, {"id": transfer_id, "said": reason})
    _note(connection, transfer, "transfer_returned", {"reason": reason}, by)
    lead = lock_lead(connection, transfer["lead_id"])
    if transfer["direction"] == "out" and lead["state"] == "transferred":
        move_lead(connection, lead["id"], to="confirmed", actor=by, role=role, note=reason, zone=zone)


def followed(
    connection: Connection[Any], lead_id: int, *, before: str, to: str, note: str, zone: ZoneInfo
) -> None:
    """What a lead's move means for its hand-overs: taken back, they are returned; closed, an answer is due."""
    if (before, to) == ("transferred", "confirmed"):
        for (transfer_id,) in connection.execute(OPEN_OF, (lead_id, "out")).fetchall():
            connection.execute(RETURN, {"id": transfer_id, "said": note or "—"})
    if to == "closed" and (until := due(connection, "transfer_feedback", _today(zone))):
        connection.execute(ANSWER_DUE, (until[0], lead_id))


def load(connection: Connection[Any], transfer_id: int) -> dict[str, Any]:
    """NoSuchTransfer."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute("SELECT * FROM lead_transfer WHERE id = %s", (transfer_id,)).fetchone()
    if row is None:
        raise NoSuchTransfer(f"no transfer {transfer_id}")
    return row


def document(
    connection: Connection[Any], transfer: Mapping[str, Any], *, zone: ZoneInfo, office: str
) -> bytes:
    """The hand-over as a letter, PDF."""
    row = load_lead(connection, transfer["lead_id"])
    assert row is not None  # noqa: S101 - a foreign key holds it
    lead = lead_json(row)
    return render("transfer", {"office": office, **letter(transfer, lead, zone)})


def letter(transfer: Mapping[str, Any], lead: Mapping[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """What the letter says, as plain data."""
    local = Clock(zone)
    kind = "案件" if transfer["what"] == "case" else "线索"
    return {
        "title": f"{kind}移送书" if transfer["direction"] == "out" else f"{kind}移入登记",
        "number": f"{kind}移字〔{transfer['created_at'].astimezone(zone).year}〕{transfer['id']} 号",
        "party": transfer["party_name"] or zh(transfer["party"]),
        "sentence": lead["title_zh"],
        "facts": [
            ["线索编号", str(lead["id"])],
            ["种类", zh(lead["kind"])],
            ["当事人或车辆", lead["plate"] or lead["outlet_name"] or lead["device_id"] or "—"],
            ["企业", lead["company_name"] or lead["company_id"] or "—"],
            ["地点", lead["jurisdiction_name"] or lead["jurisdiction"] or "—"],
            ["发现时间", local(lead["opened_at"])],
            ["移送依据", transfer["basis"] + "（引用前须核对原文）"],
            ["说明", transfer["note"] or "—"],
            ["签收期限", str(transfer["due_on"])],
            ["承办人", transfer["created_by"]],
        ],
        "day": transfer["created_at"].astimezone(zone).strftime("%Y 年 %m 月 %d 日"),
    }


def _lock(connection: Connection[Any], transfer_id: int, *states: str) -> dict[str, Any]:
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(LOCK, (transfer_id,)).fetchone()
    if row is None:
        raise NoSuchTransfer(f"no transfer {transfer_id}")
    if row["state"] not in states:
        raise MoveRefused(f"transfer {transfer_id} is {row['state']!r}, not {' or '.join(states)}")
    return row


def _note(
    connection: Connection[Any], transfer: Mapping[str, Any], action: str, detail: dict[str, Any], by: str
) -> None:
    said = {"transfer_id": transfer["id"], "receiver": transfer["party"], **detail}
    note_on_lead(connection, transfer["lead_id"], action, said, actor=by)


def _today(zone: ZoneInfo) -> date:
    return datetime.now(zone).date()
