"""Charts of a probe as pieces of HTML: drawn by pygal, cleaned of everything but shapes and labels.

pygal brings a style sheet, a script and tooltips with each chart; the page has one style sheet for all and no script.
So what a series looks like is said by its class alone: `seed`, `mean`, `reference`, `written`, `repaired`, `task-0`.
"""

from __future__ import annotations

import math
import re
import sys
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from trainlint.record import Record
from trainlint.report.probe_reading import is_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

WIDTH, HEIGHT = 300, 170
"""Of a small chart, in the units of the page."""

BARS_WIDTH, BAR, MARGIN = 720, 15, 58

FAR = 50
"""A loss that changes by more than this factor is drawn on a logarithmic scale."""

MOST_DECADES = 6
"""So many labels a logarithmic axis has, and one more."""

_NUMBER = re.compile(r"-?\d+\.\d+")

_DROPPED = ("defs", "title", "desc", "script", "style")
_DROPPED_GROUPS = ("overlay", "text-overlay", "tooltip-overlay", "legends", "titles")


class Line(Record):
    """A line of a chart: how it looks, and its points; what is no number interrupts it."""

    look: str
    points: tuple[tuple[float, float | None], ...]


def lines(series: Sequence[Line], alternative: str, *, low: float, high: float, steps: int, loss: bool = False) -> str:
    """A small chart over training steps, with values from `low` to `high`.

    The axis of a loss begins at zero, or noise around a constant would look like a training; one that changes by orders
    of magnitude is drawn on a logarithmic scale.
    """
    # The logarithmic scale of pygal is one for both axes, so logarithms are drawn.
    logarithmic = loss and is_far(low, high)
    if logarithmic:
        ticks = [math.log10(tick) for tick in _decades(low, high)]
        low, high = ticks[0], ticks[-1]
    else:
        low = min(low, 0.0) if loss else low
        high = high if high > low else low + max(abs(low), 1.0)
        ticks = _ticks(low, high)
    chart = _library().XY(
        **_common(WIDTH, HEIGHT), margin_top=6, margin_right=10, show_dots=False, range=(low, high),
        xrange=(0, steps), y_labels=ticks, x_labels=[0, steps // 2, steps],
        value_formatter=(lambda value: _power(10.0**value)) if logarithmic else _short,
        x_value_formatter=lambda value: f"{value:g}",
    )  # fmt: skip
    looks = []
    for each in series:
        for piece in _pieces(each.points):
            drawn = [(x, math.log10(y)) for x, y in piece if y > 0] if logarithmic else piece
            # What lies outside of the range would be drawn outside of the frame.
            chart.add("", [(x, min(max(y, low), high)) for x, y in drawn])
            looks.append(each.look)
    if not looks:
        # pygal cannot draw an empty chart.
        chart.add("", [(0, low), (0, low)])
        looks.append("nothing")
    return _drawn(chart, looks, alternative)


def is_far(low: float, high: float) -> bool:
    """Whether a loss within these bounds is drawn on a logarithmic scale."""
    return low > 0 and high / low > FAR


def bars(rows: Sequence[str], series: Sequence[tuple[str, Sequence[float | None]]], alternative: str) -> str:
    """Horizontal bars for skills: a group for each row, in it a bar for each series (its look, its values)."""
    known = [value for _, values in series for value in values if value is not None and is_number(value)]
    low = min([0.0, *(math.floor(4 * max(value, -1.0)) / 4 for value in known)])
    ticks = [low + 0.25 * i for i in range(round((1 - low) / 0.25) + 1)]
    chart = _library().HorizontalBar(
        **_of_bars(rows, len(series)), range=(low, 1.0), y_labels=ticks, value_formatter=_short
    )
    _add(chart, rows, series, lambda value: min(max(value, low), 1.0))
    return _drawn(chart, [look for look, _ in series], alternative)


def logarithmic_bars(
    rows: Sequence[str], series: Sequence[tuple[str, Sequence[float | None]]], alternative: str
) -> str:
    """Horizontal bars for sizes on a logarithmic scale; a size of 0 has no bar."""
    known = [v for _, values in series for v in values if v is not None and is_number(v) and v > 0]
    ticks = _decades(min(known), max(known)) if known else [0.1, 1.0]
    if known and min(known) <= ticks[0] * 1.5:
        ticks = [ticks[0] / 10, *ticks]
    chart = _library().HorizontalBar(
        **_of_bars(rows, len(series)), logarithmic=True, range=(ticks[0], ticks[-1]), zero=ticks[0], y_labels=ticks,
        value_formatter=_power,
    )  # fmt: skip
    _add(chart, rows, series, lambda value: max(value, ticks[0]) if value > 0 else None)
    return _drawn(chart, [look for look, _ in series], alternative)


def _add(
    chart: Any, rows: Sequence[str], series: Sequence[tuple[str, Sequence[float | None]]],
    shown: Callable[[float], float | None],
) -> None:  # fmt: skip
    """Puts bars into a chart that draws from the bottom to the top."""
    chart.x_labels = list(reversed(rows))
    for _, values in series:
        chart.add("", [None if v is None or not is_number(v) else shown(v) for v in reversed(values)])


# Drawing --------------------------------------------------------------------------------------------------------------


def _library() -> Any:
    """pygal, without the finder for plug-ins that it leaves among the importers: Python warns of such old ones."""
    import pygal

    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]
    return pygal


