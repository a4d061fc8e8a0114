"""The settings file: where it is looked for, what may stand in it, and how it is told what is wrong in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.powerless import powerless

from tonearm import settingsfile
from tonearm.errors import SetupError, WrongSettings
from tonearm.model import Quality
from tonearm.settings import Settings, load

Write = Callable[..., Path]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a settings file and names it."""

    def write(text: str | bytes, mode: int = 0o600) -> Path:
        path = tmp_path / "own.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        monkeypatch.setenv("TONEARM_CONFIG", str(path))
        return path

    return write


def refusal() -> str:
    with pytest.raises(SetupError) as caught:
        load()
    return str(caught.value)


def test_values_have_the_types_of_toml(file: Write) -> None:
    """Numbers, booleans, lists and tables, or a text such as the environment has."""
    file("""
        QUEUE_MAX_CONCURRENT = 8
        QUEUE_RETENTION_DAYS_FAILED = 0.5
        REDIS_DISABLED = true
        QUEUE_ALLOWED_HOSTS = ["music.example", "nas"]
        QUEUE_FETCH_ALLOW = "nas:8080, 10.0.0.1"
        QUEUE_UMASK = "027"
        DOWNLOAD_DIR = "/srv/music"
        LOG_LEVEL = "DEBUG"

        [QUEUE_QUALITY_ALIASES]
        HI_RES_LOSSLESS = "LOSSLESS"
    """)
    settings = load()

    assert (settings.max_concurrent, settings.retention_days_failed, settings.redis_disabled) == (8, 0.5, True)
    assert (settings.allowed_hosts, settings.fetch_allow) == (("music.example", "nas"), ("nas:8080", "10.0.0.1"))
    assert (settings.umask, settings.download_dir, settings.log_level) == ("027", Path("/srv/music"), "debug")
    assert dict(settings.quality_aliases) == {"HI_RES_LOSSLESS": Quality.LOSSLESS}


def test_the_file_wins_over_the_defaults_alone(file: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Defaults < file < .env < environment < flags; each value knows where it comes from, and the file is known."""
    path = file("PORT = 1000\nHOST = '::2'\nQUEUE_MAX_SIZE = 6\nQUEUE_WARN_SIZE = 5\n")
    env_file = tmp_path / ".env"
    env_file.write_text("PORT=1001\nHOST=::1\nQUEUE_MAX_SIZE=7\n", "utf-8")
    monkeypatch.setenv("PORT", "1002")
    monkeypatch.setenv("HOST", "0.0.0.0")
    settings = load({"PORT": "1003"}, env_file)

    assert (settings.port, settings.host, settings.max_size, settings.warn_size) == (1003, "0.0.0.0", 7, 5)
    sources = [settings.source(name) for name in ("PORT", "HOST", "QUEUE_MAX_SIZE", "QUEUE_WARN_SIZE")]
    assert sources == ["flag", "environment", ".env", str(path)]
    assert settings.origin.file == path


def test_the_first_file_that_is_there_is_read_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that is named, else that of the folder, of the user, of the machine; none of them is fine too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TONEARM_CONFIG", "")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "of-user"))
    folder, user, machine = settingsfile.places()
    monkeypatch.setattr(settingsfile, "places", lambda: (folder, user, tmp_path / "etc" / machine.name))
    named = tmp_path / "named.toml"

    assert machine == Path("/etc/tonearm/tonearm.toml")
    found = [(load().port, load().origin.file)]
    for port, path in ((1, tmp_path / "etc" / machine.name), (2, user), (3, folder), (4, named)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"PORT = {port}\n", "utf-8")
        if path is named:
            monkeypatch.setenv("TONEARM_CONFIG", str(named))
        found.append((load().port, load().origin.file))

    assert found == [(8080, None), (1, tmp_path / "etc" / machine.name), (2, user), (3, folder), (4, named)]


def test_a_file_that_is_named_has_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else is read in its place."""
    monkeypatch.setenv("TONEARM_CONFIG", "nowhere.toml")

    assert refusal() == "The settings file nowhere.toml cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("content", "words", "place"),
    [
        ("PORT = \n", "is no TOML: ", "(at line 1, column 8)"),
        ("PORT = 1\nPORT = 2\n", "is no TOML: ", "(at line 2, column 9)"),
        (b"HOST = '\xff'", "cannot be read: ", "it is not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_understood_is_named_with_the_place(
    file: Write, content: str | bytes, words: str, place: str
) -> None:
    """Not a setting of it counts."""
    path = file(content)

    assert refusal().startswith(f"The settings file {path} {words}")
    assert refusal().endswith(place)


def test_everything_that_is_wrong_in_it_is_told_with_file_name_value_and_range(file: Write) -> None:
    """All names of the file are ours, so one that is unknown is a slip. A boolean is no number."""
    path = file("""
        QUEUE_MAX_RETRIES = 21
        QUEUE_MAX_SIZE = true
        QUEUE_FETCH_ALLOW = ["nas:99999"]
        QUEUE_UMASK = 0o22
        max_size = 5
        DATABASE_URL = "x"
    """)

    assert refusal().splitlines()[1:] == [
        f"  max_size ({path}): unknown name; did you mean QUEUE_MAX_SIZE?",
        f"  DATABASE_URL ({path}): unknown name; did you mean QUEUE_DATABASE?",
        f"  QUEUE_MAX_RETRIES=21 ({path}): must be a whole number from 0 to 20",
        f"  QUEUE_MAX_SIZE=true ({path}): must be a whole number from 1 to 1000000000000",
        f"  QUEUE_UMASK=18 ({path}): must be an octal number from 000 to 777",
        f"  QUEUE_FETCH_ALLOW=nas:99999 ({path}): must be host or host:port, with commas between",
    ]


def test_what_is_wrong_can_be_had_line_by_line(file: Write) -> None:
    """For whoever shows it in a form of its own."""
    file("PORT = -1\nHOST = 5\n")
    with pytest.raises(WrongSettings) as caught:
        load()

    assert [problem.partition(" ")[0] for problem in caught.value.problems] == ["HOST=5", "PORT=-1"]


def test_an_empty_text_counts_as_not_set(file: Write) -> None:
    """As in the environment."""
    file("PORT = ''\nREDIS_URL = ''\n")

    assert load().differences(Settings()) == ()


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("INTERNAL_API_TOKEN", "hunter2", True),
        ("REDIS_URL", "redis://:hunter2@nas", True),
        ("REDIS_URL", "redis://nas", False),
        ("HOST", "::1", False),
    ],
)
def test_a_secret_that_everybody_can_read_is_warned_of(file: Write, name: str, value: str, *, secret: bool) -> None:
    """By name, with what to type; what only owner and group can read is fine."""
    path = file(f"{name} = '{value}'\n", 0o644)
    open_to_all = load().origin.warnings
    path.chmod(0o640)

    assert open_to_all == (
        (f"Every user of this machine can read {name} in {path}: chmod o-r {path}",) if secret else ()
    )
    assert load().origin.warnings == ()


