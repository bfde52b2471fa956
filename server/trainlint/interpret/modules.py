"""Imports: known packages, sibling modules of the user, and everything else as unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint import tfapi
from trainlint.interpret import builtins
from trainlint.interpret.machine import MISSING, Machine, unknown
from trainlint.program.values import Api, Const, Deferred, Module, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.source import code

STAR = "*"
"""The variable of a frame that lists the modules it star-imports."""

MAX_IMPORTS = 8
"""Modules that are followed one through the other; of 1,000 files of public repositories none needs more than five."""


def import_names(machine: Machine, node: code.Import) -> None:
    for name in node.names:
        top = name.name.split(".")[0]
        if name.alias is not None or "." not in name.name:
            value: Value = _package(machine, name.name, 0) or Deferred(
                module=name.name, level=0, name=None, frame=machine.frame, place=name.place
            )
            machine.write((machine.frame, name.alias or top), value)
            continue
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
    package = _package(machine, node.module, node.level)
    for name in node.names:
        if name.name == "*":
            known = machine.read((machine.frame, STAR))
            module: Value = package or Deferred(
                module=node.module, level=node.level, name=None, frame=machine.frame, place=node.place
            )
            machine.write((machine.frame, STAR), (*(() if known is MISSING else known), module))
        elif package is not None:
            machine.write((machine.frame, name.alias or name.name), attribute(machine, package, name.name, name.place))
        else:
            deferred = Deferred(
                module=node.module, level=node.level, name=name.name, frame=machine.frame, place=name.place
            )
            machine.write((machine.frame, name.alias or name.name), deferred)


_BUILTINS = frozenset(
    ("builtins", "__builtin__", "six.moves", "six.moves.builtins", "past.builtins", "future.builtins")
)
"""Modules that have Python's own functions, those of Python 2 as well."""


def force(machine: Machine, deferred: Deferred) -> Value:
    """What a deferred import stands for; runs the module if nobody has."""
    with machine.within(frame=deferred.frame):
        module = import_module(machine, deferred.module, deferred.level, deferred.place)
        name = deferred.name
        if name is None:
            return module
        if isinstance(module, Module):
            found = read_name(machine, module, name)
            if found is not None:
                return found
        if deferred.level == 0 and deferred.module in _BUILTINS and (known := builtins.constant(name)) is not None:
            return known
        dotted = f"{deferred.module}.{name}" if deferred.module else name
        submodule = _load(machine, dotted, deferred.level)
        if submodule is not None:
            return submodule
        source = "." * deferred.level + deferred.module
        if isinstance(module, Module):
            return unknown(f"`{name}` is not defined in `{source}`", deferred.place, ("name", name))
        return unknown(f"`{name}` comes from `{source}`, which is not followed", deferred.place, ("name", name))


def read_name(machine: Machine, module: Module, name: str) -> Value | None:
    """A name of a module, also one that it has from a star import; None if it has not.

    What it stands for is left to the caller: modules may have it from each other in a circle.
    """
    found = machine.read((module.frame, name))
    if found is not MISSING:
        return found
    starred = machine.read((module.frame, STAR))
    return None if starred is MISSING else _from_star(machine, starred, name)


def _package(machine: Machine, dotted: str, level: int) -> Api | None:
    """A known package that shadows the user's files: nobody means to shadow TensorFlow."""
    if level:
        return None
    symbol = tfapi.resolve(dotted, machine.generation)
    return None if symbol is None or symbol.flavour in ("python", "") else Api(symbol=symbol)


def import_module(machine: Machine, dotted: str, level: int, place: code.Place) -> Value:
    """The module of a dotted name."""
    package = _package(machine, dotted, level)
    if package is not None:
        return package
    loaded = _load(machine, dotted, level)
    if loaded is not None:
        return loaded
    if level == 0:
        symbol = tfapi.resolve(dotted, machine.generation)
        if symbol is not None:
            return Api(symbol=symbol)
    return unknown(f"the module `{'.' * level}{dotted}` is not followed", place, ("name", dotted))


def _load(machine: Machine, dotted: str, level: int) -> Module | None:
    importer = machine.frame.document
    depth = machine.read(("module", importer.path))
    depth = 1 if depth is MISSING else depth + 1
    document = machine.load(dotted, level, importer) if depth <= MAX_IMPORTS else None
    if document is None:
        return None
    return run_module(machine, document, dotted.rsplit(".", 1)[-1], depth)


def run_module(machine: Machine, document: object, name: str, depth: int) -> Module:
    """Runs a sibling module once, as importing does, and notes behind how many imports it stands."""
    from trainlint.interpret.statements import execute

    path = document.path  # type: ignore[attr-defined]
    frame = machine.root(name, document, path)
    module = Module(path=path, frame=frame)
    if machine.read(("module", path)) is MISSING:
        machine.write(("module", path), depth)
        machine.write((frame, "__name__"), Const(value=name))
        with machine.within(
            frame=frame, loops=(), iteration=(), tape=None, graph=None, returns=[], yields=[], skipped=[], conditions=()
        ):
            execute(machine, document.body)  # type: ignore[attr-defined]
    return module


def star_lookup(machine: Machine, modules: tuple[Value, ...], name: str) -> Value | None:
    """A name among the star imports of a frame."""
    found = _from_star(machine, modules, name)
    return None if found is None else machine.resolve(found)


def _from_star(machine: Machine, modules: tuple[Value, ...], name: str) -> Value | None:
    for module in _starred(machine, modules):
        if isinstance(module, Module):
            found = machine.read((module.frame, name))
            if found is not MISSING:
                return found
        elif isinstance(module, Api):
            symbol = tfapi.resolve(f"{module.symbol.path}.{name}", machine.generation)
            if symbol is not None and symbol.kind != "unknown":
                return Api(symbol=symbol)
    return None


def brings_others(machine: Machine, modules: tuple[Value, ...]) -> bool:
    """Whether star imports may bring names of a library that nothing is known of."""
    return any(isinstance(module, Api) and module.symbol.kind == "unknown" for module in _starred(machine, modules))


def _starred(machine: Machine, modules: tuple[Value, ...]) -> Iterator[Value]:
    """The modules of star imports, the last first, each followed by those that it star-imports itself."""
    waiting, seen = list(modules), set()
    while waiting:
        module = machine.resolve(waiting.pop())
        if module in seen:
            continue  # two modules that star-import each other
        seen.add(module)
        yield module
        nested = machine.read((module.frame, STAR)) if isinstance(module, Module) else MISSING
        if nested is not MISSING:
            waiting += nested
