"""Hash, template and pipeline split of a command's text: the keys under which history is found.

Both languages implement these rules, and existing databases hold their results, so a change here is a
change of the database's contract. Everything is pure. Whitespace is what ``str.isspace`` accepts, a digit
is ASCII, and every non-ASCII character counts as part of a word.
"""

import hashlib
import re
from typing import Final

HASH_RULE: Final = 1
"""Number of the hash rule, as the ``meta`` table names it."""

PREVIEW_CHARS: Final = 200
"""Characters of a command that its row keeps for people to read."""

_DOUBLE_QUOTED: Final = re.compile(r'"[^"]*"')
_SINGLE_QUOTED: Final = re.compile(r"'[^']*'")
# Named by what it is not: a range up to the last character takes 5 ms to compile.
_WORD: Final = r"[^\x00-/:-@\[-^`{-\x7f]"
_NUMBER: Final = re.compile(rf"(?<!{_WORD})[0-9]+(?!{_WORD})")

_BASE_WORD_LIST: Final = """
    git npm yarn pip docker kubectl make cargo go python node ruby curl wget cat grep find ls cd rm cp mv
    mkdir systemctl journalctl apt pacman brew
"""
_BASE_WORDS: Final = frozenset(_BASE_WORD_LIST.split())

# A backslash escapes the next character everywhere, inside single quotes too: so the segments that old
# databases hold were cut. The closing quote is optional, hence nothing here can backtrack.
_TOKEN: Final = re.compile(r"""\\[\s\S]?|'(?:[^'\\]+|\\[\s\S])*'?|"(?:[^"\\]+|\\[\s\S])*"?|\|\||[|;&\n]""")

# First words after which the codes of a pipeline do not belong to the segments of its text.
_RESERVED_WORD_LIST: Final = """
    ! [[ { } case coproc declare do done elif else end esac export fi float for foreach function if integer
    local nocorrect readonly repeat select then time typeset until while
"""
_RESERVED_WORDS: Final = frozenset(_RESERVED_WORD_LIST.split())
_WORD_END: Final = re.compile(r"[\s|;&<>()]")


def normalize(command: str) -> str:
    """Return the text that is hashed: quoted parts emptied, whitespace collapsed, whole numbers as N."""
    text = " ".join(command.split())
    text = _DOUBLE_QUOTED.sub('""', text)
    text = _SINGLE_QUOTED.sub("''", text)
    return _NUMBER.sub("N", text)


def hash_command(command: str) -> str:
    """Return the 16 hex digits under which runs of this command are counted together."""
    return hashlib.sha256(normalize(command).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def template_command(command: str) -> str:
    """Return the command with its arguments as ``*``: the base words and the flags stay."""
    tokens = command.split()
    out: list[str] = []
    complete = False
    for index, token in enumerate(tokens):
        kept = token if not complete or token.startswith("-") else "*"
        complete = complete or _completes_base(tokens, index)
        if kept != "*" or out[-1:] != ["*"]:
            out.append(kept)
    return " ".join(out)


def _completes_base(tokens: list[str], index: int) -> bool:
    if tokens[index].lower() not in _BASE_WORDS:
        return index >= 1
    return index + 1 == len(tokens) or tokens[index + 1].startswith("-")


def parse_pipeline(command: str) -> list[str]:
    """Split a command at its unquoted single ``|`` into trimmed segments; empty ones are dropped."""
    segments: list[str] = []
    begin = 0
    for cut in [*(found.start() for found in _TOKEN.finditer(command) if found[0] == "|"), len(command)]:
        if segment := command[begin:cut].strip():
            segments.append(segment)
        begin = cut + 1
    return segments


def is_single_pipeline(command: str) -> bool:
    """Tell whether the whole text is one pipeline, so that its codes belong to its segments in order."""
    text = command.strip()
    if text.startswith("(") or _WORD_END.split(text, maxsplit=1)[0] in _RESERVED_WORDS:
        return False
    quoted_end = 0
    for found in _TOKEN.finditer(text):
        if _is_quoted(found):
            quoted_end = found.end()
        elif found[0] == "&":
            before = "" if found.start() == quoted_end else text[found.start() - 1]
            if before not in ("|", ">") and not text.startswith(">", found.end()):
                return False
        elif found[0] != "|":
            return False
    return True


def _is_quoted(token: re.Match[str]) -> bool:
    return token[0][0] in "\\'\""
