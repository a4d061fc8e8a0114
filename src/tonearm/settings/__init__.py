"""Settings: every name that changes what the program does, with its unit, its range and one line of help.

They are built by `load` from defaults < TOML file < `.env` < environment < flags, checked as a whole and then frozen,
but for what a reload may change (`Settings.take`). The help of the commands, `tonearm config` and
docs/reference/settings.md are made from what stands here. Whether a path can be written or a host be reached is found
out by who uses it; nothing here touches more than the two files.
"""

from tonearm.settings.fields import ATTRIBUTES, FIELDS, RELOADABLE, Settings
from tonearm.settings.loading import load, load_again
from tonearm.settings.secrets import secrets_of
from tonearm.settings.showing import Setting, effective, settings_table

__all__ = [
    "ATTRIBUTES",
    "FIELDS",
    "RELOADABLE",
    "Setting",
    "Settings",
    "effective",
    "load",
    "load_again",
    "secrets_of",
    "settings_table",
]
