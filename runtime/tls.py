"""TLS to the broker: whose certificates are believed, and what is shown in return."""

import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from runtime.errors import SettingsError
from runtime.settings import ENV_PREFIX, Settings


def broker_tls(settings: Settings, url: str) -> ssl.SSLContext | None:
    """For a broker at `url`; None for mqtt://. Raises SettingsError that names the setting whose file is wrong."""
    if urlsplit(url).scheme != "mqtts":
        return None
    context = ssl.create_default_context()
    if settings.mqtt_ca_file is not None:
        # One's own alone: who can have any public CA sign a certificate cannot stand in for the broker.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        with _named("mqtt_ca_file", settings.mqtt_ca_file, "certificates in PEM"):
            context.load_verify_locations(settings.mqtt_ca_file)
    if settings.mqtt_cert_file is not None and settings.mqtt_key_file is not None:
        with _named("mqtt_cert_file", settings.mqtt_cert_file, "a certificate in PEM"):
            _readable(settings.mqtt_cert_file)
        with _named(
            "mqtt_key_file", settings.mqtt_key_file, f"the unencrypted key of {settings.mqtt_cert_file}"
        ):
            _readable(settings.mqtt_key_file)
            context.load_cert_chain(settings.mqtt_cert_file, settings.mqtt_key_file, password="")
    return context


def _readable(path: Path) -> None:
    with path.open("rb"):
        pass


@contextlib.contextmanager
def _named(setting: str, path: Path, wanted: str) -> Iterator[None]:
    """What goes wrong with the file of a setting, said of that setting."""
    said = f"{ENV_PREFIX}{setting.upper()}: {path}"
    try:
        yield
    except ssl.SSLError as error:
        raise SettingsError(f"{said} does not hold {wanted} ({error.reason or error})") from None
    except OSError as error:
        raise SettingsError(f"{said} cannot be read: {error.strerror}") from None
