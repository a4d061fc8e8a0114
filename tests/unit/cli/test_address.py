"""The default server: what the settings say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tonearm.cli.address import DEFAULT, default_server
from tonearm.errors import SetupError
from tonearm.settings import Settings


def test_the_default_is_what_a_server_without_settings_listens_on() -> None:
    """The shortcut and the settings agree."""
    defaults = Settings()

    assert default_server() == DEFAULT == f"http://{defaults.host}:{defaults.port}{defaults.base_path}"


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({"PORT": "9000"}, "http://127.0.0.1:9000"),
        ({"HOST": "0.0.0.0"}, "http://127.0.0.1:8080"),
        ({"HOST": "::"}, "http://[::1]:8080"),
        ({"HOST": "music.local", "BASE_PATH": "/queue/"}, "http://music.local:8080/queue"),
        ({"TLS_CERT": "/etc/cert.pem", "HOST": "music.local"}, "https://music.local:8080"),
    ],
)
def test_the_settings_say_where_the_server_is(
    settings: dict[str, str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Host, port, path and scheme; an address that means all of them is reached at the loopback."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    assert default_server() == url


def test_the_files_of_settings_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A `.env` in the folder is read, and so is a `tonearm.toml`."""
    Path(".env").write_text("PORT=9001\n", encoding="utf-8")
    assert default_server() == "http://127.0.0.1:9001"

    Path(".env").unlink()
    Path("tonearm.toml").write_text("PORT = 9002\n", encoding="utf-8")
    monkeypatch.setenv("TONEARM_CONFIG", "")
    assert default_server() == "http://127.0.0.1:9002"


@pytest.mark.parametrize(("name", "value"), [("PORT", "0"), ("UNIX_SOCKET", "/run/tonearm.sock"), ("PORT", "x")])
def test_where_the_settings_do_not_say_it_the_error_does(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is guessed."""
    monkeypatch.setenv(name, value)

    with pytest.raises(SetupError, match=name):
        default_server()
