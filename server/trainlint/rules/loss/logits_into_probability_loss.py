"""logits-into-probability-loss: a last layer without softmax or sigmoid before a loss that expects probabilities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import Action, ApiName, Remedy, ReplaceValue, SetArgument, Wrap
from trainlint.program.assumptions import assumptions, told
from trainlint.program.entropies import output_place, weighs_labels, written_of_scores
from trainlint.program.heads import (
    activation_behind,
    argument_for,
    asks_for_accuracy,
    is_sole_loss,
    named,
    sharing_place,
    trained,
    weights_before,
)
from trainlint.program.training import computed_losses
from trainlint.program.values import Tensor
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.source.code import Place

SCORES = ("linear", "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "tanh", "softsign")
"""Activations whose results are no probabilities; half of what tanh gives is cut off as well."""

_CLASSES = {
    "sigmoid-cross-entropy": "BinaryCrossentropy",
    "softmax-cross-entropy": "CategoricalCrossentropy",
    "sparse-softmax-cross-entropy": "SparseCategoricalCrossentropy",
}


class LogitsIntoProbabilityLoss(Rule):
    """
    ## What it does
    Reports a last layer without softmax or sigmoid together with a cross-entropy that expects probabilities.

    ## Why it is bad
    The loss cuts what it gets to the range from 0.0000001 to 0.9999999, without a warning.
    What is cut off has no gradient, so it teaches the network nothing.
    Categorical cross-entropy divides each row by its sum before: scores become shares of that, and what is not positive is cut off.

    For scores of a standard deviation of 3 that is half of the rows of a sparse categorical cross-entropy.
    Of a binary one it is 9 of 10.
    The loss starts at 4 to 16 and hardly moves.

    ## Example
    ```python
    model = keras.Sequential([keras.layers.Dense(10)])
    model.compile("adam", loss="sparse_categorical_crossentropy")
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.layers.Dense(10)])
    model.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    ```

    ## Fix safety
    Unsafe: training changes, which is the point.
    With `from_logits=True`, `predict()` returns scores as before; with an activation on the last layer, probabilities.
    The activation comes first where the program asks for predictions or for the accuracy of a single unit.

    ## Probe
    The share of rows without a gradient before the first step; then training with and without the repair.

    ## References
    - Keras API pages of the losses: "y_pred is assumed to encode a probability distribution"
    - tensorflow/docs#2102
    - Schoop et al., "UMLAUT: Debugging Deep Learning Programs using Program Structure and Model Behavior", CHI 2021
    """

    name, code, category, severity = "logits-into-probability-loss", "TL301", "loss", "error"
    rank = 125
    evidence = ("certificate", "training")
    message = "{loss} expects probabilities, but the last layer {gives}; {outside} gives no gradient"

    VALID = [
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "class Game:\n"
            "    def __init__(self):\n"
            "        noise = keras.Input((8,))\n"
            "        self.generator = keras.Model(noise, keras.layers.Dense(20, activation='tanh')(noise))\n"
            "        self.generator.compile('adam', 'binary_crossentropy')\n"
            "        image = keras.Input((20,))\n"
            "        judge = keras.Model(image, keras.layers.Dense(1, activation='sigmoid')(image))\n"
            "        self.combined = keras.Model(noise, judge(self.generator(noise)))\n"
            "        self.combined.compile('adam', 'binary_crossentropy')\n"
            "    def train(self):\n"
            "        noise = np.random.normal(size=(32, 8))\n"
            "        self.generator.predict(noise)\n"
            "        self.combined.train_on_batch(noise, np.ones((32, 1)))\n"
            "    def draw(self, seed):\n"
            "        print(seed)\n"
            "Game().train()\n",
            why="a generator is trained inside of another model; a method that nothing calls changes nothing about that",
        ),
        Valid(
            "from tensorflow import keras\n"
            "generator = keras.Sequential([keras.Input((10,)), keras.layers.Dense(8, activation='relu'), keras.layers.Dense(4)])\n"
            "generator.compile('sgd', 'binary_crossentropy')\n"
            "generator.load_weights('generator.weights.h5')\n"
            "print(generator.predict(noise))\n",
            why="it is only asked, with weights from a file",
        ),
        Valid(
            "import numpy as np\n"
            "from tensorflow.keras.layers import Activation, Dense, Input\n"
            "from tensorflow.keras.models import Model\n"
            "z = Input(shape=(16,))\n"
            "generator = Model(z, Activation('tanh')(Dense(8)(z)))\n"
            "picture = Input(shape=(8,))\n"
            "judge = Model(picture, Dense(1, activation='sigmoid')(Dense(16, activation='relu')(picture)))\n"
            "judge.compile(loss='binary_crossentropy', optimizer='adam')\n"
            "generator.compile(loss='binary_crossentropy', optimizer='adam')\n"
            "judge.trainable = False\n"
            "noise = Input(shape=(16,))\n"
            "both = Model(noise, judge(generator(noise)))\n"
            "both.compile(loss='binary_crossentropy', optimizer='adam')\n"
            "real = np.random.uniform(-1, 1, (64, 8))\n"
            "for step in range(100):\n"
            "    fake = generator.predict(np.random.normal(size=(64, 16)))\n"
            "    judge.train_on_batch(real, np.ones((64, 1)))\n"
            "    judge.train_on_batch(fake, np.zeros((64, 1)))\n"
            "    both.train_on_batch(np.random.normal(size=(64, 16)), np.ones((64, 1)))\n",
            why="a generator learns inside of another model, and nobody computes the loss that it is compiled with",
        ),
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "\n"
            "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(10)])\n"
            'model.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n'
            "model.fit(np.random.normal(size=(500, 20)), np.random.randint(0, 10, size=500))\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            "\n"
            "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(10), keras.layers.Softmax()])\n"
            'model.compile("adam", loss="sparse_categorical_crossentropy")\n',
        ),
        Valid(
            "import tensorflow as tf\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "answer = 1.0 / (1.0 + tf.exp(-tf.layers.dense(x, 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(tf.losses.log_loss(y, answer))\n",
            why="A sigmoid by hand gives values that are proved to be between 0 and 1.",
        ),
        Valid(
            "from tensorflow import keras\n"
            "from elsewhere import Head\n"
            "\n"
            'model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(32, activation="relu"), Head(10)])\n'
            'model.compile("adam", loss="categorical_crossentropy")\n',
            why="What the layer of the user gives is not known.",
        ),
        Valid(
            "import tensorflow as tf\n"
            "\n"
            "\n"
            "def loss(truth, scores):\n"
            "    return tf.keras.losses.binary_crossentropy(truth, tf.sigmoid(scores))\n"
            "\n"
            "\n"
            "model = tf.keras.Sequential([tf.keras.Input((20,)), tf.keras.layers.Dense(1)])\n"
            'model.compile("adam", loss=loss)\n',
            why="The loss of the user applies the sigmoid.",
        ),
        Valid(
            "import tensorflow as tf\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.float32, [None, None])\n"
            "code = tf.nn.l2_normalize(tf.layers.dense(x, 8, activation=tf.nn.relu), axis=1)\n"
            "answer = tf.matmul(code, code, transpose_b=True)\n"
            "train = tf.train.AdamOptimizer().minimize(tf.losses.log_loss(y, answer))\n",
            why="The product of two results is no layer; here it is a cosine.",
        ),
        Valid(
            "import tensorflow as tf\n"
            "\n"
            "\n"
            "class Network(tf.keras.Model):\n"
            "    def __init__(self):\n"
            "        super().__init__()\n"
            "        self.head = tf.keras.layers.Dense(10)\n"
            "\n"
            "    def call(self, inputs):\n"
            "        return self.head(inputs)\n"
            "\n"
            "    def train_step(self, data):\n"
            "        x, y = data\n"
            "        with tf.GradientTape() as tape:\n"
            "            loss = self.compute_loss(x, y, tf.nn.softmax(self(x, training=True)))\n"
            "        gradients = tape.gradient(loss, self.trainable_variables)\n"
            "        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))\n"
            '        return {"loss": loss}\n'
            "\n"
            "\n"
            "model = Network()\n"
            'model.compile("adam", loss="sparse_categorical_crossentropy")\n',
            why="A training step of the user's own decides what the loss compares.",
        ),
        Valid(
            "import tensorflow.compat.v1 as tf\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "rate = tf.clip_by_value(tf.layers.dense(x, 1), 1e-6, 1e6)\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(rate - y * tf.log(rate)))\n",
            why="a rate of events, no probability",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.float32, [None, 3])\n"
            "rates = tf.layers.dense(x, 3)\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(rates - y * tf.log(rates)))\n",
            why="Rates of events again: they are to be positive, and no softmax is missing.",
        ),
    ]
    INVALID = [
        Invalid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(8, activation='relu'), keras.layers.Dense(4)])\n"
            "model.load_weights('begun.weights.h5')\n"
            "model.compile('sgd', keras.losses.BinaryCrossentropy(reduction='sum'))\n",
            at="keras.losses.BinaryCrossentropy(reduction='sum')",
            severity="error",
            why="A model that goes on from a file, and is trained elsewhere.",
            fixed="from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(8, activation='relu'), keras.layers.Dense(4)])\n"
            "model.load_weights('begun.weights.h5')\n"
            "model.compile('sgd', keras.losses.BinaryCrossentropy(reduction='sum', from_logits=True))\n",
        ),
        Invalid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "\n"
            "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(10)])\n"
            'model.compile("adam", loss="sparse_categorical_crossentropy")\n'
            "model.fit(np.random.normal(size=(500, 20)), np.random.randint(0, 10, size=500))\n",
            at='"sparse_categorical_crossentropy"',
            severity="error",
            message="the last layer is linear",
            traces=("this is the last layer",),
            fixed=(
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "\n"
                "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(10)])\n"
                'model.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n'
                "model.fit(np.random.normal(size=(500, 20)), np.random.randint(0, 10, size=500))\n"
            ),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "def cross_entropy(labels, answers):\n"
            "    return -tf.reduce_mean(labels * tf.log(answers) + (1 - labels) * tf.log(1 - answers))\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "hidden = tf.nn.sigmoid(tf.layers.dense(x, 32))\n"
            "answer = tf.matmul(hidden, tf.Variable(tf.truncated_normal([32, 1], stddev=0.1)))\n"
            "train = tf.train.AdamOptimizer().minimize(cross_entropy(y, answer))\n",
            at="tf.matmul(hidden, tf.Variable(tf.truncated_normal([32, 1], stddev=0.1)))",
            severity="error",
            message="the logarithm of what is negative is not a number",
            traces=("its logarithm is taken here",),
            why="Written out, for two classes.",
        ),
        Invalid(
            "import tensorflow.compat.v1 as tf\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.float32, [None, 5])\n"
            "answer = tf.layers.dense(tf.layers.dense(x, 32, tf.nn.relu), 5)\n"
            "loss = tf.reduce_mean(-tf.reduce_sum(y * tf.log(answer), axis=1))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.layers.dense(tf.layers.dense(x, 32, tf.nn.relu), 5)",
            severity="error",
            why="Written out, for several classes.",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "hidden = tf.layers.dense(x, 32, activation=tf.nn.relu)\n"
            "answer = tf.layers.dense(hidden, 1)\n"
            "loss = tf.losses.log_loss(y, answer)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="answer",
            occurrence=1,
            severity="error",
            message="`tf.losses.log_loss` expects probabilities",
            fixed=(
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 20])\n"
                "y = tf.placeholder(tf.float32, [None, 1])\n"
                "hidden = tf.layers.dense(x, 32, activation=tf.nn.relu)\n"
                "answer = tf.layers.dense(hidden, 1)\n"
                "loss = tf.losses.log_loss(y, tf.nn.sigmoid(answer))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
        ),
        Invalid(
            "import numpy as np\n"
            "import keras\n"
            "\n"
            "x = np.random.normal(size=(500, 20))\n"
            'model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(1, activation="relu")])\n'
            'model.compile("adam", loss="binary_crossentropy")\n'
            "model.fit(x, np.random.randint(0, 2, size=500))\n"
            "print(model.predict(x) > 0.5)\n",
            at='"relu"',
            severity="error",
            message="ends with relu",
            fixed=(
                "import numpy as np\n"
                "import keras\n"
                "\n"
                "x = np.random.normal(size=(500, 20))\n"
                'model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(1, activation="sigmoid")])\n'
                'model.compile("adam", loss="binary_crossentropy")\n'
                "model.fit(x, np.random.randint(0, 2, size=500))\n"
                "print(model.predict(x) > 0.5)\n"
            ),
            why="The program asks for predictions, so it wants probabilities.",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "\n"
            "\n"
            "class Config:\n"
            "    sizes = (64, 32, 10)\n"
            '    activations = ("relu", "relu", None)\n'
            "\n"
            "\n"
            "model = tf.keras.Sequential([tf.keras.Input((20,))])\n"
            "for size, activation in zip(Config.sizes, Config.activations):\n"
            "    model.add(tf.keras.layers.Dense(size, activation=activation))\n"
            "entropy = tf.keras.losses.CategoricalCrossentropy()\n"
            'model.compile(optimizer="adam", loss=entropy)\n',
            at="tf.keras.losses.CategoricalCrossentropy()",
            severity="error",
            fixed=(
                "import tensorflow as tf\n"
                "\n"
                "\n"
                "class Config:\n"
                "    sizes = (64, 32, 10)\n"
                '    activations = ("relu", "relu", None)\n'
                "\n"
                "\n"
                "model = tf.keras.Sequential([tf.keras.Input((20,))])\n"
                "for size, activation in zip(Config.sizes, Config.activations):\n"
                "    model.add(tf.keras.layers.Dense(size, activation=activation))\n"
                "entropy = tf.keras.losses.CategoricalCrossentropy(from_logits=True)\n"
                'model.compile(optimizer="adam", loss=entropy)\n'
            ),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "from tensorflow.keras.losses import BinaryCrossentropy\n"
            "\n"
            "model = tf.keras.Sequential([tf.keras.Input((20,)), tf.keras.layers.Dense(1)])\n"
            "entropy = BinaryCrossentropy(from_logits=False)\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "x, y = tf.random.normal([64, 20]), tf.zeros([64, 1])\n"
            "for step in range(10):\n"
            "    with tf.GradientTape() as tape:\n"
            "        answer = model(x)\n"
            "        loss = entropy(y, answer)\n"
            "    gradients = tape.gradient(loss, model.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n",
            at="BinaryCrossentropy(from_logits=False)",
            severity="error",
            fixed=(
                "import tensorflow as tf\n"
                "from tensorflow.keras.losses import BinaryCrossentropy\n"
                "\n"
                "model = tf.keras.Sequential([tf.keras.Input((20,)), tf.keras.layers.Dense(1)])\n"
                "entropy = BinaryCrossentropy(from_logits=True)\n"
                "optimizer = tf.keras.optimizers.Adam()\n"
                "x, y = tf.random.normal([64, 20]), tf.zeros([64, 1])\n"
                "for step in range(10):\n"
                "    with tf.GradientTape() as tape:\n"
                "        answer = model(x)\n"
                "        loss = entropy(y, answer)\n"
                "    gradients = tape.gradient(loss, model.trainable_variables)\n"
                "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n"
            ),
            why="In a loop of the user's own.",
        ),
        Invalid(
            "",
            cells=(
                (
                    "from tensorflow import keras\n"
                    "from tensorflow.keras import layers as L\n"
                    "def network(outputs):\n"
                    "    inputs = keras.Input((20,))\n"
                    "    return keras.Model(inputs, L.Dense(outputs)(inputs))\n"
                ),
                ('model = network(10)\nmodel.compile("adam", "categorical_crossentropy")\n'),
            ),
            at='"categorical_crossentropy"',
            severity="error",
            cell=1,
            fixed=(
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers as L\n"
                "def network(outputs):\n"
                "    inputs = keras.Input((20,))\n"
                "    return keras.Model(inputs, L.Dense(outputs)(inputs))\n"
                "\n"
                "model = network(10)\n"
                'model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))\n'
            ),
        ),
        Invalid(
            "import keras\n"
            "from keras import layers\n"
            "\n"
            "inputs = keras.Input((20,))\n"
            "age = layers.Dense(1)(inputs)\n"
            "kind = layers.Dense(5)(inputs)\n"
            "model = keras.Model(inputs, [age, kind])\n"
            'model.compile("adam", loss=["mse", "categorical_crossentropy"])\n',
            at='["mse", "categorical_crossentropy"]',
            severity="error",
            message="categorical cross-entropy expects",
            fixed=(
                "import keras\n"
                "from keras import layers\n"
                "\n"
                "inputs = keras.Input((20,))\n"
                "age = layers.Dense(1)(inputs)\n"
                'kind = layers.Dense(5, activation="softmax")(inputs)\n'
                "model = keras.Model(inputs, [age, kind])\n"
                'model.compile("adam", loss=["mse", "categorical_crossentropy"])\n'
            ),
            why="One loss of several: the first fix is at the layer.",
        ),
        Invalid(
            "import tensorflow.compat.v1 as tf\n"
            "x = tf.placeholder(tf.float32, [None, 20])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "def entropy(labels, probabilities):\n"
            "    probabilities = tf.clip_by_value(probabilities, 1e-10, 1.0)\n"
            "    return tf.reduce_mean(-tf.reduce_sum(labels * tf.log(probabilities), axis=1))\n"
            "answer = tf.layers.dense(tf.layers.dense(x, 32, activation=tf.nn.relu), 10)\n"
            "train = tf.train.AdamOptimizer().minimize(entropy(y, answer))\n",
            at="tf.layers.dense(tf.layers.dense(x, 32, activation=tf.nn.relu), 10)",
            severity="error",
            message="the output is linear, and the cross-entropy of it expects probabilities",
            traces=("its logarithm is taken here",),
            why="A cross-entropy that is written out.",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "class Network:\n"
            "    def __init__(self):\n"
            "        self.x = tf.placeholder(tf.float32, [None, 20])\n"
            "        self.y = tf.placeholder(tf.float32, [None, 10])\n"
            "        self.answer = self.scores(self.x)\n"
            "        self.train = tf.train.AdamOptimizer().minimize(self.entropy(self.y, self.answer))\n"
            "    def scores(self, x):\n"
            "        return tf.layers.dense(tf.layers.dense(x, 32, activation=tf.nn.relu), 10)\n"
            "    def entropy(self, labels, probabilities):\n"
            "        probabilities = tf.clip_by_value(probabilities, 1e-10, 1.0)\n"
            "        return tf.reduce_mean(-tf.reduce_sum(labels * tf.log(probabilities), axis=1))\n"
            "Network()\n",
            at="self.scores(self.x)",
            traces=("this is the last layer", "its logarithm is taken here"),
            why="The softmax is missing where the network's answer comes into view of the loss.",
        ),
    ]

    def check(self, program: Program) -> Iterator[Report]:
        seen: set[Place] = set()
        for loss in computed_losses(program):
            if not _gets_scores(loss):
                continue
            predictions = loss.attributes["predictions"]
            function = predictions.activation
            given = argument_for(loss, predictions) if not loss.attributes.get("compiled") else None
            place = given.place if given is not None and given.place is not None else loss.place
            activation = activation_behind(program, predictions)
            layer = weights_before(program, predictions) if activation is None else activation
            if layer is None or (function == "linear" and not _has_weights(program, layer)):
                continue
            trace = [Step(layer.place, "this is the last layer")]
            made = _made_wrong(program, loss)
            if function != "linear" and activation is not None and len(sharing_place(program, activation)) == 1:
                # There is an activation, and it is the wrong one.
                trace = [Step(place, f"{named(loss)} is computed of it here")]
                place = activation.place
                if place in seen:
                    continue
                seen.add(place)
            elif made is not None:
                if made in seen:
                    continue
                seen.add(made)
                trace.append(Step(place, "and its output is given to the loss here"))
                place = made
            gives = "is linear" if function == "linear" else f"ends with {function}, which is no probability"
            # Categorical cross-entropy divides a row by its sum first, so large numbers become shares of it.
            is_divided = loss.attributes.get("function") == "softmax-cross-entropy"
            outside = "what is not between 0 and 1"
            if is_divided:
                outside = "a sample whose right class has no positive share of them"
            yield self.report(
                place, loss=named(loss), gives=gives, outside=outside, trace=trace, remedies=_remedies(program, loss, layer),
                assumed=assumptions(loss, told(program, loss), layer), subject=layer.id,
            )  # fmt: skip
        yield from self._written_out(program)

    def _written_out(self, program: Program) -> Iterator[Report]:
        """A cross-entropy that is written out, of plain scores as they are or clipped to the range of probabilities."""
        for key, written in written_of_scores(program).items():
            layer, logarithm = program.operation(key), written.logarithms[0]
            if layer is not None and _has_weights(program, layer):
                yield self._formula(
                    layer, written.scores, logarithm, "the logarithm of what is negative is not a number"
                )
        for logarithm in program.of_kind("log"):
            clipped = program.operation(logarithm.inputs[0])
            if clipped is None or not _clips_to_probabilities(clipped) or logarithm.id not in trained(program):
                continue
            scores = clipped.inputs[0]
            layer, made = weights_before(program, scores), program.operation(scores)
            if layer is None or made is None or not isinstance(scores, Tensor) or scores.activation != "linear":
                continue
            if _has_weights(program, layer) and weighs_labels(program, logarithm):
                yield self._formula(layer, made, logarithm, "what is not between 0 and 1 gives no gradient")

    def _formula(self, layer: Operation, scores: Operation, logarithm: Operation, consequence: str) -> Report:
        """A report at the output of the network: the formula is right, and what it is used for is not."""
        place = output_place(scores, logarithm)
        trace = [Step(scores.place, "this is the last layer")] if place != scores.place else []
        return self.report(
            place,
            message=f"the output is linear, and the cross-entropy of it expects probabilities; {consequence}",
            trace=[*trace, Step(logarithm.place, "its logarithm is taken here")],
            subject=layer.id,
        )


def _gets_scores(loss: Operation) -> bool:
    """Whether a loss that expects probabilities gets what no softmax or sigmoid has gone through."""
    predictions = loss.attributes.get("predictions")
    if loss.attributes.get("expects") != "probabilities" or loss.attributes.get("from_logits") is not False:
        return False
    return isinstance(predictions, Tensor) and predictions.activation in SCORES and not _is_within(predictions)


def _made_wrong(program: Program, loss: Operation) -> Place | None:
    """Where a loss object is made that is called with nothing but scores."""
    made = loss.attributes.get("object")
    if loss.attributes.get("form") != "object" or loss.attributes.get("compiled") or made is None:
        return None
    calls = [other for other in program.of_kind("loss") if other.attributes.get("object") == made]
    return _object_place(program, loss) if all(map(_gets_scores, calls)) else None


def _clips_to_probabilities(operation: Operation) -> bool:
    """Whether values are cut to a range from almost 0 to at most 1."""
    low, high = operation.output.low, operation.output.high
    return operation.kind == "clip" and low is not None and high is not None and 0 < low < 0.01 and 0.9 < high <= 1


def _has_weights(program: Program, layer: Operation) -> bool:
    """Whether a product is that of a layer, and not one of two results such as a cosine."""
    kernel = program.source(layer.inputs[1]) if len(layer.inputs) > 1 else None
    return layer.kind == "activation" or (kernel is not None and kernel.kind == "variable")


def _is_within(predictions: Tensor) -> bool:
    """Whether the values are proved to be probabilities, whatever made them so."""
    return (
        predictions.low is not None and predictions.high is not None and predictions.low >= 0 and predictions.high <= 1
    )


def _remedies(program: Program, loss: Operation, layer: Operation) -> list[Remedy]:
    by_loss, by_layer = _score_loss(program, loss), _activation(program, loss, layer)
    remedies = []
    if by_loss is not None:
        remedies.append(Remedy("Tell the loss that it gets scores", "unsafe", (by_loss,)))
    if by_layer is not None:
        remedies.append(Remedy(f"Put a {_fitting(loss)} on the last layer", "unsafe", (by_layer,)))
        if _wants_probabilities(program, loss):
            remedies.reverse()
    wrapped = _wrapped(loss)
    if wrapped is not None:
        remedies.append(Remedy(f"Apply the {_fitting(loss)} first", "unsafe", (wrapped,)))
    return remedies


def _score_loss(program: Program, loss: Operation) -> Action | None:
    """`from_logits=True`, in the loss object or in place of the loss's name."""
    form, name = loss.attributes.get("form"), _CLASSES.get(str(loss.attributes.get("function")))
    if name is None:
        return None
    told = loss.arguments.get("from_logits")
    if form == "object":
        made = loss.place if loss.attributes.get("compiled") else _object_place(program, loss)
        return (
            None
            if made is None
            else SetArgument(made, "from_logits", ("True",), existing=None if told is None else told.place)
        )
    if form in ("string", "class", "function") and is_sole_loss(program, loss):
        path = f"tensorflow.keras.losses.{name}"
        return ReplaceValue(loss.place, (ApiName(path, loss.place), "(from_logits=True)"))
    if form == "function" and loss.name.startswith(("keras.losses.", "keras.backend.", "keras.metrics.")):
        return SetArgument(loss.place, "from_logits", ("True",), existing=None if told is None else told.place)
    return None


