"""threshold-domain-mismatch: a threshold of 0.5 on scores, or of 0 on probabilities."""

from __future__ import annotations

from collections.abc import Iterator

from trainlint.finding import Step
from trainlint.fixes.actions import Remedy, ReplaceValue
from trainlint.program.heads import PICKING, activation_behind, last_kernel, trained, weights_before
from trainlint.program.operations import Operation
from trainlint.program.program import Program
from trainlint.program.values import Id, Tensor
from trainlint.program.weights import constant
from trainlint.rules.base import Invalid, Report, Rule, Valid

FLIPPED = {">": "<", ">=": "<=", "<": ">", "<=": ">="}


class ThresholdDomainMismatch(Rule):
    """
    ## What it does
    Reports an answer of a model that is compared with 0.5 (or rounded) although it is a score that the loss applies the sigmoid to.
    It also reports a probability whose answer is "greater than 0", which is always so.

    ## Why it is bad
    A probability of 0.5 is a score of 0.
    With 0.5 as the threshold of scores only samples with a probability above 0.62 count as positive, so the accuracy that is printed is not that of the model.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
    answers = model.predict(x_test) > 0.5
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
    answers = model.predict(x_test) > 0
    ```

    ## Fix safety
    Unsafe: a threshold may be chosen on purpose, to miss fewer or to alarm less.

    ## Probe
    Counts the scores of usual size that lie between the two thresholds.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/keras/losses/BinaryCrossentropy
    """

    name, code, category, severity = "threshold-domain-mismatch", "TL907", "metrics", "error"
    rank = 48
    evidence = ("certificate",)
    message = (
        "these are scores, because the loss applies the sigmoid itself: {what} takes a probability of 0.62 for even"
    )

    VALID = [
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', keras.losses.BinaryCrossentropy(from_logits=True))\n"
            "answers = model.predict(x_test) > 0\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "logits = tf.layers.dense(x, 1)\n"
            "train = tf.train.AdamOptimizer().minimize(tf.losses.sigmoid_cross_entropy(y, logits))\n"
            "hits = tf.equal(tf.cast(tf.sigmoid(logits) > 0.5, tf.float32), y)\n"
            "tf.Session().run([train, hits], {x: rows, y: classes})\n",
        ),
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "high = np.round(model.predict(x_test)), model.predict(x_test) > 0.5\n",
            why="an output that is trained to be 0 or 1, or an amount",
        ),
        Valid(
            "def answers(model, rows):\n"
            "    return model.predict(rows) > 0.5\n",
            why="what the model gives cannot be known",
        ),
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3, activation='softmax')])\n"
            "model.compile('adam', 'categorical_crossentropy')\n"
            "answers = model.predict(x_test)\n"
            "entropy = -np.sum(np.where(answers > 0, answers * np.log(answers), 0.0), axis=1)\n",
            why="0 times the logarithm of 0 is avoided",
        ),
        Valid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(1)])\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "x, y = tf.random.normal([64, 8]), tf.ones([64, 1])\n"
            "for step in range(100):\n"
            "    with tf.GradientTape() as tape:\n"
            "        scores = model(x, training=True)\n"
            "        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=scores))\n"
            "    gradients = tape.gradient(loss, model.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n"
            "answers = model(x)\n"
            "print(tf.reduce_mean(tf.cast(tf.sigmoid(answers) > 0.5, tf.float32)))\n",
        ),
    ]  # fmt: skip
    INVALID = [
        Invalid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', keras.losses.BinaryCrossentropy(from_logits=True))\n"
            "answers = model.predict(x_test) > 0.5\n",
            at="model.predict(x_test) > 0.5",
            severity="error",
            message="a threshold of 0.5",
            traces=("the loss",),
            fixed=(
                "from tensorflow import keras\n"
                "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
                "model.compile('adam', keras.losses.BinaryCrossentropy(from_logits=True))\n"
                "answers = model.predict(x_test) > 0\n"
            ),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "def net(tensor):\n"
            "    for units in (16, 1):\n"
            "        tensor = tf.layers.dense(tensor, units)\n"
            "    return tensor\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "logits = net(x)\n"
            "loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=logits))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "hits = tf.equal(tf.cast(tf.greater(logits, 0.5), tf.float32), y)\n"
            "tf.Session().run([train, hits], {x: rows, y: classes})\n",
            at="tf.greater(logits, 0.5)",
            fixed=(
                "import tensorflow as tf\n"
                "def net(tensor):\n"
                "    for units in (16, 1):\n"
                "        tensor = tf.layers.dense(tensor, units)\n"
                "    return tensor\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 1])\n"
                "logits = net(x)\n"
                "loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=logits))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
                "hits = tf.equal(tf.cast(tf.greater(logits, 0), tf.float32), y)\n"
                "tf.Session().run([train, hits], {x: rows, y: classes})\n"
            ),
        ),
        Invalid(
            "import keras\n"
            "class Config:\n"
            "    threshold = 0\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation='sigmoid')])\n"
            "model.compile('adam', 'binary_crossentropy')\n"
            "answers = (model.predict(x_test) > Config.threshold).astype('int32')\n",
            at="model.predict(x_test) > Config.threshold",
            message="always",
        ),
        Invalid(
            "",
            cells=(
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
                "model.compile('adam', keras.losses.BinaryCrossentropy(from_logits=True))\n",
                "answers = np.round(model.predict(x_test))\n",
            ),
            at="np.round(model.predict(x_test))",
            cell=1,
            message="rounding",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(1)])\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "x, y = tf.random.normal([64, 8]), tf.ones([64, 1])\n"
            "for step in range(100):\n"
            "    with tf.GradientTape() as tape:\n"
            "        scores = model(x, training=True)\n"
            "        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=scores))\n"
            "    gradients = tape.gradient(loss, model.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n"
            "answers = model(x)\n"
            "print(tf.reduce_mean(tf.cast(answers > 0.5, tf.float32)))\n",
            at="answers > 0.5",
            severity="error",
            fixed="import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(1)])\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "x, y = tf.random.normal([64, 8]), tf.ones([64, 1])\n"
            "for step in range(100):\n"
            "    with tf.GradientTape() as tape:\n"
            "        scores = model(x, training=True)\n"
            "        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=scores))\n"
            "    gradients = tape.gradient(loss, model.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n"
            "answers = model(x)\n"
            "print(tf.reduce_mean(tf.cast(answers > 0, tf.float32)))\n",
            why="The model is called again to look at its answers.",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        scores: dict[Id, Operation] | None = None
        for operation in program.of_kind("compare", "round"):
            found = _threshold(program, operation)
            if found is None:
                continue
            tensor, threshold, sign = found
            if scores is None:
                scores = _scores(program)
            source = program.source(tensor, PICKING)
            if source is None:
                continue
            if tensor.activation == "sigmoid" and threshold == 0 and sign == ">" and _decides(program, operation):
                function = activation_behind(program, tensor)
                if function is not None and function.id in trained(program):
                    text = "a probability is always greater than 0: this answer is the same for every sample"
                    step = Step(function.place, "the sigmoid is here")
                    yield self.report(operation.place, message=text, trace=[step], subject=operation.id)
                continue
            loss = scores.get(source.id)
            if loss is None and tensor.activation == "linear" and threshold == 0.5:
                # The model may be called again, to evaluate it.
                kernel = last_kernel(program, tensor)
                loss = None if kernel is None else scores.get(kernel)
            if loss is None or tensor.activation != "linear" or threshold != 0.5:
                continue
            what = "rounding" if operation.kind == "round" else "a threshold of 0.5"
            weights = weights_before(program, tensor)
            trace = [] if weights is None else [Step(weights.place, "the scores come from here, without an activation")]
            trace.append(Step(loss.place, "the loss applies the sigmoid here"))
            yield self.report(
                operation.place, what=what, trace=trace, remedies=_remedies(operation), subject=operation.id
            )


