"""What a service manager is told, and when the watchdog falls silent."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.support.service_manager import ServiceManager as Listener

from tonearm.ops.systemd import ServiceManager, Watchdog


@pytest.fixture(params=["abstract", "path"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Listener:
    """A manager that listens, in both places where one can."""
    return Listener(tmp_path / "notify" if request.param == "path" else None)


def test_each_word_is_one_datagram(listener: Listener) -> None:
    """Ready, alive, stopping, and a line for people, which is sent again only when it is another."""
    with listener:
        manager = ServiceManager({"NOTIFY_SOCKET": listener.address})
        manager.wait(1.5)
        manager.ready()
        for text in ("two\nlines", "two\nlines", "ü"):
            manager.status(text)
        manager.alive()
        manager.stopping()

        assert listener.said == [
            "EXTEND_TIMEOUT_USEC=1500000",
            "READY=1",
            "STATUS=two lines",
            "STATUS=ü",
            "WATCHDOG=1",
            "STOPPING=1",
        ]


def test_a_manager_is_told_when_the_settings_are_read_anew(listener: Listener) -> None:
    """And when that is done; with the time, by which it knows that this answers its own signal. Not at the start."""
    with listener:
        manager = ServiceManager({"NOTIFY_SOCKET": listener.address})
        with manager.reloading():
            assert listener.said == []
        manager.ready()
        before = time.monotonic_ns() // 1_000
        with manager.reloading():
            word, at = listener.said[1:]
        assert (word, listener.said[3:]) == ("RELOADING=1", ["READY=1"])
        assert before <= int(at.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1_000


def test_a_reload_that_falls_over_is_over(listener: Listener) -> None:
    """Otherwise the manager would wait for its end, and then end a process that works."""
    with listener:
        manager = ServiceManager({"NOTIFY_SOCKET": listener.address})
        manager.ready()
        with pytest.raises(ZeroDivisionError), manager.reloading():
            raise ZeroDivisionError

        assert listener.said[-1] == "READY=1"


def fill(listener: Listener) -> int:
    """Say so much that the manager takes nothing more before it reads; how much that was."""
    said = 0
    while True:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:  # one for all would be full before it is
            line.setblocking(False)
            try:
                line.sendto(b"NOISE=1", f"\0{listener.address[1:]}")
            except BlockingIOError:
                return said
        said += 1


def test_what_a_full_manager_does_not_take_is_said_at_a_later_look() -> None:
    """In its order, once, and only what still holds: a lost word would have it wait, and then end what works."""
    with Listener() as listener:
        manager = ServiceManager({"NOTIFY_SOCKET": listener.address})
        watchdog = Watchdog(manager, [lambda: 0], lambda: "3 unfinished")
        noise = fill(listener)
        manager.ready()
        with manager.reloading():
            pass
        watchdog.look()
        assert listener.said == ["NOISE=1"] * noise
        watchdog.look()
        watchdog.look()
        words = [word for word in listener.said[noise:] if not word.startswith("MONOTONIC_USEC=")]
        assert words == ["RELOADING=1", "READY=1", "STATUS=3 unfinished"]

        before = len(listener.said) + fill(listener)
        with manager.reloading():
            pass
        manager.stopping()
        assert len(listener.said) == before
        watchdog.look()
        assert listener.said[before:] == ["STOPPING=1"]


def test_children_do_not_speak_in_our_name() -> None:
    """What says where the manager listens is taken out of the environment."""
    environ = {"NOTIFY_SOCKET": "@nobody", "WATCHDOG_USEC": "5000000", "WATCHDOG_PID": str(os.getpid()), "HOME": "/"}
    manager = ServiceManager(environ)

    assert (manager.listens, manager.watchdog_s) == (True, 5)
    assert environ == {"HOME": "/"}


@pytest.mark.parametrize(("address", "warnings"), [("", 0), ("relative", 0), ("vsock:2:1", 0), ("/nobody/there", 1)])
def test_without_a_manager_that_listens_the_process_goes_on(address: str, warnings: int) -> None:
    """One that was promised and is not there is told of once."""
    manager = ServiceManager({"NOTIFY_SOCKET": address})
    with capture_logs() as logged:
        manager.ready()
        manager.alive()

    assert len(logged) == warnings


@pytest.mark.parametrize(
    "environ", [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "5", "WATCHDOG_PID": "1"}]
)
def test_a_watchdog_for_nobody_or_somebody_else_is_none(environ: dict[str, str]) -> None:
    """Only its own process is watched, for a time that is one."""
    assert ServiceManager(dict(environ)).watchdog_s is None


def test_the_watchdog_is_silent_as_long_as_one_loop_stands_still() -> None:
    """However the others run; a loop that stood counts again from its next round on."""
    rounds = {"claim": 0, "pressure": 0}
    with Listener() as listener:
        manager = ServiceManager({"NOTIFY_SOCKET": listener.address, "WATCHDOG_USEC": "1000000"})
        watchdog = Watchdog(manager, [lambda: rounds["claim"], lambda: rounds["pressure"]])

        def signs_after(*loops: str) -> int:
            for loop in loops:
                rounds[loop] += 1
            watchdog.look()
            return listener.said.count("WATCHDOG=1")

        assert signs_after() == 0
        assert signs_after("claim") == 0
        assert signs_after("claim", "claim") == 0
        assert signs_after("pressure") == 1
        assert signs_after("pressure") == 1
        assert signs_after("claim") == 2
        assert signs_after("claim", "pressure") == 3


def test_a_status_is_told_without_a_watchdog() -> None:
    """People read it, whether or not the manager watches."""
    with Listener() as listener:
        Watchdog(ServiceManager({"NOTIFY_SOCKET": listener.address}), [lambda: 0], lambda: "3 unfinished").look()
        assert listener.said == ["STATUS=3 unfinished"]
