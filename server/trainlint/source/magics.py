"""IPython's own syntax, taken out of a text so that Python is left.

What is not Python is replaced by as many characters, so every offset, line and column stays what it was:

- `%matplotlib inline`, `!pip install x`, `model?`: blank (in an indented line `0`, so that a block keeps a body);
- `%time history = model.fit(x)`: the code stays, behind `0;`;
- `files = !ls`, `x = %who_ls`: the value becomes the undefined name `__`; `x = %time f()` keeps `f()`;
- a cell that starts with `%%time`, `%%capture` or the like: the first line is blank, the body stays;
- a cell that starts with any other cell magic: blank, since its body is another language or another process;
- `%%writefile name.py`: blank, and its body is given back as a file of its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

TRANSPARENT = frozenset(
    ("time", "timeit", "capture", "prun", "memit", "mprun", "lprun", "snakeviz", "wandb", "ipytest", "debug")
)
"""Cell magics whose body is Python that runs in the notebook's own namespace."""

SHELL = frozenset(("bash", "sh", "shell", "system", "script"))
"""Cell magics whose body is given to a shell."""

_ESCAPE_CHARACTER = re.compile(r"[%!](?!=)")
_CELL_ONLY = re.compile(r"\?|^[ \t]*(?:pip|conda|mamba)[ \t]", re.MULTILINE)

# Each match takes the text before a token with it, so that nothing is searched character by character.
_TOKEN = re.compile(
    r"[^\n()\[\]{}#'\"\\?]*(?:"
    r"(?P<open>[(\[{])"
    r"|(?P<close>[)\]}])"
    r"|(?P<line>\n)"
    r"|(?P<help>\?)"
    r"|\"\"\"[^\"\\]*(?:(?:\\.|\"(?!\"\"))[^\"\\]*)*(?:\"\"\"|\Z)"
    r"|'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*(?:'''|\Z)"
    r"|\"[^\"\\\n]*(?:\\.[^\"\\\n]*)*\"?"
    r"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'?"
    r"|#[^\n]*"
    r"|\\\n?"
    r")",
    re.DOTALL,
)
_NO_CODE = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")

_ESCAPE = re.compile(r"[ \t]*[%!]")
_AUTOMATIC = re.compile(r"[ \t]*(?:pip|conda|mamba)[ \t]+(?:install|uninstall|list|freeze|show)\b")
_TIMED = re.compile(r"([ \t]*)%time[ \t]+(?=\S)")
_ASSIGNED = re.compile(r"[ \t]*[\w.\[\], *]+?=[ \t]*(?=[%!])")
_QUESTION = re.compile(r"^[ \t]*\?|\?[ \t]*$", re.MULTILINE)
_CONTINUED = re.compile(r"(?:[^\\\n]|\\(?!\n)|\\\n)*", re.DOTALL)
_CELL_MAGIC = re.compile(r"%%(\w[\w.]*)[ \t]*([^\n]*)")
_SHELL_LINE = re.compile(r"^[ \t]*([^\s#](?:[^\\\n]|\\(?!\n)|\\\n)*)", re.MULTILINE)
_WRITTEN = re.compile(r"(?:(-a|--append)[ \t]+)?(\"[^\"]+\"|'[^']+'|\S+)")

_STRING = r"('[^'\\\n]*'|\"[^\"\\\n]*\")"
_CALLED = re.compile(
    rf"get_ipython\(\)\.(?:(?:system|magic|getoutput)\([ ]*|run_line_magic\([ ]*{_STRING}[ ]*,[ ]*){_STRING}[ ]*\)"
)
"""What nbconvert makes of `!` and `%`."""
_COMMENTED = re.compile(r"(?<=IPython magic to ensure Python compatibility\.\n)[ \t]*#[ \t]*(%[^%\n][^\n]*)")
"""What Colab makes of `%`: a comment, below one that says so."""

_CELL_IN_EXPORT = re.compile(r"^\#[ ]?(?:%%(?:[ \t]|$)|In[ ]?\[[\d ]*\]|<(?:code|markdown)cell>)", re.MULTILINE)
"""Where a cell starts in a notebook that was exported as .py: `# %%`, `# In[3]:`, `# <codecell>`."""


class WrittenFile(Record):
    """The body of a `%%writefile` cell; `start` is its offset in the text that it was found in."""

    name: str
    text: str
    start: int
    append: bool = False


class Plain(Record):
    """A text without IPython's syntax, as long as it was.

    `commands` are the lines that were blanked, with their offsets (`!pip install tensorflow==1.15`);
    also what an export made of such lines, and each line of a cell that a shell runs.
    """

    text: str
    commands: tuple[tuple[int, str], ...] = ()
    written: tuple[WrittenFile, ...] = ()


def plain_cell(text: str) -> Plain:
    """The Python of one notebook cell."""
    return _plain(text, in_cell=True)


def plain_export(text: str) -> Plain:
    """The Python of a .py file, which may be an exported notebook.

    `?` stays as it is: in a file it is a typing error rather than a question to IPython.
    A cell magic reaches up to the next cell marker; in a file without one it is a line like any other.
    """
    return _plain(text, in_cell=False)


def _plain(text: str, in_cell: bool) -> Plain:
    exported = tuple(_exported(text)) if "IPython magic" in text or "get_ipython" in text else ()
    if not (_may_hold_escape(text) or (in_cell and _CELL_ONLY.search(text))):
        return Plain(text, exported)
    blanker = _Blanker(text, in_cell)
    blanker.run()
    commands = sorted((*blanker.commands, *exported)) if exported else blanker.commands
    return Plain(blanker.result(), tuple(commands), tuple(blanker.written))


