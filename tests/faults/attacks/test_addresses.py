"""Attacks 4 to 6: spellings of addresses that are nobody's business, before and behind a redirect."""

from __future__ import annotations

import pytest
from tests.faults.fetch.conftest import LIMITS
from tests.support.origin import Origin, answer, redirect

from tonearm.errors import BadAnswer, BlockedAddress
from tonearm.fetch import Fetcher, HostPort

LOOPBACK = (
    *("127.0.0.1", "127.0.0.2", "127.1", "127.0.1", "127.255.255.254", "0", "0.0.0.0", "0x0", "00"),
    *("2130706433", "017700000001", "0x7f000001", "0X7F000001", "0177.0.0.1", "0x7f.0.0.1", "0x7f.1", "127.0x0.0.1"),
    *("127.000.000.001", "0177.0.0.01", "00000177.1", "127.0.0.1.", "localhost", "LocalHost", "127.1."),
    *("[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::0001]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]"),
    *("[0:0:0:0:0:ffff:127.0.0.1]", "[::ffff:0:127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[::7f00:1]"),
    *("[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001::7f00:1]", "[fe80::1]", "[::1%25lo]"),
    *("\uff11\uff12\uff17.0.0.1", "127\u30020.0.1", "\u2460\u2461\u2466.0.0.1", "\uff4c\uff4f\uff43alhost"),
)
METADATA = (
    *(
        "169.254.169.254",
        "169.254.169.254.",
        "2852039166",
        "0xa9fea9fe",
        "025177524776",
        "169.16689662",
        "169.254.43518",
    ),
    *("0xa9.0xfe.0xa9.0xfe", "0251.0376.0251.0376", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]"),
    *("[::169.254.169.254]", "[64:ff9b::169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]"),
    *("[fd00:ec2::254]", "[fe80::a9fe:a9fe]"),
)
PRIVATE = (
    *(
        "10.0.0.1",
        "0xa.1",
        "167772161",
        "012.1",
        "172.16.0.1",
        "192.168.0.1",
        "0xc0.0xa8.0.1",
        "192.168.1",
        "3232235521",
    ),
    *("100.64.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "[fc00::1]", "[fd12::1]", "[fec0::1]", "[ff02::1]"),
    *("[::10.0.0.1]", "[64:ff9b::10.0.0.1]", "[::ffff:192.168.0.1]"),
)
SPELLINGS = (*LOOPBACK, *METADATA, *PRIVATE)


@pytest.mark.parametrize("host", SPELLINGS)
async def test_no_spelling_of_a_private_address_is_connected_to(host: str) -> None:
    """Attacks 4 and 5: named by the catalog itself, none gets a byte; what no system can read is no address either."""
    async with Origin(answer(200, b'{"secret": 1}')) as inside, Fetcher(LIMITS) as fetcher:
        with pytest.raises((BlockedAddress, BadAnswer)):
            await fetcher.json(f"http://{host}:{inside.port}/latest/meta-data/")
        assert inside.connections == 0


@pytest.mark.parametrize("host", SPELLINGS)
async def test_no_redirect_leads_to_any_of_them(host: str) -> None:
    """Attack 6: the catalog may be private by the operator's word; where it leads to may not."""
    async with Origin(answer(200, b'{"secret": 1}')) as inside:
        target = f"http://{host}:{inside.port}/latest/meta-data/".encode().decode("latin-1")
        async with Origin(redirect(target)) as catalog, Fetcher(LIMITS, allow=[HostPort.of(catalog.url)]) as fetcher:
            with pytest.raises((BlockedAddress, BadAnswer)):
                await fetcher.json(f"{catalog.url}/")
        assert len(catalog.seen) == 1
        assert inside.connections == 0


def test_there_are_many_of_them() -> None:
    """At least sixty, each once."""
    assert len(set(SPELLINGS)) == len(SPELLINGS) >= 60
