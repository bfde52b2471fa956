"""shuffled-take-skip-leak: a split by take and skip of a dataset that is shuffled anew in each pass."""

from __future__ import annotations

from collections.abc import Iterator

from trainlint.finding import Step
from trainlint.fixes.actions import Remedy, SetArgument
from trainlint.program import pipelines
from trainlint.program.program import Program
from trainlint.program.values import ApiObject, Const, Id, Ref
from trainlint.rules.base import Invalid, Report, Rule, Valid


class ShuffledTakeSkipLeak(Rule):
    """
    ## What it does
    Reports `take` and `skip` (or two shards) of one dataset that is shuffled again in each pass.

    ## Why it is bad
    `shuffle` mixes the elements anew each time the dataset is read, unless `reshuffle_each_iteration=False` is set.
    So the split is another one in each pass, and what is held out in one pass is in the other part in the next.
    Measured with 1000 elements and 200 for validation: 165 of them were trained on in the next pass.

    ## Example
    ```python
    dataset = dataset.shuffle(1000)
    train, validation = dataset.skip(200), dataset.take(200)
    ```

    ## Use instead
    ```python
    dataset = dataset.shuffle(1000, reshuffle_each_iteration=False)
    train, validation = dataset.skip(200).shuffle(800), dataset.take(200)
    ```

    ## Fix safety
    Safe: a split that changes in each pass separates nothing.
    Add another `shuffle` to the training part, so that its order still changes.

    ## Probe
    Shuffles and splits a small dataset in the same way and counts the elements that are in both parts over two passes.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/data/Dataset#shuffle
    - tensorflow/tensorflow#59279, huggingface/datasets#5435
    """

    name, code, category, severity = "shuffled-take-skip-leak", "TL604", "data", "error"
    rank = 60
    evidence = ("certificate",)
    message = "this is shuffled anew in each pass, so `{first}` and `{second}` give other elements each time and the parts mix"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(1000, reshuffle_each_iteration=False)\n"
            "validation, train = data.take(200).batch(32), data.skip(200).shuffle(800).batch(32)\n"
            "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(train, validation_data=validation)\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "data = tf.data.Dataset.from_tensor_slices((x, y))\n"
            "train = data.skip(200).shuffle(1000).batch(32)\n"
            "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(train, validation_data=data.take(200).batch(32))\n",
            why="split before it is shuffled",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def split(data, n):\n"
            "    return data.take(n), data.skip(n)\n",
            why="how the data is shuffled cannot be known",
        ),
        Valid(
            "import tensorflow as tf\n"
            "data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(1000).cache()\n"
            "validation, train = data.take(200).batch(32), data.skip(200).batch(32)\n"
            "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(train, validation_data=validation)\n",
            why="the first order is kept",
        ),
        Valid(
            "import tensorflow as tf\n"
            "train = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(1000).batch(32)\n"
            "for rows, labels in train.take(1):\n"
            "    print(rows.shape)\n"
            "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(train)\n",
            why="a look at one batch",
        ),
    ]  # fmt: skip
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(1000)\n"
            "validation, train = data.take(200).batch(32), data.skip(200).batch(32)\n"
            "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(train, validation_data=validation)\n",
            at="tf.data.Dataset.from_tensor_slices((x, y)).shuffle(1000)",
            severity="error",
            message="anew in each pass",
            traces=("one part", "the other"),
            fixed=(
                "import tensorflow as tf\n"
                "data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(1000, reshuffle_each_iteration=False)\n"
                "validation, train = data.take(200).batch(32), data.skip(200).batch(32)\n"
                "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(1)])\n"
                "model.compile('adam', 'mse')\n"
                "model.fit(train, validation_data=validation)\n"
            ),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "class Config:\n"
            "    seed, buffer, parts = 7, 5000, (0.1, 0.1)\n"
            "def split(data, size):\n"
            "    data = data.shuffle(Config.buffer, seed=Config.seed)\n"
            "    data = data.map(lambda a, b: (a, b))\n"
            "    test = data.take(int(Config.parts[0] * size))\n"
            "    rest = data.skip(int(Config.parts[0] * size))\n"
            "    n = int(Config.parts[1] * size)\n"
            "    return rest.skip(n), rest.take(n), test\n"
            "train, validation, test = split(tf.data.TFRecordDataset('data.tfrecord'), 5000)\n"
            "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(train.batch(32), validation_data=validation.batch(32))\n",
            at="data.shuffle(Config.buffer, seed=Config.seed)",
            fixed=(
                "import tensorflow as tf\n"
                "class Config:\n"
                "    seed, buffer, parts = 7, 5000, (0.1, 0.1)\n"
                "def split(data, size):\n"
                "    data = data.shuffle(Config.buffer, seed=Config.seed, reshuffle_each_iteration=False)\n"
                "    data = data.map(lambda a, b: (a, b))\n"
                "    test = data.take(int(Config.parts[0] * size))\n"
                "    rest = data.skip(int(Config.parts[0] * size))\n"
                "    n = int(Config.parts[1] * size)\n"
                "    return rest.skip(n), rest.take(n), test\n"
                "train, validation, test = split(tf.data.TFRecordDataset('data.tfrecord'), 5000)\n"
                "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(1)])\n"
                "model.compile('adam', 'mse')\n"
                "model.fit(train.batch(32), validation_data=validation.batch(32))\n"
            ),
        ),
        Invalid(
            "",
            cells=(
                "from tensorflow import keras\n"
                "images = keras.utils.image_dataset_from_directory('images', image_size=(64, 64))\n",
                "train, validation = images.skip(20), images.take(20)\n"
                "model = keras.Sequential([keras.Input((64, 64, 3)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(5)])\n"
                "model.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n"
                "model.fit(train, validation_data=validation)\n",
            ),
            at="keras.utils.image_dataset_from_directory('images', image_size=(64, 64))",
            cell=0,
            why="it shuffles unless it is told not to; a fix would have to choose another way to split",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        parts: dict[Id, list[tuple[str, ApiObject]]] = {}
        for _, record in program.objects:
            if record.kind == "dataset":
                step, parent = pipelines.step_of(record), record.fields.get("of")
                if step in ("take", "skip", "shard") and isinstance(parent, Ref):
                    parts.setdefault(parent.id, []).append((step, record))
        reported = set()
        for parent_id, found in parts.items():
            pair = _pair(found)
            if pair is None:
                continue
            state, cause = pipelines.order(program, Ref(id=parent_id))
            if state != pipelines.RESHUFFLED or cause is None or cause.place in reported:
                continue
            reported.add(cause.place)
            first, second = pair
            trace = [Step(first.place, "one part of it"), Step(second.place, "the other part")]
            names = [pipelines.step_of(record) for record in pair]
            yield self.report(cause.place, first=names[0], second=names[1], trace=trace, remedies=_remedies(cause))


def _pair(found: list[tuple[str, ApiObject]]) -> tuple[ApiObject, ApiObject] | None:
    """Two parts that are meant to have nothing in common."""
    by_step: dict[str, list[ApiObject]] = {}
    for step, record in found:
        by_step.setdefault(step, []).append(record)
    takes, skips, shards = (by_step.get(step, []) for step in ("take", "skip", "shard"))
    if takes and skips:
        return takes[0], skips[0]
    indices = [argument.value for record in shards if (argument := record.arguments.get("index")) is not None]
    if len(shards) >= 2 and all(isinstance(index, Const) for index in indices) and len(set(indices)) > 1:
        return shards[0], shards[1]
    return None


def _remedies(cause: ApiObject) -> list[Remedy]:
    if pipelines.step_of(cause) != "shuffle":
        return []
    existing = cause.arguments.get("reshuffle_each_iteration")
    place = existing.place if existing is not None else None
    action = SetArgument(cause.place, "reshuffle_each_iteration", ("False",), existing=place)
    return [Remedy("Set `reshuffle_each_iteration=False`", "safe", (action,))]
