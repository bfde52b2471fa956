"""unscaled-inputs: features in the hundreds go straight into the first layer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import Remedy, ReplaceValue, Source
from trainlint.program.sizes import SATURATING, sizes
from trainlint.program.training import entry, optimizers, training_feeds
from trainlint.program.values import Tensor
from trainlint.program.weights import constant
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.events import Feed
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program

LARGE = 10.0
"""Root mean square from which inputs count as unscaled; standardised data has 1, pixels from 0 to 255 have 147."""

OVERSHOOT = 2.0
"""Rate times squared length of an input: from here on a step of plain gradient descent overshoots a linear layer."""

SATURATED = 5.0
"""An rms before a sigmoid or tanh at which most units are flat."""

_PLAIN = ("GradientDescentOptimizer", "MomentumOptimizer", "SGD")


class UnscaledInputs(Rule):
    """
    ## What it does
    Reports training data whose values are proved to be large (a root mean square above 10) and that nothing scales before the first layer.

    ## Why it is bad
    The first layer sums hundreds instead of ones: sigmoids and tanhs are flat there, and gradients are as large as the inputs.
    With plain gradient descent the loss explodes; with Adam training is merely slow and starts far above chance.

    ## Example
    ```python
    (x_train, y_train), _ = keras.datasets.mnist.load_data()
    model.fit(x_train, y_train)
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((28, 28)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(10)])
    model.fit(x_train, y_train)
    ```

    ## Fix safety
    Unsafe: training changes, and weights that were trained on raw values do not fit scaled ones.
    The scaling goes into the graph, so that training, evaluation and prediction see the same values.

    ## Probe
    Compares the initial loss with that of a constant prediction, then trains on raw and on scaled inputs.

    ## References
    - keras-team/keras#3642
    - LeCun et al., "Efficient BackProp", 1998
    """

    name, code, category, severity = "unscaled-inputs", "TL601", "data", "warning"
    rank = 80
    evidence = ("certificate", "training")
    message = "the inputs reach {most} (rms {rms:.0f}) and nothing scales them before the first layer{consequence}"

    VALID = [
        Valid(
            "from tensorflow import keras\n"
            "(x_train, y_train), _ = keras.datasets.mnist.load_data()\n"
            "x_train = x_train.astype('float32') / 255.0\n"
            "model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10, 'softmax')])\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n"
            "model.fit(x_train, y_train)\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            "(x_train, y_train), _ = keras.datasets.mnist.load_data()\n"
            "model = keras.Sequential([keras.Input((28, 28)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten(),\n"
            "                          keras.layers.Dense(10, 'softmax')])\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n"
            "model.fit(x_train, y_train)\n",
            why="the model scales its inputs itself",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 3])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x / 127.5 - 1.0, 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(train, {x: np.random.uniform(0, 255, size=(100, 3))})\n",
            why="scaled in the graph",
        ),
        Valid(
            "import pandas as pd\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 3])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(train, {x: pd.read_csv('houses.csv').values})\n",
            why="what a file holds is not known",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "words = tf.placeholder(tf.int32, [None, 20])\n"
            "vectors = tf.nn.embedding_lookup(tf.get_variable('vectors', [1000, 8]), words)\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(tf.reduce_mean(vectors, axis=1), 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(train, {words: np.random.randint(0, 1000, size=(64, 20))})\n",
            why="indices into a table are no features",
        ),
    ]
    INVALID = [
        Invalid(
            "from tensorflow import keras\n"
            "(x_train, y_train), _ = keras.datasets.mnist.load_data()\n"
            "model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10, 'softmax')])\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n"
            "model.fit(x_train, y_train)\n",
            at="x_train",
            occurrence=1,
            severity="warning",
            message="the inputs reach 255",
            traces=("they enter the first layer here",),
        ),
        Invalid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "colours = np.random.uniform(0, 255, size=(1000, 3))\n"
            "texts = np.random.randint(0, 2, size=(1000, 1))\n"
            "x = tf.placeholder(tf.float32, [None, 3])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "w = tf.get_variable('w', [3, 10])\n"
            "h = tf.sigmoid(tf.matmul(x, w))\n"
            "loss = tf.losses.sigmoid_cross_entropy(y, tf.layers.dense(h, 1))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    for i in range(0, 900, 100):\n"
            "        session.run(train, feed_dict={x: colours[i:i + 100], y: texts[i:i + 100]})\n",
            at="colours[i:i + 100]",
            severity="error",
            message="the sigmoid behind it saturates",
            fixed="import numpy as np\n"
            "import tensorflow as tf\n"
            "colours = np.random.uniform(0, 255, size=(1000, 3))\n"
            "texts = np.random.randint(0, 2, size=(1000, 1))\n"
            "x = tf.placeholder(tf.float32, [None, 3])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "w = tf.get_variable('w', [3, 10])\n"
            "h = tf.sigmoid(tf.matmul(x / 255.0, w))\n"
            "loss = tf.losses.sigmoid_cross_entropy(y, tf.layers.dense(h, 1))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    for i in range(0, 900, 100):\n"
            "        session.run(train, feed_dict={x: colours[i:i + 100], y: texts[i:i + 100]})\n",
        ),
        Invalid(
            "import numpy as np\n"
            "from tensorflow.keras import Input, Sequential, layers, optimizers\n"
            "class Config:\n"
            "    low, high = 0, 255\n"
            "def make(n):\n"
            "    return np.random.uniform(Config.low, Config.high, size=(n, 8))\n"
            "model = Sequential([Input((8,)), layers.Dense(16, 'relu'), layers.Dense(1)])\n"
            "model.compile(optimizers.SGD(0.01), 'mse')\n"
            "model.fit(make(500), np.random.normal(size=(500, 1)))\n",
            at="make(500)",
            severity="error",
            message="plain gradient descent",
        ),
        Invalid(
            "",
            cells=(
                "from keras.datasets import cifar10\n"
                "from keras import layers, models\n"
                "(x_train, y_train), (x_test, y_test) = cifar10.load_data()\n",
                "model = models.Sequential()\n"
                "model.add(layers.Input((32, 32, 3)))\n"
                "for filters in (32, 64):\n"
                "    model.add(layers.Conv2D(filters, 3, activation='relu'))\n"
                "model.add(layers.Flatten())\n"
                "model.add(layers.Dense(10, activation='softmax'))\n",
                "model.compile(optimizer='adam', loss='sparse_categorical_crossentropy')\n"
                "model.fit(x=x_train, y=y_train, epochs=2)\n",
            ),
            at="x_train",
            occurrence=1,
            cell=2,
            severity="warning",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        first = _first_layers(program)
        seen = set()
        for _, feed in training_feeds(program):
            layers = first.get(feed.key)
            value = feed.value if isinstance(feed.value, Tensor) else None
            if not layers or value is None or value.rms is None or value.rms <= LARGE or feed.place in seen:
                continue
            if value.encoding == "one-hot":
                continue
            seen.add(feed.place)
            yield self._report(program, feed, value, layers)

    def _report(self, program: Program, feed: Feed, value: Tensor, layers: list[Operation]) -> Report:
        severity, consequence = _judge(program, layers[0], value.rms or 0.0)
        bound = max(abs(x) for x in (value.low, value.high) if x is not None) if value.bounded else math.inf
        return self.report(
            feed.place,
            severity=severity,
            most="any value" if math.isinf(bound) else f"{bound:g}",
            rms=value.rms,
            consequence=consequence,
            trace=[Step(layers[0].place, "they enter the first layer here")],
            assumed=value.assumed,
            remedies=_remedies(program, layers, bound),
            subject=feed.key,
        )


def _first_layers(program: Program) -> dict[object, list[Operation]]:
    """The layers with weights that a placeholder or model input enters as it is fed."""
    found: dict[object, list[Operation]] = {}
    for operation in (*sizes(program).products, *program.of_kind("recurrent")):
        source = entry(program, operation)
        if source is not None:
            found.setdefault(source.id, []).append(operation)
    return found


def _judge(program: Program, operation: Operation, rms: float) -> tuple[str, str]:
    layer = sizes(program).layer_of.get(operation.id)
    if layer is None:
        return "warning", ""
    if _normalized_next(program, operation):
        return "info", "; the normalization behind that layer makes up for it"
    product = layer.spread * math.sqrt(layer.fan_in) * rms
    if layer.activation in SATURATING and product > SATURATED and not layer.assumed:
        return "error", f"; the {layer.activation} behind it saturates"
    for optimizer in optimizers(program, operation.id):
        argument = optimizer.arguments.get("learning_rate") or optimizer.arguments.get("lr")
        rate = constant(argument.value) if argument is not None else None
        if optimizer.name.endswith(_PLAIN) and rate is not None and rate * layer.fan_in * rms * rms > OVERSHOOT:
            return "error", f"; with plain gradient descent and a rate of {rate:g} the first steps overshoot"
    return "warning", ""


def _normalized_next(program: Program, operation: Operation) -> bool:
    users = program.consumers(operation.id)
    for user in users:
        if user.kind == "normalization":
            return True
        if user.kind == "add" and any(o.kind == "normalization" for o in program.consumers(user.id)):
            return True
    return False


def _remedies(program: Program, layers: list[Operation], bound: float) -> list[Remedy]:
    """Division in the graph, at every layer that the input enters; none where the layer's input is not written out."""
    if math.isinf(bound):
        return []
    actions = {}
    for operation in layers:
        entering = operation.inputs[0]
        places = [
            argument.place for argument in operation.arguments.values()
            if argument.place is not None and isinstance(argument.value, Tensor) and isinstance(entering, Tensor)
            and argument.value.op is entering.op
        ]  # fmt: skip
        if not places:
            return []
        actions[places[0]] = ReplaceValue(
            places[0], (Source(places[0]), f" / {float(bound):g}" + (".0" if bound == int(bound) else ""))
        )
    return [Remedy(f"Divide by {bound:g} in the graph", "unsafe", tuple(actions.values()))]
