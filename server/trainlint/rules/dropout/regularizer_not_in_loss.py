"""regularizer-not-in-loss: weights declare a penalty that the minimised loss never contains."""

from __future__ import annotations

from collections.abc import Iterator

from trainlint.finding import Step
from trainlint.fixes.actions import AddTerm, ApiName, Remedy, Spelled, Wrap
from trainlint.program.assumptions import assumptions
from trainlint.program.events import Minimize
from trainlint.program.operations import Operation
from trainlint.program.program import Program
from trainlint.program.values import ApiObject, Argument, Const, Id, Tensor, Unknown, Value
from trainlint.rules.base import Invalid, Report, Rule, Valid

SUMS = frozenset(
    {
        "add",
        "subtract",
        "multiply",
        "divide",
        "identity",
        "cast",
        "reshape",
        "squeeze",
        "reduce",
        "select",
        "stack",
        "concat",
    }
)
"""Between the parts of a loss and their sum."""


class RegularizerNotInLoss(Rule):
    """
    ## What it does
    Reports weights with a regularizer whose penalty is not part of the loss that is minimised.

    ## Why it is bad
    In TensorFlow 1 a regularizer only puts its penalty into a collection, and in a loop with `GradientTape` only into `model.losses`.
    Unless the program adds it to the loss, nothing is regularized, whatever the strength says.
    `model.fit` adds it by itself.

    ## Example
    ```python
    hidden = tf.layers.dense(x, 96, kernel_regularizer=penalty)
    loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
    train_op = tf.train.AdamOptimizer().minimize(loss)
    ```

    ## Use instead
    ```python
    hidden = tf.layers.dense(x, 96, kernel_regularizer=penalty)
    loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
    train_op = tf.train.AdamOptimizer().minimize(loss + tf.losses.get_regularization_loss())
    ```

    ## Fix safety
    Unsafe: the penalty starts to act, and its strength was never tried; it may have to be smaller.

    ## Probe
    It follows from the program: the loss that is reduced holds no penalty.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/compat/v1/losses/get_regularization_loss
    - https://keras.io/guides/writing_a_custom_training_loop_in_tensorflow/
    - hunglc007/tensorflow-yolov4-tflite#369
    """

    name, code, category, severity = "regularizer-not-in-loss", "TL404", "dropout", "error"
    rank = 45
    evidence = ("certificate",)
    message = "the penalty of this regularizer is never added to the loss that is minimised: it does nothing"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "penalty = tf.contrib.layers.l2_regularizer(0.01)\n"
            "logits = tf.layers.dense(x, 3, kernel_regularizer=penalty)\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)\n"
            "train = tf.train.AdamOptimizer().minimize(loss + tf.losses.get_regularization_loss())\n",
        ),
        Valid(
            "import tensorflow.compat.v1 as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "w = tf.get_variable('w', [8, 3], regularizer=tf.keras.regularizers.l2(0.01))\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=tf.matmul(x, w))\n"
            "loss += tf.add_n(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="added from the collection",
        ),
        Valid(
            "import tensorflow.compat.v1 as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "w = tf.get_variable('w', [8, 3], regularizer=tf.keras.regularizers.l2(0.0))\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=tf.matmul(x, w))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="a strength of zero",
        ),
        Valid(
            "from tensorflow import keras\n"
            "penalty = keras.regularizers.L2(0.01)\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3, kernel_regularizer=penalty)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n",
            why="fit adds it",
        ),
        Valid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(1, kernel_regularizer='l2')])\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "with tf.GradientTape() as tape:\n"
            "    loss = tf.reduce_mean((y - model(x)) ** 2) + sum(model.losses)\n"
            "optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))\n",
        ),
        Valid(
            "import tensorflow.compat.v1 as tf\n"
            "from project.losses import with_penalties\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "logits = tf.layers.dense(x, 3, kernel_regularizer=tf.keras.regularizers.l2(0.01))\n"
            "loss = with_penalties(tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="what the function adds cannot be known",
        ),
        Valid(
            "import tensorflow.compat.v1 as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "w = tf.get_variable('w', [8, 3], regularizer=tf.keras.regularizers.l2(0.01))\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=tf.matmul(x, w)) + 0.01 * tf.nn.l2_loss(w)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="the penalty is added by hand",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "from tensorflow.keras import layers\n"
            "class Network(tf.keras.Model):\n"
            "    def train_step(self, data):\n"
            "        x, y = data\n"
            "        with tf.GradientTape() as tape:\n"
            "            loss = self.compute_loss(y=y, y_pred=self(x, training=True))\n"
            "        gradients = tape.gradient(loss, self.trainable_variables)\n"
            "        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))\n"
            "        return {'loss': loss}\n"
            "inputs = tf.keras.Input((4,))\n"
            "model = Network(inputs, layers.Dense(1, kernel_regularizer='l2')(inputs))\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(np.random.normal(size=(10, 4)), np.random.normal(size=(10, 1)))\n",
            why="`compute_loss` adds the penalties",
        ),
    ]  # fmt: skip
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "penalty = tf.contrib.layers.l2_regularizer(0.01)\n"
            "logits = tf.layers.dense(x, 3, kernel_regularizer=penalty)\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="penalty",
            occurrence=1,
            severity="error",
            traces=("minimised here",),
            fixed=(
                "import tensorflow as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.int64, [None])\n"
                "penalty = tf.contrib.layers.l2_regularizer(0.01)\n"
                "logits = tf.layers.dense(x, 3, kernel_regularizer=penalty)\n"
                "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)\n"
                "train = tf.train.AdamOptimizer().minimize(loss + tf.losses.get_regularization_loss())\n"
            ),
        ),
        Invalid(
            "import tensorflow.compat.v1 as tf\n"
            "tf.disable_v2_behavior()\n"
            "class Config:\n"
            "    strength = 0.001\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "def affine(tensor, name, shape, regularizer):\n"
            "    with tf.variable_scope(name):\n"
            "        return tf.matmul(tensor, tf.get_variable('w', shape, regularizer=regularizer))\n"
            "hidden = x\n"
            "for i in range(2):\n"
            "    hidden = tf.nn.relu(affine(hidden, 'layer%d' % i, [8, 8], tf.keras.regularizers.l2(Config.strength)))\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=hidden)\n"
            "penalties = tf.losses.get_regularization_losses()\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="regularizer",
            occurrence=2,
            why="collected, but not added; through a function, a loop and a configuration",
            fixed=(
                "import tensorflow.compat.v1 as tf\n"
                "tf.disable_v2_behavior()\n"
                "class Config:\n"
                "    strength = 0.001\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.int64, [None])\n"
                "def affine(tensor, name, shape, regularizer):\n"
                "    with tf.variable_scope(name):\n"
                "        return tf.matmul(tensor, tf.get_variable('w', shape, regularizer=regularizer))\n"
                "hidden = x\n"
                "for i in range(2):\n"
                "    hidden = tf.nn.relu(affine(hidden, 'layer%d' % i, [8, 8], tf.keras.regularizers.l2(Config.strength)))\n"
                "loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=hidden)\n"
                "penalties = tf.losses.get_regularization_losses()\n"
                "train = tf.train.AdamOptimizer().minimize(loss + tf.losses.get_regularization_loss())\n"
            ),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "from tensorflow.keras import layers, regularizers\n"
            "model = tf.keras.Sequential([tf.keras.Input((8,))])\n"
            "model.add(layers.Dense(16, activation='relu', kernel_regularizer=regularizers.l2(0.01)))\n"
            "model.add(layers.Dense(1))\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "for x, y in batches:\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = tf.reduce_mean((y - model(x, training=True)) ** 2)\n"
            "    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))\n",
            at="regularizers.l2(0.01)",
            why="a loop with a tape",
            fixed=(
                "import tensorflow as tf\n"
                "from tensorflow.keras import layers, regularizers\n"
                "model = tf.keras.Sequential([tf.keras.Input((8,))])\n"
                "model.add(layers.Dense(16, activation='relu', kernel_regularizer=regularizers.l2(0.01)))\n"
                "model.add(layers.Dense(1))\n"
                "optimizer = tf.keras.optimizers.Adam()\n"
                "for x, y in batches:\n"
                "    with tf.GradientTape() as tape:\n"
                "        loss = tf.reduce_mean((y - model(x, training=True)) ** 2)\n"
                "        loss += sum(model.losses)\n"
                "    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))\n"
            ),
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow.compat.v1 as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 1])\n",
                "w = tf.get_variable('w', [8, 1], regularizer=tf.keras.regularizers.l1(0.1))\n"
                "loss = tf.losses.mean_squared_error(y, tf.matmul(x, w))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n",
            ),
            at="tf.keras.regularizers.l1(0.1)",
            fixed=(
                "import tensorflow.compat.v1 as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 1])\n"
                "\n"
                "w = tf.get_variable('w', [8, 1], regularizer=tf.keras.regularizers.l1(0.1))\n"
                "loss = tf.losses.mean_squared_error(y, tf.matmul(x, w))\n"
                "train = tf.train.AdamOptimizer().minimize(loss + tf.losses.get_regularization_loss())\n"
            ),
            cell=1,
        ),
        Invalid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "from tensorflow.keras import layers\n"
            "class Network(tf.keras.Model):\n"
            "    def __init__(self):\n"
            "        super().__init__()\n"
            "        self.out = layers.Dense(1, kernel_regularizer='l2')\n"
            "    def call(self, x):\n"
            "        return self.out(x)\n"
            "    def train_step(self, data):\n"
            "        x, y = data\n"
            "        with tf.GradientTape() as tape:\n"
            "            loss = tf.reduce_mean(tf.square(y - self(x, training=True)))\n"
            "        gradients = tape.gradient(loss, self.trainable_variables)\n"
            "        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))\n"
            "        return {'loss': loss}\n"
            "model = Network()\n"
            "model.compile('adam')\n"
            "model.fit(np.random.normal(size=(10, 4)), np.random.normal(size=(10, 1)))\n",
            at="'l2'",
            severity="error",
            fixed=(
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "from tensorflow.keras import layers\n"
                "class Network(tf.keras.Model):\n"
                "    def __init__(self):\n"
                "        super().__init__()\n"
                "        self.out = layers.Dense(1, kernel_regularizer='l2')\n"
                "    def call(self, x):\n"
                "        return self.out(x)\n"
                "    def train_step(self, data):\n"
                "        x, y = data\n"
                "        with tf.GradientTape() as tape:\n"
                "            loss = tf.reduce_mean(tf.square(y - self(x, training=True)))\n"
                "            loss += sum(self.losses)\n"
                "        gradients = tape.gradient(loss, self.trainable_variables)\n"
                "        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))\n"
                "        return {'loss': loss}\n"
                "model = Network()\n"
                "model.compile('adam')\n"
                "model.fit(np.random.normal(size=(10, 4)), np.random.normal(size=(10, 1)))\n"
            ),
            why="a step of one's own computes the loss",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        events = [event for event in program.minimized if isinstance(event.loss, Tensor) or event.how == "fit"]
        if len(events) < len(list(program.minimized)):
            return
        reported: set[object] = set()
        for event in events:
            if event.how == "fit" or contains_penalty(program, event):
                continue
            weights = [
                v for v in penalised(program, event) if not any(self._saved(program, other, v) for other in events)
            ]
            key = event.loss.op if isinstance(event.loss, Tensor) else None
            if not weights or key in reported:
                continue
            reported.add(key)
            yield self._report(program, event, weights)

    @staticmethod
    def _saved(program: Program, event: Minimize, variable: Operation) -> bool:
        """Whether another loss that trains a variable may hold its penalty."""
        if event.how == "fit":
            return True
        return variable.id in program.ancestors(event.loss) and contains_penalty(program, event)

    def _report(self, program: Program, event: Minimize, weights: list[Operation]) -> Report:
        first = weights[0]
        argument = regularizer_of(first)
        place = argument.place if argument is not None and argument.place is not None else first.place
        trace = [Step(event.place, "the loss is minimised here, without the penalty")]
        seen = {place}
        for other in weights[1:]:
            found = regularizer_of(other)
            where = found.place if found is not None and found.place is not None else other.place
            if where not in seen:
                seen.add(where)
                trace.append(Step(where, "the penalty of these weights is missing as well"))
        record = program.object(first.attributes.get("regularizer"))
        return self.report(
            place, trace=trace, assumed=assumptions(*record.arguments.values()) if record is not None else (),
            remedies=remedies(program, event, weights), subject=first.id,
        )  # fmt: skip


