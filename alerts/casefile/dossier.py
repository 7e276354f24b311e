"""What the database knows of a lead, gathered as the files of its case file, and as the report people read.

Only what is there is put in, as it is there; what is missing is said (`notes`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

import structlog
from psycopg import Connection

from alerts import case_words as words
from alerts import journal
from alerts.canonical import canonical, sha256
from alerts.casefile.alert_part import plain_row, put_alert, put_explanation, read_rows
from alerts.casefile.package import HEADS, JOURNALS, NO_STAMP, STAMP, STAMP_CA, seal, write_entry
from alerts.casework.laws import LawTable, as_data
from alerts.casework.leads import NoSuchLead
from alerts.catalogue import Catalogue
from alerts.labels import catalogue as labels
from alerts.outbox import take_turn
from alerts.papers import render
from alerts.presentation import ALERT, lead_json, load_lead, plain
from alerts.timestamps import Authority, NotStamped, read_stamp
from analytics.records import KINDS
from devices.types import Registry

log = structlog.get_logger(__name__)

ALERTS: LiteralString = ALERT + " WHERE alert.lead_id = %s ORDER BY alert.started_at, alert.id"
ENTRIES: LiteralString = """
    SELECT lead_id, seq, at, actor, action, detail, prev_hash, hash FROM lead_journal WHERE lead_id = %s ORDER BY seq
"""
MERGED: LiteralString = "SELECT id FROM lead WHERE merged_into = %s ORDER BY id"
PHOTOS: LiteralString = """
    SELECT lead_photo.*, attachment.content_type, attachment.content
      FROM lead_photo JOIN attachment USING (hash)
     WHERE lead_id = ANY(%s) ORDER BY uploaded_at, hash
"""
TRANSFERS: LiteralString = "SELECT * FROM lead_transfer WHERE lead_id = ANY(%s) ORDER BY id"
WORKSHEETS: LiteralString = "SELECT * FROM lead_worksheet WHERE lead_id = ANY(%s) ORDER BY id"
MADE: LiteralString = """
    INSERT INTO evidence_made (at, lead_id, made_by, manifest_sha256, token) VALUES (%s, %s, %s, %s, %s)
