"""broken-gradient-path: a loss that no gradient leads from to the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.program.gradients import cuts
from trainlint.program.training import is_only_measured
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.events import Minimize
    from trainlint.program.gradients import Cut
    from trainlint.program.program import Program


class BrokenGradientPath(Rule):
    """
    ## What it does
    Reports a loss that depends on the weights only through operations without a gradient: `argmax`, comparisons, rounding, casts to whole numbers, one-hot codes, `stop_gradient`, `.numpy()`.
    One open way is enough to be silent, as in straight-through estimators.

    ## Why it is bad
    The class that has the highest score does not change when the scores change a little, so the slope of everything computed from it is 0.
    TensorFlow stops with "No gradients provided for any variable", or warns and trains nothing.
    Accuracy and other measures made of decisions cannot be trained on; a cross-entropy of the scores can.

    ## Example
    ```python
    predicted = tf.cast(tf.argmax(model(x), axis=1), tf.float32)
    loss = tf.reduce_mean(tf.square(predicted - labels))
    gradients = tape.gradient(loss, model.trainable_variables)
    ```

    ## Use instead
    ```python
    loss = tf.keras.losses.sparse_categorical_crossentropy(labels, model(x), from_logits=True)
    gradients = tape.gradient(loss, model.trainable_variables)
    ```

    ## Fix safety
    None: another loss has to be chosen.

    ## Probe
    Looks whether the gradient of any weight is there and not 0.

    ## References
    - https://www.tensorflow.org/guide/autodiff: "Getting a gradient of None"
    - Bengio, Léonard and Courville, "Estimating or Propagating Gradients Through Stochastic Neurons", arXiv:1308.3432
    - Humbatova et al., "Taxonomy of Real Faults in Deep Learning Systems", arXiv:1910.11015
    """

    name, code, category, severity = "broken-gradient-path", "TL806", "training", "error"
    rank = 48
    evidence = ("certificate",)
    message = "{what} no gradient, and the loss depends on the weights through it alone: nothing is trained"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 9])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "scores = tf.layers.dense(x, 3)\n"
            "loss = tf.losses.sparse_softmax_cross_entropy(y, scores)\n"
            "accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(scores, 1), y), tf.float32))\n"
            "step = tf.train.AdamOptimizer(1e-3).minimize(loss)\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3)])\n"
            "optimizer = tf.keras.optimizers.Adam(1e-3)\n"
            "for x, y in tf.data.Dataset.from_tensor_slices((tf.zeros([8, 4]), tf.zeros([8, 3]))).batch(4):\n"
            "    with tf.GradientTape() as tape:\n"
            "        z = model(x)\n"
            "        code = z + tf.stop_gradient(tf.round(z) - z)\n"
            "        loss = tf.reduce_mean(tf.square(code - y))\n"
            "    gradients = tape.gradient(loss, model.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n",
            why="a straight-through estimator: the gradient takes the other way",
        ),
        Valid(
            "import tensorflow as tf\n"
            "@tf.custom_gradient\n"
            "def rounded(x):\n"
            "    return tf.round(x), lambda upstream: upstream\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3)])\n"
            "def loss(y_true, y_pred):\n"
            "    return tf.reduce_mean(tf.square(rounded(y_pred) - y_true))\n"
            "model.compile('adam', loss)\n",
            why="the author gives a gradient",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 9])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "z = tf.layers.dense(x, 1)\n"
            "error = z - y\n"
            "loss = tf.reduce_mean(tf.where(tf.abs(error) < 1.0, 0.5 * tf.square(error), tf.abs(error) - 0.5))\n"
            "step = tf.train.AdamOptimizer(1e-3).minimize(loss)\n",
            why="a comparison chooses between two branches that have gradients",
        ),
        Valid(
            "import tensorflow as tf\n"
            "inputs = tf.keras.Input((4,))\n"
            "classes = tf.argmax(tf.keras.layers.Dense(3)(inputs), axis=1)\n"
            "model = tf.keras.Model(inputs, classes)\n"
            "model.compile('adam', 'mse', metrics=[tf.keras.metrics.Accuracy()])\n"
            "print(model.evaluate(tf.zeros([8, 4]), tf.zeros([8])))\n",
            why="it is evaluated and never trained",
        ),
        Valid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3)])\n",
                "def loss(y_true, y_pred):\n"
                "    return compare(tf.argmax(y_pred, -1), y_true) + smooth(y_pred)\n"
                "model.compile('adam', loss)\n",
            ),
            why="what the functions do is not known",
        ),
    ]
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3)])\n"
            "optimizer = tf.keras.optimizers.Adam(1e-3)\n"
            "for x, y in tf.data.Dataset.from_tensor_slices((tf.zeros([8, 4]), tf.zeros([8]))).batch(4):\n"
            "    with tf.GradientTape() as tape:\n"
            "        predicted = tf.cast(tf.argmax(model(x), axis=1), tf.float32)\n"
            "        loss = tf.reduce_mean(tf.square(predicted - y))\n"
            "    gradients = tape.gradient(loss, model.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n",
            at="tf.argmax(model(x), axis=1)",
            severity="error",
            message="a position has no gradient",
            traces=("trained on",),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 9])\n"
            "y = tf.placeholder(tf.int64, [None])\n"
            "def accuracy_of(scores, labels):\n"
            "    return tf.reduce_mean(tf.cast(tf.equal(tf.argmax(scores, 1), labels), tf.float32))\n"
            "scores = tf.layers.dense(tf.layers.dense(x, 16, tf.nn.relu), 3)\n"
            "loss = 1.0 - accuracy_of(scores, y)\n"
            "step = tf.train.AdamOptimizer(1e-3).minimize(loss)\n",
            at="tf.equal(tf.argmax(scores, 1), labels)",
            message="a comparison has",
        ),
        Invalid(
            "from tensorflow import keras\n"
            "from tensorflow.keras import backend as K\n"
            "CONFIG = {'units': 1, 'optimizer': 'adam'}\n"
            "def error(y_true, y_pred):\n"
            "    return K.mean(K.square(K.round(y_pred) - y_true))\n"
            "model = keras.Sequential([\n"
            "    keras.Input((4,)), keras.layers.Dense(8, 'relu'), keras.layers.Dense(CONFIG['units'], 'sigmoid'),\n"
            "])\n"
            "model.compile(CONFIG['optimizer'], loss=error)\n",
            at="K.round(y_pred)",
            message="a rounded value has",
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
                "optimizer = tf.keras.optimizers.SGD(0.1)\n",
                "with tf.GradientTape() as tape:\n"
                "    outputs = model(tf.zeros([8, 4])).numpy()\n"
                "    loss = tf.reduce_mean(tf.square(outputs - 1.0))\n"
                "gradients = tape.gradient(loss, model.trainable_variables)\n"
                "optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n",
            ),
            at="model(tf.zeros([8, 4])).numpy()",
            cell=1,
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        for event in program.minimized:
            if is_only_measured(program, event):
                continue
            for cut in program.recall(_first_cut, event):
                yield self.report(
                    cut.operation.place,
                    what=cut.what,
                    trace=[Step(event.place, "it is trained on here")],
                    subject=cut.operation.id,
                )


def _first_cut(program: Program, event: Minimize) -> list[Cut]:
    return cuts(program, event.loss)[:1]
