"""Edits of the arguments of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.fixes.expression_text import parsed
from trainlint.fixes.layout import blank_after, blank_before, has_comment, layout, line_end, line_start
from trainlint.fixes.refusal import Refused
from trainlint.source import code

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from trainlint.fixes.layout import Given, Layout
    from trainlint.source.document import Document

    Change = tuple[int, int, str]


def set_argument(
    document: Document, call: code.Call, name: str, value: str, existing: code.Place | None
) -> list[Change] | None:
    """The edits that replace the value of an argument; None if the call does not have it, so that it may be added."""
    stands = _layout(document, call)
    given = _given(stands, existing) if existing is not None else None
    if given is None:
        given = next((each for each in stands.given if each.node.keyword == name), None)
    if given is not None:
        if given.node.star:
            raise Refused("the argument comes out of a `*` or `**`")
        return [(*document.offsets(given.node.value.place), value)]
    if existing is not None:
        raise Refused("the call does not show this argument")
    if any(each.node.star for each in stands.given):
        raise Refused("the call may have the argument already, by `*` or `**`")
    return None


def add_arguments(document: Document, call: code.Call, new: Sequence[str]) -> list[Change]:
    """The edits that put arguments behind those that a call has, laid out as those are."""
    text = document.text
    stands = _layout(document, call)
    _check_generator(document, stands)
    line = ", ".join(new)
    if not stands.given:
        if not text[stands.open + 1 : stands.close].strip(" \t"):
            return [(stands.open + 1, stands.close, line)]
        return [(stands.close, stands.close, line)]
    last = stands.given[-1]
    end = last.comma + 1 if last.comma >= 0 else last.end
    comma, after = ("", ",") if last.comma >= 0 else (",", "")
    break_at = line_end(text, end)
    # The bracket may follow in a line of its own.
    breaks = blank_after(text, end) and break_at < stands.close
    if blank_before(text, last.start) and (breaks or len(stands.given) > 1):
        indent = f"\n{text[line_start(text, last.start) : last.start]}"
        added = indent + f",{indent}".join(new) + after
        if not has_comment(text, end, min(break_at, stands.close)):
            return [(end, end, comma + added)]
        # A comment behind the last argument stays with it.
        return [*([(end, end, comma)] if comma else []), (break_at, break_at, added)]
    return [(end, end, f"{comma} {line}{after if breaks else ''}")]


def remove_argument(document: Document, call: code.Call, argument: code.Place) -> list[Change]:
    """The edits that take an argument out of a call."""
    text = document.text
    stands = _layout(document, call)
    given = _given(stands, argument)
    if given is None or given.node.star:
        raise Refused("the call does not show this argument")
    index = stands.given.index(given)
    is_last = index == len(stands.given) - 1
    end = given.comma + 1 if given.comma >= 0 else given.end
    if len(stands.given) == 1:
        if has_comment(text, stands.open + 1, given.start) or has_comment(text, end, stands.close):
            return [(given.start, end, "")]
        return [(stands.open + 1, stands.close, "")]
    if blank_before(text, given.start) and not text[end : line_end(text, end)].strip(" \t\f"):
        start = line_start(text, given.start)
        return [(start, min(line_end(text, end) + 1, len(text)), "")]
    if blank_before(text, given.start) and blank_after(text, end):
        # The comment stays; it may be about more than the argument.
        stop = end + len(text[end:]) - len(text[end:].lstrip(" \t"))
        return [(given.start, stop, "")]
    if is_last:
        before = stands.given[index - 1]
        if has_comment(text, before.end, given.start):
            return [(given.start, end, "")]
        return [(before.end, end, "")]
    following = stands.given[index + 1]
    if index > 0 and blank_after(text, end) and stands.given[index - 1].comma >= 0:
        before_comma = stands.given[index - 1].comma + 1
        if not has_comment(text, before_comma, given.start):
            return [(before_comma, end, "")]
    if has_comment(text, end, following.start):
        return [(given.start, end, "")]
    return [(given.start, following.start, "")]


def rename_argument(
    document: Document, call: code.Call, argument: code.Place, name: str, changed: Collection[code.Place]
) -> list[Change]:
    """The edits that put another keyword before an argument; `changed` are all that get one, or go, with it."""
    stands = _layout(document, call)
    given = _given(stands, argument)
    if given is None or given.node.star:
        raise Refused("the call does not show this argument")
    if any(each.node.keyword == name and each is not given for each in stands.given):
        raise Refused(f"the call has an argument `{name}` already")
    if given.node.keyword is not None:
        if given.node.keyword == name:
            raise Refused("the argument has this name already")
        return [(given.start, given.start + len(given.node.keyword), name)]
    for later in stands.given[stands.given.index(given) + 1 :]:
        is_bare = later.node.keyword is None and later.node.star < 2
        if is_bare and not {later.node.place, later.node.value.place} & set(changed):
            raise Refused("arguments without a name follow")
    _check_generator(document, stands)
    return [(given.start, given.start, f"{name}=")]


def _layout(document: Document, call: code.Call) -> Layout:
    found = layout(document, call)
    if found is None:
        raise Refused("the call is not written with brackets and commas")
    return found


def _given(stands: Layout, place: code.Place) -> Given | None:
    return next((each for each in stands.given if place in (each.node.place, each.node.value.place)), None)


def _check_generator(document: Document, stands: Layout) -> None:
    for each in stands.given:
        if isinstance(each.node.value, code.Comprehension) and each.node.value.kind == "generator":
            # `(a, b) for a, b in (c)` begins and ends with brackets that are not its own.
            if parsed(document.source_of(each.node.value.place), "eval") is None:
                raise Refused("the call holds a generator without brackets of its own")
