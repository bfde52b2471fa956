"""Code actions: repairs, comments that silence or state, and what leads on from a finding.

They come from our own findings at the range that is asked for: what a client sends back of a diagnostic is not
complete in every editor. Edits are made when the client resolves an action, since verifying one takes an analysis.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from trainlint.finding import Edit
from trainlint.fixes import materialize, repair, verify
from trainlint.fixes.layout import line_end, line_start
from trainlint.fixes.statements_of_fact import unknown_inputs
from trainlint.lsp.checked import Checked, Ranges, Shown, touch
from trainlint.lsp.documents import NotebookBuffer, uri_of
from trainlint.lsp.lines import Lines, applied
from trainlint.source.scanner import scan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from trainlint.analysis import Analysis
    from trainlint.fixes.apply import Repaired
    from trainlint.lsp.documents import Documents
    from trainlint.source.document import Document

FIX_ALL = "source.fixAll.trainlint"
NOTEBOOK_FIX_ALL = "notebook.source.fixAll.trainlint"
KINDS = (types.CodeActionKind.QuickFix, FIX_ALL, NOTEBOOK_FIX_ALL)

EXPLAIN, PROBE = "trainlint.server.explain", "trainlint.server.probe"

REASON = "why it is right here"
"""Stands where the author's reason belongs."""


_IGNORE = re.compile(r"trainlint:\s*ignore\[[^\]]*(?=\])", re.IGNORECASE)
_CODING = re.compile(r"[ \t\f]*#.*?coding[:=]")


DOES_NOT_HOLD = "this repair does not hold here: the finding would stay, or another one would come"


class Stale(Exception):
    """An action about a finding that is not there any more, or a repair that does not hold."""


def actions(
    checked: Checked, documents: Documents, params: types.CodeActionParams, can_probe: bool
) -> list[types.CodeAction]:
    """What can be done in a range of a document; edits are still missing."""
    if checked.analysis is None:
        return []
    uri, only = params.text_document.uri, params.context.only
    found: list[types.CodeAction] = []
    if _wanted(types.CodeActionKind.QuickFix, only):
        touched = [
            each for each in checked.findings
            if each.uri == uri and each.diagnostic is not None and touch(each.range, params.range)
        ]  # fmt: skip
        first, last = _about(touched, checked, can_probe)
        found += [*first, *_statements(checked, documents, uri, params.range), *last]
    by_hand = only is not None
    for kind in (FIX_ALL, NOTEBOOK_FIX_ALL):
        if by_hand and _wanted(kind, only) and _has_safe(checked):
            found.append(_action("Apply all safe repairs", kind, checked, {"do": "all"}))
    return found


def of_findings(
    checked: Checked, found: Sequence[Shown], params: types.CodeActionParams, can_probe: bool
) -> list[types.CodeAction]:
    """What can be done about findings of a check that are shown in another document, in a range there."""
    if checked.analysis is None or not _wanted(types.CodeActionKind.QuickFix, params.context.only):
        return []
    uri = params.text_document.uri
    touched = [each for each in found if each.uri == uri and touch(each.range, params.range)]
    first, last = _about(touched, checked, can_probe)
    return [*first, *last]


def _about(
    touched: Sequence[Shown], checked: Checked, can_probe: bool
) -> tuple[list[types.CodeAction], list[types.CodeAction]]:
    """What repairs findings or puts them to the test, the gravest first, and what explains or silences them."""
    touched = sorted(touched, key=lambda each: -each.finding.rank)
    first = [action for each in touched for action in _repairs(each, checked)]
    probed = [each for each in touched if each.finding.evidence] if can_probe else []
    uri = checked.document.uri
    first += [_probing(f"Probe {each.finding.rule}", uri, each.finding.fingerprint, each) for each in probed]
    if probed:
        first.append(_probing("Probe the whole model", uri, None, probed[0]))
    last = [_explaining(each) for each in touched]
    return first, last + [action for each in touched for action in _comments(each, checked)]


def resolve(action: types.CodeAction, checked: Checked, documents: Documents) -> types.CodeAction:
    """The action with its edit; raises Stale when it makes no sense any more."""
    data: dict[str, Any] = action.data if isinstance(action.data, dict) else {}
    analysis = checked.analysis
    if analysis is None or data.get("version") != checked.version:
        raise Stale("the text has changed since")
    what = data.get("do")
    if what == "all":
        action.edit = fix_all(checked, documents)
        return action
    if what == "state":
        action.edit = stating(checked, documents, data.get("comment"))
        return action
    each = next((each for each in checked.findings if each.finding.fingerprint == data.get("finding")), None)
    if each is None:
        raise Stale("this finding is not there any more")
    if what == "ignore":
        action.edit = _workspace_edit([_ignoring(each, analysis)], checked, documents)
    elif what == "ignore-file":
        action.edit = _workspace_edit([_ignoring_file(each, analysis)], checked, documents)
    elif what == "fix":
        fix = materialize(each.finding.remedies[data["remedy"]], analysis)
        if fix is None or not verify(fix, each.finding, analysis, checked.project, checked.config):
            raise Stale(DOES_NOT_HOLD)
        action.edit = _workspace_edit(fix.edits, checked, documents)
    return action


