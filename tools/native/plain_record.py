"""The base of records that were written out to be compiled: `trainlint.record`, without what happens at run time."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

T = TypeVar("T", bound="Record")


class Record:
    """A value with named fields; the classes bring their own `__init__`, `__eq__` and `__hash__`."""

    __fields__: ClassVar[tuple[str, ...]] = ()

    def _copied(self) -> Any:
        raise NotImplementedError

    def replace(self: T, **changes: Any) -> T:
        """The same record with some fields changed."""
        new = self._copied()
        for field, value in changes.items():
            setattr(new, field, value)
        return new  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        shown = [f"{field}={getattr(self, field)!r}" for field in type(self).__fields__]
        return f"{type(self).__name__}({', '.join(shown)})"
