"""layer-created-in-call: weights that a model makes anew each time it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.program.values import Api, Class, Const, DictRecord, Frame, Function, Id, Ref, Tensor, Value
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Frame

_CALLED = ("call", "train_step")
_ONCE = ("__init__", "build")
_BASES = ("keras.Model", "keras.models.Model", "keras.layers.Layer", "keras.Layer")


class LayerCreatedInCall(Rule):
    """
    ## What it does
    Reports layers with weights, and variables, that the `call` or `train_step` of a Keras layer or model makes and keeps nowhere.

    ## Why it is bad
    Each call has new random weights, so the same input gives another answer each time.
    They belong to no model: `trainable_variables` does not list them, and no optimizer trains them.
    `fit` stops with a `ValueError`, because a compiled function may make variables in its first call only.

    ## Example
    ```python
    class Network(keras.Model):
        def call(self, inputs):
            return keras.layers.Dense(10)(inputs)
    ```

    ## Use instead
    ```python
    class Network(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = keras.layers.Dense(10)

        def call(self, inputs):
            return self.head(inputs)
    ```

    ## Fix safety
    None: the layer has to move to another method and get a name.

    ## Probe
    Calls a small model that does the same twice with one input, and counts the weights that it keeps.

    ## References
    - https://keras.io/guides/making_new_layers_and_models_via_subclassing/
    - https://www.tensorflow.org/guide/function#creating_tfvariables
    """

    name, code, category, severity = "layer-created-in-call", "TL808", "training", "error"
    rank = 40
    evidence = ("certificate",)
    message = "`{method}` makes this {what} anew each time, with new weights that nothing trains"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "class Net(tf.keras.Model):\n"
            "    def call(self, x):\n"
            "        return tf.keras.layers.BatchNormalization()(tf.keras.layers.Dense(3)(x))\n"
            "    def model(self):\n"
            "        inputs = tf.keras.Input((8,))\n"
            "        return tf.keras.Model(inputs, self.call(inputs))\n",
            why="the same where whoever uses it is in another file",
        ),
        Valid(
            "import tensorflow as tf\n"
            "class Net(tf.keras.Model):\n"
            "    def call(self, x):\n"
            "        x = tf.keras.layers.Conv2D(4, 3, activation='relu')(x)\n"
            "        return tf.keras.layers.Dense(3, activation='softmax')(tf.keras.layers.Flatten()(x))\n"
            "    def functional(self, input_shape):\n"
            "        inputs = tf.keras.Input(shape=input_shape)\n"
            "        return tf.keras.Model(inputs, self.call(inputs))\n"
            "model = Net().functional((8, 8, 1))\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n",
            why="`call` runs once, and makes the layers of a functional model",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def correlate(x, kernel):\n"
            "    result = tf.Variable(tf.zeros((x.shape[0] - kernel.shape[0] + 1,)))\n"
            "    for i in range(result.shape[0]):\n"
            "        result[i].assign(tf.reduce_sum(x[i : i + kernel.shape[0]] * kernel))\n"
            "    return result\n"
            "class Correlation(tf.keras.layers.Layer):\n"
            "    def build(self, shape):\n"
            "        self.kernel = self.add_weight(name='kernel', shape=(2,))\n"
            "    def call(self, x):\n"
            "        return correlate(x, self.kernel)\n"
            "print(correlate(tf.ones(6), tf.constant([1.0, -1.0])))\n",
            why="a place for results is no weight",
        ),
        Valid(
            "import keras\n"
            "class Network(keras.Model):\n"
            "    def __init__(self):\n"
            "        super().__init__()\n"
            "        self.head = keras.layers.Dense(10)\n"
            "    def call(self, inputs):\n"
            "        return keras.layers.ReLU()(self.head(inputs))\n"
            "model = Network()\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n",
            why="what has no weights may be made anywhere",
        ),
        Valid(
            "import tensorflow as tf\n"
            "class Network(tf.keras.Model):\n"
            "    def __init__(self):\n"
            "        super().__init__()\n"
            "        self.head = None\n"
            "    def call(self, inputs):\n"
            "        if self.head is None:\n"
            "            self.head = tf.keras.layers.Dense(10)\n"
            "        return self.head(inputs)\n"
            "model = Network()\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n",
            why="made in the first call and kept",
        ),
        Valid(
            "from keras import layers\n"
            "class Scale(layers.Layer):\n"
            "    def build(self, shape):\n"
            "        self.scale = self.add_weight(shape=(1,), initializer='ones')\n"
            "        self.head = layers.Dense(3)\n"
            "    def call(self, inputs):\n"
            "        return self.head(inputs * self.scale)\n"
            "inputs = layers.Input((4,))\n"
            "outputs = Scale()(inputs)\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            "class Builder:\n"
            "    def call(self, width):\n"
            "        inputs = keras.Input((4,))\n"
            "        return keras.Model(inputs, keras.layers.Dense(width)(inputs))\n"
            "model = Builder().call(8)\n",
            why="an object of the user's own, called once",
        ),
        Valid(
            "import tensorflow as tf\n"
            "\n"
            "class Matches(tf.keras.layers.Layer):\n"
            "    def call(self, overlaps):\n"
            "        found = tf.where(tf.reduce_max(overlaps, axis=1) > 0.7, 1, 0)\n"
            "        return tf.compat.v1.scatter_update(tf.Variable(found), tf.argmax(overlaps, axis=0), 1)\n"
            "\n"
            "print(Matches()(tf.random.normal([10, 4])))\n",
            why="a place to write to, which starts with what was computed",
        ),
    ]
    INVALID = [
        Invalid(
            "import keras\n"
            "class Network(keras.Model):\n"
            "    def __init__(self):\n"
            "        super().__init__()\n"
            "        self.hidden = keras.layers.Dense(32, activation='relu')\n"
            "    def call(self, inputs):\n"
            "        return keras.layers.Dense(10)(self.hidden(inputs))\n"
            "model = Network()\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n",
            at="keras.layers.Dense(10)",
            severity="error",
            message="`call` makes this `Dense` layer",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "class Config:\n"
            "    widths = (16, 8)\n"
            "def stack(x):\n"
            "    for width in Config.widths:\n"
            "        x = tf.keras.layers.Dense(width, activation='relu')(x)\n"
            "    return x\n"
            "class Block(tf.keras.layers.Layer):\n"
            "    def call(self, inputs):\n"
            "        return stack(inputs)\n"
            "inputs = tf.keras.Input((4,))\n"
            "model = tf.keras.Model(inputs, tf.keras.layers.Dense(1)(Block()(inputs)))\n"
            "model.compile('adam', 'mse')\n",
            at="tf.keras.layers.Dense(width, activation='relu')",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "class Scale(tf.keras.layers.Layer):\n"
            "    def call(self, inputs):\n"
            "        factor = tf.Variable(1.0)\n"
            "        return inputs * factor\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), Scale(), tf.keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n",
            at="tf.Variable(1.0)",
            message="this variable",
        ),
        Invalid(
            "",
            cells=(
                "from keras import Model\nfrom keras.layers import BatchNormalization, Conv2D\n",
                "class Stem(Model):\n"
                "    def __init__(self):\n"
                "        super().__init__()\n"
                "        self.conv = Conv2D(8, 3)\n"
                "    def call(self, x):\n"
                "        return BatchNormalization()(self.conv(x))\n",
            ),
            at="BatchNormalization()",
            cell=1,
        ),
    ]

    def check(self, program: Program) -> Iterator[Report]:
        if program.generation == "1.x":
            return  # a graph is built once
        # A class that makes a functional model of its `call` is used for that.
        seen = {variable.place for variable in program.of_kind("variable") if _is_in_graph(program, variable)}
        for variable in program.of_kind("variable"):
            made = variable.layer or variable.id
            record = program.object(made)
            place = variable.place if record is None else record.place
            if place in seen or variable.place in seen or (variable.layer is None and variable.name != "tf.Variable"):
                continue
            method = _method(program, made)
            if method is None or variable.context.conditions or _is_kept(program, made, variable):
                continue
            if variable.layer is None and (not _starts_alike(program, variable) or _is_filled(program, variable)):
                continue
            seen.add(place)
            what = "variable" if record is None else f"`{record.name.rsplit('.', 1)[-1]}` layer"
            yield self.report(place, method=method, what=what, subject=made)


def _is_filled(program: Program, variable: Operation) -> bool:
    """Whether numbers are put into a variable: then it is a place for results, and none of the weights."""
    targets = (program.source(o.inputs[0], _PARTS) for o in program.of_kind("assign") if o.inputs)
    return any(target is variable for target in targets)


_PARTS = frozenset(("slice",))


def _starts_alike(program: Program, variable: Operation) -> bool:
    """Whether what a variable starts with is made for it alone, and not of the inputs of the call."""
    start = variable.inputs[0] if variable.inputs else None
    if not isinstance(start, Tensor):
        return isinstance(start, Const)
    behind = [found for key in program.ancestors(start) if (found := program.operation(key)) is not None]
    return all(
        found.id.frame is variable.id.frame and all(isinstance(value, (Tensor, Const)) for value in found.inputs)
        for found in behind
    )


def _method(program: Program, made: Id) -> str | None:
    """The method of a Keras class in whose call something is made; None where it is made elsewhere, or once."""
    frame: Frame | None = made.frame
    while frame is not None:
        if frame.name in _ONCE:
            return None
        if frame.name in _CALLED:
            return frame.name if _is_of_keras(program, frame.name, frame.code) else None
        frame = frame.parent
    return None


def _is_in_graph(program: Program, variable: Operation) -> bool:
    """Whether another method runs `call` once on an input that it makes: then this belongs to a functional model."""
    called: Frame | None = (variable.layer or variable.id).frame
    while called is not None and called.name not in _CALLED:
        called = called.parent
    outer = called.parent if called is not None else None
    if outer is None or outer.name in _CALLED or outer.code is None:
        return False
    makes_input = any(o.name == "keras.Input" and o.id.frame is outer for o in program.of_kind("input"))
    return makes_input and any(
        isinstance(instance.cls, Class)
        and isinstance(method := program.heap.get((instance.cls.frame, outer.name)), Function)
        and method.define is outer.code
        for _, instance in program.instances
    )


def _is_of_keras(program: Program, name: str, define: object) -> bool:
    for _, instance in program.instances:
        cls = instance.cls
        method = program.heap.get((cls.frame, name)) if isinstance(cls, Class) else None
        if isinstance(method, Function) and method.define is define and _derives(cls):
            return True
    return False


def _derives(cls: Value) -> bool:
    """Whether a class is a layer or model of Keras."""
    if isinstance(cls, Class):
        return any(map(_derives, cls.bases))
    return isinstance(cls, Api) and cls.symbol.name in _BASES


def _is_kept(program: Program, made: Id, variable: Operation) -> bool:
    """Whether an object holds on to it, so that the next call finds it again, or code that is not followed gets it."""
    if variable.layer is not None and program.escapes(made):
        return True
    values: list[Value] = []
    for _, instance in program.instances:
        for value in instance.attributes.values():
            values += program.items(value)
            record = program.record(value)
            if isinstance(record, DictRecord):
                values += [item for _, item in record.items]
    return any((isinstance(value, Ref) and value.id is made) or getattr(value, "op", None) is made for value in values)
