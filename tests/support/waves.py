"""Waves: WAVE files of any width and number of channels, written sample by sample, for encoders to read."""

from __future__ import annotations

import random
import struct
from pathlib import Path

_SPEAKERS = {1: 0x4, 2: 0x3, 3: 0x7, 4: 0x33, 5: 0x607, 6: 0x60F, 7: 0x70F, 8: 0x63F}
"""The masks that FLAC's channel orders stand for (RFC 9639, section 9.1.3)."""

_PCM_GUID = bytes.fromhex("0100000000001000800000aa00389b71")


def make_wave(path: Path, bits: int, channels: int, *, samples: int = 20_000, rate: int = 44_100) -> Path:
    """Write a tune with some noise. Widths that are no whole bytes stand in the upper bits (WAVEFORMATEXTENSIBLE)."""
    width = (bits + 7) // 8
    rng = random.Random(bits * 100 + channels)
    top, spare = (1 << bits - 1) - 1, width * 8 - bits
    values = [0] * channels
    content = bytearray()
    for _ in range(samples):
        for channel in range(channels):
            values[channel] = max(-top - 1, min(top, values[channel] + rng.randint(-top // 16 - 1, top // 16 + 1)))
            content += _packed(values[channel] << spare, width)
    block = width * channels
    form = struct.pack("<HHIIHH", 0xFFFE, channels, rate, rate * block, block, width * 8)
    form += struct.pack("<HHI", 22, bits, _SPEAKERS[channels]) + _PCM_GUID
    body = b"WAVE" + b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(content)) + content
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def _packed(value: int, width: int) -> bytes:
    """One sample as WAVE has it: a single byte without sign, more of them with."""
    return bytes([value + 128]) if width == 1 else value.to_bytes(width, "little", signed=True)
