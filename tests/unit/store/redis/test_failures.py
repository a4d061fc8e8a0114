"""What is said of a Redis that cannot be reached."""

from __future__ import annotations

import socket

from redis import exceptions

from tonearm.store.redis.failures import unavailable


def test_a_name_that_nobody_knows_is_told_in_the_words_of_the_resolver() -> None:
    """Its numbers are positive on some systems, and none of errno: 8 is no 'Exec format error'."""
    error = exceptions.ConnectionError("Error 8 connecting to nas:6379. nodename nor servname provided.")
    error.__cause__ = socket.gaierror(8, "nodename nor servname provided")

    assert str(unavailable(error, "Redis")) == "Redis cannot be reached: nodename nor servname provided."
