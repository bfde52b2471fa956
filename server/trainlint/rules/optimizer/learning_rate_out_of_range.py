"""learning-rate-out-of-range: a constant rate that no ordinary network can be trained with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import Remedy, SetArgument
from trainlint.program import dims
from trainlint.program.curvature import hidden_layers, steepness
from trainlint.program.heads import PLAIN, learning_rate, optimizer_name
from trainlint.program.training import is_scheduled
from trainlint.program.values import Const, Ref, Tensor
from trainlint.program.weights import constant, kernel_of
from trainlint.record import Record
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.events import Minimize
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import ApiObject, Argument
    from trainlint.source.code import Place


class Range(Record):
    """From where on a rate is an error or suspicious; below `low` nothing moves. `usual` is the default or published one."""

    error: float
    high: float
    low: float | None
    usual: str


_ADAPTIVE = Range(0.5, 0.03, 1e-6, "0.001")
RANGES = {
    "Adam": _ADAPTIVE, "AdamW": _ADAPTIVE, "Nadam": _ADAPTIVE, "Adamax": _ADAPTIVE, "RMSprop": _ADAPTIVE,
    "RMSProp": _ADAPTIVE, "Lion": Range(0.15, 0.01, 3e-7, "0.0001"),
    "SGD": Range(10.0, 1.0, None, "0.01"), "GradientDescent": Range(10.0, 1.0, None, "0.01"),
    "Momentum": Range(10.0, 1.0, None, "0.01"),
    "Adagrad": Range(10.0, 1.0, 1e-5, "0.01"), "Adadelta": Range(100.0, 10.0, None, "1.0"),
}  # fmt: skip
"""Measured on an ordinary network: Adam 1.0 and SGD 10 are harmful from step 25 on, Adam .1 at step 500.

