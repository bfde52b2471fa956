"""From a remedy to edits of the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Edit, Fix
from trainlint.fixes import actions
from trainlint.fixes.api_names import Import, spell, visible_imports
from trainlint.fixes.arguments import add_arguments, remove_argument, rename_argument, set_argument
from trainlint.fixes.code_index import index_of
from trainlint.fixes.comment_text import edit_comment
from trainlint.fixes.expression_text import alone, free_of_context, is_expression, operand
from trainlint.fixes.layers import insert_layer
from trainlint.fixes.layout import line_end, line_start, prefers_single
from trainlint.fixes.refusal import Refused
from trainlint.fixes.scopes import Scopes, names_in
from trainlint.fixes.statements import delete_statement, import_at, insert_statement
from trainlint.fixes.variables import binding_above, kept_in
from trainlint.source import code
from trainlint.source.notebook import Notebook
from trainlint.source.text import EditError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trainlint.analysis import Analysis
    from trainlint.fixes.actions import Action, Piece, Remedy
    from trainlint.source.document import Document

MAX_ELEMENT = 30
"""Characters; a longer expression is worse to read than its value."""

_OPENING, _CLOSING = ("(", "[", "{", ",", ":"), (")", "]", "}", ",", ":")


def fix_of(remedy: Remedy, analysis: Analysis) -> Fix:
    """The fix of a remedy; raises Refused, which says why there is none."""
    maker = _Maker(analysis, remedy)
    try:
        for action in remedy.actions:
            maker.add(action)
        maker.finish()
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        # A fault here must not hide the findings; the notice of the fix tells of it.
        raise Refused(f"an error in trainlint itself, please report it: {type(error).__name__}: {error}") from error
    edits = tuple(sorted(dict.fromkeys(maker.edits), key=lambda edit: (edit.file, edit.start, edit.end)))
    if not edits:
        raise Refused("there is nothing to change")
    new_bytes(analysis, edits)
    return Fix(remedy.title, remedy.safety, edits)


def new_bytes(analysis: Analysis, edits: Sequence[Edit]) -> dict[str, bytes]:
    """The files with the edits applied, by path; raises Refused where a file does not allow it."""
    by_file: dict[str, list[tuple[int, int, str]]] = {}
    for edit in edits:
        by_file.setdefault(edit.file, []).append((edit.start, edit.end, edit.text))
    found = {}
    for file, changes in by_file.items():
        source = analysis.source if file == analysis.path else analysis.siblings.get(file)
        if source is None:
            raise Refused("the file to edit was not read")
        if isinstance(source.origin, Notebook):
            _check_magics(source.origin, changes)
        try:
            found[file] = source.origin.encode(changes)
        except EditError as error:
            raise Refused(str(error)) from error
    return found


class _Maker:
    """Collects the edits of one remedy."""

    def __init__(self, analysis: Analysis, remedy: Remedy) -> None:
        self.analysis = analysis
        self.edits: list[Edit] = []
        # The new arguments of each call, put in together: they need commas between them.
        self.added: dict[code.Place, list[str]] = {}
        machine = analysis.interpretation.machine if analysis.interpretation is not None else None
        self.generation = machine.generation if machine is not None else "2.16"
        self._scopes: dict[str, Scopes] = {}
        self._single: dict[str, bool] = {}
        self.renamed = frozenset(
            action.argument for action in remedy.actions
            if isinstance(action, (actions.RenameArgument, actions.RemoveArgument))
        )  # fmt: skip

    def add(self, action: Action) -> None:
        if isinstance(action, actions.SetArgument):
            document, node = self.find(action.call)
            value = alone(self.text(action.value, action.call))
            changes = set_argument(document, _call(node), action.name, value, action.existing)
            if changes is None:
                self.added.setdefault(action.call, []).append(f"{action.name}={value}")
            else:
                self.put(document, changes)
        elif isinstance(action, actions.RemoveArgument):
            document, node = self.find(action.call)
            self.put(document, remove_argument(document, _call(node), action.argument))
        elif isinstance(action, actions.RenameArgument):
            document, node = self.find(action.call)
            self.put(document, rename_argument(document, _call(node), action.argument, action.name, self.renamed))
        elif isinstance(action, actions.ReplaceValue):
            document, node = self.find_value(action.place)
            start, end = document.offsets(node.place)
            if _is_taken_apart(index_of(document).parent(node), node):
                raise Refused("it is one of the arguments that a star brings, and the star has others")
            self.put(document, [(start, end, self.fitted(self.text(action.value, action.place), document, node))])
        elif isinstance(action, actions.Wrap):
            self.wrap(action)
        elif isinstance(action, actions.InsertStatement):
            document, node = self.find(action.place)
            text = self.text(action.value, action.place, is_expression=False)
            self.put(document, insert_statement(document, self.statement(document, node), text, action.where))
        elif isinstance(action, actions.DeleteStatement):
            document, node = self.find(action.place)
            self.put(document, delete_statement(document, self.statement(document, node)))
        elif isinstance(action, actions.InsertLayer):
            document, node = self.find_value(action.place)
            new = alone(self.text(action.value, action.place))
            self.put(document, insert_layer(document, node, new, action.where))
        elif isinstance(action, actions.KeepResult):
            document, node = self.find_value(action.place)
            target = None if action.target is None else self.find_value(action.target)[1]
            if action.argument and isinstance(node, code.Call) and node.arguments:
                target = node.arguments[0].value
            name = kept_in(document, node, target, self.scopes(document))
            start = document.offsets(node.place)[0]
            self.put(document, [(start, start, f"{name} = ")])
        elif isinstance(action, actions.AddTerm):
            document, node = self.find_value(action.place)
            name, statement = binding_above(document, node, self.scopes(document))
            text = f"{name} += {self.text(action.value, action.place)}"
            self.put(document, insert_statement(document, statement, text, "after"))
        elif isinstance(action, actions.EditComment):
            document = self.document(action.comment)
            self.put(document, edit_comment(document, action.comment, action.text))
        elif isinstance(action, actions.EnsureImport):
            document, node = self.find(action.near)
            wanted = Import(action.module, action.name, action.alias)
            if visible_imports(node, self.scopes(document)).get(wanted.binds) != wanted.path:
                if self.scopes(document).lookup(wanted.binds, node)[1]:
                    raise Refused(f"`{wanted.binds}` is the name of something else here")
                self.put(document, import_at(document, node, wanted.statement))
        else:
            raise Refused(f"{type(action).__name__} is no action on a text")

    def finish(self) -> None:
        """Makes the edits that several actions share."""
        for place, new in self.added.items():
            document, node = self.find(place)
            self.put(document, add_arguments(document, _call(node), new))

    def document(self, place: code.Place | code.Stretch) -> Document:
        try:
            return self.analysis.document_of(place)
        except LookupError:
            raise Refused("the place is in no file that was read") from None

    def find(self, place: code.Place) -> tuple[Document, code.Node]:
        """The document and the node of a place whose text is as it was parsed."""
        document = self.document(place)
        node = index_of(document).node(place)
        if node is None:
            raise Refused("the place is no node of the program")
        _check_unrepaired(document, place)
        return document, node

    def find_value(self, place: code.Place) -> tuple[Document, code.Node]:
        """The document and the expression at a place; that of an argument or of a statement is its value."""
        document, node = self.find(place)
        if isinstance(node, (code.Argument, code.Evaluate)):
            node = node.value
        if id(node) in index_of(document).blocks:
            raise Refused("the place is a statement, not a value")
        return document, node

    def scopes(self, document: Document) -> Scopes:
        if document.path not in self._scopes:
            self._scopes[document.path] = Scopes(index_of(document))
        return self._scopes[document.path]

    def statement(self, document: Document, node: code.Node) -> code.Node:
        index = index_of(document)
        found: code.Node | None = node
        while found is not None and id(found) not in index.blocks:
            if isinstance(found, (code.Handler, code.Case)):
                raise Refused("there is no room between the clauses of a statement")
            found = index.parent(found)
        if found is None:
            raise Refused("the place is in no statement")
        return found

    def put(self, document: Document, edits: Sequence[tuple[int, int, str]]) -> None:
        self.edits += [Edit(document.path, start, end, text) for start, end, text in edits]

    def fitted(self, text: str, document: Document, node: code.Node) -> str:
        """An expression fit to take a node's place."""
        start, end = document.offsets(node.place)
        whole = document.text
        if _bracketed(whole, start, end):
            fitting = text
        elif free_of_context(index_of(document).parent(node), node):
            fitting = alone(text)
        else:
            fitting = operand(text)
        # `return(x)` and `1if a else b` hold together without a blank.
        before = " " if _joins(whole[start - 1 : start], fitting[:1]) else ""
        return before + fitting + (" " if _joins(fitting[-1:], whole[end : end + 1]) else "")

    def wrap(self, action: actions.Wrap) -> None:
        document, node = self.find_value(action.place)
        start, end = document.offsets(node.place)
        inner = document.text[start:end]
        before = self.text(action.before, action.place, is_expression=False)
        after = self.text(action.after, action.place, is_expression=False)
        held = _fitting_piece(inner, before, after)
        new = before + held + after
        if not is_expression(new):
            raise Refused("the wrapped value is no expression")
        fitted = self.fitted(new, document, node)
        first = fitted.index(new) + len(before) + held.index(inner)
        # Two insertions leave the value free for other edits of the same remedy.
        self.put(document, [(start, start, fitted[:first]), (end, end, fitted[first + len(inner) :])])

    def text(self, value: Sequence[Piece], near: code.Place, is_expression: bool = True) -> str:
        """The text of pieces; sources of several parts are put in parentheses where their neighbours need it."""
        pieces = [(piece, self.piece(piece, near)) for piece in value]
        result = ""
        for index, (piece, text) in enumerate(pieces):
            if isinstance(piece, actions.Source) and len(pieces) > 1:
                result += _fitting_piece(text, result, "".join(text for _, text in pieces[index + 1 :]))
            else:
                result += text
        if is_expression:
            _check_expression(result)
        return result

    def piece(self, piece: Piece, near: code.Place) -> str:
        if isinstance(piece, str):
            is_plain = '"' in piece and "'" not in piece and "\\" not in piece
            return piece.replace('"', "'") if is_plain and self.prefers_single(near) else piece
        if isinstance(piece, actions.Source):
            return self.source(piece.place, near)
        if isinstance(piece, actions.Element):
            return self.element(piece, near)
        if isinstance(piece, actions.Spelled):
            self.check_same({piece.text.partition(".")[0]}, piece.near, near, piece.text)
            return piece.text
        document, node = self.find(piece.near)
        found = spell(piece.path, node, self.scopes(document), self.generation)
        if found is None:
            raise Refused(f"this file has no free name for {piece.path}")
        if found.beside is not None:
            end = document.offsets(found.beside)[1]
            self.put(document, [(end, end, f", {found.text}")])
        if found.needs is not None:
            self.put(document, import_at(document, node, found.needs.statement))
        return found.text

    def prefers_single(self, near: code.Place) -> bool:
        """Whether most strings of the file stand in single quotes."""
        document = self.document(near)
        if document.path not in self._single:
            self._single[document.path] = prefers_single(document.text)
        return self._single[document.path]

    def source(self, place: code.Place, near: code.Place) -> str:
        """The author's text of a value, if its names mean the same where it goes."""
        document, value = self.find_value(place)
        text = document.source_of(value.place)
        self.check_same(names_in(value), place, near, text)
        return text

    def element(self, piece: actions.Element, near: code.Place) -> str:
        """The author's text of an element, if it is short, calls nothing and means the same there."""
        document, display = self.find_value(piece.place)
        if not isinstance(display, code.Sequence) or piece.index >= len(display.elements):
            return piece.otherwise
        element = display.elements[piece.index]
        text = document.source_of(element.place)
        if isinstance(element, code.Starred) or len(text) > MAX_ELEMENT or "(" in text or "\n" in text:
            return piece.otherwise
        try:
            return operand(self.source(element.place, near))
        except Refused:
            return piece.otherwise

    def check_same(self, names: Iterable[str], place: code.Place, near: code.Place, text: str) -> None:
        """Refuses names that do not mean at one place what they mean at another."""
        document, value = self.find_value(place)
        target, there = self.find(near)
        scopes = self.scopes(document)
        if document is target:
            is_same = scopes.same(frozenset(names), value, there)
        else:
            # Between files only builtins are the same name.
            other = self.scopes(target)
            is_same = not any(scopes.lookup(name, value)[1] or other.lookup(name, there)[1] for name in names)
        if not is_same:
            raise Refused(f"`{text}` means something else or nothing there")


