"""Immutable records that cost little to define.

A frozen dataclass with slots takes about 0.8 ms to define, a class built here about 0.05 ms.
The package defines some hundred of them and a cold `trainlint check` has to start in the time that
`import libcst` takes, so the difference decides whether the command feels instant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

T = TypeVar("T", bound="Record")


class RecordType(type):
    """Turns annotated class attributes into slots, an `__init__` and `__match_args__`.

    `__derived__` names slots for what is computed from the fields on first demand: neither compared nor copied.
    """

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], eq: bool = True) -> RecordType:
        own = [field for field in namespace.get("__annotations__", {}) if not field.startswith("__")]
        inherited: tuple[str, ...] = ()
        defaults: dict[str, Any] = {}
        for base in reversed(bases):
            inherited += tuple(f for f in getattr(base, "__fields__", ()) if f not in inherited)
            defaults.update(getattr(base, "__defaults__", {}))
        fields = inherited + tuple(f for f in own if f not in inherited)
        for field in own:
            if field in namespace:
                defaults[field] = namespace.pop(field)
        namespace["__slots__"] = (*(f for f in own if f not in inherited), *namespace.pop("__derived__", ()))
        namespace["__fields__"] = fields
        namespace["__defaults__"] = defaults
        namespace["__match_args__"] = fields
        if "__init__" not in namespace and fields:
            ordered = [f for f in fields if f not in defaults] + [f for f in fields if f in defaults]
            parameters = ", ".join(f"{f}=_defaults[{f!r}]" if f in defaults else f for f in ordered)
            body = "\n ".join(f"self.{f} = {f}" for f in fields)
            scope: dict[str, Any] = {"_defaults": defaults}
            exec(f"def __init__(self, {parameters}):\n {body}", scope)
            namespace["__init__"] = scope["__init__"]
        if not eq:
            namespace.setdefault("__eq__", object.__eq__)
            namespace.setdefault("__hash__", object.__hash__)
        return super().__new__(mcs, name, bases, namespace)

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], eq: bool = True) -> None:
        super().__init__(name, bases, namespace)


class Record(metaclass=RecordType):
    """A value with named fields: equal when the type and all fields are equal.

    Fields are read-only for the type checker; nothing enforces it at run time.
    Fields without a default come before fields with one, also across inheritance: give keywords where in doubt.
    """

    if TYPE_CHECKING:
        # A type checker can't follow fields with defaults before inherited ones without; calls are not checked.
        def __init__(self, *values: Any, **fields: Any) -> None: ...

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other):
            return False
        cls = type(self)
        compare = _COMPARERS.get(cls)
        if compare is None:
            compare = _COMPARERS[cls] = _comparer(cls)
        return compare(self, other)

    def __hash__(self) -> int:
        cls = type(self)
        digest = _HASHERS.get(cls)
        if digest is None:
            digest = _HASHERS[cls] = _hasher(cls)
        return digest(self)

    def __repr__(self) -> str:
        defaults = type(self).__defaults__  # type: ignore[attr-defined]
        shown = [
            f"{field}={value!r}"
            for field in type(self).__fields__  # type: ignore[attr-defined]
            if (value := getattr(self, field)) is not defaults.get(field, RecordType)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def replace(self: T, **changes: Any) -> T:
        """The same record with some fields changed."""
        cls = type(self)
        copy = _COPIERS.get(cls)
        if copy is None:
            copy = _COPIERS[cls] = _copier(cls)
        new = copy(self)
        for field, value in changes.items():
            setattr(new, field, value)
        return new


# Functions for one class each, made on first use: most classes are never copied, compared or hashed.
_COPIERS: dict[type, Any] = {}
_COMPARERS: dict[type, Any] = {}
_HASHERS: dict[type, Any] = {}


def _copier(cls: type) -> Any:
    """A function that copies a record of one class."""
    body = "".join(f" new.{field} = old.{field}\n" for field in _fields(cls))
    return _function(f"def function(old):\n new = _make(_cls)\n{body} return new", _make=object.__new__, _cls=cls)


def _comparer(cls: type) -> Any:
    """A function that compares the fields of two records of one class."""
    # As in tuples, what is the same object is equal: a record that holds a NaN is equal to its copy.
    equal = " and ".join(f"(a.{field} is b.{field} or a.{field} == b.{field})" for field in _fields(cls))
    return _function(f"def function(a, b):\n return {equal or True}")


def _hasher(cls: type) -> Any:
    """A function that hashes a record of one class."""
    values = "".join(f", a.{field}" for field in _fields(cls))
    return _function(f"def function(a):\n return hash(({cls.__name__!r}{values},))")


def _fields(cls: type) -> tuple[str, ...]:
    return cls.__fields__  # type: ignore[attr-defined]


def _function(text: str, **scope: Any) -> Any:
    exec(text, scope)
    return scope["function"]
