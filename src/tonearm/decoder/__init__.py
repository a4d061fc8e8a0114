"""The decoder: the program that decodes files whole, as a process of its own, one child a file.

`python -m tonearm.decoder` runs it (`__main__`). `tonearm.library.decoding` starts it and asks; it knows `messages` and
the frame header of `mpeg`. Nothing here imports another part of tonearm, so the process stays small, and FFmpeg's
libraries are loaded in that process alone. Whether a file decodes is judged here; whether it is the track that was
promised, by the library.
"""

from tonearm.decoder.messages import Decoded, Order, Report

__all__ = ["Decoded", "Order", "Report"]