def repair_of(checked: Checked, documents: Documents, fingerprint: object) -> types.WorkspaceEdit:
    """The edit of the first repair of a finding that holds; raises Stale where there is none."""
    each = next((each for each in checked.findings if each.finding.fingerprint == fingerprint), None)
    if each is None or checked.analysis is None:
        raise Stale("this finding is not there any more")
    for remedy in each.finding.remedies:
        fix = materialize(remedy, checked.analysis)
        if fix is not None and verify(fix, each.finding, checked.analysis, checked.project, checked.config):
            return _workspace_edit(fix.edits, checked, documents)
    raise Stale(DOES_NOT_HOLD if each.finding.remedies else "this finding has no repair that can be written down")


def stating(checked: Checked, documents: Documents, comment: object) -> types.WorkspaceEdit:
    """The edit that writes a comment about an unknown input; raises Stale where it is known."""
    if checked.analysis is not None:
        for each in unknown_inputs(checked.analysis):
            if each.comment == comment:
                return _workspace_edit([each.edit], checked, documents)
    raise Stale("this input is known by now")


def fix_all(checked: Checked, documents: Documents) -> types.WorkspaceEdit | None:
    """The edit that makes all safe repairs that hold; None if there is none."""
    from trainlint.analysis import analyse

    if checked.analysis is None:
        return None
    # The repair goes on from the analysis, whose memory belongs to what the user types: it gets one of its own.
    data = checked.document.data
    analysis = analyse(data, checked.analysis.path, checked.project, checked.config)
    repaired = repair(analysis, checked.project, checked.config)
    if not repaired.changes:
        return None
    whole = _whole(repaired, documents)
    # Small edits keep the cursor and the marks of the user, but those of a later round count in another text.
    ranges = Ranges(documents, analysis)
    changes: dict[str, list[types.TextEdit]] = {}
    for each in repaired.applied:
        for edit in each.fix.edits:
            if not any(document.path == edit.file for document in analysis.documents):
                return _edit(whole)
            uri, text_edit = ranges.edit(edit)
            changes.setdefault(uri, []).append(text_edit)
    same = changes.keys() == whole.keys() and all(
        applied(whole[uri][0], changes[uri], documents.encoding) == whole[uri][1] for uri in changes
    )
    return types.WorkspaceEdit(changes=changes) if same else _edit(whole)


def _whole(repaired: Repaired, documents: Documents) -> dict[str, tuple[str, str]]:
    """The text of each document that changes, before and after all rounds of repairs."""
    import json

    texts: dict[str, tuple[str, str]] = {}
    for change in repaired.changes:
        document = documents.at(change.path)
        if isinstance(document, NotebookBuffer):
            for cell, told in zip(document.cells, json.loads(change.after)["cells"]):
                after = "".join(told.get("source", ""))
                if cell.buffer is not None and after != cell.buffer.text:
                    texts[cell.uri] = cell.buffer.text, after
            continue
        uri = document.uri if document is not None else uri_of(change.path)
        texts[uri] = change.before.decode("utf-8-sig", "replace"), change.after.decode("utf-8-sig", "replace")
    return texts


def _edit(whole: dict[str, tuple[str, str]]) -> types.WorkspaceEdit:
    """New texts in the place of the old ones."""
    changes = {}
    for uri, (before, after) in whole.items():
        end = types.Position(len(Lines(before)), 0)
        changes[uri] = [types.TextEdit(types.Range(types.Position(0, 0), end), after)]
    return types.WorkspaceEdit(changes=changes)


def _repairs(each: Shown, checked: Checked) -> Iterator[types.CodeAction]:
    assert checked.analysis is not None
    preferred = True
    for index, remedy in enumerate(each.finding.remedies):
        if materialize(remedy, checked.analysis) is None:
            continue
        safe = remedy.safety == "safe"
        title = remedy.title if safe else f"{remedy.title} (unsafe)"
        data = {"do": "fix", "finding": each.finding.fingerprint, "remedy": index}
        action = _action(title, types.CodeActionKind.QuickFix, checked, data, each)
        # One repair of a finding may be preferred, and only one that is right whatever the author meant.
        action.is_preferred = (safe and preferred) or None
        preferred = False
        yield action


def _comments(each: Shown, checked: Checked) -> Iterator[types.CodeAction]:
    name = each.finding.rule
    if name == "unused-suppression":
        return
    for what, title in (("ignore", f"Ignore {name} on this line"), ("ignore-file", f"Ignore {name} in this file")):
        data = {"do": what, "finding": each.finding.fingerprint}
        yield _action(title, types.CodeActionKind.QuickFix, checked, data, each)