def _exported(text: str) -> Iterator[tuple[int, str]]:
    """The commands that an export has written down as a call or as a comment."""
    for match in _CALLED.finditer(text):
        *_, magic, quoted = match.groups()
        # `run_line_magic` takes the name and the rest as two strings.
        yield match.start(), f"%{magic[1:-1]} {quoted[1:-1]}" if magic else quoted[1:-1]
    for match in _COMMENTED.finditer(text):
        yield match.start(1), match[1]


def _may_hold_escape(text: str) -> bool:
    """False if no line starts with `%` or `!`, nor does a value; nearly every file ends here."""
    for match in _ESCAPE_CHARACTER.finditer(text):
        position = match.start()
        line = text.rfind("\n", 0, position) + 1
        if not text[line:position].strip(" \t") or _ASSIGNED.match(text, line, position + 1):
            return True
    return False


def blank(text: str) -> str:
    """As many spaces, with the line ends where they were."""
    return "\n".join(" " * len(line) for line in text.split("\n"))


class _Blanker:
    """One pass over the statements of a text; `changes` are the replacements in order."""

    def __init__(self, text: str, in_cell: bool):
        self.text = text
        self.in_cell = in_cell
        self.changes: list[tuple[int, int, str]] = []
        self.commands: list[tuple[int, str]] = []
        self.written: list[WrittenFile] = []

    def run(self) -> None:
        text, position = self.text, 0
        # A cell magic counts before any code of the cell, so also below another one whose body stays.
        cell_may_start = True
        while position < len(text):
            if nothing := _NO_CODE.match(text, position):
                position = nothing.end()
                continue
            if (cell_may_start or not self.in_cell) and (magic := _CELL_MAGIC.match(text, position)):
                position = self.cell_magic(position, magic)
                continue
            cell_may_start = False
            position = self.statement(position)

    def result(self) -> str:
        pieces, position = [], 0
        for start, end, new in self.changes:
            pieces += [self.text[position:start], new]
            position = end
        return "".join((*pieces, self.text[position:]))

    def cell_magic(self, start: int, magic: re.Match[str]) -> int:
        """Blanks what a cell magic takes out; returns where to go on."""
        text = self.text
        name, line_end = magic[1], magic.end()
        end = len(text)
        if not self.in_cell:
            marker = _CELL_IN_EXPORT.search(text, line_end)
            end = marker.start() if marker else line_end
        if name in TRANSPARENT:
            end = line_end
        elif name in ("writefile", "file") and (target := _WRITTEN.match(magic[2])):
            body = min(line_end + 1, end)
            self.written.append(WrittenFile(target[2].strip("\"'"), text[body:end], body, bool(target[1])))
        self.commands.append((start, magic[0]))
        if name in SHELL:
            for line in _SHELL_LINE.finditer(text, line_end, end):
                self.commands.append((line.start(1), line[1]))
        self.changes.append((start, end, blank(text[start:end])))
        return end

    def statement(self, start: int) -> int:
        """Blanks the statement that starts at this line if it is none of Python; returns where the next line starts."""
        text = self.text
        escape = _ESCAPE.match(text, start)
        if escape or (self.in_cell and _AUTOMATIC.match(text, start)):
            timed = _TIMED.match(text, start)
            if not timed:
                return self.command(start)
            self.changes.append((timed.end(1), timed.end(), "0;".ljust(timed.end() - timed.end(1))))
            start = timed.end()
        elif assigned := _ASSIGNED.match(text, start):
            timed = _TIMED.match(text, assigned.end())
            if not timed:
                return self.assigned_command(assigned.end())
            self.changes.append((timed.start(), timed.end(), " " * len(timed[0])))
            start = timed.end()
        return self.python(start)

    def command(self, start: int) -> int:
        end = _CONTINUED.match(self.text, start).end()  # type: ignore[union-attr]
        line = self.text[start:end]
        indent = len(line) - len(line.lstrip(" \t"))
        self.commands.append((start + indent, line[indent:]))
        # A block that holds nothing else would lose its body.
        left = "0" if indent else " "
        self.changes.append((start + indent, end, left + blank(line[indent + 1 :])))
        return end + 1

    def assigned_command(self, start: int) -> int:
        end = _CONTINUED.match(self.text, start).end()  # type: ignore[union-attr]
        line = self.text[start:end]
        self.commands.append((start, line))
        first, joined, rest = line.partition("\\\n")
        name = "__" if len(first) > 1 else "_"
        self.changes.append((start, end, name.ljust(len(first)) + blank(joined + rest)))
        return end + 1

    def python(self, start: int) -> int:
        """Walks over one Python statement; blanks it if it is a question such as `model.fit?`."""
        text, depth, asked = self.text, 0, False
        for token in _TOKEN.finditer(text, start):
            kind = token.lastgroup
            if kind == "open":
                depth += 1
            elif kind == "close":
                depth = max(0, depth - 1)
            elif kind == "help":
                asked = asked or depth == 0
            elif kind == "line" and depth == 0:
                end = token.end() - 1
                break
        else:
            end = len(text)
        question = asked and self.in_cell and _QUESTION.search(text, start, end)
        if question and "\n" not in text[start:end]:
            return self.command(start)
        return end + 1