def _scores(program: Program) -> dict[Id, Operation]:
    """What goes into losses that apply the sigmoid themselves, or the weights it comes from, and those losses."""
    found = {}
    for loss in program.of_kind("loss"):
        if loss.attributes.get("function") == "sigmoid-cross-entropy" and loss.attributes.get("expects") == "logits":
            source = program.source(loss.attributes.get("predictions"), PICKING)
            if source is not None:
                found[source.id] = loss
            kernel = last_kernel(program, loss.attributes.get("predictions"))
            if kernel is not None:
                found[kernel] = loss
    return found


def _threshold(program: Program, operation: Operation) -> tuple[Tensor, float, str] | None:
    """What is compared with which number, as `tensor sign number`; rounding compares with 0.5."""
    if operation.kind == "round":
        tensor = program.tensor(operation.inputs[0])
        return None if tensor is None or tensor.activation is None else (tensor, 0.5, ">")
    sign = str(operation.attributes.get("operator"))
    if sign not in FLIPPED or len(operation.inputs) != 2:
        return None
    left, right = operation.inputs
    for value, other, seen in ((left, right, sign), (right, left, FLIPPED[sign])):
        number, tensor = constant(other), program.tensor(value)
        if number is not None and tensor is not None and tensor.activation in ("linear", "sigmoid"):
            return tensor, number, seen
    return None


def _decides(program: Program, operation: Operation) -> bool:
    """Whether the answer of a comparison becomes a class: cast, compared, measured or averaged, not a guard."""
    users = program.consumers(operation.output)
    return bool(users) and all(user.kind in ("cast", "compare", "metric", "reduce") for user in users)


def _remedies(operation: Operation) -> list[Remedy]:
    for argument in operation.arguments.values():
        if argument.place is not None and constant(argument.value) == 0.5:
            return [Remedy("Compare with 0", "unsafe", (ReplaceValue(argument.place, ("0",)),))]
    return []
