"""normalization-not-adapted: a layer or generator that shall standardise, and has never seen the data."""

from __future__ import annotations

from collections.abc import Iterator

from trainlint.finding import Step
from trainlint.program.events import Escape, ModelCall
from trainlint.program.heads import trained
from trainlint.program.operations import Operation
from trainlint.program.program import Program
from trainlint.program.training import data_of, is_restored
from trainlint.program.values import ApiObject, Const, DictRecord, Id, InstanceRecord, ListRecord, Ref, Tuple, Value
from trainlint.rules.base import Invalid, Report, Rule, Valid

FEATUREWISE = ("featurewise_center", "featurewise_std_normalization", "zca_whitening")


class NormalizationNotAdapted(Rule):
    """
    ## What it does
    Reports a `Normalization` layer in a trained model that has no `mean` and is never adapted to data.
    It also reports an `ImageDataGenerator` with `featurewise_center`, `featurewise_std_normalization` or `zca_whitening` that is never fitted.

    ## Why it is bad
    Before `adapt` the layer takes the mean for 0 and the variance for 1: the data goes through unchanged, without an error or a warning.

    The generator only warns, and its images stay between 0 and 255.

    ## Example
    ```python
    norm = keras.layers.Normalization()
    model = keras.Sequential([norm, keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(x_train, y_train)
    ```

    ## Use instead
    ```python
    norm = keras.layers.Normalization()
    norm.adapt(x_train)
    model = keras.Sequential([norm, keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(x_train, y_train)
    ```

    ## Fix safety
    None: which data it shall be adapted to is for the author to say.

    ## Probe
    Asks the installed layer or generator what it makes of numbers before it has seen any data.

    ## References
    - https://keras.io/api/layers/preprocessing_layers/numerical/normalization/
    - https://keras.io/api/data_loading/image/
    """

    name, code, category, severity = "normalization-not-adapted", "TL454", "normalization", "error"
    rank = 60
    evidence = ("certificate",)
    message = "this layer is trained with and never adapted to data: it leaves its inputs as they are"

    VALID = [
        Valid(
            "from tensorflow import keras\n"
            "norm = keras.layers.Normalization()\n"
            "norm.adapt(x_train)\n"
            "model = keras.Sequential([keras.Input((8,)), norm, keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x_train, y_train)\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            "norm = keras.layers.Normalization(mean=0.13, variance=0.09)\n"
            "model = keras.Sequential([keras.Input((8,)), norm, keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x_train, y_train)\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            "from helpers_of_ours import adapt_all\n"
            "norm = keras.layers.Normalization()\n"
            "adapt_all([norm])\n"
            "model = keras.Sequential([keras.Input((8,)), norm, keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x_train, y_train)\n",
            why="what an unknown function does with it cannot be known",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def head(inputs):\n"
            "    return tf.keras.layers.Dense(1)(tf.keras.layers.Normalization()(inputs))\n",
            why="nothing is trained here",
        ),
        Valid(
            "from tensorflow.keras.preprocessing.image import ImageDataGenerator\n"
            "from tensorflow import keras\n"
            "generator = ImageDataGenerator(featurewise_center=True)\n"
            "batches = generator.flow(images, labels, batch_size=32)\n"
            "generator.fit(images)\n"
            "model = keras.Sequential([keras.Input((64, 64, 3)), keras.layers.Flatten(), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(batches)\n",
        ),
    ]  # fmt: skip
    INVALID = [
        Invalid(
            "from tensorflow import keras\n"
            "norm = keras.layers.Normalization()\n"
            "model = keras.Sequential([keras.Input((8,)), norm, keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x_train, y_train)\n",
            at="keras.layers.Normalization()",
            severity="error",
            message="never adapted",
            traces=("trained here",),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "class Config:\n"
            "    normalize = True\n"
            "    sizes = (32, 16)\n"
            "def make_model(config):\n"
            "    inputs = tf.keras.Input((8,))\n"
            "    tensor = inputs\n"
            "    if config.normalize:\n"
            "        tensor = tf.keras.layers.Normalization(axis=-1)(tensor)\n"
            "    for units in config.sizes:\n"
            "        tensor = tf.keras.layers.Dense(units, activation='relu')(tensor)\n"
            "    return tf.keras.Model(inputs, tf.keras.layers.Dense(1)(tensor))\n"
            "model = make_model(Config)\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x_train, y_train)\n",
            at="tf.keras.layers.Normalization(axis=-1)",
        ),
        Invalid(
            "",
            cells=(
                "from keras.preprocessing.image import ImageDataGenerator\n"
                "from keras.layers import Dense, Flatten\n"
                "from keras.models import Sequential\n"
                "generator = ImageDataGenerator(featurewise_center=True, featurewise_std_normalization=True)\n",
                "model = Sequential()\n"
                "model.add(Flatten(input_shape=(64, 64, 3)))\n"
                "model.add(Dense(1))\n"
                "model.compile('adam', 'mse')\n"
                "model.fit(generator.flow(images, labels, batch_size=32))\n",
            ),
            at="ImageDataGenerator(featurewise_center=True, featurewise_std_normalization=True)",
            cell=0,
            message="never fitted",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        layers = [
            (key, record)
            for key, record in program.objects
            if record.kind == "layer" and record.name == "keras.layers.Normalization"
        ]
        calls = [call for call in program.model_calls if call.training]
        if layers and calls and not is_restored(program):
            escaped = _escaped(program)
            for key, record in layers:
                if escaped is None:
                    break
                given = record.arguments.get("mean")
                if (
                    record.fields.get("adapted")
                    or (given is not None and given.given)
                    or key in escaped
                    or key.iteration
                ):
                    continue
                if any(operation.layer is key for operation in _trained(program)):
                    trace = [Step(calls[0].place, "the model is trained here")]
                    yield self.report(record.place, trace=trace, subject=key)
        yield from self._generators(program, calls)

    def _generators(self, program: Program, calls: list[ModelCall]) -> Iterator[Report]:
        for call in calls:
            argument = data_of(call)
            batches = program.object(argument.value) if argument is not None else None
            reference = batches.fields.get("generator") if batches is not None else None
            generator = program.object(reference)
            if generator is None or generator.fields.get("fitted") or generator.fields.get("attributes"):
                continue
            asked = [name for name in FEATUREWISE if _is_true(generator, name)]
            escaped = _escaped(program) if asked else None
            if escaped is not None and isinstance(reference, Ref) and reference.id not in escaped:
                text = f"`{asked[0]}` needs statistics of the data, and this generator is never fitted: images stay as they are"
                yield self.report(
                    generator.place,
                    message=text,
                    trace=[Step(call.place, "it is trained with here")],
                    subject=reference.id,
                )


def _is_true(record: ApiObject, name: str) -> bool:
    argument = record.arguments.get(name)
    return argument is not None and argument.value == Const(True)


def _trained(program: Program) -> Iterator[Operation]:
    inside = trained(program)
    return (operation for operation in program.operations if operation.id in inside)


def _escaped(program: Program) -> set[Id] | None:
    """What calls that are not followed may have adapted; None when a list that they got is not known any more."""
    found: set[Id] = set()
    for event in program.events_of(Escape):
        for value in event.values:
            record = program.record(value) if isinstance(value, Ref) else None
            if (isinstance(record, ListRecord) and record.items is None) or (
                isinstance(record, DictRecord) and record.open
            ):
                return None
            found.update(_held(program, value))
    return found


def _held(program: Program, value: Value, depth: int = 0) -> Iterator[Id]:
    """The objects that a value is or holds."""
    if isinstance(value, Tuple):
        for item in value.items:
            yield from _held(program, item, depth + 1)
    if not isinstance(value, Ref) or depth > 3:
        return
    yield value.id
    record = program.record(value)
    inner: tuple[Value, ...] = ()
    if isinstance(record, ListRecord):
        inner = record.items or ((record.element,) if record.element is not None else ())
    elif isinstance(record, DictRecord):
        inner = tuple(item for _, item in record.items)
    elif isinstance(record, InstanceRecord):
        inner = tuple(record.attributes.values())
    elif isinstance(record, ApiObject):
        inner = tuple(record.fields.get("layers", ()))
    for item in inner:
        yield from _held(program, item, depth + 1)
