"""random-bias: biases that start as random numbers as large as what they are added to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import ApiName, Remedy, ReplaceValue, Source
from trainlint.program.dims import show
from trainlint.program.heads import knows_what_is_minimized, narrowest, trained
from trainlint.program.replaced import replaced
from trainlint.program.sizes import PASSING, LayerSize, Sizes, guessed, sizes
from trainlint.program.training import is_only_run
from trainlint.program.values import Tensor
from trainlint.program.weights import drawn
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Id

LEAST = 0.5
"""The constant .1 that is common before ReLUs is a fifth of this."""

SHARE = 0.5
"""Below half of the size of the product, a bias moves the result by less than an eighth."""


_WEIGHED = ("matmul", "convolution", "recurrent")


class RandomBias(Rule):
    """
    ## What it does
    Reports biases that start as random numbers about as large as the products they are added to.

    ## Why it is bad
    The random weights already break the symmetry between units, so random biases add nothing but noise.
    They shift every unit by a constant that training has to undo first, and with the default `stddev` of 1.0 that shift is as large as the signal.
    It rarely prevents learning, so this is an information unless the bias is larger than what it is added to.

    ## Example
    ```python
    b1 = tf.Variable(tf.random_normal([10]))
    ```

    ## Use instead
    ```python
    b1 = tf.Variable(tf.zeros([10]))
    ```

    ## Fix safety
    Unsafe: the network starts elsewhere.
    Saved weights stay valid.
    There is no fix where the same expression also draws what is no bias, as in a helper that makes all variables.

    ## Probe
    Trains with the biases as written and with zeros.

    ## References
    - Nikanjam et al., "Automatic Fault Detection for Deep Learning Programs Using Graph Transformations", arXiv:2105.08095
    - https://www.tensorflow.org/api_docs/python/tf/random/normal
    """

    name, code, category, severity = "random-bias", "TL103", "initialization", "info"
    rank = 30
    evidence = ("training",)
    message = "the biases{shape} start as random numbers of size {rms:.2g}; the sums they are added to have a size of {size:.2g}{inputs}"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 2])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "hidden = tf.sigmoid(tf.matmul(x, tf.Variable(tf.random_uniform([2, 3]))) + tf.Variable(tf.random_uniform([3], 0.4, 0.9)))\n"
            "answer = tf.matmul(hidden, tf.Variable(tf.random_uniform([3, 1])))\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(answer - y)))\n",
            why="the biases start around .65, hardly at random",
        ),
        Valid(
            "from tensorflow import keras\n"
            "from tensorflow.keras.initializers import RandomNormal\n"
            "model = keras.Sequential([keras.Input((32,))])\n"
            "weights, start = RandomNormal(0.0, 0.01), RandomNormal(0.5, 0.01)\n"
            "model.add(keras.layers.Dense(64, 'relu', kernel_initializer=weights, bias_initializer=start))\n"
            "model.add(keras.layers.Dense(10, 'softmax'))\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n",
            why="the biases are chosen to start at 0.5",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 1])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "slope = tf.Variable(tf.random_normal([1, 1]))\n"
            "answer = tf.add(tf.matmul(x, slope), slope)\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(answer - y)))\n",
            why="it is a weight as well",
        ),
        Valid(
            "import tensorflow as tf\n"
            "scores = [[73.0, 51.0, 65.0], [92.0, 98.0, 11.0], [89.0, 31.0, 33.0], [99.0, 33.0, 100.0]]\n"
            "x = tf.placeholder(tf.float32, [None, 3])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "answer = tf.matmul(x, tf.Variable(tf.random_normal([3, 1]))) + tf.Variable(tf.random_normal([1]))\n"
            "train = tf.train.GradientDescentOptimizer(1e-5).minimize(tf.reduce_mean(tf.square(answer - y)))\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    session.run(train, {x: scores, y: [[152.0], [185.0], [180.0], [205.0]]})\n",
            why="with inputs like these, the sums are a hundred times as large as the bias",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "w = tf.get_variable('w', [20, 10])\n"
            "b = tf.Variable(tf.zeros([10]))\n"
            "loss = tf.reduce_mean(tf.square(tf.matmul(x, w) + b))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "w = tf.get_variable('w', [20, 10])\n"
            "b = tf.Variable(tf.constant(0.1, shape=[10]))\n"
            "loss = tf.reduce_mean(tf.nn.relu(tf.matmul(x, w) + b))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="a small positive constant before a ReLU is a choice",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "b = tf.Variable(tf.truncated_normal([10], stddev=0.01))\n"
            "loss = tf.reduce_mean(tf.square(tf.nn.bias_add(tf.matmul(x, tf.get_variable('w', [20, 10])), b)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="small noise",
        ),
        Valid(
            "import sys\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "b = tf.Variable(tf.random_normal([10], stddev=float(sys.argv[1])))\n"
            "loss = tf.reduce_mean(tf.square(tf.matmul(x, tf.get_variable('w', [20, 10])) + b))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="the spread is not known",
        ),
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, bias_initializer='zeros'), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n",
        ),
        Valid(
            "import sys\n"
            "import tensorflow as tf\n"
            "n = int(sys.argv[1])\n"
            "x = tf.placeholder(tf.float32, [None, n])\n"
            "w1, b1 = tf.Variable(tf.random_normal([n, 64], stddev=0.1)), tf.Variable(tf.random_normal([64]))\n"
            "w2, b2 = tf.Variable(tf.random_normal([64, 2], stddev=0.1)), tf.Variable(tf.random_normal([2]))\n"
            "h = tf.nn.relu(tf.matmul(x, w1) + b1)\n"
            "loss = tf.reduce_mean(tf.square(tf.matmul(h, w2) + b2))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="how many inputs are summed is not known, so neither are the sums",
        ),
    ]
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "w = tf.get_variable('w', [20, 10])\n"
            "b = tf.Variable(tf.random_normal([10]))\n"
            "loss = tf.reduce_mean(tf.square(tf.nn.relu(tf.matmul(x, w) + b)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.random_normal([10])",
            severity="info",
            message="random numbers of size 1",
            traces=("the biases are added here",),
            fixed="import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "w = tf.get_variable('w', [20, 10])\n"
            "b = tf.Variable(tf.zeros([10]))\n"
            "loss = tf.reduce_mean(tf.square(tf.nn.relu(tf.matmul(x, w) + b)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
        ),
        Invalid(
            "from tensorflow import keras\n"
            "noise = keras.initializers.RandomNormal(stddev=1.0)\n"
            "model = keras.Sequential([\n"
            "    keras.Input((64,)),\n"
            "    keras.layers.Dense(64, activation='relu', bias_initializer=noise),\n"
            "    keras.layers.Dense(1),\n"
            "])\n"
            "model.compile('adam', 'mse')\n",
            at="noise",
            occurrence=1,
            fixed="from tensorflow import keras\n"
            "noise = keras.initializers.RandomNormal(stddev=1.0)\n"
            "model = keras.Sequential([\n"
            "    keras.Input((64,)),\n"
            "    keras.layers.Dense(64, activation='relu', bias_initializer='zeros'),\n"
            "    keras.layers.Dense(1),\n"
            "])\n"
            "model.compile('adam', 'mse')\n",
        ),
        Invalid(
            "import tensorflow.compat.v1 as tf\n"
            "def bias_variable(shape):\n"
            "    return tf.Variable(tf.truncated_normal(shape, stddev=1.0))\n"
            "x = tf.placeholder(tf.float32, [None, 64])\n"
            "h = x\n"
            "for units in (64, 32):\n"
            "    w = tf.get_variable('w%d' % units, [64, units])\n"
            "    h = tf.nn.relu(tf.nn.bias_add(tf.matmul(h, w), bias_variable([units])))\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(h))\n",
            at="tf.truncated_normal(shape, stddev=1.0)",
            fixed="import tensorflow.compat.v1 as tf\n"
            "def bias_variable(shape):\n"
            "    return tf.Variable(tf.zeros(shape))\n"
            "x = tf.placeholder(tf.float32, [None, 64])\n"
            "h = x\n"
            "for units in (64, 32):\n"
            "    w = tf.get_variable('w%d' % units, [64, units])\n"
            "    h = tf.nn.relu(tf.nn.bias_add(tf.matmul(h, w), bias_variable([units])))\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(h))\n",
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "biases = {'out': tf.Variable(tf.random_normal([10]))}\n",
                "x = tf.placeholder(tf.float32, [None, 100])\n"
                "logits = tf.add(tf.matmul(x, tf.get_variable('w', [100, 10])), biases['out'])\n"
                "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(logits)))\n",
            ),
            at="tf.random_normal([10])",
            cell=0,
            fixed="import tensorflow as tf\n"
            "biases = {'out': tf.Variable(tf.zeros([10]))}\n\n"
            "x = tf.placeholder(tf.float32, [None, 100])\n"
            "logits = tf.add(tf.matmul(x, tf.get_variable('w', [100, 10])), biases['out'])\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(logits)))\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "def start(shape):\n"
            "    return tf.random_normal(shape, stddev=1. / tf.sqrt(shape[0] / 2.))\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "weights = {'h': tf.Variable(start([784, 256])), 'out': tf.Variable(start([256, 2]))}\n"
            "biases = {'h': tf.Variable(start([256])), 'out': tf.Variable(start([2]))}\n"
            "h = tf.nn.tanh(tf.matmul(x, weights['h']) + biases['h'])\n"
            "loss = tf.reduce_mean(tf.square(tf.matmul(h, weights['out']) + biases['out']))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="start([2])",
            message="the biases [2] start as random numbers of size 1",
            traces=("drawn here", "added here"),
            why="the helper draws the weights as well, whose start must not be zeros",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        if is_only_run(program):
            return
        found = sizes(program)
        learned = trained(program) if knows_what_is_minimized(program) else frozenset()
        is_known = any(addition.id in learned for addition in program.of_kind("add"))
        # One bias may be added to several sums: the largest tells what it does.
        biases: dict[Id, tuple[Operation, Operation, Operation, LayerSize]] = {}
        for addition in program.of_kind("add"):
            if len(addition.inputs) != 2 or (is_known and addition.id not in learned):
                continue
            for index in (0, 1):
                bias, product = addition.inputs[index], addition.inputs[1 - index]
                variable = program.operation(bias)
                layer = _layer(program, found, product)
                if variable is None or variable.kind != "variable" or layer is None:
                    continue
                source = drawn(program, variable)
                before = biases.get(variable.id)
                if source is not None and (before is None or _size(found, before[3]) < _size(found, layer)):
                    biases[variable.id] = addition, variable, source, layer
        found_large = [each for each in biases.values() if _is_large(program, found, *each[1:])]
        large = {source.id for _, _, source, _ in found_large}
        for addition, variable, source, layer in found_large:
            yield self._of(program, addition, variable, source, layer, large)

    def _of(
        self, program: Program, addition: Operation, variable: Operation, source: Operation, layer: LayerSize,
        large: set[Id],
    ) -> Report:  # fmt: skip
        rms, size = variable.output.rms or 0.0, _size(sizes(program), layer)
        spread = source.attributes.get("stddev")
        dominates = rms > size and (not isinstance(spread, (int, float)) or spread >= 1)
        # Scores that start a little off are soon learned; behind hidden biases, all samples start alike.
        is_hidden = any(user.kind in _WEIGHED for user in program.descendants(addition.output))
        dominates = dominates and is_hidden
        place = narrowest(program, source, large) or addition.place
        steps = [Step(source.place, "the random numbers are drawn here")] if place != source.place else []
        if addition.place != place:
            steps.append(Step(addition.place, "the biases are added here"))
        shape = variable.output.shape
        return self.report(
            place, severity="warning" if dominates else "info", rms=rms, size=size, trace=steps,
            shape=f" {show(shape)}" if place != source.place and shape is not None and None not in shape else "",
            inputs=" for inputs of size 1" if not layer.enlarged and guessed(program, layer) else "",
            assumed=(*variable.output.assumed, *guessed(program, layer)),
            # The same expression may draw weights as well: then no change in it is right for all.
            remedies=_remedies(source) if place == source.place else [],
            subject=variable.id,
        )  # fmt: skip


def _is_large(program: Program, found: Sizes, variable: Operation, source: Operation, layer: LayerSize) -> bool:
    shape, rms, size = variable.output.shape, variable.output.rms, _size(found, layer)
    if source.attributes.get("distribution") not in ("normal", "truncated", "uniform"):
        return False
    spread, low, high = (source.attributes.get(name) for name in ("stddev", "low", "high"))
    if spread is None and isinstance(low, (int, float)) and isinstance(high, (int, float)):
        spread = (high - low) / math.sqrt(12)
    if isinstance(spread, (int, float)) and rms is not None and spread < LEAST * rms:
        return False  # one positive start for all of them, hardly random
    if variable.id in replaced(program) or any(each.kernel.id is variable.id for each in found.layers):
        return False
    if shape is None or len(shape) > 2 or (len(shape) == 2 and shape[0] != 1) or rms is None or not size:
        return False
    if rms < LEAST or rms <= SHARE * size:
        return False
    # Of an unknown number of inputs only the least is known, and the sums may be far larger than the bias.
    behind = program.ancestors(layer.operation.id)
    return not any(other.assumed and other.operation.id in behind for other in found.layers)


def _size(found: Sizes, layer: LayerSize) -> float:
    """The rms of what a bias is added to; 0 where it can't be told."""
    # A factor behind the bias makes both smaller.
    size = found.size(layer.operation.output)
    if size.known is None or size.relative is None:
        return 0.0
    return size.known if layer.enlarged else min(size.known, size.relative)


def _layer(program: Program, found: Sizes, value: object) -> LayerSize | None:
    """The layer whose product a tensor is."""
    operation = program.operation(value) if isinstance(value, Tensor) else None
    for _ in range(4):
        if operation is None:
            return None
        layer = found.layer_of.get(operation.id)
        if layer is not None:
            return layer
        if operation.kind not in PASSING or not operation.inputs:
            return None
        operation = program.operation(operation.inputs[0])
    return None


def _remedies(source: Operation) -> list[Remedy]:
    if "initializer" in source.attributes:
        if source.name.startswith("keras"):
            return [Remedy('Start with `"zeros"`', "unsafe", (ReplaceValue(source.place, ('"zeros"',)),))]
        name = ApiName("tensorflow.zeros_initializer", source.place)
        return [Remedy("Start with zeros", "unsafe", (ReplaceValue(source.place, (name, "()")),))]
    shape = source.arguments.get("shape")
    if shape is None or shape.place is None or not source.name.startswith("tf."):
        return []
    action = ReplaceValue(source.place, (ApiName("tensorflow.zeros", source.place), "(", Source(shape.place), ")"))
    return [Remedy("Start with zeros", "unsafe", (action,))]
