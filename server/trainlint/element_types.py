"""The names of the types that elements of arrays and tensors have."""

from __future__ import annotations

FLOATS = frozenset(("float16", "bfloat16", "float32", "float64"))
INTEGERS = frozenset(("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"))
DTYPES = FLOATS | INTEGERS | {"bool", "complex64", "complex128", "string"}
