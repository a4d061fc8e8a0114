"""Memory: how a process that runs for long keeps what it uses over and over.

A transfer takes and gives back a megabyte at a time, hundreds of times a second. By default the C library returns such
memory to the kernel and takes it anew, zeroed page by page; and the collector of cycles goes through every class and
route of the program again and again, all of which stay to the end. `benchmarks/README.md` has the measurement.
"""

from __future__ import annotations

import ctypes
import gc

MIB = 1024 * 1024
KEPT_BYTES = 32 * MIB
"""Freed memory that the process keeps at hand at most, of each of its heaps."""
OWN_MAPPING_BYTES = 4 * MIB
"""What is at least so large is mapped for itself, and returned at once."""
YOUNG_OBJECTS = 10_000
"""New objects between two looks for cycles among them."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc


def settle() -> None:
    """To be called when everything is loaded and the work begins. Where the C library is another, its ways stay."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, OWN_MAPPING_BYTES)
        mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES)
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
