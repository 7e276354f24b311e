"""Settings: what wins, and what is said of a wrong one."""

from pathlib import Path

import pytest

from runtime.errors import SettingsError
from runtime.settings import ENV_PREFIX, Settings, load_settings

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "operations.md"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(ENV_PREFIX + name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def test_the_file_beats_the_environment_and_a_flag_beats_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEETFUME_HTTP_PORT", "1")
    assert load_settings().http_port == 1

    Path("fleetfume.toml").write_text("http_port = 2\n")
    assert load_settings().http_port == 2
    assert load_settings(http_port=None).http_port == 2
    assert load_settings(http_port=3).http_port == 3


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEETFUME_DATABASE_URL", "")

    assert load_settings().database_url is None


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("HTTP_PORT", "eighty", "valid integer"),
        ("TIMEZONE", "Asia/Jinan", "IANA time zone"),
        ("MQTT_URL", "http://broker:1883", "must start with mqtt:// or mqtts://"),
        ("MQTT_URL", "mqtt://", "must name a host"),
        ("DATABASE_URL", "mysql://db/fleetfume", "must start with postgresql://"),
        ("DATABASE_URL", "postgresql://db:port/fleetfume", "must be a URL"),
        ("TOPIC_PREFIX", "ff/#", "without wildcards"),
        ("LANGUAGE", "fr", "'zh-CN' or 'en'"),
        ("RETENTION_DAYS", "0", "greater than or equal to 1"),
        ("BROKER_AUTH_SECRET", "short", "at least 16"),
    ],
)
def test_a_wrong_variable_is_named_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(f"FLEETFUME_{name}", value)

    with pytest.raises(SettingsError, match=rf"^FLEETFUME_{name}: .*{reason}"):
        load_settings()


def test_a_certificate_without_its_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEETFUME_MQTT_CERT_FILE", "collector.crt")

    with pytest.raises(
        SettingsError, match=r"^FLEETFUME_MQTT_CERT_FILE and FLEETFUME_MQTT_KEY_FILE: .* needs its key"
    ):
        load_settings()


def test_every_wrong_one_is_named_in_one_go_where_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEETFUME_TIMEZONE", "nowhere")
    Path("fleetfume.toml").write_text("batch_max_rows = 0\nhttpport = 80\n")

    with pytest.raises(SettingsError) as raised:
        load_settings(http_port=99999)

    said = str(raised.value)
    assert "FLEETFUME_TIMEZONE: " in said
    assert "fleetfume.toml: batch_max_rows: " in said
    assert "fleetfume.toml: httpport: there is no such setting" in said
    assert "--http-port: " in said


def test_a_file_that_is_no_toml_is_named() -> None:
    Path("fleetfume.toml").write_text("http_port: 80\n")

    with pytest.raises(SettingsError, match=r"fleetfume.toml: cannot be read"):
        load_settings()


def test_secrets_show_neither_in_the_settings_nor_in_what_is_said_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FLEETFUME_DATABASE_URL", "postgresql://user:hunter2@db/fleetfume")
    assert "hunter2" not in repr(load_settings())

    monkeypatch.setenv("FLEETFUME_DATABASE_URL", "postgres:user:hunter2@db")
    monkeypatch.setenv("FLEETFUME_MQTT_URL", "mqtt:/user:hunter2@broker")
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    assert f"`FLEETFUME_{name.upper()}`" in DOCUMENTATION.read_text(encoding="utf-8")
