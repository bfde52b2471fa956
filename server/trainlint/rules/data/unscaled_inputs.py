"""unscaled-inputs: features in the hundreds go straight into the first layer."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import ApiName, InsertLayer, Remedy, RemoveArgument, ReplaceValue, Source
from trainlint.program.events import Applied
from trainlint.program.heads import PLAIN, argument_for, learning_rate, optimizer_name, optimizers_of, trained
from trainlint.program.sizes import PASSING, SATURATING, sizes
from trainlint.program.training import entry, is_restored, training_feeds, unchanged
from trainlint.program.values import ApiObject, Id, Ref, Tensor
from trainlint.program.weights import constant, factor_of
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.fixes.actions import Action, Piece
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Value
    from trainlint.source.code import Place

LARGE = 10.0
"""Root mean square from which inputs count as unscaled; standardised data has 1, pixels from 0 to 255 have 147."""

OVERSHOOT = 2.0
"""Rate times squared length of an input: from here on a step of plain gradient descent overshoots a linear layer."""

SATURATED = 5.0
"""An rms before a sigmoid or tanh at which most units are flat."""

SMALL = 1.0
"""Outputs of this rms start small, whatever goes in: five layers of weights of spread .01 learn pictures from 0 to 255
as they are (accuracy .997 after six epochs) and nothing from scaled ones (.103)."""


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
    The scaling goes into the model, so that training, evaluation and prediction see the same values.
    There is no fix where the program loads weights, or where a loop builds the layer that the inputs enter.

    ## Probe
    Trains on raw and on scaled inputs.
    How large the loss is before that, against that of a constant answer, is told beside it.

    ## References
    - keras-team/keras#3642
    - LeCun et al., "Efficient BackProp", 1998
    """

    name, code, category, severity = "unscaled-inputs", "TL601", "data", "warning"
    rank = 80
    evidence = ("training",)
    message = "the inputs reach {most} (rms {rms:.0f}) and nothing scales them before the first layer{consequence}"

    VALID = [
        Valid(
            "from tensorflow import keras\n"
            "(x, y), _ = keras.datasets.boston_housing.load_data()\n"
            "model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(16, activation='relu'), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x[:, :1], y)\n",
            why="one column may be small, whatever the others are",
        ),
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
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "from tensorflow.keras import layers\n"
            "x, y = np.random.uniform(0, 255, (500, 8)), np.random.normal(size=(500, 1))\n"
            "data = tf.data.Dataset.from_tensor_slices((x, y)).map(lambda a, b: (a / 255.0, b)).batch(32)\n"
            "model = tf.keras.Sequential([layers.Dense(16, 'relu'), layers.Dense(1)])\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "for features, targets in data:\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = tf.reduce_mean(tf.square(model(features) - targets))\n"
            "    gradients = tape.gradient(loss, model.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n",
            why="scaled in the pipeline",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "class Network(tf.keras.Model):\n"
            "    def __init__(self):\n"
            "        super().__init__()\n"
            "        self.out = tf.keras.layers.Dense(1)\n"
            "    def call(self, x):\n"
            "        return self.out(x / 255.0)\n"
            "model = Network()\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "x, y = np.random.uniform(0, 255, (500, 8)), np.random.normal(size=(500, 1))\n"
            "with tf.GradientTape() as tape:\n"
            "    loss = tf.reduce_mean(tf.square(model(x) - y))\n"
            "gradients = tape.gradient(loss, model.trainable_variables)\n"
            "optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n",
            why="the model scales what it is called on",
        ),
    ]
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "from sklearn.datasets import load_wine\n"
            "data = load_wine()\n"
            "x = tf.placeholder(tf.float32, [None, 13])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "hidden = tf.nn.relu(tf.matmul(x, tf.Variable(tf.zeros([13, 80]))) + tf.Variable(tf.zeros([80])))\n"
            "scores = tf.matmul(hidden, tf.Variable(tf.zeros([80, 3]))) + tf.Variable(tf.zeros([3]))\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(y, scores)\n"
            "train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    session.run(train, {x: data.data, y: data.target})\n",
            at="data.data",
            severity="warning",
            why="Nothing overshoots where all weights are 0 and never move.",
            fixed="import tensorflow as tf\n"
            "from sklearn.datasets import load_wine\n"
            "data = load_wine()\n"
            "x = tf.placeholder(tf.float32, [None, 13])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "hidden = tf.nn.relu(tf.matmul(x / 1680.0, tf.Variable(tf.zeros([13, 80]))) + tf.Variable(tf.zeros([80])))\n"
            "scores = tf.matmul(hidden, tf.Variable(tf.zeros([80, 3]))) + tf.Variable(tf.zeros([3]))\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(y, scores)\n"
            "train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    session.run(train, {x: data.data, y: data.target})\n",
        ),
        Invalid(
            "from tensorflow import keras\n"
            "(x_train, y_train), _ = keras.datasets.mnist.load_data()\n"
            "model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10, 'softmax')])\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n"
            "model.fit(x_train, y_train)\n",
            at="x_train",
            fixed=(
                "from tensorflow import keras\n"
                "(x_train, y_train), _ = keras.datasets.mnist.load_data()\n"
                "model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Rescaling(1 / 255), keras.layers.Dense(10, 'softmax')])\n"
                "model.compile('adam', 'sparse_categorical_crossentropy')\n"
                "model.fit(x_train, y_train)\n"
            ),
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
            fixed=(
                "import numpy as np\n"
                "from tensorflow.keras import Input, Sequential, layers, optimizers\n"
                "class Config:\n"
                "    low, high = 0, 255\n"
                "def make(n):\n"
                "    return np.random.uniform(Config.low, Config.high, size=(n, 8))\n"
                "model = Sequential([Input((8,)), layers.Rescaling(1 / 255), layers.Dense(16, 'relu'), layers.Dense(1)])\n"
                "model.compile(optimizers.SGD(0.01), 'mse')\n"
                "model.fit(make(500), np.random.normal(size=(500, 1)))\n"
            ),
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
            fixed=(
                "from keras.datasets import cifar10\n"
                "from keras import layers, models\n"
                "(x_train, y_train), (x_test, y_test) = cifar10.load_data()\n"
                "\n"
                "model = models.Sequential()\n"
                "model.add(layers.Input((32, 32, 3)))\n"
                "model.add(layers.Rescaling(1 / 255))\n"
                "for filters in (32, 64):\n"
                "    model.add(layers.Conv2D(filters, 3, activation='relu'))\n"
                "model.add(layers.Flatten())\n"
                "model.add(layers.Dense(10, activation='softmax'))\n"
                "\n"
                "model.compile(optimizer='adam', loss='sparse_categorical_crossentropy')\n"
                "model.fit(x=x_train, y=y_train, epochs=2)\n"
            ),
            occurrence=1,
            cell=2,
            severity="warning",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "from tensorflow.keras import layers\n"
            "(x, y), _ = tf.keras.datasets.mnist.load_data()\n"
            "data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(1000).batch(32)\n"
            "model = tf.keras.Sequential([layers.Flatten(), layers.Dense(64, 'relu'), layers.Dense(10)])\n"
            "entropy = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "@tf.function\n"
            "def step(images, labels):\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = entropy(labels, model(images))\n"
            "    gradients = tape.gradient(loss, model.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n"
            "for images, labels in data:\n"
            "    step(images, labels)\n",
            at="images",
            occurrence=1,
            fixed=(
                "import tensorflow as tf\n"
                "from tensorflow.keras import layers\n"
                "(x, y), _ = tf.keras.datasets.mnist.load_data()\n"
                "data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(1000).batch(32)\n"
                "model = tf.keras.Sequential([layers.Flatten(), layers.Rescaling(1 / 255), layers.Dense(64, 'relu'), layers.Dense(10)])\n"
                "entropy = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)\n"
                "optimizer = tf.keras.optimizers.Adam()\n"
                "@tf.function\n"
                "def step(images, labels):\n"
                "    with tf.GradientTape() as tape:\n"
                "        loss = entropy(labels, model(images))\n"
                "    gradients = tape.gradient(loss, model.trainable_variables)\n"
                "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n"
                "for images, labels in data:\n"
                "    step(images, labels)\n"
            ),
            severity="warning",
            message="the inputs reach 255",
            traces=("they enter the first layer here",),
            why="a training step of one's own",
        ),
        Invalid(
            "from tensorflow import keras\n"
            "from tensorflow.keras import layers\n"
            "(x_train, y_train), _ = keras.datasets.mnist.load_data()\n"
            "x_train = x_train.reshape(60000, 784)\n"
            "model = keras.Sequential([\n"
            "    layers.Dense(64, activation='relu', input_shape=(784,)),\n"
            "    layers.BatchNormalization(),\n"
            "    layers.Dense(10, activation='softmax'),\n"
            "])\n"
            "model.compile(keras.optimizers.SGD(), 'sparse_categorical_crossentropy')\n"
            "model.fit(x_train, y_train)\n",
            at='x_train',
            occurrence=3,
            severity='info',
            message='the normalization behind that layer makes up for it',
            fixed="from tensorflow import keras\n"
            "from tensorflow.keras import layers\n"
            "(x_train, y_train), _ = keras.datasets.mnist.load_data()\n"
            "x_train = x_train.reshape(60000, 784)\n"
            "model = keras.Sequential([\n"
            "    layers.Rescaling(1 / 255, input_shape=(784,)),\n"
            "    layers.Dense(64, activation='relu'),\n"
            "    layers.BatchNormalization(),\n"
            "    layers.Dense(10, activation='softmax'),\n"
            "])\n"
            "model.compile(keras.optimizers.SGD(), 'sparse_categorical_crossentropy')\n"
            "model.fit(x_train, y_train)\n",
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
            yield self._report(program, feed.place, feed.key, value, layers)
        for event in program.events_of(Applied):
            value, place = program.tensor(event.inputs.value), event.inputs.place or event.place
            if value is None or value.rms is None or value.rms <= LARGE or value.encoding == "one-hot" or place in seen:
                continue
            layers = _first_of_call(program, event, value, first)
            if layers:
                seen.add(place)
                yield self._report(program, place, value.op, value, layers)

    def _report(
        self, program: Program, place: Place, subject: Id | None, value: Tensor, layers: list[Operation]
    ) -> Report:
        severity, consequence = _judge(program, layers[0], value.rms or 0.0)
        bound = max(abs(x) for x in (value.low, value.high) if x is not None) if value.bounded else math.inf
        return self.report(
            place,
            severity=severity,
            most="any value" if math.isinf(bound) else f"{bound:g}",
            rms=value.rms,
            consequence=consequence,
            trace=[Step(layers[0].place, "they enter the first layer here")],
            assumed=value.assumed,
            remedies=_remedies(program, layers, bound),
            subject=subject,
        )


def _first_layers(program: Program) -> dict[object, list[Operation]]:
    """The layers with weights that a placeholder or model input enters as it is fed."""
    found: dict[object, list[Operation]] = {}
    for operation in (*sizes(program).products, *program.of_kind("recurrent")):
        source = entry(program, operation)
        if source is not None:
            found.setdefault(source.id, []).append(operation)
    return found


def _first_of_call(
    program: Program, call: Applied, value: Tensor, first: dict[object, list[Operation]]
) -> list[Operation]:
    """The layers with weights that data enters where a training step of one's own calls a model on it."""
    output = call.output if isinstance(call.output, Tensor) else None
    if output is None or output.op is None or value.op is None or output.op not in trained(program):
        return []
    reached = program.operation(output)
    if reached is not None and reached.name == "model" and reached.kind == "identity":
        # A functional model: its graph was built on its own input.
        record = program.object(call.model)
        inputs = record.fields.get("inputs") if record is not None else None
        return first.get(inputs.op, []) if isinstance(inputs, Tensor) else []
    behind = program.ancestors(output)
    found = []
    for operation in (*sizes(program).products, *program.of_kind("recurrent")):
        if operation.id in behind and any(o.id is value.op for o in unchanged(program, operation)):
            found.append(operation)
    return found


def _judge(program: Program, operation: Operation, rms: float) -> tuple[str, str]:
    layer = sizes(program).layer_of.get(operation.id)
    if layer is None:
        return "warning", ""
    if _normalized_next(program, operation):
        return "info", "; the normalization behind that layer makes up for it, so nothing needs to change for training"
    product = layer.spread * math.sqrt(layer.fan_in) * rms
    if layer.activation in SATURATING and product > SATURATED and not layer.assumed:
        return "error", f"; the {layer.activation} behind it saturates"
    last, found = sizes(program).last(layer), sizes(program).layers
    is_bounded = any(each.activation in SATURATING for each in found)
    # A functional model was built on an input of its own, of which nothing is known.
    entering = sizes(program).size(operation.inputs[0]).known or rms
    size = None if last is None or last.size is None else last.size * rms / entering
    if last is not layer and size is not None and 0 < size < SMALL and not is_bounded:
        return "info", "; the weights start so small that the outputs are small all the same"
    if layer.hidden and layer.spread == 0:
        return "warning", ""  # no gradient reaches weights behind which all is 0: nothing overshoots
    for optimizer in optimizers_of(program, operation):
        if optimizer is None or optimizer_name(optimizer) not in PLAIN:
            continue
        argument = learning_rate(optimizer)
        rate = constant(argument.value) if argument is not None else None
        if rate is not None:
            rate *= _share_of_loss(program, optimizer)
        if rate is not None and rate * layer.fan_in * rms * rms > OVERSHOOT:
            return "error", f"; with plain gradient descent and a rate of {rate:g} the first steps overshoot"
    return "warning", ""


def _share_of_loss(program: Program, optimizer: ApiObject) -> float:
    """The factor by which a loss is written smaller or larger, as in `loss / 100`, which is one of the rate."""
    loss = next((each.loss for each in program.minimized if program.object(each.optimizer) is optimizer), None)
    operation = None if loss is None else program.operation(loss)
    share = 1.0
    while operation is not None:
        found = factor_of(operation)
        if found is None and operation.kind != "reduce":
            break
        index, factor = (0, 1.0) if found is None else found
        share *= abs(factor)
        operation = program.operation(operation.inputs[index])
    return share


def _normalized_next(program: Program, operation: Operation) -> bool:
    """Whether a layer is normalized behind its bias, and what between lets its size through: a ReLU, pooling."""
    queue, seen = [operation], {operation.id}
    while queue:
        for user in program.consumers(queue.pop().id):
            if user.kind == "normalization":
                return True
            is_open = user.kind in _SIZED or (
                user.kind == "activation" and user.attributes.get("function") in _PROPORTIONAL
            )
            if is_open and user.id not in seen and len(seen) < 16:
                seen.add(user.id)
                queue.append(user)
    return False


_SIZED = PASSING | {"add", "dropout", "pool"}
_PROPORTIONAL = frozenset(("relu", "leaky_relu", "prelu", "linear", "crelu"))
"""Functions that make twice as much of what is twice as large."""


def _remedies(program: Program, layers: list[Operation], bound: float) -> list[Remedy]:
    """Scaling in the model, at every layer that the input enters; none where that cannot be written there."""
    if math.isinf(bound) or is_restored(program):
        # Weights that were trained on raw values do not fit scaled ones.
        return []
    actions: dict[object, Action] = {}
    for operation in layers:
        found = _in_graph(program, operation, layers, bound) or _in_model(program, operation, bound)
        if not found:
            return []
        actions.update(found)
    return [Remedy(f"Divide by {bound:g} in the model", "unsafe", tuple(actions.values()))]


def _in_graph(program: Program, operation: Operation, layers: list[Operation], bound: float) -> dict[object, Action]:
    """Division of the value that a layer is called on."""
    argument = argument_for(operation, operation.inputs[0])
    if argument is None or argument.place is None:
        return {}
    if any(o.place == operation.place and o not in layers for o in program.of_kind(operation.kind)):
        # In a loop the next rounds would scale what the first one made.
        return {}
    return {argument.place: ReplaceValue(argument.place, (Source(argument.place), f" / {_number(bound)}"))}


def _in_model(program: Program, operation: Operation, bound: float) -> dict[object, Action]:
    """A layer that scales, in front of the first Keras layer with weights."""
    layer = program.object(operation.layer)
    if not isinstance(operation.layer, Id) or not isinstance(layer, ApiObject) or not layer.name.startswith("keras."):
        return {}
    stack = _stack(program, operation.layer)
    return _in_stack(program, stack, operation.layer, bound) if stack else _before_call(program, operation, bound)


def _in_stack(program: Program, stack: tuple[Value, ...], key: Id, bound: float) -> dict[object, Action]:
    places = Counter(_place(program, value) for value in stack)
    at = next(i for i, value in enumerate(stack) if isinstance(value, Ref) and value.id is key)
    layer = program.object(key)
    if layer is not None and places[layer.place] == 1:
        shape, moved = _declared(layer) if at == 0 else ((), None)
        actions: dict[object, Action] = {
            layer.place: InsertLayer(layer.place, _scaling(program, layer.place, bound, shape))
        }
        if moved is not None:
            actions[moved] = RemoveArgument(layer.place, moved)
        return actions
    # A loop adds this layer, so the other one comes behind what stands before the loop.
    for value in reversed(stack[:at]):
        place = _place(program, value)
        if place is not None and places[place] == 1:
            return {place: InsertLayer(place, _scaling(program, place, bound, ()), "after")}
    return {}


def _before_call(program: Program, operation: Operation, bound: float) -> dict[object, Action]:
    """Around what the layer is called on; where its line makes several layers, in front of what only reshapes."""
    places = Counter(record.place for _, record in program.objects if record.kind == "layer")
    current: Operation | None = operation
    for _ in range(16):
        layer = program.object(current.layer) if current is not None else None
        if current is None or layer is None:
            return {}
        if places[layer.place] == 1:
            return {layer.place: InsertLayer(layer.place, _scaling(program, layer.place, bound, ()))}
        current = program.operation(current.inputs[0]) if current.inputs else None
    return {}


def _stack(program: Program, layer: Id) -> tuple[Value, ...]:
    """The layers of the Sequential model that a layer is in."""
    for _, record in program.objects:
        stack = record.fields.get("layers") if record.kind == "model" else None
        if isinstance(stack, tuple) and any(isinstance(value, Ref) and value.id is layer for value in stack):
            return stack
    return ()


def _place(program: Program, layer: Value) -> Place | None:
    if isinstance(layer, Tensor):
        found = program.operation(layer)
        return found.place if found is not None else None
    record = program.object(layer)
    return record.place if record is not None else None


def _declared(layer: ApiObject) -> tuple[tuple[Piece, ...], Place | None]:
    """The input shape that the first layer of a model declares, as an argument of another layer, and its place."""
    for name, before, after in _SHAPES:
        argument = layer.arguments.get(name)
        if argument is not None and argument.place is not None:
            return (f", {before}", Source(argument.place), after), argument.place
    return (), None


_SHAPES = (
    ("input_shape", "input_shape=", ""), ("batch_input_shape", "batch_input_shape=", ""),
    ("input_dim", "input_shape=(", ",)"),
)  # fmt: skip


def _scaling(program: Program, near: Place, bound: float, shape: tuple[Piece, ...]) -> tuple[Piece, ...]:
    if program.generation.startswith("1"):
        # Keras has `Rescaling` since TensorFlow 2.3.
        return (ApiName("tensorflow.keras.layers.Lambda", near), f"(lambda x: x / {_number(bound)}", *shape, ")")
    return (ApiName("tensorflow.keras.layers.Rescaling", near), f"(1 / {bound:g}", *shape, ")")


def _number(bound: float) -> str:
    """A bound as code that is a float, also where it is large: 255.0, 0.15, 1000000.0."""
    return repr(float(f"{bound:g}"))