After 25 steps the largest update is .05 to .3 of the weight where training works, 4.1 with Adam .1 and 43 with 1.0.
Plain gradient descent has no lower end: a loss that is summed over a large batch wants a small rate.
"""

LARGEST_SHARE = 0.3
"""Where training works, the largest update after 25 steps is .05 to .3 of the weight."""

FEW_WEIGHTS = 256
"""A layer of fewer weights bears a large rate: toys such as XOR are trained with Adam(0.1) everywhere."""


class LearningRateOutOfRange(Rule):
    """
    ## What it does
    Reports a constant learning rate that is far outside of what the optimizer can use on a network with hidden layers.
    For linear regression with gradient descent the limit is computed from the data that are fed.
    A rate of 0 and a negative rate are reported as well.

    ## Why it is bad
    Steps that are far too large throw the weights about instead of improving them; far too small ones look like a network that does not learn.

    Adam and its relatives move every weight by about the rate in every step, whatever the gradient: 0.5 throws away the initial weights in one step.
    Plain gradient descent diverges as soon as the rate times the curvature of the loss is above 2.

    ## Example
    ```python
    model.compile(keras.optimizers.Adam(learning_rate=1.0), "mse")
    ```

    ## Use instead
    ```python
    model.compile(keras.optimizers.Adam(learning_rate=0.001), "mse")
    ```

    ## Fix safety
    Unsafe: training changes, which is the point.

    ## Probe
    A rate of 0: looks whether any weight moves, which decides.
    Otherwise trains with the rate as written and as repaired.

    ## References
    - Schoop et al., "UMLAUT: Debugging Deep Learning Programs using Program Structure and Model Behavior", 2021
    - Ben Braiek and Khomh, "TheDeepChecker", arXiv:2204.00694
    - LeCun et al., "Efficient BackProp", 1998: the limit is 2 divided by the largest eigenvalue of the Hessian
    """

    name, code, category, severity = "learning-rate-out-of-range", "TL502", "optimizer", "warning"
    rank = 64
    evidence = ("certificate", "training")
    message = "{optimizer} runs with a learning rate of {rate:g}; {why}"

    VALID = [
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(100, activation='selu')])\n"
            "model.add(keras.layers.Dense(30, activation='selu'))\n"
            "model.add(keras.layers.Dense(100, activation='selu'))\n"
            "model.add(keras.layers.Dense(784, activation='sigmoid'))\n"
            "model.compile(keras.optimizers.SGD(1.5), 'binary_crossentropy')\n",
            why="the loss is a mean over 784 outputs, and the gradient of each is so much less",
        ),
        Valid(
            "import tensorflow as tf\n"
            "state = tf.placeholder(tf.float32, [None, 3])\n"
            "action = tf.layers.dense(tf.layers.dense(state, 30, tf.nn.relu), 1, tf.nn.tanh)\n"
            "actor = tf.trainable_variables()\n"
            "value = tf.layers.dense(tf.concat([state, action], 1), 1)\n"
            "climb = tf.gradients(action, actor, grad_ys=tf.gradients(value, action)[0])\n"
            "train = tf.train.AdamOptimizer(-0.001).apply_gradients(zip(climb, actor))\n",
            why="an actor climbs what the critic says",
        ),
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(64, 'relu'), keras.layers.Dense(1)])\n"
            "model.compile(keras.optimizers.Adam(learning_rate=0.001), 'mse')\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "loss = tf.losses.softmax_cross_entropy(y, tf.layers.dense(x, 10))\n"
            "train = tf.train.GradientDescentOptimizer(0.5).minimize(loss)\n",
            why="the rate of the softmax regression in TensorFlow's own tutorial",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((1,)), tf.keras.layers.Dense(1)])\n"
            "model.compile(optimizer=tf.keras.optimizers.Adam(learning_rate=0.1), loss='mse')\n"
            "model.fit(np.linspace(-1, 1, 100).reshape(-1, 1), np.linspace(-3, 3, 100), epochs=10)\n",
            why="a linear model has no hidden layers that a large step could destroy",
        ),
        Valid(
            "import tensorflow as tf\n"
            "image = tf.Variable(tf.random_normal([1, 64, 64, 3]))\n"
            "features = tf.nn.conv2d(image, tf.constant(kernel), [1, 1, 1, 1], 'SAME')\n"
            "train = tf.train.AdamOptimizer(10.0).minimize(tf.nn.l2_loss(features))\n",
            why="an image is optimized, not a network",
        ),
        Valid(
            "import argparse\n"
            "from tensorflow import keras\n"
            "parser = argparse.ArgumentParser()\n"
            "parser.add_argument('--rate', type=float)\n"
            "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(64, 'relu'), keras.layers.Dense(1)])\n"
            "model.compile(keras.optimizers.Adam(parser.parse_args().rate), 'mse')\n",
            why="the rate is not known",
        ),
        Valid(
            "import math\n"
            "from tensorflow import keras\n"
            "def step_decay(epoch):\n"
            "    return 0.1 * math.pow(0.5, math.floor((1 + epoch) / 10.0))\n"
            "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(64, 'relu'), keras.layers.Dense(1)])\n"
            "model.compile(keras.optimizers.SGD(learning_rate=0.0, momentum=0.9), 'mse')\n"
            "model.fit(x, y, callbacks=[keras.callbacks.LearningRateScheduler(step_decay)])\n",
            why="a callback sets the rate",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 64])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "h = tf.nn.relu(tf.matmul(x, tf.Variable(tf.random_normal([64, 32]))))\n"
            "loss = tf.losses.softmax_cross_entropy(y, tf.matmul(h, tf.Variable(tf.random_normal([32, 10]))))\n"
            "train = tf.train.AdamOptimizer(0.1).minimize(loss)\n",
            why="weights that start with a spread of 1 bear steps of 0.1",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "from sklearn import datasets\n"
            "iris = datasets.load_iris()\n"
            "x_vals = np.array([row[3] for row in iris.data])\n"
            "y_vals = np.array([row[0] for row in iris.data])\n"
            "x = tf.placeholder(tf.float32, [None, 1])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "A = tf.Variable(tf.zeros([1, 1]))\n"
            "b = tf.Variable(tf.zeros([1, 1]))\n"
            "loss = tf.reduce_mean(tf.square(y - (tf.matmul(x, A) + b)))\n"
            "step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n"
            "with tf.Session() as sess:\n"
            "    sess.run(tf.global_variables_initializer())\n"
            "    for i in range(50):\n"
            "        k = np.random.choice(len(x_vals), size=25)\n"
            "        sess.run(step, {x: np.transpose([x_vals[k]]), y: np.transpose([y_vals[k]])})\n",
            why="one column of a table is not as large as all",
        ),
        Valid(
            "",
            cells=(
                "from tensorflow import keras\n"
                "xor = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4, 'tanh'), keras.layers.Dense(1, 'sigmoid')])\n",
                "xor.compile(keras.optimizers.Adam(0.1), 'binary_crossentropy')\n",
            ),
            why="a handful of weights",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 1])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "w = tf.Variable(tf.zeros([1, 1]))\n"
            "loss = tf.reduce_mean(tf.square(tf.matmul(x, w) - y))\n"
            "train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n"
            "data = np.random.uniform(-1, 1, (100, 1))\n"
            "with tf.Session() as session:\n"
            "    session.run(train, {x: data, y: 3 * data})\n",
            why="0.1 times the curvature of 0.67 is far below 2",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "n = 50\n"
            "data = np.array([np.arange(n) / n, np.ones(n)]).astype(np.float32)\n"
            "x = tf.placeholder(tf.float32, [2, n])\n"
            "y = tf.placeholder(tf.float32, [1, n])\n"
            "w = tf.Variable(tf.ones([1, 2]))\n"
            "loss = tf.reduce_sum(tf.pow(y - tf.matmul(w, x), 2)) / (2 * n)\n"
            "train = tf.train.GradientDescentOptimizer(0.5).minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    session.run(train, {x: data, y: 3 * data[:1]})\n",
            why="scaled inputs, with a sample in each column",
        ),
    ]
    INVALID = [
        Invalid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(64, 'relu'), keras.layers.Dense(1)])\n"
            "model.compile(keras.optimizers.Adam(learning_rate=1.0), 'mse')\n",
            at="1.0",
            severity="error",
            message="a learning rate of 1",
            fixed="from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(64, 'relu'), keras.layers.Dense(1)])\n"
            "model.compile(keras.optimizers.Adam(learning_rate=0.001), 'mse')\n",
        ),
        Invalid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 1])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "w = tf.Variable(tf.zeros([1, 1]))\n"
            "loss = tf.reduce_mean(tf.square(tf.matmul(x, w) - y))\n"
            "train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n"
            "data = np.random.uniform(-8, 8, (100, 1))\n"
            "with tf.Session() as session:\n"
            "    session.run(train, {x: data, y: 3 * data})\n",
            at="0.1",
            severity="error",
            message="limit",
            traces=("the inputs are fed values of rms 4.6 here",),
        ),
        Invalid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "n = 50\n"
            "data = np.array([np.arange(n), np.ones(n)]).astype(np.float32)\n"
            "x = tf.placeholder(tf.float32, [2, n])\n"
            "y = tf.placeholder(tf.float32, [1, n])\n"
            "w = tf.Variable(tf.ones([1, 2]))\n"
            "loss = tf.reduce_sum(tf.pow(y - tf.matmul(w, x), 2)) / (2 * n)\n"
            "train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    session.run(train, {x: data, y: 3 * data[:1]})\n",
            at="0.1",
            severity="error",
            message="diverges above the limit",
            traces=("2 features",),
            why="each column is a sample",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "class Config:\n"
            "    rate = 0.1\n"
            "    units = [256, 256, 10]\n"
            "def optimizer(config):\n"
            "    return tf.train.AdamOptimizer(config.rate)\n"
            "h = tf.placeholder(tf.float32, [None, 784])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "for units in Config.units:\n"
            "    h = tf.layers.dense(h, units, tf.nn.relu if units > 10 else None)\n"
            "loss = tf.losses.softmax_cross_entropy(y, h)\n"
            "train = optimizer(Config).minimize(loss)\n",
            at="config.rate",
            severity="warning",
            message="a learning rate of 0.1",
            fixed="import tensorflow as tf\n"
            "class Config:\n"
            "    rate = 0.1\n"
            "    units = [256, 256, 10]\n"
            "def optimizer(config):\n"
            "    return tf.train.AdamOptimizer(0.001)\n"
            "h = tf.placeholder(tf.float32, [None, 784])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "for units in Config.units:\n"
            "    h = tf.layers.dense(h, units, tf.nn.relu if units > 10 else None)\n"
            "loss = tf.losses.softmax_cross_entropy(y, h)\n"
            "train = optimizer(Config).minimize(loss)\n",
        ),
        Invalid(
            "import keras\n"
            "from keras.optimizers import RMSprop\n"
            "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(64, 'relu'), keras.layers.Dense(1)])\n"
            "model.compile(optimizer=RMSprop(1e-8), loss='mse')\n",
            at="1e-8",
            severity="warning",
            message="hardly move",
            fixed="import keras\n"
            "from keras.optimizers import RMSprop\n"
            "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(64, 'relu'), keras.layers.Dense(1)])\n"
            "model.compile(optimizer=RMSprop(0.001), loss='mse')\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = tf.train.GradientDescentOptimizer(-0.01).minimize(loss)\n",
            at="-0.01",
            severity="error",
            message="uphill",
        ),
        Invalid(
            "from tensorflow import keras\n"
            "schedule = keras.optimizers.schedules.ExponentialDecay(2.0, 1000, 0.9)\n"
            "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(64, 'relu'), keras.layers.Dense(1)])\n"
            "model.compile(keras.optimizers.Adam(schedule), 'mse')\n",
            at="schedule",
            occurrence=2,
            severity="error",
            message="starts with",
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "model = tf.keras.Sequential([tf.keras.Input((20,)), tf.keras.layers.Dense(64, 'relu'), tf.keras.layers.Dense(1)])\n",
                "optimizers = {'sgd': lambda rate: tf.keras.optimizers.SGD(rate)}\n"
                "model.compile(optimizers['sgd'](20), 'mse')\n",
            ),
            at="rate",
            occurrence=1,
            cell=1,
            severity="error",
            fixed="import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((20,)), tf.keras.layers.Dense(64, 'relu'), tf.keras.layers.Dense(1)])\n\n"
            "optimizers = {'sgd': lambda rate: tf.keras.optimizers.SGD(0.01)}\n"
            "model.compile(optimizers['sgd'](20), 'mse')\n",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        for event in program.minimized:
            report = program.recall(self._of_step, event)
            if report is not None:
                yield report

    def _of_step(self, program: Program, event: Minimize) -> Report | None:
        optimizer = program.object(event.optimizer)
        if optimizer is None or optimizer.kind != "optimizer":
            return None
        argument = learning_rate(optimizer)
        report = None if argument is None or not argument.given else self._of(program, event, optimizer, argument)
        if report is None or report.subject is not None or not isinstance(event.optimizer, Ref):
            return report
        return report.replace(subject=event.optimizer.id)

    def _of(self, program: Program, event: Minimize, optimizer: ApiObject, argument: Argument) -> Report | None:
        rate, initial = constant(argument.value), False
        if rate is None:
            schedule = program.object(argument.value)
            start = schedule.arguments.get("initial_learning_rate") if schedule is not None else None
            rate, initial = (None, True) if start is None else (constant(start.value), True)
        name = optimizer_name(optimizer)
        known = RANGES.get(name)
        if rate is None or known is None or is_scheduled(program):
            return None
        if rate <= 0:
            # A fed rate of 0 switches training off for a pass of validation.
            if not isinstance(argument.value, Const):
                return None
            # Who takes gradients of what is no loss climbs on purpose, as the actor of DDPG does.
            if initial or (rate < 0 and event.how == "gradients"):
                return None
            return self._not_positive(program, optimizer, argument, name, rate, known)
        diverging = self._diverging(program, event, optimizer, argument, name, rate)
        if diverging is not None:
            return diverging
        layers = list(hidden_layers(program, event.loss))
        if rate >= known.error:
            if len(layers) < 2 and not (event.how == "fit" and not isinstance(event.loss, Tensor)):
                return None
            why = "such steps throw the weights out of every useful range"
            return self._report(optimizer, argument, name, rate, why, "error", known, initial)
        if len(layers) < 2:
            return None
        if rate / _averaged(program, event) > known.high and any(
            _size(layer) >= FEW_WEIGHTS and _is_shaken(program, layer, rate) for layer in layers
        ):
            why = f"above {known.high:g} the steps are larger than the weights of an ordinary network bear"
            return self._report(optimizer, argument, name, rate, why, "warning", known, initial)
        if known.low is not None and rate < known.low and not initial:
            why = f"below {known.low:g} the weights hardly move"
            return self._report(optimizer, argument, name, rate, why, "warning", known, initial)
        return None

    def _not_positive(
        self, program: Program, optimizer: ApiObject, argument: Argument, name: str, rate: float, known: Range
    ) -> Report | None:
        if rate < 0:
            return self._report(
                optimizer, argument, name, rate, "it walks uphill and makes the loss larger", "error", None
            )
        if any("callbacks" in call.arguments and call.arguments["callbacks"].given for call in program.model_calls):
            return None
        is_assigned = any(operation.kind == "assign" for operation in program.operations)
        why = "nothing is trained"
        return None if is_assigned else self._report(optimizer, argument, name, rate, why, "error", known)

    def _diverging(
        self, program: Program, event: Minimize, optimizer: ApiObject, argument: Argument, name: str, rate: float
    ) -> Report | None:
        if name not in PLAIN:
            return None
        momentum = optimizer.arguments.get("momentum")
        inertia = constant(momentum.value) if momentum is not None else 0.0
        if inertia is None or not 0 <= inertia < 1:
            return None
        steep = steepness(program, event)
        # The heavy ball is stable up to 2 (1 + m) / curvature.
        if steep is None or rate * steep.value <= 2 * (1 + inertia):
            return None
        limit = 2 * (1 + inertia) / steep.value
        why = f"gradient descent on this squared error diverges above the limit of {limit:.2g} for such inputs"
        features = "" if steep.n_inputs == 1 else f", {steep.n_inputs} features"
        trace = (Step(steep.feed.place, f"the inputs are fed values of rms {steep.rms:.1f} here{features}"),)
        return self.report(
            _place(optimizer, argument), severity="error", optimizer=name, rate=rate, why=why, trace=trace,
            assumed=argument.value.assumed, subject=steep.feed.key,
        )  # fmt: skip

    def _report(
        self,
        optimizer: ApiObject,
        argument: Argument,
        name: str,
        rate: float,
        why: str,
        severity: str,
        known: Range | None,
        initial: bool = False,
    ) -> Report:
        remedies = []
        if known is not None and not initial:
            action = SetArgument(optimizer.place, "learning_rate", (known.usual,), existing=argument.place)
            remedies = [Remedy(f"Set the rate to {known.usual}", "unsafe", (action,))]
        message = "the schedule of {optimizer} starts with a learning rate of {rate:g}; {why}" if initial else None
        return self.report(
            _place(optimizer, argument), severity=severity, message=message, optimizer=name, rate=rate, why=why,
            assumed=argument.value.assumed, remedies=remedies,
        )  # fmt: skip


def _place(optimizer: ApiObject, argument: Argument) -> Place:
    return argument.place if argument.place is not None else optimizer.place


def _averaged(program: Program, event: Minimize) -> int:
    """Over how many outputs of a sample the loss of a compiled model is a mean: each gets so much less of the gradient."""
    loss = program.operation(event.loss)
    if loss is None or loss.attributes.get("function") not in _MEANS or not loss.attributes.get("compiled"):
        return 1
    predictions = loss.attributes.get("predictions")
    count = dims.product(predictions.shape[1:]) if isinstance(predictions, Tensor) and predictions.shape else None
    return count if isinstance(count, int) and count > 1 else 1


_MEANS = frozenset(("squared-error", "absolute-error", "sigmoid-cross-entropy"))
"""Losses that Keras averages over all outputs."""


def _is_shaken(program: Program, layer: Operation, rate: float) -> bool:
    """Whether a step is of the size of the weights: those that start with a spread of 1 bear steps of 0.1."""
    kernel = kernel_of(program, layer)
    spread = kernel.output.rms if kernel is not None else None
    return spread is None or rate > LARGEST_SHARE * spread


def _size(layer: Operation) -> int:
    rows, columns = layer.attributes.get("fan_in"), layer.attributes.get("fan_out")
    return rows * columns if isinstance(rows, int) and isinstance(columns, int) else 0
