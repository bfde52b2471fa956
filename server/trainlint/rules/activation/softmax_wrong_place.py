"""softmax-wrong-place: a softmax as a hidden activation, or over the wrong axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import Remedy, ReplaceValue
from trainlint.fixes.heads import other_activation
from trainlint.program.dims import is_batch, show
from trainlint.program.heads import is_answer, outputs_of_models, trained, weights_before
from trainlint.program.program import SHAPING
from trainlint.program.values import Tensor
from trainlint.program.weights import kernel_of, kernel_side
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.source.code import Place

PASSING = SHAPING | {"pool", "normalization", "pad", "resize"}


class SoftmaxWrongPlace(Rule):
    """
    ## What it does
    Reports a softmax as the activation of a hidden layer, and a softmax over the samples of a batch or over an axis of an image where the classes are the last axis.
    A softmax over the samples that is written out, `tf.exp(z) / tf.reduce_sum(tf.exp(z), axis=0)`, is reported as well.

    ## Why it is bad
    The results of a softmax add up to 1, so between hidden layers one large unit silences all others: little gets through, and the gradient is small.
    Over the batch, the samples compete with each other, and the answer for one depends on which others happen to be there.

    ## Example
    ```python
    model.add(layers.Dense(64, activation="softmax"))
    model.add(layers.Dense(10, activation="softmax"))
    ```

    ## Use instead
    ```python
    model.add(layers.Dense(64, activation="relu"))
    model.add(layers.Dense(10, activation="softmax"))
    ```

    ## Fix safety
    Unsafe: the network computes something else, which is the point.

    ## Probe
    Over the samples: looks whether a row's answer changes with the other rows, which decides.
    Over another axis: looks whether the answers add up to 1 over the classes, which decides.
    Between layers: trains with and without the repair and compares.

    ## References
    - https://keras.io/api/layers/activations/
    - https://www.tensorflow.org/api_docs/python/tf/nn/softmax
    - Ben Braiek and Khomh, "Testing Feedforward Neural Networks Training Programs", TOSEM 2022
    """

    name, code, category, severity = "softmax-wrong-place", "TL206", "activation", "warning"
    rank = 32
    evidence = ("certificate", "training")
    message = "a softmax between hidden layers: its {units}results add up to 1, so one large unit silences the others"

    VALID = [
        Valid(
            (
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "\n"
                'model = keras.Sequential([keras.Input((20,)), layers.Dense(64, activation="relu")])\n'
                'model.add(layers.Dense(10, activation="softmax"))\n'
                'model.compile("adam", loss="sparse_categorical_crossentropy")\n'
            ),
        ),
        Valid(
            (
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 20])\n"
                "scores = tf.layers.dense(x, 4)\n"
                "gates = tf.nn.softmax(scores)\n"
                "experts = tf.layers.dense(x, 4, activation=tf.nn.tanh)\n"
                "mixed = tf.layers.dense(gates * experts, 1)\n"
                "loss = tf.reduce_mean(tf.square(mixed - 1.0))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
            why="The softmax weighs something.",
        ),
        Valid(
            (
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "\n"
                "inputs = keras.Input((30, 8))\n"
                "states = layers.GRU(16, return_sequences=True)(inputs)\n"
                "weights = layers.Softmax(axis=1)(layers.Dense(1)(states))\n"
                "context = layers.Flatten()(layers.Dot(axes=1)([weights, states]))\n"
                'model = keras.Model(inputs, layers.Dense(3, activation="softmax")(context))\n'
                'model.compile("adam", loss="categorical_crossentropy")\n'
            ),
            why="Attention over the steps.",
        ),
        Valid(
            (
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 20])\n"
                'memory = tf.get_variable("memory", [10, 8])\n'
                "slots = tf.nn.softmax(tf.layers.dense(x, 10))\n"
                "loss = tf.reduce_mean(tf.square(tf.layers.dense(tf.matmul(slots, memory), 1) - 1.0))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
            why="The softmax weighs the rows of a memory.",
        ),
        Valid(
            (
                "import argparse\n"
                "from tensorflow import keras\n"
                "\n"
                "parser = argparse.ArgumentParser()\n"
                'parser.add_argument("--activation", required=True)\n'
                "name = parser.parse_args().activation\n"
                "model = keras.Sequential(\n"
                "    [keras.Input((20,)), keras.layers.Dense(64, activation=name), keras.layers.Dense(1)]\n"
                ")\n"
                'model.compile("adam", loss="mse")\n'
            ),
            why="Which activation it is comes from the command line.",
        ),
        Valid(
            "",
            cells=(
                (
                    "from tensorflow import keras\n"
                    "from tensorflow.keras import layers\n"
                    "inputs = keras.Input((20,))\n"
                    'kind = layers.Dense(5, activation="softmax", name="kind")(layers.Dense(16, activation="relu")(inputs))\n'
                ),
                (
                    'detail = layers.Dense(9, activation="softmax", name="detail")(kind)\n'
                    "model = keras.Model(inputs, [kind, detail])\n"
                    'model.compile("adam", loss=["categorical_crossentropy", "categorical_crossentropy"])\n'
                ),
            ),
            why="The first answer is an output of its own.",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def softmax(z, axis=1):\n"
            "    powers = tf.exp(z - tf.reduce_max(z, axis=axis, keepdims=True))\n"
            "    return powers / tf.reduce_sum(powers, axis=axis, keepdims=True)\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.float32, [None, 4])\n"
            "answer = softmax(tf.layers.dense(x, 4))\n"
            "loss = -tf.reduce_mean(tf.reduce_sum(y * tf.log(answer + 1e-9), axis=1))\n"
            "step = tf.train.AdamOptimizer().minimize(loss)\n",
            why="written out, over the classes",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "scores = tf.layers.dense(tf.layers.dense(x, 16, tf.nn.tanh), 1)\n"
            "powers = tf.exp(scores)\n"
            "attention = powers / tf.reduce_sum(powers, axis=0)\n"
            "bag = tf.reduce_sum(attention * x, axis=0, keepdims=True)\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(bag, 1) - 1.0))\n"
            "step = tf.train.AdamOptimizer().minimize(loss)\n",
            why="the rows are weighed against each other, as attention over a bag does",
        ),
    ]
    INVALID = [
        Invalid(
            (
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "\n"
                "model = keras.Sequential([keras.Input((20,))])\n"
                'model.add(layers.Dense(64, activation="softmax"))\n'
                'model.add(layers.Dense(10, activation="softmax"))\n'
                'model.compile("adam", loss="sparse_categorical_crossentropy")\n'
            ),
            at='"softmax"',
            severity="warning",
            message="its 64 results add up to 1",
            traces=("this is the next layer",),
            fixed=(
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "\n"
                "model = keras.Sequential([keras.Input((20,))])\n"
                'model.add(layers.Dense(64, activation="relu"))\n'
                'model.add(layers.Dense(10, activation="softmax"))\n'
                'model.compile("adam", loss="sparse_categorical_crossentropy")\n'
            ),
        ),
        Invalid(
            (
                "import tensorflow as tf\n"
                "\n"
                "images = tf.placeholder(tf.float32, [None, 28, 28, 1])\n"
                "y = tf.placeholder(tf.float32, [None, 10])\n"
                "hidden = tf.layers.conv2d(images, 16, 3, activation=tf.nn.softmax)\n"
                "hidden = tf.layers.flatten(tf.layers.max_pooling2d(hidden, 2, 2))\n"
                "scores = tf.layers.dense(hidden, 10)\n"
                "loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=scores))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
            at="tf.nn.softmax",
            severity="warning",
        ),
        Invalid(
            (
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "\n"
                "model = tf.keras.Sequential([tf.keras.Input((20,)), tf.keras.layers.Dense(4)])\n"
                "entropy = tf.keras.losses.SparseCategoricalCrossentropy()\n"
                "optimizer = tf.keras.optimizers.Adam()\n"
                'rows = np.random.normal(size=(500, 20)).astype("float32")\n'
                "data = tf.data.Dataset.from_tensor_slices((rows, np.random.randint(0, 4, size=500))).batch(50)\n"
                "\n"
                "\n"
                "def answer(x):\n"
                "    return tf.nn.softmax(model(x), axis=0)\n"
                "\n"
                "\n"
                "for x, y in data:\n"
                "    with tf.GradientTape() as tape:\n"
                "        loss = entropy(y, answer(x))\n"
                "    gradients = tape.gradient(loss, model.trainable_variables)\n"
                "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n"
            ),
            at="0",
            occurrence=8,
            severity="warning",
            message="over the samples of the batch",
            fixed=(
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "\n"
                "model = tf.keras.Sequential([tf.keras.Input((20,)), tf.keras.layers.Dense(4)])\n"
                "entropy = tf.keras.losses.SparseCategoricalCrossentropy()\n"
                "optimizer = tf.keras.optimizers.Adam()\n"
                'rows = np.random.normal(size=(500, 20)).astype("float32")\n'
                "data = tf.data.Dataset.from_tensor_slices((rows, np.random.randint(0, 4, size=500))).batch(50)\n"
                "\n"
                "\n"
                "def answer(x):\n"
                "    return tf.nn.softmax(model(x), axis=-1)\n"
                "\n"
                "\n"
                "for x, y in data:\n"
                "    with tf.GradientTape() as tape:\n"
                "        loss = entropy(y, answer(x))\n"
                "    gradients = tape.gradient(loss, model.trainable_variables)\n"
                "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n"
            ),
        ),
        Invalid(
            (
                "from keras import Input, Sequential\n"
                "from keras.layers import Activation, Dense\n"
                "\n"
                "\n"
                "class Config:\n"
                "    sizes = (64, 32)\n"
                '    activation = "softmax"\n'
                "\n"
                "\n"
                "model = Sequential([Input((20,))])\n"
                "for size in Config.sizes:\n"
                "    model.add(Dense(size))\n"
                "    model.add(Activation(Config.activation))\n"
                "model.add(Dense(1))\n"
                'model.compile("adam", loss="mse")\n'
            ),
            at="Config.activation",
            severity="warning",
        ),
        Invalid(
            "",
            cells=(
                (
                    "from tensorflow import keras\n"
                    "from tensorflow.keras import layers\n"
                    "inputs = keras.Input((64, 64, 3))\n"
                    'features = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)\n'
                ),
                (
                    "masks = layers.Softmax(axis=1)(layers.Conv2D(4, 1)(features))\n"
                    "model = keras.Model(inputs, masks)\n"
                    'model.compile("adam", loss="sparse_categorical_crossentropy")\n'
                ),
            ),
            at="1",
            severity="warning",
            message="over axis 1",
            cell=1,
            fixed=(
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "inputs = keras.Input((64, 64, 3))\n"
                'features = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)\n'
                "\n"
                "masks = layers.Softmax(axis=-1)(layers.Conv2D(4, 1)(features))\n"
                "model = keras.Model(inputs, masks)\n"
                'model.compile("adam", loss="sparse_categorical_crossentropy")\n'
            ),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.float32, [None, 4])\n"
            "powers = tf.exp(tf.layers.dense(x, 4))\n"
            "answer = powers / tf.reduce_sum(powers, axis=0)\n"
            "loss = -tf.reduce_mean(tf.reduce_sum(y * tf.log(answer + 1e-9), axis=1))\n"
            "step = tf.train.AdamOptimizer().minimize(loss)\n",
            at="0",
            occurrence=1,
            severity="warning",
            message="sums over the samples of the batch",
            traces=("divided by the sums",),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "class Network:\n"
            "    def __init__(self, units):\n"
            "        self.x = tf.placeholder(tf.float32, [None, 20])\n"
            "        self.y = tf.placeholder(tf.float32, [None, units])\n"
            "        self.answer = self.softmax(tf.layers.dense(self.x, units))\n"
            "        entropy = -tf.reduce_sum(self.y * tf.log(tf.clip_by_value(self.answer, 1e-9, 1.0)), axis=1)\n"
            "        self.step = tf.train.AdamOptimizer().minimize(tf.reduce_mean(entropy))\n"
            "    def softmax(self, z):\n"
            "        z = z - tf.reduce_max(z, axis=1, keepdims=True)\n"
            "        return tf.exp(z) / tf.reduce_sum(tf.exp(z), axis=0, keepdims=True)\n"
            "network = Network(4)\n",
            at="0",
            occurrence=2,
            severity="warning",
        ),
    ]

    def check(self, program: Program) -> Iterator[Report]:
        answers: set[Place] | None = None
        for softmax in program.of_kind("activation"):
            if softmax.attributes.get("function") != "softmax" or softmax.id not in trained(program):
                continue
            if answers is None:
                answers = _answers(program)
            following = program.recall(_hidden_before, softmax)
            if following is not None and softmax.place not in answers:
                units = softmax.output.shape[-1] if softmax.output.shape else None
                action = other_activation(program, softmax.output, "relu")
                yield self.report(
                    softmax.place, units="" if units is None else f"{units} ",
                    trace=(Step(following.place, "this is the next layer"),) if following.place != softmax.place else (),
                    remedies=() if action is None else (Remedy("Use a relu", "unsafe", (action,)),),
                    subject=softmax.id,
                )  # fmt: skip
            elif following is None:
                yield from self._axis(program, softmax)
        for quotient in program.of_kind("divide"):
            total = _total_of_powers(program, quotient)
            if total is not None and quotient.id in trained(program):
                yield from self._by_hand(program, quotient, total)

    def _by_hand(self, program: Program, quotient: Operation, total: Operation) -> Iterator[Report]:
        """A softmax that is written out, with its sum over the samples."""
        powers = total.inputs[0]
        shape = powers.shape if isinstance(powers, Tensor) else None
        if total.attributes.get("axis") not in ((0,), 0) or shape is None or len(shape) != 2:
            return
        if not is_batch(shape[0]) or is_batch(shape[1]) or not is_answer(program, quotient):
            return
        argument = total.arguments.get("axis")
        yield self.report(
            (argument.place if argument is not None else None) or total.place,
            message="this softmax divides by sums over the samples of the batch, axis 0 of {shape}; the classes are the last axis",
            shape=show(shape), trace=[Step(quotient.place, "the powers are divided by the sums here")], subject=quotient.id,
        )  # fmt: skip

    def _axis(self, program: Program, softmax: Operation) -> Iterator[Report]:
        scores, axis = softmax.inputs[0], softmax.attributes.get("axis")
        shape = scores.shape if isinstance(scores, Tensor) else None
        if not isinstance(axis, int) or shape is None or len(shape) < 2 or not is_answer(program, softmax):
            return
        axis = axis + len(shape) if axis < 0 else axis
        where = None
        if axis == 0 and is_batch(shape[0]) and not is_batch(shape[1]):
            where = "over the samples of the batch"
        elif axis == 1 and len(shape) == 4 and _are_channels_last(program, scores) and _is_compared(program, softmax):
            where = "over axis 1"
        if where is None:
            return
        argument = softmax.arguments.get("axis")
        record = program.object(softmax.layer) if softmax.layer is not None else None
        if argument is None and record is not None:
            argument = record.arguments.get("axis")
        written = argument.place if argument is not None else None
        remedies = [Remedy("Apply it to the last axis", "unsafe", (ReplaceValue(written, ("-1",)),))] if written else []
        yield self.report(
            written or softmax.place, message="the softmax runs {where} of {shape}; the classes are the last axis",
            where=where, shape=show(shape), remedies=remedies, subject=softmax.id,
        )  # fmt: skip


def _total_of_powers(program: Program, quotient: Operation) -> Operation | None:
    """The sum of exp(z) in exp(z) / sum(exp(z)), where the quotient is that; None for anything else."""
    if len(quotient.inputs) != 2:
        return None
    powers, total = (program.operation(value) for value in quotient.inputs)
    if powers is None or powers.kind != "exp" or total is None or total.kind != "reduce":
        return None
    if total.attributes.get("how") != "sum":
        return None
    summed = program.operation(total.inputs[0])
    if summed is None or summed.kind != "exp":
        return None
    if summed.id is powers.id:
        return total
    above, below = powers.inputs[0], summed.inputs[0]
    same = isinstance(above, Tensor) and isinstance(below, Tensor) and above.op is not None and above.op is below.op
    return total if same else None


def _hidden_before(program: Program, softmax: Operation) -> Operation | None:
    """The layer that takes the result of a softmax, if nothing else does."""
    if weights_before(program, softmax.inputs[0]) is None:
        return None  # drawn classes, attention, whatever is no plain layer
    current = softmax
    for _ in range(16):
        users = [user for user in program.consumers(current.id) if user.kind != "opaque"]
        if len(users) != 1:
            return None
        user = users[0]
        if user.kind in ("matmul", "convolution"):
            if kernel_of(program, user) is None:
                return None
            if user.layer is None and user.kind == "matmul" and not _has_bias(program, user):
                return None  # the rows of a memory, weighed
            data = user.inputs[1 - kernel_side(program, user)]
            return user if isinstance(data, Tensor) and data.op is current.id else None
        if user.kind not in PASSING or user.name == "model":
            return None
        current = user
    return None


def _has_bias(program: Program, layer: Operation) -> bool:
    """Whether a product is that of a layer: a layer of TensorFlow, or one with a bias."""
    if layer.symbol is not None and "layers" in layer.symbol.name:
        return True
    for user in program.consumers(layer.id):
        parts = [program.operation(part) for part in user.inputs] if user.kind == "add" else []
        if any(part is not None and part.kind == "variable" for part in parts):
            return True
    return False


def _answers(program: Program) -> set[Place]:
    """Where the last operations of models are: a softmax there may go into another model and be meant."""
    found = set()
    for output in outputs_of_models(program):
        last = program.source(output)
        if last is not None:
            found.add(last.place)
    return found


def _are_channels_last(program: Program, scores: object) -> bool:
    """Whether the scores are proved to be those of a convolution with its filters on the last axis."""
    layer = weights_before(program, scores) if isinstance(scores, Tensor) else None
    kernel = layer.inputs[1] if layer is not None and layer.kind == "convolution" else None
    if not isinstance(kernel, Tensor) or not kernel.shape or not isinstance(scores, Tensor) or not scores.shape:
        return False
    filters = kernel.shape[-1]
    return isinstance(filters, int) and scores.shape[-1] == filters and scores.shape[1] not in (filters, None)


def _is_compared(program: Program, softmax: Operation) -> bool:
    """Whether a cross-entropy takes the result for probabilities."""
    users = program.descendants(softmax.output)
    return any(user.kind == "loss" and "cross-entropy" in str(user.attributes.get("function")) for user in users)
