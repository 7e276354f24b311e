"""Device secrets, and the two files by which a Mosquitto knows the devices and what each may do.

A secret is shown once, when it is made; what is kept is Mosquitto's own hash of it.
"""

import base64
import contextlib
import hashlib
import hmac
import os
import secrets
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, LiteralString

from psycopg import Connection

from devices.access import SERVICE_USER, device_grants, service_grants
from runtime.errors import UserError

PASSWORD_FILE: Final = "fleetfume.passwd"  # noqa: S105  # a file's name
ACCESS_FILE: Final = "fleetfume.acl"

_SECRET_BYTES = 24
_SALT_BYTES = 12
# mosquitto_passwd's own. Stretching protects guessable passwords; 192 random bits need none, and a broker
# that restarts has the whole fleet to check at once.
_ITERATIONS = 101

ACTIVE_DEVICES: LiteralString = "SELECT device_id FROM device WHERE status = 'active' ORDER BY device_id"
KEEP_HASHES: LiteralString = """
    INSERT INTO device_credential (device_id, secret_hash)
    SELECT * FROM unnest(%(device_ids)s::text[], %(hashes)s::text[])
        ON CONFLICT (device_id) DO UPDATE SET secret_hash = excluded.secret_hash, issued_at = now()
"""
ACTIVE_HASH: LiteralString = """
    SELECT secret_hash
      FROM device_credential JOIN device USING (device_id)
     WHERE status = 'active' AND device_id = %s
"""
ACTIVE_HASHES: LiteralString = """
    SELECT device_id, secret_hash
      FROM device_credential JOIN device USING (device_id)
     WHERE status = 'active'
     ORDER BY device_id
"""


def new_secret() -> str:
    return secrets.token_urlsafe(_SECRET_BYTES)


def secret_hash(secret: str, salt: bytes | None = None) -> str:
    """The hash as `mosquitto_passwd` writes it: PBKDF2-SHA512, `$7$iterations$salt$hash`."""
    salt = salt or secrets.token_bytes(_SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, _ITERATIONS)
    return f"$7${_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


_NOBODY: Final = secret_hash(new_secret())


def is_secret(secret: str, hashed: str) -> bool:
    """Whether `hashed` is the hash of `secret`; takes as long for a wrong one as for the right one."""
    _, _, _, salt, _ = hashed.split("$")
    return hmac.compare_digest(secret_hash(secret, base64.b64decode(salt)), hashed)


def is_device_secret(connection: Connection[Any], device_id: str, secret: str) -> bool:
    """Whether this is the secret of this active device; a device nobody knows takes as long to refuse."""
    row = connection.execute(ACTIVE_HASH, (device_id,)).fetchone()
    return is_secret(secret, row[0] if row else _NOBODY) and row is not None


def active_devices(connection: Connection[Any]) -> list[str]:
    return [row[0] for row in connection.execute(ACTIVE_DEVICES)]


def issue_secrets(connection: Connection[Any], device_ids: Iterable[str]) -> dict[str, str]:
    """Make a new secret for each device, keep its hash, and return the secrets by device id.

    The old secret ends with the next file written from `active_hashes`. Raises UserError naming the ids
    that are no active device; then nothing is issued.
    """
    wanted = list(dict.fromkeys(device_ids))
    active = set(active_devices(connection))
    if unknown := [device_id for device_id in wanted if device_id not in active]:
        raise UserError(f"the register has no active device {', '.join(unknown)}; nothing was issued")
    if SERVICE_USER in wanted:
        raise UserError(f"{SERVICE_USER!r} is the collector's user name; a device needs another id")
    made = {device_id: new_secret() for device_id in wanted}
    hashes = [secret_hash(secret) for secret in made.values()]
    connection.execute(KEEP_HASHES, {"device_ids": list(made), "hashes": hashes})
    return made


def active_hashes(connection: Connection[Any]) -> dict[str, str]:
    """Hash by device id, of the active devices that have a secret."""
    return dict(connection.execute(ACTIVE_HASHES).fetchall())


def access_rules(prefix: str) -> str:
    """Mosquitto's ACL: a device writes below its id and reads its `cmd`; the collector the reverse."""
    lines = [f"# The collector: hears every device, commands each.\nuser {SERVICE_USER}"]
    lines += [f"topic {grant.access} {grant.topic}" for grant in service_grants(prefix)]
    lines.append("\n# Every device: %u is its user name, which is its id.")
    lines += [f"pattern {grant.access} {grant.topic}" for grant in device_grants(prefix)]
    return "\n".join(lines) + "\n"


def write_mosquitto_files(
    directory: Path, hashes: Mapping[str, str], prefix: str, *, renew_service: bool = False
) -> str | None:
    """Write both files; return the collector's secret if it was made now.

    It is made when the directory has none yet, or to renew it; its hash lives in the password file alone.
    """
    directory.mkdir(parents=True, exist_ok=True)
    service = None if renew_service else _service_hash(directory / PASSWORD_FILE)
    made = None if service else new_secret()
    if made:
        service = secret_hash(made)
    lines = [f"{SERVICE_USER}:{service}", *(f"{device_id}:{hashed}" for device_id, hashed in hashes.items())]
    _replace_file(directory / PASSWORD_FILE, "\n".join(lines) + "\n")
    _replace_file(directory / ACCESS_FILE, access_rules(prefix))
    return made


def _service_hash(path: Path) -> str | None:
    with contextlib.suppress(FileNotFoundError):
        for line in path.read_text(encoding="utf-8").splitlines():
            name, _, hashed = line.partition(":")
            if name == SERVICE_USER:
                return hashed
    return None


def _replace_file(path: Path, text: str) -> None:
    """Whole or not at all, readable by owner and group; the group stays what an earlier file's was."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        with contextlib.suppress(FileNotFoundError, PermissionError):
            earlier = path.stat()
            os.fchown(descriptor, earlier.st_uid, earlier.st_gid)
        os.fchmod(descriptor, 0o640)
    Path(temporary).replace(path)
