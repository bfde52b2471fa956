"""argmax-single-output: an argmax over an axis of size one, or over the samples instead of the classes."""

from __future__ import annotations

from collections.abc import Iterator

from trainlint.finding import Step
from trainlint.fixes.actions import ApiName, Remedy, ReplaceValue, SetArgument, Source
from trainlint.program.dims import is_batch
from trainlint.program.heads import PICKING, argument_for, weights_before, width
from trainlint.program.operations import Operation
from trainlint.program.program import Program
from trainlint.program.values import Argument, Tensor
from trainlint.rules.base import Invalid, Report, Rule, Valid


class ArgmaxSingleOutput(Rule):
    """
    ## What it does
    Reports an `argmax` of a model's output over an axis that has one entry, or over the axis of the samples.

    ## Why it is bad
    The largest of one number is at index 0, so every sample is put into class 0, whatever the model has learned.
    Without an axis `tf.argmax` looks along axis 0, and `np.argmax` over the whole array: the answer is the number of a sample, not of a class.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    classes = np.argmax(model.predict(x_test), axis=1)
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    classes = (model.predict(x_test)[:, 0] > 0.5).astype(int)
    ```

    ## Fix safety
    Unsafe: the answers change, and another output layer may be what is missing.

    ## Probe
    Looks at how many different answers there are on the program's own data.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/math/argmax
    - https://numpy.org/doc/stable/reference/generated/numpy.argmax.html
    """

    name, code, category, severity = "argmax-single-output", "TL904", "metrics", "error"
    rank = 80
    evidence = ("certificate",)
    message = "this argmax is always 0: the output has shape {shape}, with one entry along axis {axis}"

    VALID = [
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])\n'
            'model.compile("adam", "binary_crossentropy")\n'
            "classes = (model.predict(x_test)[:, 0] > 0.5).astype(int)\n",
        ),
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3, activation="softmax")])\n'
            'model.compile("adam", "sparse_categorical_crossentropy")\n'
            "classes = np.argmax(model.predict(x_test), axis=-1)\n"
            "answer = np.argmax(model.predict(np.zeros((1, 8))))\n",
            why="one sample: its largest entry is its class",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "logits = tf.layers.dense(x, 4)\n"
            "train = tf.train.AdamOptimizer().minimize(tf.losses.sparse_softmax_cross_entropy(y, logits))\n"
            "hits = tf.equal(tf.argmax(logits, 1), y)\n"
            "tf.Session().run([train, hits], {x: rows, y: classes})\n",
        ),
        Valid(
            "import numpy as np\n"
            "def answers(model, rows):\n"
            "    return np.argmax(model.predict(rows), axis=1)\n",
            why="the size of the output cannot be known",
        ),
        Valid(
            "import tensorflow as tf\n"
            "scores = tf.random.normal([20, 3])\n"
            "best = tf.argmax(scores, 0)\n"
            "print(best)\n",
            why="the best sample of each column may be what is asked for; these are no answers of a model",
        ),
    ]  # fmt: skip
    INVALID = [
        Invalid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])\n'
            'model.compile("adam", "binary_crossentropy")\n'
            "classes = np.argmax(model.predict(x_test), axis=1)\n",
            at="np.argmax(model.predict(x_test), axis=1)",
            severity="error",
            message="always 0",
            traces=("one output",),
            fixed=(
                "import numpy as np\n"
                "from tensorflow import keras\n"
                'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])\n'
                'model.compile("adam", "binary_crossentropy")\n'
                "classes = (model.predict(x_test)[:, 0] > 0.5).astype(int)\n"
            ),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "def score(tensor, sizes):\n"
            "    for units in sizes:\n"
            "        tensor = tf.layers.dense(tensor, units)\n"
            "    return tensor\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "logits = score(x, [16, 4])\n"
            "train = tf.train.AdamOptimizer().minimize(tf.losses.sparse_softmax_cross_entropy(y, logits))\n"
            "hits = tf.equal(tf.argmax(logits), y)\n"
            "tf.Session().run([train, hits], {x: rows, y: classes})\n",
            at="tf.argmax(logits)",
            message="along the samples",
            fixed=(
                "import tensorflow as tf\n"
                "def score(tensor, sizes):\n"
                "    for units in sizes:\n"
                "        tensor = tf.layers.dense(tensor, units)\n"
                "    return tensor\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.int64, [None])\n"
                "logits = score(x, [16, 4])\n"
                "train = tf.train.AdamOptimizer().minimize(tf.losses.sparse_softmax_cross_entropy(y, logits))\n"
                "hits = tf.equal(tf.argmax(logits, axis=1), y)\n"
                "tf.Session().run([train, hits], {x: rows, y: classes})\n"
            ),
        ),
        Invalid(
            "import keras\n"
            "from numpy import argmax\n"
            "class Config:\n"
            "    outputs = 1\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(Config.outputs)])\n"
            'model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))\n'
            "def classes(rows):\n"
            "    return argmax(model.predict(rows), -1)\n"
            "print(classes(x_test))\n",
            at="argmax(model.predict(rows), -1)",
            occurrence=0,
            fixed=(
                "import keras\n"
                "from numpy import argmax\n"
                "class Config:\n"
                "    outputs = 1\n"
                "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(Config.outputs)])\n"
                'model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))\n'
                "def classes(rows):\n"
                "    return (model.predict(rows)[:, 0] > 0).astype(int)\n"
                "print(classes(x_test))\n"
            ),
        ),
        Invalid(
            "",
            cells=(
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "(x, y), (x_test, y_test) = keras.datasets.fashion_mnist.load_data()\n"
                "model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10, activation='softmax')])\n"
                "model.compile('adam', 'sparse_categorical_crossentropy')\n",
                "answers = np.argmax(model.predict(x_test / 255.0))\n"
                "print(np.mean(answers == y_test))\n",
            ),
            at="np.argmax(model.predict(x_test / 255.0))",
            cell=1,
            message="one number for all 10000 samples",
            fixed=(
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "(x, y), (x_test, y_test) = keras.datasets.fashion_mnist.load_data()\n"
                "model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10, activation='softmax')])\n"
                "model.compile('adam', 'sparse_categorical_crossentropy')\n"
                "\n"
                "answers = np.argmax(model.predict(x_test / 255.0), axis=1)\n"
                "print(np.mean(answers == y_test))\n"
            ),
        ),
        Invalid(
            (
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "\n"
                "\n"
                "def share_right(y_true, y_pred):\n"
                "    right = tf.equal(tf.argmax(y_true, 1), tf.argmax(y_pred, 1))\n"
                "    return tf.reduce_mean(tf.cast(right, tf.float32))\n"
                "\n"
                "\n"
                "x, y = np.random.normal(size=(500, 20)), np.random.randint(10, size=(500, 1))\n"
                'model = tf.keras.Sequential([tf.keras.Input((20,)), tf.keras.layers.Dense(10, activation="softmax")])\n'
                'model.compile("adam", loss="sparse_categorical_crossentropy", metrics=[share_right])\n'
                "model.fit(x, y)\n"
            ),
            at="tf.argmax(y_true, 1)",
            severity="error",
            message="the labels have shape [batch, 1]",
            why="A metric of one's own gets the labels as `fit` got them.",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        for operation in program.of_kind("argmax"):
            output = program.tensor(operation.inputs[0])
            if (
                output is None
                or (not output.shape and width(program, output, operation) != 1)
                or "argmin" in operation.name
                or "arg_min" in operation.name
            ):
                continue
            if output.activation not in ("linear", "sigmoid", "softmax", "tanh", "relu") or not program.variables(
                output
            ):
                if _picks_labels(program, operation, output):
                    shown = ", ".join("batch" if is_batch(d) else str(d or "?") for d in output.shape or ())
                    text = f"this argmax is always 0: the labels have shape [{shown}], one number for each sample"
                    yield self.report(operation.place, message=text, subject=operation.id)
                continue
            found = self._judge(program, operation, output)
            if found is not None and not (1 in program.defaults and width(program, output) == 1):
                message, remedies = found
                weights = weights_before(program, output) or _layer(program, output)
                size = width(program, output)
                what = "one output" if size == 1 else f"{size} outputs"
                trace = [] if weights is None else [Step(weights.place, f"this layer has {what}")]
                yield self.report(
                    operation.place, message=message, trace=trace, remedies=remedies, subject=operation.id
                )

    def _judge(self, program: Program, operation: Operation, output: Tensor) -> tuple[str, list[Remedy]] | None:
        shape = output.shape
        axes = operation.attributes.get("axis")
        default = operation.attributes.get("default_axis") is True
        place = operation.arguments.get("axis") or operation.arguments.get("dimension")
        if not shape:
            # The rank is unknown, as with data from a file; the last axis is not.
            text = "this argmax is always 0: the output has one entry along its last axis"
            return (
                (text, _thresholded(program, operation, output)) if axes is not None and tuple(axes) == (-1,) else None
            )
        rank = len(shape)
        rows, last = shape[0], shape[-1]
        if axes is not None and len(axes) == 1 and 0 <= axes[0] < rank:
            axis = axes[0]
            if axis == rank - 1 and rank >= 2 and last == 1:
                shown = "[" + ", ".join("batch" if is_batch(d) else str(d or "?") for d in shape) + "]"
                text = self.message.format(shape=shown, axis=axis)
                return text, _thresholded(program, operation, output)
            if axis == 0 and rank == 2 and is_batch(rows) and isinstance(last, int) and last > 1:
                text = f"this argmax goes along the samples (axis 0), not along the {last} classes of each of them"
                return text, _along_classes(operation, place)
            return None
        many = isinstance(rows, int) and rows > 1 and isinstance(last, int) and last > 1
        if default and rank == 2 and many and _compared(program, operation):
            text = (
                f"without an axis this argmax gives one number for all {rows} samples, and it is compared with labels"
            )
            return text, _along_classes(operation, place)
        return None


def _picks_labels(program: Program, operation: Operation, labels: Tensor) -> bool:
    """Whether an argmax goes over the one entry of labels that are compared with an answer of the model."""
    shape, axes = labels.shape or (), operation.attributes.get("axis")
    if len(shape) < 2 or shape[-1] != 1 or axes is None or tuple(axes) != (len(shape) - 1,):
        return False
    if program.variables(labels):
        return False
    for user in program.consumers(operation.output):
        if user.kind != "compare":
            continue
        for other in user.inputs:
            answer = program.operation(other)
            if answer is not None and answer.kind == "argmax" and program.variables(answer.inputs[0]):
                size = program.tensor(answer.inputs[0])
                if size is not None and size.shape and isinstance(size.shape[-1], int) and size.shape[-1] > 1:
                    return True
    return False


def _layer(program: Program, output: Tensor) -> Operation | None:
    """The weights behind an activation."""
    source = program.source(output, PICKING)
    return weights_before(program, source.inputs[0]) if source is not None and source.kind == "activation" else None


def _compared(program: Program, operation: Operation) -> bool:
    """Whether a result is compared with a vector."""
    for user in program.consumers(operation.output):
        if user.kind == "compare":
            others = [v for v in user.inputs if isinstance(v, Tensor) and v.op is not operation.id]
            if any(other.shape is not None and len(other.shape) >= 1 for other in others):
                return True
    return False


def _along_classes(operation: Operation, axis: Argument | None) -> list[Remedy]:
    if operation.symbol is None or operation.name.startswith("tensor."):
        return []
    action = SetArgument(operation.place, "axis", ("1",), existing=None if axis is None else axis.place)
    return [Remedy("Look along the classes", "unsafe", (action,))]


def _thresholded(program: Program, operation: Operation, output: Tensor) -> list[Remedy]:
    """A threshold instead: 0.5 for probabilities, 0 for scores that a loss applies the sigmoid to."""
    if len(output.shape or ()) != 2 or operation.name.startswith("tensor."):
        return []
    if output.activation == "sigmoid":
        threshold = "0.5"
    elif output.activation == "linear" and any(
        loss.attributes.get("function") == "sigmoid-cross-entropy" and loss.attributes.get("expects") == "logits"
        for loss in program.of_kind("loss")
    ):
        threshold = "0"
    else:
        return []
    argument = argument_for(operation, operation.inputs[0])
    if argument is None or argument.place is None:
        return []
    source = Source(argument.place)
    if operation.output.library == "tf":
        near = operation.place
        cast, integer = ApiName("tensorflow.cast", near), ApiName("tensorflow.int64", near)
        action = ReplaceValue(near, (cast, "(", source, f"[:, 0] > {threshold}, ", integer, ")"))
    else:
        action = ReplaceValue(operation.place, ("(", source, f"[:, 0] > {threshold}).astype(int)"))
    return [Remedy(f"Compare with {threshold}", "unsafe", (action,))]
