"""In which order functions and classes that nothing has called are entered: those that call others first."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from trainlint.source import code

if TYPE_CHECKING:
    from collections.abc import Iterable


def callers_first(candidates: list[tuple[str, Any]]) -> list[Any]:
    """Functions and classes with their names, those first that no other speaks of.

    A default or a base is only what others start from, so what uses a function says best what it is given.
    """
    waiting = {name: value for name, value in candidates if value.define is not None}
    said = {name: (mentions(value.define) & waiting.keys()) - {name} for name, value in waiting.items()}
    speaking = Counter(other for names in said.values() for other in names)
    found: list[Any] = []
    while waiting:
        # Those that call each other come in the order of the text.
        free = [name for name in waiting if not speaking[name]] or list(waiting)[:1]
        for name in free:
            found.append(waiting.pop(name))
            speaking.subtract(said[name])
    return found


def mentions(define: code.Define | code.ClassDefine | code.Lambda) -> frozenset[str]:
    """The names that the code of a function or class reads."""
    return frozenset(node.id for node in nodes(define) if type(node) is code.Name)


def nodes(define: code.Define | code.ClassDefine | code.Lambda) -> tuple[Any, ...]:
    """The names, calls and assignments in a function or class; of the same function the same object."""
    try:
        return define.telling
    except AttributeError:
        define.telling = tuple(_nodes(define))
        return define.telling


def _nodes(node: Any) -> Iterable[Any]:
    stack = [node]
    while stack:
        current = stack.pop()
        kind = type(current)
        if kind is tuple:
            stack.extend(current)
            continue
        fields = _FIELDS.get(kind)
        if fields is None:
            is_code = issubclass(kind, (code.Node, code.Block, code.Part))
            fields = tuple(name for name in kind.__fields__ if name not in _OUTSIDE) if is_code else ()
            _FIELDS[kind] = fields
        if kind in _TELLING:
            yield current
        for field in fields:
            stack.append(getattr(current, field))


_FIELDS: dict[type, tuple[str, ...]] = {}
"""The fields of a kind of code that hold code; none for what is no code."""

_TELLING = frozenset((code.Name, code.Call, code.Assign, code.Augment, code.Scope))
_OUTSIDE = frozenset(("place", "unit"))

__all__ = ["callers_first", "mentions", "nodes"]
