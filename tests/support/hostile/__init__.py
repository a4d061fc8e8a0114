"""Hostile origins: every kind of bad body and behaviour that a download has to survive, one row of a table each.

`HOSTILITIES` is the table. tests/faults/worker/test_hostile_origins.py runs each row through a real server.
"""

from tests.support.hostile.scene import Hostility, Scene
from tests.support.hostile.table import HARMLESS, HOSTILITIES, LIMIT_BYTES

__all__ = ["HARMLESS", "HOSTILITIES", "LIMIT_BYTES", "Hostility", "Scene"]
