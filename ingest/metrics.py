"""What a collector counts, for Prometheus."""

from prometheus_client import Counter, Gauge, Histogram

from devices.reasons import Reason
from ingest.batch import Batch, Quarantined

READINGS = Counter("fleetfume_readings_total", "Readings, by what became of them", ["outcome"])
QUARANTINED = Counter(
    "fleetfume_quarantined_total", "Messages or readings that could not be read", ["reason", "device_id"]
)
DOUBTED = Counter("fleetfume_doubted_readings_total", "Readings stored that are not believed", ["quality"])
UNKNOWN_FIELDS = Counter(
    "fleetfume_unknown_fields_total", "Fields of readings that the contract does not name"
)
MESSAGES = Counter(
    "fleetfume_messages_total",
    "Messages on the channels that carry several types, by type; those that hold no readings too",
    ["channel", "message"],
)
DEFECTS = Counter(
    "fleetfume_defects_total",
    "What was wrong with frames that could be read all the same",
    ["channel", "defect"],
)
CONFLICTS = Counter("fleetfume_conflicts_total", "Batches judged again because another collector was first")
BATCH_SECONDS = Histogram(
    "fleetfume_batch_seconds",
    "From a batch taken to committed and acknowledged",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
LAG_SECONDS = Gauge("fleetfume_lag_seconds", "Age of the oldest live message when its batch was committed")
BACKLOG = Gauge(
    "fleetfume_backlog_messages", "Messages with stored readings that wait for a gap between live ones"
)
CLOCK_AHEAD_SECONDS = Gauge(
    "fleetfume_clock_ahead_seconds", "This machine's clock less the database's; negative: it is slow"
)
BROKER_CONNECTED = Gauge("fleetfume_broker_connected", "1 while the broker connection stands")


def count(
    batch: Batch, *, stored: int, repeated: int, contradicting: int, late: int, bad: dict[str, int]
) -> None:
    """Count a committed batch."""
    READINGS.labels("stored").inc(stored)
    READINGS.labels("repeated").inc(batch.repeated + repeated)
    READINGS.labels("contradicting").inc(batch.contradicting + contradicting)
    READINGS.labels("late").inc(late)
    UNKNOWN_FIELDS.inc(batch.unknown_fields)
    for (channel, message), n in batch.messages.items():
        MESSAGES.labels(channel, message).inc(n)
    for (channel, defect), n in batch.defects.items():
        DEFECTS.labels(channel, defect).inc(n)
    for quality, n in bad.items():
        DOUBTED.labels(quality).inc(n)
    for row in batch.quarantined:
        quarantined(row)


def quarantined(row: Quarantined) -> None:
    # What a stranger calls itself is no name to count under: there is no end to such names.
    known = row.reason not in (Reason.UNKNOWN_DEVICE, Reason.INTERNAL)
    QUARANTINED.labels(row.reason, row.device_id if known and row.device_id else "").inc(row.readings or 1)
