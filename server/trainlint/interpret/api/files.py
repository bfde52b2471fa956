"""Files of numbers: what NumPy reads, and what is known of small files where the user lets them be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.interpret.api import configuration
from trainlint.interpret.api.common import fresh
from trainlint.interpret.api.registry import handles
from trainlint.program.values import Const, DictRecord, Tensor, Value

if TYPE_CHECKING:
    from trainlint.interpret.api.call import ApiCall
    from trainlint.project.peeks import Peeked


@handles("np.load")
def load(call: ApiCall) -> Value:
    """The array in an npy file, or those in an npz file by their names."""
    data = peeked_file(call)
    if data is None:
        return configuration.outside(call)
    from trainlint.project import peeks

    array = peeks.read_npy(data.content, data.size)
    if array is not None:
        return call.emit("data", output=as_array(array), source="file")
    arrays = peeks.read_npz(data.content) if data.whole else None
    if arrays is None:
        return configuration.outside(call)
    items = tuple(
        (Const(value=name), call.emit("data", output=as_array(array), tag=f"array {name}", source="file"))
        for name, array in arrays
    )
    return call.machine.new(call.place, DictRecord(items=items, open=True), "arrays")


@handles("np.loadtxt", "np.genfromtxt")
def load_text(call: ApiCall) -> Value:
    """A table of numbers: rows and columns, unless the file has only one of either.

    Which of these it is shows when two indices are used.
    """
    keywords = call.arguments.keywords
    dtype = call.dtype("dtype") if "dtype" in keywords else "float64"
    odd = call.arguments.open or any(name in keywords for name in ("unpack", "names"))
    if odd or dtype is None or len(call.arguments.positional) > 1:
        return configuration.outside(call)
    known = _text(call)
    if known is not None:
        return call.emit("data", output=known.replace(dtype=dtype), source="file")
    size = (fresh(call, "rows"), fresh(call, "columns"))
    shape = size if "ndmin" in keywords and call.machine.resolve(keywords["ndmin"].value) == Const(2) else None
    output = Tensor(shape=shape, dtype=dtype, library="np")
    return call.emit("data", output=output, source="file", table=size)


@handles("np.frombuffer", "np.fromfile")
def load_bytes(call: ApiCall) -> Value:
    """One row of numbers; bytes are between 0 and 255, but need not reach that far."""
    dtype = call.dtype("dtype")
    if dtype != "uint8" or call.arguments.open:
        return configuration.outside(call)
    output = Tensor(shape=(fresh(call, "bytes"),), dtype=dtype, low=0.0, high=255.0, library="np")
    return call.emit("opaque", output=output)


def peeked_file(call: ApiCall) -> Any:
    """The data file that the first argument names by a constant, if the user lets it be read."""
    if not call.arguments.positional:
        return None
    name = call.machine.resolve(call.arguments.positional[0].value)
    return call.machine.peek(name.value) if isinstance(name, Const) and isinstance(name.value, str) else None


_TEXT = frozenset(("delimiter", "skiprows", "skip_header", "dtype", "encoding"))


def _text(call: ApiCall) -> Tensor | None:
    """What a text file holds that NumPy reads."""
    keywords = {name: call.machine.resolve(argument.value) for name, argument in call.arguments.keywords.items()}
    data = peeked_file(call) if keywords.keys() <= _TEXT else None
    delimiter = keywords.get("delimiter", Const(None))
    skipped = keywords.get("skiprows", keywords.get("skip_header", Const(0)))
    if data is None or not data.whole or not isinstance(delimiter, Const) or not isinstance(skipped, Const):
        return None
    if not (delimiter.value is None or isinstance(delimiter.value, str)) or type(skipped.value) is not int:
        return None
    from trainlint.project import peeks

    content = data.content.split(b"\n", skipped.value)[-1] if skipped.value > 0 else data.content
    table = peeks.read_table(content, delimiter.value or None, "#")
    if table is None:
        return None
    sizes = (len(table.lines), len(table.lines[0]))
    return as_array(peeks.measure([field for line in table.lines for field in line], tuple(s for s in sizes if s != 1)))


def as_array(peeked: Peeked) -> Tensor:
    """A tensor with what was read of an array or a column."""
    values = peeked.values
    classes = values is not None and len(values) > 1 and values == tuple(map(float, range(len(values))))
    whole = peeked.dtype is not None and peeked.dtype.startswith(("int", "uint"))
    return Tensor(
        shape=peeked.shape, dtype=peeked.dtype, low=peeked.low, high=peeked.high, rms=peeked.rms, values=values,
        library="np", encoding="class-ids" if classes and whole and len(peeked.shape) == 1 else None,
    )  # fmt: skip