def penalised(program: Program, event: Minimize) -> list[Operation]:
    """The weights behind a loss that have a regularizer, in the order of the program."""
    keys = program.ancestors(event.loss)
    return [
        operation for operation in program.of_kind("variable")
        if operation.id in keys and acts(program, operation.attributes.get("regularizer"))
    ]  # fmt: skip


def acts(program: Program, regularizer: Value | None) -> bool:
    """Whether a regularizer is known, and not known to have a strength of zero."""
    if isinstance(regularizer, Const):
        return isinstance(regularizer.value, str) and regularizer.value.lower() in ("l1", "l2", "l1_l2", "l1l2")
    record = program.object(regularizer)
    if not isinstance(record, ApiObject) or record.kind != "regularizer":
        return False
    strengths = [
        a.value.value for name, a in record.arguments.items() if name != "scope" and isinstance(a.value, Const)
    ]
    numbers = [s for s in strengths if isinstance(s, (int, float))]
    return not numbers or any(numbers) or len(numbers) < len(record.arguments) - ("scope" in record.arguments)


def contains_penalty(program: Program, event: Minimize) -> bool:
    """Whether a loss holds a penalty on weights, or may hold one in a part that is not known."""
    if not isinstance(event.loss, Tensor):
        return True
    for key in program.ancestors(event.loss):
        operation = program.operation(key)
        if operation is None or operation.kind == "regularization":
            return True
        if operation.kind == "reduce" and operation.attributes.get("how") == "l2":
            return True
        if (
            operation.kind in ("square", "abs", "power", "multiply")
            and operation.inputs
            and _on_weights(program, operation)
        ):
            return True
    return _opaque_part(program, event.loss)


