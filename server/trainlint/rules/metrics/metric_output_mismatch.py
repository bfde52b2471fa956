"""metric-output-mismatch: a metric that expects another kind of prediction or label than it gets."""

from __future__ import annotations

from collections.abc import Iterator

from trainlint.finding import Step
from trainlint.fixes.actions import ApiName, Piece, Remedy, ReplaceValue, SetArgument
from trainlint.program.heads import activation_behind, weights_before
from trainlint.program.metrics import Measured, are_logits, function_of, measured, units
from trainlint.program.program import Program
from trainlint.program.values import Tensor, Unknown, is_none
from trainlint.program.weights import constant
from trainlint.rules.base import Invalid, Report, Rule, Valid

PROBABILITIES = ("softmax", "sigmoid")

WITH_INTEGERS = {
    "CategoricalAccuracy": "SparseCategoricalAccuracy",
    "TopKCategoricalAccuracy": "SparseTopKCategoricalAccuracy",
}
"""Metrics that take one-hot rows, and those that compute the same from class numbers."""
WITH_ROWS = {sparse: dense for dense, sparse in WITH_INTEGERS.items()}

THRESHOLDS = {"BinaryAccuracy": "threshold", "Precision": "thresholds", "Recall": "thresholds"}
"""Metrics that call a prediction positive above .5, and the argument that says otherwise."""


