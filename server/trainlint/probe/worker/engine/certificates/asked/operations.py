"""Whether the installed TensorFlow builds an operation of tensors with given shapes and types."""

import numpy as np

from .library import first_line, keras_of_programs, keras_version, tensorflow, tensorflow_version


def _operation(certificate):
    """What building the operation raises; `error` is empty where it is built.

    Sizes that are null are those of a batch: TensorFlow looks at the others before anything runs.
    """
    tf = tensorflow()
    kind = certificate["kind"]
    build = _KINDS[kind]
    with tf.Graph().as_default():
        try:
            operands = [_operand(tf, one) for one in certificate["operands"]]
            made = build(tf, operands, certificate)
            # Some types are only refused when the operation runs.
            known = all(isinstance(one, dict) and None not in (one.get("shape") or [None]) for one in
                        certificate["operands"])  # fmt: skip
            if made is not None and certificate["operands"] and known:
                with tf.compat.v1.Session() as session:
                    session.run(made, {one: _zeros(one) for one in operands})
        except (TypeError, ValueError, AttributeError, tf.errors.OpError) as error:
            return {"available": True, "error": first_line(error), "library": tensorflow_version()}
    dtype = getattr(getattr(made, "dtype", None), "name", "")
    return {"available": True, "error": "", "dtype": dtype, "library": tensorflow_version()}


def _operand(tf, one):
    if isinstance(one, (int, float)):
        return one
    dtype = getattr(tf, one.get("dtype") or "float32")
    return tf.compat.v1.placeholder(dtype, one.get("shape"))


def _zeros(placeholder):
    shape = [int(size) for size in placeholder.shape]
    if placeholder.dtype.name == "string":
        return np.full(shape, "a")
    return np.zeros(shape, placeholder.dtype.as_numpy_dtype)


def _two(name):
    def build(tf, operands, certificate):
        return getattr(tf.math, name)(operands[0], operands[1])

    return build


def _matmul(tf, operands, certificate):
    return tf.matmul(
        operands[0], operands[1], transpose_a=certificate.get("transpose_a", False),
        transpose_b=certificate.get("transpose_b", False),
    )  # fmt: skip


def _reshape(tf, operands, certificate):
    return tf.reshape(operands[0], certificate["target"])


def _concat(tf, operands, certificate):
    return tf.concat(operands, certificate.get("axis", -1))


def _reduce(tf, operands, certificate):
    return getattr(tf, "reduce_" + certificate["how"])(operands[0])


def _loss(tf, operands, certificate):
    function = certificate["function"]
    labels, scores = operands
    if function == "sparse-softmax-cross-entropy":
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=scores)
    if function == "softmax-cross-entropy":
        return tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=scores)
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=scores)


def _fed(tf, operands, certificate):
    placeholder = tf.compat.v1.placeholder(tf.float32, certificate["declared"])
    with tf.compat.v1.Session() as session:
        session.run(placeholder, {placeholder: np.zeros(certificate["fed"], np.float32)})


_KINDS = {
    "add": _two("add"),
    "subtract": _two("subtract"),
    "multiply": _two("multiply"),
    "divide": _two("divide"),
    "maximum": _two("maximum"),
    "minimum": _two("minimum"),
    "power": _two("pow"),
    "squared-difference": _two("squared_difference"),
    "equal": _two("equal"),
    "compare": _two("less"),
    "matmul": _matmul,
    "reshape": _reshape,
    "concat": _concat,
    "reduce": _reduce,
    "loss": _loss,
    "fed": _fed,
}


def _layer(certificate):
    """What a Keras layer raises for an input of a given shape."""
    keras, _ = keras_of_programs()
    try:
        made = getattr(keras.layers, certificate["layer"])(**(certificate.get("arguments") or {}))
        made(keras.Input(tuple(certificate["shape"])))
    except (TypeError, ValueError) as error:
        return {"available": True, "error": first_line(error), "library": keras_version()}
    return {"available": True, "error": "", "library": keras_version()}


def _entered(certificate):
    """What a model raises for rows of another shape than its input declares, or for another number of labels."""
    keras, _ = keras_of_programs()
    declared = [int(size) for size in certificate["declared"]]
    model = keras.Sequential([keras.Input(tuple(declared)), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse", run_eagerly=True)
    rows, labels = certificate.get("rows", 2), certificate.get("labels", 2)
    x = np.zeros([rows] + [int(size) for size in certificate["given"]], np.float32)
    try:
        model.fit(x, np.zeros((labels, 1), np.float32), epochs=1, batch_size=rows, verbose=0)
    except Exception as error:  # each version raises errors of its own
        return {"available": True, "error": first_line(error), "library": keras_version()}
    return {"available": True, "error": "", "library": keras_version()}


CHECKS = {"operation": _operation, "layer": _layer, "entered": _entered}
