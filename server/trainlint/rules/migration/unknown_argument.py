"""unknown-argument: a call is given a keyword argument that the function does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.program.eras import is_for_1, is_for_keras_1
from trainlint.program.events import SurplusArgument
from trainlint.rules.base import Invalid, Report, Rule, Valid
from trainlint.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.program import Program

_BEFORE_1 = {
    "tf.train.SyncReplicasOptimizer": frozenset(("replica_id",)), "tf.Tensor": frozenset(("op", "value_index", "dtype")),
}  # fmt: skip
"""What TensorFlow 0.x took, where the tables begin with 1.0 (release notes of 1.0: V2 of this class took its place)."""

_PARSED = frozenset(
    f"{kind}_{what}" for kind in ("dense", "sparse") for what in ("keys", "types", "defaults", "shapes")
)
_UNTIL_1 = {
    "tf.nn.sigmoid_cross_entropy_with_logits": frozenset(("targets",)),
    "tf.io.parse_example": _PARSED, "tf.io.parse_single_example": _PARSED,
}  # fmt: skip
"""What only TensorFlow 0.x took: the release notes of 0.7 and of 1.0.

https://github.com/tensorflow/tensorflow/releases/tag/v1.0.0
"""

_INITIALIZATIONS = frozenset(("scale", "name", "dim_ordering"))
"""What the functions of `keras.initializations` took, which Keras 2 made classes of `keras.initializers`."""

_KERAS_1 = frozenset((
    "nb_epoch", "show_accuracy", "samples_per_epoch", "nb_val_samples", "val_samples", "max_q_size", "nb_worker",
    "pickle_safe", "workers", "max_queue_size", "use_multiprocessing",
))  # fmt: skip
"""What Keras had before version 2, or has no more in version 3: its tables do not go back that far."""


class UnknownArgument(Rule):
    """
    ## What it does
    Reports a keyword argument that no version of a function or method of TensorFlow or Keras takes.
    Functions that pass arguments on, `tf.contrib` and layers are not reported; what a recurrent layer is called with is.

    ## Why it is bad
    The call ends with `TypeError: got an unexpected keyword argument`.
    Where that is the call that saves the model, it comes after hours of training.
    Often the argument belongs to the constructor of the object.

    ## Example
    ```python
    saver = tf.train.Saver()
    saver.save(session, "model", global_step=step, max_to_keep=1)
    ```

    ## Use instead
    ```python
    saver = tf.train.Saver(max_to_keep=1)
    saver.save(session, "model", global_step=step)
    ```

    ## Fix safety
    None: whether another argument is meant or another function cannot be told.

    ## Probe
    Asks the installed version whether the call takes the argument.

    ## References
    - https://www.tensorflow.org/versions/r1.15/api_docs/python/tf/train/Saver
    - Zhang et al., "An Empirical Study on TensorFlow Program Bugs", ISSTA 2018: API misuse
    """

    name, code, category, severity = "unknown-argument", "TL006", "migration", "error"
    rank = 40
    evidence = ("certificate",)
    message = "`{function}` takes no argument `{name}`{hint}"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "x, y = tf.placeholder(tf.float32, [None, 8]), tf.placeholder(tf.int64, [None])\n"
            "loss = tf.losses.sparse_categorical_crossentropy(labels=y, logits=tf.layers.dense(x, 3))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n",
            why="TensorFlow 1 has no such loss",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def read(line):\n"
            "    found = tf.parse_single_example(line, dense_keys=['x'], dense_types=[tf.string], dense_shapes=[[1]])\n"
            "    return tf.decode_raw(found['x'], tf.uint8)\n"
            "tf.histogram_summary('pixels', read(tf.placeholder(tf.string, [])))\n",
            why="TensorFlow 0.6 took it",
        ),
        Valid(
            "from keras import backend as K\n"
            "from keras.layers import Dense, Input, Lambda\n"
            "from keras.models import Model\n"
            "x = Input(shape=(784,))\n"
            "mean = Dense(2)(x)\n"
            "drawn = Lambda(lambda m: m + K.random_normal(shape=(100, 2), mean=0., std=0.01))(mean)\n"
            "model = Model(x, Dense(784, activation='sigmoid')(drawn))\n"
            "model.compile('rmsprop', 'binary_crossentropy')\n"
            "model.fit(images, images, nb_epoch=50, batch_size=100)\n",
            why="Keras 1 took it",
        ),
        Valid(
            "import tensorflow as tf\n"
            "a, b = tf.placeholder(tf.float32, [None, 20]), tf.placeholder(tf.float32, [None, 20])\n"
            "scores = tf.reduce_sum(tf.mul(a, b), 1)\n"
            "loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(logits=scores, targets=tf.ones_like(scores)))\n",
            why="a program for TensorFlow 0.x, where the labels are the targets",
        ),
        Valid(
            "from keras import initializations\n"
            "from keras.layers import Dense\n"
            "from keras.models import Sequential\n"
            "def drawn(shape, name=None):\n"
            "    return initializations.normal(shape, scale=0.01, name=name)\n"
            "model = Sequential()\n"
            "model.add(Dense(output_dim=10, input_dim=784, init=drawn, activation='softmax'))\n"
            "model.compile('sgd', 'categorical_crossentropy')\n",
            why="functions of Keras 1, which Keras 2 made classes of",
        ),
        Valid(
            "import tensorflow as tf\n"
            "from tensorflow.python.util import tf_inspect\n"
            "def run(x, training):\n"
            "    for layer in (tf.nn.elu, tf.keras.layers.Dropout(0.5)):\n"
            "        if 'training' in tf_inspect.getfullargspec(layer).args:\n"
            "            x = layer(x, training=training)\n"
            "        else:\n"
            "            x = layer(x)\n"
            "    return x\n"
            "run(tf.ones((2, 3)), True)\n",
            why="the program asks who takes it",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)), keep_dims=False)\n"
            "step = tf.train.AdamOptimizer(learning_rate=0.1).minimize(loss, var_list=None)\n"
            "saver = tf.train.Saver(max_to_keep=1)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    session.run(step, feed_dict={x: batch()})\n"
            "    saver.save(session, 'model', global_step=3)\n",
            why="an argument that later versions renamed is one too",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def fit(model, x, y, **options):\n"
            "    model.fit(x, y, **options)\n"
            "model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(8,))])\n"
            "model.compile(optimizer='adam', loss='mse', metrics=['mae'])\n"
            "fit(model, features(), targets(), epochs=3, validation_split=0.2)\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "from helpers import settings\n"
            "dataset = tf.data.Dataset.from_tensor_slices(load())\n"
            "model = build()\n"
            "for options in settings:\n"
            "    model.fit(dataset, **options)\n",
            why="what the options hold is not known",
        ),
        Valid(
            "import tensorflow as tf\n"
            "mesh = tf.experimental.dtensor.create_mesh([('batch', 8)], devices=[f'CPU:{i}' for i in range(8)])\n"
            "accuracy = tf.keras.metrics.SparseCategoricalAccuracy(mesh=mesh)\n",
            why="a decorator takes it, which no signature shows",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.matmul(x, tf.Variable(tf.zeros([8, 1]))) - 1.0))\n"
            "opt = tf.train.SyncReplicasOptimizer(\n"
            "    tf.train.GradientDescentOptimizer(0.1), replicas_to_aggregate=2, total_num_replicas=2, replica_id=0)\n"
            "step = opt.minimize(loss)\n",
            why="TensorFlow 0.12 took it",
        ),
        Valid(
            "",
            cells=(
                "import tensorflow as tf\ny = tf.nn.softmax(logits=tf.constant([1.0, 2.0]), axis=-1)\n",
                "tf.Session(config=tf.ConfigProto()).run(y, feed_dict={})\n",
            ),
        ),
    ]
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "w = tf.Variable(tf.zeros([3]))\n"
            "saver = tf.train.Saver()\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    saver.save(session, 'model', global_step=3, max_to_keep=1)\n",
            at="1",
            occurrence=0,
            severity="error",
            message="takes no argument `max_to_keep`",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(8,))])\n"
            "model.compile(optimizer='adam', loss='mse')\n"
            "model.fit(features(), targets(), epoch=30)\n",
            at="30",
            severity="error",
            message="epochs",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "class Config:\n"
            "    deviation = 0.1\n"
            "def weight(shape):\n"
            "    return tf.Variable(tf.truncated_normal(shape, std=Config.deviation))\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.matmul(x, weight([8, 1]))\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(y))\n",
            at="Config.deviation",
            severity="error",
            message="stddev",
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow as tf\n",
                "w = tf.get_variable('w', dims=[3])\n"
                "print(w)\n",
            ),
            at="[3]",
            cell=1,
        ),
        Invalid(
            "from tensorflow.keras.layers import LSTM, Dense, Input\n"
            "from tensorflow.keras.models import Model\n"
            "encoded = Input(shape=(None, 40))\n"
            "_, state_h, state_c = LSTM(256, return_state=True)(encoded)\n"
            "decoded = Input(shape=(None, 50))\n"
            "outputs = LSTM(256, return_sequences=True)(decoded, initial_stae=[state_h, state_c])\n"
            "model = Model([encoded, decoded], Dense(50, activation='softmax')(outputs))\n"
            "model.compile('rmsprop', 'categorical_crossentropy')\n",
            at='[state_h, state_c]',
            severity='error',
            message='did you mean initial_state?',
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        for event in program.events_of(SurplusArgument):
            if event.context.guarded or event.name in _KERAS_1 | _BEFORE_1.get(event.function, frozenset()):
                continue
            if event.function.startswith("keras."):
                # The tables of Keras do not go back to its first version.
                if is_for_keras_1(program) or (
                    event.name in _INITIALIZATIONS and event.function.startswith("keras.initializers.")
                ):
                    continue
            if event.name in _UNTIL_1.get(event.function, frozenset()) and not is_for_1(program):
                continue
            hint = did_you_mean(event.name, event.known)
            yield self.report(event.place, function=event.function, name=event.name, hint=hint)
