"""Which URLs are fetched at all, and when two hosts are the same."""

from __future__ import annotations

import pytest

from tonearm.errors import BadAnswer
from tonearm.fetch import HostPort
from tonearm.fetch.hosts import read_url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "song.flac",
        "//host/song",
        "file:///etc/passwd",
        "ftp://host/song",
        "data:audio/flac,x",
        "http://",
        "http:///song",
        "http:song",
        "http://host:0/",
        "http://host:99999/",
        "http://host:x/",
        "http://[::1/",
        "http://user@host/",
        "http://user:secret@host/",
        "http://:secret@host/",
        "http://host\\@other/",
        "http://host/" + "x" * 9_000,
    ],
)
def test_what_is_no_plain_http_url_is_refused(text: str) -> None:
    """Other schemes, missing hosts, bad ports and credentials in the URL are an answer that breaks the contract."""
    with pytest.raises(BadAnswer) as refused:
        read_url(text)
    assert "secret" not in refused.value.message


def test_a_url_goes_out_as_it_came() -> None:
    """Escapes are not touched, because a signature may cover them."""
    signed = "https://host/a%2Fb%7e/../c?x=%2B&y=a+b&sig=ab%3D%3D~%7E"
    assert str(read_url(signed)) == signed


def test_a_url_with_other_letters_is_escaped() -> None:
    """Spaces and letters beyond ASCII become what HTTP can carry."""
    assert str(read_url("http://host/a b/ü?q=ü")) == "http://host/a%20b/%C3%BC?q=%C3%BC"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (HostPort("Music.Example.", 80), HostPort("music.example", 80)),
        (HostPort("bücher.example", 80), HostPort("xn--bcher-kva.example", 80)),
        (HostPort("[0:0::1]", 80), HostPort("::1", 80)),
        (HostPort.of("https://Music.example/x"), HostPort("music.example", 443)),
        (HostPort.of("http://[::1]/x"), HostPort("::1", 80)),
        (HostPort.parse("music.example"), HostPort("music.example")),
        (HostPort.parse("music.example:8080"), HostPort("music.example", 8080)),
        (HostPort.parse("[::1]:8080"), HostPort("::1", 8080)),
        (HostPort.parse("::1"), HostPort("::1")),
    ],
)
def test_the_same_host_is_the_same_however_it_is_spelt(one: HostPort, other: HostPort) -> None:
    """Case, a final dot, IDNA, brackets and default ports make no difference."""
    assert one == other
    assert str(one) == str(other)


@pytest.mark.parametrize("text", ["", "host:port", "host:99999", "user@host", "host/path", "http://host", "[::1"])
def test_what_names_no_host_is_refused(text: str) -> None:
    """An entry of an allow list that cannot be read is an error, not an empty allowance."""
    with pytest.raises(ValueError):  # noqa: PT011 - the text is the parser's
        HostPort.parse(text)


def test_an_entry_without_a_port_covers_every_port_of_its_host_only() -> None:
    """`host` covers `host:1` and `host:2`; `host:1` covers only itself; neither covers another host."""
    assert HostPort("host").covers(HostPort("host", 1))
    assert HostPort("host", 1).covers(HostPort("host", 1))
    assert not HostPort("host", 1).covers(HostPort("host", 2))
    assert not HostPort("host").covers(HostPort("host.example", 1))
