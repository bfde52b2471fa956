"""features-labels-shuffled-apart: samples and labels that are brought into different orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.finding import Step
from trainlint.program.events import ModelCall, Shuffled
from trainlint.program.program import SHAPING
from trainlint.program.values import Tensor, Tuple, Unknown
from trainlint.record import Record
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Value
    from trainlint.source.code import Place

_BY_ROW = SHAPING | {"divide", "multiply", "subtract", "add", "one-hot", "negative", "abs"}
"""What leaves each row where it is."""

_TRAINING = ("fit", "train_on_batch")
_DATASETS = ("tf.data.Dataset.from_tensor_slices", "tf.data.Dataset.from_tensors")
_DEPTH = 24


class _Column(Record, eq=False):
    """How an array came to be: what identifies it and all that it was made of, and its first operation."""

    keys: tuple[tuple[Hashable, Operation | None], ...]
    root: Operation | None


class FeaturesLabelsShuffledApart(Rule):
    """
    ## What it does
    Reports samples and labels that two calls of `shuffle` bring into different orders, and samples of a data set of Keras that are shuffled while their labels stay.
    Where the seed or the state of the generator is set between both calls, nothing is reported.

    ## Why it is bad
    Each call draws an order of its own.
    Afterwards a sample has the label of another one: the network can only learn how frequent the classes are.
    The training loss still falls, because a large network learns random labels by heart; only the validation shows it.

    ## Example
    ```python
    np.random.shuffle(x_train)
    np.random.shuffle(y_train)
    model.fit(x_train, y_train)
    ```

    ## Use instead
    ```python
    order = np.random.permutation(len(x_train))
    x_train, y_train = x_train[order], y_train[order]
    model.fit(x_train, y_train)
    ```

    ## Fix safety
    None: `fit` shuffles by itself, so both calls may go, or one order may serve both; the author decides.

    ## Probe
    Shuffles the numbers of rows in the same way and counts those that keep their label.

    ## References
    - https://numpy.org/doc/stable/reference/random/generated/numpy.random.shuffle.html
    - Zhang et al., "Understanding Deep Learning Requires Rethinking Generalization", arXiv:1611.03530: networks fit random labels
    - Ben Braiek and Khomh, "TheDeepChecker", arXiv:2204.00694: corrupted labels
    """

    name, code, category, severity = "features-labels-shuffled-apart", "TL602", "data", "error"
    rank = 50
    evidence = ("certificate",)
    message = "{what}, so samples and labels do not belong together any more"

    VALID = [
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "x, y = np.load('x.npy'), np.load('y.npy')\n"
            "order = np.random.permutation(len(x))\n"
            "x, y = x[order], y[order]\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n",
        ),
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "x, y = np.load('x.npy'), np.load('y.npy')\n"
            "state = np.random.get_state()\n"
            "np.random.shuffle(x)\n"
            "np.random.set_state(state)\n"
            "np.random.shuffle(y)\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n",
            why="both are shuffled from the same state, so the orders are the same",
        ),
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "def shuffled(array, seed=1):\n"
            "    np.random.seed(seed)\n"
            "    np.random.shuffle(array)\n"
            "    return array\n"
            "(x, y), _ = keras.datasets.mnist.load_data()\n"
            "x, y = shuffled(x), shuffled(y)\n"
            "model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)])\n"
            "model.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n"
            "model.fit(x / 255, y)\n",
            why="the same seed",
        ),
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "rows = np.loadtxt('data.csv')\n"
            "np.random.shuffle(rows)\n"
            "x, y = rows[:, :8], rows[:, 8]\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n",
            why="shuffled while samples and labels are in one array",
        ),
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "x, y = np.load('x.npy'), np.load('y.npy')\n"
            "np.random.shuffle(x)\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n",
            why="the labels of this file may all be the same",
        ),
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "(x, y), _ = keras.datasets.mnist.load_data()\n"
            "np.random.shuffle(y)\n"
            "model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)])\n"
            "model.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n"
            "model.fit(x / 255, y)\n",
            why="labels alone are shuffled on purpose: to see how well random labels are learnt",
        ),
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "def train(x, y):\n"
            "    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "    model.compile('adam', 'mse')\n"
            "    model.fit(x, y)\n"
            "    return model\n"
            "x, y = np.load('x.npy'), np.load('y.npy')\n"
            "train(x, y)\n"
            "for array in (x, y):\n"
            "    np.random.shuffle(array)\n"
            "    print(array[:3])\n",
            why="shuffled after the training",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "x, y = np.load('x.npy'), np.load('y.npy')\n"
            "data = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)\n"
            "for array in (x, y):\n"
            "    np.random.shuffle(array)\n"
            "    print(array[:3])\n"
            "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(data)\n",
            why="the dataset holds the arrays as they were",
        ),
        Valid(
            "",
            cells=(
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "(x, _), _ = keras.datasets.mnist.load_data()\n"
                "x = x.reshape(-1, 784) / 255\n"
                "np.random.shuffle(x)\n",
                "autoencoder = keras.Sequential([keras.Input((784,)), keras.layers.Dense(32, 'relu'), keras.layers.Dense(784)])\n"
                "autoencoder.compile('adam', 'mse')\n"
                "autoencoder.fit(x, x)\n",
            ),
            why="the samples are their own targets",
        ),
    ]
    INVALID = [
        Invalid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "x_train, y_train = np.load('x.npy'), np.load('y.npy')\n"
            "np.random.shuffle(x_train)\n"
            "np.random.shuffle(y_train)\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x_train, y_train)\n",
            at="np.random.shuffle(y_train)",
            severity="error",
            message="an order of their own",
            traces=("the samples are shuffled here", "they meet here"),
        ),
        Invalid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "def load():\n"
            "    (x, y), _ = tf.keras.datasets.mnist.load_data()\n"
            "    np.random.shuffle(x)\n"
            "    return x / 255.0, tf.keras.utils.to_categorical(y, 10)\n"
            "images, labels = load()\n"
            "model = tf.keras.Sequential([tf.keras.layers.Flatten(input_shape=(28, 28)), tf.keras.layers.Dense(10, 'softmax')])\n"
            "model.compile('adam', 'categorical_crossentropy')\n"
            "model.fit(images, labels)\n",
            at="np.random.shuffle(x)",
            severity="error",
            message="the labels stay in theirs",
            traces=("they meet here",),
        ),
        Invalid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "from numpy.random import shuffle\n"
            "np.random.seed(0)\n"
            "arrays = {'x': np.genfromtxt('x.csv'), 'y': np.genfromtxt('y.csv')}\n"
            "for array in arrays.values():\n"
            "    shuffle(array)\n"
            "data = tf.data.Dataset.from_tensor_slices((arrays['x'], arrays['y'])).batch(32)\n"
            "model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(8,))])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(data)\n",
            at="shuffle(array)",
            severity="error",
        ),
        Invalid(
            "",
            cells=(
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "(x, y), _ = keras.datasets.cifar10.load_data()\n",
                "np.random.shuffle(x)\n"
                "np.random.shuffle(y)\n",
                "model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)])\n"
                "model.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n"
                "model.fit(x / 255, y)\n",
            ),
            at="np.random.shuffle(y)",
            cell=1,
            severity="error",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        events = list(program.events_of(Shuffled))
        shuffles = [event for event in events if event.value is not None and not event.context.conditions]
        if not shuffles:
            return
        positions = {operation.id: index for index, operation in enumerate(program.operations)}
        seen: set[Place] = set()
        for samples, labels, place, before in _pairs(program):
            x, y = _column(program, samples), _column(program, labels)
            shared = {key for key, _ in x.keys} & {key for key, _ in y.keys}
            earlier = [event for event in shuffles if event in before]
            of_x = [event for event in earlier if _applies(event, x, shared, positions)]
            of_y = [event for event in earlier if _applies(event, y, shared, positions)]
            if not of_x or of_x[-1].place in seen:
                continue
            meeting = Step(place, "they meet here")
            if of_y:
                first, second = sorted((of_x[-1], of_y[-1]), key=lambda event: positions.get(event.op, 0))  # type: ignore[arg-type]
                between = events[events.index(first) : events.index(second)]
                if any(event.value is None for event in between) or _is_random(program, labels):
                    continue
                seen.add(of_x[-1].place)
                names = ("samples", "labels") if first is of_x[-1] else ("labels", "samples")
                yield self.report(
                    second.place,
                    what=f"the {names[1]} are shuffled into an order of their own",
                    trace=[Step(first.place, f"the {names[0]} are shuffled here"), meeting],
                )
            elif _is_of_one_set(x.root, y.root):
                seen.add(of_x[-1].place)
                yield self.report(
                    of_x[-1].place, what="the samples are shuffled and the labels stay in theirs", trace=[meeting]
                )


def _pairs(program: Program) -> Iterator[tuple[Value, Value, Place, list[Shuffled]]]:
    """Samples and labels that are given together, where, and what was shuffled before that."""
    before: list[Shuffled] = []
    for event in program.events:
        if isinstance(event, Shuffled):
            before.append(event)
        elif isinstance(event, ModelCall) and event.method in _TRAINING:
            samples, labels = event.arguments.get("x"), event.arguments.get("y")
            if samples is not None and labels is not None:
                yield samples.value, labels.value, event.place, list(before)
    for key, record in program.objects:
        if record.kind == "dataset" and record.name in _DATASETS and "of" not in record.fields:
            given = record.arguments.get("tensors")
            value = given.value if given is not None else None
            if isinstance(value, Tuple) and len(value.items) == 2:
                made = program.order[key]
                before = [e for e in program.events_of(Shuffled) if e.op is None or program.order.get(e.op, -1) < made]
                yield value.items[0], value.items[1], record.place, before


def _column(program: Program, value: Value) -> _Column:
    """The array that a value is and those that it was made of row by row."""
    keys: list[tuple[Hashable, Operation | None]] = []
    operation, after = program.operation(value), None
    if operation is None:
        return _Column(keys=((key, None),) if (key := _key(value)) is not None else (), root=None)
    for _ in range(_DEPTH):
        keys.append((operation.id, after))
        inner = next((found for v in operation.inputs if (found := program.operation(v)) is not None), None)
        if operation.kind not in _BY_ROW or inner is None:
            return _Column(keys=tuple(keys), root=operation)
        operation, after = inner, operation
    return _Column(keys=tuple(keys), root=None)


def _key(value: Value) -> Hashable | None:
    """What tells an array from others, None if nothing does."""
    if isinstance(value, Tensor):
        return value.op
    return (value.place, value.origin) if isinstance(value, Unknown) and value.place is not None else None


def _applies(event: Shuffled, column: _Column, shared: set[Any], positions: dict[Any, int]) -> bool:
    """Whether a call has shuffled an array itself, or one that it was made of afterwards."""
    key = _key(event.value) if event.value is not None else None
    if key is None or key in shared:
        return False
    for found, after in column.keys:
        if found == key:
            return after is None or positions.get(event.op, 0) < positions.get(after.id, 0)
    return False


def _is_random(program: Program, labels: Value) -> bool:
    """Whether labels are made up, so that their order means nothing."""
    root = _column(program, labels).root
    return root is not None and root.kind in ("random", "constant")


def _is_of_one_set(x: Operation | None, y: Operation | None) -> bool:
    """Whether two arrays are samples and labels of one data set as it was loaded."""
    if x is None or y is None or x.id is y.id or x.kind != "data" or y.kind != "data":
        return False
    return x.place == y.place and x.name == y.name and x.name.endswith(".load_data")
