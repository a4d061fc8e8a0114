"""The library: naming, verification, the full decode, tags, the stage, publishing, and the room on the disk."""

from tonearm.library.archive import Archive
from tonearm.library.decoding import Decoder
from tonearm.library.disk import DiskGuard
from tonearm.library.foldercover import add_cover, read_cover
from tonearm.library.folders import own_umask
from tonearm.library.formats import AudioFormat, inspect
from tonearm.library.naming import DEFAULT_TEMPLATE, Name, Template, file_name, numbered, resolve
from tonearm.library.pictures import BadPicture, Picture
from tonearm.library.publishing import NameTaken, has_twin, identical, prepare, publish, published
from tonearm.library.readiness import check_library
from tonearm.library.removal import Lifetime, Removal, has_library, remove
from tonearm.library.soundness import Candidate
from tonearm.library.stage import Removed, Stage
from tonearm.library.tagforms import Tags
from tonearm.library.tags import write as write_tags
from tonearm.library.verification import Audio, verify

__all__ = [
    "DEFAULT_TEMPLATE",
    "Archive",
    "Audio",
    "AudioFormat",
    "BadPicture",
    "Candidate",
    "Decoder",
    "DiskGuard",
    "Lifetime",
    "Name",
    "NameTaken",
    "Picture",
    "Removal",
    "Removed",
    "Stage",
    "Tags",
    "Template",
    "add_cover",
    "check_library",
    "file_name",
    "has_library",
    "has_twin",
    "identical",
    "inspect",
    "numbered",
    "own_umask",
    "prepare",
    "publish",
    "published",
    "read_cover",
    "remove",
    "resolve",
    "verify",
    "write_tags",
]
