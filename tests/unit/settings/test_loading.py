"""Where settings come from, which of them wins, and how everything that is wrong is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tonearm.errors import SetupError
from tonearm.model import Quality
from tonearm.settings import FIELDS, Settings, load, load_again

EnvFile = Callable[[str], Path]


@pytest.fixture
def env_file(tmp_path: Path) -> EnvFile:
    """Writes a `.env` file."""

    def write(text: str) -> Path:
        path = tmp_path / ".env"
        path.write_text(text, "utf-8")
        return path

    return write


def problems(flags: dict[str, str], env_file: Path = Path("no such file")) -> list[str]:
    """What is told about wrong settings, one line each."""
    with pytest.raises(SetupError) as caught:
        load(flags, env_file)
    return str(caught.value).splitlines()[1:]


def test_defaults_are_those_of_the_documents() -> None:
    """Without any source, every setting has its documented default."""
    settings = load()

    assert settings.differences(Settings()) == ()
    assert (settings.job_timeout_ms, settings.processing_timeout_ms, settings.max_retries) == (30_000, 300_000, 3)
    assert (settings.host, settings.port, settings.max_concurrent) == ("127.0.0.1", 8080, 4)


def test_a_flag_wins_over_the_environment_and_that_over_the_file(
    env_file: EnvFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Defaults < .env < environment < flags, and each value knows where it comes from."""
    file = env_file("PORT=1001\nHOST=::1\nQUEUE_MAX_SIZE=7\n")
    monkeypatch.setenv("PORT", "1002")
    monkeypatch.setenv("HOST", "0.0.0.0")
    settings = load({"PORT": "1003"}, file)

    assert (settings.port, settings.host, settings.max_size) == (1003, "0.0.0.0", 7)
    sources = [settings.source(name) for name in ("PORT", "HOST", "QUEUE_MAX_SIZE", "QUEUE_LEASE_MS")]
    assert sources == ["flag", "environment", ".env", "default"]


@pytest.mark.parametrize("text", ["\udcff", "http://\udcff", "http://a b/", "http://a\nb/"])
@pytest.mark.parametrize("name", ["INTERNAL_API_URL", "QUEUE_WEBHOOK_URLS", "QUEUE_NOTIFY_URLS", "LOG_LEVEL"])
def test_what_no_address_and_no_level_has_is_refused_by_name(name: str, text: str) -> None:
    """Bytes of another encoding, spaces and line ends among it (the former ended in a traceback)."""
    (problem,) = problems({name: text})

    assert problem.lstrip().startswith(f"{name}=")
    assert "must be" in problem


@pytest.mark.parametrize("name", ["INTERNAL_API_TOKEN", "QUEUE_WEBHOOK_SECRET"])
def test_a_secret_in_another_encoding_is_refused_by_name(name: str) -> None:
    """It could be neither sent nor masked (it ended in a traceback)."""
    assert problems({name: "s\udce9same"}) == [f"  {name}=*** (flag): must be a text in UTF-8"]


def test_a_home_that_nobody_knows_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """`~somebody` without such a user names its setting; so does a default that needs a home where there is none."""
    assert problems({"DOWNLOAD_DIR": "~nosuch-user/music"}) == [
        "  DOWNLOAD_DIR=~nosuch-user/music (flag): must be a path; ~nosuch-user has no home folder here"
    ]
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr("os.getuid", lambda: 54_321)
    with pytest.raises(SetupError, match="QUEUE_DATABASE must be set"):
        load()
    assert load({"QUEUE_DATABASE": "/srv/queue.db"}).database == Path("/srv/queue.db")