class MetricOutputMismatch(Rule):
    """
    ## What it does
    Reports a metric that does not fit the output of the model or the form of its labels.
    That is `Accuracy()` or `MeanIoU()` on probabilities or scores, a categorical metric on class numbers (or a sparse one on one-hot rows), and a threshold of 0.5 or an `AUC()` on scores that no sigmoid has gone through.

    ## Why it is bad
    Training is fine, but the number on the screen is wrong, and early stopping or the best checkpoint follow it.

    `Accuracy()` counts predictions that equal the label exactly, so it shows 0 for probabilities.
    `CategoricalAccuracy` takes the largest entry of each label row, which means nothing for a class number.
    A score above 0 is a probability above 0.5, so a threshold of 0.5 on scores calls too few samples positive: measured 0.61 where 0.70 is right.

    ## Example
    ```python
    model.compile("adam", "binary_crossentropy", metrics=[keras.metrics.Accuracy()])
    ```

    ## Use instead
    ```python
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    ```

    ## Fix safety
    Safe where the metric keeps its name: a metric does not influence the weights, and what it showed was wrong.
    Unsafe where the name changes, because callbacks and plots ask for metrics by name.

    ## Probe
    Asks the installed metric about made-up answers and counts by hand.

    ## References
    - https://keras.io/api/metrics/accuracy_metrics/
    - keras-team/keras#18796, tensorflow/tensorflow#48898
    """

    name, code, category, severity = "metric-output-mismatch", "TL901", "metrics", "error"
    rank = 80
    evidence = ("certificate",)
    message = "`{metric}` {expects}, but gets {gets}{effect}"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((20,)), tf.keras.layers.Dense(10, activation='softmax')])\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "loss_of = tf.keras.losses.SparseCategoricalCrossentropy()\n"
            "accuracy = tf.keras.metrics.CategoricalAccuracy()\n"
            "for x, y in dataset:\n"
            "    with tf.GradientTape() as tape:\n"
            "        shares = model(x)\n"
            "        loss = loss_of(y, shares)\n"
            "    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))\n"
            "    accuracy(tf.keras.utils.to_categorical(y, 10), shares)\n",
            why="the metric gets rows that are made of the class numbers",
        ),
        Valid(
            "from tensorflow import keras\n"
            "\n"
            'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])\n'
            'model.compile("adam", "binary_crossentropy", metrics=["accuracy"])\n'
            "model.fit(x, y)\n",
            why="Keras chooses the accuracy that fits the shapes",
        ),
        Valid(
            "from tensorflow import keras\n"
            "\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "bce = keras.losses.BinaryCrossentropy(from_logits=True)\n"
            'metrics = [keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0), keras.metrics.AUC(from_logits=True)]\n'
            'model.compile("adam", bce, metrics=metrics)\n'
            "model.fit(x, y)\n",
        ),
        Valid(
            "import keras\n"
            "\n"
            'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(5, activation="softmax")])\n'
            'model.compile("adam", "sparse_categorical_crossentropy", metrics=["sparse_categorical_accuracy", "accuracy"])\n'
            "model.fit(x, y)\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "\n"
            "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(5)])\n"
            "accuracy = tf.keras.metrics.Accuracy()\n"
            "mean = tf.keras.metrics.Mean()\n"
            "for x, y in batches:\n"
            "    scores = model(x)\n"
            "    mean(tf.keras.losses.sparse_categorical_crossentropy(y, scores, from_logits=True))\n"
            "    accuracy.update_state(y, tf.argmax(scores, axis=-1))\n"
            "    print(accuracy.result())\n",
            why="classes are compared with classes",
        ),
        Valid(
            "import tensorflow as tf\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "logits = tf.layers.dense(x, 5)\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(y, logits)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "accuracy, update = tf.metrics.accuracy(labels=y, predictions=tf.argmax(logits, 1))\n"
            "rounded, _ = tf.metrics.accuracy(y, tf.cast(tf.round(tf.sigmoid(logits[:, 0])), tf.int64))\n"
            "with tf.Session() as session:\n"
            "    session.run([train, update, rounded], {x: rows, y: classes})\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            "\n"
            "def compiled(model, loss):\n"
            '    model.compile("adam", loss, metrics=[keras.metrics.Accuracy(), keras.metrics.AUC()])\n'
            "    return model\n",
            why="what the model gives cannot be known",
        ),
        Valid(
            "import keras\n"
            "from keras import layers\n"
            "\n"
            "model = keras.Sequential([keras.Input((8,)), layers.Dense(1)])\n"
            'model.compile("adam", "hinge", metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)])\n'
            "model.fit(x, y)\n",
        ),
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "from tensorflow.keras import backend as K\n"
            "\n"
            "def loss(y_true, y_pred):\n"
            "    rows = K.one_hot(K.cast(K.flatten(y_true), 'int32'), 5)\n"
            "    return K.categorical_crossentropy(rows, y_pred)\n"
            "\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(5, activation='softmax')])\n"
            "model.compile('adam', loss, metrics=['sparse_categorical_accuracy'])\n"
            "model.fit(np.random.rand(100, 8), np.random.randint(0, 5, (100, 1)))\n",
            why="the loss makes the rows itself, and the metric gets the class numbers",
        ),
    ]  # fmt: skip
    INVALID = [
        Invalid(
            "from tensorflow import keras\n"
            "\n"
            'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])\n'
            'model.compile("adam", "binary_crossentropy", metrics=[keras.metrics.Accuracy()])\n'
            "model.fit(x, y)\n",
            at="keras.metrics.Accuracy()",
            severity="error",
            message="probabilities",
            traces=("the sigmoid",),
            fixed=(
                "from tensorflow import keras\n"
                "\n"
                'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])\n'
                'model.compile("adam", "binary_crossentropy", metrics=["accuracy"])\n'
                "model.fit(x, y)\n"
            ),
        ),
        Invalid(
            "from tensorflow import keras\n"
            "\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "bce = keras.losses.BinaryCrossentropy(from_logits=True)\n"
            'model.compile("adam", bce, metrics=["accuracy"])\n'
            "model.fit(x, y)\n",
            at='["accuracy"]',
            severity="error",
            message="above 0.5",
            fixed=(
                "from tensorflow import keras\n"
                "\n"
                "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
                "bce = keras.losses.BinaryCrossentropy(from_logits=True)\n"
                'model.compile("adam", bce, metrics=[keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)])\n'
                "model.fit(x, y)\n"
            ),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "from tensorflow.keras.metrics import AUC, BinaryAccuracy\n"
            "\n"
            "class Config:\n"
            "    units = 16\n"
            "    metrics = [AUC(), BinaryAccuracy()]\n"
            "\n"
            "def make_model():\n"
            "    model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(Config.units, 'relu')])\n"
            "    model.add(tf.keras.layers.Dense(1))\n"
            "    return model\n"
            "\n"
            "def bce(y, scores):\n"
            "    return tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=scores)\n"
            "\n"
            "model = make_model()\n"
            "model.compile('adam', bce, metrics=Config.metrics)\n"
            "model.fit(x, y)\n",
            at="AUC()",
            message="probabilities",
            count=2,
            fixed=(
                "import tensorflow as tf\n"
                "from tensorflow.keras.metrics import AUC, BinaryAccuracy\n"
                "\n"
                "class Config:\n"
                "    units = 16\n"
                "    metrics = [AUC(from_logits=True), BinaryAccuracy(threshold=0.0)]\n"
                "\n"
                "def make_model():\n"
                "    model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(Config.units, 'relu')])\n"
                "    model.add(tf.keras.layers.Dense(1))\n"
                "    return model\n"
                "\n"
                "def bce(y, scores):\n"
                "    return tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=scores)\n"
                "\n"
                "model = make_model()\n"
                "model.compile('adam', bce, metrics=Config.metrics)\n"
                "model.fit(x, y)\n"
            ),
        ),
        Invalid(
            "import keras\n"
            "\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(5, activation='softmax')])\n"
            "model.compile('adam', 'sparse_categorical_crossentropy', metrics=['categorical_accuracy'])\n"
            "model.fit(x, y)\n",
            at="['categorical_accuracy']",
            message="class numbers",
            fixed=(
                "import keras\n"
                "\n"
                "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(5, activation='softmax')])\n"
                "model.compile('adam', 'sparse_categorical_crossentropy', metrics=['sparse_categorical_accuracy'])\n"
                "model.fit(x, y)\n"
            ),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "\n"
            "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(5)])\n"
            "loss_of = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "accuracy = tf.keras.metrics.CategoricalAccuracy()\n"
            "for x, y in batches:\n"
            "    with tf.GradientTape() as tape:\n"
            "        scores = model(x)\n"
            "        loss = loss_of(y, scores)\n"
            "    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))\n"
            "    accuracy.update_state(y, scores)\n",
            at="tf.keras.metrics.CategoricalAccuracy()",
            message="class numbers",
            fixed=(
                "import tensorflow as tf\n"
                "\n"
                "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(5)])\n"
                "loss_of = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)\n"
                "optimizer = tf.keras.optimizers.Adam()\n"
                "accuracy = tf.keras.metrics.SparseCategoricalAccuracy()\n"
                "for x, y in batches:\n"
                "    with tf.GradientTape() as tape:\n"
                "        scores = model(x)\n"
                "        loss = loss_of(y, scores)\n"
                "    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))\n"
                "    accuracy.update_state(y, scores)\n"
            ),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "answer = tf.layers.dense(x, 1, activation=tf.nn.sigmoid)\n"
            "train = tf.train.AdamOptimizer().minimize(tf.losses.log_loss(y, answer))\n"
            "accuracy, update = tf.metrics.accuracy(labels=y, predictions=answer)\n"
            "with tf.Session() as session:\n"
            "    session.run([train, update], {x: rows, y: classes})\n",
            at="tf.metrics.accuracy(labels=y, predictions=answer)",
            message="probabilities",
        ),
        Invalid(
            "",
            cells=(
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "inputs = keras.Input((32, 32, 3))\n"
                "mask = layers.Conv2D(1, 1, activation='sigmoid')(layers.Conv2D(8, 3, padding='same', activation='relu')(inputs))\n",
                "model = keras.Model(inputs, mask)\n"
                "model.compile('adam', 'binary_crossentropy', metrics=[keras.metrics.MeanIoU(num_classes=2)])\n",
            ),
            at="keras.metrics.MeanIoU(num_classes=2)",
            cell=1,
            message="cut down to whole numbers",
            fixed=(
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "inputs = keras.Input((32, 32, 3))\n"
                "mask = layers.Conv2D(1, 1, activation='sigmoid')(layers.Conv2D(8, 3, padding='same', activation='relu')(inputs))\n"
                "\n"
                "model = keras.Model(inputs, mask)\n"
                "model.compile('adam', 'binary_crossentropy', metrics=[keras.metrics.BinaryIoU()])\n"
            ),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((20,)), tf.keras.layers.Dense(10, activation='softmax')])\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "loss_of = tf.keras.losses.SparseCategoricalCrossentropy()\n"
            "accuracy = tf.keras.metrics.Accuracy()\n"
            "for x, y in dataset:\n"
            "    with tf.GradientTape() as tape:\n"
            "        shares = model(x)\n"
            "        loss = loss_of(y, shares)\n"
            "    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))\n"
            "    accuracy(tf.keras.utils.to_categorical(y, 10), shares)\n",
            at='tf.keras.metrics.Accuracy()',
            why='The metric gets rows, whatever the loss takes.',
            fixed=(
                "import tensorflow as tf\n"
                "model = tf.keras.Sequential([tf.keras.Input((20,)), tf.keras.layers.Dense(10, activation='softmax')])\n"
                "optimizer = tf.keras.optimizers.Adam()\n"
                "loss_of = tf.keras.losses.SparseCategoricalCrossentropy()\n"
                "accuracy = tf.keras.metrics.CategoricalAccuracy(name='accuracy')\n"
                "for x, y in dataset:\n"
                "    with tf.GradientTape() as tape:\n"
                "        shares = model(x)\n"
                "        loss = loss_of(y, shares)\n"
                "    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))\n"
                "    accuracy(tf.keras.utils.to_categorical(y, 10), shares)\n"
            ),
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        for use in measured(program):
            found = self._exact(use) or self._labels(use) or self._threshold(program, use) or self._many(use)
            if found is None:
                continue
            expects, gets, effect, remedies, severity = found
            yield self.report(
                use.place, severity=severity, metric=use.metric, expects=expects, gets=gets, effect=effect,
                trace=_trace(program, use), remedies=remedies, subject=use.subject,
            )  # fmt: skip

    def _exact(self, use: Measured) -> tuple[str, str, str, list[Remedy], str] | None:
        """Metrics that compare predictions with labels as they are."""
        exact = use.metric == "Accuracy" or (use.metric == "accuracy" and use.form == "v1")
        cut = use.metric == "MeanIoU" and constant_flag(use, "sparse_y_pred") is not False
        if use.predictions is None or not (exact or cut):
            return None
        activation = use.predictions.activation
        if activation not in PROBABILITIES and not are_logits(use):
            return None
        gets = "probabilities" if activation in PROBABILITIES else "scores"
        if exact:
            # Called by hand, it compares one number of each sample with all its outputs.
            stops = use.form == "call" and use.labels is not None and use.labels.rank == 1 and (units(use) or 0) > 1
            effect = ": the shapes do not fit, and it stops with an error" if stops else ": it stays near 0"
            return "counts predictions that equal the label exactly", gets, effect, _exactly(use), "error"
        remedies = []
        if activation == "sigmoid" and units(use) == 1 and use.form in ("object", "call"):
            remedies = [_create(use, "BinaryIoU", "()", "unsafe")]
        return "takes class numbers", gets, ", which are cut down to whole numbers", remedies, "error"

    def _labels(self, use: Measured) -> tuple[str, str, str, list[Remedy], str] | None:
        """Categorical metrics on class numbers, and the other way round."""
        size, function = units(use), function_of(use)
        ids = use.labels is not None and use.labels.encoding == "class-ids"
        if not use.is_compared_alike or (size is not None and size < 2):
            return None
        by_loss = function == "sparse-softmax-cross-entropy"
        if use.metric in WITH_INTEGERS and (by_loss or (ids and size is not None and _flat(use.labels))):
            gets = "class numbers" + ("" if ids else ", as the loss says")
            return "takes one-hot labels", gets, ": its value means nothing", _renamed(use, WITH_INTEGERS), "error"
        if use.metric in WITH_ROWS and function == "softmax-cross-entropy" and not ids:
            return (
                "takes class numbers",
                "one-hot labels",
                ": it fails or means nothing",
                _renamed(use, WITH_ROWS),
                "error",
            )
        return None

    def _threshold(self, program: Program, use: Measured) -> tuple[str, str, str, list[Remedy], str] | None:
        """Thresholds between 0 and 1 on scores that no sigmoid has gone through."""
        if not are_logits(use) or function_of(use) != "sigmoid-cross-entropy":
            return None
        gets = "scores, because the loss applies the sigmoid itself"
        if use.metric == "AUC":
            if constant_flag(use, "from_logits") is not False:
                return None
            remedies = _with(use, "from_logits", "True")
            return "takes probabilities", gets, ": its thresholds lie between 0 and 1", remedies, "error"
        if use.metric == "accuracy" and use.form == "string" and units(use) == 1:
            name = use.text
        elif use.metric in THRESHOLDS:
            argument = use.arguments.get(THRESHOLDS[use.metric])
            if argument is not None and not is_none(argument.value) and constant(argument.value) != 0.5:
                return None
            name = ""
        else:
            return None
        effect = "; a probability above 0.5 is a score above 0"
        remedies = []
        if use.metric == "accuracy":
            if use.written is not None:
                near = use.written
                text = f'(name="{name}", threshold=0.0)]'
                value: tuple[Piece, ...] = ("[", ApiName("tensorflow.keras.metrics.BinaryAccuracy", near), text)
                remedies = [Remedy("Count scores above 0", "safe", (ReplaceValue(near, value),))]
        elif use.metric == "BinaryAccuracy" or program.generation == "2.16":
            # Before Keras 3, precision and recall stop at values outside of 0 to 1 themselves.
            remedies = _with(use, THRESHOLDS[use.metric], "0.0")
        return "counts predictions above 0.5", gets, effect, remedies, "error"

    def _many(self, use: Measured) -> tuple[str, str, str, list[Remedy], str] | None:
        """Precision and recall of one class, on the rows of several."""
        if use.metric not in ("Precision", "Recall") or use.form not in ("object", "call") or use.predictions is None:
            return None
        size = units(use)
        if size is None or size < 3 or use.predictions.activation != "softmax":
            return None
        if any(a.given for name in ("thresholds", "top_k", "class_id") if (a := use.arguments.get(name)) is not None):
            return None
        expects = "counts every probability above 0.5 as a positive"
        effect = ": rows without one count for no class (`class_id` measures one class)"
        return expects, f"a softmax over {size} classes", effect, [], "info"


