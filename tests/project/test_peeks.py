"""Small files of numbers, read without NumPy; files that are made to do harm."""

from __future__ import annotations

import io
import os
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainlint.project import Project
from trainlint.project.peeks import MAX_BYTES, Peeked, read_npy, read_npz, read_table


def npy(descr, shape, content, *, version=1, header=None):
    """An npy file as NumPy writes it."""
    if header is None:
        header = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape!r}, }}\n"
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes((version, 0)) + length + header.encode("latin-1") + content


def peek(data):
    return read_npy(data, len(data))


def test_floats():
    """Shape, type and range of an array."""
    found = peek(npy("<f4", (2, 2), struct.pack("<4f", -1.5, 0, 3, 3)))

    assert (2, 2) == found.shape
    assert ("float32", -1.5, 3.0) == (found.dtype, found.low, found.high)
    assert (-1.5, 0.0, 3.0) == found.values
    assert 2.25 == pytest.approx(found.rms, rel=0.02)


@pytest.mark.parametrize(
    ("descr", "content", "expected"),
    [
        ("|u1", bytes((0, 255)), Peeked((2,), "uint8", 0.0, 255.0, 255 / 2**0.5, (0.0, 255.0))),
        (">i2", struct.pack(">2h", -3, 3), Peeked((2,), "int16", -3.0, 3.0, 3.0, (-3.0, 3.0))),
        ("|b1", bytes((0, 0)), Peeked((2,), "bool", 0.0, 0.0, 0.0, (0.0,))),
        ("<f8", struct.pack("<2d", 1, float("nan")), Peeked((2,), "float64")),
        ("<f8", struct.pack("<2d", 1, float("inf")), Peeked((2,), "float64")),
        ("<f8", struct.pack("<2d", 1.7e308, 1.7e308), Peeked((2,), "float64")),
        ("<f2", b"\0\0\0\0", Peeked((2,), "float16")),
    ],
)
def test_types(descr, content, expected):
    """Orders of bytes and types; what is no number has no range, and half precision is not read."""
    found = peek(npy(descr, (2,), content))

    assert expected.replace(rms=None) == found.replace(rms=None)
    assert found.rms == pytest.approx(expected.rms)


def test_large_array_has_its_shape_only():
    """Of a file that is too large to read the header is enough for the shape."""
    start = npy("<f4", (5000, 1000), b"")

    assert Peeked((5000, 1000), "float32") == read_npy(start, len(start) + 5000 * 1000 * 4)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x93NUMPY",
        b"\x93NUMPY\x01\x00",
        b"\x93NUMPY\x09\x00\x02\x00{}",
        npy("|O", (1,), b"\x80\x04\x95cos\nsystem\n"),
        npy("<f4", (1,), b"\0" * 3),
        npy("<f4", (1,), b"\0" * 5),
        npy("<f4", (10**13,), b"\0" * 4),
        npy("<c8", (1,), b"\0" * 8),
        npy("<U8", (1,), b"\0" * 32),
        npy([("a", "<f4")], (1,), b"\0" * 4),
        npy("<f4", (-1,), b""),
        npy("", (), b"", header="{" * 9000),
        npy("", (), b"", header="-" * 9000 + "1"),
        npy("", (), b"", header="__import__('os').system('true')"),
        npy(
            "", (), b"", version=3, header="{'descr': '<f4', 'fortran_order': False, 'shape': (" + "1, " * 5000 + "), }"
        ),
        b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31) + b"{" * 100,
        b"\x80\x04\x95\x1f\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
    ],
)
def test_odd_arrays(data):
    """Pickled objects, headers that are too long, too deep or no header, and sizes that are not true."""
    assert peek(data) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_no_error(data):
    """Whatever stands in a file is read or refused."""
    peek(data)
    peek(npy("<f4", (2,), b"")[:40] + data)
    read_npz(data)
    read_table(data)
    read_table(data, None, "#")


def archive(members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return stream.getvalue()


def test_archives():
    """Arrays by their names; what cannot be read is left out."""
    good = npy("<i8", (2,), struct.pack("<2q", 0, 1))

    (found,) = read_npz(archive({"y.npy": good, "objects.npy": npy("|O", (1,), b"x"), "../z": good}))
    assert ("y", (2,)) == (found[0], found[1].shape)
    assert read_npz(archive({"y.npy": good})[:-10]) is None
    assert read_npz(archive({"bomb.npy": b"\0" * (5 * MAX_BYTES)})) is None
    assert read_npz(archive({f"{i}.npy": good for i in range(100)})) is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a,b\n1,2\n", (("a", "b"), ("1", "2"))),
        (b'\xef\xbb\xbfa,"b, c"\n1,2\n\n', (("a", "b, c"), ("1", "2"))),
        (b"a,b\n1\n", None),
        (b"a,b\n1,\0\n", None),
        (b"a,b\n\xff,1\n", None),
        (b"", None),
        (b'"' + b"x" * 200_000, None),
    ],
)
def test_tables(data, expected):
    """Lines of as many fields each; bytes that are no text, and fields without end, are no table."""
    found = read_table(data)

    assert expected == (None if found is None else found.lines)


def test_only_files_of_the_project_are_read(tmp_path):
    """A link that leads out, a path that leads out, a pipe and a folder are not read."""
    root, outside = tmp_path / "project", tmp_path / "outside"
    (root / "data").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret.csv").write_text("1,2\n")
    (root / "data" / "x.csv").write_text("1,2\n")
    (root / "link.csv").symlink_to(outside / "secret.csv")
    (root / "inner.csv").symlink_to(root / "data" / "x.csv")
    (root / "folder.csv").mkdir()
    os.mkfifo(root / "pipe.csv")
    (root / "loop.csv").symlink_to(root / "loop.csv")
    (root / "key.pem").write_text("1,2\n")
    project, script = Project(root), root / "src" / "train.py"

    assert b"1,2\n" == project.peek("data/x.csv", root / "train.py").content
    assert b"1,2\n" == project.peek("data/x.csv", script).content
    assert b"1,2\n" == project.peek(str(root / "data" / "x.csv"), script).content
    assert b"1,2\n" == project.peek("inner.csv", script).content
    for name in ("link.csv", "../outside/secret.csv", str(outside / "secret.csv"), "pipe.csv", "folder.csv", "loop.csv",
                 "key.pem", "no.csv", "x\0.csv", "/dev/zero", "/dev/zero.csv", "http://example.org/x.csv"):  # fmt: skip
        assert project.peek(name, script) is None


def test_large_files_are_read_in_part(tmp_path):
    """A file beyond the limit is not read to its end."""
    (tmp_path / "x.csv").write_bytes(b"1,2\n" * MAX_BYTES)
    found = Project(tmp_path).peek("x.csv", tmp_path / "train.py")

    assert (MAX_BYTES, False) == (len(found.content), found.whole)


def test_changed_file_is_read_again(tmp_path):
    """What was read holds until the file changes."""
    project, file = Project(tmp_path), tmp_path / "x.csv"
    file.write_text("1,2\n")
    first = project.peek("x.csv", tmp_path / "train.py")

    assert first is project.peek("x.csv", tmp_path / "train.py")
    file.write_text("1,2,3\n")
    assert b"1,2,3\n" == project.peek("x.csv", tmp_path / "train.py").content
    assert "file" == project.asked[str(file)]
