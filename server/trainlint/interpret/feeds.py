"""What the feeds tell of placeholders and model inputs.

A graph is built before it is fed. So the program is run twice: the first run collects every feed, the second starts
with what they have in common. Parts that did not need it are repeated from memory.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any

from trainlint.interpret.joins import join_shape, join_tensors
from trainlint.program.dims import Dim, Symbol, same
from trainlint.program.events import ModelCall, SessionRun
from trainlint.record import Record

if TYPE_CHECKING:
    from trainlint.program.values import Id, Tensor


class FedTensor(Record):
    """The joined facts of all feeds of a placeholder. `complete` when every feed was understood."""

    tensor: Tensor
    complete: bool = True


_Fed = list[tuple["SessionRun | ModelCall", bool, "list[Tensor | None]"]]
"""The events that feed something, whether each trains, and what it feeds."""


class Collector:
    """Collects what is fed; of the same feeds the same result."""

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[_Fed, dict[Hashable, FedTensor]]] = {}

    def collect(
        self, events: Iterable[Any], tensor_of: Any, trains: Any, run: Hashable = None
    ) -> dict[Hashable, FedTensor]:
        """The initial store of the next run: ("feed", id) -> what is fed there.

        The shape is what all feeds have in common; the range is that of the runs that train, if there are any
        (`trains` tells a session run that does). `run` names the run: the next version's run of that name is likely to
        feed the same.
        """
        fed: _Fed = [
            (
                event,
                event.training if type(event) is ModelCall else trains(event),
                [tensor_of(feed.value) for feed in event.feeds],
            )
            for event in events
            if type(event) in (SessionRun, ModelCall) and event.feeds
        ]
        if not fed:
            return {}
        known = self._known.get(run)
        if known is not None and len(known[0]) == len(fed):
            if all((a[0] is b[0] or a[0] == b[0]) and a[1] == b[1] and a[2] == b[2] for a, b in zip(known[0], fed)):
                return known[1]
        if len(self._known) >= _KEPT:
            self._known.clear()
        result = _join_feeds(fed)
        self._known[run] = fed, result
        return result


_KEPT = 100
"""Results that are kept: one for each pass in each world of each root."""


def _join_feeds(fed: _Fed) -> dict[Hashable, FedTensor]:
    groups: dict[Id, list[tuple[Tensor | None, bool]]] = {}
    batches = _Batches()
    for event, training, tensors in fed:
        leading: list[tuple[Id, Dim]] = []
        for feed, tensor in zip(event.feeds, tensors):
            groups.setdefault(feed.key, []).append((tensor, training))
            if tensor is not None and tensor.shape:
                leading.append((feed.key, tensor.shape[0]))
        batches.add(leading)
    result: dict[Hashable, FedTensor] = {}
    for key, pairs in groups.items():
        chosen = [t for t, training in pairs if training] or [t for t, _ in pairs]
        joined = _join_all(chosen)
        if joined is None:
            continue
        everywhere = _join_all([t for t, _ in pairs])
        shape = everywhere.shape if everywhere is not None else None
        if shape is not None and len(shape) > 0:
            shape = (batches.symbol(key), *shape[1:])
        tensor = joined.replace(shape=shape, op=None, library="tf")
        result[("feed", key)] = FedTensor(tensor=tensor, complete=everywhere is not None)
    return result


def _join_all(tensors: list[Tensor | None]) -> Tensor | None:
    """What all have in common, None when one of them is unknown."""
    if not tensors or any(t is None for t in tensors):
        return None
    joined = tensors[0]
    for other in tensors[1:]:
        shape = join_shape(joined.shape, other.shape)  # type: ignore[union-attr]
        joined = join_tensors(joined, other).replace(shape=shape)  # type: ignore[arg-type]
    return joined


class _Batches:
    """Which placeholders always get the same number of rows in one run."""

    def __init__(self) -> None:
        self.apart: set[frozenset[Id]] = set()
        self.together: dict[Id, set[Id]] = {}
        self.order: dict[Id, None] = {}

    def add(self, leading: list[tuple[Id, Dim]]) -> None:
        for key, _ in leading:
            self.order[key] = None
        for i, (a, x) in enumerate(leading):
            for b, y in leading[i + 1 :]:
                if a is b:
                    continue
                if same(x, y) is True:
                    self.together.setdefault(a, set()).add(b)
                    self.together.setdefault(b, set()).add(a)
                else:
                    self.apart.add(frozenset((a, b)))

    def symbol(self, key: Id) -> Symbol:
        """The batch dimension of a placeholder; the same for all that are fed together with equally many rows."""
        first = key
        near = self.together.get(key, ())
        for other in self.order:
            if other is key or (other in near and frozenset((other, key)) not in self.apart):
                first = other
                break
        return Symbol("batch", ("batch", first), batch=True)
