"""unused-computation: layers and results that nothing uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import KeepResult, Remedy
from trainlint.program.dims import show
from trainlint.program.events import Discarded, Escape, Unread
from trainlint.program.freezing import parts
from trainlint.program.heads import trained
from trainlint.program.liveness import Liveness, liveness
from trainlint.program.values import ApiObject, Class, Function, Id, InstanceRecord, Ref, Tensor
from trainlint.program.weights import kernel_of
from trainlint.rules.base import Invalid, Report, Rule, Valid
from trainlint.source.code import Place

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Frame, Value

_WEIGHTED_LAYERS = (
    "Dense", "Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "SeparableConv2D", "DepthwiseConv2D", "LSTM", "GRU", "SimpleRNN",
    "Embedding", "BatchNormalization", "LayerNormalization", "MultiHeadAttention",
)  # fmt: skip
_FUNCTIONS = ("tf.nn.", "tf.sigmoid", "tf.tanh", "tf.math.", "tf.layers.dropout", "keras.activations.")
"""Functions of tensors that make no weights; what a layer makes may be meant."""

_HOOKS = frozenset(("__init__", "call", "build", "get_config", "compute_output_shape", "from_config"))


class UnusedComputation(Rule):
    """
    ## What it does
    Reports layers whose result nothing uses, products of the same operands that are computed twice, layers that a model makes and never calls, and results of datasets and functions that are dropped.
    A placeholder that nothing reads is an information.

    ## Why it is bad
    Datasets, tensors and layers are not changed in place, so a result that is not kept has no effect.
    The step that was meant is missing, and nothing says so.

    A layer without a way to the loss is not part of the network: its weights never change.

    ## Example
    ```python
    x = layers.Dense(128, activation="relu")(inputs)
    x = layers.Dense(64, activation="relu")(inputs)
    dataset.shuffle(1000)
    ```

    ## Use instead
    ```python
    x = layers.Dense(128, activation="relu")(inputs)
    x = layers.Dense(64, activation="relu")(x)
    dataset = dataset.shuffle(1000)
    ```

    ## Fix safety
    Unsafe: keeping a result that was dropped changes what the program computes, which is the point.
    For a layer without a way out there is no fix: only the author knows where it belongs.

    ## Probe
    It follows from the program: no loss depends on it.
    Weights of its own never get a gradient, which confirms it; without any, training is the same number by number.

    ## References
    - Humbatova et al., "Taxonomy of Real Faults in Deep Learning Systems", arXiv:1910.11015
    - Nikanjam et al., "Automatic Fault Detection for Deep Learning Programs Using Graph Transformations", arXiv:2105.08095
    - https://www.tensorflow.org/api_docs/python/tf/data/Dataset
    """

    name, code, category, severity = "unused-computation", "TL702", "shape", "warning"
    in_all_calls = True
    rank = 60
    evidence = ("certificate",)
    message = "{what}"

    VALID = [
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "def inputs(width):\n"
            "    return tf.placeholder(tf.float32, [None, width])\n"
            "x = inputs(12)\n"
            "print(x)\n"
            "def train(data):\n"
            "    x = inputs(data.shape[1])\n"
            "    loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "    step = tf.train.AdamOptimizer().minimize(loss)\n"
            "    with tf.Session() as session:\n"
            "        session.run(tf.global_variables_initializer())\n"
            "        session.run(step, {x: data})\n"
            "train(np.ones([4, 12]))\n",
            why="the function is tried out first",
        ),
        Valid(
            "",
            cells=(
                "from keras.layers import Conv1D, Dense, Flatten, Input\n"
                "from keras.models import Model\n"
                "x = Input((56, 4))\n"
                "blocks = [Conv1D(10, size, activation='relu')(x) for size in (3, 8)]\n"
                "blocks\n",
                "model = Model(x, Dense(1)(Flatten()(x)))\nmodel.compile('adam', 'mse')\n",
            ),
            why="a notebook shows them",
        ),
        Valid(
            "from keras.engine.topology import Node\n"
            "from keras.layers import InputLayer, Layer\n"
            "class SharedWeight(InputLayer):\n"
            "    def __init__(self, size, **kwargs):\n"
            "        Layer.__init__(self, **kwargs)\n"
            "        Node(self, inbound_layers=[], node_indices=[], output_tensors=[self.add_weight(shape=size)])\n"
            "SharedWeight((75, 1))\n",
            why="what stands between layers enters itself in them",
        ),
        Valid(
            "from tensorflow import keras\n"
            "keras.layers.Dense(10, activation='relu', kernel_initializer='he_normal')\n"
            "start = keras.initializers.VarianceScaling(scale=2.0, mode='fan_avg', distribution='uniform')\n"
            "keras.layers.Dense(10, activation='relu', kernel_initializer=start)\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n",
            why="a script that shows how layers are made",
        ),
        Valid(
            "from tensorflow import keras\n"
            "from tensorflow.keras import layers\n"
            "inputs = keras.Input((64,))\n"
            "x = layers.Dense(128, activation='relu')(inputs)\n"
            "x = layers.Dense(64, activation='relu')(x)\n"
            "model = keras.Model(inputs, layers.Dense(10, activation='softmax')(x))\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n",
        ),
        Valid(
            "",
            cells=(
                "from tensorflow.keras import layers\n",
                "# A layer that bends:\nlayers.Dense(64, activation='relu')\n"
                "# Or, with small weights:\nlayers.Dense(64, kernel_regularizer='l2')\n",
            ),
            why="a notebook shows how layers are made",
        ),
        Valid(
            "",
            cells=(
                "import tensorflow as tf\ndataset = tf.data.Dataset.from_tensor_slices([1, 2, 3]).batch(2)\n",
                "dataset.take(1)\n",
                "for batch in dataset:\n    print(batch)\n",
            ),
            why="and a part of a dataset",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 4])\n"
            "hidden = tf.layers.dense(x, 8, activation=tf.nn.relu)\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(hidden, 1)))\n"
            "code = tf.layers.dense(hidden, 2)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    session.run(train, {x: [[1, 2, 3, 4]]})\n"
            "    print(session.run(code, {x: [[1, 2, 3, 4]]}))\n",
            why="the second head is fetched",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 4])\n"
            "hidden = tf.layers.dense(x, 8, activation=tf.nn.relu)\n"
            "tf.summary.histogram('side', tf.layers.dense(hidden, 2))\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(hidden))\n",
            why="a summary shows it",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def network(x):\n"
            "    ends = {}\n"
            "    x = tf.layers.dense(x, 8)\n"
            "    ends['side'] = tf.layers.dense(x, 2)\n"
            "    return tf.layers.dense(x, 1), ends\n",
            why="both are returned to whoever calls",
        ),
        Valid(
            "import tensorflow as tf\n"
            "import heads\n"
            "x = tf.placeholder(tf.float32, [None, 4])\n"
            "side = tf.layers.dense(x, 2)\n"
            "loss = heads.attach(side)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="what an unknown function does with it is not known",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def pipeline(dataset):\n"
            "    dataset = dataset.shuffle(1000)\n"
            "    return dataset.batch(32)\n"
            "batches = pipeline(tf.data.Dataset.range(100))\n"
            "model = tf.keras.Sequential([tf.keras.layers.Dense(1)])\n"
            "model.compile('sgd', 'mse')\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "class ProcessorTest(tf.test.TestCase):\n"
            "    def test_in_a_pipeline(self):\n"
            "        dataset = tf.data.Dataset.from_tensor_slices(['a bus', 'a dog'])\n"
            "        dataset.map(lambda text: tf.strings.upper(text))\n"
            "ProcessorTest().test_in_a_pipeline()\n",
            why="nothing uses the old dataset either: the call alone is tested",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 4])\n"
            "y = tf.placeholder(tf.int32, [None])\n"
            "logits = tf.layers.dense(x, 3)\n"
            "tf.nn.softmax(logits, name='answer')\n"
            "train = tf.train.AdamOptimizer().minimize(tf.losses.sparse_softmax_cross_entropy(y, logits))\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    print(session.run('answer:0', {x: [[1.0, 2.0, 3.0, 4.0]]}))\n",
            why="the result has a name in the graph, and is fetched by it",
        ),
        Valid(
            "import tensorflow as tf\n"
            "inputs = tf.keras.Input((8,))\n"
            "hidden = tf.keras.layers.Dense(16, activation='relu')\n"
            "hidden(tf.zeros([1, 8]))\n"
            "hidden.set_weights(pretrained)\n"
            "model = tf.keras.Model(inputs, tf.keras.layers.Dense(1)(hidden(inputs)))\n"
            "model.compile('adam', 'mse')\n",
            why="the call builds the layer, so that its weights can be set",
        ),
        Valid(
            "",
            cells=(
                "from tensorflow import keras\n"
                "steps = keras.Input((120, 14))\n"
                "states = keras.layers.SimpleRNN(16, return_sequences=True)(steps)\n"
                "print(states.shape)\n",
                "inputs = keras.Input((8,))\n"
                "model = keras.Model(inputs, keras.layers.Dense(1)(inputs))\n"
                "model.compile('adam', 'mse')\n",
                "keras.layers.Dense(10, kernel_initializer='he_normal')  # as the layers above\n",
            ),
            why="Layers that show what comes out of them, or how they are made, are in no network.",
        ),
        Valid(
            "import tensorflow as tf\n"
            "import settings\n"
            "x = tf.placeholder(tf.float32, [None, 16])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "hidden = x\n"
            "for _ in range(settings.LAYERS):\n"
            "    hidden = tf.layers.dense(hidden, 16, tf.nn.relu)\n"
            "loss = tf.losses.mean_squared_error(y, tf.layers.dense(hidden, 1))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="each round reads the placeholder or what the round before made of it",
        ),
    ]
    INVALID = [
        Invalid(
            "from tensorflow import keras\n"
            "from tensorflow.keras.layers import Dense, Dropout\n"
            "inputs = keras.Input((8,))\n"
            "x = Dense(128, activation='relu')(inputs)\n"
            "x = Dense(64, activation='relu')(x)\n"
            "x = Dropout(0.1)(x)\n"
            "x = Dense(32, activation='relu')(inputs)\n"
            "model = keras.Model(inputs, Dense(1)(x))\n"
            "model.compile('adam', 'mse')\n",
            at="Dense(64, activation='relu')",
            severity="warning",
            message="nothing uses what is made of this layer",
            why="The last layer of a chain that ends before it is used.",
        ),
        Invalid(
            "from tensorflow import keras\n"
            "from tensorflow.keras import layers\n"
            "inputs = keras.Input((64,))\n"
            "x = layers.Dense(128, activation='relu')(inputs)\n"
            "x = layers.Dense(64, activation='relu')(inputs)\n"
            "model = keras.Model(inputs, layers.Dense(10, activation='softmax')(x))\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n",
            at="layers.Dense(128, activation='relu')",
            severity="warning",
            message="nothing uses the result of this layer",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "def batches(features):\n"
            "    dataset = tf.data.Dataset.from_tensor_slices(features)\n"
            "    dataset.shuffle(1000)\n"
            "    return dataset.batch(32)\n"
            "import numpy as np\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
            "model.compile('sgd', 'mse')\n"
            "model.fit(batches((np.zeros((100, 4)), np.zeros((100, 1)))))\n",
            at="dataset.shuffle(1000)",
            fixed=(
                "import tensorflow as tf\n"
                "def batches(features):\n"
                "    dataset = tf.data.Dataset.from_tensor_slices(features)\n"
                "    dataset = dataset.shuffle(1000)\n"
                "    return dataset.batch(32)\n"
                "import numpy as np\n"
                "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
                "model.compile('sgd', 'mse')\n"
                "model.fit(batches((np.zeros((100, 4)), np.zeros((100, 1)))))\n"
            ),
            severity="error",
            message="`shuffle` returns a new dataset",
        ),
        Invalid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "class Trainer:\n"
            "    def __init__(self, batch_size):\n"
            "        self.data = tf.data.Dataset.from_tensor_slices((np.zeros((100, 4)), np.zeros((100, 1))))\n"
            "        self.data.shuffle(1000).batch(batch_size)  # in random order\n"
            "    def train(self):\n"
            "        model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
            "        model.compile('sgd', 'mse')\n"
            "        model.fit(self.data)\n"
            "Trainer(32).train()\n",
            at="self.data.shuffle(1000).batch(batch_size)",
            fixed=(
                "import numpy as np\n"
                "import tensorflow as tf\n"
                "class Trainer:\n"
                "    def __init__(self, batch_size):\n"
                "        self.data = tf.data.Dataset.from_tensor_slices((np.zeros((100, 4)), np.zeros((100, 1))))\n"
                "        self.data = self.data.shuffle(1000).batch(batch_size)  # in random order\n"
                "    def train(self):\n"
                "        model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
                "        model.compile('sgd', 'mse')\n"
                "        model.fit(self.data)\n"
                "Trainer(32).train()\n"
            ),
            severity="error",
            message="`batch` returns a new dataset",
            why="two steps of an attribute",
        ),
        Invalid(
            "import tensorflow.compat.v1 as tf\n"
            "x = tf.placeholder(tf.float32, [None, 64])\n"
            "weights = {'hidden': tf.get_variable('h', [64, 32]), 'out': tf.get_variable('o', [32, 1])}\n"
            "bias = tf.Variable(tf.zeros([32]))\n"
            "layer1 = tf.add(tf.matmul(x, weights['hidden']), bias)\n"
            "relu1 = tf.nn.relu(tf.matmul(x, weights['hidden']) + bias)\n"
            "loss = tf.reduce_mean(tf.square(tf.matmul(relu1, weights['out'])))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.add(tf.matmul(x, weights['hidden']), bias)",
            severity="warning",
            message="computed once more",
            traces=("the same product is computed here",),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 4])\n"
            "keep_prob = tf.placeholder(tf.float32)\n"
            "hidden = tf.layers.dense(x, 8)\n"
            "for units in (8, 4):\n"
            "    hidden = tf.layers.dense(hidden, units)\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(hidden)))\n",
            at="tf.placeholder(tf.float32)",
            severity="info",
            message="nothing reads this placeholder",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 4])\n"
            "hidden = tf.layers.dense(x, 8)\n"
            "tf.nn.relu(hidden)\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(hidden)))\n",
            at="tf.nn.relu(hidden)",
            fixed=(
                "import tensorflow as tf\n"
                "x = tf.placeholder(tf.float32, [None, 4])\n"
                "hidden = tf.layers.dense(x, 8)\n"
                "hidden = tf.nn.relu(hidden)\n"
                "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(hidden)))\n"
            ),
            severity="error",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "class Config:\n"
            "    units = 32\n"
            "class Network(tf.keras.Model):\n"
            "    def __init__(self, config):\n"
            "        super().__init__()\n"
            "        self.first = tf.keras.layers.Dense(config.units, activation='relu')\n"
            "        self.second = tf.keras.layers.Dense(config.units, activation='relu')\n"
            "        self.out = tf.keras.layers.Dense(3)\n"
            "    def call(self, inputs):\n"
            "        return self.out(self.first(inputs))\n"
            "import numpy as np\n"
            "model = Network(Config)\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(np.zeros((10, 4)), np.zeros((10, 3)))\n",
            at="tf.keras.layers.Dense(config.units, activation='relu')",
            occurrence=1,
            severity="warning",
            message="never calls",
        ),
        Invalid(
            "",
            cells=(
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "inputs = keras.Input((64,))\n",
                "side = layers.Dense(16, activation='tanh')(inputs)\n"
                "x = layers.Dense(16, activation='relu')(inputs)\n",
                "model = keras.Model(inputs, layers.Dense(10, activation='softmax')(x))\n"
                "model.compile('adam', 'sparse_categorical_crossentropy')\n",
            ),
            at="layers.Dense(16, activation='tanh')",
            cell=1,
            severity="warning",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "from tensorflow.keras import layers\n"
            "inputs = tf.keras.Input((8,))\n"
            "h = layers.Dense(16, activation='relu')(inputs)\n"
            "layers.BatchNormalization()(h)\n"
            "model = tf.keras.Model(inputs, layers.Dense(1, activation='sigmoid')(h))\n"
            "model.compile('adam', 'binary_crossentropy')\n",
            at="layers.BatchNormalization()(h)",
            fixed=(
                "import tensorflow as tf\n"
                "from tensorflow.keras import layers\n"
                "inputs = tf.keras.Input((8,))\n"
                "h = layers.Dense(16, activation='relu')(inputs)\n"
                "h = layers.BatchNormalization()(h)\n"
                "model = tf.keras.Model(inputs, layers.Dense(1, activation='sigmoid')(h))\n"
                "model.compile('adam', 'binary_crossentropy')\n"
            ),
            severity="error",
            message="`BatchNormalization` layer is dropped",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "class Network(tf.keras.Model):\n"
            "    def __init__(self, rate):\n"
            "        super().__init__()\n"
            "        self.hidden = tf.keras.layers.Dense(16, activation='relu')\n"
            "        self.drop = tf.keras.layers.Dropout(rate)\n"
            "        self.out = tf.keras.layers.Dense(1)\n"
            "    def call(self, x):\n"
            "        h = self.hidden(x)\n"
            "        self.drop(h)\n"
            "        return self.out(h)\n"
            "model = Network(0.5)\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(tf.random.normal((10, 3)), tf.random.normal((10, 1)))\n",
            at="self.drop(h)",
            fixed=(
                "import tensorflow as tf\n"
                "class Network(tf.keras.Model):\n"
                "    def __init__(self, rate):\n"
                "        super().__init__()\n"
                "        self.hidden = tf.keras.layers.Dense(16, activation='relu')\n"
                "        self.drop = tf.keras.layers.Dropout(rate)\n"
                "        self.out = tf.keras.layers.Dense(1)\n"
                "    def call(self, x):\n"
                "        h = self.hidden(x)\n"
                "        h = self.drop(h)\n"
                "        return self.out(h)\n"
                "model = Network(0.5)\n"
                "model.compile('adam', 'mse')\n"
                "model.fit(tf.random.normal((10, 3)), tf.random.normal((10, 1)))\n"
            ),
            severity="error",
            message="`Dropout` layer is dropped",
            why="the layers of a model are made in another method",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "class Network(tf.keras.Model):\n"
            "    def __init__(self):\n"
            "        super().__init__()\n"
            "        self.hidden = tf.keras.layers.Dense(16, activation='relu')\n"
            "        self.out = tf.keras.layers.Dense(1)\n"
            "    def call(self, x):\n"
            "        h = self.hidden(x)\n"
            "        return self.out(x)\n"
            "model = Network()\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(tf.random.normal((10, 3)), tf.random.normal((10, 1)))\n",
            at="self.hidden(x)",
            severity="warning",
            message="nothing uses the result of this layer",
            why="the call is wrong, not the line where the layer is made",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        examples = _examples(program)
        for event in program.discarded:
            if event not in examples:
                yield from self._discarded(program, event)
        if not any(True for _ in program.minimized):
            # A part of a network: what it is for is not seen here.
            return
        if any(True for _ in program.events_of(Unread)):
            return
        found = liveness(program)
        if found.reliable:
            yield from self._unused(program, found)
            yield from self._uncalled(program)
        if not found.joined:
            yield from self._placeholders(program, found)

    def _discarded(self, program: Program, event: Discarded) -> Iterator[Report]:
        record = program.object(event.value) if isinstance(event.value, Ref) else None
        if (
            record is not None
            and record.kind == "dataset"
            and record.place == event.place
            and record.fields.get("steps")
            and _goes_on(program, record)
            and not (event.shown and _is_tried_out(program, record))
        ):
            step = record.fields["steps"][-1]
            what = f"`{step}` returns a new dataset, and this one is dropped: the old one stays as it is"
            keep = Remedy("Keep the result in the variable of the dataset", "unsafe", (KeepResult(event.place),))
            yield self.report(event.place, severity="error", what=what, remedies=[keep])
        elif event.shown:
            return  # what a notebook shows was made to be looked at
        elif record is not None and _makes_layer(program, event) and _is_left_out(program, event):
            name = record.name.rsplit(".", 1)[-1]
            yield self.report(
                event.place, severity="error", what=f"this `{name}` layer is made and dropped: it is in no model"
            )
        operation = program.operation(event.value) if isinstance(event.value, Tensor) else None
        if operation is not None and operation.layer is not None and _is_dropped(program, operation, event.place):
            name = operation.name.rsplit(".", 1)[-1]
            what = f"the result of this `{name}` layer is dropped: the tensor that goes in stays as it is"
            keep = Remedy(
                "Keep the result in the variable that goes in", "unsafe", (KeepResult(event.place, argument=True),)
            )
            yield self.report(event.place, severity="error", what=what, subject=operation.id, remedies=[keep])
        if operation is None or operation.place != event.place or operation.layer is not None:
            return
        if operation.name == "np.random.permutation":
            what = "`permutation` returns a shuffled copy, and this one is dropped: the array stays in its order"
            yield self.report(event.place, severity="error", what=what, subject=operation.id)
        elif operation.kind in ("activation", "dropout") and operation.name.startswith(_FUNCTIONS):
            # What has a name in a graph can be fetched by it.
            given = operation.arguments.get("name")
            if _is_part(program, operation):
                return  # a part that was taken for this call was to be looked at
            if _in_graph(program, operation) and (given is None or not given.given):
                what = f"the result of `{operation.name.rsplit('.', 1)[-1]}` is dropped: the tensor that goes in stays as it is"
                yield self.report(
                    event.place, severity="error", what=what, subject=operation.id, remedies=_kept(operation)
                )

    def _unused(self, program: Program, found: Liveness) -> Iterator[Report]:
        unused = [o for o in program.of_kind("matmul", "convolution", "recurrent") if not found.is_used(o.id)]
        if not unused:
            return
        used_places = {o.place for o in program.operations if o.id in found.alive}
        dropped = {event.value.op for event in program.discarded if isinstance(event.value, Tensor)}
        seen: set[Place] = set()
        ids = {operation.id for operation in unused}
        for operation in unused:
            if operation.context.loop or operation.place in used_places:
                continue
            if any(user.id in ids and user is not operation for user in program.descendants(operation.output)):
                continue  # the last one of a chain is told
            if operation.kind != "recurrent" and kernel_of(program, operation) is None:
                continue
            last = _end(found, operation)
            if last.place in seen or last.place in used_places:
                continue
            if not _is_fed_alike(program, operation, found):
                continue
            seen.add(last.place)
            twin = _twin(program, operation, found)
            named = any(o.arguments.get("name") is not None and o.arguments["name"].given for o in (operation, last))
            goes_on = operation.layer is not None and last.layer is not operation.layer
            what = "nothing uses what is made of this layer" if goes_on else "nothing uses the result of this layer"
            steps = []
            if twin is not None:
                what = "nothing uses this product; it is computed once more"
                steps = [Step(twin.place, "the same product is computed here, and used")]
            elif (
                operation.layer is None
                and operation.kind == "matmul"
                and operation.symbol is not None
                and operation.symbol.name == "tf.matmul"
            ):
                what = "nothing uses this product of weights"
            if last.output.shape is not None and None not in last.output.shape:
                what += f" {show(last.output.shape)}" if twin is None else ""
            if last.id in dropped:
                continue
            place = _layer_place(program, operation) or last.place
            yield self.report(
                place, severity="info" if named else "warning", what=what, trace=steps, subject=operation.id
            )

    def _uncalled(self, program: Program) -> Iterator[Report]:
        models = [pair for pair in program.instances if "__built__" in pair[1].attributes]
        if not models:
            return
        called = {operation.layer for operation in program.operations if operation.layer is not None}
        suspects = [
            (key, instance, name, value.id, record)
            for key, instance in models
            for name, value in instance.attributes.items()
            if isinstance(value, Ref) and value.id not in called
            and (record := program.object(value)) is not None and _is_bare(record) and not name.startswith("__")
        ]  # fmt: skip
        if not suspects:
            return
        held = _held(program)
        ran = {operation.context.function for operation in program.operations}
        methods = _methods(program)
        for key, instance, name, layer, record in suspects:
            if layer not in held and _methods_ran(instance, methods, ran) and not program.escapes(key):
                yield self.report(
                    record.place,
                    severity="warning",
                    what=f"the model makes the layer `{name}` and never calls it",
                    subject=layer,
                )

    def _placeholders(self, program: Program, found: Liveness) -> Iterator[Report]:
        unread = [
            operation for operation in program.of_kind("placeholder")
            if not (found.is_used(operation.id) or found.users(operation.id) or operation.context.loop)
        ]  # fmt: skip
        # A function that makes placeholders may be tried out before it is used.
        idle = {operation.id for operation in unread}
        needed = {operation.place for operation in program.of_kind("placeholder") if operation.id not in idle}
        for operation in unread:
            if operation.place in needed:
                continue
            yield self.report(
                operation.place, severity="info", what="nothing reads this placeholder", subject=operation.id
            )


def _makes_layer(program: Program, event: Discarded) -> bool:
    """Whether all that a statement does is to make a layer."""
    record = program.object(event.value) if isinstance(event.value, Ref) else None
    return record is not None and record.kind == "layer" and record.place == event.place


def _is_left_out(program: Program, event: Discarded) -> bool:
    """Whether a layer is made in a function, or between two layers of one model; else it shows how layers are made."""
    if event.context.function or not isinstance(event.value, Ref):
        return True
    layers = [key for key, record in program.objects if record.kind == "layer"]
    index = layers.index(event.value.id) if event.value.id in layers else 0
    around = {*layers[max(0, index - 1) : index], *layers[index + 1 : index + 2]}
    models = (key for key, record in program.objects if record.kind == "model")
    return len(around) == 2 and any(around <= parts(program, model) for model in models)


def _examples(program: Program) -> list[Discarded]:
    """The statements before a layer that a notebook shows, which make layers too: together they show how it is done."""
    found: list[Discarded] = []
    goes_on = False
    for event in reversed(list(program.discarded)):
        goes_on = _makes_layer(program, event) and (goes_on or event.shown)
        if goes_on:
            found.append(event)
    return found


def _is_dropped(program: Program, operation: Operation, call: Place) -> bool:
    """Whether a layer is called on a part of a network and its result dropped, while the network goes on without it.

    A layer that is called on anything else is only built, as `layer(tf.zeros((1, 3)))`.
    """
    if not operation.name.startswith("keras.layers.") or operation.name.endswith("ActivityRegularization"):
        return False
    if operation.kind in ("opaque", "recurrent") or not operation.inputs or not is_own_call(operation, call):
        return False
    entering = operation.inputs[0]
    first: Operation | None = operation
    while first is not None and first.layer is operation.layer and first.inputs:
        entering = first.inputs[0]
        first = program.operation(entering)
    if first is None or first.layer is operation.layer:
        return False
    reached = (program.operation(key) for key in program.ancestors(entering))
    if not any(o is not None and o.kind in ("placeholder", "input", "variable") for o in reached):
        return False
    if any(user.layer is not operation.layer for user in program.consumers(entering)):
        return True
    return operation.id.frame.name == "call"


def is_own_call(operation: Operation, call: Place) -> bool:
    """Whether a layer's operation was made by a call of the layer itself, not by one of a model that it is in."""
    tag = operation.id.tag
    if not isinstance(tag, tuple) or tag[-1] != call:
        return False
    return not any(isinstance(part, tuple) for part in operation.id.iteration)


