"""What a user tells trainlint in comments: what to be silent about, and facts that no code shows.

    directive   = "# trainlint:" (suppression | fact)            its words in small or capital letters
    suppression = ("ignore" | "ignore-file") "[" rule {"," rule} "]" [reason]
    fact        = name [type] ["one-hot"] ["in" values]          at least one of the three
    type        = dtype [shape] | shape
    shape       = "[" [dimension {"," dimension}] "]"
    dimension   = a number | a name such as batch | "?" or "None": nothing is known
    values      = "[" low "," high "]" | "{" number {"," number} "}" | "{" first [","] ".." [","] last "}"

A rule is its name or its code (`silent-loss-broadcast`, `TL701`).
A name is a variable, dotted for an attribute (`self.x`); a type is set off from it by a space.
A dimension that has a name has the same size wherever one fact uses it.
Several directives in one comment each start with a `#`.
Directives alone on lines that follow each other are all for the statement below them.

    y = load()  # trainlint: y int64[batch] in {0..9}
    # trainlint: ignore[unscaled-inputs] the pipeline in front of it scales
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trainlint.element_types import DTYPES
from trainlint.finding import Notice
from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable

    Comment = tuple[int, int, str, bool]
    """Offset, line (from 1), text with its `#`, whether it stands alone on its line."""

_DIRECTIVE = re.compile(r"#\s*trainlint\s*:[ \t]*((?:(?!#\s*trainlint\s*:).)*)", re.DOTALL | re.IGNORECASE)
_SUPPRESSION = re.compile(r"(ignore(?:-file)?)(?![\w.-])[ \t]*(?:\[([^\]]*)\])?(.*)", re.DOTALL | re.IGNORECASE)
_NEARLY = re.compile(r"([A-Za-z_-]+)[ \t]*(?:\[([^\]]*)\]|[=:(][ \t]*([\w, -]+)|$)")
_RULE = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*")
_NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_TYPE = re.compile(r"\s+(?!in\b|one-hot\b)([A-Za-z]\w*)?(?:[ \t]*\[([^\]]*)\])?")
_ONE_HOT = re.compile(r"\s+one-hot(?![\w-])")
_VALUES = re.compile(r"\s+in\s*(?:\[([^\]]*)\]|\{([^}]*)\})")
_NUMBER = re.compile(r"[-+]?(?:(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][-+]?\d+)?|inf)")
_SPAN = re.compile(r"([-+]?\d+)\s*,?\s*\.{2,3}\s*,?\s*([-+]?\d+)")

_OTHER_WORDS = frozenset(
    ("disable", "enable-next-line", "disable-next-line", "disable-line", "noqa", "skip", "nolint", "allow")
)
"""What other tools write for `ignore`."""

MAX_VALUES = 1000
"""More labels than this are kept as their range alone."""


class Suppression(Record):
    """A comment that silences rules.

    `scope` is statement or file; one that stands alone on its line covers the next statement.
    `offset` and `text` are those of the directive.
    """

    line: int
    rules: tuple[str, ...]
    reason: str
    scope: str
    alone: bool
    offset: int = 0
    text: str = ""


class StatedFact(Record):
    """What a comment states of a variable; None stands for what it does not say.

    A dimension of `shape` is a size, a name, or `?` if nothing is known of it.
    `values` are the only values there are, given as `in {0, 1}`; `low` and `high` hold for them too.
    """

    line: int
    name: str
    dtype: str | None
    shape: tuple[int | str, ...] | None
    low: float | None
    high: float | None
    alone: bool
    values: tuple[float, ...] | None = None
    one_hot: bool = False
    offset: int = 0


class Directives(Record):
    """The directives of a text in their order, and a notice for each that cannot be read."""

    suppressions: tuple[Suppression, ...] = ()
    facts: tuple[StatedFact, ...] = ()
    notices: tuple[Notice, ...] = ()


class _Malformed(Exception):
    """Says in one line what is wrong with a directive."""


def read_comments(comments: Iterable[Comment], file: str = "") -> Directives:
    """The directives in these comments; `file` is for the notices, whose lines are those of the comments."""
    suppressions: list[Suppression] = []
    facts: list[StatedFact] = []
    notices: list[Notice] = []
    comments = [comment for comment in comments if is_meant(comment[2])]
    lines_alone = {line for _, line, _, alone in comments if alone}
    for offset, line, text, alone in comments:
        last = line
        while alone and last + 1 in lines_alone:
            last += 1
        for match in _DIRECTIVE.finditer(text):
            place = offset + match.start()
            try:
                if suppression := _SUPPRESSION.fullmatch(match[1].strip()):
                    rules, reason = _rules(suppression), suppression[3].strip(" \t:-\u2013\u2014")
                    scope = "file" if suppression[1].lower() == "ignore-file" else "statement"
                    suppressions.append(Suppression(line, rules, reason, scope, alone, place, match[0].rstrip()))
                else:
                    facts.append(_fact(match[1].strip(), last, alone, place))
            except _Malformed as problem:
                notices.append(Notice("comment", file, _meant(match[1].strip()) or str(problem), line))
    return Directives(tuple(suppressions), tuple(facts), tuple(notices))


def is_meant(comment: str) -> bool:
    """Whether a comment may hold a directive."""
    return "trainlint" in comment.lower()


def _meant(text: str) -> str | None:
    """What somebody meant who wrote `ignroe[rule]` or `disable=rule`, None if that cannot be told."""
    match = _NEARLY.match(text)
    if not match:
        return None
    # Only an error needs it.
    from difflib import get_close_matches

    word = match[1].lower().replace("_", "-")
    near = get_close_matches(word, ("ignore", "ignore-file"), n=1, cutoff=0.7)
    meant = near[0] if near else "ignore" if word in _OTHER_WORDS else None
    if meant is None or match[1].lower() == meant:
        return None
    rules = (match[2] or match[3] or "rule-name").strip()
    return f"{_quoted(text)} is not understood (did you mean `{meant}[{rules}]`?)"


def _rules(suppression: re.Match[str]) -> tuple[str, ...]:
    word, names = suppression[1], suppression[2]
    if names is None or not names.strip():
        raise _Malformed(f"`{word}` names no rule: write `{word}[rule-name] why`")
    rules = tuple(name.strip() for name in names.split(","))
    for rule in rules:
        if not _RULE.fullmatch(rule):
            raise _Malformed(f"`{word}[{names}]`: {rule!r} is not the name of a rule")
    return rules


def _fact(text: str, line: int, alone: bool, offset: int) -> StatedFact:
    name = _NAME.match(text)
    if not name:
        raise _Malformed(f"{_quoted(text)} is neither `ignore[rule-name]` nor a fact such as `x float32[batch, 3]`")
    position = name.end()
    dtype: str | None = None
    shape: tuple[int | str, ...] | None = None
    low: float | None = None
    high: float | None = None
    values: tuple[float, ...] | None = None
    if stated := _TYPE.match(text, position):
        position = stated.end()
        if stated[1] is not None:
            if stated[1] not in DTYPES:
                raise _Malformed(f"{_quoted(text)}: {stated[1]!r} is not a dtype")
            dtype = stated[1]
        if stated[2] is not None:
            shape = _shape(stated[2], text)
    if one_hot := _ONE_HOT.match(text, position):
        position = one_hot.end()
    if stated := _VALUES.match(text, position):
        position = stated.end()
        low, high, values = _interval(stated[1], text) if stated[1] is not None else _set(stated[2], text)
    rest = text[position:].strip()
    if rest and not rest.startswith("#"):
        raise _Malformed(
            f"{_quoted(text)}: {_quoted(rest)} is not part of a fact such as `x float32[batch, 3] in [0, 1]`"
        )
    if dtype is None and shape is None and low is None and not one_hot:
        raise _Malformed(f"{_quoted(text)} states nothing: write for instance `{name[0]} float32[batch, 3] in [0, 1]`")
    return StatedFact(line, name[0], dtype, shape, low, high, alone, values, bool(one_hot), offset)


def _shape(dimensions: str, text: str) -> tuple[int | str, ...]:
    parts = [part.strip() for part in dimensions.split(",")]
    if parts[-1] == "":
        # An empty shape is that of a number; a comma may follow the last dimension, as in Python.
        parts.pop()
    shape: list[int | str] = []
    for part in parts:
        if part.isascii() and part.isdigit() and len(part) < 19:
            shape.append(int(part))
        elif part in ("?", "None"):
            shape.append("?")
        elif part.isidentifier():
            shape.append(part)
        else:
            raise _Malformed(f"{_quoted(text)}: {part!r} is not a dimension")
    return tuple(shape)


def _interval(bounds: str, text: str) -> tuple[float, float, None]:
    numbers = [_number(part, text) for part in bounds.split(",")]
    if len(numbers) != 2:
        raise _Malformed(f"{_quoted(text)}: a range has two bounds, as in `in [0, 1]`")
    if numbers[0] > numbers[1]:
        raise _Malformed(f"{_quoted(text)}: the range is empty")
    return numbers[0], numbers[1], None


def _set(elements: str, text: str) -> tuple[float, float, tuple[float, ...] | None]:
    if span := _SPAN.fullmatch(elements.strip()):
        low, high = int(_number(span[1], text)), int(_number(span[2], text))
        if low > high:
            raise _Malformed(f"{_quoted(text)}: the range is empty")
        return low, high, tuple(range(low, high + 1)) if high - low < MAX_VALUES else None
    numbers = tuple(sorted({_number(part, text) for part in elements.split(",")}))
    return numbers[0], numbers[-1], numbers if len(numbers) <= MAX_VALUES else None


def _number(part: str, text: str) -> float:
    part = part.strip()
    if not _NUMBER.fullmatch(part) or len(part) > 40:
        raise _Malformed(f"{_quoted(text)}: {part!r} is not a number")
    part = part.replace("_", "")
    number = int(part) if part.lstrip("+-").isdigit() else float(part)
    if abs(number) == float("inf") and not part.endswith("inf"):
        raise _Malformed(f"{_quoted(text)}: {part} is larger than any number that a tensor holds")
    return number


def _quoted(text: str) -> str:
    return f"`{text if len(text) <= 60 else text[:57] + '...'}`"
