"""A case file as one ZIP that anyone can check offline: what belongs into it, how it is sealed, and what a check finds.

    manifest.json   every file but the next ones, in order: path, bytes, SHA-256
    timestamp.tsr   a time stamp authority's answer (RFC 3161) over the manifest's bytes, where there is one;
                    timestamp_ca.pem: its certificates; timestamp_missing.txt: why it did not answer
    report.pdf      for people; names the manifest's SHA-256
    seal.json       the SHA-256 of these

Files are stored uncompressed with one fixed date, so that the same files always make the same archive: a check builds
it again and compares every byte. JSON is canonical (sorted keys, no spaces, UTF-8), for the same reason.
"""

import base64
import io
import json
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alerts.canonical import canonical, sha256
from alerts.journal import Entry, day_head, first_broken
from alerts.timestamps import NotStamped, Stamp, check

MANIFEST, REPORT, SEAL = "manifest.json", "report.pdf", "seal.json"
STAMP, STAMP_CA, NO_STAMP = "timestamp.tsr", "timestamp_ca.pem", "timestamp_missing.txt"
SEALED = {
    MANIFEST: "manifest_sha256",
    REPORT: "report_sha256",
    STAMP: "timestamp_sha256",
    STAMP_CA: "timestamp_ca_sha256",
    NO_STAMP: "timestamp_missing_sha256",
}
"""What is made after the manifest, and under which name its SHA-256 stands in the seal."""
JOURNALS = "journal/"
HEADS = "journal_heads.json"
FORMAT = "fleetfume evidence 1"
_DATE = (2000, 1, 1, 0, 0, 0)
_DAMAGE = (
    zipfile.BadZipFile, ValueError, KeyError, NotImplementedError, struct.error, EOFError, RuntimeError, OverflowError,
    OSError, MemoryError,
)  # fmt: skip
"""What reading a damaged archive raises."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The first thing that does not hold: a file of the archive, or an entry of a journal."""

    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"


def seal(
    files: Mapping[str, bytes],
    about: Mapping[str, Any],
    report: Callable[[str, Mapping[str, bytes]], bytes],
    stamp: Callable[[bytes], Mapping[str, bytes]] = lambda _: {},
) -> tuple[bytes, str]:
    """The archive of `files` (in their order), and the SHA-256 of its manifest.

    `about` goes into the manifest; `stamp` makes the files of its time stamp; `report` the PDF, given the manifest's
    SHA-256 and those files.
    """
    manifest = canonical(
        {
            **about,
            "format": FORMAT,
            "files": [
                {"path": path, "bytes": len(content), "sha256": sha256(content)} for path, content in files.items()
            ],
        }
    )  # fmt: skip
    digest = sha256(manifest)
    stamped = stamp(manifest)
    made = {MANIFEST: manifest, **stamped, REPORT: report(digest, stamped)}
    return _archive({**files, **made, SEAL: _seal_of(made)}), digest


def _seal_of(files: Mapping[str, bytes]) -> bytes:
    return canonical({key: sha256(files[name]) for name, key in SEALED.items() if name in files})


def _archive(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path, _DATE)
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return out.getvalue()


class _Damaged(Exception):
    """The archive, or a file in it, cannot be read."""

    def __init__(self, what: str, why: object) -> None:
        self.finding = Finding(what, f"cannot be read: {why}")


def verify(content: bytes, authority: bytes = b"") -> Finding | None:
    """The first thing in the archive that was changed, or None. Needs nothing but the archive.

    `authority`: certificates (PEM) to hold its time stamps against; empty: those it carries.
    """
    try:
        files = _opened(content)
    except _Damaged as damaged:
        return damaged.finding
    return (
        _sealed(files)
        or _listed(files)
        or _journals(files)
        or _stamped(files, authority)
        or _rebuilt(content, files)
    )


def time_stamps(content: bytes, authority: bytes = b"") -> list[tuple[str, Stamp]]:
    """The time stamps of an archive that holds, each with the file or day it is over."""
    files = _opened(content)
    return [(what, check(token, said, authority or _carried(files))) for what, token, said in _tokens(files)]


def _opened(content: bytes) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                try:
                    files[name] = archive.read(name)
                except _DAMAGE as damage:
                    raise _Damaged(name, damage) from None
    except _DAMAGE as damage:
        raise _Damaged("the archive", damage) from None
    return files