def test_an_empty_value_counts_as_not_set(env_file: EnvFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """`PORT=` in a compose file means the default."""
    monkeypatch.setenv("PORT", "")

    assert load(env_file=env_file("QUEUE_LEASE_MS=\n")).differences(Settings()) == ()


def test_the_stage_lies_in_the_library_unless_told_otherwise(tmp_path: Path) -> None:
    """QUEUE_STAGE_DIR follows DOWNLOAD_DIR."""
    settings = load({"DOWNLOAD_DIR": str(tmp_path)})

    assert settings.stage_dir == tmp_path / ".tonearm"
    assert load({"QUEUE_STAGE_DIR": "/x"}).stage_dir == Path("/x")


def test_paths_are_made_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A relative path and `~` mean the same after a change of folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/someone")

    assert load().download_dir == tmp_path / "music"
    assert load({"QUEUE_DATABASE": "~/queue.db"}).database == Path("/home/someone/queue.db")


@pytest.mark.parametrize("source", [".env", "environment", "flag"])
def test_an_unknown_name_of_ours_is_an_error_that_suggests_the_right_one(
    source: str, env_file: EnvFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slip in a name is never silently ignored."""
    name = "QUEUE_MAX_RETRY"
    if source == "environment":
        monkeypatch.setenv(name, "1")
    file = env_file(f"{name}=1\n" if source == ".env" else "")

    told = problems({name: "1"} if source == "flag" else {}, file)
    assert told == [f"  {name} ({source}): unknown name; did you mean QUEUE_MAX_RETRIES?"]


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("QUEUE_FOO", ""),
        ("QUEUE_SPEED", ""),
        ("QUEUE_PORT", "; did you mean PORT?"),
        ("QUEUE_MAX_CONCURENT", "; did you mean QUEUE_MAX_CONCURRENT?"),
    ],
)
def test_only_a_name_that_is_really_close_is_suggested(name: str, advice: str) -> None:
    """The prefix that all share makes no two names alike."""
    assert problems({name: "1"}) == [f"  {name} (flag): unknown name{advice}"]


def test_names_of_other_programs_are_left_alone(env_file: EnvFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment and .env belong to others too."""
    monkeypatch.setenv("DATABASE_URL", "x")

    assert load(env_file=env_file("SOMETHING_ELSE=1\n")).differences(Settings()) == ()


def test_everything_that_is_wrong_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each problem has its own line with name, value, source and what is allowed."""
    monkeypatch.setenv("QUEUE_MAX_RETRIES", "21")
    monkeypatch.setenv("QUEUE_DISK_FULL", "panic")

    assert problems({"PORT": "http"}) == [
        "  QUEUE_MAX_RETRIES=21 (environment): must be a whole number from 0 to 20",
        "  QUEUE_DISK_FULL=panic (environment): must be fail or hold",
        "  PORT=http (flag): must be a whole number from 0 to 65535 (0 = any free port)",
    ]


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("QUEUE_JOB_TIMEOUT_MS", ["100", "86400000"], ["99", "0", "-1", "1.5", "ten", "1e5"]),
        ("QUEUE_LEASE_MS", ["100"], ["99"]),
        ("QUEUE_MAX_CONCURRENT", ["1", "64"], ["0", "-4"]),
        ("QUEUE_MAX_RETRIES", ["0", "20"], ["21", "-1"]),
        ("QUEUE_RATE_LIMIT_PER_MIN", ["0", "600"], ["-1"]),
        ("QUEUE_DISK_SPACE_MIN_MB", ["0", "0.5"], ["-0.1", "nan", "inf"]),
        ("QUEUE_RETENTION_DAYS_FAILED", ["0", "0.25"], ["-1", "nan"]),
        ("QUEUE_DELETE_RETENTION_MS", ["0", "3000"], ["-1"]),
        ("QUEUE_BANDWIDTH_LIMIT", ["0", "1000000"], ["-1", "1M"]),
        ("QUEUE_UMASK", ["022", "0027"], ["8", "1000", "rwx"]),
        ("QUEUE_VERIFY", ["quick", "FULL"], ["no"]),
        ("QUEUE_TRUSTED_PROXIES", ["10.0.0.0/8, ::1"], ["proxy"]),
        ("QUEUE_ALLOWED_HOSTS", ["music.example,nas"], ["http://x", "x:80"]),
        ("QUEUE_FETCH_ALLOW", ["nas:8080,10.0.0.1,[::1]:80"], ["http://nas"]),
        ("QUEUE_WEBHOOK_URLS", ["https://a.example/x,http://b.example"], ["ftp://x"]),
        ("QUEUE_NOTIFY_URLS", ["tgram://1:a/2,mailto://a:b@c.example?x=1%2C2"], ["a", "x://", "://x", "x://[::1"]),
        ("INTERNAL_API_URL", ["http://127.0.0.1:9000/v1/"], ["127.0.0.1:9000", "file:///x", "http://"]),
        (
            "REDIS_URL",
            [
                "redis://h:6379/0",
                "rediss://h",
                "unix:///run/redis.sock",
                "redis+sentinel://a,b:1/s",
                "redis+cluster://a",
            ],
            ["http://h", "h:6379", "redis://", "redis://h:99999", "redis+sentinel://a", "redis://h?x=1"],
        ),
        ("REDIS_DISABLED", ["true", "1", "no"], ["perhaps"]),
        ("PORT", ["0", "65535"], ["65536", "-1"]),
        ("BASE_PATH", ["/music", "/music/", "/a/b"], ["music", "/a b", "//x"]),
        (
            "LOG_LEVEL",
            ["DEBUG", "warning", "info,worker.transfer=DEBUG,uvicorn=warning", "store.redis=debug"],
            ["loud", "info,warning", "worker=loud", "=info", "a b=info", "worker=info,worker=debug", "info,,debug"],
        ),
    ],
)
def test_ranges(name: str, good: list[str], bad: list[str]) -> None:
    """The ends of each range are in it, and what lies beyond is refused by name."""
    for value in good:
        load({name: value})
    for value in bad:
        (told,) = problems({name: value})
        assert told.startswith(f"  {name}=")


def test_no_value_is_refused_because_of_anothers_default() -> None:
    """Ranges stand alone: a lease longer than the time limit is unusual, not wrong."""
    settings = load({"QUEUE_LEASE_MS": "900000", "QUEUE_WARN_SIZE": "9999", "QUEUE_WORKER_DEAD_MS": "100"})

    assert settings.lease_ms > settings.processing_timeout_ms


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """A `.env` in another encoding is named, not passed over."""
    file = tmp_path / ".env"
    file.write_bytes(b"PORT=\xff\xfe")

    with pytest.raises(SetupError, match="cannot be read"):
        load(env_file=file)


def test_quality_aliases_map_other_words() -> None:
    """QUEUE_QUALITY_ALIASES is a mapping to the three qualities, and cannot be changed afterwards."""
    settings = load({"QUEUE_QUALITY_ALIASES": "HI_RES_LOSSLESS=LOSSLESS, NORMAL=HIGH"})

    assert dict(settings.quality_aliases) == {"HI_RES_LOSSLESS": Quality.LOSSLESS, "NORMAL": Quality.HIGH}
    assert problems({"QUEUE_QUALITY_ALIASES": "BEST=ULTRA"})
    assert problems({"QUEUE_QUALITY_ALIASES": "BEST"})


def test_a_reload_takes_what_can_change_and_nothing_else() -> None:
    """The object stays the same one, so whoever has it sees the change; what is different is known by name."""
    settings = load({"PORT": "1", "QUEUE_MAX_SIZE": "1", "QUEUE_WARN_SIZE": "1"})
    newer = load({"PORT": "2", "QUEUE_MAX_SIZE": "2", "QUEUE_WARN_SIZE": "1"})

    assert settings.differences(newer) == ("QUEUE_MAX_SIZE", "PORT")
    settings.take(newer)
    assert (settings.port, settings.max_size, settings.submit_limits().client_unfinished) == (1, 2, 2)
    assert settings.differences(newer) == ("PORT",)


def test_what_was_loaded_can_be_read_again(env_file: EnvFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the same sources as they are by now; flags stay what they were."""
    settings = load({"PORT": "1"}, env_file("QUEUE_MAX_SIZE=1\n"))
    env_file("QUEUE_MAX_SIZE=2\nPORT=2\n")
    monkeypatch.setenv("QUEUE_WARN_SIZE", "3")
    again = load_again(settings)

    assert (again.port, again.max_size, again.warn_size) == (1, 2, 3)
    assert settings.differences(again) == ("QUEUE_MAX_SIZE", "QUEUE_WARN_SIZE")


def test_settings_are_frozen() -> None:
    """Nobody changes a setting by itself."""
    with pytest.raises(ValueError, match="frozen"):
        setattr(load(), "port", 1)  # noqa: B010 - the type checker knows that it cannot be set


def test_without_a_catalog_the_error_says_how_to_get_one() -> None:
    """The message names `tonearm catalog serve`."""
    with pytest.raises(SetupError, match="tonearm catalog serve"):
        load().catalog_url()
    assert load({"INTERNAL_API_URL": "http://catalog.example/"}).catalog_url() == "http://catalog.example"


def test_retention_and_limits_are_handed_to_the_store_in_its_own_units() -> None:
    """Days with fractions become milliseconds; the limits keep their numbers."""
    settings = load({"QUEUE_RETENTION_DAYS_SUCCESS": "0.5", "QUEUE_MAX_SIZE": "7"})

    assert settings.retention().completed_ms == 43_200_000
    assert settings.retention().failed_ms == 7 * 86_400_000
    assert settings.submit_limits().client_unfinished == 7
    assert settings.submit_limits().queue_unfinished == 500


def test_every_setting_has_a_name_and_one_line_of_help() -> None:
    """Names are upper case and the help is one sentence."""
    for name, field in FIELDS.items():
        assert name.isupper()
        assert field.description
        assert "\n" not in field.description
        assert field.description.endswith(".")


def test_a_wrong_address_of_redis_says_why() -> None:
    """One form of many is meant; which part of it is wrong is said, and the secret is not."""
    (told,) = problems({"REDIS_URL": "redis+sentinel://ann:hunter2@nas"})

    assert told == (
        "  REDIS_URL=*** (flag): must be an address such as redis://host:6379/0; "
        "it does not name the service, as redis+sentinel://host:26379/service does"
    )
