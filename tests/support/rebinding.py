"""A name server that changes its mind, asked by the system's own resolver, in a network of its own.

Run as a program inside new namespaces of network and mounts (`unshare --net --mount`), it makes an internet of the
loopback interface: a public address, a name server on port 53 that `/etc/resolv.conf` leads to, a server at the public
address and one at 127.0.0.1, both at one port. Then it fetches by names, and prints as JSON what came of each and how
often the private server was connected to. Nothing leaves the machine: the network has no other interface.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, cast

from tests.support.origin import Origin, Visit, head
from tests.support.programs import find
from tonearm.errors import FetchError
from tonearm.fetch import Fetcher, FetchLimits

PUBLIC = "93.184.216.34"
PRIVATE = "127.0.0.1"
LIMITS = FetchLimits(connect_ms=3_000, silence_ms=3_000)
NAMES = {
    "steady.example": [[PUBLIC]],
    "rebound.example": [[PUBLIC], [PRIVATE]],
    "private.example": [[PRIVATE]],
    "metadata.example": [["169.254.169.254"]],
    "both.example": [[PRIVATE, PUBLIC]],
}
"""What each name leads to: the answers one after another, of which the last stays."""


class NameServer(asyncio.DatagramProtocol):
    """Answers A and AAAA questions about `NAMES`, each answer valid for 0 seconds."""

    def __init__(self) -> None:
        self.asked = dict.fromkeys(NAMES, 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        name, end = _name(data, 12)
        (kind,) = struct.unpack_from(">H", data, end)
        known = NAMES.get(name, [[]])
        addresses = [ipaddress.ip_address(text) for text in known[min(self.asked.get(name, 0), len(known) - 1)]]
        if kind == 1 and name in NAMES:
            self.asked[name] += 1
        wanted = [address.packed for address in addresses if address.version == {1: 4, 28: 6}.get(kind)]
        records = [struct.pack(">HHHIH", 0xC00C, kind, 1, 0, len(packed)) + packed for packed in wanted]
        first = data[:2] + struct.pack(">HHHHH", 0x8580, 1, len(records), 0, 0)
        self._transport.sendto(first + data[12 : end + 4] + b"".join(records), addr)


def _name(data: bytes, at: int) -> tuple[str, int]:
    """The name of the question at *at*, and where it ends."""
    labels: list[str] = []
    while size := data[at]:
        labels.append(data[at + 1 : at + 1 + size].decode("ascii").lower())
        at += 1 + size
    return ".".join(labels), at + 1


async def main() -> dict[str, list[str]]:
    """Fetch twice by every name; what came of it, and under `connections` how often the private server was reached."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(NameServer, local_addr=(PRIVATE, 53))
    found: dict[str, list[str]] = {}

    async def whole(visit: Visit) -> None:
        await visit.send(head(200, {"Content-Length": "2", "Connection": "close"}) + b"{}")

    async with Origin(whole, host=PRIVATE) as private:
        public = await asyncio.start_server(_public, PUBLIC, private.port)
        async with public:
            for name in NAMES:
                found[name] = [await _fetched(f"http://{name}:{private.port}/") for _ in range(2)]
        found["connections"] = [str(private.connections)]
    transport.close()
    return found


async def _public(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
    await writer.drain()
    writer.close()


async def _fetched(url: str) -> str:
    """What came of one request by a fetcher that has no answer of the resolver in memory."""
    try:
        async with Fetcher(LIMITS) as fetcher:
            await fetcher.json(url)
    except FetchError as error:
        return type(error).__name__
    return "served"


def prepare(folder: Path) -> None:
    """Make the network: the loopback interface with a public address, and its name server the system's only one."""
    subprocess.run([find("ip"), "link", "set", "lo", "up"], check=True)
    subprocess.run([find("ip"), "address", "add", f"{PUBLIC}/32", "dev", "lo"], check=True)
    for name, text in (
        ("resolv.conf", f"nameserver {PRIVATE}\noptions timeout:2\n"),
        ("nsswitch.conf", "hosts: files dns\n"),
    ):
        (folder / name).write_text(text, "ascii")
        subprocess.run([find("mount"), "--bind", str(folder / name), str(Path("/etc", name).resolve())], check=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        prepare(Path(made))
        json.dump(asyncio.run(main()), sys.stdout)
