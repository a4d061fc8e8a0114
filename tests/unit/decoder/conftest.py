"""What the tests of the decoder share: real music."""

from tests.support.music import music

__all__ = ["music"]
