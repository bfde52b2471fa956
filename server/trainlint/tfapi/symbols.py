"""What a name of an API is: the records that the tables are read into."""

from __future__ import annotations

from typing import Any

from trainlint.record import Record

# TF 1.0-1.15 · TF 2.0-2.10 · TF 2.11-2.15 (new optimizers of Keras 2) · TF 2.16 and later (Keras 3).
GENERATIONS = ("1.x", "2.0", "2.11", "2.16")


class Symbol(Record):
    """A name of a library that the tables know.

    `name` is canonical: every spelling of one operation has the same. `path` is what the program wrote.
    `flavour` tells the namespace it was written in, `kind` is "module", "function", "class", "value" or "unknown".
    """

    name: str
    path: str
    flavour: str
    kind: str


class Ref(Record):
    """A default that is a symbol (`tf.float32`); the empty name is an object that the tables cannot tell."""

    name: str


class Required:
    """The type of REQUIRED, the default of a parameter that has none."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED = Required()


class Parameter(Record):
    """A parameter; `kind` is "positional" (by position or by name), "keyword", "star" or "double-star".

    The default is a Python constant, a `Ref`, or REQUIRED; of "star" and "double-star" it is REQUIRED too.
    """

    name: str
    kind: str = "positional"
    default: Any = REQUIRED


class Signature(Record):
    """The parameters of a function, or of the constructor of a class without `self`."""

    parameters: tuple[Parameter, ...]

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of this name, or None."""
        return next((p for p in self.parameters if p.name == name), None)

    def position(self, name: str) -> int | None:
        """The index at which the parameter can be given by position, or None."""
        for index, parameter in enumerate(self.parameters):
            if parameter.kind != "positional":
                return None
            if parameter.name == name:
                return index
        return None

    @property
    def takes_any_keyword(self) -> bool:
        """Whether there is a `**kwargs`."""
        return bool(self.parameters) and self.parameters[-1].kind == "double-star"