def _common(width: int, height: int) -> dict[str, Any]:
    return {
        "js": [], "css": [], "width": width, "height": height, "show_legend": False, "margin": 4, "no_prefix": True,
        "truncate_label": -1, "no_data_text": "", "spacing": 6,
    }  # fmt: skip


def _of_bars(rows: Sequence[str], n_series: int) -> dict[str, Any]:
    height = MARGIN + len(rows) * (n_series * BAR + 12)
    return {**_common(BARS_WIDTH, height), "margin_right": 14}


def _drawn(chart: Any, looks: Sequence[str], alternative: str) -> str:
    """The chart as an SVG element with a text alternative, one class for each series."""
    root = chart.render_tree()
    view = root.get("viewBox")
    root.attrib.clear()
    _clean(root)
    root.attrib.update({"class": "chart", "viewBox": view, "role": "img", "aria-label": alternative})
    for series in root.iter("g"):
        number = re.match(r"series serie-(\d+)", series.get("class", ""))
        if number is not None:
            series.set("class", f"series {looks[int(number[1])]}")
    return ElementTree.tostring(root, "unicode", short_empty_elements=True)


def _clean(element: ElementTree.Element) -> None:
    for name, value in element.attrib.items():
        element.set(name, _NUMBER.sub(lambda match: f"{float(match[0]):.1f}".removesuffix(".0"), value))
    for child in list(element):
        classes = child.get("class", "").split()
        if not isinstance(child.tag, str) or child.tag in _DROPPED or set(_DROPPED_GROUPS) & set(classes):
            element.remove(child)
            continue
        for attribute in ("style", "id", "rx", "ry"):
            child.attrib.pop(attribute, None)
        if not child.get("class"):
            child.attrib.pop("class", None)
        child.tail = None
        _clean(child)


def _pieces(points: Iterable[tuple[float, float | None]]) -> Iterator[list[tuple[float, float]]]:
    """The stretches of a line that are numbers."""
    piece: list[tuple[float, float]] = []
    for x, y in points:
        if y is not None and is_number(y):
            piece.append((x, y))
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece


def _ticks(low: float, high: float) -> list[float]:
    """Round values in a range, three to six of them."""
    width = high - low
    power = 10.0 ** math.floor(math.log10(width))
    step = next(power * factor for factor in (0.2, 0.25, 0.5, 1.0, 2.0, 2.5) if width / power <= 4.5 * factor)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{i * step:.6g}") for i in range(first, last + 1)]


def _decades(low: float, high: float) -> list[float]:
    """Powers of ten around a range of positive numbers, a few at equal distances."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    step = max(1, math.ceil((last - first) / MOST_DECADES))
    count = max(1, math.ceil((last - first) / step))
    return [10.0 ** (first + step * i) for i in range(count + 1)]


def _short(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 10000 else f"{value:.0e}".replace("e+0", "e").replace("e+", "e")


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _power(value: float) -> str:
    power = round(math.log10(value)) if value > 0 else 0
    return f"{value:g}" if -3 < power < 4 else f"10{str(power).translate(_RAISED)}"
