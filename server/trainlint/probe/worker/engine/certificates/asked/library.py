"""What there is in the installed framework: names, signatures, and what constructors make of their arguments."""

import inspect
from importlib import import_module
from importlib.util import find_spec

import numpy as np


class Missing(Exception):
    """The framework that a check asks is not installed; the message says which."""


def keras_of_programs():
    """The Keras that a program in this environment gets, and the name of the library that it comes with."""
    if find_spec("tensorflow") is not None:
        return import_module("tensorflow").keras, "tensorflow"
    if find_spec("keras") is not None:
        return import_module("keras"), "keras"
    raise Missing("Keras is not installed in this Python")


def keras_version():
    """Name and version of that Keras, for people."""
    keras, library = keras_of_programs()
    version = getattr(keras, "__version__", None)
    if version is None:
        version = getattr(import_module(library), "__version__", "")
    return "Keras {}".format(version)


def tensorflow():
    """TensorFlow; raises where it is not installed."""
    if find_spec("tensorflow") is None:
        raise Missing("this needs TensorFlow, which is not installed in this Python")
    return import_module("tensorflow")


def tensorflow_version():
    return "TensorFlow {}".format(tensorflow().__version__)


_IDLE = ("Exception encountered when calling", "Graph execution error", "Detected at node", "Traceback", "File ")


def first_line(error):
    """The kind of an exception and its first line that says something, without colours of a terminal."""
    lines = [line.strip() for line in str(error).replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines()]
    said = next((line for line in lines if line and not line.startswith(_IDLE)), "")
    said = said.split(" for '{{node")[0]
    return "{}: {}".format(type(error).__name__, said[:160]).rstrip(": ")


def lookup(name):
    """The object behind a dotted name; AttributeError where a part of it is gone."""
    parts = name.split(".")
    if find_spec(parts[0]) is None:
        raise Missing("this needs {}, which is not installed in this Python".format(parts[0]))
    found = import_module(parts[0])
    for i, part in enumerate(parts[1:], 2):
        try:
            found = getattr(found, part)
        except AttributeError:
            if not inspect.ismodule(found):
                raise
            try:
                found = import_module(".".join(parts[:i]))
            except ImportError:
                raise AttributeError("{} has no {!r}".format(".".join(parts[: i - 1]), part)) from None
    return found


def version_of(name):
    first = name.split(".")[0]
    known = {"tensorflow": "TensorFlow", "keras": "Keras"}
    return "{} {}".format(known.get(first, first), getattr(import_module(first), "__version__", "")).strip()


def _exists(certificate):
    """Whether a name is there; Keras and TensorFlow load parts of themselves late."""
    name = certificate["name"]
    try:
        lookup(name)
    except AttributeError:
        return {"available": True, "exists": False, "library": version_of(name)}
    return {"available": True, "exists": True, "library": version_of(name)}


def _takes(certificate):
    """Whether a function takes a keyword, and which arguments it requires."""
    name = certificate["function"]
    function = lookup(name)
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {"available": False, "reason": "the installed `{}` does not tell its arguments".format(name)}
    kinds = inspect.Parameter
    required = [
        key
        for key, each in parameters.items()
        if each.default is kinds.empty
        and each.kind in (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)
        and key != "self"
    ]
    open_ended = any(each.kind == kinds.VAR_KEYWORD for each in parameters.values())
    names = [key for key, each in parameters.items() if each.kind not in (kinds.VAR_KEYWORD, kinds.VAR_POSITIONAL)]
    reading = {
        "available": True, "required": required, "names": names, "open": open_ended, "library": version_of(name),
    }  # fmt: skip
    argument = certificate.get("argument")
    if argument is not None:
        reading["takes"] = argument in names or (None if open_ended else False)
        if reading["takes"] is None and inspect.isclass(function):
            reading.update(_made(function, certificate.get("arguments") or {}, argument))
    return reading


def _made(cls, arguments, argument):
    """Whether a class with open keywords can be made with one of them: some take what they then refuse."""
    given = dict({argument: 1}, **arguments)
    try:
        cls(**given)
    except (TypeError, ValueError) as error:
        said = first_line(error)
        return {"takes": False if argument in said else None, "error": said}
    return {"takes": True}


def _same_library(certificate):
    """Whether layers by two names are one class, so that they can be put together."""
    found = [lookup(name) for name in certificate["names"]]
    return {"available": True, "same": found[0] is found[1], "library": version_of(certificate["names"][0])}


def _variable(certificate):
    """What a variable is made with positional arguments: its type, whether it trains, whether it gets a gradient."""
    tf = tensorflow()
    dtypes = {"int": "int32", "float": "float32"}
    initial = np.ones(2, dtypes.get(certificate.get("initial"), certificate.get("initial") or "float32"))
    made = tf.Variable(initial.tolist() if certificate.get("plain") else initial, getattr(tf, certificate["second"]))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(tf.cast(made, tf.float32) * 2.0)
    return {
        "available": True, "dtype": made.dtype.name, "trainable": getattr(made.trainable, "name", str(made.trainable)),
        "gradient": tape.gradient(total, made) is not None, "library": tensorflow_version(),
    }  # fmt: skip


def _call(certificate):
    """What a function makes of plain arguments: the shape, type and mean of the result, or what it raises."""
    function = lookup(certificate["function"])
    tf = tensorflow()
    given = [getattr(tf, one["dtype"]) if isinstance(one, dict) else one for one in certificate["arguments"]]
    try:
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            made = function(*given)
            value = session.run(made) if certificate.get("run", True) else None
    except (TypeError, ValueError, tf.errors.OpError) as error:
        return {"available": True, "error": first_line(error), "library": tensorflow_version()}
    reading = {"available": True, "error": "", "library": tensorflow_version()}
    if value is not None:
        reading.update(shape=list(np.shape(value)), dtype=str(np.asarray(value).dtype))
        if np.size(value) and np.asarray(value).dtype.kind in "fiu":
            reading["mean"] = float(np.mean(value))
    return reading


def _dropped(certificate):
    """The share of ones that a call of `dropout` with a positional number makes zero."""
    tf = tensorflow()
    ones = np.ones((100, 100), np.float32)
    function = tf.compat.v1.nn.dropout if certificate.get("v1") else tf.nn.dropout
    value = np.asarray(function(tf.constant(ones), certificate["value"], seed=0))
    return {"available": True, "zero_share": float((value == 0).mean()), "library": tensorflow_version()}


CHECKS = {
    "exists": _exists,
    "takes": _takes,
    "same-library": _same_library,
    "variable": _variable,
    "call": _call,
    "dropped": _dropped,
}
