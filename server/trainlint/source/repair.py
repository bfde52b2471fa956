"""Repair of single statements that do not parse, while typing or in Python 2.

Everything here is a function of the text alone.
A repaired text has the same lines, and what stands before the damage keeps its column.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_CANDIDATES = 6

_PIECE = re.compile(
    r"(\"\"\"[^\"\\]*(?:(?:\\.|\"(?!\"\"))[^\"\\]*)*\"\"\"|'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'''"
    r"|\"(?!\"\")[^\"\\\n]*(?:\\.[^\"\\\n]*)*\"|'(?!'')[^'\\\n]*(?:\\.[^'\\\n]*)*')"
    r"|(#[^\n]*)|([(\[{])|([)\]}])|(\"\"\"|'''|\"|')|(\\(?:\n|$))|(\n)",
    re.DOTALL,
)
_CLOSER = {"(": ")", "[": "]", "{": "}"}
_OPENER = {")": "(", "]": "[", "}": "{"}

_DANGLING = re.compile(r"(?:\.|\*\*|//|->|[-+*/%@&|^~=<>!:]|\b(?:and|or|not|in|is|if|else|lambda|await|for))=?[ \t]*\Z")
# Python reads none of these outside of strings, and inside of them they say nothing about training.
_UNREADABLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ufeff\xa0\u2028\u2029\ud800-\udfff]")
_DEFINITION = re.compile(r"^[ \t]*(?:async[ \t]+)?(?:def|class)\b", re.MULTILINE)
_HEADER = re.compile(r"(?:async[ \t]+)?(def|class|if|elif|else|for|while|try|except|finally|with)\b")


def candidates(text: str, kind: str = "statement", block: bool = False) -> Iterator[str]:
    """Texts to try in place of one that does not parse, the most faithful first, at most MAX_CANDIDATES.

    `kind` and `block` are those of the unit.
    """
    seen = {text}
    for candidate in _attempts(text, kind, block):
        if candidate not in seen:
            seen.add(candidate)
            yield candidate
        if len(seen) > MAX_CANDIDATES:
            return


def _attempts(text: str, kind: str, block: bool) -> Iterator[str]:
    translated, construct = translate(text)
    if construct is not None:
        yield translated
    plain = _UNREADABLE.sub(" ", translated)
    yield plain
    if plain.lstrip().startswith("@") and (definition := _DEFINITION.search(plain)) is not None:
        # Decorators that cannot be read hide the definition below them.
        plain = "\n" * plain.count("\n", 0, definition.start()) + plain[definition.start() :]
        yield plain
    if not _is_header(plain, kind):
        yield close(plain)
        yield close(plain, trim=True)
        return
    yield with_colon(close(plain), block)
    yield with_colon(close(plain, trim=True), block)
    generic = _generic_header(plain, block)
    if generic is not None:
        yield generic


def _is_header(text: str, kind: str) -> bool:
    return kind not in ("statement", "block") or _HEADER.match(text.lstrip()) is not None


def close(text: str, trim: bool = False) -> str:
    """The text with its quotes and brackets closed, and with closing ones that have no partner blanked.

    With `trim`, operators and dots that wait for an operand go too.
    """
    result: list[str] = []
    stack: list[str] = []
    position = 0
    code_end = 0  # how many characters of `result` hold code: comments after them stay behind what is appended
    size = 0

    def add(piece: str, is_code: bool = True) -> None:
        nonlocal size, code_end
        result.append(piece)
        size += len(piece)
        if is_code and piece.strip():
            code_end = size

    for piece in _PIECE.finditer(text):
        add(text[position : piece.start()])
        position = piece.end()
        found = piece.group()
        if piece.lastindex == 2:
            add(found, False)
        elif piece.lastindex == 3:
            stack.append(found)
            add(found)
        elif piece.lastindex == 4:
            if stack and stack[-1] == _OPENER[found]:
                stack.pop()
                add(found)
            elif _OPENER[found] in stack:
                while stack[-1] != _OPENER[found]:
                    add(_CLOSER[stack.pop()])
                stack.pop()
                add(found)
            else:
                add(" ")
        elif piece.lastindex == 5:
            # An open quote takes the rest of its line; an open triple quote the rest of the text.
            newline = text.find("\n", position) if len(found) == 1 else -1
            end = newline if newline >= 0 else len(text)
            rest = text[position:end]
            cut = _quoted_code(rest) if len(found) == 1 else len(rest)
            slashes = len(rest[:cut]) - len(rest[:cut].rstrip("\\"))
            add(found + rest[:cut] + ("\\" if slashes % 2 else "") + found)
            add(rest[cut:])
            if cut < len(rest):
                stack.clear()
            result_end = end
            position = result_end
            tail = close(text[position:], trim) if position < len(text) else ""
            if tail:
                add(tail)
            position = len(text)
            break
        elif piece.lastindex == 6:
            add(found if found != "\\" else " ", found != "\\")
        else:
            add(found, False)
    add(text[position:])
    whole = "".join(result)
    code = whole[:code_end].rstrip(" \t")
    rest = whole[len(code) :]
    if trim:
        code = _trim(code)
    while stack:
        code += _CLOSER[stack.pop()]
        if trim:
            code = _trim(code)
    return code + rest


def _quoted_code(rest: str) -> int:
    """Where an open quote most likely ends in the rest of its line: before the brackets and colons at the end."""
    return len(rest.rstrip(")]},: \t"))


def _trim(code: str) -> str:
    """The code without the operators at its end; blanks take their place where a bracket follows."""
    start = len(code.rstrip(")]}"))
    head = code[:start]
    while True:
        match = _DANGLING.search(head)
        if match is None:
            break
        head = head[: match.start()].rstrip(" \t")
        # `name=` in a call is a keyword without its value: the name alone is the best reading.
    return head + code[start:]


def with_colon(text: str, block: bool) -> str:
    """A header with its colon, and with a body where it has none."""
    end = 0
    for piece in _PIECE.finditer(text):
        if piece.lastindex == 2 and "\n" not in text[piece.end() :]:
            end = piece.start()
    code = text[: end or len(text)].rstrip(" \t")
    comment = text[len(code) :]
    if not code.endswith(":"):
        if ":" in code and not block and re.search(r":\s*\S", code) and not _lacks_colon(code):
            return text
        code += ":"
    if not block:
        code += " pass"
    return code + comment


def _lacks_colon(code: str) -> bool:
    """Whether the colons of a header all stand inside brackets."""
    depth = 0
    for character in re.sub(r"\"[^\"\n]*\"|'[^'\n]*'", "", code):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character == ":" and depth <= 0:
            return False
    return True


def _generic_header(text: str, block: bool) -> str | None:
    """A header that keeps only what is sure: the name of a definition, the kind of a block."""
    indent = text[: len(text) - len(text.lstrip())]
    word = _HEADER.match(text.lstrip())
    if word is None:
        return None
    keyword = word.group(1)
    name = re.match(r"[ \t]*\w*", text[len(indent) + word.end() :])
    prefix = indent + word.group() + (name.group() if name and keyword in ("def", "class") else "")
    if keyword == "def":
        if not prefix.endswith(tuple("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")):
            return None
        head = f"{prefix}(*_, **__):"
    elif keyword == "class":
        head = f"{prefix}:"
    elif keyword in ("if", "while", "elif"):
        head = f"{indent}{keyword} _:"
    elif keyword == "for":
        head = f"{indent}{word.group()} _ in _:"
    elif keyword == "with":
        head = f"{indent}{word.group()} _:"
    else:
        head = f"{indent}{keyword}:"
    return head + ("" if block else " pass") + "\n" * text.count("\n", len(indent))


# Python 2 ------------------------------------------------------------------------------------------------------------

_CODE = re.compile(
    r"(?P<string>(?P<prefix>\b[uU][rR])?(?:\"\"\".*?\"\"\"|'''.*?'''|\"[^\"\\\n]*(?:\\.[^\"\\\n]*)*\"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'))"
    r"|(?P<comment>#[^\n]*)"
    r"|(?P<octal>(?<![\w.])0[0-7]+[lL]?(?![\w.]))"
    r"|(?P<long>(?<![\w.])(?:0[xX][0-9a-fA-F]+|\d+)[lL]\b)"
    r"|(?P<unequal><>)"
    r"|(?P<backtick>`)"
    r"|(?P<lambda>\blambda\s*(?P<parameters>\(\s*\w+(?:\s*,\s*\w+)*\s*,?\s*\))\s*:)"
    r"|(?P<async>(?<![\w.])async\b(?!\s+(?:def|for|with)\b))",
    re.DOTALL,
)
_PRINT = re.compile(r"(\s*)(print|exec)([ \t])(?!\s*[=(.,\[]|\s*$)")
_PRINT_CLOSED = re.compile(r"(\s*)(print|exec)([ \t])(?=\s*\()")
_INLINE = re.compile(r":[ \t]*(?=(?:print|exec|raise)\b)")
_RAISE = re.compile(r"\s*raise\s+[\w.]+\s*(,)")
_TUPLE_PARAMETER = re.compile(r"(?<=[(,])(\s*)(\(\s*\w+(?:\s*,\s*\w+)*\s*,?\s*\))(?=\s*[,)=])")


def translate(text: str) -> tuple[str, str | None]:
    """The Python 3 text of a Python 2 statement in the same columns, and the construct found; None if there is none."""
    inline = _INLINE.search(text) if _HEADER.match(text.lstrip()) else None
    if inline is not None:
        head, found = translate(text[: inline.end()])
        tail, construct_inside = translate(text[inline.end() :])
        return head + tail, found or construct_inside
    construct: list[str] = []

    def replace(match: re.Match[str]) -> str:
        found = match.group()
        kind = match.lastgroup
        if match.group("string") is not None:
            if match.group("prefix") is None:
                return found
            construct.append('ur"" string')
            return f" {found[1:]}"
        if kind == "octal":
            construct.append("octal number")
            return str(int(found.rstrip("lL"), 8)).rjust(len(found))
        if kind == "long":
            construct.append("long integer")
            return f"{found[:-1]} "
        if kind == "unequal":
            construct.append("<> operator")
            return "!="
        if kind == "backtick":
            construct.append("backtick")
            return found
        if match.group("lambda") is not None:
            construct.append("tuple parameter")
            parameters = match.group("parameters")
            return found.replace(parameters, " _".ljust(len(parameters)), 1)
        if kind == "async":
            construct.append("async as a name")
            return "_sync"
        return found

    text = _CODE.sub(replace, text)
    statement = _PRINT.match(text) or _PRINT_CLOSED.match(text)
    if statement is not None:
        construct.insert(0, f"{statement.group(2)} statement")
        at = statement.start(3)
        text = _append(text[:at] + "(" + text[at + 1 :], ")")
    raised = _RAISE.match(text)
    if raised is not None:
        construct.insert(0, "raise statement")
        text = text[: raised.start(1)] + re.sub(r"[^\n]", " ", text[raised.start(1) :])
    if text.lstrip().startswith(("def ", "async def ")):
        text, count = _TUPLE_PARAMETER.subn(_placeholder(), text)
        if count:
            construct.append("tuple parameter")
    return text, construct[0] if construct else None


def _placeholder() -> Callable[[re.Match[str]], str]:
    numbers = iter(range(1000))
    return lambda match: match.group(1) + f"_{next(numbers)}".ljust(len(match.group(2)))


def _append(text: str, tail: str) -> str:
    """The text with `tail` after its code, before a comment at the end and before a semicolon."""
    depth = 0
    end = len(text)
    for piece in _PIECE.finditer(text):
        if piece.lastindex == 2 and not text[piece.end() :].strip():
            end = piece.start()
            break
        depth += {3: 1, 4: -1}.get(piece.lastindex or 0, 0)
    code = text[:end].rstrip()
    return code + tail + text[len(code) :]


_TARGETS = re.compile(r"\s*([\w., \t()\[\]*:]+?)\s*(?:[-+*/%&|^@]|//|\*\*|<<|>>)?=(?!=)")
_BOUND = re.compile(
    r"\s*(?:(?:async\s+)?def|class)\s+(\w+)|\bas\s+(\w+)|\bfor\s+([\w, \t()]+?)\s+in\b|\bimport\s+([\w, \t]+)"
)


def assigned_names(text: str) -> tuple[str, ...]:
    """The names that a statement which could not be read seems to assign."""
    names: list[str] = []
    text = text[:2_000]
    start = 0
    while (match := _TARGETS.match(text, start)) is not None:
        if match.group(1).count("(") != match.group(1).count(")"):
            break
        for target in re.split(r"[,()\[\]*]", match.group(1).split(":")[0]):
            if target.strip().isidentifier():
                names.append(target.strip())
        start = match.end()
    for bound in _BOUND.finditer(text):
        for group in bound.groups():
            names.extend(re.findall(r"[A-Za-z_]\w*", group or ""))
    return tuple(dict.fromkeys(names))
