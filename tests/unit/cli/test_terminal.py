"""The terminal: nothing foreign reaches it raw."""

from __future__ import annotations

import pytest

from tonearm.cli.terminal import clean


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[31mred", "�[31mred"),
        ("a\nb\rc\td\x00e\x7f", "a�b�c�d�e�"),
        ("\x9b31m \x85", "�31m �"),
        ("\u202egnp.exe\u2066", "�gnp.exe�"),
        ("\u2028\u2029\ufeff", "���"),
        ("\ud800", "�"),
    ],
)
def test_what_could_move_the_cursor_or_turn_the_text_is_replaced(raw: str, shown: str) -> None:
    """Control characters, direction marks and half characters become U+FFFD."""
    assert clean(raw) == shown


@pytest.mark.parametrize("text", ["Café Tacvba", "Sigur Rós - ( )", "音楽", "👩‍🚀", "שלום", "می‌خواهم"])
def test_what_people_write_stays(text: str) -> None:
    """Every script and every emoji passes unchanged."""
    assert clean(text) == text
