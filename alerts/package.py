"""A case file as one ZIP that anyone can check offline: what belongs into it, how it is sealed, and what a check finds.

    manifest.json   every file but the next two, in order: path, bytes, SHA-256
    report.pdf      for people; names the manifest's SHA-256
    seal.json       the SHA-256 of both

Files are stored uncompressed with one fixed date, so that the same files always make the same archive: a check builds
it again and compares every byte. JSON is canonical (sorted keys, no spaces, UTF-8), for the same reason.
"""

import hashlib
import io
import json
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alerts.journal import Entry, day_head, first_broken

MANIFEST, REPORT, SEAL = "manifest.json", "report.pdf", "seal.json"
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


def canonical(value: Any) -> bytes:
    said = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return said.encode()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def seal(
    files: Mapping[str, bytes], about: Mapping[str, Any], report: Callable[[str], bytes]
) -> tuple[bytes, str]:
    """The archive of `files` (in their order), and the SHA-256 of its manifest.

    `about` goes into the manifest; `report` makes the PDF, given the manifest's SHA-256.
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
    paper = report(digest)
    sealed = canonical({"manifest_sha256": digest, "report_sha256": sha256(paper)})
    return _archive({**files, MANIFEST: manifest, REPORT: paper, SEAL: sealed}), digest


def _archive(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path, _DATE)
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return out.getvalue()


def verify(content: bytes) -> Finding | None:
    """The first thing in the archive that was changed, or None. Needs nothing but the archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            files: dict[str, bytes] = {}
            for name in names:
                try:
                    files[name] = archive.read(name)
                except _DAMAGE as damage:
                    return Finding(name, f"cannot be read: {damage}")
    except _DAMAGE as damage:
        return Finding("the archive", f"cannot be read: {damage}")
    return _sealed(files) or _listed(files) or _journals(files) or _rebuilt(content, files)


def _sealed(files: Mapping[str, bytes]) -> Finding | None:
    for name in (SEAL, MANIFEST, REPORT):
        if name not in files:
            return Finding(name, "is missing")
    expected = canonical({"manifest_sha256": sha256(files[MANIFEST]), "report_sha256": sha256(files[REPORT])})
    if files[SEAL] == expected:
        return None
    said = _json(files[SEAL])
    if isinstance(said, dict):
        for key, name in (("manifest_sha256", MANIFEST), ("report_sha256", REPORT)):
            if said.get(key) != sha256(files[name]):
                return Finding(name, "is not the one that was sealed (seal.json)")
    return Finding(SEAL, "was changed")


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
        if path not in listed and path not in {MANIFEST, REPORT, SEAL}:
            return Finding(path, "was added: it is not in the manifest")
    return None


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
