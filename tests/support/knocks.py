"""Knocks: attempts to connect to a port of the loopback interface, counted on the line, whether anybody listens or not.

    with knocks(port) as knocked:
        ...
        assert knocked() <= 15

What is counted are the packets that open a TCP connection over IPv4; the kernel picks them out, so no traffic beside
them fills the buffer. Linux, and root or CAP_NET_RAW.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SO_ATTACH_FILTER = 26
_IPV4 = 0x0800

# Classic BPF over the IP packet, as `tcpdump -dd 'tcp dst port N and tcp[13] & 0x12 = 2'` has it; K is the port.
_LOAD_BYTE, _LOAD_HALF, _LOAD_HEADER_LENGTH = 0x30, 0x28, 0xB1
_LOAD_BYTE_BEHIND, _LOAD_HALF_BEHIND = 0x50, 0x48
_AND, _JUMP_IF_EQUAL, _JUMP_IF_ANY, _RETURN = 0x54, 0x15, 0x45, 0x06


def _program(port: int) -> bytes:
    instructions = (
        (_LOAD_BYTE, 0, 0, 9),
        (_JUMP_IF_EQUAL, 0, 8, socket.IPPROTO_TCP),
        (_LOAD_HALF, 0, 0, 6),
        (_JUMP_IF_ANY, 6, 0, 0x1FFF),  # a later fragment has no ports
        (_LOAD_HEADER_LENGTH, 0, 0, 0),
        (_LOAD_HALF_BEHIND, 0, 0, 2),
        (_JUMP_IF_EQUAL, 0, 3, port),
        (_LOAD_BYTE_BEHIND, 0, 0, 13),
        (_AND, 0, 0, 0x12),  # SYN and ACK
        (_JUMP_IF_EQUAL, 1, 0, 0x02),
        (_RETURN, 0, 0, 0),
        (_RETURN, 0, 0, 0xFFFF),
    )
    return b"".join(struct.pack("HBBI", *instruction) for instruction in instructions)


@contextmanager
def knocks(port: int) -> Iterator[Callable[[], int]]:
    """Count from now on; gives a function that answers with the number so far."""
    assert os.geteuid() == 0, "Looking at packets needs root. Type: sudo ./dev test"
    program = ctypes.create_string_buffer(_program(port))
    count = 0
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as line:
        attached = struct.pack("HL", (len(program) - 1) // 8, ctypes.addressof(program))
        line.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, attached)
        line.bind(("lo", _IPV4))
        line.setblocking(False)

        def knocked() -> int:
            nonlocal count
            while True:
                try:
                    _, (_, _, kind, *_) = line.recvfrom(128)
                except BlockingIOError:
                    return count
                # Everything passes the loopback interface twice, on its way out and on its way in.
                count += kind == socket.PACKET_HOST

        yield knocked
