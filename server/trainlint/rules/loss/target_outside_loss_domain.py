"""target-outside-loss-domain: targets for which the loss is not defined."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import Remedy, ReplaceValue, Source
from trainlint.program.compiles import is_replaced
from trainlint.program.events import ModelCall, SessionRun
from trainlint.program.heads import named, width
from trainlint.program.labels import ONE_HOT, format_of
from trainlint.program.reach import reach, told
from trainlint.program.training import computed_losses, training_feeds_of
from trainlint.program.values import Tensor
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.reach import Reach

MARGIN = 0.02
"""Targets that stick out by less than this are rounding or smoothing, not another scale."""

NOISE = 0.1
"""Noise on the labels of a GAN sticks out by about this (https://keras.io/guides/custom_train_step_in_tensorflow/ adds 0.05)."""

LOWEST = {"kl-divergence": 0.0, "poisson": 0.0, "squared-log-error": 0.0}
"""Below this a logarithm or a probability has no meaning, or Keras takes what is given for 0."""


class TargetOutsideLossDomain(Rule):
    """
    ## What it does
    Reports a loss whose targets are proved to lie where it is not defined.
    Those are targets of binary cross-entropy that are not between 0 and 1, class numbers that are negative or not below the number of outputs, and negative targets of losses with a logarithm.

    ## Why it is bad
    Binary cross-entropy with targets of 0 to 255 or of -1 and 1 falls below 0 and on without end, and what it falls to is no good answer.
    A class number that is too high stops the program on a CPU and gives NaN on a GPU.

    ## Example
    ```python
    (x, _), _ = keras.datasets.mnist.load_data()
    autoencoder.compile("adam", loss="binary_crossentropy")
    autoencoder.fit(x, x)
    ```

    ## Use instead
    ```python
    (x, _), _ = keras.datasets.mnist.load_data()
    x = x / 255.0
    autoencoder.compile("adam", loss="binary_crossentropy")
    autoencoder.fit(x, x)
    ```

    ## Fix safety
    Unsafe: it scales or shifts the targets where they are handed over, and other uses of them may have to follow.

    ## Probe
    Looks at the definition of the loss; for class numbers, takes one step of the installed Keras with a label that is no class.

    ## References
    - keras-team/keras#1917, keras-team/keras#2841, keras-team/keras#13926, tensorflow/tensorflow#71638
    - https://stackoverflow.com/questions/42264649
    """

    name, code, category, severity = "target-outside-loss-domain", "TL307", "loss", "error"
    rank = 48
    evidence = ("certificate",)
    message = "{loss} takes targets {domain}, but these {lie}"

    VALID = [
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "\n"
            "batch_size, latent_dim = 64, 32\n"
            "(x_train, _), _ = keras.datasets.mnist.load_data()\n"
            'x_train = x_train.reshape(60000, 784).astype("float32") / 255\n'
            "discriminator = keras.Sequential([\n"
            '    keras.layers.Input((784,)), keras.layers.Dense(128, activation="relu"),\n'
            '    keras.layers.Dense(1, activation="sigmoid")])\n'
            'discriminator.compile(loss="binary_crossentropy", optimizer="adam")\n'
            "generator = keras.Sequential([\n"
            '    keras.layers.Input((latent_dim,)), keras.layers.Dense(128, activation="relu"),\n'
            '    keras.layers.Dense(784, activation="sigmoid")])\n'
            "discriminator.trainable = False\n"
            "noise = keras.layers.Input((latent_dim,))\n"
            "gan = keras.Model(noise, discriminator(generator(noise)))\n"
            'gan.compile(loss="binary_crossentropy", optimizer="adam")\n'
            "\n"
            "for step in range(1000):\n"
            "    fake = generator.predict(np.random.normal(size=(batch_size, latent_dim)))\n"
            "    real = x_train[step * batch_size % 50000:][:batch_size]\n"
            "    images = np.concatenate([fake, real])\n"
            "    labels = np.concatenate([np.ones((batch_size, 1)), np.zeros((batch_size, 1))])\n"
            "    labels += 0.05 * np.random.random(labels.shape)\n"
            "    discriminator.train_on_batch(images, labels)\n"
            "    gan.train_on_batch(np.random.normal(size=(batch_size, latent_dim)), np.zeros((batch_size, 1)))\n",
            why="a little noise on the labels of a GAN, added in place",
        ),
        Valid(
            (
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "\n"
                "(x, _), _ = keras.datasets.mnist.load_data()\n"
                "x = x.reshape(-1, 784) / 255.0\n"
                'model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(784, "sigmoid")])\n'
                'model.compile("adam", loss="binary_crossentropy")\n'
                "model.fit(x, x)\n"
            ),
        ),
        Valid(
            (
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.int64, [None])\n"
                "loss = tf.losses.sparse_softmax_cross_entropy(y, tf.layers.dense(x, 10))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
                "with tf.Session() as session:\n"
                "    session.run(train, {x: np.random.normal(size=(50, 8)), y: np.random.randint(1, 11, size=50) - 1})\n"
            ),
            why="The numbers are shifted to begin with 0.",
        ),
        Valid(
            (
                "import argparse\n"
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "\n"
                "parser = argparse.ArgumentParser()\n"
                'parser.add_argument("--labels", required=True)\n'
                "y = np.load(parser.parse_args().labels)\n"
                'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="sigmoid")])\n'
                'model.compile("adam", loss="binary_crossentropy")\n'
                "model.fit(np.random.normal(size=(500, 8)), y)\n"
            ),
            why="What the file holds is not known.",
        ),
        Valid(
            "",
            cells=(
                ("import numpy as np\nfrom tensorflow import keras\nsigns = np.random.choice([-1, 1], size=500)\n"),
                (
                    'model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation="tanh")])\n'
                    'model.compile("adam", loss="hinge")\n'
                    "model.fit(np.random.normal(size=(500, 8)), signs)\n"
                ),
            ),
            why="Hinge takes -1 and 1.",
        ),
        Valid(
            "import tensorflow as tf\n"
            "critic = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(1)])\n"
            "entropy = tf.keras.losses.BinaryCrossentropy(from_logits=True)\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "labels = tf.concat([tf.ones((32, 1)), tf.zeros((32, 1))], axis=0)\n"
            "labels += 0.05 * tf.random.uniform(tf.shape(labels))\n"
            "with tf.GradientTape() as tape:\n"
            "    loss = entropy(labels, critic(tf.random.normal((64, 8))))\n"
            "gradients = tape.gradient(loss, critic.trainable_weights)\n"
            "optimizer.apply_gradients(zip(gradients, critic.trainable_weights))\n",
            why="a little noise on the labels, as is usual for the critic of a GAN",
        ),
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(10, activation='softmax')])\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n"
            "model.fit(np.random.rand(30, 8), np.tile(np.arange(10), 3))\n",
            why="`arange(10)` ends with 9",
        ),
    ]
    INVALID = [
        Invalid(
            (
                "from tensorflow import keras\n"
                "\n"
                "(x, _), _ = keras.datasets.mnist.load_data()\n"
                "x = x.reshape(-1, 784)\n"
                "model = keras.Sequential(\n"
                "    [\n"
                "        keras.Input((784,)),\n"
                "        keras.layers.Rescaling(1 / 255),\n"
                '        keras.layers.Dense(32, "relu"),\n'
                '        keras.layers.Dense(784, "sigmoid"),\n'
                "    ]\n"
                ")\n"
                'model.compile("adam", loss="binary_crossentropy")\n'
                "model.fit(x, x)\n"
            ),
            at='"binary_crossentropy"',
            severity="error",
            message="between 0 and 1, but these go from 0 to 255",
            traces=("the targets are made here",),
            fixed=(
                "from tensorflow import keras\n"
                "\n"
                "(x, _), _ = keras.datasets.mnist.load_data()\n"
                "x = x.reshape(-1, 784)\n"
                "model = keras.Sequential(\n"
                "    [\n"
                "        keras.Input((784,)),\n"
                "        keras.layers.Rescaling(1 / 255),\n"
                '        keras.layers.Dense(32, "relu"),\n'
                '        keras.layers.Dense(784, "sigmoid"),\n'
                "    ]\n"
                ")\n"
                'model.compile("adam", loss="binary_crossentropy")\n'
                "model.fit(x, x / 255.0)\n"
            ),
        ),
        Invalid(
            (
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 1])\n"
                "loss = tf.losses.sigmoid_cross_entropy(y, tf.layers.dense(x, 1))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
                "with tf.Session() as session:\n"
                "    session.run(tf.global_variables_initializer())\n"
                "    for step in range(100):\n"
                "        rows = np.random.normal(size=(50, 8))\n"
                "        signs = np.where(rows[:, :1] > 0, 1, -1)\n"
                "        session.run(train, {x: rows, y: signs})\n"
            ),
            at="tf.losses.sigmoid_cross_entropy(y, tf.layers.dense(x, 1))",
            severity="error",
            message="these go from -1 to 1",
            fixed=(
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 1])\n"
                "loss = tf.losses.sigmoid_cross_entropy(y, tf.layers.dense(x, 1))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
                "with tf.Session() as session:\n"
                "    session.run(tf.global_variables_initializer())\n"
                "    for step in range(100):\n"
                "        rows = np.random.normal(size=(50, 8))\n"
                "        signs = np.where(rows[:, :1] > 0, 1, -1)\n"
                "        session.run(train, {x: rows, y: (signs + 1) / 2})\n"
            ),
        ),
        Invalid(
            (
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "\n"
                "\n"
                "class Config:\n"
                "    classes = 5\n"
                "\n"
                "\n"
                "def labels(count):\n"
                "    return np.random.randint(1, Config.classes + 1, size=count)\n"
                "\n"
                "\n"
                'model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(Config.classes, "softmax")])\n'
                'model.compile("adam", loss=tf.keras.losses.SparseCategoricalCrossentropy())\n'
                "model.fit(np.random.normal(size=(500, 8)), labels(500))\n"
            ),
            at="tf.keras.losses.SparseCategoricalCrossentropy()",
            severity="error",
            message="0 to 4, but these go from 1 to 5",
            fixed=(
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "\n"
                "\n"
                "class Config:\n"
                "    classes = 5\n"
                "\n"
                "\n"
                "def labels(count):\n"
                "    return np.random.randint(1, Config.classes + 1, size=count)\n"
                "\n"
                "\n"
                'model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(Config.classes, "softmax")])\n'
                'model.compile("adam", loss=tf.keras.losses.SparseCategoricalCrossentropy())\n'
                "model.fit(np.random.normal(size=(500, 8)), labels(500) - 1)\n"
            ),
        ),
        Invalid(
            (
                "from keras import Input, Sequential\n"
                "from keras.datasets import cifar100\n"
                "from keras.layers import Dense, Flatten, Rescaling\n"
                "\n"
                "(x, y), _ = cifar100.load_data()\n"
                'model = Sequential([Input((32, 32, 3)), Rescaling(1 / 255), Flatten(), Dense(10, activation="softmax")])\n'
                'model.compile("adam", loss="sparse_categorical_crossentropy")\n'
                "model.fit(x, y)\n"
            ),
            at='"sparse_categorical_crossentropy"',
            severity="error",
            message="class numbers from 0 to 9",
        ),
        Invalid(
            "",
            cells=(
                ("import numpy as np\nfrom tensorflow import keras\nchanges = np.random.normal(size=(500, 1))\n"),
                (
                    "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
                    'model.compile("adam", loss="poisson")\n'
                    "for epoch in range(10):\n"
                    "    model.train_on_batch(np.random.normal(size=(500, 8)), changes)\n"
                ),
            ),
            at='"poisson"',
            severity="error",
            cell=1,
        ),
    ]

    def check(self, program: Program) -> Iterator[Report]:
        for loss in computed_losses(program):
            yield from program.recall(self._of, loss)

    def _of(self, program: Program, loss: Operation) -> Iterator[Report]:
        labels, predictions = loss.attributes.get("labels"), loss.attributes.get("predictions")
        if not isinstance(labels, Tensor) or not isinstance(predictions, Tensor) or is_replaced(program, loss):
            return
        domain = _domain(program, loss, labels, predictions)
        ignored = loss.arguments.get("ignore_class")
        if (
            domain is None
            or _is_decoded(program, labels)
            or program.variables(labels)
            or (ignored is not None and ignored.given)
        ):
            return
        found = reach(program, labels)
        lowest, highest, text = domain
        if found is None or (found.low >= lowest - MARGIN and (highest is None or found.high <= highest + MARGIN)):
            return
        if highest is not None and _has_noise(program, labels, max(lowest - found.low, found.high - highest)):
            return
        yield self.report(
            loss.place, loss=named(loss), domain=text, lie=told(found),
            trace=(Step(found.place, "the targets are made here"),),
            remedies=_remedies(program, loss, labels, found, lowest, highest), subject=loss.id,
        )  # fmt: skip


