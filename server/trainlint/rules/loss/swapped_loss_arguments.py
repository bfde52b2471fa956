"""swapped-loss-arguments: predictions where a loss or metric takes the labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import ApiName, Remedy, ReplaceValue, Source
from trainlint.program.eras import is_for_1
from trainlint.program.values import Tensor
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Argument, Value
    from trainlint.source.code import Place

LABELS = ("labels", "y_true", "onehot_labels", "multi_class_labels", "target", "targets")
PREDICTIONS = ("predictions", "y_pred", "logits", "output", "y_score")

SYMMETRIC = ("squared-error", "absolute-error", "huber", "log-cosh", "cosine")
"""Losses that are the same either way."""

_SYMMETRIC_NAMES = (
    "accuracy", "accuracy_score", "mean_squared_error", "mean_absolute_error", "root_mean_squared_error",
    "binary_accuracy", "hamming_loss", "cohen_kappa_score", "matthews_corrcoef",
)  # fmt: skip


class SwappedLossArguments(Rule):
    """
    ## What it does
    Reports calls of losses and metrics that get the predictions where they take the labels, and the labels where they take the predictions.
    Where the function gives the same either way it is an information.
    So is the order of TensorFlow 0.x in code for TensorFlow 1, unless something in the program shows that it is for 1.0 or later.

    ## Why it is bad
    A cross-entropy takes the logarithm of its second argument and no gradient of its first, so the network gets no useful gradient, or one towards nonsense.
    Precision and recall change places, and scores above 1 come out of nowhere.
    TensorFlow takes labels first everywhere but in `in_top_k` of TensorFlow 1; old code for TensorFlow 0.x has it the other way round and runs under TensorFlow 2 without an error.
    TensorFlow 1.0 to 1.15 refuses arguments without a name in these functions.

    ## Example
    ```python
    loss = tf.losses.sigmoid_cross_entropy(tf.layers.dense(hidden, 1), y)
    ```

    ## Use instead
    ```python
    loss = tf.losses.sigmoid_cross_entropy(y, tf.layers.dense(hidden, 1))
    ```

    ## Fix safety
    Safe: labels that were computed with the weights and predictions that were fed are what no program means.
    In code for TensorFlow 0.x or 1.x the arguments get their names, with which all versions mean the same.

    ## Probe
    Computes the loss of the same labels and answers in both orders.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/nn/softmax_cross_entropy_with_logits
    - https://www.tensorflow.org/api_docs/python/tf/keras/losses/Loss
    - https://scikit-learn.org/stable/modules/model_evaluation.html
    """

    name, code, category, severity = "swapped-loss-arguments", "TL310", "loss", "error"
    rank = 48
    evidence = ("certificate",)
    message = "`{function}` takes the {first} first, but here they change places{effect}"

    VALID = [
        Valid(
            "import numpy as np\n"
            "from sklearn.metrics import mean_squared_error\n"
            "from tensorflow import keras\n"
            "x, y = np.random.rand(100, 4), np.random.rand(100)\n"
            "model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x[:80], y[:80])\n"
            "def root_mean_squared_error(labels, answers):\n"
            "    return np.sqrt(mean_squared_error(labels, answers))\n"
            "print(root_mean_squared_error(model.predict(x[80:]), y[80:]))\n",
            why="the helper is right as it stands, and its result is the same",
        ),
        Valid(
            (
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 1])\n"
                "loss = tf.losses.sigmoid_cross_entropy(y, tf.layers.dense(x, 1))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
        ),
        Valid(
            (
                "import numpy as np\n"
                "from sklearn.metrics import precision_score\n"
                "from tensorflow import keras\n"
                "\n"
                "x, y = np.random.normal(size=(500, 8)), np.random.randint(0, 2, size=500)\n"
                'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])\n'
                'model.compile("adam", loss="binary_crossentropy")\n'
                "model.fit(x, y)\n"
                "print(precision_score(y, model.predict(x) > 0.5))\n"
            ),
        ),
        Valid(
            (
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "teacher = tf.layers.dense(x, 4)\n"
                "student = tf.layers.dense(x, 4)\n"
                "loss = tf.nn.softmax_cross_entropy_with_logits_v2(labels=tf.nn.softmax(teacher), logits=student)\n"
                "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(loss))\n"
            ),
            why="Labels that another network computes.",
        ),
        Valid(
            (
                "import tensorflow as tf\n"
                "\n"
                "\n"
                "def entropy(first, second):\n"
                "    return tf.reduce_mean(tf.keras.losses.binary_crossentropy(first, second))\n"
            ),
            why="Who calls it, and with what, is not known.",
        ),
        Valid(
            "",
            cells=(
                (
                    "from tensorflow import keras\n"
                    "import keras.backend as K\n"
                    "def loss(y_true, y_pred):\n"
                    "    return K.mean(keras.losses.binary_crossentropy(y_true, y_pred))\n"
                ),
                (
                    'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])\n'
                    'model.compile("adam", loss=loss)\n'
                ),
            ),
        ),
    ]
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.float32, [None, 3])\n"
            "def loss_of(labels, scores):\n"
            "    return tf.losses.sigmoid_cross_entropy(labels, scores)\n"
            "scores = tf.layers.dense(x, 3)\n"
            "train = tf.train.AdamOptimizer().minimize(loss_of(scores, y))\n",
            at="labels",
            occurrence=1,
            severity="error",
            traces=("these are the labels", "this is the call that gives them"),
            why="The caller exchanges them, and the helper is right as it stands: no fix of it is.",
        ),
        Invalid(
            (
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 1])\n"
                "scores = tf.layers.dense(x, 1)\n"
                "loss = tf.losses.sigmoid_cross_entropy(scores, y)\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
            at="scores",
            occurrence=1,
            severity="error",
            message="takes the labels first",
            traces=("these are the labels",),
            fixed=(
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 1])\n"
                "scores = tf.layers.dense(x, 1)\n"
                "loss = tf.losses.sigmoid_cross_entropy(y, scores)\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
        ),
        Invalid(
            (
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "\n"
                "\n"
                "def loss(y_pred, y_true):\n"
                "    return keras.losses.binary_crossentropy(y_true, y_pred)\n"
                "\n"
                "\n"
                'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])\n'
                'model.compile("adam", loss=loss)\n'
                "model.fit(np.random.normal(size=(500, 8)), np.random.randint(0, 2, size=500))\n"
            ),
            at="y_true",
            occurrence=1,
            severity="error",
            message="keras.losses.binary_crossentropy",
            fixed=(
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "\n"
                "\n"
                "def loss(y_pred, y_true):\n"
                "    return keras.losses.binary_crossentropy(y_pred, y_true)\n"
                "\n"
                "\n"
                'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])\n'
                'model.compile("adam", loss=loss)\n'
                "model.fit(np.random.normal(size=(500, 8)), np.random.randint(0, 2, size=500))\n"
            ),
            why="Keras gives the labels first, whatever the parameters are called.",
        ),
        Invalid(
            (
                "import tensorflow as tf\n"
                "\n"
                "\n"
                "class Config:\n"
                "    classes = 4\n"
                "\n"
                "\n"
                "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(Config.classes)])\n"
                "entropy = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)\n"
                "optimizer = tf.keras.optimizers.Adam()\n"
                "x, y = tf.random.normal([64, 8]), tf.random.uniform([64], 0, Config.classes, tf.int32)\n"
                "for step in range(100):\n"
                "    with tf.GradientTape() as tape:\n"
                "        loss = entropy(model(x), y)\n"
                "    gradients = tape.gradient(loss, model.trainable_variables)\n"
                "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n"
            ),
            at="model(x)",
            severity="error",
            fixed=(
                "import tensorflow as tf\n"
                "\n"
                "\n"
                "class Config:\n"
                "    classes = 4\n"
                "\n"
                "\n"
                "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(Config.classes)])\n"
                "entropy = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)\n"
                "optimizer = tf.keras.optimizers.Adam()\n"
                "x, y = tf.random.normal([64, 8]), tf.random.uniform([64], 0, Config.classes, tf.int32)\n"
                "for step in range(100):\n"
                "    with tf.GradientTape() as tape:\n"
                "        loss = entropy(y, model(x))\n"
                "    gradients = tape.gradient(loss, model.trainable_variables)\n"
                "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n"
            ),
        ),
        Invalid(
            (
                "import tensorflow.compat.v1 as tf\n"
                "\n"
                "tf.disable_v2_behavior()\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 4])\n"
                "w = tf.Variable(tf.zeros([8, 4]))\n"
                "loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(tf.matmul(x, w), y))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
            at="tf.matmul(x, w)",
            severity="error",
            fixed=(
                "import tensorflow.compat.v1 as tf\n"
                "\n"
                "tf.disable_v2_behavior()\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 4])\n"
                "w = tf.Variable(tf.zeros([8, 4]))\n"
                "loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(y, tf.matmul(x, w)))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
            why="The order of TensorFlow 0.x under TensorFlow 2.",
        ),
        Invalid(
            (
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 4])\n"
                "w = tf.Variable(tf.zeros([8, 4]))\n"
                "loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(tf.matmul(x, w), y))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
            at="tf.matmul(x, w)",
            severity="info",
            message="right in TensorFlow 0.x",
            fixed=(
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 4])\n"
                "w = tf.Variable(tf.zeros([8, 4]))\n"
                "loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=tf.matmul(x, w)))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
        ),
        Invalid(
            (
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.int64, [None])\n"
                "scores = tf.layers.dense(x, 4)\n"
                "loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(scores, y))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
            at="scores",
            occurrence=1,
            severity="error",
            message="refused by 1.x",
            fixed=(
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.int64, [None])\n"
                "scores = tf.layers.dense(x, 4)\n"
                "loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=scores))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
            why="`tf.layers` came after TensorFlow 1.0.",
        ),
        Invalid(
            (
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 1])\n"
                "answer = tf.layers.dense(x, 1)\n"
                "loss = tf.losses.mean_squared_error(answer, y)\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
            at="answer",
            occurrence=1,
            severity="info",
            message="the same either way",
            fixed=(
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 1])\n"
                "answer = tf.layers.dense(x, 1)\n"
                "loss = tf.losses.mean_squared_error(y, answer)\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
        ),
        Invalid(
            "",
            cells=(
                (
                    "import numpy as np\n"
                    "from keras import Input, Sequential\n"
                    "from keras.layers import Dense\n"
                    "from sklearn.metrics import recall_score\n"
                    "x, y = np.random.normal(size=(500, 8)), np.random.randint(0, 2, size=500)\n"
                ),
                (
                    'model = Sequential([Input((8,)), Dense(1, activation="sigmoid")])\n'
                    'model.compile("adam", loss="binary_crossentropy")\n'
                    "model.fit(x, y)\n"
                    "print(recall_score(model.predict(x) > 0.5, y))\n"
                ),
            ),
            at="model.predict(x) > 0.5",
            severity="error",
            cell=1,
            fixed=(
                "import numpy as np\n"
                "from keras import Input, Sequential\n"
                "from keras.layers import Dense\n"
                "from sklearn.metrics import recall_score\n"
                "x, y = np.random.normal(size=(500, 8)), np.random.randint(0, 2, size=500)\n"
                "\n"
                'model = Sequential([Input((8,)), Dense(1, activation="sigmoid")])\n'
                'model.compile("adam", loss="binary_crossentropy")\n'
                "model.fit(x, y)\n"
                "print(recall_score(y, model.predict(x) > 0.5))\n"
            ),
        ),
    ]

    def check(self, program: Program) -> Iterator[Report]:
        for operation in program.of_kind("loss", "metric", "in-top-k", "opaque"):
            sides = _sides(operation)
            if sides is None:
                continue
            (labels, labels_argument), (predictions, predictions_argument) = sides
            is_learned = operation.attributes.get("scores_first") or _is_predicted(program, labels)
            if not is_learned or not _is_given(program, predictions):
                continue
            is_same = _is_symmetric(operation)
            callers = operation.context.calls[bool(program.root) :]
            if is_same and callers:
                continue  # a helper's own names may stand in the right order, and its caller means what he gives
            place, is_old = operation.place, _is_old(program, operation, labels_argument)
            remedies: tuple[Remedy, ...] = ()
            trace: tuple[Step, ...] = ()
            if labels_argument is not None and labels_argument.place is not None:
                place = labels_argument.place
                if predictions_argument is not None and predictions_argument.place is not None:
                    other = predictions_argument.place
                    trace = (Step(other, "these are the labels"),)
                    swap = (ReplaceValue(place, (Source(other),)), ReplaceValue(other, (Source(place),)))
                    remedies = (Remedy("Exchange the two", "safe", swap),)
                    if is_old:
                        remedies = _naming(operation, place, other)
            if callers and not is_old and not any(callers[-1] in event.places for event in program.compiled):
                # Whether the helper or its caller exchanges them, nobody knows; Keras gives them in their order.
                trace, remedies = (*trace, Step(callers[-1], "this is the call that gives them")), ()
            effect = ", though the result is the same either way" if is_same else ""
            is_refused = is_old and operation.name in _NAMED_ONLY and is_for_1(program)
            if is_old:
                is_sparse = "sparse" in operation.name
                later = "refused by 1.x and 2.x" if is_sparse else "refused by 1.x, and wrong without a word in 2.x"
                effect = f": right in TensorFlow 0.x, {later}"
            yield self.report(
                place, severity="info" if is_same or (is_old and not is_refused) else "error", function=_called(operation),
                first="predictions" if operation.kind == "in-top-k" and _predictions_first(operation) else "labels",
                effect=effect,
                trace=trace, remedies=remedies, subject=operation.id,
            )  # fmt: skip


_NAMED_ONLY = frozenset(f"tf.nn.{name}_cross_entropy_with_logits" for name in ("softmax", "sparse_softmax", "sigmoid"))
"""What TensorFlow 1.0 to 1.15 calls with named arguments only: the first parameter is a sentinel."""

Side = tuple["Value", "Argument | None"]


def _sides(operation: Operation) -> tuple[Side, Side] | None:
    """What a call takes for labels and what for predictions."""
    if operation.attributes.get("compiled"):
        return None
    if operation.kind == "opaque" and not operation.name.startswith("sklearn.metrics."):
        return None
    arguments = operation.arguments
    first = next((arguments[name] for name in LABELS if name in arguments and arguments[name].given), None)
    second = next((arguments[name] for name in PREDICTIONS if name in arguments and arguments[name].given), None)
    if operation.kind in ("loss", "metric") and "labels" in operation.attributes:
        labels, predictions = operation.attributes["labels"], operation.attributes["predictions"]
        if operation.attributes.get("scores_first"):
            labels, predictions = predictions, labels
        first, second = operation.attributes.get("given", (first, second))
        return (labels, first), (predictions, second)
    if first is None or second is None:
        return None
    return (first.value, first), (second.value, second)


def _is_predicted(program: Program, value: Value) -> bool:
    return isinstance(value, Tensor) and bool(program.variables(value))


def _is_given(program: Program, value: Value) -> bool:
    """Whether a tensor is made of data alone, all of which is understood."""
    if not isinstance(value, Tensor) or value.op is None:
        return False
    behind = [program.operation(key) for key in program.ancestors(value)]
    if any(found is None or found.kind in ("variable", "opaque") for found in behind):
        return False
    return any(found is not None and found.kind in ("placeholder", "input", "data", "random") for found in behind)


def _predictions_first(operation: Operation) -> bool:
    return list(operation.arguments)[:1] == ["predictions"]


def _is_old(program: Program, operation: Operation, labels: Argument | None) -> bool:
    """Whether a call by position may be one of TensorFlow 0.x, where the scores came first."""
    is_raw = operation.kind == "loss" and operation.attributes.get("form") == "raw"
    return is_raw and program.generation.startswith("1") and labels is not None and labels.positional


def _naming(operation: Operation, scores: Place, labels: Place) -> tuple[Remedy, ...]:
    """The same call with named arguments, which all versions take; none where it has more of them."""
    given = sum(argument.given for argument in operation.arguments.values())
    if given != 2 or operation.name not in _NAMED_ONLY:
        return ()
    name = ApiName(operation.name.replace("tf.", "tensorflow.", 1), operation.place)
    call = (name, "(labels=", Source(labels), ", logits=", Source(scores), ")")
    return (Remedy("Name the two arguments", "safe", (ReplaceValue(operation.place, call),)),)


def _called(operation: Operation) -> str:
    """The function as the author calls it, as far as that is known."""
    return operation.name.removeprefix("builtins.")


def _is_symmetric(operation: Operation) -> bool:
    if operation.kind == "loss":
        return operation.attributes.get("function") in SYMMETRIC
    name = str(operation.attributes.get("metric") or operation.name.rsplit(".", 1)[-1]).lower()
    return name in _SYMMETRIC_NAMES or name.replace("_", "") in (known.replace("_", "") for known in _SYMMETRIC_NAMES)
