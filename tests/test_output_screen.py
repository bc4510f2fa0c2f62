"""A terminal's output becomes the screen that a person would see."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.test_output_store import kept_output
from zsh_tool.output import emulation, view
from zsh_tool.output.screen import NOT_DRAWN, AlternateScreen, render_screen, screen_of


def test_a_screen_shows_what_a_person_would_see() -> None:
    data = b"gone\x1b[2J\x1b[1;1Htop\x1b[3;5Hhere\x1b[31m red\x1b[0m"
    assert render_screen(data, 5, 20) == "top\n\n    here red"


def test_a_screen_survives_what_editors_send() -> None:
    data = b"\x1b[?4m\x1b[>4;2m\x1b[1;2;3Hhere\x1b[?25l\x1b[9J\x1b[2K\x1b[1;5Hnow\x1b[99999999999999999999A"
    assert render_screen(data, 5, 20) == "    now"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"\x1b[?1049h\xc2\x9b?D hello", " hello"),
        (b"gone\xc2\x9b?1049halternate", "alternate"),
        (
            "\u26a0\ufe0f  warning: disk full\r\nnext \u2714\ufe0f done ok".encode(),
            "⚠  warning: disk full\nnext ✔ done ok",
        ),
        ("abc\u200bdef ghi\x18 jkl".encode(), "abcdef ghi jkl"),
        ("\U0001f469\u200d\U0001f4bb codes".encode(), "\U0001f469\U0001f4bb codes"),
        ("กำลังติดตั้ง ok".encode(), "กำลังติดตั้ง ok"),
        (b"\x1b(0lqqk\r\nx\x1b(B q \x1b(0x\x1b(B", "┌──┐\n│ q │"),
        ("\x1b(0q\x1b(Aé\x0eq\x0f".encode(), "─éq"),
        (b"\x1b)0\x0eq\x0fq", "─q"),
        (b"a\r\nb\r\nc\r\nd\x1b[2S!", "c\nd\n\n !"),
        (b"a\r\nb\r\nc\x1b[2T!", "\n\na!\nb\nc"),
        (b"a\r\nb\r\nc\r\nd\x1b[2;3r\x1b[S", "a\nc\n\nd"),
        (b"a\x1b[4;1Hd\x1b[1;1H\x1b[M", "\n\nd"),
        (b"a\x1b[5b!", "aaaaaa!"),
        (b"\x1b[5b!", "!"),
        (b"A\x1bP+q544e\x1b\\B\x1b_Gf=100;AAAA\x1b\\\x1b^x\x1b\\\x1bXy\x1b\\D", "ABD"),
        ("A\x90+q\x9cB\x9d0;t\x07D".encode(), "ABD"),
        (b"abc\x1b[s\x1b[5;5Hx\x1b[uD\x1b[1;9H\x1b[ue", "abce\n\n\n\n    x"),
        (b"a\x1b[\xc2\xb2b\x1b[?5\x07c\x1b\x1b[31md\x1b[1?2he\x1b[3", "a²bcde"),
        (b"\x1b[?6h\x1b[3dx", "\n\nx"),
        (b"kept\x1b[!p\x1b[?3;4l\x1b[4l\x1b>", "kept"),
    ],
)
def test_a_screen_shows_what_a_terminal_makes_of(raw: bytes, expected: str) -> None:
    assert render_screen(raw, 5, 40) == expected


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
        [
            "text",
            "\r",
            "\n",
            "\t",
            "\b",
            "世",
            "e\u0301",
            "\x0e",
            "\x9b1m",
            "\x1b[?1049h",
            "\x1b[",
            "\x9b?",
            "\x1b[?6h",
        ]
    ),
    st.text(
        st.sampled_from("\x18\x7f\x84\x8d\x90\x9b\x9d²\u0301\u200d\ufe0f\u0e31\U0001f469D;5?(%#"), max_size=5
    ),
)


@given(st.lists(PIECES, max_size=40))
def test_no_sequence_stops_a_screen(pieces: list[str]) -> None:
    shown = render_screen("".join(pieces).encode(), 5, 20)
    assert len(shown.splitlines()) <= 5


@given(st.binary(max_size=200))
def test_no_bytes_stop_a_screen(raw: bytes) -> None:
    shown = render_screen(b"\x1b[?6h\x1b(0" + raw.replace(b"\x80", b"\x1b[").replace(b"\x81", b"\xc2"), 5, 20)
    assert len(shown.split("\n")) <= 5


FILLED = b"\x1b#8"


@pytest.mark.parametrize(
    "raw",
    [
        b"\x1b[" + b"0;" * 100_000,
        b"\x1b[" * 50_000,
        b"\x1b[9999b" * 20_000,
        b"a" + b"\x1b[9999b" * 4_000,
        b"\x1b#8" * 20_000,
        b"\x1b#8a" * 7_000,
        b"a" + b"\xcc\x81" * 20_000,
        FILLED + b"\x1b[?5h" * 2_000,
        FILLED + b"\x1b[?5h\x1b[?5l" * 20_000,
        FILLED + b"\x1b[2J" * 50_000,
        b"\x1b7" * 60_000,
        b"\x1b]" * 60_000,
        b"\xc2\x9d0;" * 40_000,
    ],
)
def test_a_screen_of_nasty_sequences_takes_linear_time(raw: bytes) -> None:
    started = time.monotonic()
    render_screen(raw, 40, 120)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("failure", [TypeError, TimeoutError])
def test_a_screen_that_cannot_be_drawn_is_shown_as_plain_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: type[Exception]
) -> None:
    def fails(*_: object) -> list[list[str]]:
        raise failure

    monkeypatch.setattr(emulation, "cells", fails)
    store = kept_output(tmp_path, b"one\r\n\x1b[31mtwo\x1b[m\r\nthree\r\n")
    shown = screen_of(store, 2, 20)
    assert (shown.text, shown.notes, shown.end) == ("two\nthree", (NOT_DRAWN,), store.total)


@pytest.mark.anyio
async def test_what_draws_the_whole_screen_is_not_said_to_be_shown_where_it_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = kept_output(tmp_path, b"$ vi\r\n\x1b[?1049h~ editor")
    taken = AlternateScreen()
    drawn = await view.terminal_delta(store, 0, taken, (5, 20))
    assert (drawn.text, drawn.notes) == (
        "$ vi\n~ editor",
        ("this program draws the whole screen, shown as it is now",),
    )
    monkeypatch.setattr("zsh_tool.output.screen._DRAWING_MAX_SECS", -1.0)
    drawn = await view.terminal_delta(store, 0, taken, (5, 20))
    assert drawn.text.endswith("~ editor")
    assert drawn.notes == (NOT_DRAWN,)


def test_a_replay_of_a_screen_ends_when_its_time_is_over() -> None:
    with pytest.raises(TimeoutError):
        emulation.cells("x" * 1000, 5, 20, time.monotonic() - 1)


def test_a_screen_after_an_editor_shows_the_shell_again() -> None:
    data = b"$ vim\r\n\x1b[?1049h\x1b[2J~ editor ~\x1b[?1049l$ after"
    assert render_screen(data, 5, 20) == "$ vim\n$ after"
    assert render_screen(data[: data.index(b"\x1b[?1049l")], 5, 20).strip() == "~ editor ~"