def constant_flag(use: Measured, name: str) -> bool | None:
    """A flag of the metric; False when it is not given, None when it is unknown."""
    argument = use.arguments.get(name)
    if argument is None or not (argument.given or isinstance(argument.value, Unknown)):
        return name == "sparse_y_pred"
    value = getattr(argument.value, "value", None)
    return value if isinstance(value, bool) else None


def _flat(labels: Tensor | None) -> bool:
    return labels is not None and labels.shape is not None and (len(labels.shape) == 1 or labels.shape[-1] == 1)


def _trace(program: Program, use: Measured) -> list[Step]:
    """Where the predictions and the labels come from."""
    steps = []
    if use.predictions is not None:
        function = activation_behind(program, use.predictions)
        weights = weights_before(program, use.predictions)
        if function is not None:
            steps.append(Step(function.place, f"the {use.predictions.activation} is here"))
        elif weights is not None:
            steps.append(Step(weights.place, "the scores come from here, without an activation"))
    if use.loss is not None:
        steps.append(Step(use.loss.place, "the loss is here"))
    return steps


def _create(use: Measured, name: str, arguments: str, safety: str) -> Remedy:
    api = ApiName(f"tensorflow.keras.metrics.{name}", use.place)
    return Remedy(f"Use `{name}`", safety, (ReplaceValue(use.place, (api, arguments)),))


