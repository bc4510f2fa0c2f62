"""Raw bytes become text that a model can read."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsh_tool.output.reduce import reduce_output
from zsh_tool.output.text import held_back, looks_binary, plain, plain_lines


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"\x1b[1;31mred\x1b[0m", "red"),
        (b"\x1b]0;a title\x07text", "text"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"\x1bP1$r0m\x1b\\after", "after"),
        (b"\x1b(B\x1b=\x1b7plain", "plain"),
        (b"a\r\nb\r\r\nc", "a\nb\nc"),
        (b"N\x08NA\x08AM\x08ME", "NAME"),
        (b"bell\x07 and \x0bmore\x7f", "bell and more"),
        (b"a\0b", "a\u2400b"),
        ("\x9b31mc1\x9b0m".encode(), "c1"),
        ("a\x9d0;title\x07b".encode(), "ab"),
        ("a\x9d8;;http://x\x1b\\b\x90q\x9cc\x98x\x9cd\x9ey\x9ce\x9fz\x9cf".encode(), "abcdef"),
        ("a\x1b]0;title\x9cb\nc".encode(), "ab\nc"),
        ("a\x9d0;title\x9c\x9d1;icon\x9cb".encode(), "ab"),
        ("the \x9d rest\n".encode(), "the  rest\n"),
        ("StraÃ\x9fe, mu\x9e, â\x80\x9dquoted\x07".encode(), "StraÃe, mu, âquoted"),
        (b"\x1b[31", "31"),
    ],
)
def test_control_sequences_are_removed(raw: bytes, expected: str) -> None:
    assert plain(raw) in {expected, expected.replace("31", "[31", 1)}


def test_an_unterminated_title_does_not_swallow_the_rest() -> None:
    assert plain(b"\x1b]0;title\nthe rest") == "\nthe rest"


def test_a_redrawn_line_is_shown_in_its_last_state() -> None:
    assert plain_lines(b" 10%\r 50%\r100%\ndone\n") == ["100%", "done"]
    assert plain_lines(b" 10%\r 50%\r") == [" 50%"]


def test_exact_repeats_are_collapsed_and_differing_lines_never() -> None:
    df = b"/dev/a 10 20\n/dev/b 10 20\n/dev/c 10 20\n"
    assert reduce_output(df).text == df.decode().rstrip()
    repeated = reduce_output(b"first\n" + b"retrying\n" * 41 + b"last\n").text
    assert repeated == "first\nretrying\n[the line above 40 more times]\nlast"
    assert reduce_output(b"y\ny\ny\n").text == "y\ny\ny"


@pytest.mark.parametrize("lines", [1, 2, 5])
def test_a_few_long_lines_are_all_shown_and_cut_inside(lines: int) -> None:
    long = "".join(f"{number:06d};" for number in range(5000))
    reduced = reduce_output("\n".join(["short", *(f"{long}end {number}" for number in range(lines)), "last"]))
    shown = reduced.text.split("\n")
    assert (len(shown), shown[0], shown[-1]) == (lines + 2, "short", "last")
    for number, line in enumerate(shown[1:-1]):
        assert line.startswith("000000;0")
        assert line.endswith(f";end {number}")
    assert 15_000 < len(reduced.text) <= 16_000
    assert reduced.truncated
    assert reduced.notes == ("long lines are cut inside; grep shows parts",)


@pytest.mark.parametrize("limit", [200, 300, 1000, 16_000])
@pytest.mark.parametrize("count", [1, 2, 3, 9, 300])
def test_the_lines_that_are_said_to_be_cut_are_there(limit: int, count: int) -> None:
    text = reduce_output(("x" * 30_000 + "\n") * count + ("y" * 3000 + "\n") * count, limit).text
    for cut in (line for line in text.split("\n") if line.startswith("[lines ")):
        first, last = map(int, cut.split()[1].split("-"))
        assert 1 <= first <= last <= 2 * count
    assert len(text) <= limit


def test_numbers_stay_right_behind_collapsed_lines() -> None:
    data = b"same\n" * 1000 + b"".join(b"different %d\n" % n for n in range(1001, 3001))
    text = reduce_output(data, 2000).text
    cut = next(line for line in text.split("\n") if line.startswith("[lines "))
    first, last = map(int, cut.split()[1].split("-"))
    assert f"different {first - 1}\n[lines" in text
    assert f"different {last + 1}\n" in text


@pytest.mark.parametrize(
    "raw", [bytes(range(256)) * 8, b"\x7fELF\x02\x01\x01" + bytes(2000), b"\xff\xfe" * 500]
)
def test_binary_output_is_summed_up(raw: bytes) -> None:
    text = reduce_output(raw).text
    assert text.startswith(f"[binary output, {len(raw):,} bytes, starting {raw[:2].hex(' ')}")


@pytest.mark.parametrize(
    "raw",
    [
        "Grüße, 世界 😀".encode(),
        b"./a file\0./another file\0./third/one\0" * 5,
        b"",
        b"\xe4",
        b"a\0b\n",
        b"\xff\xfe",
    ],
)
def test_text_is_not_taken_for_binary(raw: bytes) -> None:
    assert not looks_binary(raw)


@given(st.binary(max_size=300), st.integers(200, 400))
def test_any_bytes_give_valid_text_of_bounded_size(raw: bytes, limit: int) -> None:
    text = reduce_output(raw * 5, limit).text
    assert text.encode().decode() == text
    assert "\x1b" not in text
    assert len(text) < limit * 3


@given(st.text(max_size=100))
def test_a_cut_anywhere_is_repaired_by_holding_back(text: str) -> None:
    data = text.encode("utf-8", "replace")
    for cut in range(len(data) + 1):
        kept = cut - held_back(data[:cut])
        assert kept >= 0
        if "\x1b" not in text and "\r" not in text:
            data[:kept].decode()


@pytest.mark.parametrize(
    "raw",
    [
        b"\x1b[" * 500_000,
        b"\x1b]" * 500_000,
        b"\x1b]0;" + b"x" * 1_000_000,
        b"\x1b[" + b"0;" * 500_000,
        b"\xc2\x9d" * 500_000,
        b"\xc2\x9d" * 500_000 + b"\x07x",
        b"\x1b]" + b"\xc2\x9d0" * 300_000,
        b"\xc2\x9b" * 500_000,
        b"x" * 1_000_000 + b"\x08" * 1_000_000,
        b"a\r" * 500_000,
        b"error " * 150_000,
        b"\n" * 1_000_000,
        b"\xff" * 1_000_000,
        b"wordwithouterror" * 60_000,
        b"x" * 9000 + bytes(1_000_000),
        b"x" * 9000 + (bytes(1024) + b"x" * 1024) * 500,
        b"x" * 9000 + (bytes(1024) + b"x" * 1024 + b"\n") * 500,
    ],
)
def test_nasty_megabytes_take_linear_time(raw: bytes) -> None:
    started = time.monotonic()
    held_back(raw)
    reduce_output(raw)
    assert time.monotonic() - started < 5