def _object_place(program: Program, loss: Operation) -> Place | None:
    record = program.object(loss.attributes.get("object"))
    return None if record is None else record.place


def _fitting(loss: Operation) -> str:
    return "sigmoid" if loss.attributes.get("function") == "sigmoid-cross-entropy" else "softmax"


def _activation(program: Program, loss: Operation, layer: Operation) -> Action | None:
    """The activation that the loss expects, on the layer that makes the scores."""
    if layer.layer is None or len(sharing_place(program, layer)) > 1:
        return None
    record = program.object(layer.layer)
    if record is None or "activation" not in record.arguments or not record.name.startswith("keras."):
        return None
    argument = record.arguments["activation"]
    if layer.kind == "activation" and not (argument.given and layer.attributes.get("argument")):
        return None
    return SetArgument(record.place, "activation", (f'"{_fitting(loss)}"',), existing=argument.place)


def _wrapped(loss: Operation) -> Action | None:
    """The predictions of a loss of TensorFlow 1 turned into probabilities."""
    given = argument_for(loss, loss.attributes["predictions"])
    if loss.attributes.get("form") != "v1" or given is None or given.place is None:
        return None
    return Wrap(given.place, (ApiName("tensorflow.nn.sigmoid", given.place), "("), (")",))


def _wants_probabilities(program: Program, loss: Operation) -> bool:
    """Whether the program goes on with what the model predicts, or measures it against .5."""
    predictions = loss.attributes["predictions"]
    single = bool(predictions.shape) and predictions.shape[-1] == 1
    models = {event.model for event in program.compiles(loss.id)}
    predicts = any(event.model in models and event.method.startswith("predict") for event in program.model_calls)
    return predicts or (single and asks_for_accuracy(program, loss))
