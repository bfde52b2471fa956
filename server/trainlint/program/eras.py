"""Which versions of TensorFlow a program can be run with, as its own names and pins show."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainlint.program.program import Program

_SINCE_1 = ("tf.layers.", "tf.losses.", "tf.data.", "tf.estimator.", "tf.keras.", "keras.")


def is_for_1(program: Program) -> bool:
    """Whether something shows that the program is for TensorFlow 1.0 or later: a pin, or a name that is not older."""
    found: bool = program.once(f"{__name__}.is_for_1", _is_for_1)
    return found


def _is_for_1(program: Program) -> bool:
    if program.generation != "1.x":
        return True
    if program.version is not None:
        return program.version >= (1,)
    symbols = [operation.symbol for operation in program.operations]
    symbols += [record.symbol for _, record in program.objects]
    return any(symbol is not None and symbol.name.startswith(_SINCE_1) for symbol in symbols)
