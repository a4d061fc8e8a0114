"""Settings for people: what `tonearm config` prints, and the table of the reference."""

from __future__ import annotations

import re

import pytest
from tests.support.pages import ROOT

from tonearm.errors import SetupError
from tonearm.settings import ATTRIBUTES, FIELDS, RELOADABLE, effective, load, settings_table

SECRETS = {
    "INTERNAL_API_TOKEN": "hunter2",
    "QUEUE_WEBHOOK_SECRET": "hunter2",
    "REDIS_URL": "redis://user:hunter2@redis.example/0",
    "INTERNAL_API_URL": "http://user:hunter2@catalog.example?key=hunter2",
    "QUEUE_WEBHOOK_URLS": "https://a:hunter2@a.example,https://b.example?token=hunter2,https://c.example:8/hunter2/x",
    "QUEUE_NOTIFY_URLS": "tgram://hunter2/x,mailto://a:hunter2@b.example,HTTPS://c.example/hunter2",
}


def test_effective_values_come_with_source_and_unit_and_without_secrets() -> None:
    """Every setting is shown; what must not be seen is masked, in addresses too."""
    settings = load({**SECRETS, "QUEUE_LEASE_MS": "5000"})
    shown = {setting.name: setting for setting in effective(settings)}

    assert list(shown) == list(FIELDS)
    assert shown["QUEUE_LEASE_MS"][:4] == ("QUEUE_LEASE_MS", "5000", "flag", "ms")
    assert shown["QUEUE_RETENTION_DAYS_FAILED"].value == "7"
    assert shown["REDIS_URL"].value == "redis://user:***@redis.example/0"
    assert shown["QUEUE_WEBHOOK_URLS"].value == "https://a.example/***,https://b.example/***,https://c.example:8/***"
    assert shown["QUEUE_NOTIFY_URLS"].value == "tgram://***,mailto://***,HTTPS://c.example/***"
    assert "hunter2" not in str(list(shown.values()))
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REDIS_URL", "http://user:hunter2@x"),
        ("REDIS_URL", "user:hunter2@x"),
        ("INTERNAL_API_URL", "ftp://x?key=hunter2"),
        ("QUEUE_WEBHOOK_URLS", "https://a.example/x,ftp://b.example/hunter2"),
        ("QUEUE_NOTIFY_URLS", "tgram://x/y,hunter2"),
    ],
)
def test_a_wrong_value_that_may_hold_a_secret_is_not_repeated(name: str, value: str) -> None:
    """The error names the setting and keeps the password."""
    with pytest.raises(SetupError) as caught:
        load({name: value})

    assert name in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_wrong_address_without_secrets_is_repeated() -> None:
    """What was typed helps to see what is wrong with it."""
    with pytest.raises(SetupError, match="INTERNAL_API_URL=localhost:9000 "):
        load({"INTERNAL_API_URL": "localhost:9000"})


def test_the_reference_page_holds_the_table_of_the_code() -> None:
    """docs/reference/settings.md ends with `settings_table()`, word for word; paste it there after a change."""
    page = (ROOT / "docs/reference/settings.md").read_text("utf-8")

    assert page.endswith(settings_table())


def test_the_settings_that_change_at_run_time_are_marked_in_table_and_list() -> None:
    """By the declaration of each; what a process is built on needs a restart."""
    marked = {line.split("`")[1] for line in settings_table().splitlines() if "| yes |" in line}

    assert marked == RELOADABLE == {setting.name for setting in effective(load()) if setting.reload}
    assert {"LOG_LEVEL", "QUEUE_MAX_SIZE", "QUEUE_RETENTION_DAYS_FAILED", "QUEUE_FETCH_ALLOW"} <= RELOADABLE
    assert not {"PORT", "QUEUE_DATABASE", "DOWNLOAD_DIR", "REDIS_URL", "QUEUE_LEASE_MS"} & RELOADABLE


def test_every_setting_is_read_somewhere() -> None:
    """There is none without effect."""
    source = "".join(file.read_text("utf-8") for file in (ROOT / "src/tonearm").rglob("*.py"))
    read = {name for owner in ("settings", "self", "checked") for name in re.findall(rf"{owner}\.([a-z_]+)", source)}

    assert set(ATTRIBUTES.values()) <= read