def _check_magics(notebook: Notebook, changes: Sequence[tuple[int, int, str]]) -> None:
    """Refuses edits of lines with magics: those were blanked, so that not even their indent is real."""
    text = notebook.text
    for start, end, _ in changes:
        # What ends with a line end does not touch the next line.
        inside = end - 1 if end > start and text[end - 1 : end] == "\n" else end
        first, last = line_start(text, start), line_end(text, inside)
        for cell in notebook.cells:
            if (
                cell.start <= first <= cell.end
                and cell.newlines.text[first - cell.start : last - cell.start] != text[first:last]
            ):
                raise Refused(f"it would change a magic in cell {cell.index}")


def _call(node: code.Node) -> code.Call:
    if not isinstance(node, code.Call):
        raise Refused("the place is no call")
    return node


def _check_expression(text: str) -> None:
    if not is_expression(text):
        raise Refused("the new value is no expression")


def _check_unrepaired(document: Document, place: code.Place) -> None:
    """Refuses a place in lines that were parsed as something else than what they say."""
    unit = place.unit
    if unit.skipped:
        raise Refused("the statement could not be read")
    if unit.repaired is None:
        return
    base = document.starts[unit]
    start, end = document.statement_offsets(place)
    first = unit.text.count("\n", 0, max(start - base, 0))
    last = unit.text.count("\n", 0, max(end - base, 0)) + 1
    if unit.text.split("\n")[first:last] != unit.repaired.split("\n")[first:last]:
        raise Refused("the statement was read with a repair")


