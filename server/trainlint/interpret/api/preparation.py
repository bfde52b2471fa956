"""Preparing data: scikit-learn's splits, scalers and encoders, Keras text and image helpers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trainlint.interpret import arrays, builtins
from trainlint.interpret.api.common import is_scaled
from trainlint.interpret.api.datasets import class_ids
from trainlint.interpret.api.registry import handles, method
from trainlint.interpret.machine import MISSING, unknown
from trainlint.program import dims
from trainlint.program.values import UNKNOWN, ApiObject, Parts, Ref, Stream, Tensor, Tuple, Value

if TYPE_CHECKING:
    from trainlint.interpret.api.call import ApiCall
    from trainlint.program.dims import Dim, Shape


@handles("sklearn.model_selection.train_test_split", "sklearn.cross_validation.train_test_split")
def train_test_split(call: ApiCall) -> Value:
    """Two parts of each array, first all of the first array."""
    results: list[Value] = []
    for index, argument in enumerate(call.arguments.positional):
        value = call.machine.resolve(argument.value)
        tensor = arrays.as_tensor(call.machine, value)
        for part, rows in zip(("train", "test"), _sizes(call, tensor)):
            if tensor is None:
                reason = getattr(value, "reason", "") or "the data is unknown"
                origin = None
                if not call.machine.loops:
                    origin = ("split", call.machine.identify(call.place, f"{part} {index}"))
                results.append(unknown(reason, getattr(value, "place", None) or call.place, origin))
                continue
            shape = (rows, *tensor.shape[1:]) if tensor.shape else None
            table = _rows_of_table(call, value, rows, f"{part} {index}", part)
            results.append(
                table
                if table is not None
                else call.emit(
                    "gather",
                    tensor,
                    output=tensor.replace(shape=shape, op=None, library="np"),
                    tag=f"{part} {index}",
                    split=part,
                )
            )
    size, known = call.constant("test_size"), call.known("test_size")
    if call.arguments.open or (known is MISSING and call.given("test_size") is not None):
        return Tuple(items=tuple(results))
    if (isinstance(size, float) and size > 0.5) or isinstance(size, int) or call.given("train_size") is not None:
        return Tuple(items=tuple(results))  # the larger part may be the one to train on
    roles = tuple((i, part) for i in range(len(call.arguments.positional)) for part in ("train", "test"))
    return Parts(items=tuple(results), roles=roles)


def _rows_of_table(call: ApiCall, value: Value, rows: Dim, tag: str, part: str) -> Value | None:
    """Some rows of a table as a table; None for an array."""
    if not isinstance(value, Ref) or call.machine.object(value) is None:
        return None
    from trainlint.interpret.api import frames

    return frames.rows_of(call, value, rows, tag, split=part)


def _sizes(call: ApiCall, tensor: Tensor | None) -> tuple[Dim, Dim]:
    total = tensor.shape[0] if tensor is not None and tensor.shape else None
    size, train = call.known("test_size"), call.known("train_size")
    if MISSING in (size, train):
        total = None
    if size is None and train is None:
        size = 0.25
    if size is not None and train is not None and isinstance(total, int):
        counts = tuple(
            (rounding(total * part) if isinstance(part, float) else part if isinstance(part, int) else None)
            for part, rounding in ((train, math.floor), (size, math.ceil))
        )
        return counts[0], counts[1]
    if not isinstance(total, int):
        # The same rows for all arrays of one call.
        key = call.machine.identify(call.place, "split")
        return dims.Symbol("rows", ("rows", key, "train", total)), dims.Symbol("rows", ("rows", key, "test", total))
    if isinstance(size, float):
        test = math.ceil(total * size)
        return total - test, test
    if isinstance(size, int):
        return total - size, size
    if isinstance(train, int) and size is None:
        return train, total - train
    if isinstance(train, float):
        return math.floor(total * train), total - math.floor(total * train)
    return None, None


FOLDS = (
    "KFold",
    "StratifiedKFold",
    "GroupKFold",
    "RepeatedKFold",
    "RepeatedStratifiedKFold",
    "ShuffleSplit",
    "StratifiedShuffleSplit",
    "LeaveOneOut",
)


@handles(*(f"sklearn.model_selection.{name}" for name in FOLDS))
def folds(call: ApiCall) -> Value:
    return call.object("folds")


@method("folds", "split")
def split_folds(call: ApiCall) -> Value:
    """The row numbers to train on and to test with, once for each fold."""
    rows = Tensor(shape=(None,), dtype="int64", low=0.0, high=math.inf, library="np")
    pair = (call.emit("data", output=rows, tag=part, fold=part) for part in ("train", "test"))
    return Stream(element=Tuple(items=tuple(pair)))


SCALERS = (
    "StandardScaler",
    "MinMaxScaler",
    "RobustScaler",
    "MaxAbsScaler",
    "Normalizer",
    "QuantileTransformer",
    "PowerTransformer",
)
ENCODERS = ("LabelEncoder", "OneHotEncoder", "LabelBinarizer", "OrdinalEncoder", "MultiLabelBinarizer")


@handles(*(f"sklearn.preprocessing.{name}" for name in (*SCALERS, *ENCODERS)))
def transformer(call: ApiCall) -> Value:
    return call.object("transformer")


@method("transformer", "fit", "partial_fit")
def fit(call: ApiCall) -> Value:
    return call.receiver or UNKNOWN


@method("transformer", "transform", "fit_transform", "inverse_transform")
def transform(call: ApiCall) -> Value:
    """What a scaler or encoder makes of an array."""
    record = call.machine.object(call.receiver)
    assert record is not None
    name = record.symbol.name.rsplit(".", 1)[-1]
    value = call.first
    tensor = arrays.as_tensor(call.machine, value)
    if call.machine.method_name == "inverse_transform":
        return call.emit("opaque", *((tensor,) if tensor is not None else ()), output=Tensor(library="np"))
    shape: Shape = tensor.shape if tensor is not None else None
    if shape is None and name != "MultiLabelBinarizer":
        # scikit-learn refuses anything but a table, and a column for labels.
        shape = (None,) if name in ("LabelEncoder", "LabelBinarizer") else (None, None)
    inputs = (tensor,) if tensor is not None else ()
    dtype = tensor.dtype if tensor is not None else None
    # Scalers keep a float's width.
    kept = None if dtype is None else dtype if dtype in ("float16", "float32") else "float64"
    output = Tensor(shape=shape, dtype=kept if name in SCALERS else "float64", library="np")
    if name == "StandardScaler":
        output = output.replace(low=-math.inf, high=math.inf, rms=1.0)
    elif name == "MinMaxScaler":
        low, high = _feature_range(call, record)
        output = output.replace(
            low=low, high=high, rms=None if high is None else max(abs(low or 0.0), abs(high)) * 0.577
        )
    elif name in ("MaxAbsScaler", "Normalizer"):
        below = None if tensor is None or tensor.low is None else -1.0 if tensor.low < 0 else 0.0
        output = output.replace(low=below, high=1.0, rms=0.5)
    elif name in SCALERS:
        output = output.replace(low=-math.inf, high=math.inf, rms=1.0)
    elif name == "LabelEncoder":
        output = output.replace(dtype="int64", low=0.0, high=math.inf, encoding="class-ids")
    elif name == "OneHotEncoder":
        # Several columns give several ones in a row: only a single column is a one-hot label.
        single = shape is not None and len(shape) == 2 and shape[1] == 1
        output = output.replace(
            shape=(shape[0], None) if shape else None,
            low=0.0,
            high=1.0,
            values=(0.0, 1.0),
            encoding="one-hot" if single else None,
        )
    elif name == "LabelBinarizer" or name == "MultiLabelBinarizer":
        plain = not any(
            word in record.arguments and record.arguments[word].given for word in ("neg_label", "pos_label")
        )
        output = output.replace(shape=None, dtype="int64")
        if plain:
            single = name == "MultiLabelBinarizer" and _holds_one_each(call, value, shape)
            output = output.replace(low=0.0, high=1.0, values=(0.0, 1.0), encoding="one-hot" if single else None)
    elif "unknown_value" not in record.arguments or not record.arguments["unknown_value"].given:
        output = output.replace(low=0.0, high=math.inf)
    return call.emit("normalization" if name in SCALERS else "one-hot", *inputs, output=output, form="data")


def _holds_one_each(call: ApiCall, labels: Value, shape: Shape) -> bool:
    """Whether labels are lists of one each, so that a row of ones and zeros has a single one."""
    if shape is not None:
        return len(shape) == 2 and shape[1] == 1
    element = builtins.element_of(call.machine, labels)
    items = None if element is None else builtins.items_of(call.machine, element)
    return items is not None and len(items) == 1


def _feature_range(call: ApiCall, record: ApiObject) -> tuple[float | None, float | None]:
    argument = record.arguments.get("feature_range")
    if argument is None or not argument.given:
        return 0.0, 1.0
    items = arrays.as_tensor(call.machine, argument.value)
    return (items.low, items.high) if items is not None else (None, None)


@method("transformer", "get_feature_names_out")
def names(call: ApiCall) -> Value:
    return UNKNOWN


@handles("sklearn.preprocessing.scale", "sklearn.preprocessing.normalize", "sklearn.preprocessing.minmax_scale")
def scale(call: ApiCall) -> Value:
    value = call.first
    tensor = arrays.as_tensor(call.machine, value)
    shape = tensor.shape if tensor is not None else None
    if "return_norm" in call.arguments.keywords:
        return call.opaque()
    output = Tensor(shape=shape, dtype="float64", low=-math.inf, high=math.inf, rms=1.0, library="np")
    return call.emit("normalization", *((tensor,) if tensor is not None else ()), output=output, form="data")


_SKLEARN_SETS: dict[str, tuple[int, int, int | None]] = {
    "load_iris": (150, 4, 3),
    "load_digits": (1797, 64, 10),
    "load_wine": (178, 13, 3),
    "load_breast_cancer": (569, 30, 2),
    "load_diabetes": (442, 10, None),
}
# Ranges and sizes of the sets that scikit-learn ships (its own documentation lists them; diabetes comes scaled).
_SKLEARN_RANGE: dict[str, tuple[float, float, float]] = {
    "load_iris": (0.1, 7.9, 3.98),
    "load_digits": (0.0, 16.0, 7.73),
    "load_wine": (0.13, 1680.0, 227.0),
    "load_breast_cancer": (0.0, 4254.0, 237.0),
    "load_diabetes": (-0.14, 0.2, 0.0476),
}


@handles(*(f"sklearn.datasets.{name}" for name in _SKLEARN_SETS))
def load_sklearn(call: ApiCall) -> Value:
    name = call.name.rsplit(".", 1)[-1]
    rows: Dim
    rows, columns, classes = _SKLEARN_SETS[name]
    low, high, rms = _SKLEARN_RANGE[name]
    whole = Tensor(shape=(rows, columns), dtype="float64", low=low, high=high, rms=rms, library="np")
    if call.given("n_class") is not None and call.known("n_class") != classes:
        rows = dims.Symbol("rows", ("rows", call.machine.identify(call.place, "rows")))
        whole = whole.replace(shape=(rows, columns))
        known = call.known("n_class")
        classes = known if isinstance(known, int) and known > 0 else _SKLEARN_SETS[name][2]
    if call.given("scaled") is not None and call.known("scaled") is not True:
        whole = whole.replace(low=None, high=None, rms=None)
    x = call.emit(
        "data",
        output=whole,
        tag="x",
        dataset=name,
    )
    if classes is None:
        target = Tensor(shape=(rows,), dtype="float64", low=25.0, high=346.0, rms=170.0, library="np")
    else:
        target = class_ids((rows,), classes).replace(dtype="int64")
    y = call.emit("data", output=target, tag="y", dataset=name)
    if call.known("return_X_y") is True:
        return Tuple(items=(x, y))
    return call.object("bunch", attributes={"data": x, "target": y})


@handles("sklearn.datasets.fetch_california_housing")
def fetch_housing(call: ApiCall) -> Value:
    """Eight columns of 20640 districts; incomes near 4 stand beside populations of thousands."""
    x = Tensor(shape=(20640, 8), dtype="float64", library="np")
    y = Tensor(shape=(20640,), dtype="float64", low=0.15, high=5.0, rms=2.37, library="np")
    pair = (call.emit("data", output=x, tag="x"), call.emit("data", output=y, tag="y"))
    if call.known("return_X_y") is True:
        return Tuple(items=pair)
    return call.object("bunch", attributes=dict(zip(("data", "target"), pair)))


@handles(
    "sklearn.datasets.make_classification",
    "sklearn.datasets.make_moons",
    "sklearn.datasets.make_circles",
    "sklearn.datasets.make_blobs",
    "sklearn.datasets.make_regression",
)
def make_data(call: ApiCall) -> Value:
    name = call.name.rsplit(".", 1)[-1]
    rows = arrays.as_dim(call.value("n_samples")) if call.argument("n_samples") is not None else 100
    columns: Dim = (
        2
        if name in ("make_moons", "make_circles")
        else arrays.as_dim(call.value("n_features"))
        if call.argument("n_features") is not None
        else {"make_blobs": 2, "make_regression": 100}.get(name, 20)
    )
    if name == "make_blobs" and not isinstance(call.known("centers"), (int, type(None))):
        columns = None  # centers that are given say how many there are
    if any(
        word in call.arguments.keywords for word in ("coef", "return_centers", "return_X_y", "return_distributions")
    ):
        return call.opaque()  # more than two results, or an object
    x = call.emit(
        "data",
        output=Tensor(shape=(rows, columns), dtype="float64", low=-math.inf, high=math.inf, library="np"),
        tag="x",
    )
    if name == "make_regression":
        several = call.given("n_targets") is not None and call.known("n_targets") != 1
        shape = None if several else (rows,)
        y = Tensor(shape=shape, dtype="float64", low=-math.inf, high=math.inf, library="np")
        return Tuple(items=(x, call.emit("data", output=y, tag="y")))
    classes = (
        2
        if name in ("make_moons", "make_circles")
        else call.settled("n_classes", default=2)
        if name == "make_classification"
        else None
    )
    return Tuple(
        items=(
            x,
            call.emit(
                "data",
                output=class_ids((rows,), classes if isinstance(classes, int) else None).replace(dtype="int64"),
                tag="y",
            ),
        )
    )


@handles("keras.utils.pad_sequences", "keras.preprocessing.sequence.pad_sequences")
def pad_sequences(call: ApiCall) -> Value:
    tensor = call.tensor("sequences")
    length = arrays.as_dim(call.value("maxlen")) if call.given("maxlen") is not None else None
    rows = tensor.shape[0] if tensor is not None and tensor.shape else None
    dtype = "int32" if call.given("dtype") is None else call.dtype("dtype")
    filler = None if call.given("value") is None else call.tensor("value") or Tensor()
    low: float | None = 0.0
    high = math.inf if tensor is None or tensor.high is None else max(tensor.high, 0.0)
    if tensor is not None and tensor.low is not None:
        low = min(tensor.low, 0.0)
    elif tensor is not None:
        low = 0.0 if dtype == "int32" else None
    if filler is not None:
        low = None if low is None or filler.low is None else min(low, filler.low)
        high = math.inf if filler.high is None else max(high, filler.high)
    # An array of one axis holds lists: of numbers, or of the rows that encode each.
    shape: Shape = None
    if tensor is not None and tensor.rank is not None and tensor.rank > 1:
        shape = (rows, length, *(tensor.shape or ())[2:])
    output = Tensor(shape=shape, dtype=dtype, low=low, high=high, library="np")
    return call.emit("pad", *((tensor,) if tensor is not None and tensor.op is not None else ()), output=output)


PREPROCESSING = {
    "vgg16": "caffe", "vgg19": "caffe", "resnet": "caffe", "resnet50": "caffe", "densenet": "torch",
    "resnet_v2": "tf", "mobilenet": "tf", "mobilenet_v2": "tf", "inception_v3": "tf", "inception_resnet_v2": "tf",
    "xception": "tf", "nasnet": "tf",
    "efficientnet": "none", "efficientnet_v2": "none", "mobilenet_v3": "none", "convnext": "none",
}  # fmt: skip
"""What `preprocess_input` of a module of keras.applications does (its imagenet_utils names the modes)."""


@handles(*(f"keras.applications.{module}.preprocess_input" for module in PREPROCESSING))
def preprocess_input(call: ApiCall) -> Value:
    """Pixels as one family of pretrained networks wants them."""
    call.bind_as("x")
    tensor = call.tensor("x")
    if tensor is None:
        return call.opaque()
    module = call.name.split(".")[2]
    mode = PREPROCESSING[module]
    raw = tensor.low == 0 and tensor.high is not None and 200 < tensor.high <= 255
    # Floats stay what they are, anything else becomes Keras' own type.
    dtype = tensor.dtype if tensor.dtype is None or tensor.dtype.startswith("float") else "float32"
    output = tensor.replace(op=None, dtype=dtype, values=None, rms=None, low=None, high=None)
    if mode == "none":
        output = tensor.replace(op=None)
    elif raw:
        # Means and deviations of ImageNet's channels, as the modes have them.
        low, high = {"tf": (-1.0, 1.0), "caffe": (-123.68, 151.061), "torch": (-2.118, 2.64)}[mode]
        output = output.replace(low=low, high=high)
    attributes = {"form": "preprocess", "preprocessed": module, "scaled": is_scaled(tensor)}
    return call.emit("normalization", tensor, output=output, **attributes)
