"""Settings: every name that changes what the program does, with its unit, its range and one line of help.

They are built once, by `load`, from defaults < `.env` < environment < flags, checked as a whole and then frozen. The
help of the commands, `tonearm config` and docs/reference/settings.md are made from what stands here. Whether a path can
be written or a host be reached is found out by who uses it; nothing here touches more than the `.env` file.
"""

from tonearm.settings.fields import ATTRIBUTES, FIELDS, WITHOUT_EFFECT_YET, Settings
from tonearm.settings.loading import load
from tonearm.settings.showing import Setting, effective, settings_table

__all__ = [
    "ATTRIBUTES",
    "FIELDS",
    "WITHOUT_EFFECT_YET",
    "Setting",
    "Settings",
    "effective",
    "load",
    "settings_table",
]
