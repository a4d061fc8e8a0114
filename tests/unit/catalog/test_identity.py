"""Who keeps which id: the plan, apart from any file or database."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tonearm.catalog.folder.identity import plan


def test_a_known_key_keeps_its_id_whatever_its_members_are() -> None:
    """Replaced files of the same track are that track."""
    assert plan({"blue": []}, {"blue": 7}).ids == {"blue": 7}
    assert plan({"blue": [9]}, {"blue": 7, "red": 9}).ids == {"blue": 7}


def test_a_renamed_thing_keeps_its_id_through_its_members() -> None:
    """New tags, the same sound."""
    planned = plan({"blue (live)": [7, 7]}, {"blue": 7})
    assert planned.ids == {"blue (live)": 7}
    assert not planned.moved


def test_a_guessed_key_keeps_no_id() -> None:
    """What has only a name of a path is known by its members alone."""
    assert plan({"01": []}, {"01": 7}, {"01"}).ids == {"01": None}
    assert plan({"01": [9]}, {"01": 7}, {"01"}).ids == {"01": 9}


def test_a_new_thing_gets_a_new_id() -> None:
    """And nobody else's."""
    assert plan({"blue": [], "red": [7]}, {"red": 7}).ids == {"blue": None, "red": 7}


def test_of_a_split_the_first_keeps_the_id() -> None:
    """Two files that turn out to be two tracks: one stays, one is new."""
    assert plan({"a": [7], "b": [7]}, {}).ids == {"a": 7, "b": None}


def test_an_id_whose_members_went_elsewhere_follows_them() -> None:
    """Two tracks that become one: both ids lead to it."""
    planned = plan({"blue": [7, 9]}, {"blue": 7, "bleu": 9})
    assert planned.ids == {"blue": 7}
    assert planned.moved == {9: "blue"}


def test_two_that_exchange_their_tags_go_with_their_tags() -> None:
    """An id means what the tags say."""
    assert plan({"blue": [9], "red": [7]}, {"blue": 7, "red": 9}).ids == {"blue": 7, "red": 9}


_keys = st.sampled_from("abcdef")
_ids = st.integers(1, 8)


@given(st.dictionaries(_keys, st.lists(_ids, max_size=4)), st.dictionaries(_keys, _ids))
def test_no_id_is_given_twice_and_none_gets_lost(groups: dict[str, list[int]], holders: dict[str, int]) -> None:
    """Whatever happened: ids are distinct, and every id that had members is kept or follows them."""
    holders = {key: number for key, number in holders.items() if list(holders.values()).count(number) == 1}
    planned = plan(groups, holders)
    given_out = [number for number in planned.ids.values() if number is not None]
    assert len(given_out) == len(set(given_out))
    assert planned.ids.keys() == groups.keys()
    before = {number for members in groups.values() for number in members}
    assert before == (before & set(given_out)) | planned.moved.keys()
    assert all(number in groups[key] for number, key in planned.moved.items())
    again = {key: [number] * 2 for key, number in planned.ids.items() if number is not None}
    assert plan(again, {key: members[0] for key, members in again.items()}).ids == {
        key: members[0] for key, members in again.items()
    }
