"""probabilities-into-logits-loss: a softmax or sigmoid before a loss that applies it again."""

from __future__ import annotations

import math
from collections.abc import Iterator

from trainlint.finding import Step
from trainlint.fixes.actions import Remedy, ReplaceValue, Source
from trainlint.program.heads import activation_behind, argument_for, named, only_feeds_losses, sharing_place
from trainlint.program.operations import Operation
from trainlint.program.program import Program
from trainlint.program.values import Const, Tensor
from trainlint.rules.base import Invalid, Report, Rule, Valid

PROBABILITIES = ("softmax", "sigmoid", "hard_sigmoid")

SOFTMAX_LOSSES = ("softmax-cross-entropy", "sparse-softmax-cross-entropy")


class ProbabilitiesIntoLogitsLoss(Rule):
    """
    ## What it does
    Reports a softmax or sigmoid whose result goes into a loss that applies softmax or sigmoid itself.

    ## Why it is bad
    The loss takes the probabilities for scores and squeezes them a second time.
    Gradients shrink and confidence is capped: with K classes the loss cannot fall below ln(e + K - 1) - 1, which is 1.46 for ten.
    Keras on TensorFlow finds the scores behind its own activations and only warns; on JAX and PyTorch, in TensorFlow's own losses,
    and as soon as any operation stands between, it does not.

    ## Example
    ```python
    answer = tf.nn.softmax(tf.layers.dense(hidden, 10))
    loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=answer)
    ```

    ## Use instead
    ```python
    logits = tf.layers.dense(hidden, 10)
    answer = tf.nn.softmax(logits)
    loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)
    ```

    ## Fix safety
    Safe for `from_logits=True` where Keras on TensorFlow works with the scores anyway: the numbers stay the same.
    Unsafe elsewhere: training changes, which is the point.

    ## Probe
    Looks at what enters the loss in the user's own backend: values in [0, 1] whose rows sum to 1.

    ## References
    - TensorFlow's page of `tf.nn.softmax_cross_entropy_with_logits`: "Do not call this op with the output of softmax"
    - tensorflow/tensorflow#32869
    - Nikanjam et al., "Automatic Fault Detection for Deep Learning Programs Using Graph Transformations" (NeuraLint)
    """

    name, code, category, severity = "probabilities-into-logits-loss", "TL302", "loss", "error"
    rank = 100
    evidence = ("certificate", "training")
    message = "the {function} has been applied already, and {loss} takes its result for scores and applies {again} again{floor}"

    VALID: list[Valid] = []
    INVALID: list[Invalid] = []

    def check(self, program: Program) -> Iterator[Report]:
        for loss in program.of_kind("loss"):
            predictions = loss.attributes.get("predictions")
            if loss.attributes.get("expects") != "logits" or not isinstance(predictions, Tensor):
                continue
            function = predictions.activation
            if function == "log_softmax" and loss.attributes.get("function") in SOFTMAX_LOSSES:
                yield self._idempotent(program, loss, predictions)
            if function not in PROBABILITIES:
                continue
            activation = activation_behind(program, predictions)
            rescued = activation is not None and _is_rescued(program, loss, predictions, activation)
            place = _place(loss, predictions)
            trace = [Step(activation.place, f"the {function} is applied here")] if activation is not None and activation.place != place else []
            message = self.message
            if rescued:
                message = (
                    "the {function} has been applied already, and {loss} is told to expect scores; "
                    "Keras on TensorFlow finds the scores and warns, other backends apply {again} twice"
                )
            yield self.report(
                place, severity="warning" if rescued else "error", message=message, trace=trace, function=function, loss=named(loss),
                again=_again(loss), floor=_floor(loss, predictions), remedies=_remedies(program, loss, activation, rescued),
                subject=None if activation is None else activation.id,
            )  # fmt: skip

    def _idempotent(self, program: Program, loss: Operation, predictions: Tensor) -> Report:
        activation = activation_behind(program, predictions)
        message = "log_softmax before {loss} does nothing: the loss applies it itself, with the same result"
        return self.report(
            _place(loss, predictions), severity="info", message=message, loss=named(loss), subject=None if activation is None else activation.id
        )


