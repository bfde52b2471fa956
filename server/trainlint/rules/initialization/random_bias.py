"""random-bias: biases that start as random numbers as large as what they are added to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import ApiName, Remedy, ReplaceValue, Source
from trainlint.program.sizes import PASSING, LayerSize, Sizes, sizes
from trainlint.program.values import Tensor
from trainlint.program.weights import drawn
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program

LEAST = 0.5
"""The constant .1 that is common before ReLUs is a fifth of this."""

SHARE = 0.5
"""Below half of the size of the product, a bias moves the result by less than an eighth."""


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

    ## Probe
    Trains with the biases as written and with zeros.

    ## References
    - Nikanjam et al., "Automatic Fault Detection for Deep Learning Programs Using Graph Transformations", arXiv:2105.08095
    - https://www.tensorflow.org/api_docs/python/tf/random/normal
    """

    name, code, category, severity = "random-bias", "TL103", "initialization", "info"
    rank = 30
    evidence = ("training",)
    message = (
        "the biases start as random numbers of size {rms:.2g}; the sums they are added to have a size of {size:.2g}"
    )

    VALID = [
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
            "    keras.layers.Dense(64, activation='relu', bias_initializer=\"zeros\"),\n"
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
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        found = sizes(program)
        for addition in program.of_kind("add"):
            if len(addition.inputs) != 2:
                continue
            for index in (0, 1):
                bias, product = addition.inputs[index], addition.inputs[1 - index]
                variable = program.operation(bias)
                layer = _layer(program, found, product)
                if variable is None or variable.kind != "variable" or layer is None:
                    continue
                yield from self._judge(program, addition, variable, layer)

    def _judge(self, program: Program, addition: Operation, variable: Operation, layer: LayerSize) -> Iterator[Report]:
        source = drawn(program, variable)
        shape, rms, size = variable.output.shape, variable.output.rms, layer.least
        if source is None or source.attributes.get("distribution") not in ("normal", "truncated", "uniform"):
            return
        if shape is None or len(shape) > 2 or (len(shape) == 2 and shape[0] != 1) or rms is None or not size:
            return
        if rms < LEAST or rms <= SHARE * size:
            return
        spread = source.attributes.get("stddev")
        dominates = rms > size and (not isinstance(spread, (int, float)) or spread >= 1)
        steps = [Step(addition.place, "the biases are added here")] if addition.place != source.place else []
        yield self.report(
            source.place, severity="warning" if dominates else "info", rms=rms, size=size, trace=steps,
            assumed=variable.output.assumed, remedies=_remedies(source), subject=variable.id,
        )  # fmt: skip


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
