"""Settings: from the environment alone, checked all at once, secrets from files where wanted."""

from pathlib import Path

import pytest

from core.errors import SettingsError
from core.settings import SECRET_NAMES, Settings, load_settings

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
GOOD = {
    "CLIO_CLIENT_ID": "id",
    "CLIO_CLIENT_SECRET": "secret-of-clio",
    "JWT_SECRET": "x" * 32,
    "ENCRYPTION_KEYS": f"k1:{KEY}",
}


def test_good_settings_load_with_their_defaults() -> None:
    settings = load_settings(GOOD)
    assert (settings.port, settings.clio_api_version, settings.database_url) == (8000, "4.0.13", None)


def test_everything_wrong_is_listed_at_once_without_a_value() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({**GOOD, "PORT": "99999", "JWT_SECRET": "short-secret", "ENCRYPTION_KEYS": "k1:nonsense"})
    message = str(caught.value)
    assert "3 setting(s) need attention" in message
    assert all(name in message for name in ("PORT", "JWT_SECRET", "ENCRYPTION_KEYS"))
    assert "short-secret" not in message
    assert "nonsense" not in message


def test_missing_settings_are_named_with_what_they_are_for() -> None:
    with pytest.raises(SettingsError, match="CLIO_CLIENT_ID is not set: The application's key"):
        load_settings({})


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_secret_may_come_from_a_file(tmp_path: Path, name: str) -> None:
    value = {**GOOD, "DATABASE_URL": "postgresql://u:p@h/d", "REDIS_URL": "redis://h"}[name]
    file = tmp_path / "secret"
    file.write_text(value + "\n", encoding="utf-8")
    environment = {key: text for key, text in GOOD.items() if key != name}
    settings = load_settings({**environment, f"{name}_FILE": str(file)})
    assert getattr(settings, name.lower()).get_secret_value() == value


def test_a_secret_given_twice_or_in_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="JWT_SECRET and JWT_SECRET_FILE are both set"):
        load_settings({**GOOD, "JWT_SECRET_FILE": str(tmp_path)})
    with pytest.raises(SettingsError, match="REDIS_URL_FILE cannot be read: No such file"):
        load_settings({**GOOD, "REDIS_URL_FILE": str(tmp_path / "nowhere")})


def test_the_process_environment_is_what_counts_unless_another_is_given(clean_environment: pytest.MonkeyPatch) -> None:
    for name, value in {**GOOD, "PORT": "8123"}.items():
        clean_environment.setenv(name, value)
    assert load_settings().port == 8123


def test_a_secret_does_not_show_in_the_representation() -> None:
    assert "secret-of-clio" not in repr(load_settings(GOOD))


def test_every_setting_is_documented() -> None:
    documented = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
    missing = [name for name in Settings.model_fields if f"`{name.upper()}`" not in documented]
    assert missing == []


def test_allowed_origins_are_a_list_and_none_unless_named() -> None:
    assert load_settings(GOOD).graphql_allowed_origins == ()
    several = load_settings({**GOOD, "GRAPHQL_ALLOWED_ORIGINS": "https://App.example.com, http://[::1]:3000,"})
    assert several.graphql_allowed_origins == ("https://app.example.com", "http://[::1]:3000")
    for wrong in ("*", "app.example.com", "https://app.example.com/", "https://*.example.com", "null", "ftp://a"):
        with pytest.raises(SettingsError, match="GRAPHQL_ALLOWED_ORIGINS must be origins"):
            load_settings({**GOOD, "GRAPHQL_ALLOWED_ORIGINS": wrong})
