"""What the tests of the library share: real music."""

from tests.support.music import music

__all__ = ["music"]
