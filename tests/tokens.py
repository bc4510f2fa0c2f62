"""How many tokens a text costs at most, without a tokenizer's tables.

Real tokenizers cut text into words, runs of digits and runs of signs first, and never join across these cuts.
Here a word costs a token for each begun six letters, a run of signs one for each begun four: for text like
ours that is more than any real table asks. tests/interop measures the same texts with a real tokenizer and
proves that it counts no more than this.
"""

import re
from typing import Final

_PIECE: Final = re.compile(r" ?[A-Za-z]+|\d{1,3}| ?[^\sA-Za-z\d]+|\s+")
_LETTERS_PER_TOKEN: Final = 6
_SIGNS_PER_TOKEN: Final = 4


def most_tokens(text: str) -> int:
    """Return an upper bound of what ``text`` costs."""
    return sum(_cost(piece.strip()) for piece in _PIECE.findall(text))


def _cost(piece: str) -> int:
    if not piece.isascii():
        return len(piece.encode("utf-8"))
    if piece.isalpha():
        return -(-len(piece) // _LETTERS_PER_TOKEN)
    return 1 if piece.isdigit() else max(1, -(-len(piece) // _SIGNS_PER_TOKEN))
