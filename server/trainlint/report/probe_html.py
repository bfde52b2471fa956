"""The results of a probe as one page that needs nothing else: no network, no script."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from trainlint import __version__
from trainlint.report import probe_curves, probe_layers
from trainlint.report.concise import position
from trainlint.report.markup import head, prose, source_line, text
from trainlint.report.probe_reading import (
    SEEDS,
    SILENCE,
    alone,
    facts,
    has_learned,
    meaning_of_skill,
    measured_on,
    number,
    outcome,
    sections,
    tasks,
    verdicts,
    where,
    whole_effect,
)
from trainlint.report.probe_style import STYLE
from trainlint.report.terminal import counted, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from trainlint.report.probe_reading import Row, Verdict
    from trainlint.report.schema import EffectEntry, FileEntry, NetworkEntry


def render(entries: Iterable[FileEntry], networks: Sequence[NetworkEntry], command: str = "") -> str:
    """The page; `command` repeats the probe, if it took more than the name of the file."""
    entries = list(entries)
    command = command or " ".join(["trainlint probe", *(shlex.quote(entry["file"]) for entry in entries)])
    return "\n".join(_page(entries, networks, command)) + "\n"


def _page(entries: Sequence[FileEntry], networks: Sequence[NetworkEntry], command: str) -> Iterator[str]:
    found = verdicts(entries)
    files = listed_files(entries)
    yield from head(f"Probe of {files}", STYLE)
    yield "<body>"
    yield "<header>"
    yield f"<h1>What the probe of {text(files)} found</h1>"
    yield f'<p class="lead">{prose(outcome(found))}</p>'
    for network in networks:
        effect = whole_effect(network)
        if effect:
            yield f"<p>{text(_about(network, networks))}{text(effect)}</p>"
    yield from _contents(found, networks)
    yield "</header>"
    yield "<main>"
    yield from _verdicts(found, networks)
    for index, network in enumerate(networks):
        yield from _network(network, index)
    yield '<section aria-labelledby="again">'
    yield '<h2 id="again">To repeat this</h2>'
    yield f"<pre><code>{text(command)}</code></pre>"
    yield "</section>"
    yield "</main>"
    yield f"<footer><p>{text(SILENCE)}</p><p>Made by trainlint {text(__version__)}.</p></footer>"
    yield "</body>"
    yield "</html>"


def fragment(entries: Iterable[FileEntry], networks: Sequence[NetworkEntry]) -> str:
    """The results without a page around them, for an editor that has one: what matters, then the networks."""
    lines = [*_verdicts(verdicts(entries), networks)]
    for index, network in enumerate(networks):
        lines += _network(network, index)
    return "\n".join((*lines, f"<footer><p>{text(SILENCE)}</p></footer>"))


def lead(entries: Iterable[FileEntry]) -> str:
    """What to do, in a sentence of HTML."""
    return prose(outcome(verdicts(entries)))


def listed_files(entries: Sequence[FileEntry]) -> str:
    """The name of the file, or how many there are."""
    return plain(entries[0]["file"]) if len(entries) == 1 else counted(len(entries), "file")


def _about(network: NetworkEntry, networks: Sequence[NetworkEntry]) -> str:
    return f"{where(network)}: " if len(networks) > 1 else ""


def _contents(found: Sequence[Verdict], networks: Sequence[NetworkEntry]) -> Iterator[str]:
    links = [("verdicts", "What matters")] if found else []
    links += [(f"network-{i}", f"The network at {where(each)}") for i, each in enumerate(networks)]
    links.append(("again", "To repeat this"))
    yield '<nav aria-label="Contents"><ul>'
    yield from (f'<li><a href="#{target}">{text(title)}</a></li>' for target, title in links)
    yield "</ul></nav>"


# Verdicts -------------------------------------------------------------------------------------------------------------


def _verdicts(found: Sequence[Verdict], networks: Sequence[NetworkEntry]) -> Iterator[str]:
    if not found:
        return
    yield '<section aria-labelledby="verdicts">'
    yield '<h2 id="verdicts">What matters</h2>'
    if len(found) > 1:
        yield from _glance(found)
    said = ""
    for index, verdict in enumerate(found):
        each = verdict.importance
        if each.key != said:
            said = each.key
            chip = f'<span class="chip {each.colour}">{text(each.title)}</span>'
            yield f'<h3>{chip} <span class="meaning">{text(each.meaning)}</span></h3>'
        yield from _verdict(verdict, index, measured_on(verdict, networks))
    yield "</section>"


def _glance(found: Sequence[Verdict]) -> Iterator[str]:
    """All verdicts in one table."""
    files = {each["file"] for verdict in found for each in verdict.findings}
    yield '<div class="scroll"><table>'
    yield "<caption>At a glance: the skill with one mistake left in and with everything repaired</caption>"
    yield '<thead><tr><th scope="col">Finding</th><th scope="col">Line</th><th scope="col">Verdict</th>'
    yield '<th scope="col" class="numeric">With it</th><th scope="col" class="numeric">Without</th></tr></thead><tbody>'
    for index, verdict in enumerate(found):
        each, effect = verdict.importance, verdict.result["effect"]
        where = _lines(verdict, len(files) > 1)
        yield f'<tr><th scope="row"><a href="#verdict-{index}">{text(verdict.first["rule"])}</a></th>'
        yield f'<td>{text(where)}</td><td class="strong {each.colour}">{text(each.title)}</td>'
        numbers = (None, None) if effect is None else (effect["skill"], effect["skill_repaired"])
        yield "".join(f'<td class="numeric">{"" if n is None else number(n)}</td>' for n in numbers) + "</tr>"
    yield "</tbody></table></div>"


def _lines(verdict: Verdict, with_file: bool) -> str:
    """Where findings are: lines, with what is needed to know which."""
    first = verdict.first
    where = str(first["line"]) if first["cell"] is None else f"cell {first['cell'] + 1}, line {first['line']}"
    where = f"{plain(first['file'])}, {where}" if with_file else where
    more = len(verdict.findings) - 1
    return f"{where} and {more} more" if more else where


def _verdict(verdict: Verdict, index: int, on: str) -> Iterator[str]:
    finding, result = verdict.first, verdict.result
    yield f'<article id="verdict-{index}" class="{verdict.importance.colour}">'
    rule = f"{text(finding['rule'])} ({text(finding['code'])})"
    yield f'<h4>{rule} <span class="place">{text(position(finding))}</span></h4>'
    source = source_line(finding)
    if source:
        yield f"<pre>{source}</pre>"
    if len(verdict.findings) > 1:
        places = ", ".join(position(each).removeprefix(f"{finding['file']}:") for each in verdict.findings[1:])
        yield f'<p class="small muted">Also at {text(places)}</p>'
    yield f"<p>{prose(finding['message'])}</p>"
    yield f"<p>{prose(' '.join(part for part in (result['text'], alone(verdict)) if part))}</p>"
    effect = "" if result["effect"] is None else _effect(result["effect"], result["seeds"], result["steps"])
    if effect or on:
        on = f"{on[:1].upper()}{on[1:]}." if on else ""
        yield f'<p class="small muted">{text(" ".join(part for part in (effect, on) if part))}</p>'
    yield "</article>"


def _effect(effect: EffectEntry, seeds: int | None, steps: int | None) -> str:
    lost = f"It costs {_percent(effect['relative'])} of the skill"
    if effect["relative"] <= 0:
        lost = "It costs no skill"
    elif effect["relative"] > 1:
        lost = "It costs all of the skill, down to worse than guessing"
    if effect["low"] is not None and effect["high"] is not None:
        lost += f" (90 % interval: {_percent(effect['low'])} to {_percent(effect['high'])}, p = {effect['p']:.2g})"
    return f"{lost}; {counted(seeds or 0, 'seed')}, {steps or 0} steps."


def _percent(share: float) -> str:
    return f"{round(100 * min(max(share, -9.99), 9.99))} %"


# Networks -------------------------------------------------------------------------------------------------------------


def _network(network: NetworkEntry, index: int) -> Iterator[str]:
    yield f'<section aria-labelledby="network-{index}">'
    yield f'<h2 id="network-{index}">The network trained at {text(where(network))}</h2>'
    yield "<dl>"
    for label, value in facts(network):
        yield f"<dt>{text(label)}</dt><dd>{text(value)}</dd>"
    yield "</dl>"
    trained = tasks(network)
    if trained:
        yield "<h3>What each mistake costs</h3>"
        yield f"<p>{text(meaning_of_skill(network))} {text(SEEDS)}</p>"
        yield from probe_curves.overview(network)
        yield from _table(network, trained)
        yield from probe_curves.curves(network)
    yield from probe_layers.layers(network)
    yield from _conditions(network)
    yield "</section>"


def _table(network: NetworkEntry, trained: Sequence[str]) -> Iterator[str]:
    """Skill at the end, by arm and task."""
    by_task = [{row.arm: row for part in sections(network, task) for _, row in part.rows} for task in trained]
    yield '<div class="scroll"><table>'
    yield "<caption>Skill at the end: the mean over the seeds, with the lowest and the highest</caption>"
    yield '<thead><tr><th scope="col">What was trained</th>'
    for task in trained:
        yield f'<th scope="colgroup" colspan="3">Task {text(task)}</th>'
    yield "</tr></thead><tbody>"
    for part in sections(network, trained[0]):
        if part.title:
            title = f'<th scope="rowgroup" colspan="{1 + 3 * len(trained)}">{text(part.title)}</th>'
            yield f'<tr class="group">{title}</tr>'
        inside = ' class="inside"' if part.title else ""
        for name, row in part.rows:
            cells = "".join(_cells(each.get(row.arm), _best(each.values())) for each in by_task)
            yield f'<tr><th scope="row"{inside}>{text(name)}</th>{cells}</tr>'
    yield "</tbody></table></div>"


def _best(found: Iterable[Row]) -> float:
    return max((row.skill for row in found if row.skill is not None), default=0.0)


def _cells(row: Row | None, best: float) -> str:
    if row is None:
        return '<td colspan="3">not trained</td>'
    if row.like:
        return f'<td colspan="3" class="muted">same as {text(row.like)}</td>'
    if row.skill is None:
        return f'<td colspan="3" class="yellow">not measured: {text(row.error)}</td>'
    colour = has_learned(row, best)
    broken = f", {row.broken} not finite" if row.broken else ""
    return (
        f'<td class="numeric strong {colour}">{number(row.skill)}</td>'
        f'<td class="numeric">{number(row.low)} to {number(row.high)}</td>'
        f'<td class="muted small">{row.steps} steps{broken}</td>'
    )


def _conditions(network: NetworkEntry) -> Iterator[str]:
    kinds = (
        ("Taken for granted", network["assumed"]),
        ("Not carried over into the probe", network["left_out"]),
        ("Notes", network["notes"]),
    )
    if not any(items for _, items in kinds):
        return
    yield "<h3>What this rests on</h3>"
    for title, items in kinds:
        if items:
            yield f"<p>{title}</p><ul>"
            yield from (f"<li>{prose(item)}</li>" for item in items)
            yield "</ul>"
