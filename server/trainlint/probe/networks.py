"""The networks of a program that train, and which findings concern them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.program.events import Compile, ModelCall
from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.analysis import Analysis
    from trainlint.finding import Finding
    from trainlint.program.events import Minimize
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Id
    from trainlint.source.code import Place


class Network(Record, eq=False):
    """A loss that is reduced: the program it stands in and which of its training steps it is.

    `root` and `world` find the program again in a repaired text, `number` the step.
    """

    program: Program
    event: Minimize
    root: str
    world: str | None
    number: int


def networks(analysis: Analysis) -> Iterator[Network]:
    """The networks that train, each once: of several worlds that of the defaults, which comes first."""
    seen: set[tuple[str, int]] = set()
    places: set[Place] = set()
    for program in analysis.programs:
        for number, event in enumerate(program.minimized):
            key = (program.root, number)
            # A function that the module calls is a root only where nobody calls it.
            if key in seen or (event.place in places and program.root):
                continue
            seen.add(key)
            places.add(event.place)
            yield Network(program, event, program.root, program.world, number)


def again(analysis: Analysis, network: Network) -> Network | None:
    """The same network in the analysis of a repaired text; None where it is gone."""
    programs = [program for program in analysis.programs if program.root == network.root]
    programs.sort(key=lambda program: program.world != network.world)
    for program in programs:
        events = list(program.minimized)
        if network.number < len(events):
            return Network(program, events[network.number], program.root, program.world, network.number)
    return None


def places_of(network: Network) -> frozenset[Place]:
    """Where the network, its optimizer, its data and its training are written."""
    program, event = network.program, network.event
    found: set[Place] = {event.place}
    for key in program.ancestors(event.loss):
        operation = program.operation(key)
        if operation is not None:
            found.update(operation.places)
            layer = program.object(operation.layer) if operation.layer is not None else None
            if layer is not None:
                found.add(layer.place)
                found.update(a.place for a in layer.arguments.values() if a.place is not None)
    optimizer = program.object(event.optimizer)
    if optimizer is not None:
        found.add(optimizer.place)
        found.update(a.place for a in optimizer.arguments.values() if a.place is not None)
    models = _models(network)
    for other in program.events:
        model = getattr(other, "model", None)
        if models and model is not None:
            if model not in models:
                # Another model of the program, which may never be trained.
                continue
            found.add(other.place)
        for feed in getattr(other, "feeds", ()):
            found.add(feed.place)
        arguments = getattr(other, "arguments", None)
        if arguments:
            found.update(a.place for a in arguments.values() if a.place is not None)
    return frozenset(found)


def _models(network: Network) -> tuple[Id, ...]:
    """The Keras model that a `compile` or a call of `fit` trains; none of other trainings."""
    events = (event for event in network.program.events if isinstance(event, (Compile, ModelCall)))
    return tuple(dict.fromkeys(event.model for event in events if event.place == network.event.place))


def concerns(network: Network, places: frozenset[Place], finding: Finding) -> bool:
    """Whether a finding is about a network: about what trains it (`places_of`), or about what is computed with it."""
    if finding.place in places:
        return True
    program = network.program
    weights = {variable.id for variable in program.variables(network.event.loss)}
    return any(
        not weights.isdisjoint(variable.id for variable in program.variables(operation.output))
        for operation in operations_at(program, finding)
    )


def operations_at(program: Program, finding: Finding) -> list[Operation]:
    """The operations that are written where a finding is, in order."""
    return [operation for operation in program.operations if finding.place in operation.places]