def _is_decoded(program: Program, labels: Tensor) -> bool:
    """Whether the targets are read from pictures: the numbers in a mask of classes are not all that a picture can hold."""
    source = program.source(labels)
    values = [labels]
    if source is not None and source.kind in ("placeholder", "input"):
        values += [feed.value for _, feed in training_feeds_of(program, source.id) if isinstance(feed.value, Tensor)]
    made = [program.operation(key) for value in values for key in program.ancestors(value)]
    return any(each is not None and ".decode_" in each.name for each in made)


def _has_noise(program: Program, labels: Tensor, excess: float) -> bool:
    """Whether the targets only go too far because of a little noise that was added on purpose, as for a GAN."""
    source = program.source(labels)
    if source is not None and source.kind in ("placeholder", "input"):
        fed = [feed.value for _, feed in training_feeds_of(program, source.id)]
        return any(isinstance(value, Tensor) and _has_noise(program, value, excess) for value in fed)
    if source is None or source.kind not in ("add", "subtract") or excess > NOISE:
        return False
    parts = [program.operation(value) for value in source.inputs]
    return any(
        part is not None and (part.kind == "random" or any(o.kind == "random" for o in program.producers(part)))
        for part in parts
    )


def _domain(
    program: Program, loss: Operation, labels: Tensor, predictions: Tensor
) -> tuple[float, float | None, str] | None:
    """The lowest and highest target that a loss takes, and how to say it."""
    function = str(loss.attributes.get("function"))
    if function == "sigmoid-cross-entropy":
        return 0.0, 1.0, "between 0 and 1"
    if function == "sparse-softmax-cross-entropy":
        units = width(program, predictions, loss)
        if units == 1 or format_of(labels, predictions) == ONE_HOT:
            return None
        if not isinstance(units, int):
            return 0.0, None, "that are class numbers from 0 on"
        return 0.0, units - 1.0, f"that are class numbers from 0 to {units - 1}"
    lowest = LOWEST.get(function)
    return None if lowest is None else (lowest, None, f"of at least {lowest:g}")


def _remedies(
    program: Program, loss: Operation, labels: Tensor, found: Reach, lowest: float, highest: float | None
) -> list[Remedy]:
    """The targets scaled or shifted where they are fed, if all training feeds of them are at one place."""
    source = program.source(labels)
    feeds = [] if source is None else training_feeds_of(program, source.id)
    if len({feed.place for _, feed in feeds}) != 1 or highest is None:
        return []
    event, feed = feeds[0]
    if not isinstance(event, SessionRun):
        given = event.arguments.get("y") if isinstance(event, ModelCall) else None
        if given is None or given.place != feed.place:
            return []
    new: tuple[Source | str, ...]
    if (found.low, found.high) == (0.0, 255.0) and highest == 1.0:
        new, title = (Source(feed.place), " / 255.0"), "Scale the targets to 0..1"
    elif (found.low, found.high) == (-1.0, 1.0) and highest == 1.0:
        new, title = ("(", Source(feed.place), " + 1) / 2"), "Map -1 and 1 to 0 and 1"
    elif found.low == 1.0 and found.high == highest + 1:
        new, title = (Source(feed.place), " - 1"), "Count the classes from 0"
    else:
        return []
    return [Remedy(title, "unsafe", (ReplaceValue(feed.place, new),))]