def _sealed(files: Mapping[str, bytes]) -> Finding | None:
    for name in (SEAL, MANIFEST, REPORT):
        if name not in files:
            return Finding(name, "is missing")
    if files[SEAL] == _seal_of(files):
        return None
    said = _json(files[SEAL])
    if isinstance(said, dict):
        for name, key in SEALED.items():
            if key in said and name not in files:
                return Finding(name, "is in the seal and missing")
            if name in files and said.get(key) != sha256(files[name]):
                return Finding(name, "is not the one that was sealed (seal.json)")
    return Finding(SEAL, "was changed")


def _stamped(files: Mapping[str, bytes], authority: bytes) -> Finding | None:
    at = HEADS
    try:
        for what, token, said in _tokens(files):
            at = what
            check(token, said, authority or _carried(files))
    except (NotStamped, ValueError) as wrong:
        return Finding(at, f"its time stamp does not hold: {wrong}")
    return None


def _tokens(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes, bytes]]:
    """What is stamped, its token, and the bytes that was made over."""
    if STAMP in files:
        yield STAMP, files[STAMP], files[MANIFEST]
    for day in _json(files[HEADS]) if HEADS in files else []:
        if day.get("timestamp_base64"):
            yield f"{HEADS} {day['day']}", base64.b64decode(day["timestamp_base64"]), day["head"].encode()


def _carried(files: Mapping[str, bytes]) -> bytes:
    return files.get(STAMP_CA, b"")


def _listed(files: Mapping[str, bytes]) -> Finding | None:
    manifest = _json(files[MANIFEST])
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        return Finding(MANIFEST, f"is not a {FORMAT!r}")
    listed = {one["path"]: one for one in manifest["files"]}
    for path, one in listed.items():
        if path not in files:
            return Finding(path, "is in the manifest and missing")
        if len(files[path]) != one["bytes"] or sha256(files[path]) != one["sha256"]:
            return Finding(path, "was changed: its SHA-256 is not the manifest's")
    for path in files:
        if path not in listed and path not in {*SEALED, SEAL}:
            return Finding(path, "was added: it is not in the manifest")
    order = [
        *listed,
        *(name for name in (MANIFEST, STAMP, STAMP_CA, NO_STAMP, REPORT, SEAL) if name in files),
    ]
    moved = next((path for path, place in zip(files, order, strict=False) if path != place), None)
    return None if moved is None else Finding(moved, "stands in another place than it was put in")


def _journals(files: Mapping[str, bytes]) -> Finding | None:
    for path in files:
        if path.startswith(JOURNALS):
            entries = [read_entry(one) for one in _json(files[path])]
            if (seq := first_broken(entries)) is not None:
                return Finding(f"{path} entry {seq}", "does not follow from the one before, or was changed")
    days = _json(files[HEADS]) if HEADS in files else []
    prev_head = None
    for day in days:
        if prev_head is not None and day["prev_head"] != prev_head:
            return Finding(f"{HEADS} {day['day']}", "does not follow from the day before")
        if day_head(day["day"], day["prev_head"], day["hashes"]) != day["head"]:
            return Finding(f"{HEADS} {day['day']}", "its head is not that of its entries")
        prev_head = day["head"]
    closed = {digest for day in days for digest in day["hashes"]}
    ends = [datetime.fromisoformat(said) for said in (days[0]["since"], days[-1]["until"])] if days else []
    for path in files:
        if path.startswith(JOURNALS):
            for entry, carried in (read_entry(one) for one in _json(files[path])):
                if ends and ends[0] <= entry.at < ends[1] and carried not in closed:
                    return Finding(f"{path} entry {entry.seq}", "is not in the head of its day")
    return None


def _rebuilt(content: bytes, files: Mapping[str, bytes]) -> Finding | None:
    """Nothing between the files, and nothing about them, was changed either."""
    again = _archive(files)
    if again == content:
        return None
    where = next((n for n, (a, b) in enumerate(zip(again, content, strict=False)) if a != b), len(again))
    return Finding("the archive", f"byte {where:,} is not as it was written")


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def write_entry(entry: Entry, carried: str) -> dict[str, Any]:
    """An entry of a journal as data; `read_entry` reads it."""
    return {
        "lead_id": entry.lead_id, "seq": entry.seq, "at": entry.said_at, "actor": entry.actor, "action": entry.action,
        "detail": entry.detail, "prev_hash": entry.prev_hash, "hash": carried,
    }  # fmt: skip


def read_entry(said: Mapping[str, Any]) -> tuple[Entry, str]:
    entry = Entry(
        lead_id=said["lead_id"], seq=said["seq"], at=datetime.fromisoformat(said["at"]), actor=said["actor"],
        action=said["action"], detail=said["detail"], prev_hash=said["prev_hash"],
    )  # fmt: skip
    return entry, said["hash"]
