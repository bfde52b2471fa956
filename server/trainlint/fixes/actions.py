"""The vocabulary that rules compose remedies from.

An action names places, not text. `materialize` turns it into edits once somebody wants to see or apply the fix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from trainlint.record import Record

if TYPE_CHECKING:
    from trainlint.source.code import Place, Stretch


class Source(Record):
    """The author's own text of a value, in parentheses where the context needs them."""

    place: Place


class ApiName(Record):
    """An API symbol as this file would spell it: `tf.nn.relu` under the alias of its import, importing it if need be.

    `path` is a full path such as "tensorflow.nn.relu" or "numpy.sqrt"; `near` is a place whose file and scope count.
    """

    path: str
    near: Place


class Spelled(Record):
    """A variable or an attribute as the author wrote it somewhere; no fix where its first name means something else."""

    text: str
    near: Place


class Element(Record):
    """The author's text of one element of the list or tuple at `place`; `otherwise` where none is written that fits."""

    place: Place
    index: int
    otherwise: str


Piece: TypeAlias = "str | Source | ApiName | Spelled | Element"
"""A part of new code: fixed text such as `2.0 / `, or what one of the records stands for."""


class Action(Record):
    """One edit in the vocabulary."""


class SetArgument(Action):
    """Gives a call the keyword argument `name`, replacing its value if it is there (also by position)."""

    call: Place
    name: str
    value: tuple[Piece, ...]
    existing: Place | None = None
    """The value that is replaced, if the call has the argument."""


class RemoveArgument(Action):
    """Takes an argument out of a call, with its comma. `argument` is the place of its value."""

    call: Place
    argument: Place


class RenameArgument(Action):
    """Writes another keyword before an argument's value; a positional argument gets one."""

    call: Place
    argument: Place
    name: str


class ReplaceValue(Action):
    """Puts new code in place of an expression."""

    place: Place
    value: tuple[Piece, ...]


class Wrap(Action):
    """Puts text before and after an expression: `tf.reshape(` ... `, [-1, 1])`."""

    place: Place
    before: tuple[Piece, ...]
    after: tuple[Piece, ...]


class InsertStatement(Action):
    """Adds a statement before or after the one at `place`, at its indentation. `where` is "before" or "after"."""

    place: Place
    value: tuple[Piece, ...]
    where: str = "after"


class DeleteStatement(Action):
    """Deletes the statement at `place`, with its line when it stands alone."""

    place: Place


class InsertLayer(Action):
    """Puts a layer in front of the one that is made at `place`, with `where` "after" behind it.

    That is in the list of a model, by another `add`, or around the value that a layer is called on.
    """

    place: Place
    value: tuple[Piece, ...]
    where: str = "before"


class KeepResult(Action):
    """Assigns the result of a method call that stands alone to the variable that it is called on.

    With `target`, the place of a variable, to that variable; with `argument`, to the one that the call is given first.
    """

    place: Place
    target: Place | None = None
    argument: bool = False


class AddTerm(Action):
    """Adds a term to a variable that is read at `place`, right after the variable got its value."""

    place: Place
    value: tuple[Piece, ...]


class EditComment(Action):
    """Writes another text in place of a comment; an empty one deletes it, with its line if nothing else is there."""

    comment: Stretch
    text: str = ""


class EnsureImport(Action):
    """Adds `import module as alias`, or `from module import name as alias`, unless the file says the same already.

    `near` is a place in the file that is meant.
    """

    module: str
    near: Place
    name: str | None = None
    alias: str | None = None


class Remedy(Record):
    """One way to repair a finding: its actions belong together. `safety` as in `Fix`."""

    title: str
    safety: str
    actions: tuple[Action, ...]
