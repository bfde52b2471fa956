"""The values that the abstract machine computes with: what is known of each value of the user's program.

All are immutable. What the program can change (lists, dicts, objects) lives on the heap, and a `Ref` points to it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

from trainlint.record import Record

if TYPE_CHECKING:
    from trainlint.program.dims import Dim, Shape, Symbol
    from trainlint.source.code import ClassDefine, Define, Lambda, Place
    from trainlint.tfapi import Symbol as ApiSymbol


class Frame:
    """An activation of a module, class body or function: the first half of the key of each variable.

    One place that is called from one frame always gets the same frame, also in a later run, so that ids are stable.
    """

    __slots__ = (
        "name",
        "parent",
        "place",
        "root_document",
        "children",
        "ids",
        "depth",
        "lexical",
        "iteration",
        "contexts",
        "code",
    )

    def __init__(
        self,
        name: str,
        parent: Frame | None,
        place: Place | None,
        document: Any,
        lexical: Frame | None,
        iteration: tuple[Any, ...] = (),
        code: Hashable = None,
    ) -> None:
        self.name = name
        self.code = code
        """The definition that runs in it; None for a module."""
        self.parent = parent
        """The caller."""
        self.place = place
        """Where it was called."""
        self.root_document = document if lexical is None else None
        """The document of a module's frame; replaced when the module is edited."""
        self.lexical = lexical
        """The frame of the enclosing definition, where free names are looked up."""
        self.iteration = iteration
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.children: dict[Hashable, Frame] = {}
        self.ids: dict[Hashable, Id] = {}
        self.contexts: dict[Hashable, Any] = {}

    @property
    def document(self) -> Any:
        """The document that the running code is written in."""
        frame = self
        while frame.lexical is not None:
            frame = frame.lexical
        return frame.root_document

    def __repr__(self) -> str:
        return f"Frame({self.name})"


class Id:
    """The identity of a heap object or an operation: where it was made, in which activation and round of a loop."""

    __slots__ = ("frame", "place", "iteration", "tag")

    def __init__(self, frame: Frame, place: Place, iteration: tuple[Any, ...], tag: Any) -> None:
        self.frame = frame
        self.place = place
        self.iteration = iteration
        self.tag = tag

    def __repr__(self) -> str:
        return f"Id({self.place.number}{self.tag}{self.iteration or ''})"


class Value(Record):
    """What is known of a value. `assumed` lists what was taken for granted, such as defaults of the command line."""

    assumed: tuple[str, ...] = ()


class Unknown(Value):
    """Nothing is known. `origin` tells two unknown values apart where that is possible; `reason` is for people."""

    origin: Hashable = None
    reason: str = ""
    place: Place | None = None


UNKNOWN = Unknown()

ARRAY_TYPE = ("type", "array")
"""The origin of the type of an array or tensor: which one is not known, but it is none of Python's own."""


class Const(Value):
    """A Python constant: int, float, complex, str, bytes, bool, None or Ellipsis."""

    value: Any

    def __eq__(self, other: object) -> bool:
        # 1, 1.0 and True are equal in Python but not the same argument.
        return self is other or (
            type(other) is Const
            and type(self.value) is type(other.value)
            and (self.value == other.value or self.value != self.value)
            and self.assumed == other.assumed
        )

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


def is_none(value: Value) -> bool:
    """Whether a value is proved to be None, also one that is only a default of the command line."""
    return isinstance(value, Const) and value.value is None


NONE = Const(None)
TRUE = Const(True)
FALSE = Const(False)


class Condition(Record):
    """An unresolved test. Equal keys are the same decision; `text` is how the author wrote it."""

    key: Hashable
    text: str = ""
    negated: bool = False

    def __eq__(self, other: object) -> bool:
        return type(other) is Condition and self.key == other.key and self.negated == other.negated

    def __hash__(self) -> int:
        return hash((self.key, self.negated))


class Choice(Value):
    """One value or another, by a condition that the code leaves open. It is resolved when somebody uses it."""

    condition: Condition
    then: Value
    otherwise: Value


class Dimension(Value):
    """A Python int known by its symbol only: `num_features`, `len(x)`."""

    dim: Symbol


class Tuple(Value):
    items: tuple[Value, ...]


class Parts(Tuple):
    """What a call gives at once, in an order that is easily mixed up: `roles` says of each part what it is."""

    roles: tuple[tuple[int, str], ...] = ()


class SliceValue(Value):
    lower: Value
    upper: Value
    step: Value


class Range(Value):
    """`range(start, stop, step)`."""

    start: Value
    stop: Value
    step: Value


class Stream(Value):
    """Values that come one after the other: generators, zips, dataset elements. `element` stands for each of them."""

    element: Value
    length: Dim = None


class Ref(Value):
    """A pointer to the heap."""

    id: Id


class Function(Value):
    """A function or lambda of the user with the frame that it closes over."""

    define: Define | Lambda
    frame: Frame
    defaults: tuple[tuple[str, Value], ...] = ()
    owner: Value | None = None  # the class whose body defines it
    graph: bool = False  # whether `tf.function` makes a graph of it

    @property
    def name(self) -> str:
        return getattr(self.define, "name", "<lambda>")


class Class(Value):
    """A class of the user; its body's variables are those of `frame`."""

    define: ClassDefine
    frame: Frame
    bases: tuple[Value, ...] = ()


