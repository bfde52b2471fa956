"""Counts the steps of loops with `GradientTape`, eager or inside of `tf.function`.

A step is what an optimizer does with the gradients of a tape, or an assignment to a variable after a tape's gradient
where no optimizer is used.
"""

from __future__ import annotations

import functools
import sys
import threading
from typing import Any, Callable, List, Optional, Set

from .steps import Recorder, number_of, weights_of

_MOST_WAITING = 20
_MOST_COUNTERS = 50
_MOST_SPARE = 4


class _Gradient:
    """What a tape was asked for and nobody has used yet."""

    def __init__(self, loss: Any, variables: List[Any]) -> None:
        self.loss = loss
        self.identities = {id(variable) for variable in variables}


class _Counter:
    """Variables that count the steps of a compiled function and keep the last loss."""

    def __init__(self, key: Any, count: Any, loss: Any) -> None:
        self.key = key
        self.count = count
        self.loss = loss
        self.seen = 0


class Tapes:
    """The hooks of tapes, optimizers and compiled functions."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._waiting: List[_Gradient] = []
        self._counters: List[_Counter] = []
        self._spare: List[Any] = []
        self._inside = threading.local()

    def patch_tapes(self, module: Any) -> None:
        """Remembers the loss whenever a tape is asked for gradients of variables."""
        tape = module.GradientTape
        original = tape.gradient

        @functools.wraps(original)
        def gradient(own: Any, target: Any, sources: Any, *arguments: Any, **keywords: Any) -> Any:
            if not self._recorder.quiet:
                variables = [each for each in _flat(sources) if hasattr(each, "assign")]
                # Gradients by an input (a penalty, a picture) are no training.
                if variables:
                    self._waiting.append(_Gradient(_flat(target)[:1], variables))
                    del self._waiting[:-_MOST_WAITING]
                    key = self._key(variables)
                    if not self._recorder.described(key, "weights") and module.context.executing_eagerly():
                        self._recorder.describe(key, "weights", weights_of(variables))
            return original(own, target, sources, *arguments, **keywords)

        tape.gradient = gradient

    def patch_optimizers(self, module: Any) -> None:
        """Counts what optimizers apply; one such call often makes others."""
        for optimizer in list(vars(module).values()):
            if isinstance(optimizer, type) and optimizer.__module__ == module.__name__:
                for name in ("apply_gradients", "apply"):
                    if callable(vars(optimizer).get(name)):
                        setattr(optimizer, name, self._applying(vars(optimizer)[name]))

    def _applying(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def apply(own: Any, gradients: Any, *arguments: Any, **keywords: Any) -> Any:
            if self._recorder.quiet or not self._waiting:
                return original(own, gradients, *arguments, **keywords)
            if original.__name__ == "apply_gradients":
                gradients = list(gradients)
                variables = [pair[1] for pair in gradients if isinstance(pair, (list, tuple)) and len(pair) == 2]
            else:
                variables = list((arguments[0] if arguments else keywords.get("trainable_variables")) or ())
            with self._recorder:
                result = original(own, gradients, *arguments, **keywords)
            self._stepped(variables)
            return result

        return apply

    def patch_variables(self, module: Any) -> None:
        """Counts updates by hand: the first assignment after a tape's gradient, to a variable of it."""
        variable = module.BaseResourceVariable
        for name in ("assign", "assign_sub", "assign_add"):
            setattr(variable, name, self._assigning(getattr(variable, name)))

    def _assigning(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def assign(own: Any, *arguments: Any, **keywords: Any) -> Any:
            if not self._waiting or self._recorder.quiet:
                return original(own, *arguments, **keywords)
            with self._recorder:
                result = original(own, *arguments, **keywords)
            if any(id(own) in waiting.identities for waiting in self._waiting):
                self._stepped([own])
            return result

        return assign

    def patch_functions(self, module: Any) -> None:
        """Reads the counters after each outermost call of a compiled function."""
        function = getattr(module, "Function", None)
        if function is None or function.__module__ != module.__name__:
            return
        original = function.__call__

        @functools.wraps(original)
        def call(own: Any, *arguments: Any, **keywords: Any) -> Any:
            depth = getattr(self._inside, "depth", 0)
            if not depth and not self._recorder.quiet:
                self._make_spare_variables()
            self._inside.depth = depth + 1
            try:
                result = original(own, *arguments, **keywords)
            finally:
                self._inside.depth = depth
            if not depth and self._counters and not self._recorder.quiet:
                self._read_counters()
            return result

        function.__call__ = call

    def _stepped(self, variables: List[Any]) -> None:
        gradient = self._taken(variables)
        if gradient is None:
            return
        loss = gradient.loss[0] if gradient.loss else None
        key = self._key(variables)
        tensorflow = sys.modules["tensorflow"]
        if _is_eager(tensorflow):
            self._recorder.step(key, loss)
            return
        self._recorder.describe(key, "loss", formula(loss))
        try:
            self._count_in_graph(tensorflow, key, loss)
        except Exception as problem:
            self._recorder.channel.send("note", text="a compiled step can't be counted: {!r}".format(problem)[:300])

    def _count_in_graph(self, tensorflow: Any, key: Any, loss: Any) -> None:
        """Adds two assignments to the function that is being traced; sessions are counted elsewhere."""
        if not tensorflow.compat.v1.executing_eagerly_outside_functions():
            return
        count, kept = self._spare.pop()
        with self._recorder:
            count.assign_add(1.0)
            if loss is not None:
                kept.assign(tensorflow.reduce_mean(tensorflow.cast(loss, tensorflow.float32)))
        self._counters.append(_Counter(key, count, kept))
        del self._counters[:-_MOST_COUNTERS]

    def _make_spare_variables(self) -> None:
        """Makes what counts in compiled functions before they are traced: inside of one it would be theirs."""
        tensorflow: Any = sys.modules.get("tensorflow")
        if len(self._spare) >= _MOST_SPARE or not hasattr(tensorflow, "Variable") or not _is_eager(tensorflow):
            return
        with self._recorder:
            while len(self._spare) < _MOST_SPARE:
                # Both are floats, since integers live on another device in some compiled functions.
                self._spare.append([tensorflow.Variable(0.0, trainable=False) for _ in range(2)])

    def _read_counters(self) -> None:
        for counter in self._counters:
            count = int(number_of(counter.count) or 0)
            span = count - counter.seen
            if span > 0:
                counter.seen = count
                note = "the last of {} losses of one call".format(span) if span > 1 else ""
                self._recorder.step(counter.key, counter.loss, None, span, note)

    def _taken(self, variables: List[Any]) -> Optional[_Gradient]:
        """The waiting gradient that belongs to these variables, which is waiting no longer."""
        identities = {id(variable) for variable in variables}
        for gradient in reversed(self._waiting):
            if not identities or gradient.identities & identities:
                self._waiting.remove(gradient)
                return gradient
        return None

    def _key(self, variables: List[Any]) -> Any:
        """What is trained together: the network whose first variable this is."""
        for variable in variables:
            return "tape", id(variable)
        return "tape", 0


def _is_eager(tensorflow: Any) -> bool:
    """Whether operations run at once and no function is being traced."""
    return bool(tensorflow.executing_eagerly())


def _flat(value: Any) -> List[Any]:
    """The leaves of nested lists, tuples and dictionaries."""
    if isinstance(value, (list, tuple)):
        return [leaf for each in value for leaf in _flat(each)]
    if isinstance(value, dict):
        return [leaf for each in value.values() for leaf in _flat(each)]
    return [] if value is None else [value]


# Operations that move numbers around and compute nothing.
_NO_ARITHMETIC = frozenset(
    "Reshape Squeeze ExpandDims Cast Identity Const Pack Unpack StridedSlice Shape ShapeN Size Rank Prod Range Fill"
    " StopGradient Transpose BroadcastTo Placeholder PlaceholderWithDefault ReadVariableOp VarHandleOp VariableV2"
    " Variable IteratorGetNext OneHot DynamicStitch FloorMod ConcatV2 NoOp".split()
)
# Where the loss ends and the network begins.
_NETWORK = frozenset(
    "MatMul BatchMatMulV2 BatchMatMul Conv2D Conv1D Conv3D BiasAdd FusedBatchNormV3 While StatelessWhile"
    " PartitionedCall StatefulPartitionedCall Einsum ResourceGather Gather GatherV2".split()
)


def formula(loss: Any) -> Optional[str]:
    """The arithmetic between the network and its loss, as a text that is the same for the same loss."""
    operation = getattr(loss, "op", None)
    if operation is None:
        return None
    found: List[str] = []
    seen: Set[Any] = set()
    waiting = [operation]
    while waiting and len(seen) < 200:
        operation = waiting.pop()
        if operation in seen:
            continue
        seen.add(operation)
        if operation.type in _NETWORK or _adds_bias(operation):
            continue
        if operation.type not in _NO_ARITHMETIC:
            found.append(operation.type)
        waiting.extend(tensor.op for tensor in operation.inputs)
    return " ".join(sorted(found)) or None


def _adds_bias(operation: Any) -> bool:
    """Whether this is `x @ w + b`, which some write as one operation of the network."""
    if operation.type not in ("Add", "AddV2"):
        return False
    for tensor in operation.inputs:
        source = tensor.op
        while source.type in ("Identity", "ReadVariableOp") and len(source.inputs):
            source = source.inputs[0].op
        if source.type in ("Variable", "VariableV2", "VarHandleOp"):
            return True
    return False