def _in_graph(program: Program, operation: Operation) -> bool:
    """Whether a result depends on what a network is fed or learns, so that it is no constant to look at."""
    reached = (program.operation(key) for key in program.ancestors(operation.id))
    return any(o is not None and o.kind in ("placeholder", "input", "variable") for o in reached)


def _kept(operation: Operation) -> list[Remedy]:
    """`x = tf.nn.relu(x)` for a result of a named tensor."""
    for argument in operation.arguments.values():
        spelled = argument.spelled or ""
        if argument.place is not None and isinstance(argument.value, Tensor) and spelled.isidentifier():
            if (
                operation.inputs
                and isinstance(operation.inputs[0], Tensor)
                and argument.value.op is operation.inputs[0].op
            ):
                action = KeepResult(operation.place, argument.place)
                return [Remedy(f"Keep the result in `{spelled}`", "unsafe", (action,))]
    return []


_LOOKED_AT = ("take", "skip")
"""Parts of a dataset that a notebook may show; nobody takes them for a change of it."""


def _is_part(program: Program, operation: Operation) -> bool:
    """Whether an operation gets a part of a tensor that nothing else gets: `tf.nn.softmax(scores[:5])`."""
    source = program.operation(operation.inputs[0]) if operation.inputs else None
    return source is not None and source.kind == "slice" and len(program.consumers(source.output)) == 1


