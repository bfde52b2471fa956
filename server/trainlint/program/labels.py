"""What labels look like: class numbers or one-hot rows, and where the program hands them over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.program.heads import PICKING, feed_of
from trainlint.program.values import Tensor

if TYPE_CHECKING:
    from trainlint.program.program import Program
    from trainlint.program.values import Value
    from trainlint.source.code import Place

ONE_HOT = "one-hot"
CLASS_IDS = "class-ids"
SEVERAL = "several"


def format_of(labels: Value | None, predictions: Value | None) -> str | None:
    """ "one-hot" or "class-ids" for labels that are proved to be so, by how they were made or by their shape.

    The shape counts where the network gives at least two numbers: as many columns as it gives, or one number a sample.
    """
    if not isinstance(labels, Tensor) or not isinstance(predictions, Tensor):
        return None
    shape, outputs = labels.shape, predictions.shape
    width = outputs[-1] if outputs else None
    if shape is not None and outputs and isinstance(width, int) and width > 1:
        if len(shape) == len(outputs):
            if isinstance(shape[-1], int):
                if shape[-1] == width or labels.encoding == ONE_HOT:
                    return ONE_HOT
                return CLASS_IDS if shape[-1] == 1 else None
            if shape[-1] is None and labels.values == (0.0, 1.0):
                return ONE_HOT  # the columns of an encoder that counts the classes itself
        elif len(shape) == len(outputs) - 1 and shape:
            if any(isinstance(a, int) and isinstance(b, int) and a != b for a, b in zip(shape, outputs)):
                return None  # one row for a single sample, which has no axis for the samples
            if labels.values == (0.0, 1.0) and width > 2 and labels.encoding != CLASS_IDS:
                return None  # a single row of zeros with a one looks the same
            return None if labels.encoding == ONE_HOT else CLASS_IDS
        else:
            return None
    if labels.encoding == ONE_HOT:
        return ONE_HOT if shape is None or (len(shape) > 1 and shape[-1] != 1) else None
    return CLASS_IDS if labels.encoding == CLASS_IDS and (shape is None or len(shape) < 3) else None


def are_exclusive(labels: Value | None) -> bool:
    """Whether labels are proved to name one class a sample."""
    if not isinstance(labels, Tensor):
        return False
    if labels.encoding == ONE_HOT:
        return labels.shape is None or (len(labels.shape) > 1 and labels.shape[-1] != 1)
    return labels.encoding == CLASS_IDS and (labels.shape is None or len(labels.shape) < 3)


def are_several(program: Program, labels: Tensor) -> bool:
    """Whether the columns of labels are proved to hold each on its own, so that several may hold at once."""
    feed = feed_of(program, labels)
    source = program.source(labels if feed is None else feed.value, PICKING)
    if source is None:
        return False
    if source.name.endswith("MultiLabelBinarizer"):
        return source.output.encoding != ONE_HOT
    if source.kind == "compare" and len(source.inputs) == 2:
        if source.attributes.get("operator", source.name.removeprefix("operator ")) not in ("<", "<=", ">", ">="):
            return False
        if not isinstance(source.inputs[1], Tensor) or source.inputs[1].low != source.inputs[1].high:
            return False
        source = program.source(source.inputs[0], PICKING)
    elif source.output.values != (0.0, 1.0):
        return False
    return source is not None and source.kind == "random" and source.output.rank == 2 and len(source.inputs) == 0


def is_chosen_from(program: Program, value: Value) -> bool:
    """Whether the program takes the best of a row: of scores for its answer, of labels for the class."""
    start = value.op if isinstance(value, Tensor) else None
    if start is None:
        return False
    reached, queue = {start}, [start]
    while queue:
        for user in program.consumers(queue.pop()):
            if user.kind == "argmax":
                return True
            if user.kind in PICKING | {"activation"} and user.id not in reached:
                reached.add(user.id)
                queue.append(user.id)
    return False


def described(format_: str) -> str:
    """The format as a message names it."""
    if format_ == SEVERAL:
        return "0 or 1 for each class, whatever the others are"
    return "one-hot rows" if format_ == ONE_HOT else "class numbers"


def handed_over(program: Program, labels: Value) -> Place | None:
    """Where the labels are fed, or made if nothing feeds them."""
    feed, source = feed_of(program, labels), program.source(labels)
    if feed is not None:
        return feed.place
    return None if source is None or source.attributes.get("labels") else source.place
