"""A terminal's output becomes the screen that a person would see."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsh_tool.output.screen import render_screen


def test_a_screen_shows_what_a_person_would_see() -> None:
    data = b"gone\x1b[2J\x1b[1;1Htop\x1b[3;5Hhere\x1b[31m red\x1b[0m"
    assert render_screen(data, 5, 20) == "top\n\n    here red"


def test_a_screen_survives_what_editors_send() -> None:
    data = b"\x1b[?4m\x1b[>4;2m\x1b[1;2;3Hhere\x1b[?25l\x1b[9J\x1b[2K\x1b[1;5Hnow\x1b[99999999999999999999A"
    assert render_screen(data, 5, 20) == "    now"


def test_a_wide_character_that_was_half_overwritten_leaves_a_row() -> None:
    assert render_screen("世界\x1b[1;1Hx".encode(), 2, 10) == "x 界"
    assert render_screen("世界\x1b[1;2Hx".encode(), 2, 10) == "世x界"


PIECES = st.one_of(
    st.builds(
        lambda mark, numbers, between, name: f"\x1b[{mark}{';'.join(numbers)}{between}{name}",
        st.sampled_from(["", "?", ">", "=", "<", "!"]),
        st.lists(st.sampled_from(["", "0", "2", "5", "1000", "9" * 30, "4:3"]), max_size=6),
        st.sampled_from(["", " ", "$"]),
        st.sampled_from(list("@ABCDEFGHIJKLMPSTXZ`abcdefghilmnpqrstuvx")),
    ),
    st.sampled_from(["\x1b7", "\x1b8", "\x1bM", "\x1b(0", "\x1b#8", "\x1bc", "\x1b]0;t\x07", "\x1bPq\x1b\\"]),
    st.sampled_from(
        ["text", "\r", "\n", "\t", "\b", "世", "e\u0301", "\x0e", "\x9b1m", "\x1b[?1049h", "\x1b["]
    ),
)


@given(st.lists(PIECES, max_size=40))
def test_no_sequence_stops_a_screen(pieces: list[str]) -> None:
    shown = render_screen("".join(pieces).encode(), 5, 20)
    assert len(shown.splitlines()) <= 5


@pytest.mark.parametrize("raw", [b"\x1b[" + b"0;" * 100_000, b"\x1b[" * 50_000, b"\x1b[9999b" * 20_000])
def test_a_screen_of_nasty_sequences_takes_linear_time(raw: bytes) -> None:
    started = time.monotonic()
    render_screen(raw, 40, 120)
    assert time.monotonic() - started < 5


def test_a_screen_after_an_editor_shows_the_shell_again() -> None:
    data = b"$ vim\r\n\x1b[?1049h\x1b[2J~ editor ~\x1b[?1049l$ after"
    assert render_screen(data, 5, 20) == "$ vim\n$ after"
    assert render_screen(data[: data.index(b"\x1b[?1049l")], 5, 20).strip() == "~ editor ~"
