"""silent-loss-broadcast: labels [N] against predictions [N, 1] make a matrix of all pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import ApiName, Remedy, ReplaceValue, Source
from trainlint.program import dims
from trainlint.program.dims import Dim, Shape
from trainlint.program.heads import argument_for, trained
from trainlint.program.training import training_feeds
from trainlint.program.values import Tensor, Value
from trainlint.program.weights import constant
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program

_PAIRING = ("subtract", "squared-difference", "compare", "multiply", "divide", "maximum", "minimum", "add")
_ELEMENTWISE = frozenset((
    *_PAIRING, "square", "abs", "sqrt", "log", "exp", "negative", "power", "cast", "select", "logical", "round", "clip",
    "activation", "elementwise", "identity", "sign", "floor", "ceil",
))  # fmt: skip
_ERRORS = ("squared-error", "absolute-error", "huber", "squared-log-error", "percentage-error", "log-cosh")
_BROADCASTING = (*_ERRORS, "sigmoid-cross-entropy")


class SilentLossBroadcast(Rule):
    """
    ## What it does
    Reports labels and predictions that hold the same samples in different ranks, such as `[N]` and `[N, 1]`, and meet in an elementwise operation of a loss or metric.
    Targets of one column against predictions of several columns in a squared or absolute error are reported too.

    ## Why it is bad
    Broadcasting pairs every label with every prediction, and the mean is taken over all N x N pairs.
    The best answer to that loss is the mean of all labels, for every sample: the network learns a constant.
    Nothing warns, and where a placeholder has no shape, TensorFlow cannot even see it when the graph is built.

    ## Example
    ```python
    y = tf.placeholder(tf.float32)  # fed [128]
    loss = tf.reduce_mean(tf.squared_difference(y, tf.layers.dense(hidden, 1)))
    ```

    ## Use instead
    ```python
    y = tf.placeholder(tf.float32, [None])
    loss = tf.reduce_mean(tf.squared_difference(tf.reshape(y, [-1, 1]), tf.layers.dense(hidden, 1)))
    ```

    ## Fix safety
    Safe for `[N]` against `[N, 1]`: the reshape changes no value and nothing where the shapes agree already, and no reading of the code asks for a loss over all pairs.
    There is no fix for one column against several: which of the two is wrong cannot be told.

    ## Probe
    Looks at the shape of the operand once, which decides; then trains with and without the reshape and compares how much the answers differ between samples.

    ## References
    - https://stackoverflow.com/questions/39090222
    - https://numpy.org/doc/stable/user/basics.broadcasting.html
    - Zhang et al., "An Empirical Study on TensorFlow Program Bugs", ISSTA 2018
    """

    name, code, category, severity = "silent-loss-broadcast", "TL701", "shape", "error"
    rank = 80
    evidence = ("certificate", "training")
    message = "labels {labels} against predictions {predictions} broadcast to {result} before the {reduction}"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "from tensorflow.keras import layers\n"
            "critic = tf.keras.Sequential([layers.Input((8,)), layers.Dense(16, activation='relu'), layers.Dense(1)])\n"
            "optimizer = tf.keras.optimizers.RMSprop(5e-5)\n"
            "def wasserstein_loss(y_true, y_pred):\n"
            "    return -tf.reduce_mean(y_true * y_pred)\n"
            "def train_critic(real, fake, batch_size=128):\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = (wasserstein_loss(tf.ones(batch_size), critic(real))\n"
            "                + wasserstein_loss(-tf.ones(batch_size), critic(fake)))\n"
            "    grads = tape.gradient(loss, critic.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(grads, critic.trainable_variables))\n"
            "for _ in range(100):\n"
            "    train_critic(tf.random.normal((128, 8)), tf.random.normal((128, 8)))\n",
            why="with one label for all nothing changes",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 3])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "loss = tf.reduce_mean(tf.squared_difference(y, tf.layers.dense(x, 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(train, {x: np.random.rand(128, 3), y: np.random.rand(128, 1)})\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(1)])\n"
            "model.compile('adam', loss='mse')\n"
            "import numpy as np\n"
            "model.fit(np.random.rand(100, 8), np.random.rand(100))\n",
            why="compile aligns the ranks of labels and predictions",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 3])\n"
            "y = tf.placeholder(tf.float32)\n"
            "loss = tf.reduce_mean(tf.squared_difference(y, tf.layers.dense(x, 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(train, {x: np.random.rand(128, 3), y: np.load('y.npy')})\n",
            why="what is fed is not known",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "x_data = np.random.rand(100, 8).astype('float32')\n"
            "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(4)])\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "for x, y in tf.data.Dataset.from_tensor_slices((x_data, x_data[:, 0])).batch(20):\n"
            "    with tf.GradientTape() as tape:\n"
            "        code = model(x)\n"
            "        pairs = tf.reduce_sum(tf.square(code[:, None, :] - code[None, :, :]), axis=-1)\n"
            "        near = tf.abs(y[:, None] - y[None, :])\n"
            "        loss = tf.reduce_mean(tf.square(pairs - near))\n"
            "    gradients = tape.gradient(loss, model.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n",
            why="all pairs are meant: both sides have explicit new axes",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "def error(y_true, y_pred):\n"
            "    return tf.reduce_mean(tf.square(y_true - y_pred))\n"
            "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(1)])\n"
            "model.compile('adam', loss=error, metrics=[error])\n"
            "model.fit(np.random.normal(size=(100, 8)), np.random.normal(size=100))\n",
            why="`fit` makes a column of labels of one number before it calls a function of the user",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "rows, answers = np.random.normal(size=(500, 6)), np.random.normal(size=500)\n"
            "x = tf.placeholder(tf.float32, [None, 6])\n"
            "y = tf.placeholder(tf.float32, [None])\n"
            "answer = tf.layers.dense(x, 1)\n"
            "loss = tf.reduce_sum(tf.square(answer - y))\n"
            "train = tf.train.GradientDescentOptimizer(0.01).minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    for row, answer_ in zip(rows, answers):\n"
            "        session.run(train, {x: row[np.newaxis, :], y: answer_[np.newaxis]})\n",
            why="of one sample at a time, nothing is broadcast",
        ),
    ]
    INVALID = [
        Invalid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "x_data = np.random.rand(1000, 3)\n"
            "y_data = x_data.sum(axis=1)\n"
            "x = tf.placeholder(tf.float32, [None, 3])\n"
            "y = tf.placeholder(tf.float32)\n"
            "loss = tf.reduce_mean(tf.squared_difference(y, tf.layers.dense(x, 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    for i in range(0, 872, 128):\n"
            "        session.run(train, {x: x_data[i:i + 128], y: y_data[i:i + 128]})\n",
            at="tf.squared_difference(y, tf.layers.dense(x, 1))",
            severity="error",
            message="labels [128] against predictions [128, 1] broadcast to [128, 128] before the mean",
            traces=("fed [128] here",),
            fixed="import numpy as np\n"
            "import tensorflow as tf\n"
            "x_data = np.random.rand(1000, 3)\n"
            "y_data = x_data.sum(axis=1)\n"
            "x = tf.placeholder(tf.float32, [None, 3])\n"
            "y = tf.placeholder(tf.float32)\n"
            "loss = tf.reduce_mean(tf.squared_difference(tf.reshape(y, [-1, 1]), tf.layers.dense(x, 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    for i in range(0, 872, 128):\n"
            "        session.run(train, {x: x_data[i:i + 128], y: y_data[i:i + 128]})\n",
        ),
        Invalid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "x_data = np.random.rand(1000, 8).astype('float32')\n"
            "y_data = x_data.sum(axis=1)\n"
            "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(1)])\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "for x, y in tf.data.Dataset.from_tensor_slices((x_data, y_data)).batch(50):\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = tf.reduce_mean(tf.square(y - model(x)))\n"
            "    gradients = tape.gradient(loss, model.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n",
            at="y - model(x)",
            severity="error",
            fixed="import numpy as np\n"
            "import tensorflow as tf\n"
            "x_data = np.random.rand(1000, 8).astype('float32')\n"
            "y_data = x_data.sum(axis=1)\n"
            "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(1)])\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "for x, y in tf.data.Dataset.from_tensor_slices((x_data, y_data)).batch(50):\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = tf.reduce_mean(tf.square(tf.reshape(y, [-1, 1]) - model(x)))\n"
            "    gradients = tape.gradient(loss, model.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n",
        ),
        Invalid(
            "import numpy as np\n"
            "import tensorflow.compat.v1 as tf\n"
            "class Config:\n"
            "    batch = 64\n"
            "def make(n):\n"
            "    xs, ys = [], []\n"
            "    for _ in range(n):\n"
            "        point = [np.random.uniform(-1, 1) for _ in range(2)]\n"
            "        xs.append(point)\n"
            "        ys.append(point[0] * point[1])\n"
            "    return np.array(xs), np.array(ys)\n"
            "x = tf.placeholder(tf.float32, [None, 2])\n"
            "y = tf.placeholder(tf.float32)\n"
            "loss = tf.losses.mean_squared_error(labels=y, predictions=tf.layers.dense(x, 1))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "xs, ys = make(500)\n"
            "with tf.Session() as session:\n"
            "    rows = np.random.choice(500, Config.batch)\n"
            "    session.run(train, feed_dict={x: xs[rows], y: ys[rows]})\n",
            at="tf.losses.mean_squared_error(labels=y, predictions=tf.layers.dense(x, 1))",
            severity="error",
            fixed="import numpy as np\n"
            "import tensorflow.compat.v1 as tf\n"
            "class Config:\n"
            "    batch = 64\n"
            "def make(n):\n"
            "    xs, ys = [], []\n"
            "    for _ in range(n):\n"
            "        point = [np.random.uniform(-1, 1) for _ in range(2)]\n"
            "        xs.append(point)\n"
            "        ys.append(point[0] * point[1])\n"
            "    return np.array(xs), np.array(ys)\n"
            "x = tf.placeholder(tf.float32, [None, 2])\n"
            "y = tf.placeholder(tf.float32)\n"
            "loss = tf.losses.mean_squared_error(labels=tf.reshape(y, [-1, 1]), predictions=tf.layers.dense(x, 1))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "xs, ys = make(500)\n"
            "with tf.Session() as session:\n"
            "    rows = np.random.choice(500, Config.batch)\n"
            "    session.run(train, feed_dict={x: xs[rows], y: ys[rows]})\n",
            why="the static check of tf.losses is skipped when a shape is unknown",
        ),
        Invalid(
            "",
            cells=(
                "import numpy as np\n"
                "import tensorflow.compat.v1 as tf\n"
                "def squared(answer, truth):\n"
                "    return tf.reduce_mean((answer - truth) ** 2)\n",
                "x = tf.placeholder(tf.float32, [None, 4])\n"
                "y = tf.placeholder(tf.float32, [None])\n"
                "loss = squared(tf.layers.dense(x, 1), y)\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n",
                "with tf.Session() as session:\n"
                "    session.run(train, {x: np.random.rand(50, 4), y: np.random.rand(50)})\n",
            ),
            at="answer - truth",
            cell=0,
            severity="error",
            fixed="import numpy as np\n"
            "import tensorflow.compat.v1 as tf\n"
            "def squared(answer, truth):\n"
            "    return tf.reduce_mean((answer - tf.reshape(truth, [-1, 1])) ** 2)\n\n"
            "x = tf.placeholder(tf.float32, [None, 4])\n"
            "y = tf.placeholder(tf.float32, [None])\n"
            "loss = squared(tf.layers.dense(x, 1), y)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n\n"
            "with tf.Session() as session:\n"
            "    session.run(train, {x: np.random.rand(50, 4), y: np.random.rand(50)})\n",
        ),
        Invalid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3)])\n"
            "model.compile('adam', loss='mse')\n"
            "model.fit(np.random.rand(100, 8), np.random.rand(100, 1))\n",
            at="'mse'",
            severity="error",
            message="broadcast to [100, 3]",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "import trainer\n"
            "x = tf.placeholder(tf.float32, [None, 9])\n"
            "y = tf.placeholder(tf.float32, [None])\n"
            "answer = tf.layers.dense(tf.layers.dense(x, 64, activation=tf.nn.relu), 1)\n"
            "error = tf.reduce_mean(tf.abs(y - answer))\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(answer - y)))\n"
            "trainer.run(train, x, y, error)\n",
            at="y - answer",
            severity="warning",
            count=2,
            fixed="import tensorflow as tf\n"
            "import trainer\n"
            "x = tf.placeholder(tf.float32, [None, 9])\n"
            "y = tf.placeholder(tf.float32, [None])\n"
            "answer = tf.layers.dense(tf.layers.dense(x, 64, activation=tf.nn.relu), 1)\n"
            "error = tf.reduce_mean(tf.abs(tf.reshape(y, [-1, 1]) - answer))\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(answer - tf.reshape(y, [-1, 1]))))\n"
            "trainer.run(train, x, y, error)\n",
            why="The number that is shown is as wrong as the loss.",
        ),
        Invalid(
            "import tensorflow.compat.v1 as tf\n"
            "import trainer\n"
            "class Network:\n"
            "    def __init__(self):\n"
            "        self.features = tf.placeholder(tf.float32, [None, 9])\n"
            "        self.labels = tf.placeholder(tf.float32, [None])\n"
            "        self.outputs = tf.layers.dense(tf.layers.dense(self.features, 64, activation=tf.nn.relu), 1)\n"
            "        self.loss = tf.reduce_mean(tf.square(self.outputs - self.labels))\n"
            "        self.train = tf.train.AdamOptimizer().minimize(self.loss)\n"
            "trainer.run(Network())\n",
            at="self.outputs - self.labels",
            severity="warning",
            traces=("the labels have the shape [batch] here",),
            fixed="import tensorflow.compat.v1 as tf\n"
            "import trainer\n"
            "class Network:\n"
            "    def __init__(self):\n"
            "        self.features = tf.placeholder(tf.float32, [None, 9])\n"
            "        self.labels = tf.placeholder(tf.float32, [None])\n"
            "        self.outputs = tf.layers.dense(tf.layers.dense(self.features, 64, activation=tf.nn.relu), 1)\n"
            "        self.loss = tf.reduce_mean(tf.square(self.outputs - tf.reshape(self.labels, [-1, 1])))\n"
            "        self.train = tf.train.AdamOptimizer().minimize(self.loss)\n"
            "trainer.run(Network())\n",
            why="what feeds the two is not seen",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        yield from program.recall_each(self._of, *_PAIRING, "loss")

    def _of(self, program: Program, operation: Operation) -> Iterator[Report]:
        if operation.kind == "loss":
            yield from self._loss(program, operation)
            return
        if len(operation.inputs) != 2:
            return
        left, right = operation.inputs
        if not isinstance(left, Tensor) or not isinstance(right, Tensor):
            return
        is_proved = _aligned_ranks(left, right)
        if not is_proved and not _may_align(left, right):
            return
        pair = _roles(program, left, right)
        if pair is None or not (is_proved or _is_as_in_loss(program, operation, pair)):
            return
        reduction = _reduced(program, operation)
        if reduction is None or _meant(program, operation.inputs):
            return
        fed = _fed(program, pair[0])
        if fed is not None and fed[1] == 1:
            return  # of one sample at a time, nothing is broadcast
        if constant(pair[0]) is not None:
            return  # with one label for all, the mean of all pairs is the mean
        yield self._report(program, operation, pair, reduction, reshape=True, is_proved=is_proved)

    def _loss(self, program: Program, operation: Operation) -> Iterator[Report]:
        labels, predictions = operation.attributes.get("labels"), operation.attributes.get("predictions")
        function, form = operation.attributes.get("function"), operation.attributes.get("form")
        pair = _roles(program, labels, predictions)
        if pair is None or pair[0] is not labels:
            return
        if _aligned_ranks(*pair) and not operation.attributes.get("compiled") and not _meant(program, operation.inputs):
            late = (
                form == "v1"
                and function in _BROADCASTING
                and (_shapeless(program, labels) or _shapeless(program, predictions))
            )
            legacy = form == "function" and function in _BROADCASTING and program.generation in ("2.0", "2.11")
            raw = (
                form == "raw"
                and function == "sigmoid-cross-entropy"
                and (_shapeless(program, labels) or _shapeless(program, predictions))
            )
            if late or legacy or raw:
                yield self._report(program, operation, pair, "mean", reshape=True)
        elif function in _ERRORS and _one_column(*pair):
            yield self._report(program, operation, pair, "mean", reshape=False)

    def _report(
        self,
        program: Program,
        operation: Operation,
        pair: tuple[Tensor, Tensor],
        reduction: str,
        reshape: bool,
        is_proved: bool = True,
    ) -> Report:
        labels, predictions = pair
        fed = _fed(program, labels)
        rows = fed[1] if fed is not None else None
        shapes = [_with_rows(t.shape, rows) for t in pair]
        steps = [Step(fed[0], f"fed {dims.show(shapes[0])} here")] if fed is not None else []
        given = program.source(labels) if fed is None else None
        if given is not None and given.place != operation.place:
            steps.append(Step(given.place, f"the labels have the shape {dims.show(shapes[0])} here"))
        made = program.operation(predictions)
        if made is not None and made.place != operation.place:
            steps.append(Step(made.place, f"the predictions have the shape {dims.show(shapes[1])} here"))
        argument = operation.attributes.get("argument")
        place = argument if operation.attributes.get("form") == "string" and argument is not None else operation.place
        return self.report(
            place,
            severity=None if is_proved else "warning",
            labels=dims.show(shapes[0]),
            predictions=dims.show(shapes[1]),
            result=dims.show(_result(shapes[0], shapes[1])),
            reduction=reduction,
            trace=steps,
            assumed=tuple(dict.fromkeys((*labels.assumed, *predictions.assumed))),
            remedies=_remedies(operation, labels, predictions) if reshape else (),
            subject=operation.id,
        )


def _roles(program: Program, left: Value | None, right: Value | None) -> tuple[Tensor, Tensor] | None:
    """Labels and predictions: the predictions depend on weights and the labels don't."""
    if not isinstance(left, Tensor) or not isinstance(right, Tensor) or left.shape is None or right.shape is None:
        return None
    trained = bool(program.variables(left)), bool(program.variables(right))
    if trained == (False, True):
        return left, right
    return (right, left) if trained == (True, False) else None


