"""What the program does, in order: compile, fit, session runs, training steps, discarded results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from trainlint.record import Record

if TYPE_CHECKING:
    from trainlint.program.operations import Context
    from trainlint.program.values import Argument, Id, Value
    from trainlint.source.code import Place


class Event(Record):
    place: Place
    context: Context

    @property
    def places(self) -> tuple[Place, ...]:
        """Where it happens, and where what it is given is written."""
        return (self.place,)


class Feed(Record):
    """A value given to a placeholder or model input. `key` is the operation that is fed."""

    key: Id
    value: Value
    place: Place


class SessionRun(Event):
    """`session.run(fetches, feed_dict)` or `tensor.eval(feed_dict)`; `opaque` when some feeds could not be read.

    `partial` when some fetches could not be read.
    `session` is None for the default session: `tensor.eval()`.
    """

    fetches: tuple[Value, ...] = ()
    feeds: tuple[Feed, ...] = ()
    opaque: bool = False
    partial: bool = False
    session: Value | None = None

    @property
    def places(self) -> tuple[Place, ...]:
        return (self.place, *(feed.place for feed in self.feeds))


class SessionOpened(Event):
    """A session is made: `tf.Session()`; `session` is the object."""

    session: Id


class QueuesStarted(Event):
    """`tf.train.start_queue_runners`: the queues that the graph holds by now are filled; `op` stands for the call."""

    op: Id | None = None
    session: Value | None = None


class Shuffled(Event):
    """`np.random.shuffle(value)`, in place; without a value the seed or the state of the generator is set.

    `op` stands for the call among the operations.
    """

    op: Id | None = None
    value: Value | None = None


class SurplusArgument(Event):
    """A call of `function` is given a keyword argument `name` that no version of it takes; it takes `known`."""

    function: str
    name: str
    known: tuple[str, ...] = ()


class MissingArgument(Event):
    """A call of `function` lacks arguments that every version of it requires, or every one before `before`."""

    function: str
    names: tuple[str, ...] = ()
    before: tuple[int, ...] | None = None


class Rounds(Event):
    """A loop that runs at most so often, as far as that is known."""

    most: float


class Unread(Event):
    """Some statements were read in part only, or not at all: what they do with the rest is not known."""


class EpochsBegun(Event):
    """A loop whose variable says that it counts the epochs of a training: `for epoch in range(10)`."""


class TypesPromoted(Event):
    """From here on TensorFlow converts operands of different types to a common one, as NumPy does."""


class Minimize(Event):
    """An optimizer is told to reduce a loss: `minimize`, `apply_gradients`, or a compiled model that is fitted.

    `how` is "minimize", "gradients", "tape" or "fit"; `variables` is None when all are trained.
    """

    loss: Value
    optimizer: Value
    how: str = "minimize"
    op: Id | None = None


class Compile(Event):
    model: Id
    arguments: Mapping[str, Argument]
    losses: tuple[Id, ...] = ()

    @property
    def places(self) -> tuple[Place, ...]:
        return (self.place, *_written(self.arguments))


class ModelCall(Event):
    """`fit`, `evaluate`, `predict`, `train_on_batch`... of a model, with its bound arguments."""

    model: Id
    method: str
    arguments: Mapping[str, Argument]
    feeds: tuple[Feed, ...] = ()
    training: bool = False

    @property
    def places(self) -> tuple[Place, ...]:
        return (self.place, *_written(self.arguments), *(feed.place for feed in self.feeds))


class Evaluation(Event):
    """An estimator is evaluated: what the input function returns, and how many steps are asked for."""

    inputs: Value
    given: Place | None = None
    steps: Argument | None = None

    @property
    def places(self) -> tuple[Place, ...]:
        return (self.place,) if self.given is None else (self.place, self.given)


class TrainableSet(Event):
    """`model.trainable = value` of a layer or model; None where the value is not known."""

    target: Id
    value: bool | None = None


class Altered(Event):
    """`layer.rate = ...`: an argument of a layer is changed after it was made; `target` is None for any layer."""

    target: Id | None
    name: str


class WeightsSet(Event):
    """The weights of a layer or model are set: given, loaded from a file or restored from a checkpoint.

    `target` is None where it is not known which: of a list of layers that is not known, say.
    """

    target: Id | None


class MetricAdded(Event):
    """`add_metric` of a layer or model: a number that is logged beside those that the model is compiled with."""


class Applied(Event):
    """`model(inputs)` below a gradient tape: what a step of one's own gives a model, and what comes out."""

    model: Id
    inputs: Argument
    output: Value


class Discarded(Event):
    """A statement computes `value` and drops it; `shown` where it is the last of a notebook's cell, which shows it."""

    value: Value
    shown: bool = False


class Escape(Event):
    """Values that leave what the machine can follow: returned from a root, given to an unknown function, stored.

    `function` is what was called, None if nothing was; `dropped` when a statement calls it and drops the result.
    """

    values: tuple[Value, ...]
    function: Value | None = None
    dropped: bool = False


class Unpacked(Event):
    """The parts of a call are bound to names, in the order of the text: (name, its place, what it is bound to)."""

    targets: tuple[tuple[str, Place, tuple[int, str]], ...]


def _written(arguments: Mapping[str, Argument]) -> list[Place]:
    return [argument.place for argument in arguments.values() if argument.place is not None]
