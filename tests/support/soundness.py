"""The whole verification of a file for tests that run no server: quick checks, full decode, judgement."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tonearm.decoder import Decoded
from tonearm.library import Audio, Candidate, Decoder, verify
from tonearm.model import Media, Track

_DECODE_SECONDS = 60.0


def track(seconds: float | None = None) -> Track:
    """A track as a catalog would promise it."""
    media = Media("https://media.example/1")
    return Track(id=1, title="Blue", artist="Ada", album="Colours", media=media, duration_seconds=seconds)


class Verifier:
    """Says what the library says of a file before it is published. It has one decoder process, on a loop of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="verifier")
        self._thread.start()
        self._decoder = Decoder()

    def __call__(self, path: Path, seconds: float | None = None) -> Audio:
        """Verify the file at *path*, promised to play for *seconds*.

        Raises:
            Corrupt: it does not pass.
        """
        audio = verify(path, track(seconds), path.stat().st_size)
        self.decode(path, audio, seconds)
        return audio

    def decode(self, path: Path, audio: Audio, seconds: float | None = None) -> Decoded:
        """Only the full decode and its judgement, of a file that passed the quick checks as *audio*."""
        promised = track(seconds)
        with Candidate.open(path, audio) as candidate:
            work = self._decoder.decode(candidate.descriptor, candidate.order(promised), candidate.limit_seconds)
            decoded = asyncio.run_coroutine_threadsafe(work, self._loop).result(_DECODE_SECONDS)
            candidate.judge(decoded, promised)
        return decoded

    def close(self) -> None:
        """End the decoder process and the thread."""
        asyncio.run_coroutine_threadsafe(self._decoder.close(), self._loop).result(_DECODE_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


@pytest.fixture(scope="session")
def verifier() -> Iterator[Verifier]:
    """One verifier for the session."""
    one = Verifier()
    yield one
    one.close()