def _statements(checked: Checked, documents: Documents, uri: str, area: types.Range) -> Iterator[types.CodeAction]:
    assert checked.analysis is not None
    ranges = Ranges(documents, checked.analysis)
    for each in unknown_inputs(checked.analysis):
        here, where = ranges.of(checked.analysis.location(each.place))
        if here == uri and touch(where, area):
            data = {"do": "state", "comment": each.comment}
            title = f"State the shape and range of `{each.name}`"
            yield _action(title, types.CodeActionKind.QuickFix, checked, data)


def _explaining(each: Shown) -> types.CodeAction:
    title = f"Explain {each.finding.rule}"
    action = types.CodeAction(title, types.CodeActionKind.QuickFix, diagnostics=_told(each))
    action.command = types.Command(title, EXPLAIN, arguments=[each.finding.rule])
    return action


def _probing(title: str, uri: str, fingerprint: str | None, each: Shown) -> types.CodeAction:
    action = types.CodeAction(title, types.CodeActionKind.QuickFix, diagnostics=_told(each))
    action.command = types.Command(title, PROBE, arguments=[uri, fingerprint])
    return action


def _action(
    title: str, kind: types.CodeActionKind | str, checked: Checked, data: dict[str, Any], each: Shown | None = None
) -> types.CodeAction:
    data = {**data, "uri": checked.document.uri, "version": checked.version}
    return types.CodeAction(title, kind, diagnostics=_told(each), data=data)


def _told(each: Shown | None) -> list[types.Diagnostic] | None:
    return [each.diagnostic] if each is not None and each.diagnostic is not None else None


def _ignoring(each: Shown, analysis: Analysis) -> Edit:
    """The edit that silences a finding on the line it is on."""
    document = analysis.document_of(each.finding.place)
    start, end = document.statement_offsets(each.finding.place)
    own = document.offsets(each.finding.place)[0]
    name = each.finding.rule
    last = document.line_of(max(start, end - 1))
    for offset, on_line, comment in document.comments:
        there = _IGNORE.search(comment) if document.line_of(start) <= on_line <= last else None
        if there is not None:
            return Edit(document.path, offset + there.end(), offset + there.end(), f", {name}")
    text = f"# trainlint: ignore[{name}] {REASON}"
    end = line_end(document.text, own)
    line = document.text[line_start(document.text, own) : end]
    if _takes_comment(document, end, line):
        return Edit(document.path, end - (len(line) - len(line.rstrip())), end, f"  {text}")
    # Within a text of several lines, or behind a backslash, there is no room: the line before the statement.
    first = line_start(document.text, start)
    indent = document.text[first:start]
    indent = indent if not indent.strip() else ""
    if not _is_comment(document, first, f"{indent}{text}\n", len(indent)):
        raise Stale("there is no room for a comment here: the line begins inside of a text")
    return Edit(document.path, first, first, f"{indent}{text}\n")


def _takes_comment(document: Document, end: int, line: str) -> bool:
    """Whether a comment can stand at the end of a line; one that is there stays the only one."""
    if line.rstrip().endswith("\\") or "#" in line:
        return False
    return _is_comment(document, end, "  #", 2)


def _is_comment(document: Document, offset: int, text: str, at: int) -> bool:
    """Whether a text that is put at an offset is a comment from one of its characters on."""
    probe = document.text[:offset] + text + document.text[offset:]
    return any(start == offset + at for start, _ in scan(probe, ()).comments)


def _ignoring_file(each: Shown, analysis: Analysis) -> Edit:
    """The edit that silences a rule in the whole file."""
    document = analysis.document_of(each.finding.place)
    text = document.text
    offset = end = 0
    for line in text.split("\n", 2)[:2]:
        # Behind the interpreter line and the encoding, which count in the first two lines only.
        end += len(line) + 1
        if line.startswith("#!") or _CODING.match(line):
            offset = end
    offset = min(offset, len(text))
    if document.cells is not None:
        offset = document.cells.boundaries[0] if document.cells.boundaries else 0
    return Edit(document.path, offset, offset, f"# trainlint: ignore-file[{each.finding.rule}] {REASON}\n")


def _workspace_edit(edits: Iterable[Edit], checked: Checked, documents: Documents) -> types.WorkspaceEdit:
    assert checked.analysis is not None
    ranges = Ranges(documents, checked.analysis)
    changes: dict[str, list[types.TextEdit]] = {}
    for edit in edits:
        uri, text_edit = ranges.edit(edit)
        changes.setdefault(uri, []).append(text_edit)
    return types.WorkspaceEdit(changes=changes)


def _has_safe(checked: Checked) -> bool:
    return any(
        remedy.safety == "safe" for each in checked.findings if each.diagnostic for remedy in each.finding.remedies
    )


def _wanted(kind: str, only: Sequence[str] | None) -> bool:
    """Whether a client asked for actions of a kind: for it, or for one that it belongs to."""
    name = getattr(kind, "value", kind)
    return only is None or any(name == (o := getattr(each, "value", each)) or name.startswith(f"{o}.") for each in only)
