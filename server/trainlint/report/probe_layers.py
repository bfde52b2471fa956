"""The part of a probe's page that shows the layers of a network before it has learned: gradients and activations."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from trainlint.record import Record
from trainlint.report.probe_charts import logarithmic_bars
from trainlint.report.probe_reading import ALL_REPAIRED, AS_WRITTEN, is_number, rows, tasks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trainlint.report.schema import MeasuredEntry, NetworkEntry

MAX_LAYERS = 24
"""Of a deeper network biases are left out first, then layers evenly over its depth."""


class _Layer(Record):
    """A weight or an activation: its name for people, whether it is a matrix, and what it is called in both arms."""

    title: str
    is_matrix: bool
    written: str
    repaired: str | None


def layers(network: NetworkEntry) -> Iterator[str]:
    """Charts of the sizes of gradients and activations at the start, as written and repaired."""
    found = _arms(network)
    if found is None:
        return
    written, repaired = found
    weights = _spread(_named(network, "variable", written["gradients"]))
    activations = _spread(_named(network, "activation", written["activations"]))
    if not weights and not activations:
        return
    yield "<h3>The layers at the start</h3>"
    yield "<p>Before the first step, from the input to the output. Sizes that fall or grow by powers of ten from layer "
    yield "to layer make a network hard to train.</p>"
    yield '<ul class="key">'
    for look, name in (("written", "your program as written"), ("repaired", "everything repaired")):
        sample = f'<g class="{look}"><rect x="2" y="2" width="24" height="8"/></g>'
        yield f'<li><svg class="sample" viewBox="0 0 28 12" aria-hidden="true">{sample}</svg>{name}</li>'
    yield "</ul>"
    if weights:
        sizes = [(_first_norm(written, each.written), _first_norm(repaired, each.repaired)) for each in weights]
        yield from _figure("Size of the gradient of each weight at the first step (its norm)", weights, sizes)
    if activations:
        before = [_moment(written, each.written) for each in activations]
        after = [_moment(repaired, each.repaired) for each in activations]
        pairs = [(one.get("rms"), two.get("rms")) for one, two in zip(before, after)]
        yield from _figure("Size of what comes out of each activation (root mean square)", activations, pairs)
        yield from _shares(activations, before, after)


def _arms(network: NetworkEntry) -> tuple[MeasuredEntry, MeasuredEntry | None] | None:
    """What was measured as written and repaired, on the first task."""
    trained = tasks(network)
    if not trained:
        return None
    by_arm = {row.arm: row.measured for row in rows(network, trained[0]) if not row.error}
    written = by_arm.get(AS_WRITTEN)
    return None if written is None else (written, by_arm.get(ALL_REPAIRED))


def _named(network: NetworkEntry, kind: str, measured: Mapping[str, object]) -> list[_Layer]:
    """The layers of a kind that were measured, in the order of the network, numbered."""
    known = network["layers"]
    names = [name for name, entry in known.items() if entry["kind"] == kind and name in measured]
    found = []
    for index, name in enumerate([*names, *(name for name in measured if name not in known)], 1):
        entry = known.get(name)
        shape = (entry["shape"] if entry is not None else None) or ()
        title = f"{index}. {(entry['layer'] if entry is not None else None) or kind}"
        title += f" {' x '.join(map(str, shape))}" if shape else ""
        found.append(_Layer(title, len(shape) != 1, name, entry["repaired"] if entry is not None else None))
    return found


def _spread(layers: list[_Layer]) -> list[_Layer]:
    """As many layers as a chart can hold."""
    if len(layers) > MAX_LAYERS:
        layers = [each for each in layers if each.is_matrix] or layers
    if len(layers) <= MAX_LAYERS:
        return layers
    return [layers[round(i * (len(layers) - 1) / (MAX_LAYERS - 1))] for i in range(MAX_LAYERS)]


def _first_norm(measured: MeasuredEntry | None, name: str | None) -> float | None:
    norms = measured["gradients"].get(name) if measured is not None and name is not None else None
    return norms[0] if norms else None


def _moment(measured: MeasuredEntry | None, name: str | None) -> Mapping[str, float | None]:
    moments = measured["activations"].get(name) if measured is not None and name is not None else None
    return moments[0] if moments else {}


def _figure(title: str, layers: Sequence[_Layer], sizes: Sequence[tuple[float | None, float | None]]) -> Iterator[str]:
    """Bars for layers, and the same as a table."""
    series = [("written", [one for one, _ in sizes]), ("repaired", [two for _, two in sizes])]
    names = [each.title for each in layers]
    yield "<figure>"
    yield logarithmic_bars(
        names, series, f"Bars, on a logarithmic scale. {title}: the numbers stand in the table below."
    )
    yield f"<figcaption>{escape(title)}, on a logarithmic scale</figcaption>"
    yield "</figure>"
    yield "<details><summary>As numbers</summary>"
    yield '<div class="scroll"><table>'
    yield f"<caption>{escape(title)}</caption>"
    yield from _head("as written", "everything repaired")
    for name, (one, two) in zip(names, sizes):
        yield f'<tr><th scope="row">{escape(name)}</th>{_cell(one)}{_cell(two)}</tr>'
    yield "</tbody></table></div></details>"


_SHARES = (("zeros", "Zeros"), ("saturated", "Saturated"), ("dead", "Dead units"))


def _shares(
    layers: Sequence[_Layer], before: Sequence[Mapping[str, float | None]], after: Sequence[Mapping[str, float | None]]
) -> Iterator[str]:
    """How much of the activations is stuck: zero, at a bound, or zero for every row."""
    yield "<details><summary>Zeros, saturated values and dead units</summary>"
    yield '<div class="scroll"><table>'
    yield "<caption>Shares on held-out rows at the start. Saturated: so near to a bound that next to no gradient comes "
    yield "through. Dead: zero for every row.</caption>"
    yield from _head(*(f"{title}, {arm}" for _, title in _SHARES for arm in ("as written", "repaired")))
    for each, one, two in zip(layers, before, after):
        cells = "".join(_share(arm.get(key)) for key, _ in _SHARES for arm in (one, two))
        yield f'<tr><th scope="row">{escape(each.title)}</th>{cells}</tr>'
    yield "</tbody></table></div></details>"


def _head(*columns: str) -> Iterator[str]:
    yield '<thead><tr><th scope="col">Layer</th>'
    yield from (f'<th scope="col" class="numeric">{escape(column)}</th>' for column in columns)
    yield "</tr></thead><tbody>"


def _cell(value: float | None) -> str:
    shown = f"{value:.3g}" if value is not None and is_number(value) else "none"
    return f'<td class="numeric">{shown}</td>'


def _share(value: float | None) -> str:
    shown = f"{round(100 * value)} %" if value is not None and is_number(value) else "none"
    return f'<td class="numeric">{shown}</td>'
