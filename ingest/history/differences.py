"""What reevaluating has found, as rows of JSON and as lines."""

from collections.abc import Iterator, Mapping
from typing import Any

from alerts.episodes import Episode
from alerts.presentation import plain
from ingest.history.reevaluation import Compared
from runtime.instants import instant


def difference_rows(device_id: str, compared: Compared) -> Iterator[dict[str, Any]]:
    """Differences of one device as JSON."""
    for episode in compared.difference.raised:
        yield {"change": "appears", "device_id": device_id, **_said(episode)}
    for alert_id in compared.difference.withdrawn:
        yield {
            "change": "vanishes",
            "device_id": device_id,
            "alert": alert_id,
            **_said(compared.stored[alert_id]),
        }
    for alert_id in compared.kept:
        yield {
            "change": "kept",
            "device_id": device_id,
            "alert": alert_id,
            **_said(compared.stored[alert_id]),
        }
    for amendment in compared.difference.amended:
        before, after = _said(amendment.before), _said(amendment.after)
        changed = {name: [before[name], after[name]] for name in after if before[name] != after[name]}
        yield {
            "change": "changes",
            "device_id": device_id,
            "alert": amendment.alert_id,
            **after,
            "changed": changed,
        }


def _said(episode: Episode) -> dict[str, Any]:
    return {
        "kind": episode.kind,
        "severity": episode.severity,
        "score": round(episode.score, 6),
        "started_at": plain(instant(episode.started)),
        "opened_at": plain(instant(episode.opened)),
        "cleared_at": None if episode.cleared is None else plain(instant(episode.cleared)),
        "permit_id": episode.permit_id,
        "values": episode.values,
    }


def trips_text(trips: Mapping[str, int]) -> str:
    return f"trips: {trips['appear']} appear, {trips['vanish']} vanish, {trips['change']} change; applied"


_SIGNS = {"appears": "+", "vanishes": "-", "changes": "~", "kept": "="}


def difference_text(rows: list[dict[str, Any]], same: int, *, applied: bool) -> str:
    lines = [
        f"{_SIGNS[row['change']]} {row['kind']:18} {row['device_id']:12} {row['opened_at']}  {row['severity']:8} "
        f"{row['score']:.2f}"
        + (f"  alert {row['alert']}" if "alert" in row else "")
        + (f"  {', '.join(row['changed'])}" if "changed" in row else "")
        + ("  stays: an officer has decided on it" if row["change"] == "kept" else "")
        for row in sorted(rows, key=lambda row: (row["opened_at"], row["device_id"]))
    ]
    count = {change: sum(row["change"] == change for row in rows) for change in _SIGNS}
    lines.append(
        f"{same} as they are, {count['appears']} appear (+), {count['vanishes']} vanish (-), {count['changes']} change (~)"
        + (f", {count['kept']} stay by an officer's word (=)" if count["kept"] else "")
        + ("; applied" if applied else "; nothing was changed: --apply does it" if rows else "")
    )
    return "\n".join(lines)