def _on_weights(program: Program, operation: Operation) -> bool:
    """Whether an operation squares weights, as a penalty written by hand does."""
    first = program.operation(operation.inputs[0])
    if first is None or first.kind != "variable":
        return False
    if operation.kind == "multiply":
        return len(operation.inputs) == 2 and program.operation(operation.inputs[1]) is first
    return True


def _opaque_part(program: Program, loss: Value) -> bool:
    """Whether a term of a sum is not understood."""
    seen: set[Id] = set()
    stack: list[Value] = [loss]
    while stack:
        value = stack.pop()
        if isinstance(value, Unknown):
            return True
        operation = program.operation(value)
        if operation is None or operation.id in seen:
            continue
        seen.add(operation.id)
        if operation.kind == "opaque":
            return True
        if operation.kind in SUMS:
            stack.extend(operation.inputs)
    return False


def regularizer_of(variable: Operation) -> Argument | None:
    """The argument that gives a variable its regularizer."""
    for name in (f"{variable.attributes.get('label')}_regularizer", "regularizer", "kernel_regularizer"):
        argument = variable.arguments.get(name)
        if argument is not None and argument.given:
            return argument
    return None


def remedies(program: Program, event: Minimize, weights: list[Operation]) -> list[Remedy]:
    """The sum of the collection, or that of the model whose weights a tape differentiates by."""
    train = program.operation(event.op)
    if train is not None and not all(weight.name.startswith("tf.") for weight in weights):
        return _of_model(program, event, train)
    argument = train.arguments.get("loss") if train is not None else None
    if argument is None or argument.place is None:
        return []
    room = "tensorflow" if program.generation.startswith("1") else "tensorflow.compat.v1"
    term = ApiName(f"{room}.losses.get_regularization_loss", argument.place)
    action = Wrap(argument.place, (), (" + ", term, "()"))
    return [Remedy("Add `tf.losses.get_regularization_loss()` to the loss", "unsafe", (action,))]


def _of_model(program: Program, event: Minimize, train: Operation) -> list[Remedy]:
    """`loss += sum(model.losses)` where a tape takes the gradient of one number by `model.trainable_variables`."""
    if not isinstance(event.loss, Tensor) or event.loss.shape not in (None, ()):
        return []
    for key in program.ancestors(train.id):
        gradient = program.operation(key)
        if gradient is None or gradient.kind != "gradient" or not gradient.attributes.get("tape"):
            continue
        loss, sources = gradient.arguments.get("target"), gradient.arguments.get("sources")
        if loss is None or loss.place is None or sources is None or sources.place is None:
            continue
        model, _, attribute = (sources.spelled or "").rpartition(".")
        if model and attribute in _WEIGHTS and gradient.attributes.get("loss") == event.loss:
            losses = Spelled(f"{model}.losses", sources.place)
            action = AddTerm(loss.place, ("sum(", losses, ")"))
            return [Remedy(f"Add `sum({model}.losses)` to the loss", "unsafe", (action,))]
    return []


_WEIGHTS = ("trainable_variables", "trainable_weights", "variables", "weights")
