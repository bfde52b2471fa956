"""mixed-keras-namespaces: one model of layers from two libraries that share a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.program.eras import is_before_2_11
from trainlint.program.values import ApiObject
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.source.code import Place
    from trainlint.tfapi import Symbol

_DEPTH = 12
_SPELLED = {"keras": "keras", "tf.keras": "tensorflow.keras"}


class MixedKerasNamespaces(Rule):
    """
    ## What it does
    Reports a model that is put together from two of `keras`, `tensorflow.keras`, `tf_keras` and `tensorflow.python.keras`, where these are different libraries.
    With TensorFlow 1, `keras` is the standalone library and `tensorflow.keras` a copy of it.
    From TensorFlow 2.11 on, `tf_keras` and `tensorflow.python.keras` are copies beside the first two.

    ## Why it is bad
    The classes have the same names but are not the same.
    A layer of one is no layer for the other: building or compiling the model fails, often with a message about something else.
    Until TensorFlow 2.15 what is put together of `tensorflow.keras` and `tensorflow.python.keras` trains all the same, so that is a warning.
    Each pair of libraries is reported once in a program.
    `tensorflow.python.keras` is no public module, and is not kept up any more.

    ## Example
    ```python
    from tensorflow.keras.layers import Dense
    from tf_keras import Input, Sequential

    model = Sequential([Input((4,)), Dense(1)])
    ```

    ## Use instead
    ```python
    from tf_keras import Input, Sequential
    from tf_keras.layers import Dense

    model = Sequential([Input((4,)), Dense(1)])
    ```

    ## Fix safety
    None: which of the libraries is meant decides about the rest of the program.

    ## Probe
    Looks whether both names are one library in this environment.

    ## References
    - https://keras.io/guides/migrating_to_keras_3/
    - https://stackoverflow.com/questions/55324762
    """

    name, code, category, severity = "mixed-keras-namespaces", "TL003", "migration", "error"
    rank = 45
    evidence = ("certificate",)
    message = "this `{name}` comes from `{own}`, the {other} from `{library}`: here these are different libraries"

    VALID = [
        Valid(
            "import keras\n"
            "from tensorflow.keras.layers import Dense\n"
            "model = keras.Sequential([keras.Input((4,)), Dense(16, 'relu'), Dense(1)])\n"
            "model.compile('adam', 'mse')\n",
            why="in TensorFlow 2.16 and later both are Keras 3",
        ),
        Valid(
            "import tf_keras\n"
            "from tf_keras.layers import Dense\n"
            "model = tf_keras.Sequential([tf_keras.Input((4,)), Dense(1)])\n"
            "model.compile('adam', 'mse')\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "import keras\n"
            "def build(library):\n"
            "    return library.Sequential([library.layers.Dense(1, input_shape=(4,))])\n"
            "session = tf.Session()\n"
            "build(keras).compile('sgd', 'mse')\n"
            "build(tf.keras).compile('sgd', 'mse')\n",
            why="each model is of one library",
        ),
        Valid(
            "",
            cells=(
                "import tensorflow as tf\nfrom tensorflow.python.keras.layers import Dense\nsession = tf.Session()\n",
                "model = tf.keras.Sequential([Dense(1, input_shape=(4,))])\nmodel.compile('sgd', 'mse')\n",
            ),
            why="in TensorFlow 1 these are one library",
        ),
    ]
    INVALID = [
        Invalid(
            "from tensorflow.keras.layers import Dense\n"
            "from tf_keras import Input, Sequential\n"
            "model = Sequential([Input((4,)), Dense(1)])\n"
            "model.compile('adam', 'mse')\n",
            at="Dense(1)",
            severity="error",
            message="`tensorflow.keras`",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "from keras.layers import Dense\n"
            "config = {'units': [16, 1]}\n"
            "def build(config):\n"
            "    model = tf.keras.Sequential()\n"
            "    for units in config['units']:\n"
            "        model.add(Dense(units, input_dim=4))\n"
            "    return model\n"
            "build(config).compile('sgd', 'mse')\n"
            "session = tf.Session()\n",
            at="Dense(units, input_dim=4)",
            severity="error",
        ),
        Invalid(
            "import keras\n"
            "import tensorflow as tf\n"
            "session = tf.Session()\n"
            "inputs = keras.layers.Input((4,))\n"
            "outputs = tf.keras.layers.Dense(1)(inputs)\n"
            "model = tf.keras.Model(inputs, outputs)\n"
            "model.compile('sgd', 'mse')\n",
            at="tf.keras.layers.Dense(1)",
            message="`tensorflow.keras`",
        ),
        Invalid(
            "",
            cells=(
                "import tf_keras\n"
                "import keras\n"
                "model = tf_keras.Sequential([tf_keras.Input((4,)), tf_keras.layers.Dense(1)])\n",
                "model.compile(keras.optimizers.Adam(1e-3), 'mse')\n",
            ),
            at="keras.optimizers.Adam(1e-3)",
            cell=1,
            severity="error",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "from tensorflow.python.keras.layers import Embedding\n"
            "model = tf.keras.Sequential([Embedding(100, 8), tf.keras.layers.Dense(1)])\n",
            at='Embedding(100, 8)',
            severity='warning',
            message='since TensorFlow 2.6 these are different libraries',
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        families = {_family(program, record.symbol) for _, record in program.objects} - {None}
        if len(families) < 2:
            return
        seen: set[Place] = set()
        told: set[tuple[str, str]] = set()
        for record, symbol, what, other in _joints(program):
            own, strange = _family(program, record.symbol), _family(program, symbol)
            if own is None or strange is None or own == strange or record.place in seen or other in seen:
                continue
            seen.add(record.place)
            if (own, strange) in told:
                continue  # one import is behind them all
            told.add((own, strange))
            message, severity = None, None
            if {own, strange} == {"keras", "tensorflow.python.keras"} and record.symbol.flavour != "keras":
                # Until 2.5 they are one, and until 2.15 what is put together of both trains (tf_keras 2.21).
                message, severity = _SINCE_2_6, "warning"
            yield self.report(
                record.place,
                message=message,
                severity=severity,
                name=record.name.rsplit(".", 1)[-1],
                own=_SPELLED.get(record.symbol.flavour, record.symbol.flavour),
                other=what,
                library=_SPELLED.get(symbol.flavour, symbol.flavour),
                trace=[Step(other, f"the {what} is made here")] if other != record.place else [],
            )


_SINCE_2_6 = (
    "this `{name}` comes from `{own}`, the {other} from `{library}`: since TensorFlow 2.6 these are different libraries"
)


def _family(program: Program, symbol: Symbol) -> str | None:
    """What a part of Keras can be put together with; None where that is not certain or it is no part of Keras."""
    flavour = symbol.flavour
    if flavour not in ("keras", "tf.keras", "tf_keras", "tensorflow.python.keras"):
        return None
    if not symbol.name.startswith(
        ("keras.layers.", "keras.optimizers.", "keras.Sequential", "keras.Model", "keras.Input")
    ):
        return None
    if program.generation == "1.x":
        return "keras" if flavour == "keras" else "tensorflow.keras"
    if program.generation in ("2.11", "2.16") and not is_before_2_11(program):
        return "keras" if flavour in ("keras", "tf.keras") else flavour
    return None


def _joints(program: Program) -> Iterator[tuple[ApiObject, Symbol, str, Place]]:
    """Pairs of parts of one model: the later one, the symbol of what it is joined with, its word, and its place."""
    for _, model in program.objects:
        layers = model.fields.get("layers") if model.kind == "model" else None
        for value in layers if isinstance(layers, tuple) else ():
            layer = program.object(value)
            if layer is not None:
                yield layer, model.symbol, "model", model.place
    yield from program.recall_each(_joint)
    for event in program.compiled:
        compiled = program.object(event.model)
        argument = event.arguments.get("optimizer")
        optimizer = program.object(argument.value) if argument is not None else None
        if compiled is not None and optimizer is not None and optimizer.fields.get("spelled") != "string":
            yield optimizer, compiled.symbol, "model", compiled.place


def _joint(program: Program, operation: Operation) -> Iterator[tuple[ApiObject, Symbol, str, Place]]:
    if operation.layer is None or _goes_on(program, operation):
        return
    own = program.object(operation.layer)
    source = _source(program, operation) if own is not None else None
    if own is None or source is None:
        return
    before = program.object(source.layer)
    if before is not None:
        yield own, before.symbol, "layer before it", before.place
    elif source.symbol is not None:
        yield own, source.symbol, "input", source.place


def _goes_on(program: Program, operation: Operation) -> bool:
    """Whether an operation continues what one of the same layer before it has begun."""
    before = program.operation(operation.inputs[0]) if operation.inputs else None
    return before is not None and before.layer is operation.layer


def _source(program: Program, operation: Operation) -> Operation | None:
    """The operation of another layer, or the input, that a layer's operation gets."""
    current: Operation | None = operation
    for _ in range(_DEPTH):
        if current is None or not current.inputs:
            return None
        current = program.operation(current.inputs[0])
        if current is not None and (current.kind == "input" or current.layer not in (None, operation.layer)):
            return current
    return None
