"""symmetric-hidden-weights: hidden units that start equal and stay equal, or start at 0 and stay there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import ApiName, Remedy, RemoveArgument, ReplaceValue, Source
from trainlint.program.heads import sharing_place, trained
from trainlint.program.replaced import replaced
from trainlint.program.values import Tensor
from trainlint.program.weights import constant, drawn, kernel_of
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program

_RELU_LIKE = frozenset(("relu", "relu6", "leaky_relu", "elu", "crelu"))
_PASSING = frozenset(
    ("identity", "reshape", "flatten", "cast", "dropout", "pool", "squeeze", "expand", "normalization")
)
_DEPTH = 12


class SymmetricHiddenWeights(Rule):
    """
    ## What it does
    Reports a hidden layer whose weights all start with one value, such as zeros, ones or a constant.
    The last layer may start with zeros, and so may biases and the end of a residual branch.

    ## Why it is bad
    All units of the layer compute the same, get the same gradient, and stay copies of one unit for ever.
    With zeros before a ReLU nothing moves at all: the unit gives 0 and lets no gradient through.
    The random start is what makes units different.

    ## Example
    ```python
    hidden = keras.layers.Dense(64, "relu", kernel_initializer="zeros")
    ```

    ## Use instead
    ```python
    hidden = keras.layers.Dense(64, "relu", kernel_initializer="he_normal")
    ```

    ## Fix safety
    Unsafe: training changes, which is the point.

    ## Probe
    Compares the initial values and the first gradients of the units of each layer: where both are equal, they stay equal for ever.
    Then trains with and without the repair.

    ## References
    - Goodfellow, Bengio, Courville, "Deep Learning", 2016, section 8.4: "break symmetry between different units"
    - Nikanjam et al., "Automatic Fault Detection for Deep Learning Programs Using Graph Transformations", 2021
    - Ben Braiek and Khomh, "TheDeepChecker", arXiv:2204.00694
    """

    name, code, category, severity = "symmetric-hidden-weights", "TL102", "initialization", "error"
    rank = 50
    evidence = ("certificate", "training")
    message = "all weights of this hidden layer{units} start with {value:g}: {consequence}"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "w = tf.Variable(tf.zeros([784, 10]))\n"
            "b = tf.Variable(tf.zeros([10]))\n"
            "loss = tf.losses.softmax_cross_entropy(y, tf.matmul(x, w) + b)\n"
            "train = tf.train.GradientDescentOptimizer(0.5).minimize(loss)\n",
            why="softmax regression has no hidden layer",
        ),
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(64, 'relu', bias_initializer='zeros'),\n"
            "                          keras.layers.Dense(1, kernel_initializer='zeros')])\n"
            "model.compile('adam', 'mse')\n",
            why="biases and the last layer may start with zeros",
        ),
        Valid(
            "import tensorflow as tf\n"
            "inputs = tf.keras.Input((32,))\n"
            "h = tf.keras.layers.Dense(32, 'relu')(inputs)\n"
            "h = h + tf.keras.layers.Dense(32, kernel_initializer='zeros')(h)\n"
            "model = tf.keras.Model(inputs, tf.keras.layers.Dense(1)(h))\n"
            "model.compile('adam', 'mse')\n",
            why="the end of a residual branch starts as nothing on purpose",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def weight(shape, initial=None):\n"
            "    return tf.Variable(tf.truncated_normal(shape, stddev=0.1) if initial is None else initial)\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "h = tf.nn.relu(tf.matmul(x, weight([8, 16], load('w1'))))\n"
            "loss = tf.reduce_mean(tf.square(tf.matmul(h, weight([16, 1]))))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="what is loaded is not known",
        ),
        Valid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "a = tf.layers.dense(x, 4, use_bias=False)\n"
                "b = tf.layers.dense(a, 8, use_bias=False, kernel_initializer='zeros')\n",
                "loss = tf.reduce_mean(tf.square(tf.layers.dense(tf.nn.tanh(x + b), 1)))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n",
            ),
            why="the second factor of a low-rank update starts with zeros",
        ),
    ]
    INVALID = [
        Invalid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(64, 'relu', kernel_initializer='zeros'),\n"
            "                          keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n",
            at="'zeros'",
            severity="error",
            message="64 units",
            fixed="from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(64, 'relu'),\n"
            "                          keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "weights = {'h1': tf.Variable(tf.ones([784, 256])), 'out': tf.Variable(tf.ones([256, 10]))}\n"
            "h = tf.nn.sigmoid(tf.matmul(x, weights['h1']))\n"
            "loss = tf.losses.softmax_cross_entropy(y, tf.matmul(h, weights['out']))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.ones([784, 256])",
            severity="error",
            message="copies",
            fixed="import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "weights = {'h1': tf.Variable(tf.truncated_normal([784, 256], stddev=0.05)), 'out': tf.Variable(tf.ones([256, 10]))}\n"
            "h = tf.nn.sigmoid(tf.matmul(x, weights['h1']))\n"
            "loss = tf.losses.softmax_cross_entropy(y, tf.matmul(h, weights['out']))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
        ),
        Invalid(
            "import tensorflow.compat.v1 as tf\n"
            "class Config:\n"
            "    start = 0.1\n"
            "    widths = [64, 10]\n"
            "h = tf.placeholder(tf.float32, [None, 28, 28, 1])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "for width in Config.widths:\n"
            "    h = tf.layers.conv2d(h, width, 3, activation=tf.nn.relu, kernel_initializer=tf.constant_initializer(Config.start))\n"
            "loss = tf.losses.softmax_cross_entropy(y, tf.reduce_mean(h, axis=[1, 2]))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.constant_initializer(Config.start)",
            severity="error",
            fixed="import tensorflow.compat.v1 as tf\n"
            "class Config:\n"
            "    start = 0.1\n"
            "    widths = [64, 10]\n"
            "h = tf.placeholder(tf.float32, [None, 28, 28, 1])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "for width in Config.widths:\n"
            "    h = tf.layers.conv2d(h, width, 3, activation=tf.nn.relu)\n"
            "loss = tf.losses.softmax_cross_entropy(y, tf.reduce_mean(h, axis=[1, 2]))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
        ),
        Invalid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "def layer(x, n_in, n_out, start):\n"
            "    return tf.matmul(x, tf.get_variable('w%d' % n_in, [n_in, n_out], initializer=start)) + tf.get_variable(\n"
            "        'b%d' % n_in, [n_out], initializer=tf.zeros_initializer())\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "h = tf.nn.tanh(layer(x, 8, 32, tf.constant_initializer(0.5)))\n"
            "loss = tf.reduce_mean(tf.square(layer(h, 32, 1, tf.truncated_normal_initializer(stddev=0.1))))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="start",
            occurrence=1,
            severity="warning",
            message="only by what follows",
        ),
        Invalid(
            "",
            cells=(
                "import keras\n"
                "nothing = keras.initializers.Zeros()\n",
                "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(64, kernel_initializer=nothing), keras.layers.ReLU(),\n"
                "                          keras.layers.Dense(1)])\n"
                "model.compile('adam', 'mse')\n",
            ),
            at="nothing",
            occurrence=1,
            cell=1,
            severity="error",
            fixed="import keras\n"
            "nothing = keras.initializers.Zeros()\n\n"
            "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(64), keras.layers.ReLU(),\n"
            "                          keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "def make(shape):\n"
            "    return tf.Variable(tf.zeros(shape))\n"
            "x = tf.placeholder(tf.float32, [None, 64])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "h = tf.nn.relu(tf.matmul(x, make([64, 32])) + make([32]))\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(y, tf.layers.dense(h, 10))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.zeros(shape)",
            severity="error",
            why="the helper makes biases as well, which zeros suit, so no change in it is right for all",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        found = list(program.recall_each(_started, "matmul", "convolution"))
        if not found:
            return
        reached, given = trained(program), replaced(program)
        kernels = {
            source.id: operation.attributes.get("fan_in")
            for operation, kernel, _ in found
            if (source := drawn(program, kernel)) is not None
        }
        for operation, kernel, value in found:
            source = drawn(program, kernel)
            if source is None or operation.id not in reached or kernel.id in given:
                continue
            # The same expression may start other things, where a helper makes all variables.
            fans = {kernels.get(o.id) for o in sharing_place(program, source)}
            is_shared = any(o.id not in kernels for o in sharing_place(program, source)) or (
                source.kind == "constant" and len(fans) > 1
            )
            report = self._of(program, operation, source, value, is_shared)
            if report is not None:
                yield report

    def _of(
        self, program: Program, operation: Operation, source: Operation, value: float, is_shared: bool
    ) -> Report | None:
        units = operation.attributes.get("fan_out")
        if isinstance(units, int) and units < 2:
            return None
        activation, biased = _behind(program, operation)
        following = _next_layers(program, operation)
        if activation is None or not following:
            return None
        equal = all(_start(program, kernel_of(program, o)) is not None for o in following)
        severity = "error"
        if value == 0 and activation in _RELU_LIKE and (biased is None or biased <= 0):
            consequence = f"the {activation} gives 0 and lets no gradient through, so they never move"
        elif equal and biased is not None:
            consequence = "its units are copies of each other and stay so"
        elif value != 0 and biased is not None:
            severity = "warning"
            consequence = "its units start as copies of each other, told apart only by what follows"
        else:
            return None
        shown = f" of {units} units" if isinstance(units, int) else ""
        return self.report(
            source.place,
            severity=severity,
            units=shown,
            value=value,
            consequence=consequence,
            trace=[Step(operation.place, "the layer is computed here")] if operation.place != source.place else [],
            remedies=[] if is_shared else _remedies(operation, source),
            subject=operation.id,
        )


def _started(program: Program, operation: Operation) -> Iterator[tuple[Operation, Operation, float]]:
    """The kernel of a product, and the one value that all its weights start with, if they do."""
    kernel = kernel_of(program, operation)
    value = _start(program, kernel)
    if kernel is not None and value is not None:
        yield operation, kernel, value


def _start(program: Program, kernel: Operation | None) -> float | None:
    """The one value that all weights of a trainable kernel start with."""
    if kernel is None or kernel.attributes.get("trainable") is False or not kernel.inputs:
        return None
    source = drawn(program, kernel)
    if source is None or (source.kind == "random" and source.attributes.get("distribution") != "constant"):
        return None
    # A constant behind a scaling or reshape is looked at where the variable takes it.
    return constant(kernel.inputs[0]) if isinstance(kernel.inputs[0], Tensor) else None


def _behind(program: Program, operation: Operation) -> tuple[str | None, float | None]:
    """The activation behind a layer and the value that its biases start with.

    The activation is None where the result is added to something else; the bias is 0 without one and None when random.
    """
    bias: float | None = 0.0
    current = operation
    for _ in range(_DEPTH):
        users = program.consumers(current.output)
        if not users:
            return None, bias
        if len({user.kind for user in users}) > 1:
            return None, bias
        user = users[0]
        if user.kind == "add":
            others = [o for v in user.inputs if (o := program.operation(v)) is not None and o.id is not current.id]
            if len(others) != 1 or others[0].kind != "variable":
                return None, bias
            bias = constant(others[0].inputs[0]) if others[0].inputs else None
        elif user.kind == "activation":
            return str(user.attributes.get("function")), bias
        elif user.kind in ("matmul", "convolution"):
            return "linear", bias
        elif user.kind == "maximum":
            return "relu", bias
        elif user.kind not in _PASSING:
            return None, bias
        current = user
    return None, bias


def _next_layers(program: Program, operation: Operation) -> list[Operation]:
    """The nearest layers with weights that a layer feeds."""
    queue, seen, found = [operation], {operation.id}, []
    while queue:
        for user in program.consumers(queue.pop(0).output):
            if user.id in seen:
                continue
            seen.add(user.id)
            is_weighted = user.kind in ("matmul", "convolution") and kernel_of(program, user) is not None
            if is_weighted or user.kind == "recurrent":
                found.append(user)
            elif user.kind not in ("loss", "train", "gradient"):
                queue.append(user)
    return found


def _remedies(operation: Operation, source: Operation) -> list[Remedy]:
    given = operation.arguments.get("kernel_initializer")
    if given is not None and given.place == source.place:
        # The default of layers is Glorot's.
        return [Remedy("Leave the start to the layer", "unsafe", (RemoveArgument(operation.place, source.place),))]
    shape = source.arguments.get("shape") or source.arguments.get("dims")
    fan_in = operation.attributes.get("fan_in")
    symbol = source.symbol
    if (
        shape is None
        or shape.place is None
        or not isinstance(fan_in, int)
        or symbol is None
        or source.kind != "constant"
    ):
        return []
    parts = symbol.path.split(".")
    if parts[0] != "tensorflow" or parts[-1] not in ("zeros", "ones"):
        return []
    name = ApiName(".".join([*parts[:-1], "truncated_normal"]), source.place)
    spread = float(f"{(2 / fan_in) ** 0.5:.1g}")
    value = (name, "(", Source(shape.place), f", stddev={spread:g})")
    return [Remedy("Draw the weights at random", "unsafe", (ReplaceValue(source.place, value),))]