def _is_tried_out(program: Program, dataset: ApiObject) -> bool:
    """Whether a notebook shows a dataset to look at it: a part, or a step that another dataset of it takes for good."""
    step = dataset.fields["steps"][-1]
    others = (record for _, record in program.objects if record.kind == "dataset" and record.place != dataset.place)
    return step in _LOOKED_AT or any(step in record.fields.get("steps", ()) for record in others)


def _goes_on(program: Program, dropped: ApiObject) -> bool:
    """Whether the program goes on with a dataset that a dropped one was made of, in one or several steps."""
    places = {event.place for event in program.discarded} | {dropped.place}
    value = dropped.fields.get("of")
    for _ in range(8):
        if _is_used(program, value, places):
            return True
        record = program.object(value) if isinstance(value, Ref) else None
        if record is None or record.fields.get("of") is None:
            return False
        places.add(record.place)
        value = record.fields["of"]
    return False


def _is_used(program: Program, value: Value | None, dropped: Collection[Place]) -> bool:
    """Whether the program goes on with a dataset: trains with it, gives it away or makes another of it."""
    record = program.object(value) if isinstance(value, Ref) else None
    if record is None or not isinstance(value, Ref):
        return False
    for _, other in program.objects:
        source = other.fields.get("of")
        if isinstance(source, Ref) and source.id is value.id and other.place not in dropped:
            return True
    given: list[Value] = [v for event in program.events_of(Escape) for v in event.values]
    given += [argument.value for call in program.model_calls for argument in call.arguments.values()]
    if any(isinstance(item, Ref) and item.id is value.id for v in given for item in program.items(v)):
        return True
    reached = set(trained(program)).union(*(program.ancestors(fetch) for run in program.runs for fetch in run.fetches))
    return any(isinstance(item, Tensor) and item.op in reached for item in program.items(record.fields.get("element")))


