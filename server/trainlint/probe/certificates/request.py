"""What a rule's certificate is made from, and how a rule says that it has one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from trainlint.probe.networks import operations_at
from trainlint.probe.verdict import CONFIRMED, NOT_REPRODUCED
from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.finding import Finding
    from trainlint.probe.experiment import Json
    from trainlint.probe.networks import Network
    from trainlint.probe.replica import Replica
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Id
    from trainlint.source.code import Place

Readings = Sequence["Json"]


class Decision(Record):
    """What a certificate says: a verdict, and a sentence with what was computed or what it follows from."""

    verdict: str
    sentence: str


class Remark(Record):
    """A reading that decides nothing, because it is a matter of degree: a sentence beside a training's verdict."""

    sentence: str


Decide = Callable[[Readings], "Decision | Remark | str | None"]
"""Reads what was computed; a string says why that decides nothing."""


class Certificate(Record, eq=False):
    """The checks for one finding, and what their readings decide.

    `instead` holds where the worker cannot compute the checks: what follows from the program alone.
    """

    finding: Finding
    checks: tuple[Json, ...]
    decide: Decide
    instead: Decision | None = None


class Checks(Record, eq=False):
    """What a maker asks the worker for, and how the answers are read."""

    checks: tuple[Json, ...]
    decide: Decide
    instead: Decision | None = None


class Request:
    """A finding with its program, and the replicas of its network where there are some."""

    def __init__(
        self, program: Program, finding: Finding, network: Network | None, written: Replica | None,
        repaired: Replica | None,
    ) -> None:  # fmt: skip
        self.program = program
        self.finding = finding
        self.network = network
        self.written_ = written
        self.repaired = repaired
        self.operations = operations_at(program, finding)

    @property
    def written(self) -> Replica:
        """The replica as written; only for makers that ask for one."""
        assert self.written_ is not None
        return self.written_

    @property
    def loss(self) -> Json:
        return self.written.graph["loss"]

    @property
    def predictions(self) -> Json:
        return self.written.graph["predictions"]

    def of_kind(self, *kinds: str) -> Operation | None:
        """The first operation of some kinds at the place of the finding."""
        return next((operation for operation in self.operations if operation.kind in kinds), None)

    def near(self, *kinds: str) -> Operation | None:
        """As `of_kind`, but operations behind or of a layer that is made there count too."""
        found = self.of_kind(*kinds)
        if found is not None:
            return found
        layers = {key for key, record in self.program.objects if self.is_at(record)}
        place = self.finding.place
        known = (o for o in self.program.of_kind(*kinds) if o.layer in layers or place in o.context.calls)
        return next(known, None)

    def is_at(self, record: object) -> bool:
        """Whether an object, or an argument of it, is written where the finding is."""
        arguments = getattr(record, "arguments", None) or {}
        return self.finding.place in (getattr(record, "place", None), *(a.place for a in arguments.values()))

    def traced(self) -> Iterator[Place]:
        """The places that the finding's trace names."""
        for step in self.finding.trace:
            yield step.place

    def node(self, operation: Operation | None) -> str | None:
        """The node of an operation in the replica as written; None where it cannot be computed."""
        return None if operation is None else self.written.node(operation)

    def behind_loss(self) -> frozenset[Id]:
        """What the loss of the network depends on."""
        return frozenset() if self.network is None else frozenset(self.program.ancestors(self.network.event.loss))


Made = "Checks | Decision | str | None"
Maker = Callable[[Request], "Checks | Decision | str | None"]
"""Checks for the worker, a decision that follows from the program alone, or why there is neither."""


class Registered(Record, eq=False):
    """A maker, and whether it needs the replica of a network."""

    make: Maker
    network: bool


MAKERS: dict[str, list[Registered]] = {}


def certifies(*rules: str, network: bool = True) -> Callable[[Maker], Maker]:
    """Registers a maker for some rules; several for one rule are tried in turn."""

    def register(maker: Maker) -> Maker:
        for rule in rules:
            MAKERS.setdefault(rule, []).append(Registered(maker, network))
        return maker

    return register


def computed(verdict: bool, text: str, otherwise: str | None = None) -> Decision:
    """A decision from a reading: confirmed with one sentence, else not reproduced with the other."""
    return Decision(CONFIRMED if verdict else NOT_REPRODUCED, "computed: " + (text if verdict else otherwise or text))


def confirmed(text: str) -> Decision:
    return Decision(CONFIRMED, "computed: " + text)


def harmless(text: str) -> Decision:
    """A finding that is true and changes no number."""
    return Decision(NOT_REPRODUCED, "computed: " + text)


def follows(text: str) -> Decision:
    """Confirmed by what the program itself says, without a computation."""
    return Decision(CONFIRMED, "it follows from the program: " + text)


def acquitted(text: str) -> Decision:
    """Not reproduced by what the program itself says, without a computation."""
    return Decision(NOT_REPRODUCED, "it follows from the program: " + text)
