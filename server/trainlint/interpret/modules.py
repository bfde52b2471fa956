"""Imports: known packages, sibling modules of the user, and everything else as unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint import tfapi
from trainlint.interpret.machine import MISSING, Machine, unknown
from trainlint.program.values import Api, Const, Module, Value

if TYPE_CHECKING:
    from trainlint.source import code

STAR = "*"
"""The variable of a frame that lists the modules it star-imports."""


def import_names(machine: Machine, node: code.Import) -> None:
    for name in node.names:
        if name.alias is not None:
            machine.write((machine.frame, name.alias), import_module(machine, name.name, 0, name.place))
            continue
        top = name.name.split(".")[0]
        module = import_module(machine, top, 0, name.place)
        if "." in name.name and isinstance(module, Module):
            _bind_submodules(machine, name.name, name.place)
        machine.write((machine.frame, top), module)


def _bind_submodules(machine: Machine, dotted: str, place: code.Place) -> None:
    """`import a.b.c` makes b an attribute of a, and c one of b."""
    parts = dotted.split(".")
    parent = import_module(machine, parts[0], 0, place)
    for index in range(1, len(parts)):
        child = import_module(machine, ".".join(parts[: index + 1]), 0, place)
        if isinstance(parent, Module):
            machine.write((parent.frame, parts[index]), child)
        parent = child


def import_from(machine: Machine, node: code.ImportFrom) -> None:
    from trainlint.interpret.calls import attribute

    if node.module == "__future__":
        return
    module = import_module(machine, node.module, node.level, node.place)
    for name in node.names:
        if name.name == "*":
            known = machine.read((machine.frame, STAR))
            machine.write((machine.frame, STAR), (*(() if known is MISSING else known), module))
            continue
        value: Value | None = None
        if isinstance(module, Module):
            found = machine.read((module.frame, name.name))
            value = None if found is MISSING else found
            if value is None:
                dotted = f"{node.module}.{name.name}" if node.module else name.name
                value = import_module(machine, dotted, node.level, name.place)
        elif isinstance(module, Api):
            value = attribute(machine, module, name.name, name.place)
        else:
            dotted = f"{node.module}.{name.name}" if node.module else name.name
            value = _load(machine, dotted, node.level)
            if value is None:
                value = unknown(
                    f"`{name.name}` comes from `{'.' * node.level}{node.module}`, which is not followed",
                    name.place,
                    ("name", name.name),
                )
        machine.write((machine.frame, name.alias or name.name), value)


def import_module(machine: Machine, dotted: str, level: int, place: code.Place) -> Value:
    """The module of a dotted name."""
    if level == 0:
        # A file beside the program shadows an installed package, but nobody means to shadow TensorFlow.
        symbol = tfapi.resolve(dotted, machine.generation)
        if symbol is not None and symbol.flavour not in ("python", ""):
            return Api(symbol=symbol)
    loaded = _load(machine, dotted, level)
    if loaded is not None:
        return loaded
    if level == 0:
        symbol = tfapi.resolve(dotted, machine.generation)
        if symbol is not None:
            return Api(symbol=symbol)
    return unknown(f"the module `{'.' * level}{dotted}` is not followed", place, ("name", dotted))


def _load(machine: Machine, dotted: str, level: int) -> Module | None:
    document = machine.load(dotted, level, machine.frame.document)
    if document is None:
        return None
    return run_module(machine, document, dotted.rsplit(".", 1)[-1])


def run_module(machine: Machine, document: object, name: str) -> Module:
    """Runs a sibling module once, as importing does."""
    from trainlint.interpret.statements import execute

    path = document.path  # type: ignore[attr-defined]
    frame = machine.root(name, document, path)
    module = Module(path=path, frame=frame)
    if machine.read(("module", path)) is MISSING:
        machine.write(("module", path), True)
        machine.write((frame, "__name__"), Const(value=name))
        with machine.within(frame=frame, loop=0, iteration=(), tape=None, returns=[], yields=[]):
            execute(machine, document.body)  # type: ignore[attr-defined]
    return module


def star_lookup(machine: Machine, modules: tuple[Value, ...], name: str) -> Value | None:
    """A name among the star imports of a frame."""
    for module in reversed(modules):
        if isinstance(module, Module):
            found = machine.read((module.frame, name))
            if found is not MISSING:
                return machine.resolve(found)
            nested = machine.read((module.frame, STAR))
            if nested is not MISSING:
                inner = star_lookup(machine, nested, name)
                if inner is not None:
                    return inner
        elif isinstance(module, Api):
            symbol = tfapi.resolve(f"{module.symbol.path}.{name}", machine.generation)
            if symbol is not None and symbol.kind != "unknown":
                return Api(symbol=symbol)
    return None