def _end(found: Liveness, operation: Operation) -> Operation:
    """The last operation of an unused chain."""
    seen = {operation.id}
    current = operation
    while True:
        following = [user for user in found.users(current.id) if user.id not in seen]
        if not following:
            return current
        current = following[0]
        seen.add(current.id)


def _is_fed_alike(program: Program, operation: Operation, found: Liveness) -> bool:
    """Whether a result is made of something that is used elsewhere; else it stands there to show what comes out."""
    behind = (program.operation(key) for key in program.ancestors(operation.id))
    return any(
        each is not None and each.kind not in ("variable", "constant", "random") and found.is_used(each.id)
        for each in behind
    )


def _layer_place(program: Program, operation: Operation) -> Place | None:
    """Where the layer object of an operation is made, or called if that is another method."""
    record = program.object(operation.layer) if isinstance(operation.layer, Id) else None
    if not isinstance(record, ApiObject) or operation.layer is None:
        return None
    call = operation.id.tag[-1] if isinstance(operation.id.tag, tuple) else None
    # A model makes its layers in one method and calls them in another.
    is_elsewhere = operation.layer.frame is not operation.id.frame and operation.id.frame.name == "call"
    return call if is_elsewhere and isinstance(call, Place) else record.place


def _twin(program: Program, operation: Operation, found: Liveness) -> Operation | None:
    """Another, used product of the same two operands."""
    keys = [value.op if isinstance(value, Tensor) else None for value in operation.inputs[:2]]
    if None in keys:
        return None
    for other in program.of_kind(operation.kind):
        if other.id is operation.id or other.id not in found.alive or other.place == operation.place:
            continue
        if [value.op if isinstance(value, Tensor) else None for value in other.inputs[:2]] == keys:
            return other
    return None


