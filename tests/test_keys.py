import pytest

from zsh_tool.keys import UnknownKeyError, key_bytes


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("C-c", b"\x03"),
        ("c-c", None),
        ("^D", b"\x04"),
        ("C-c Up F5", b"\x03\x1b[A\x1b[15~"),
        ("q Enter", b"q\r"),
        ("Escape", b"\x1b"),
        ("M-x", b"\x1bx"),
        ("M-Enter", b"\x1b\r"),
        ("C-Up", b"\x1b[1;5A"),
        ("S-Right", b"\x1b[1;2C"),
        ("C-M-Delete", b"\x1b[3;7~"),
        ("BTab", b"\x1b[Z"),
        ("S-Tab", b"\x1b[Z"),
        ("C-Space", b"\x00"),
        ("C-[", b"\x1b"),
        ("C-?", b"\x7f"),
        ("Ctrl-C ctrl+d Control-x", b"\x03\x04\x18"),
        ("<C-c> <Up>", b"\x03\x1b[A"),
        ("Alt+x Shift-Tab Ctrl+Alt+Delete", b"\x1bx\x1b[Z\x1b[3;7~"),
        ("Return", b"\r"),
        ("<> <", None),
        ("ctrl+", None),
        ("é", "é".encode()),
        ("", b""),
        ("-", b"-"),
        ("Enterr", None),
        ("C-é", None),
        ("C-Tab", None),
    ],
)
def test_names_of_keys_become_what_a_terminal_sends(words: str, expected: bytes | None) -> None:
    if expected is None:
        with pytest.raises(UnknownKeyError, match="no key"):
            key_bytes(words)
    else:
        assert key_bytes(words) == expected


@pytest.mark.parametrize("word", ["S3CRET", "C-é", "M-S3CRET", "C-Tab"])
def test_a_word_that_is_no_key_is_named_by_its_place_alone(word: str) -> None:
    with pytest.raises(UnknownKeyError, match=r"^word 2 of keys is no key") as caught:
        key_bytes(f"Up {word} Enter")
    assert word not in str(caught.value)
