"""Which Python function interprets which API symbol.

A handler takes an `ApiCall` and returns the value of the call. The areas register theirs when they are imported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from trainlint.program.values import Value

if TYPE_CHECKING:
    from trainlint.interpret.api.call import ApiCall

Handler = Callable[["ApiCall"], Value]

HANDLERS: dict[str, Handler] = {}
"""Calls of functions and classes, by canonical name."""

METHODS: dict[str, dict[str, Handler]] = {}
"""Method calls on API objects: kind ("optimizer", "model", ...) or canonical class name -> method -> handler."""

ATTRIBUTES: dict[str, dict[str, Callable[..., Value | None]]] = {}
"""Attributes of API objects: kind or class name -> attribute -> function(machine, reference, record, place)."""

CONSTANTS: dict[str, Any] = {}
"""API symbols that are plain Python constants (`math.pi`)."""

CALLABLE: dict[str, Handler] = {}
"""Calling an API object (`layer(x)`, `model(x)`, `loss(y, p)`), by kind."""

OPERATORS: dict[str, Callable[..., Value | None]] = {}
"""Arithmetic and comparisons with API objects of a kind: function(machine, sign, left, right, place)."""


def handles(*names: str) -> Callable[[Handler], Handler]:
    """Registers a handler for calls of the named API functions or classes."""

    def register(function: Handler) -> Handler:
        for name in names:
            HANDLERS[name] = function
        return function

    return register


def method(kind: str, *names: str) -> Callable[[Handler], Handler]:
    """Registers a handler for methods of API objects of a kind or class; `call.receiver` is the object."""

    def register(function: Handler) -> Handler:
        table = METHODS.setdefault(kind, {})
        for name in names:
            table[name] = function
        return function

    return register


def attribute(kind: str, *names: str) -> Callable[[Callable[..., Value | None]], Callable[..., Value | None]]:
    """Registers what an attribute of API objects of a kind or class is."""

    def register(function: Callable[..., Value | None]) -> Callable[..., Value | None]:
        table = ATTRIBUTES.setdefault(kind, {})
        for name in names:
            table[name] = function
        return function

    return register


def called(kind: str) -> Callable[[Handler], Handler]:
    """Registers what happens when an API object of a kind is called."""

    def register(function: Handler) -> Handler:
        CALLABLE[kind] = function
        return function

    return register
