"""TLS to a real broker: whom we believe, whom it believes, and what doctor says of it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from pydantic import SecretStr

from ingest.broker.arrivals import Arrivals
from ingest.broker.receiver import Receiver
from ingest.conformance.captured import Captured
from ingest.conformance.listening import listen
from runtime.doctor import Finding, broker
from runtime.errors import SettingsError
from runtime.settings import Settings
from runtime.tls import broker_tls
from simulators.publisher import Broker, Publisher
from tests.ingest.test_receiver import FILTERS, taken
from tests.parts.certificates import Authority, Certificate
from tests.parts.mosquitto import Mosquitto
from tests.service.running import HANG_S, wait_until


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@contextmanager
def running(folder: Path, authority: Authority, server: Certificate, more: str = "") -> Iterator[str]:
    """A Mosquitto that speaks TLS alone; yields its address."""
    mosquitto = Mosquitto(folder)
    configuration = folder / "mosquitto.conf"
    text = f"cafile {authority.ca}\ncertfile {server.cert}\nkeyfile {server.key}\n{more}\n"
    configuration.write_text(configuration.read_text() + text)
    mosquitto.start()
    yield f"mqtts://127.0.0.1:{mosquitto.port}"
    mosquitto.stop()


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("secured"), authority, authority.sign("server")) as url:
        yield url


@pytest.fixture(scope="module")
def demanding(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[str]:
    """It wants a certificate of whoever connects."""
    folder = tmp_path_factory.mktemp("demanding")
    with running(folder, authority, authority.sign("demanding"), "require_certificate true") as url:
        yield url


def settings(**files: Path | None) -> Settings:
    return Settings(**files)  # type: ignore[arg-type]


def showing(authority: Authority, shown: Certificate) -> Settings:
    return settings(mqtt_ca_file=authority.ca, mqtt_cert_file=shown.cert, mqtt_key_file=shown.key)


def examined(url: str, settings: Settings) -> tuple[bool, str]:
    finding: Finding = broker(url, settings)
    return finding.well, finding.text


def heard(url: str, settings: Settings) -> list[bytes]:
    """What a collector with these settings hears of a reading published over the same TLS."""
    tls = broker_tls(settings, url)
    receiver = Receiver(url, FILTERS, client_id="secured", into=Arrivals(), tls=tls)
    receiver.start()
    device = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="V0")
    device.tls_set_context(tls)
    try:
        wait_until(lambda: receiver.connected)
        device.connect("127.0.0.1", int(url.rpartition(":")[2]))
        device.loop_start()
        device.publish("ff/v1/vehicle/V0/telemetry", b"1", qos=1).wait_for_publish(20)
        return [delivery.payload for delivery in taken(receiver, 1)]
    finally:
        receiver.stop()
        device.disconnect()
        device.loop_stop()


def test_a_broker_with_a_certificate_of_ones_own_ca_is_heard(secured: str, authority: Authority) -> None:
    believing = settings(mqtt_ca_file=authority.ca)

    assert heard(secured, believing) == [b"1"]
    well, text = examined(secured, believing)
    assert well
    assert "TLSv1." in text


def test_a_broker_that_wants_a_certificate_gets_ours(demanding: str, authority: Authority) -> None:
    ours = showing(authority, authority.sign("collector"))

    assert heard(demanding, ours) == [b"1"]
    assert examined(demanding, ours)[0]


# paho leaves it to the garbage collector to close a socket whose handshake failed.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)
def test_a_broker_nobody_vouches_for_is_not_connected_to(secured: str, tmp_path: Path) -> None:
    for unknown in (settings(), settings(mqtt_ca_file=Authority(tmp_path, "another").ca)):
        receiver = Receiver(
            secured, FILTERS, client_id="wary", into=Arrivals(), tls=broker_tls(unknown, secured)
        )
        receiver.start()
        with pytest.raises(AssertionError, match="not within"):
            wait_until(lambda: receiver.connected, seconds=1.5)  # noqa: B023 - waited for here
        receiver.stop()
        well, text = examined(secured, unknown)
        assert not well
        assert "FLEETFUME_MQTT_CA_FILE" in text


def test_doctor_says_what_is_wrong_with_a_brokers_certificate(tmp_path: Path, authority: Authority) -> None:
    believing = settings(mqtt_ca_file=authority.ca)
    cases = {
        "not for '127.0.0.1'": authority.sign("elsewhere", address="192.0.2.1"),
        "renew the broker's certificate": authority.sign("expired", days=-1),
    }
    for number, (said, server) in enumerate(cases.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        with running(folder, authority, server) as url:
            well, text = examined(url, believing)
            assert not well
            assert said in text


def test_doctor_says_what_is_wrong_with_ours(demanding: str, authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger").sign("collector")

    well, text = examined(demanding, settings(mqtt_ca_file=authority.ca))
    assert not well
    assert "asks for a certificate of ours: set FLEETFUME_MQTT_CERT_FILE" in text
    well, text = examined(demanding, showing(authority, stranger))
    assert not well
    assert "does not believe our certificate" in text


def test_doctor_says_that_a_port_speaks_no_tls(broker: Mosquitto, authority: Authority) -> None:
    well, text = examined(broker.url.replace("mqtt://", "mqtts://"), settings(mqtt_ca_file=authority.ca))

    assert not well
    assert "is this the broker's TLS port?" in text


def test_a_file_that_is_not_what_its_setting_wants_is_named(authority: Authority, tmp_path: Path) -> None:
    right, other, nonsense = authority.sign("right"), authority.sign("other"), tmp_path / "nonsense"
    nonsense.write_text("nonsense")
    missing = tmp_path / "missing"
    cases = {
        f"FLEETFUME_MQTT_CA_FILE: {missing} cannot be read": settings(mqtt_ca_file=missing),
        f"FLEETFUME_MQTT_CA_FILE: {nonsense} does not hold certificates": settings(mqtt_ca_file=nonsense),
        f"FLEETFUME_MQTT_CERT_FILE: {missing} cannot be read": showing(
            authority, Certificate(missing, right.key)
        ),
        f"FLEETFUME_MQTT_KEY_FILE: {missing} cannot be read": showing(
            authority, Certificate(right.cert, missing)
        ),
        f"FLEETFUME_MQTT_KEY_FILE: {other.key} does not hold": showing(
            authority, Certificate(right.cert, other.key)
        ),
        f"FLEETFUME_MQTT_KEY_FILE: {right.key} does not hold": showing(
            authority, Certificate(nonsense, right.key)
        ),
    }
    for said, wrong in cases.items():
        with pytest.raises(SettingsError, match=said):
            broker_tls(wrong, "mqtts://broker")
        assert broker_tls(wrong, "mqtt://broker") is None


def test_an_address_without_tls_asks_for_none() -> None:
    assert broker_tls(Settings(mqtt_url=SecretStr("mqtt://broker")), "mqtt://broker") is None


async def test_the_simulated_fleet_and_device_test_believe_the_same_authority(
    secured: str, authority: Authority
) -> None:
    tls = broker_tls(settings(mqtt_ca_file=authority.ca), secured)
    messages: list[Captured] = []
    begun = asyncio.Event()
    came = asyncio.Event()

    def take(message: Captured) -> None:
        messages.append(message)
        came.set()

    listening = asyncio.create_task(listen(secured, "ff/v1/+/V7/#", HANG_S, take, begun=begun.set, tls=tls))
    async with (
        Publisher.pooled(Broker.from_url(secured, tls=tls), "ff/v1") as publisher,
        asyncio.timeout(HANG_S),
    ):
        await begun.wait()
        publisher.offer("vehicle", "V7", [b"{}"])
        assert await publisher.below(1, HANG_S)
        await came.wait()
    listening.cancel()

    assert [message.payload for message in messages] == [b"{}"]
