"""What the tests of the library share: real music, and a decoder for it."""

from tests.support.music import music
from tests.support.soundness import verifier

__all__ = ["music", "verifier"]
