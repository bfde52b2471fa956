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


def collect(events: Iterable[Any], tensor_of: Any, trains: Any) -> dict[Hashable, FedTensor]:
    """The initial store of the next run: ("feed", id) -> what is fed there.

    The shape is what all feeds have in common; the range is that of the runs that train, if there are any
    (`trains` tells a session run that does).
    """
    groups: dict[Id, list[tuple[Tensor | None, bool]]] = {}
    batches = _Batches()
    for event in events:
        if not isinstance(event, (SessionRun, ModelCall)):
            continue
        training = event.training if isinstance(event, ModelCall) else trains(event)
        leading: list[tuple[Id, Dim]] = []
        for feed in event.feeds:
            tensor = tensor_of(feed.value)
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
        self.together: dict[frozenset[Id], bool] = {}
        self.order: list[Id] = []

    def add(self, leading: list[tuple[Id, Dim]]) -> None:
        for key, _ in leading:
            if key not in self.order:
                self.order.append(key)
        for i, (a, x) in enumerate(leading):
            for b, y in leading[i + 1 :]:
                if a is b:
                    continue
                pair = frozenset((a, b))
                equal = same(x, y)
                self.together[pair] = self.together.get(pair, True) and equal is True

    def symbol(self, key: Id) -> Symbol:
        """The batch dimension of a placeholder; the same for all that are fed together with equally many rows."""
        first = key
        for other in self.order:
            if other is key or self.together.get(frozenset((other, key))):
                first = other
                break
        return Symbol("batch", ("batch", first), batch=True)