_TAKING = {"one-hot": "softmax-cross-entropy", "class-ids": "sparse-softmax-cross-entropy"}
"""The loss that takes labels of a form."""


def _exactly(use: Measured) -> list[Remedy]:
    """The accuracy that fits the output, in place of the exact comparison."""
    if any(argument.given for argument in use.arguments.values()) or use.form not in ("object", "call"):
        return []
    size, function, logits = units(use), function_of(use), are_logits(use)
    if not use.is_compared_alike:
        # The labels of the metric are made for it, and the loss says nothing of them.
        function = _TAKING.get(use.labels.encoding or "", "") if use.labels is not None else ""
    activation = use.predictions.activation if use.predictions is not None else None
    if function == "sigmoid-cross-entropy" or (activation == "sigmoid" and size == 1):
        if use.form == "object" and not logits and size == 1:
            return [Remedy('Use `"accuracy"`', "safe", (ReplaceValue(use.place, ('"accuracy"',)),))]
        threshold = ", threshold=0.0" if logits else ""
        return [_create(use, "BinaryAccuracy", f'(name="accuracy"{threshold})', "safe")]
    if size is None or size < 2:
        return []
    if use.form == "object":
        return [Remedy('Use `"accuracy"`', "safe", (ReplaceValue(use.place, ('"accuracy"',)),))]
    if function == "sparse-softmax-cross-entropy":
        return [_create(use, "SparseCategoricalAccuracy", '(name="accuracy")', "safe")]
    if function == "softmax-cross-entropy":
        return [_create(use, "CategoricalAccuracy", '(name="accuracy")', "safe")]
    return []


def _renamed(use: Measured, table: dict[str, str]) -> list[Remedy]:
    """The metric for the other form of labels."""
    name = table[use.metric]
    title = f"Use `{name}`"
    if use.form == "string" and use.written is not None and "accuracy" in use.text:
        text = f"sparse_{use.text}" if name.startswith("Sparse") else use.text.removeprefix("sparse_")
        return [Remedy(f"Use `{text}`", "unsafe", (ReplaceValue(use.written, (f'["{text}"]',)),))]
    if use.form in ("object", "call") and not any(argument.given for argument in use.arguments.values()):
        api = ApiName(f"tensorflow.keras.metrics.{name}", use.place)
        return [Remedy(title, "unsafe" if use.form == "object" else "safe", (ReplaceValue(use.place, (api, "()")),))]
    return []


def _with(use: Measured, name: str, value: str) -> list[Remedy]:
    if use.form not in ("object", "call"):
        return []
    existing = argument.place if (argument := use.arguments.get(name)) is not None else None
    action = SetArgument(use.place, name, (value,), existing=existing)
    return [Remedy(f"Set `{name}={value}`", "safe", (action,))]