def _bracketed(text: str, start: int, end: int) -> bool:
    """Whether a value stands alone between parentheses of its own."""
    before, after = text[:start].rstrip(" \t\f\n\\"), text[end:].lstrip(" \t\f\n\\")
    if not before.endswith("(") or not after.startswith(")"):
        return False
    ahead = before[:-1].rstrip(" \t")
    # The bracket of a call, or of a definition, holds arguments.
    return not ahead or not (ahead[-1].isalnum() or ahead[-1] in "_)]}\"'")


def _fitting_piece(text: str, before: str, after: str) -> str:
    left, right = before.rstrip(), after.lstrip()
    is_keyword = left.endswith("=") and not left.endswith(("==", "!=", "<=", ">="))
    if (not left or left.endswith(_OPENING) or is_keyword) and (not right or right.startswith(_CLOSING)):
        return alone(text)
    return operand(text)


def _joins(left: str, right: str) -> bool:
    return bool(left and right) and (left.isalnum() or left == "_") and (right.isalnum() or right in "_\"'")


def _is_taken_apart(parent: code.Node | None, node: code.Node) -> bool:
    """Whether `*` or `**` takes a value apart, in a call or in a display."""
    if isinstance(parent, code.Mapping):
        return any(key is None and value is node for key, value in parent.items)
    return isinstance(parent, code.Starred) or (isinstance(parent, code.Argument) and parent.star > 0)