def test_the_file_env_is_looked_at_in_the_same_way(tmp_path: Path) -> None:
    """It holds secrets as often."""
    env_file = tmp_path / ".env"
    env_file.write_text("INTERNAL_API_TOKEN=hunter2\n", "utf-8")
    env_file.chmod(0o604)

    assert load(env_file=env_file).origin.warnings == (
        f"Every user of this machine can read INTERNAL_API_TOKEN in {env_file}: chmod o-r {env_file}",
    )


def test_an_empty_file_stands_for_none() -> None:
    """/dev/null keeps every other file from being read."""
    assert os.environ["TONEARM_CONFIG"] == "/dev/null"
    assert load().differences(Settings()) == ()


def test_a_folder_that_is_closed_to_the_user_is_named(tmp_path: Path) -> None:
    """Only where no file is read; and what is behind a closed folder, or the working folder itself, is no matter."""
    for name in ("here", "home/.config/tonearm", "machine"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "tonearm.toml").touch()
    program = """
import os, sys
from pathlib import Path
from tonearm import settingsfile
here, user, _ = settingsfile.places()
machine, home = Path("machine").absolute(), Path("home").absolute()
settingsfile.places = lambda: (here, user, machine / here)
for folder in (machine, home):
    folder.chmod(0)
print(settingsfile.find(), settingsfile.closed())
os.chdir("here")
print(settingsfile.find(), settingsfile.closed())
Path("../here").chmod(0)
print(settingsfile.find(), settingsfile.closed())
"""
    ended = powerless(program, tmp_path, HOME=str(tmp_path / "home"))
    for name in ("here", "home", "machine"):
        (tmp_path / name).chmod(0o700)

    assert ended.stderr == ""
    assert ended.stdout.splitlines() == ["tonearm.toml None", *[f"None {tmp_path / 'machine'}"] * 2]


def test_in_a_working_folder_that_is_closed_there_is_no_file(tmp_path: Path) -> None:
    """As for the user of a service, whom `sudo -u` leaves in the home of somebody else."""
    home = tmp_path / "ann"
    home.mkdir()
    (home / ".env").write_text("PORT=9001\n", "utf-8")
    program = """
from pathlib import Path
from tonearm.cli.address import default_server
from tonearm.settings import load
Path("../ann").chmod(0)
print(load().port, default_server())
"""
    ended = powerless(program, home, HOME=str(tmp_path))
    home.chmod(0o700)

    assert (ended.stdout, ended.stderr) == ("8080 http://127.0.0.1:8080\n", "")
