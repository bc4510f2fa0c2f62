"""Deltas, lines, grep: what a reply shows of kept output."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.test_output_store import kept_output, numbered
from zsh_tool.output import layout, search, view
from zsh_tool.output.store import OutputStore
from zsh_tool.output.writer import OutputWriter

pytestmark = pytest.mark.anyio


async def shown(tmp_path: Path, data: bytes, max_chars: int = 16_000) -> str:
    return (await view.full(kept_output(tmp_path, data), max_chars=max_chars)).text


async def test_short_output_is_shown_as_it_is(tmp_path: Path) -> None:
    assert await shown(tmp_path, b"one\ntwo\n") == "one\ntwo"


@pytest.mark.parametrize("count", [3_000, 300_000])
@pytest.mark.parametrize("most", [200, 300, 500, 1_000, 16_000, 45_000])
async def test_a_cut_output_never_exceeds_its_limit(tmp_path: Path, most: int, count: int) -> None:
    lines = [b"line %d" % number for number in range(1, count)]
    lines[count // 2 : count // 2 + 50] = [b"error: %d is wrong" % number for number in range(50)]
    text = await shown(tmp_path, b"\n".join(lines), most)
    assert len(text) <= most
    assert text.startswith("line 1\n")
    assert text.endswith(f"line {count - 1}")
    assert "error: " in text or most < 500


async def test_a_long_output_keeps_head_tail_and_errors(tmp_path: Path) -> None:
    lines = [b"step %d is fine" % number for number in range(1, 5001)]
    lines[2499] = b"main.c:7: error: no such thing"
    reduced = await view.full(kept_output(tmp_path, b"\n".join(lines)))
    assert reduced.truncated
    assert len(reduced.text) <= 16_500
    text = reduced.text.split("\n")
    assert text[0] == "step 1 is fine"
    assert text[-1] == "step 5000 is fine"
    assert "2500: main.c:7: error: no such thing" in text
    cut = next(line for line in text if line.startswith("[lines "))
    first, last = cut.split()[1].split("-")
    assert f'lines="{first}-{last}"' in cut
    assert text[text.index(cut) - 1] == f"step {int(first) - 1} is fine"
    assert f"step {int(last) + 1} is fine" in text[text.index(cut) :][3]
    shares = [len("\n".join(text[: text.index(cut)])), 16_000 * 0.25]
    assert abs(shares[0] - shares[1]) < 100


@pytest.mark.parametrize("around", [5_000, 200_000])
@pytest.mark.parametrize("padding", ["x " * 120, "é" * 700, "äé" * 600, "x" * 30_000])
async def test_an_error_far_inside_a_long_line_is_shown_with_its_surroundings(
    tmp_path: Path, padding: str, around: int
) -> None:
    filling = "".join(f"{number}\n" for number in range(1, around + 1))
    data = f"{filling}a{padding} fatal error: boom {'y ' * 300}\n{filling}"
    text = await shown(tmp_path, data.encode())
    found = next(line for line in text.split("\n") if line.startswith(f"{around + 1}: "))
    assert " fatal error: boom y y" in found
    assert "\ufffd" not in found
    assert len(found) < 400


GARBAGE = bytes(number * 131 % 256 ^ number >> 3 & 0xFF for number in range(100_000))


@pytest.mark.parametrize("times", [1, 3, 30])
async def test_binary_between_lines_is_summed_up_and_numbers_stay_right(tmp_path: Path, times: int) -> None:
    text = "".join(f"{number}\n" for number in range(1, 3001)).encode()
    noise = GARBAGE * times + b"\xff" * 300
    store = kept_output(tmp_path, text + noise + b"\nERROR: end\nlast\n")
    whole = await view.full(store)
    shown = whole.text.split("\n")
    assert whole.truncated
    assert shown[:2] == ["1", "2"]
    assert shown[-2:] == ["ERROR: end", "last"]
    assert "\ufffd" not in whole.text
    assert any(line.startswith("[binary output, ") for line in shown)
    assert (await view.lines(store, "-1")).text == "last"
    assert shown[shown.index("ERROR: end") - 1].startswith("[binary output, ")
    cut = next((line for line in shown if line.startswith("[lines ")), None)
    if cut:
        first = int(cut.split()[1].split("-")[0])
        assert shown[shown.index(cut) - 1] == str(first - 1)


async def test_binary_that_has_no_end_of_line_is_summed_up(tmp_path: Path) -> None:
    text = "".join(f"{number}\n" for number in range(1, 3001)).encode()
    whole = (await view.full(kept_output(tmp_path, text + bytes(2_000_000)))).text
    assert "\u2400" not in whole
    assert whole.split("\n")[-1].startswith("[binary output, ")


async def test_megabytes_are_reduced_from_their_ends(tmp_path: Path) -> None:
    data = numbered(400_000)
    at = data.index(b"line 200000\n")
    data = data[:at] + b"E   AssertionError: in the middle\n" + data[at:]
    reduced = await view.full(kept_output(tmp_path, data), max_chars=4000)
    assert reduced.text.startswith("line 1\nline 2\n")
    assert reduced.text.endswith("line 399999\nline 400000")
    assert "\n200000: E   AssertionError: in the middle\n" in reduced.text
    assert len(reduced.text) < 4500


async def test_a_flood_names_the_gap_and_numbers_stay_absolute(tmp_path: Path) -> None:
    writer = OutputWriter(tmp_path)
    block = numbered(10_000)
    total = (layout.HEAD + layout.RING) * 2 // len(block)
    for _ in range(total):
        writer.write(block)
    writer.close()
    store = OutputStore(tmp_path)
    assert "from byte 16777216 on are no longer kept" in (await view.full(store)).notes[0]
    store.growing = False
    reduced = await view.full(store, max_chars=2000)
    (gap,) = reduced.notes
    first, last = map(int, gap.split()[1].split("-"))
    assert gap.startswith(f"lines {first}-{last} (") and gap.endswith(" MB) are no longer kept")
    assert (await view.lines(store, f"{first - 1}")).text == f"line {(first - 2) % 10_000 + 1}"
    assert (await view.lines(store, f"{last + 1}")).text == f"line {last % 10_000 + 1}"
    lost = await view.lines(store, f"{(first + last) // 2}")
    assert (lost.text, lost.truncated, lost.notes) == ("", True, (gap,))
    assert f"{gap} and were not searched" in (await view.grep(store, "nothing like it")).notes
    assert reduced.text.endswith("line 10000")
    last_lines = await view.lines(store, "-2")
    assert last_lines.text == "line 9999\nline 10000"
    found = await view.grep(store, "^line 10000$", spec=f"{total * 10_000 - 5}-")
    assert found.text == f"{total * 10_000}: line 10000"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("3", "line 3"),
        ("3-5", "line 3\nline 4\nline 5"),
        (" 9 - ", "line 9\nline 10"),
        ("-2", "line 9\nline 10"),
        ("9-99", "line 9\nline 10"),
        ("0-1", "line 1"),
    ],
)
async def test_lines_are_one_based_and_inclusive(tmp_path: Path, spec: str, expected: str) -> None:
    assert (await view.lines(kept_output(tmp_path, numbered(10)), spec)).text == expected


async def test_the_unfinished_last_line_counts(tmp_path: Path) -> None:
    assert (await view.lines(kept_output(tmp_path, b"a\nb"), "-1")).text == "b"


async def test_a_count_from_nought_is_put_right(tmp_path: Path) -> None:
    store = kept_output(tmp_path, numbered(10))
    for spec in ("0", "0-1", "00-"):
        assert "lines are counted from 1" in (await view.lines(store, spec)).notes
    assert (await view.lines(store, "1-2")).notes == ()


async def test_lines_past_the_end_say_how_many_there_are(tmp_path: Path) -> None:
    assert (await view.lines(kept_output(tmp_path, numbered(10)), "50-")).notes == (
        "the output has 10 lines",
    )


@pytest.mark.parametrize("spec", ["", "x", "5-3", "1-0", "1,2", "--3", "9" * 5000, "-" + "9" * 5000])
async def test_bad_lines_are_refused(tmp_path: Path, spec: str) -> None:
    with pytest.raises(view.BadViewError) as refused:
        await view.lines(kept_output(tmp_path, b"x"), spec)
    assert len(str(refused.value)) < 150
    with pytest.raises(view.BadViewError):
        view.check(spec, None)


async def test_grep_shows_numbers_and_ignores_colours(tmp_path: Path) -> None:
    store = kept_output(tmp_path, b"ok\n\x1b[31merror\x1b[0m: bad\nok\nanother error\n")
    assert (await view.grep(store, "^error|er+or$")).text == "2: error: bad\n4: another error"
    assert (await view.grep(store, "error", spec="3-")).text == "4: another error"
    assert (await view.grep(store, "nothing")).notes == ("no line matches",)
    with pytest.raises(view.BadViewError):
        await view.grep(store, "(")


async def test_a_hostile_expression_costs_bounded_time(tmp_path: Path) -> None:
    store = kept_output(tmp_path, b"a" * 5000 + b"\n")
    started = time.monotonic()
    searching = asyncio.create_task(view.grep(store, r"(?=(a+)+\1+b)(a|aa)+$b"))
    turns = 0
    while not searching.done():
        await asyncio.wait({searching}, timeout=0.02)
        turns += 1
    reduced = searching.result()
    assert turns > 10, "the loop was held up"
    assert time.monotonic() - started < 20
    assert reduced.notes == (
        'the search took too long and stopped in line 1: simplify it, or go on with lines="2-"',
        "no line matched before that",
    )


async def test_a_line_of_ten_megabytes_is_cut_inside(tmp_path: Path) -> None:
    store = kept_output(tmp_path, b"start " + b"x" * 10_000_000 + b" end")
    started = time.monotonic()
    reduced = await view.full(store)
    assert time.monotonic() - started < 3
    assert reduced.text.startswith("start xxx")
    assert reduced.text.endswith("xxx end")
    assert len(reduced.text) < 10_000
    assert "[the middle of line 1 cut, 10.0 MB in all; grep shows parts of it]" in reduced.text
    assert "characters" not in reduced.text


async def test_a_match_deep_in_a_long_line_is_found_and_shown_with_its_surroundings(tmp_path: Path) -> None:
    line = b"x" * 700_000 + b"the needle is here" + b"y" * 5_000_000
    store = kept_output(tmp_path, b"first\n" + line + b"\nlast\n")
    found = await view.grep(store, r"needle is|yyy")
    assert found.text.startswith("2: [… 699,")
    assert found.text.count("[… more than ") == 1
    assert "xxxthe needle is hereyyy" in found.text
    assert len(found.text) < 1100
    assert (await view.grep(store, r"x{20}the.{9}")).text.count("needle") == 1


async def test_a_long_line_has_one_beginning_and_one_end_and_no_seam(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is found is asked here, however slow the machine.
    monkeypatch.setattr(search, "_LIMIT_SECS", 60.0)
    for number, at in enumerate(range((1 << 20) + (256 << 10) - 6, (1 << 20) + (256 << 10) + 2)):
        place = tmp_path / str(number)
        place.mkdir()
        store = kept_output(place, b"x" * at + "n\u00e4edle".encode() + b"y" * 3_000_000 + b"\nlast\xff")
        assert "näedle" in (await view.grep(store, "näedle")).text
        assert (await view.grep(store, "^y|^ä|^n")).notes == ("no line matches",)
        assert (await view.grep(store, "x$|l$|e$")).notes == ("no line matches",)
        assert (await view.grep(store, "y$|^last")).text.count(":") == 2
        assert (await view.grep(store, "^xx")).text.startswith("1: xxx")
        assert (await view.grep(store, "last")).text == "2: last\ufffd"


async def test_grep_finds_what_a_redrawn_line_showed_before(tmp_path: Path) -> None:
    store = kept_output(tmp_path, b"10 %\r50 % error\r100 %\ndone\r\n")
    assert (await view.grep(store, "%")).text == "1: 100 %"
    assert (await view.grep(store, "^50")).text == "1: 50 % error"
    assert (await view.grep(store, "error$")).text == "1: 50 % error"
    assert (await view.grep(store, r"^\d+ %$")).text == "1: 100 %"
    assert (await view.grep(store, "^done$")).text == "2: done"
    assert (await view.grep(store, "nothing")).notes == ("no line matches",)


async def test_deltas_never_split_a_character_or_an_escape(tmp_path: Path) -> None:
    writer = OutputWriter(tmp_path)
    store = OutputStore(tmp_path)
    seen, at = "", 0
    c1 = "\x9b31mred\x9b0m \x9d0;a title\x9c\x1b]0;title\x9c\x90q\x1b\\end"
    for byte in f"é → 😀 \x1b[31mred\x1b[0m \x1b]0;title\x07end\r\n{c1}\r\nnext\n".encode():
        writer.write(bytes([byte]))
        reduced = await view.delta(store, at)
        assert "\ufffd" not in reduced.text
        seen += reduced.text or ("\n" if store.read(at, reduced.end).endswith(b"\n") else "")
        at = reduced.end
    writer.close()
    assert seen == "é → 😀 red end\nred end\nnext\n"
    writer_total = store.total
    assert at == writer_total


async def test_a_delta_never_splits_a_long_link_or_picture(tmp_path: Path) -> None:
    writer = OutputWriter(tmp_path)
    store = OutputStore(tmp_path)
    seen, at = "", 0
    link = b"\x1b]8;;http://" + b"x" * 5000 + b"\x1b\\"
    picture = b"\x1b_Gf=100;" + b"A" * 50_000 + b"\x1b\\"
    for data in (
        b"a " + link[:3000],
        link[3000:-1],
        link[-1:],
        b"b " + picture[:40_000],
        picture[40_000:] + b"c",
    ):
        writer.write(data)
        reduced = await view.delta(store, at)
        seen, at = seen + reduced.text, reduced.end
    writer.close()
    assert seen == "a b c"


async def test_invalid_bytes_are_visible_and_never_surrogates(tmp_path: Path) -> None:
    text = await shown(tmp_path, b"caf\xe9 and \xed\xa0\x80 end of a longer line of text")
    assert text.encode().decode() == text
    assert text.startswith("caf\ufffd and ")


async def test_what_is_held_back_is_shown_at_the_end(tmp_path: Path) -> None:
    store = kept_output(tmp_path, b"a long enough text \xf0\x9f")
    assert (await view.delta(store, 0)).text == "a long enough text "
    assert (await view.delta(store, 0, final=True)).text == "a long enough text \ufffd"
