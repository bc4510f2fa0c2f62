"""Names of keys, as tmux has them, to the bytes that a terminal sends for them. Pure."""

import re
from collections.abc import Mapping
from typing import Final

_NAMED: Final[Mapping[str, str]] = {
    "enter": "\r",
    "return": "\r",
    "escape": "\x1b",
    "esc": "\x1b",
    "tab": "\t",
    "btab": "\x1b[Z",
    "space": " ",
    "bspace": "\x7f",
    "backspace": "\x7f",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "insert": "\x1b[2~",
    "ic": "\x1b[2~",
    "delete": "\x1b[3~",
    "dc": "\x1b[3~",
    "pageup": "\x1b[5~",
    "ppage": "\x1b[5~",
    "pgup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    "npage": "\x1b[6~",
    "pgdn": "\x1b[6~",
    "f1": "\x1bOP",
    "f2": "\x1bOQ",
    "f3": "\x1bOR",
    "f4": "\x1bOS",
    "f5": "\x1b[15~",
    "f6": "\x1b[17~",
    "f7": "\x1b[18~",
    "f8": "\x1b[19~",
    "f9": "\x1b[20~",
    "f10": "\x1b[21~",
    "f11": "\x1b[23~",
    "f12": "\x1b[24~",
}
_MODIFIERS: Final = {"S": 1, "M": 2, "C": 4}
_SPELT_OUT: Final = re.compile(r"(ctrl|control|alt|meta|shift)[-+](?=.)", re.IGNORECASE)
_SHORT: Final = {"ctrl": "C-", "control": "C-", "alt": "M-", "meta": "M-", "shift": "S-"}
"""How other programs write modifiers: taken too, since nothing else could be meant."""
_CURSOR: Final = re.compile(r"\x1b[\[O]([A-HP-S])")
_TILDE: Final = re.compile(r"\x1b\[(\d+)~")


class UnknownKeyError(ValueError):
    """A word is no key's name; the text says which by its place, as it can be meant for a prompt that hides it."""


def key_bytes(words: str) -> bytes:
    """Return what a terminal sends for keys named one after the other, such as ``C-c Up F5``."""
    return "".join(_key(word, place) for place, word in enumerate(words.split(), 1)).encode("utf-8")


def _key(word: str, place: int) -> str:
    modifiers = 0
    name = _SPELT_OUT.sub(lambda found: _SHORT[found[1].lower()], word)
    if len(name) > 3 and name[0] == "<" and name[-1] == ">":
        name = name[1:-1]
    while len(name) > 2 and name[1] == "-" and name[0] in _MODIFIERS:
        modifiers |= _MODIFIERS[name[0]]
        name = name[2:]
    if len(name) == 2 and name[0] == "^":
        modifiers, name = modifiers | _MODIFIERS["C"], name[1]
    if name.lower() in _NAMED and len(name) > 1:
        return _modified(_NAMED[name.lower()], modifiers, place)
    if len(name) != 1:
        raise UnknownKeyError(
            f"word {place} of keys is no key; use names such as Enter Tab Up PageDown F5 C-c M-x, or input for text"
        )
    return _modified_character(name, modifiers, place)


def _modified_character(char: str, modifiers: int, place: int) -> str:
    if modifiers & _MODIFIERS["S"]:
        char = char.upper()
    if modifiers & _MODIFIERS["C"]:
        upper = char.upper()
        if upper == "?":
            char = "\x7f"
        elif upper == " " or "@" <= upper <= "_":
            char = chr(ord(upper) & 0x1F)
        else:
            raise UnknownKeyError(f"word {place} of keys is no key that a terminal can send")
    return f"\x1b{char}" if modifiers & _MODIFIERS["M"] else char


def _modified(sequence: str, modifiers: int, place: int) -> str:
    if not modifiers:
        return sequence
    if found := _CURSOR.fullmatch(sequence):
        return f"\x1b[1;{modifiers + 1}{found[1]}"
    if found := _TILDE.fullmatch(sequence):
        return f"\x1b[{found[1]};{modifiers + 1}~"
    if sequence == "\t" and modifiers == _MODIFIERS["S"]:
        return "\x1b[Z"
    if sequence == " " and modifiers & _MODIFIERS["C"]:
        return "\x00"
    if modifiers == _MODIFIERS["M"]:
        return f"\x1b{sequence}"
    raise UnknownKeyError(f"word {place} of keys is no key that a terminal can send")