def _is_bare(record: ApiObject) -> bool:
    """Whether an object is a layer that makes weights when it is called, and has none."""
    if record.kind != "layer" or record.name.rsplit(".", 1)[-1] not in _WEIGHTED_LAYERS:
        return False
    return not any(field.startswith("weight ") for field in record.fields)


def _held(program: Program) -> set[Id]:
    """The objects that another object holds: the layers of a Sequential, the layer in a wrapper."""
    held: set[Id] = set()
    for _, record in program.objects:
        for argument in record.arguments.values():
            if isinstance(argument.value, Ref):
                held.add(argument.value.id)
                held.update(item.id for item in program.items(argument.value) if isinstance(item, Ref))
        layers = record.fields.get("layers")
        if isinstance(layers, tuple):
            held.update(item.id for item in layers if isinstance(item, Ref))
    return held


def _methods(program: Program) -> dict[Frame, list[str]]:
    """The names of all functions, by the frame that defines them."""
    found: dict[Frame, list[str]] = {}
    for key, value in program.heap.items():
        if type(value) is Function and type(key) is tuple and len(key) == 2 and isinstance(key[1], str):
            found.setdefault(key[0], []).append(key[1])
    return found


def _methods_ran(instance: InstanceRecord, methods: Mapping[Frame, list[str]], ran: Collection[str]) -> bool:
    """Whether every method of an object's class has left a trace: one that did not may call any layer."""
    if not isinstance(instance.cls, Class):
        return False
    names = methods.get(instance.cls.frame, ())
    return all(name in _HOOKS or any(name in function for function in ran) for name in names)
