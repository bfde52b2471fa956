"""What the tests of the machine share: run a program, look at a variable or at its operations."""

from __future__ import annotations

import textwrap
from typing import Any

from trainlint.interpret.run import Interpretation, interpret
from trainlint.program.dims import show
from trainlint.program.program import Program
from trainlint.source.document import read


def run(code: str, generation: str = "2.16") -> Interpretation:
    """The interpretation of a program."""
    return interpret(read(textwrap.dedent(code), "program.py"), None, generation)


def program(code: str, generation: str = "2.16") -> Program:
    """The program of the module body in its first world."""
    return run(code, generation).programs[0]


def value(code: str, name: str, generation: str = "2.16") -> Any:
    """What the machine knows of a module variable at the end."""
    interpretation = run(code, generation)
    machine = interpretation.machine
    frame = machine.roots["program.py"]
    found = machine.values.get((frame, name))
    return machine.resolve(found) if found is not None else None


def shape(code: str, name: str = "x", generation: str = "2.16") -> str:
    """The shape of a tensor variable, as messages show it."""
    return show(value(code, name, generation).shape)
