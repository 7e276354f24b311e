"""Commands down to devices: those that are due, to be published once the caller's transaction is committed.

A crash between the two costs one attempt of several, so a command goes out at least once, always under the same id.
"""

from typing import Any, LiteralString

import msgspec
from psycopg import Connection

from devices.topics import device_topic
from ingest.batch import Answer

MOST_AT_ONCE = 100
ATTEMPTS = 3
AGAIN_AFTER_S = 60
"""A device that is away for a moment gets it; one that came back after an hour would act on what nobody waits for."""

TAKE: LiteralString = """
    UPDATE device_command AS command
       SET attempts = command.attempts + 1, sent_at = now(),
           next_at = CASE WHEN command.attempts + 1 < %(attempts)s THEN now() + make_interval(secs => %(after_s)s) END
      FROM (SELECT id, device.kind
              FROM device_command JOIN device USING (device_id)
             WHERE next_at <= now() AND device.status = 'active'
             ORDER BY id LIMIT %(most)s FOR UPDATE OF device_command SKIP LOCKED) AS due
     WHERE command.id = due.id
 RETURNING command.id, command.device_id, due.kind, command.body
"""


def take_commands(connection: Connection[Any], prefix: str) -> list[Answer]:
    """What to publish now, in the order it was asked for."""
    asked = {"attempts": ATTEMPTS, "after_s": AGAIN_AFTER_S, "most": MOST_AT_ONCE}
    rows = connection.execute(TAKE, asked).fetchall()
    return [
        Answer(device_topic(prefix, kind, device_id, "cmd"), msgspec.json.encode({"id": id_, **body}))
        for id_, device_id, kind, body in sorted(rows, key=lambda row: int(row[0]))
    ]