"""
NOTICE = (
    "本材料由系统按线索导出，供办案参考。定位、油烟监测告警属于线索；依《行政处罚法》第四十一条，自动监测记录未经审核不得作为行政处罚的证据。"
    "材料完整性可用 fleetfume evidence verify 离线核对。"
)


@dataclass(slots=True)
class Dossier:
    files: dict[str, bytes] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)
    alert_ids: list[int] = field(default_factory=list)
    """Of the alerts that our own engine told."""


def make_package(
    connection: Connection[Any],
    lead_id: int,
    *,
    made_by: str,
    zone: ZoneInfo,
    laws: LawTable,
    catalogue: Catalogue,
    authority: Authority | None = None,
    extra: Mapping[str, bytes] | None = None,
) -> tuple[bytes, str]:
    """The lead's case file as a ZIP, and its manifest's SHA-256, which is written down. NoSuchLead.

    `authority` stamps the manifest; that it did not is said in the file, and stops nothing.
    """
    now = datetime.now(UTC)
    dossier = gather(connection, lead_id, made_by=made_by, zone=zone, laws=laws, now=now)
    for alert_id in dossier.alert_ids:
        put_explanation(connection, alert_id, dossier.files, catalogue, zone)
    dossier.files.update(extra or {})
    stamped: dict[str, bytes] = {}

    def stamp(manifest: bytes) -> dict[str, bytes]:
        stamped.update(_stamp(authority, manifest) if authority is not None else {})
        return stamped

    content, digest = seal(
        dossier.files,
        dossier.about,
        lambda digest, stamped: _paper(dossier, digest, stamped, words.Clock(zone)),
        stamp,
    )
    take_turn(connection)
    connection.execute(MADE, (datetime.now(UTC), lead_id, made_by, digest, stamped.get(STAMP)))
    return content, digest


def _stamp(authority: Authority, manifest: bytes) -> dict[str, bytes]:
    """The stamp and the certificates to check it by; or why there is none."""
    try:
        token = authority.stamp(manifest).token
    except NotStamped as refused:
        log.warning("evidence package without a time stamp", reason=str(refused))
        return {NO_STAMP: f"{refused}\n".encode()}
    return {STAMP: token, **({STAMP_CA: authority.certificates} if authority.certificates else {})}


def _stamp_said(stamped: Mapping[str, bytes], local: words.Clock) -> str:
    if NO_STAMP in stamped:
        return f"未取得可信时间戳：{stamped[NO_STAMP].decode().strip()}"
    if STAMP not in stamped:
        return "未接入可信时间戳。"
    answer = read_stamp(stamped[STAMP])
    return f"清单由 {answer.authority} 于 {local(answer.at)} 加盖可信时间戳（RFC 3161，timestamp.tsr）。"


def _paper(dossier: Dossier, digest: str, stamped: Mapping[str, bytes], local: words.Clock) -> bytes:
    listed = [[path, f"{len(content):,}", sha256(content)] for path, content in dossier.files.items()]
    return render(
        "evidence",
        {
            **dossier.report,
            "manifest_sha256": digest,
            "files": listed,
            "stamp_said": _stamp_said(stamped, local),
        },
    )


def gather(
    connection: Connection[Any], lead_id: int, *, made_by: str, zone: ZoneInfo, laws: LawTable, now: datetime
) -> Dossier:
    """Everything of the lead, and of those that were merged into it."""
    row = load_lead(connection, lead_id)
    if row is None:
        raise NoSuchLead(f"there is no lead {lead_id}")
    lead = lead_json(row)
    local = words.Clock(zone)
    merged = [one["id"] for one in read_rows(connection, MERGED, (lead_id,))]
    dossier = Dossier()
    put = dossier.files
    put["lead.json"] = canonical(lead)
    alerts = read_rows(connection, ALERTS, (lead_id,))
    dossier.alert_ids = [one["id"] for one in alerts if one["kind"] in KINDS]
    registers: dict[int, Registry] = {}
    told = [put_alert(connection, one, put, registers, local) for one in alerts]
    entries: list[dict[str, Any]] = []
    for one in [lead_id, *merged]:
        written = _journal(connection, one)
        put[f"{JOURNALS}{one}.json"] = canonical(written)
        entries += written if one == lead_id else []
    heads = _heads(connection, entries, zone)
    put[HEADS] = canonical(heads)
    fitting = [as_data(law) for law in laws.of(row["kind"])]
    put["laws.json"] = canonical({"as_of": laws.as_of.isoformat(), "note": laws.note, "laws": fitting})
    for name, query in (("transfers.json", TRANSFERS), ("worksheets.json", WORKSHEETS)):
        put[name] = canonical([plain_row(one) for one in read_rows(connection, query, ([lead_id, *merged],))])
    photos = _photos(connection, [lead_id, *merged], put)
    put["labels.json"] = canonical(labels())
    dossier.about = {
        "lead_id": lead_id, "made_at": plain(now), "made_by": made_by, "timezone": str(zone),
        "journal_heads": {str(entries[0]["lead_id"]): entries[-1]["hash"]} if entries else {},
    }  # fmt: skip
    dossier.report = {
        "title": f"线索 {lead_id} 证据材料",
        "made_at": f"{local(now)} 由 {made_by} 导出",
        "notice": NOTICE,
        "lead": words.lead_facts(lead, local),
        "alerts": told,
        "raw_said": "".join(one["raw_said"] for one in told) or "本线索没有关联告警。",
        "laws": [words.law(law) for law in fitting],
        "laws_note": laws.note,
        "photos": [[one["hash"][:20], local(one["taken_at"]), words.compared(one)] for one in photos],
        "journal": [words.entry(one, local) for one in entries],
        "heads_said": words.heads_said(entries, heads),
    }
    return dossier


def _journal(connection: Connection[Any], lead_id: int) -> list[dict[str, Any]]:
    return [
        write_entry(
            journal.Entry(**{name: value for name, value in one.items() if name != "hash"}), one["hash"]
        )
        for one in read_rows(connection, ENTRIES, (lead_id,))
    ]


def _heads(
    connection: Connection[Any], entries: Sequence[Mapping[str, Any]], zone: ZoneInfo
) -> list[dict[str, Any]]:
    if not entries:
        return []
    days = [
        datetime.fromisoformat(entry["at"]).astimezone(zone).date() for entry in (entries[0], entries[-1])
    ]
    return journal.heads(connection, days[0], days[-1], zone)


def _photos(connection: Connection[Any], lead_ids: list[int], put: dict[str, bytes]) -> list[dict[str, Any]]:
    found = read_rows(connection, PHOTOS, (lead_ids,))
    for one in found:
        put[f"photos/{one['hash']}.{one['content_type'].partition('/')[2]}"] = bytes(one.pop("content"))
    put["photos.json"] = canonical([plain_row(one) for one in found])
    return found