class Bound(Value):
    """A method: a function, API symbol or name bound to its receiver."""

    function: Value
    receiver: Value


class Method(Value):
    """The method or attribute `name` of a value that the machine implements itself: a list, an array, a layer."""

    receiver: Value
    name: str


class Module(Value):
    """A module of the user."""

    path: str
    frame: Frame


class Deferred(Value):
    """What an import of a module of the user binds, until somebody uses it; most imports of a library never are."""

    module: str
    level: int
    name: str | None
    frame: Frame
    place: Place


class Api(Value):
    """Something of TensorFlow, Keras, NumPy or another known package."""

    symbol: ApiSymbol


class Partial(Value):
    """`functools.partial`, and whatever else calls `function` with some arguments given."""

    function: Value
    positional: tuple[Value, ...] = ()
    keywords: tuple[tuple[str, Value], ...] = ()
    written: tuple[tuple[str, Argument], ...] = ()
    """The keywords with the places where they were written."""


class Super(Value):
    """`super()` inside a method."""

    owner: Value
    receiver: Value


class Tensor(Value):
    """An array or tensor of any library, or a Python number that is not a constant.

    `low` and `high` bound its values; None where unknown, infinite where unbounded.
    `rms` is the root mean square to expect, for tensors of a network before the first training step.
    `values` is the finite set of values it can take, if that is known: (0, 1) for binary labels.
    `activation` is the outermost non-linearity, looked for through casts, reshapes and dropout:
    "linear" for the result of a weight layer, None where unknown.
    `encoding` is "class-ids" or "one-hot" for labels known to be so.
    `grounds` says whether the range is "proved", "stated" by the user or "assumed".
    """

    shape: Shape = None
    dtype: str | None = None
    low: float | None = None
    high: float | None = None
    rms: float | None = None
    values: tuple[float, ...] | None = None
    activation: str | None = None
    encoding: str | None = None
    op: Id | None = None
    library: str = "tf"
    grounds: str = "proved"

    @property
    def rank(self) -> int | None:
        return None if self.shape is None else len(self.shape)

    @property
    def holds_numbers(self) -> bool:
        """Whether the type is known to be one of numbers: an array of NumPy may also hold texts, lists and arrays."""
        return (self.dtype or "").startswith(("int", "uint", "float", "bool", "complex"))

    @property
    def bounded(self) -> bool:
        return self.interval is not None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both bounds, None when one of them is unknown."""
        return None if self.low is None or self.high is None else (self.low, self.high)


# Heap records --------------------------------------------------------------------------------------------------------


class ListRecord(Record):
    """A list or set. `items` when each is known, else `element` stands for all of them and `length` counts them."""

    items: tuple[Value, ...] | None = ()
    element: Value | None = None
    length: Dim = None
    kind: str = "list"

    @property
    def size(self) -> Dim:
        return self.length if self.items is None else len(self.items)


class DictRecord(Record):
    """A dict: its known items in order of insertion; `open` when it may hold others too.

    `places` says where the values were written, as far as that is known.
    """

    items: tuple[tuple[Value, Value], ...] = ()
    open: bool = False
    places: Mapping[Value, Place] = {}


class InstanceRecord(Record):
    """An object of a user's class."""

    cls: Value
    attributes: Mapping[str, Value] = {}
    place: Place | None = None


class Argument(Record):
    """A bound argument of an API call; `place` is None for a default.

    `spelled` is what the author wrote, if that is a name: `args.keep_prob`, `1 - keep_prob`.
    """

    value: Value
    place: Place | None = None
    spelled: str | None = None
    positional: bool = False

    @property
    def given(self) -> bool:
        return self.place is not None


class ApiObject(Record):
    """An object of an API class: a layer, model, optimizer, loss, initializer, session...

    `kind` is layer, model, optimizer, loss, metric, initializer, regularizer, schedule, session, dataset, object...
    `fields` is what the machine keeps about it beside its arguments.
    """

    symbol: ApiSymbol
    kind: str
    arguments: Mapping[str, Argument]
    place: Place
    fields: Mapping[str, Any] = {}

    __derived__ = ("_held", "_places")
    if TYPE_CHECKING:
        _held: tuple[Value, ...]
        _places: tuple[Place, ...]

    @property
    def name(self) -> str:
        return self.symbol.name

    @property
    def places(self) -> tuple[Place, ...]:
        """Where it is made and its arguments are written."""
        try:
            return self._places
        except AttributeError:
            found = (self.place, *[a.place for a in self.arguments.values() if a.place is not None])
            self._places = found
            return found

    @property
    def held(self) -> tuple[Value, ...]:
        """The arguments and fields that are tensors or can hold some.

        The weights and results of a layer are no use of it; the outputs of a model are.
        """
        try:
            return self._held
        except AttributeError:
            values = [argument.value for argument in self.arguments.values()]
            for name, held in self.fields.items():
                if not name.startswith("weight "):
                    values += held if isinstance(held, tuple) else (held,)
            found = self._held = tuple([value for value in values if type(value) in HOLDERS])
            return found


HOLDERS = frozenset((Tensor, Tuple, Choice, Stream, Bound, Partial, Ref))
"""The values that are tensors or can hold some; most arguments are plain constants."""
