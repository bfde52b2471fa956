"""The versions of TensorFlow and Keras that prose mentions: a README, or what stands at the top of a script.

People who pin nothing often write what they used, as "Requirements: TensorFlow 1.4, Keras 2.0.8" or as a badge.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.project.requirements import Pin

MOST = 50_000
"""Characters of a text that are read."""

_NAME = re.compile(
    r"(?:(?<![A-Za-z0-9.@/_-])(?:tensorflow/)?|(?<=badge/))(tensor[ \t]?flow|keras|tf)"
    r"(?:[ \t_-]?[cg]pu|[ \t]*\([cg]pu\))?"
    # A link, or the marks that a name stands out with.
    r"[`*_\"'™]*(?:\]\([^)\s]{0,200}\)|\])?[`*_\"']*"
    r"[ \t:|,]*(?:[(\[][ \t]*)?(?:version|ver\.?|release)?[ \t:`*=]*",
    re.IGNORECASE,
)
_OPERATOR = re.compile(r"(?:(?:-|%20)?(==|>=|<=|~=|=|>|<|≥|≤|\^|&gt;=|&ge;|%3E%3D|%3D%3D)|-)?[ \t`]*", re.IGNORECASE)
_VERSION = re.compile(
    r"[vr]?(\d{1,2}(?:\.(?:\d{1,2}|[x*])){0,2})(?:-?(?:rc|alpha|beta|a|b)-?\d{0,2})?(?![\w.]*[A-Za-z0-9])",
    re.IGNORECASE | re.ASCII,
)
_OR_LATER = re.compile(
    r"[`*]*\s?(?:\+|\(?(?:or|and|&)\s+(?:later|newer|above|higher|greater|up)\b|及?以上|이상)", re.IGNORECASE
)
_NEXT = re.compile(r"[`*]*[ \t]*(?:,|/|\||&|-|–|~|and|or|to)[ \t]*[`*]*", re.IGNORECASE)
_DENIED = re.compile(
    r"\b(?:not|no|never|cannot|without|incompatible|unsupported|todo|planned|soon)\b|n['’]t\b", re.IGNORECASE
)
_BEFORE = re.compile(r"\b(?:until|before|from|old|unlike)\W{0,4}$", re.IGNORECASE)
_END = re.compile(r"[.!?;][ \t]|\n")
_SENTENCE = 300
"""Characters before and behind a mention that can belong to its sentence."""

_OPERATORS = {"≥": ">=", "≤": "<=", "&gt;=": ">=", "&ge;": ">=", "%3e%3d": ">=", "%3d%3d": "==", "=": "==", "^": "~="}


def versions_in(text: str) -> tuple[Pin, ...]:
    """What a text says of versions, sorted; those of one package are alternatives.

    A version within another one that is less exact, as 2.3 is within 2, counts instead of it.
    Nothing is taken from a sentence that says "not", or which versions a program is not for.
    """
    text = text[:MOST]
    found: set[Pin] = set()
    name = _NAME.search(text)
    while name is not None:
        found.update(_mentioned(text, name))
        # A link's text may be followed by a badge, whose address names a version.
        name = _NAME.search(text, name.end(1))
    exact = {(package, _major(specifier)) for package, specifier in found if specifier.startswith(("==", "~="))}
    return tuple(sorted(pin for pin in found if not (_is_vague(pin[1]) and (pin[0], _major(pin[1])) in exact)))


def _mentioned(text: str, name: re.Match[str]) -> Iterator[Pin]:
    operator = _OPERATOR.match(text, name.end())
    assert operator is not None  # it may be empty
    end, said = operator.end(), operator[1]
    if _VERSION.match(text, end) is None:
        return
    before, behind = _around(text, name.start())
    if _DENIED.search(before) or _DENIED.search(behind) or _BEFORE.search(before):
        return
    package = "keras" if name[1].lower() == "keras" else "tensorflow"
    while (version := _VERSION.match(text, end)) is not None:
        later = _OR_LATER.match(text, version.end())
        specifier = _specifier(_OPERATORS.get((said or "").lower(), said), version[1].lower(), later is not None)
        # "Keras 3" and "tf 2" may count something.
        if specifier is None or ("." not in version[1] and name[1] in ("keras", "Keras", "tf")):
            return
        yield package, specifier
        following = _NEXT.match(text, version.end())
        if following is None or said not in (None, "==", "="):
            return
        # "1.4 and 2.0" are two; the 3 of "1.4, 3 layers" is none.
        further = _VERSION.match(text, following.end())
        if further is None or "." not in further[1]:
            return
        end = following.end()


def _around(text: str, start: int) -> tuple[str, str]:
    """What of its sentence stands before a mention and from there on."""
    before = text[max(0, start - _SENTENCE) : start]
    ends = [match.end() for match in _END.finditer(before)]
    end = _END.search(text, start, start + _SENTENCE)
    return before[ends[-1] if ends else 0 :], text[start : start + _SENTENCE if end is None else end.start()]


def _specifier(operator: str | None, version: str, or_later: bool) -> str | None:
    """What a mention of a version means; None if that can be no version of these packages."""
    numbers = version.split(".")
    exact = ".".join(number for number in numbers if number.isdigit())
    if int(numbers[0]) > 3:
        return None
    if or_later or (operator is not None and operator.startswith(">")):
        return f">={exact}"
    if operator is not None and operator.startswith("<"):
        return f"{operator}{version}" if version == exact else None
    if len(numbers) == 1 or not numbers[1].isdigit():
        major = int(numbers[0])
        return f">={major},<{major + 1}"
    return f"{operator or '=='}{exact}"


def _is_vague(specifier: str) -> bool:
    return "," in specifier


def _major(specifier: str) -> str:
    match = re.search(r"\d+", specifier)
    return match[0] if match is not None else ""
