"""What the name of a dropout's argument says: a share to keep, or a share to drop."""

from __future__ import annotations

import re

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_KEEP = frozenset({"keep", "kept", "keeping", "retain", "retention"})
_PROBABILITY = frozenset(
    {"p", "prob", "probs", "probability", "proba", "rate", "ratio", "fraction", "share", "percent"}
)
_PLAIN = frozenset(
    {"dropout", "hidden", "input", "inputs", "conv", "fc", "dense", "lstm", "rnn", "train", "test", "ph", "placeholder"}
)
_WHOLE = {
    "keepprob": "keep",
    "keeprate": "keep",
    "pkeep": "keep",
    "droprate": "drop",
    "dropprob": "drop",
    "pdrop": "drop",
}


def meaning(spelled: str | None) -> str | None:
    """ "keep" for `args.keep_prob` and `1 - drop_rate`, "drop" for `dropout_rate` and `1 - keep_prob`, else None.

    `dropout` alone says neither: it names both in published code.
    """
    if spelled is None:
        return None
    flipped = spelled.startswith("1 - ")
    names = re.findall(r"\w+", spelled[4:] if flipped else spelled)
    found = _of_name(names[-1]) if names else None
    if found is None or not flipped:
        return found
    return "drop" if found == "keep" else "keep"


_AMOUNT = r"\b(?:prob(?:ability)?|share|fraction|rate|ratio)\s+(?:of|to|for)\s+(?:be(?:ing)?\s+)?"
_KEEPING = re.compile(_AMOUNT + "ke(?:ep|pt)", re.IGNORECASE)
_DROPPING = re.compile(_AMOUNT + "drop", re.IGNORECASE)


def meaning_in_words(comment: str) -> str | None:
    """ "keep" for "probability to keep units", "drop" for "fraction to drop", None for anything else, or for both."""
    keeps, drops = _KEEPING.search(comment) is not None, _DROPPING.search(comment) is not None
    return None if keeps == drops else "keep" if keeps else "drop"


def _of_name(name: str) -> str | None:
    words = [word.lower() for part in name.split("_") for word in _WORDS.findall(part)]
    rest = {word for word in words if not word.isdigit()}
    if len(rest) == 1 and (only := next(iter(rest))) in _WHOLE:
        return _WHOLE[only]
    if rest & _KEEP:
        rest -= _KEEP
        return "keep" if rest & _PROBABILITY or rest <= _PLAIN else None
    if any(word.startswith("drop") for word in rest) and rest & _PROBABILITY:
        return "drop"
    return None