def _aligned_ranks(labels: Tensor, predictions: Tensor) -> bool:
    """Whether the two hold the same samples, one as [N], the other as [N, 1]."""
    if labels.shape is None or predictions.shape is None:
        return False
    shapes = sorted((labels.shape, predictions.shape), key=len)
    if [1, 2] != [len(shape) for shape in shapes] or shapes[1][1] != 1:
        return False
    return _rows_agree(shapes[0][0], shapes[1][0])


def _may_align(left: Tensor, right: Tensor) -> bool:
    """Whether [batch] meets [batch, 1], of two placeholders that may be fed different numbers of rows."""
    if left.shape is None or right.shape is None:
        return False
    short, long = sorted((left.shape, right.shape), key=len)
    return len(short) == 1 and len(long) == 2 and long[1] == 1 and dims.is_batch(short[0]) and dims.is_batch(long[0])


def _is_as_in_loss(program: Program, operation: Operation, pair: tuple[Tensor, Tensor]) -> bool:
    """Whether a trained loss compares the same two, fed by code that is not seen: this one, or one beside it."""
    if _fed_elsewhere(program, operation, pair):
        return True
    keys = {tensor.op for tensor in pair}
    beside = [user for user in program.consumers(pair[0]) if user.kind in _PAIRING and keys.issuperset(user.sources)]
    return any(len(user.sources) == 2 and _fed_elsewhere(program, user, pair) for user in beside)


