"""The terminal: nothing foreign reaches it raw."""

from __future__ import annotations

import pytest

from tonearm.cli.terminal import Output, clean


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


def test_a_moving_line_leaves_room_for_the_mark_of_ctrl_c(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The two columns of `^C` stay free, so that it does not begin a new line."""
    monkeypatch.setenv("COLUMNS", "80")

    Output().rewrite("x" * 200)

    assert capsys.readouterr().err.removeprefix("\r\x1b[2K") == "x" * 78
