"""Who keeps which id when tags, names and files change. A pure plan; the index carries it out.

Things (tracks, albums) are known by a *key* made of tags. Their members (files, recognised by content) remember the id
they had. So a thing that keeps its tags keeps its id though its files are replaced, and a thing whose tags were
edited keeps it through its members. An id is never given to something else: where its members went on to another id,
it follows them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """*ids*: the id of each key, None where a new one is due. *moved*: ids without members, the key these went to."""

    ids: Mapping[str, int | None]
    moved: Mapping[int, str]


def plan(groups: Mapping[str, Sequence[int]], holders: Mapping[str, int], guessed: Collection[str] = ()) -> Plan:
    """Give each group of *groups* (key → the ids its members had before) an id.

    *holders* says which id a key had last. First whoever has the key keeps it; then a group inherits the first id of
    its members that nobody has; the others get new ones. The order of *groups* decides ties. A key that was *guessed*
    from a path proves nothing, so it keeps no id: another file of that name is another thing.
    """
    ids = {key: None if key in guessed else holders.get(key) for key in groups}
    taken = {number for number in ids.values() if number is not None}
    for key, before in groups.items():
        if ids[key] is None:
            heir = next((number for number in before if number not in taken), None)
            if heir is not None:
                ids[key] = heir
                taken.add(heir)
    moved: dict[int, str] = {}
    for key, before in groups.items():
        for number in before:
            if number not in taken:
                moved.setdefault(number, key)
    return Plan(ids=ids, moved=moved)