def _fed_elsewhere(program: Program, operation: Operation, pair: tuple[Tensor, Tensor]) -> bool:
    """Whether a trained loss compares a placeholder with an answer, and only code that is not seen feeds either."""
    if operation.id not in trained(program):
        return False
    source = program.source(pair[0])
    if source is None or source.kind != "placeholder" or source.id in program.ancestors(pair[1]):
        return False
    inputs = [o for key in program.ancestors(pair[1]) if (o := program.operation(key)) and o.kind == "placeholder"]
    keys = {source.id, *(o.id for o in inputs)}
    return bool(inputs) and not any(feed.key in keys for event in program.runs for feed in event.feeds)


def _rows_agree(a: Dim, b: Dim) -> bool:
    if a is None or b is None or a == 1 or b == 1:
        return False
    return a == b


def _one_column(labels: Tensor, predictions: Tensor) -> bool:
    """Whether targets [N, 1] meet predictions [N, K]."""
    a, b = labels.shape or (), predictions.shape or ()
    if len(a) != 2 or len(b) != 2 or a[1] != 1 or not isinstance(b[1], int) or b[1] < 2:
        return False
    return _rows_agree(a[0], b[0]) or (dims.is_batch(b[0]) and a[0] is not None)


def _reduced(program: Program, operation: Operation) -> str | None:
    """How an operation's result becomes one number: the reduction over all its axes, reached elementwise."""
    current = [operation]
    for _ in range(12):
        following = []
        for item in current:
            for user in program.consumers(item.id):
                if user.kind == "reduce" and user.output.shape == ():
                    return str(user.attributes.get("how") or "mean")
                if user.kind == "reduce" and user.attributes.get("axis") not in (None, ()):
                    following.append(user)
                if user.kind in _ELEMENTWISE:
                    following.append(user)
        current = following
    return None


