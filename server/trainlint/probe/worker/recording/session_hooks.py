"""Counts the steps of sessions: runs whose fetches reach an update by gradients of variables."""

from __future__ import annotations

import contextlib
import functools
import re
import sys
import weakref
from typing import Any, Dict, FrozenSet, List, Optional, Set, Tuple

from .steps import Recorder, weights_of
from .tape_hooks import formula

_VARIABLES = frozenset("Variable VariableV2 VarHandleOp AutoReloadVariable ReadVariableOp Identity".split())
_UPDATE = re.compile(r"(?:Resource)?(?:Sparse)?Apply|Assign|(?:Resource)?Scatter")
_MOST_OPERATIONS_TO_A_GRADIENT = 5000
_MOST_FETCHED_SCALARS = 20


class _Graph:
    """What is known of one graph."""

    def __init__(self) -> None:
        # Each loss with the names of the operations that hold its gradients.
        self.gradients: List[Tuple[Any, FrozenSet[str]]] = []
        self.plans: Dict[Any, Any] = {}


class _Plan:
    """What to do in runs of the same fetches."""

    def __init__(self, losses: List[Any], scalars: List[Tuple[str, Any]]) -> None:
        self.losses = losses
        self.scalars = scalars


class Sessions:
    """The hooks of sessions and of `tf.gradients`, which all optimizers of graphs use."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._graphs: Any = weakref.WeakKeyDictionary()

    def patch_gradients(self, module: Any) -> None:
        """Remembers what was differentiated by variables, and where the gradients are."""
        original = module._GradientsHelper

        @functools.wraps(original)
        def helper(ys: Any, xs: Any, *arguments: Any, **keywords: Any) -> Any:
            result = original(ys, xs, *arguments, **keywords)
            with contextlib.suppress(Exception):
                self._differentiated(ys, xs, result)
            return result

        module._GradientsHelper = helper

    def _differentiated(self, ys: Any, xs: Any, gradients: Any) -> None:
        loss = ys[0] if isinstance(ys, (list, tuple)) else ys
        sources = xs if isinstance(xs, (list, tuple)) else [xs]
        if not any(_is_variable(source) for source in sources):
            return
        names = set()
        for gradient in gradients:
            if gradient is not None:
                # The gradient of a look-up has values and indices.
                names.add((gradient.values if hasattr(gradient, "indices") else gradient).op.name)
        graph = self._graphs.setdefault(loss.graph, _Graph())
        graph.gradients.append((loss, frozenset(names)))
        graph.plans.clear()

    def patch_sessions(self, module: Any) -> None:
        """Fetches the loss beside what the program fetches in a run that trains."""
        session = module.BaseSession
        original = session.run

        @functools.wraps(original)
        def run(own: Any, fetches: Any, feed_dict: Any = None, options: Any = None, run_metadata: Any = None) -> Any:
            if self._recorder.quiet or own.graph not in self._graphs:
                return original(own, fetches, feed_dict, options, run_metadata)
            plan = self._plan(own.graph, fetches)
            if plan is None or (not plan.losses and not (plan.scalars and self._recorder.steps)):
                return original(own, fetches, feed_dict, options, run_metadata)
            for loss in plan.losses:
                self._describe(own, original, loss)
            extra = [plan.losses, [tensor for _, tensor in plan.scalars]]
            result, (losses, scalars) = original(own, [fetches, extra], feed_dict, options, run_metadata)
            metrics = {name: value for (name, _), value in zip(plan.scalars, scalars) if not getattr(value, "ndim", 0)}
            for loss, value in zip(plan.losses, losses):
                self._recorder.step(id(loss), value, metrics)
                metrics = {}
            if not plan.losses:
                self._recorder.metrics(metrics)
            return result

        session.run = run

    def _describe(self, session: Any, run: Any, loss: Any) -> None:
        if self._recorder.described(id(loss), "loss"):
            return
        self._recorder.describe(id(loss), "loss", formula(loss) or "unknown")
        try:
            variables = loss.graph.get_collection("trainable_variables")
            self._recorder.describe(id(loss), "weights", weights_of(run(session, variables)))
        except Exception:
            # Some are not initialized, and the program's own run will say so.
            pass

    def _plan(self, graph: Any, fetches: Any) -> Optional[_Plan]:
        known = self._graphs[graph]
        elements = _elements(graph, fetches)
        if elements is None:
            return None
        key = tuple(id(element) for element in elements)
        if key not in known.plans:
            if len(known.plans) > 1000:
                known.plans.clear()
            # The elements are kept, or another one could get the id of one that is gone.
            known.plans[key] = (elements, _Plan(_trained(graph, known, elements), _scalars(elements, known)))
        return known.plans[key][1]


def _is_variable(source: Any) -> bool:
    if hasattr(source, "assign"):
        return True
    operation = getattr(source, "op", None)
    kinds = 0
    while operation is not None and operation.type in _VARIABLES and kinds < 4:
        if operation.type in ("Variable", "VariableV2", "VarHandleOp", "AutoReloadVariable"):
            return True
        operation = operation.inputs[0].op if len(operation.inputs) else None
        kinds += 1
    return False


def _elements(graph: Any, fetches: Any) -> Optional[List[Any]]:
    """The tensors and operations of nested fetches; None where one has another form."""
    if isinstance(fetches, (list, tuple)):
        found: List[Any] = []
        for each in fetches:
            part = _elements(graph, each)
            if part is None:
                return None
            found += part
        return found
    if isinstance(fetches, dict):
        return _elements(graph, list(fetches.values()))
    if fetches is None:
        return None
    try:
        return [graph.as_graph_element(fetches, allow_tensor=True, allow_operation=True)]
    except Exception:
        # A sparse tensor is fetched in parts; it can't be an update.
        return []


def _trained(graph: Any, known: _Graph, elements: List[Any]) -> List[Any]:
    """The losses that a run of these fetches minimizes."""
    seen: Set[Any] = set()
    waiting = [getattr(element, "op", element) for element in elements]
    updates = []
    while waiting:
        operation = waiting.pop()
        if operation in seen:
            continue
        seen.add(operation)
        if _UPDATE.match(operation.type):
            updates.append(operation)
        waiting.extend(tensor.op for tensor in operation.inputs)
        waiting.extend(operation.control_inputs)
    found: List[Any] = []
    for update in updates:
        for loss in _losses_of(update, known):
            if not any(loss is other for other in found) and graph.is_fetchable(loss):
                found.append(loss)
    order = [loss for loss, _ in known.gradients]
    return sorted(found, key=lambda loss: next(i for i, other in enumerate(order) if other is loss))


def _losses_of(update: Any, known: _Graph) -> List[Any]:
    """The losses whose gradients come first on the way back from an update."""
    seen: Set[Any] = set()
    waiting = [tensor.op for tensor in update.inputs]
    found: List[Any] = []
    while waiting and len(seen) < _MOST_OPERATIONS_TO_A_GRADIENT:
        operation = waiting.pop(0)
        if operation in seen:
            continue
        seen.add(operation)
        # The gradients of a later call may be computed from those of an earlier one, not the other way round.
        losses = [loss for loss, names in reversed(known.gradients) if operation.name in names]
        if losses:
            found += losses[:1]
            continue
        waiting.extend(tensor.op for tensor in operation.inputs)
    return found


def _scalars(elements: List[Any], known: _Graph) -> List[Tuple[str, Any]]:
    """The numbers among the fetches, under the names that the program has for them."""
    scalars = [
        element
        for element in elements
        if getattr(getattr(element, "dtype", None), "is_floating", False)
        and element.get_shape().ndims in (0, None)
        and not _UPDATE.match(element.op.type)
        and not any(element is loss for loss, _ in known.gradients)
    ]
    if not scalars or len(scalars) > _MOST_FETCHED_SCALARS:
        return []
    names = _names_of(scalars)
    return [(names[id(scalar)], scalar) for scalar in scalars if id(scalar) in names]


def _names_of(tensors: List[Any]) -> Dict[int, str]:
    """The variables of the program that hold these tensors, else the names that the program gave to the operations.

    The names that TensorFlow gives ("Mean_1") change with every operation before, so they can't be compared.
    """
    names: Dict[int, str] = {}
    wanted = {id(tensor) for tensor in tensors}
    frame: Any = sys._getframe(1)
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if not module.startswith(("tensorflow.", "_trainlint_recording")):
            for scope in (frame.f_locals, frame.f_globals):
                for name, value in list(scope.items()):
                    if id(value) in wanted and id(value) not in names and not name.startswith("_"):
                        names[id(value)] = name
        frame = frame.f_back
    for tensor in tensors:
        last = tensor.op.name.rpartition("/")[2]
        if id(tensor) not in names and not re.match(re.escape(tensor.op.type) + r"(_\d+)?\Z", last):
            names[id(tensor)] = str(tensor.op.name)
    return names
