"""Findings as a piece of HTML inside of somebody else's page: below the cell of a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.report.concise import notice_line
from trainlint.report.html import article
from trainlint.report.markup import prose
from trainlint.report.places import active
from trainlint.report.summary import Hidden, files_with, models_line, outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from trainlint.report.schema import FileEntry

STYLE = """
.trainlint { --red: #cf222e; --yellow: #9a6700; --green: #1a7f37; --blue: #0969da;
  --soft: color-mix(in srgb, currentColor 18%, transparent); line-height: 1.45; max-width: 60rem; }
[data-jp-theme-light="false"] .trainlint, .vscode-dark .trainlint, [theme="dark"] .trainlint {
  --red: #ff7b72; --yellow: #e3b341; --green: #56d364; --blue: #58a6ff; }
.trainlint p { margin: .3rem 0; }
.trainlint h3 { font-size: 1em; margin: 0 0 .25rem; }
.trainlint .head { font-weight: 600; }
.trainlint .muted, .trainlint .place { opacity: .7; font-weight: 400; }
.trainlint .place { margin-left: .6em; }
.trainlint article { margin: .6rem 0; padding: .5rem .8rem; border: 1px solid var(--soft); border-radius: .3rem;
  border-left: .3rem solid var(--red); }
.trainlint article.yellow { border-left-color: var(--yellow); }
.trainlint article.blue { border-left-color: var(--blue); }
.trainlint .chip { border: 1px solid currentColor; border-radius: 1em; padding: 0 .55em;
  font-size: .85em; font-weight: 600; }
.trainlint span.red { color: var(--red); } .trainlint span.yellow { color: var(--yellow); }
.trainlint span.green { color: var(--green); } .trainlint span.blue { color: var(--blue); }
.trainlint pre { margin: .35rem 0; padding: .35rem .6rem; overflow-x: auto; white-space: pre; font-size: .9em;
  background: color-mix(in srgb, currentColor 6%, transparent); border-radius: .25rem; }
.trainlint mark { color: inherit; border-radius: .15rem;
  background: color-mix(in srgb, var(--yellow) 35%, transparent); }
.trainlint pre .number { opacity: .55; user-select: none; }
.trainlint ul { margin: .2rem 0; padding-left: 1.3rem; font-size: .93em; }
.trainlint summary { cursor: pointer; }
.trainlint del, .trainlint ins { display: block; text-decoration: none; }
.trainlint del { background: color-mix(in srgb, var(--red) 16%, transparent); }
.trainlint ins { background: color-mix(in srgb, var(--green) 18%, transparent); }
"""


def fragment(entries: Iterable[FileEntry], files_checked: int, reason: Callable[[str], str | None]) -> str:
    """The findings with their outcome; the style holds for nothing around it."""
    return "\n".join(_lines(list(entries), files_checked, reason))


def _lines(entries: Sequence[FileEntry], files_checked: int, reason: Callable[[str], str | None]) -> Iterator[str]:
    findings = active([finding for entry in entries for finding in entry["findings"]], True)
    said = outcome(findings, files_with(findings), entries, files_checked, Hidden())
    said = said.replace(" in 1 file", " in the cells that were run")
    yield f'<div class="trainlint"><style>{STYLE}</style>'
    yield f'<p class="head">{prose(said)}</p>'
    explained: set[str] = set()
    for number, finding in enumerate(findings):
        why = None if finding["rule"] in explained else reason(finding["rule"])
        explained.add(finding["rule"])
        yield from article(finding, f"trainlint-{number}", why)
    for notice in (notice for entry in entries for notice in entry["notices"]):
        yield f'<p class="muted">{prose(notice_line(notice))}</p>'
    models = [model for entry in entries for model in entry["models"]]
    yield f'<p class="muted">{prose(models_line(models, files_checked, not findings))}</p>'
    yield "</div>"