def _meant(program: Program, values: tuple[Value, ...]) -> bool:
    """Whether the author wrote a new axis on one of the operands: then all pairs are what is asked for."""
    for value in values:
        operation = program.operation(value)
        while operation is not None and operation.kind in ("cast", "identity") and operation.inputs:
            operation = program.operation(operation.inputs[0])
        if operation is not None and operation.kind == "expand":
            return True
        if operation is not None and operation.kind == "slice" and operation.output.rank is not None:
            source = program.tensor(operation.inputs[0])
            if source is not None and source.rank is not None and operation.output.rank > source.rank:
                return True
    return False


def _shapeless(program: Program, value: Value | None) -> bool:
    """Whether TensorFlow does not know a tensor's rank when the graph is built."""
    operation = program.operation(value)
    for _ in range(12):
        if operation is None:
            return False
        if operation.kind == "placeholder":
            return operation.attributes.get("declared") is None
        if operation.kind not in _ELEMENTWISE:
            return False
        below = [o for o in program.producers(operation) if o.kind not in ("variable", "constant")]
        operation = below[0] if below else None
    return False


def _fed(program: Program, labels: Tensor) -> tuple[object, int | None] | None:
    """Where the labels are fed in training, and with how many rows."""
    reached = program.ancestors(labels)
    for _, feed in training_feeds(program):
        if feed.key in reached:
            shape = feed.value.shape if isinstance(feed.value, Tensor) else None
            return feed.place, shape[0] if shape and isinstance(shape[0], int) else None
    return None


def _with_rows(shape: Shape, rows: int | None) -> Shape:
    """A shape as it is fed: the batch dimension as a number where that is known."""
    if shape is None or rows is None:
        return shape
    return tuple(rows if dims.is_batch(dim) else dim for dim in shape)


def _result(a: Shape, b: Shape) -> Shape:
    assert a is not None and b is not None
    short, long = sorted((a, b), key=len)
    if len(short) == len(long):
        return tuple(y if x == 1 else x for x, y in zip(short, long))
    return (long[0], short[0])


def _remedies(operation: Operation, labels: Tensor, predictions: Tensor) -> list[Remedy]:
    """The operand of rank 1 as a column, where it is written."""
    flat = labels if len(labels.shape or ()) == 1 else predictions
    argument = argument_for(operation, flat)
    if argument is None or argument.place is None:
        return []
    name = ApiName("tensorflow.reshape", argument.place)
    action = ReplaceValue(argument.place, (name, "(", Source(argument.place), ", [-1, 1])"))
    what = "labels" if flat is labels else "predictions"
    return [Remedy(f"Make the {what} a column with `tf.reshape(..., [-1, 1])`", "safe", (action,))]
