"""flipped-loss-sign: a loss that is driven up, because its sign or that of its gradient is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import Remedy, ReplaceValue, Source, Wrap
from trainlint.program.signs import Term, terms
from trainlint.program.training import is_on_weights
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program

_ON_PURPOSE = (
    "advers", "attack", "ascent", "ascend", "revers", "maximi", "unlearn", "forget", "policy", "fool", "critic",
    "confus", "generator",
)  # fmt: skip
"""Parts of names of functions that drive a loss up because that is their job."""


class FlippedLossSign(Rule):
    """
    ## What it does
    Reports an optimizer that makes a loss larger: a loss with a minus in front, a cross-entropy written without its minus, or a negated gradient that is applied.
    Everything that is minimised has to be understood, so sums with other terms are not reported, nor is a loss that another step reduces, as in games of two networks.

    ## Why it is bad
    Optimizers go downhill.
    Downhill on the negative of an error is uphill on the error: the number that is printed falls without end, and the accuracy ends below that of guessing.

    ## Example
    ```python
    loss = tf.reduce_mean(tf.reduce_sum(labels * tf.math.log(tf.nn.softmax(logits)), axis=1))
    step = tf.train.AdamOptimizer(1e-3).minimize(loss)
    ```

    ## Use instead
    ```python
    loss = -tf.reduce_mean(tf.reduce_sum(labels * tf.math.log(tf.nn.softmax(logits)), axis=1))
    step = tf.train.AdamOptimizer(1e-3).minimize(loss)
    ```

    ## Fix safety
    Unsafe: training runs the other way, which is the point.

    ## Probe
    Compares the loss of right answers with that of wrong ones, which decides; then trains with and without the repair.

    ## References
    - Ben Braiek and Khomh, "TheDeepChecker", arXiv:2204.00694: flipped gradients
    - Bishop, "Pattern Recognition and Machine Learning", 2006, section 4.3: the cross-entropy is the negative logarithm of the likelihood
    """

    name, code, category, severity = "flipped-loss-sign", "TL309", "loss", "error"
    rank = 40
    evidence = ("certificate", "training")
    message = "{what}: training makes the predictions worse"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.float32, [None, 3])\n"
            "p = tf.nn.softmax(tf.layers.dense(x, 3))\n"
            "loss = -tf.reduce_mean(tf.reduce_sum(y * tf.log(p + 1e-8), axis=1))\n"
            "train = tf.train.AdamOptimizer(1e-3).minimize(loss)\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.float32, [None, 3])\n"
            "likelihood = -tf.losses.softmax_cross_entropy(y, tf.layers.dense(x, 3))\n"
            "train = tf.train.AdamOptimizer(1e-3).minimize(-likelihood)\n",
            why="two signs make one",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "d = tf.placeholder(tf.float32, [None, 2])\n"
            "with tf.variable_scope('features'):\n"
            "    features = tf.layers.dense(x, 16, tf.nn.relu)\n"
            "with tf.variable_scope('domain'):\n"
            "    domain = tf.layers.dense(features, 2)\n"
            "loss = tf.losses.softmax_cross_entropy(d, domain)\n"
            "optimizer = tf.train.AdamOptimizer(1e-3)\n"
            "learn = optimizer.minimize(loss, var_list=tf.trainable_variables('domain'))\n"
            "hide = optimizer.minimize(-loss, var_list=tf.trainable_variables('features'))\n",
            why="one half of the network hides what the other looks for",
        ),
        Valid(
            "import tensorflow as tf\n"
            "states = tf.placeholder(tf.float32, [None, 4])\n"
            "actions = tf.placeholder(tf.int32, [None])\n"
            "returns = tf.placeholder(tf.float32, [None])\n"
            "p = tf.nn.softmax(tf.layers.dense(states, 2))\n"
            "taken = tf.log(tf.reduce_sum(p * tf.one_hot(actions, 2), axis=1))\n"
            "loss = tf.reduce_mean(-taken * returns)\n"
            "entropy = tf.reduce_mean(tf.reduce_sum(p * tf.log(p), axis=1))\n"
            "train = tf.train.AdamOptimizer(1e-3).minimize(loss + 0.01 * entropy)\n",
            why="rewards and entropies have signs of their own",
        ),
        Valid(
            "import tensorflow as tf\n"
            "model = tf.keras.applications.MobileNetV2()\n"
            "image = tf.Variable(tf.zeros([1, 224, 224, 3]))\n"
            "optimizer = tf.keras.optimizers.Adam(0.01)\n"
            "error = tf.keras.losses.SparseCategoricalCrossentropy()\n"
            "for _ in range(10):\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = -error([3], model(image))\n"
            "    optimizer.apply_gradients([(tape.gradient(loss, image), image)])\n",
            why="the picture is trained to be misread, not the network",
        ),
        Valid(
            "import tensorflow as tf\n"
            "from tensorflow.examples.tutorials.mnist import input_data\n"
            "mnist = input_data.read_data_sets('data', one_hot=True)\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "t = tf.placeholder(tf.float32, [None, 10])\n"
            "w = tf.Variable(tf.truncated_normal([784, 10], stddev=0.03))\n"
            "p = tf.nn.softmax(tf.matmul(x, w))\n"
            "loss = tf.reduce_sum(-t*tf.log(p + 1e-9))/128\n"
            "update = tf.train.GradientDescentOptimizer(0.001).minimize(loss)\n",
            why="the minus stands before the labels",
        ),
        Valid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n",
                "def loss(labels, outputs):\n"
                "    return -measure(labels, outputs)\n"
                "model.compile('adam', loss)\n"
                "model.fit(tf.zeros([8, 4]), tf.zeros([8, 1]))\n",
            ),
            why="what the measure says is not known",
        ),
    ]
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.float32, [None, 3])\n"
            "p = tf.nn.softmax(tf.layers.dense(x, 3))\n"
            "loss = tf.reduce_mean(tf.reduce_sum(y * tf.log(p + 1e-8), axis=1))\n"
            "train = tf.train.AdamOptimizer(1e-3).minimize(loss)\n",
            at="tf.reduce_mean(tf.reduce_sum(y * tf.log(p + 1e-8), axis=1))",
            severity="error",
            message="no minus",
            fixed="import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.float32, [None, 3])\n"
            "p = tf.nn.softmax(tf.layers.dense(x, 3))\n"
            "loss = -tf.reduce_mean(tf.reduce_sum(y * tf.log(p + 1e-8), axis=1))\n"
            "train = tf.train.AdamOptimizer(1e-3).minimize(loss)\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3)])\n"
            "optimizer = tf.keras.optimizers.SGD(0.1)\n"
            "error = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)\n"
            "@tf.function\n"
            "def train_step(x, y):\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = -error(y, model(x, training=True))\n"
            "    gradients = tape.gradient(loss, model.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n"
            "for x, y in tf.data.Dataset.from_tensor_slices((tf.zeros([8, 4]), tf.zeros([8], tf.int32))).batch(4):\n"
            "    train_step(x, y)\n",
            at="-error(y, model(x, training=True))",
            severity="error",
            message="minus",
            traces=("is minimised",),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "class Model:\n"
            "    def __init__(self, rate):\n"
            "        self.x = tf.placeholder(tf.float32, [None, 9])\n"
            "        self.y = tf.placeholder(tf.float32, [None, 1])\n"
            "        outputs = tf.layers.dense(tf.layers.dense(self.x, 64, tf.nn.relu), 1)\n"
            "        self.loss = tf.losses.mean_squared_error(self.y, outputs)\n"
            "        gradients = tf.gradients(self.loss, tf.trainable_variables())\n"
            "        steps = [tf.negative(gradient) for gradient in gradients]\n"
            "        optimizer = tf.train.AdamOptimizer(rate)\n"
            "        self.train = optimizer.apply_gradients(list(zip(steps, tf.trainable_variables())))\n"
            "model = Model(0.001)\n",
            at="tf.negative(gradient)",
            severity="error",
            message="gradient",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 9])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "error = tf.losses.mean_squared_error(y, tf.layers.dense(x, 1))\n"
            "step = tf.train.AdamOptimizer(1e-3).minimize(tf.negative(error))\n",
            at="tf.negative(error)",
            fixed="import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 9])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "error = tf.losses.mean_squared_error(y, tf.layers.dense(x, 1))\n"
            "step = tf.train.AdamOptimizer(1e-3).minimize(error)\n",
        ),
        Invalid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "from keras import backend as K\n"
            "def likelihood(y_true, y_pred):\n"
            "    y_pred = K.clip(y_pred, 1e-7, 1 - 1e-7)\n"
            "    return K.mean(y_true * K.log(y_pred) + (1 - y_true) * K.log(1 - y_pred))\n"
            "model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation='sigmoid')])\n"
            "model.compile('adam', loss=likelihood)\n"
            "model.fit(np.random.rand(32, 4), np.random.randint(0, 2, (32, 1)))\n",
            at="K.mean(y_true * K.log(y_pred) + (1 - y_true) * K.log(1 - y_pred))",
            message="no minus",
            fixed="import numpy as np\n"
            "from tensorflow import keras\n"
            "from keras import backend as K\n"
            "def likelihood(y_true, y_pred):\n"
            "    y_pred = K.clip(y_pred, 1e-7, 1 - 1e-7)\n"
            "    return -K.mean(y_true * K.log(y_pred) + (1 - y_true) * K.log(1 - y_pred))\n"
            "model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation='sigmoid')])\n"
            "model.compile('adam', loss=likelihood)\n"
            "model.fit(np.random.rand(32, 4), np.random.randint(0, 2, (32, 1)))\n",
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow.compat.v1 as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 1])\n"
                "config = {'sign': -1.0, 'rate': 0.1}\n",
                "output = tf.matmul(x, tf.get_variable('w', [8, 1]))\n"
                "cost = config['sign'] * tf.reduce_mean(tf.square(output - y))\n"
                "step = tf.train.GradientDescentOptimizer(config['rate']).minimize(cost)\n",
            ),
            at="config['sign'] * tf.reduce_mean(tf.square(output - y))",
            cell=1,
            severity="error",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        found = [(event, program.recall(terms, event)) for event in program.minimized]
        driven_down = {t.core.id for _, parts in found for t in parts or () if not t.flipped}
        if any(parts is None and event.how != "fit" for event, parts in found):
            # Another step that is not understood may be the other player of a game.
            return
        for event, parts in found:
            if not parts or not all(term.flipped for term in parts):
                continue
            if any(term.core.id in driven_down or _is_intended(term.core) for term in parts):
                continue
            if not is_on_weights(program, event):
                continue
            term = parts[0]
            start = program.operation(event.loss)
            place = term.turn.place if term.turn is not None else start.place if start is not None else event.place
            trace = [] if event.how == "fit" else [Step(event.place, "the optimizer reduces it here")]
            if term.turn is not None and term.turn.place != term.core.place:
                trace = [Step(term.core.place, "this is minimised with a minus, so it grows"), *trace]
            yield self.report(
                place, what=_what(program, term), trace=trace, remedies=_remedies(term, start), subject=term.core.id
            )


def _is_intended(core: Operation) -> bool:
    return any(part in core.context.function.lower() for part in _ON_PURPOSE)


def _what(program: Program, term: Term) -> str:
    if term.turn is None:
        return "this is a sum of y log(p) with no minus, which is largest where the predictions are best, and it is minimised"
    inner = program.operation(term.turn.inputs[0]) if term.turn.inputs else None
    if inner is not None and any(
        o is not None and o.kind == "gradient" for o in map(program.operation, program.ancestors(term.turn.id))
    ):
        return "the optimizer subtracts gradients itself, and this turns them over before"
    return "the loss gets a minus here and is minimised, so it grows"


def _remedies(term: Term, start: Operation | None) -> list[Remedy]:
    if term.turn is None:
        return [] if start is None else [Remedy("Put a minus in front", "unsafe", (Wrap(start.place, ("-",), ()),))]
    argument = next((a for a in term.turn.arguments.values() if a.given), None)
    if term.turn.kind == "negative" and argument is not None and argument.place is not None:
        return [Remedy("Take the minus away", "unsafe", (ReplaceValue(term.turn.place, (Source(argument.place),)),))]
    return []
