"""Code from elsewhere that may set traps: the vectors both languages read, and random text."""

import json
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import CHECKOUT
from tests.memory import Rules
from zsh_tool.foreign import harmless_files, still_harmless

VECTORS = CHECKOUT / "zsh-tool-rs" / "tests" / "vectors" / "foreign.json"


def test_texts_follow_the_vectors(tmp_path: Path) -> None:
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))
    for name, code in vectors["files"].items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(code, encoding="utf-8")
    env = {b"HOME": bytes(tmp_path), b"PATH": b"/nosuch:%b/bin" % bytes(tmp_path), b"READER": b"source"}
    for case in vectors["cases"]:
        files = harmless_files(case["input"].encode(), env, tmp_path)
        assert (files is None) is case["expected"], case["input"]


def test_files_are_looked_at_again(tmp_path: Path) -> None:
    files = harmless_files(b". ./new", {}, tmp_path)
    assert files == [tmp_path / "new"]
    assert still_harmless(files)
    files[0].write_text("x=1", encoding="utf-8")
    assert still_harmless(files)
    files[0].write_text("trap 'a | b' EXIT", encoding="utf-8")
    assert not still_harmless(files)


PIECE_LIST = """
    source . eval emulate cd pushd - -c builtin alias s=source ${s:-. $
    ]] repeat exec 2> 2 -- {  } ! do then if x=1 > ; & | ( ) ` ' " \\ = ~ ~/ $x $HOME ${HOME} ${PWD}
    HOME / passwd ./etc /etc/passwd etc/passwd sh zshenv-nosuch * \u00e9
"""
PIECES = PIECE_LIST.split()
TEXTS = st.one_of(
    st.lists(st.sampled_from([*PIECES, "\n", "\t"]), max_size=12).map(" ".join),
    st.lists(st.sampled_from([*PIECES, " ", "\n"]), max_size=12).map("".join),
)


@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS)
def test_both_languages_agree_on_any_text(rust: Rules, text: str) -> None:
    # What the executor's side is asked with too.
    env = {b"HOME": b"/etc", b"PATH": b"/bin"}
    ours = harmless_files(text.encode(), env, Path("/")) is None
    assert json.loads(rust.ask(json.dumps(text)))["may_set_traps"] is ours


def test_a_long_hostile_text_takes_no_time(rust: Rules) -> None:
    for text in (
        "{ a " * 50_000,
        ". /nosuch;" * 20_000,
        "$HOME x=y;alias x=y;" * 20_000,
        "$x;alias x=y;" * 20_000,
        "cd x;" * 50_000,
        ". $HOME;" * 20_000,
        "'\"" * 100_000,
    ):
        theirs = json.loads(rust.ask(json.dumps(text)))["may_set_traps"]
        ours = harmless_files(text.encode(), {b"HOME": b"/etc", b"PATH": b"/bin"}, Path("/"))
        assert theirs is (ours is None)
