"""squared-error-classifier: a squared error between classes and a sigmoid or softmax."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import Action, ApiName, Remedy, ReplaceValue, Source
from trainlint.program.assumptions import assumptions, told
from trainlint.program.heads import (
    activation_behind,
    adaptive_optimizer,
    argument_for,
    asks_for_accuracy,
    feed_of,
    is_sole_loss,
    rebuilds,
    trained,
)
from trainlint.program.labels import is_chosen_from
from trainlint.program.training import is_only_measured, training_feeds_of
from trainlint.program.values import Tensor, Value
from trainlint.program.weights import constant
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program

FUNCTIONS = {
    "squared-error": "squared error",
    "absolute-error": "absolute error",
    "squared-log-error": "squared logarithmic error",
    "huber": "Huber loss",
    "log-cosh": "log-cosh loss",
}


class SquaredErrorClassifier(Rule):
    """
    ## What it does
    Reports a squared or absolute error that is minimised between classes and the output of a sigmoid or softmax.
    Classes are targets of 0 and 1 and one-hot rows.

    ## Why it is bad
    The gradient of the squared error carries the factor p(1 - p) of the sigmoid or softmax, which is almost 0 for a sure answer.
    So what is confidently wrong stops learning, and training is slow or stuck with plain gradient descent.
    Cross-entropy has no such factor.
    With Adam and other adaptive optimizers the difference is usually small.

    ## Example
    ```python
    probability = tf.sigmoid(score)
    loss = tf.reduce_mean(tf.squared_difference(y, probability))
    ```

    ## Use instead
    ```python
    probability = tf.sigmoid(score)
    loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=score))
    ```

    ## Fix safety
    Unsafe: it is another loss with other values, and somebody may want a Brier score.

    ## Probe
    Trains with either loss and compares the predictions; the values of the two losses themselves say nothing.

    ## References
    - Golik, Doetsch and Ney, Interspeech 2013: cross-entropy against squared error training
    - Humbatova et al., "Taxonomy of Real Faults in Deep Learning Systems", ICSE 2020: wrong loss function
    - Own measurement: relative skill lost 0.28, 0.53 and 0.51 after 50, 200 and 500 steps of SGD, 0.03 with Adam
    """

    name, code, category, severity = "squared-error-classifier", "TL305", "loss", "warning"
    rank = 48
    evidence = ("training",)
    message = "{error} between {classes} and a {function}: no gradient where the network is sure and wrong{softener}"

    VALID = [
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "noisy, clean = np.load('noisy.npy'), np.load('clean.npy')\n"
            "model = keras.Sequential([keras.Input((150, 150, 3)), keras.layers.Conv2D(64, 3, padding='same', activation='relu')])\n"
            "model.add(keras.layers.Conv2D(3, 3, padding='same', activation='sigmoid'))\n"
            "model.compile('sgd', 'mse', metrics=['acc'])\n"
            "model.fit(noisy, clean)\n",
            why="pictures are made again, and only the accuracy is out of place",
        ),
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "\n"
            "x = np.random.normal(size=(500, 8))\n"
            "y = np.random.randint(0, 2, size=500)\n"
            'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])\n'
            'model.compile("sgd", loss="binary_crossentropy", metrics=["accuracy"])\n'
            "model.fit(x, y)\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            "\n"
            "(images, _), _ = keras.datasets.mnist.load_data()\n"
            "images = images.reshape(-1, 784) / 255.0\n"
            'model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(32, "relu")])\n'
            'model.add(keras.layers.Dense(784, "sigmoid"))\n'
            'model.compile("adam", loss="mse")\n'
            "model.fit(images, images)\n",
            why="Shades of grey between 0 and 1 are no classes.",
        ),
        Valid(
            "import tensorflow as tf\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "real = tf.layers.dense(x, 1, activation=tf.sigmoid)\n"
            "loss = tf.reduce_mean(tf.squared_difference(tf.ones_like(real), real))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="Least-squares losses of adversarial training compare with ones or with zeros alone.",
        ),
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "judge = keras.Sequential([keras.Input((2,)), keras.layers.Dense(16, 'relu'), keras.layers.Dense(1)])\n"
            "judge.compile('adam', 'mse', metrics=['accuracy'])\n"
            "judge.train_on_batch(np.random.randn(32, 2), np.ones((32, 1)))\n"
            "judge.train_on_batch(np.random.rand(32, 2), np.zeros((32, 1)))\n",
            why="So do those that a judge is trained with in two calls.",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "scores = tf.layers.dense(x, 1)\n"
            "train = tf.train.AdamOptimizer().minimize(tf.losses.sigmoid_cross_entropy(y, scores))\n"
            "brier = tf.reduce_mean(tf.square(y - tf.sigmoid(scores)))\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    truth = np.random.randint(0, 2, size=(50, 1))\n"
            "    session.run([train, brier], {x: np.random.normal(size=(50, 8)), y: truth})\n",
            why="A Brier score that is looked at and not minimised.",
        ),
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "\n"
            'x, y = np.load("x.npy"), np.load("y.npy")\n'
            'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])\n'
            'model.compile("sgd", loss="mse")\n'
            "model.fit(x, y)\n",
            why="What the targets are is not known.",
        ),
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "\n"
            "x = np.random.randint(0, 2, size=(500, 8))\n"
            'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, "relu")])\n'
            'model.add(keras.layers.Dense(8, "sigmoid"))\n'
            'model.compile("adam", loss="mse")\n'
            "model.fit(x, x)\n",
            why="Targets of an autoencoder are its inputs, also where these are 0 or 1.",
        ),
    ]
    INVALID = [
        Invalid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "scores = tf.layers.dense(x, 1)\n"
            "answer = tf.sigmoid(scores)\n"
            "loss = tf.reduce_mean(tf.squared_difference(y, answer))\n"
            "train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    truth = np.random.randint(0, 2, size=(50, 1))\n"
            "    session.run(train, {x: np.random.normal(size=(50, 8)), y: truth})\n",
            at="tf.squared_difference(y, answer)",
            severity="warning",
            message="squared error between classes 0 and 1 and a sigmoid",
            traces=("the sigmoid is here",),
            fixed=(
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 1])\n"
                "scores = tf.layers.dense(x, 1)\n"
                "answer = tf.sigmoid(scores)\n"
                "loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=scores))\n"
                "train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n"
                "with tf.Session() as session:\n"
                "    session.run(tf.global_variables_initializer())\n"
                "    truth = np.random.randint(0, 2, size=(50, 1))\n"
                "    session.run(train, {x: np.random.normal(size=(50, 8)), y: truth})\n"
            ),
        ),
        Invalid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "\n"
            "x = np.random.normal(size=(500, 8))\n"
            "y = (x[:, 0] > 0).astype(int)\n"
            'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])\n'
            'model.compile("adam", loss="mse", metrics=["accuracy"])\n'
            "model.fit(x, y)\n",
            at='"mse"',
            severity="warning",
            message="with Adam the harm is usually small",
            fixed=(
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "\n"
                "x = np.random.normal(size=(500, 8))\n"
                "y = (x[:, 0] > 0).astype(int)\n"
                'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])\n'
                'model.compile("adam", loss="binary_crossentropy", metrics=["accuracy"])\n'
                "model.fit(x, y)\n"
            ),
            why="With an adaptive optimizer the message says that the harm is usually small.",
        ),
        Invalid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "\n"
            "\n"
            "class Config:\n"
            "    classes = 4\n"
            "    loss = tf.keras.losses.MeanSquaredError\n"
            "\n"
            "\n"
            "def targets(ids):\n"
            "    return tf.keras.utils.to_categorical(ids, Config.classes)\n"
            "\n"
            "\n"
            'head = tf.keras.layers.Dense(Config.classes, activation="softmax")\n'
            "model = tf.keras.Sequential([tf.keras.Input((8,)), head])\n"
            'model.compile(optimizer="sgd", loss=Config.loss())\n'
            "model.fit(np.random.normal(size=(500, 8)), targets(np.random.randint(0, 4, size=500)))\n",
            at="Config.loss()",
            severity="warning",
            message="one-hot classes and a softmax",
            fixed=(
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "\n"
                "\n"
                "class Config:\n"
                "    classes = 4\n"
                "    loss = tf.keras.losses.MeanSquaredError\n"
                "\n"
                "\n"
                "def targets(ids):\n"
                "    return tf.keras.utils.to_categorical(ids, Config.classes)\n"
                "\n"
                "\n"
                'head = tf.keras.layers.Dense(Config.classes, activation="softmax")\n'
                "model = tf.keras.Sequential([tf.keras.Input((8,)), head])\n"
                'model.compile(optimizer="sgd", loss=tf.keras.losses.CategoricalCrossentropy())\n'
                "model.fit(np.random.normal(size=(500, 8)), targets(np.random.randint(0, 4, size=500)))\n"
            ),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.float32, [None, 4])\n"
            "answer = tf.nn.softmax(tf.layers.dense(x, 4))\n"
            "hits = tf.equal(tf.argmax(y, 1), tf.argmax(answer, 1))\n"
            "loss = tf.reduce_mean(tf.square(y - answer))\n"
            "train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n",
            at="tf.square(y - answer)",
            severity="warning",
            message="rows whose best column is the class",
            why="The accuracy that is computed says what the labels are.",
        ),
        Invalid(
            "import numpy as np\n"
            "import tensorflow.compat.v1 as tf\n"
            "\n"
            "tf.disable_v2_behavior()\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.float32, [None, 4])\n"
            "scores = tensor = x\n"
            "for units in (16, 4):\n"
            "    scores = tensor = tf.layers.dense(tensor, units)\n"
            "answer = tf.nn.softmax(scores)\n"
            "loss = tf.losses.mean_squared_error(y, answer)\n"
            "train = tf.train.MomentumOptimizer(0.1, 0.9).minimize(loss)\n"
            "rows = np.eye(4)[np.random.randint(0, 4, size=50)]\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    session.run(train, {x: np.random.normal(size=(50, 8)), y: rows})\n",
            at="tf.losses.mean_squared_error(y, answer)",
            severity="warning",
            fixed=(
                "import numpy as np\n"
                "import tensorflow.compat.v1 as tf\n"
                "\n"
                "tf.disable_v2_behavior()\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 4])\n"
                "scores = tensor = x\n"
                "for units in (16, 4):\n"
                "    scores = tensor = tf.layers.dense(tensor, units)\n"
                "answer = tf.nn.softmax(scores)\n"
                "loss = tf.losses.softmax_cross_entropy(y, scores)\n"
                "train = tf.train.MomentumOptimizer(0.1, 0.9).minimize(loss)\n"
                "rows = np.eye(4)[np.random.randint(0, 4, size=50)]\n"
                "with tf.Session() as session:\n"
                "    session.run(tf.global_variables_initializer())\n"
                "    session.run(train, {x: np.random.normal(size=(50, 8)), y: rows})\n"
            ),
        ),
        Invalid(
            "import numpy as np\n"
            "from keras import Input, Sequential\n"
            "from keras.layers import Dense\n"
            "\n"
            "x = np.random.normal(size=(500, 8))\n"
            "y = np.random.randint(0, 2, size=500)\n"
            "model = Sequential([Input((8,)), Dense(1)])\n"
            'model.compile("sgd", loss="mean_squared_error", metrics=["accuracy"])\n'
            "model.fit(x, y)\n",
            at='"mean_squared_error"',
            severity="warning",
            message="a linear output that is measured by its accuracy",
            why="A linear output measured by its accuracy.",
        ),
        Invalid(
            "import numpy as np\n"
            "from keras import Input, Sequential\n"
            "from keras.layers import Dense\n"
            "\n"
            "x = np.random.normal(size=(500, 8))\n"
            "y = np.random.randint(0, 2, size=500)\n"
            "model = Sequential([Input((8,)), Dense(1, activation='linear')])\n"
            'model.compile("sgd", loss="mse", metrics=["accuracy"])\n'
            "model.fit(x, y)\n",
            at='"mse"',
            severity="warning",
            message="a linear output that is measured by its accuracy",
            why="The same where the output says so itself.",
        ),
        Invalid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "\n"
            'x, y = np.load("x.npy"), np.load("y.npy")\n'
            'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])\n'
            'model.compile("sgd", loss="mae", metrics=["accuracy"])\n'
            "model.fit(x, y)\n",
            at='"mae"',
            severity="info",
            message="absolute error between targets that are counted as classes",
            why="The accuracy that is asked for makes classes likely.",
        ),
        Invalid(
            "",
            cells=(
                (
                    "import numpy as np\n"
                    "import tensorflow as tf\n"
                    "x, y = np.random.normal(size=(50, 8)), np.random.randint(0, 2, size=(50, 1))\n"
                    "weights = tf.Variable(tf.random.normal([8, 1], stddev=0.1))\n"
                    "optimizer = tf.keras.optimizers.SGD(0.1)\n"
                ),
                (
                    "for step in range(100):\n"
                    "    with tf.GradientTape() as tape:\n"
                    "        answer = tf.math.sigmoid(tf.matmul(tf.cast(x, tf.float32), weights))\n"
                    "        loss = tf.reduce_mean((answer - y) ** 2)\n"
                    "    optimizer.apply_gradients([(tape.gradient(loss, weights), weights)])\n"
                ),
            ),
            at="(answer - y) ** 2",
            severity="warning",
            message="squared error between classes 0 and 1",
            cell=1,
        ),
    ]

    def check(self, program: Program) -> Iterator[Report]:
        in_training = trained(program)
        measured = {key for event in program.compiled if is_only_measured(program, event) for key in event.losses}
        for operation in program.of_kind("loss", "squared-difference", "square", "power", "abs", "reduce"):
            if operation.id in in_training and operation.id not in measured:
                yield from program.recall(self._of, operation)

    def _of(self, program: Program, operation: Operation) -> Iterator[Report]:
        operands = _operands(program, operation)
        for labels, predictions in () if operands is None else (operands, operands[::-1]):
            report = self._judge(program, operation, labels, predictions)
            if report is not None:
                yield report
                break

    def _judge(self, program: Program, operation: Operation, labels: Value, predictions: Value) -> Report | None:
        if not isinstance(labels, Tensor) or not isinstance(predictions, Tensor) or program.variables(labels):
            return None
        function = predictions.activation
        activation = activation_behind(program, predictions)
        if function not in ("sigmoid", "softmax", "linear") or not program.variables(predictions):
            return None
        if rebuilds(program, labels, predictions) or _is_adversarial(program, labels):
            return None
        classes = _classes(labels)
        if classes is None and function == "softmax" and labels.interval is None and is_chosen_from(program, labels):
            classes = "rows whose best column is the class"
        is_counted = operation.kind == "loss" and asks_for_accuracy(program, operation)
        is_open = labels.low is None and labels.high is None
        is_picture = (predictions.rank or 0) > 2  # made again from a noisy one, with an accuracy that means nothing
        if classes is None and (is_picture or not (is_counted and is_open)):
            return None
        message = self.message
        if function == "linear":
            if classes is None or not is_counted:
                return None
            message = (
                "{error} between {classes} and a linear output that is measured by its accuracy: "
                "it also punishes answers that are right and sure"
            )
        optimizer = adaptive_optimizer(program, operation)
        softener = f"; with {optimizer} the harm is usually small" if optimizer is not None else ""
        trace = []
        if activation is not None and activation.place != operation.place:
            trace.append(Step(activation.place, f"the {function} is here"))
        if classes is not None:
            feed, source = feed_of(program, labels), program.source(labels)
            if feed is not None:
                trace.append(Step(feed.place, f"the targets are {classes} here"))
            elif source is not None and not source.attributes.get("labels"):
                trace.append(Step(source.place, f"the targets are {classes}"))
        return self.report(
            operation.place, severity="info" if classes is None else "warning", message=message, trace=trace,
            error=_error(operation), classes=classes or "targets that are counted as classes", function=function,
            softener=softener, remedies=_remedies(program, operation, labels, predictions, activation),
            assumed=assumptions(operation, told(program, operation), activation),
            subject=None if activation is None else activation.id,
        )  # fmt: skip


def _operands(program: Program, operation: Operation) -> tuple[Value, Value] | None:
    """The two sides of a squared or absolute difference."""
    if operation.kind == "loss":
        if operation.attributes.get("function") not in FUNCTIONS:
            return None
        return operation.attributes["labels"], operation.attributes["predictions"]
    if operation.kind == "squared-difference" and len(operation.inputs) == 2:
        return operation.inputs[0], operation.inputs[1]
    is_square = operation.kind == "square" or (operation.kind == "power" and _is_two(operation.inputs[-1]))
    if not (
        is_square or operation.kind == "abs" or (operation.kind == "reduce" and operation.attributes.get("how") == "l2")
    ):
        return None
    difference = program.source(operation.inputs[0])
    if difference is None or difference.kind != "subtract" or len(difference.inputs) != 2:
        return None
    return difference.inputs[0], difference.inputs[1]


def _is_two(value: Value) -> bool:
    return isinstance(value, Tensor) and value.low == 2 and value.high == 2


def _classes(labels: Tensor) -> str | None:
    """What the targets are, if they are proved to be classes; all 0 or all 1 are those of an adversarial loss."""
    if labels.encoding == "one-hot":
        return "one-hot classes"
    if labels.values is not None:
        return "classes 0 and 1" if set(labels.values) == {0.0, 1.0} else None
    if labels.encoding == "class-ids" and labels.low == 0 and labels.high == 1:
        return "classes 0 and 1"
    return None


def _is_adversarial(program: Program, labels: Tensor) -> bool:
    """Whether each step of a training is fed targets of one value: all ones for what is real, all zeros for the rest."""
    source = program.source(labels)
    fed = [feed.value for _, feed in training_feeds_of(program, source.id)] if source is not None else []
    return bool(fed) and all(constant(value) is not None for value in fed)


def _error(operation: Operation) -> str:
    if operation.kind == "loss":
        return FUNCTIONS[str(operation.attributes["function"])]
    return "absolute error" if operation.kind == "abs" else "squared error"


def _remedies(
    program: Program, operation: Operation, labels: Tensor, predictions: Tensor, activation: Operation | None
) -> list[Remedy]:
    if activation is None or _classes(labels) is None:
        return []
    function = str(activation.attributes.get("function"))
    if function not in _KERAS or (function == "softmax" and labels.encoding != "one-hot"):
        return []
    if operation.attributes.get("compiled"):
        # A compiled model aligns [N] with [N, 1].
        action = _compiled(program, operation, function)
    elif labels.shape is not None and labels.shape == predictions.shape:
        action = _cross_entropy(operation, labels, activation, function)
    else:
        return []
    return [] if action is None else [Remedy("Use a cross-entropy", "unsafe", (action,))]


_KERAS = {
    "sigmoid": ("binary_crossentropy", "BinaryCrossentropy"),
    "softmax": ("categorical_crossentropy", "CategoricalCrossentropy"),
}


def _compiled(program: Program, operation: Operation, function: str) -> Action | None:
    """The loss of a compiled model, written as before: as a string or as an object."""
    string, name = _KERAS[function]
    if operation.attributes.get("form") != "object" and not is_sole_loss(program, operation):
        return None
    if operation.attributes.get("form") == "string":
        return ReplaceValue(operation.place, (f'"{string}"',))
    if any(argument.given for argument in operation.arguments.values()):
        return None
    return ReplaceValue(operation.place, (ApiName(f"tensorflow.keras.losses.{name}", operation.place), "()"))


def _cross_entropy(operation: Operation, labels: Tensor, activation: Operation, function: str) -> Action | None:
    """The cross-entropy of the scores behind the activation, where both are written in the same frame."""
    if activation.layer is not None or activation.id.frame is not operation.id.frame:
        return None
    scores, targets = argument_for(activation, activation.inputs[0]), argument_for(operation, labels)
    if activation.id.iteration != operation.id.iteration or scores is None or targets is None:
        return None
    assert scores.place is not None and targets.place is not None
    given, wanted = Source(scores.place), Source(targets.place)
    if operation.attributes.get("form") == "v1":
        name = ApiName(f"tensorflow.losses.{function}_cross_entropy", operation.place)
        return ReplaceValue(operation.place, (name, "(", wanted, ", ", given, ")"))
    if operation.kind != "squared-difference":
        return None
    name = ApiName(f"tensorflow.nn.{function}_cross_entropy_with_logits", operation.place)
    return ReplaceValue(operation.place, (name, "(labels=", wanted, ", logits=", given, ")"))