def _place(loss: Operation, predictions: Tensor) -> object:
    """`from_logits=True` where it is written, else the predictions in the call of the loss."""
    told = loss.arguments.get("from_logits")
    if told is not None and told.place is not None:
        return told.place
    given = argument_for(loss, predictions)
    return given.place if given is not None and given.place is not None else loss.place


def _again(loss: Operation) -> str:
    return "the softmax" if loss.attributes.get("function") in SOFTMAX_LOSSES else "the sigmoid"


def _floor(loss: Operation, predictions: Tensor) -> str:
    """The smallest value that the loss can still take, for a known number of classes."""
    n_classes = predictions.shape[-1] if predictions.shape else None
    if loss.attributes.get("function") not in SOFTMAX_LOSSES or not isinstance(n_classes, int) or n_classes < 2:
        return ""
    # All of the probability on the right class: scores of 1 and 0 (rules.md, TL302).
    return f"; with {n_classes} classes the loss cannot fall below {math.log(math.e + n_classes - 1) - 1:.2f}"


def _is_rescued(program: Program, loss: Operation, predictions: Tensor, activation: Operation) -> bool:
    """Whether Keras on TensorFlow computes the loss from the scores behind the activation, as measured for rules.md, TL302."""
    if loss.attributes.get("form") in ("raw", "v1") or predictions.op is not activation.id:
        return False
    name = "" if activation.symbol is None else activation.symbol.name
    argument = activation.arguments.get("activation")
    of_keras = name.startswith("keras.") and (argument is None or isinstance(argument.value, Const) or "nn." not in repr(argument.value))
    if of_keras:
        return True
    # An operation of TensorFlow is recognized in a graph only, and only if it is the one that the loss has in mind.
    compiled = [event for event in program.compiled if loss.id in event.losses]
    eager = any(e.arguments["run_eagerly"].given for e in compiled if "run_eagerly" in e.arguments)
    expected = "softmax" if loss.attributes.get("function") in SOFTMAX_LOSSES else "sigmoid"
    return bool(compiled) and not eager and activation.attributes.get("function") == expected


def _remedies(program: Program, loss: Operation, activation: Operation | None, rescued: bool) -> list[Remedy]:
    told = loss.arguments.get("from_logits")
    if told is not None and told.place is not None:
        if not isinstance(told.value, Const):
            return []
        return [Remedy("Pass `from_logits=False`", "safe" if rescued else "unsafe", (ReplaceValue(told.place, ("False",)),))]
    if activation is None or loss.attributes.get("form") not in ("raw", "v1"):
        return []
    unwrapped = _scores(activation)
    if unwrapped is not None and only_feeds_losses(program, activation) and len(sharing_place(program, activation)) == 1:
        title = f"Leave the {activation.attributes.get('function')} to the loss"
        return [Remedy(title, "unsafe", (ReplaceValue(activation.place, unwrapped),))]
    given = argument_for(loss, loss.attributes["predictions"])
    is_here = activation.id.frame is loss.id.frame and activation.id.iteration == loss.id.iteration
    if given is None or given.place is None or not is_here or not isinstance(unwrapped, tuple) or unwrapped == ("None",):
        return []
    if activation.id is not loss.attributes["predictions"].op:
        return []
    return [Remedy("Give the scores to the loss", "unsafe", (ReplaceValue(given.place, unwrapped),))]


def _scores(activation: Operation) -> tuple[str | Source, ...] | None:
    """What stands in the place of an activation once it is taken away."""
    if activation.attributes.get("argument"):
        return None if _is_layer(activation) else ("None",)
    given = argument_for(activation, activation.inputs[0])
    return None if given is None or given.place is None or activation.layer is not None else (Source(given.place),)


def _is_layer(activation: Operation) -> bool:
    return activation.symbol is not None and activation.symbol.name.rsplit(".", 1)[-1] == "Activation"


