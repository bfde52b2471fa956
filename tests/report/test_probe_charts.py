"""Charts of a probe's page."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from trainlint.report.probe_charts import Line, bars, lines, logarithmic_bars

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)
SIZES = st.one_of(st.none(), st.just(0.0), st.floats(1e-12, 1e12))


def labels(chart: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", chart)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.none(), NUMBERS, st.just(float("nan"))), min_size=1, max_size=6), st.booleans())
def test_every_curve_is_drawn(values, loss):
    """Whatever a run measured becomes a chart with a few labels on its axes and nothing outside its frame."""
    known = [value for value in values if value is not None and value == value] or [0.0]
    points = tuple((10.0 * (i + 1), value) for i, value in enumerate(values))
    chart = lines([Line("mean", points)], "it", low=min(known), high=max(known), steps=60, loss=loss)

    assert 5 <= len(labels(chart)) <= 40
    assert all(0 <= float(y) <= 170 for y in re.findall(r'<path d="M[\d.]+ (-?[\d.]+)', chart))


def test_axis_of_a_loss():
    """It begins at zero, so that noise looks like noise; one that falls by orders of magnitude has powers of ten."""
    flat = lines([Line("mean", ((0, 0.30), (10, 0.31)))], "it", low=0.30, high=0.31, steps=10, loss=True)
    far = lines([Line("mean", ((0, 5000.0), (10, 0.2)))], "it", low=0.2, high=5000.0, steps=10, loss=True)

    assert ["0", "0.1", "0.2", "0.3"] == labels(flat)[:4]
    assert ["0.1", "1", "10", "100", "1000", "10⁴", "0", "5", "10"] == labels(far)


def test_steps_are_never_logarithmic():
    """Half of the steps stands in the middle, whatever the loss does."""
    for low, high in ((0.3, 0.4), (0.2, 5000.0)):
        chart = lines([Line("mean", ((0, high), (200, low)))], "it", low=low, high=high, steps=200, loss=True)
        at = {label: float(x) for x, label in re.findall(r'<text x="([\d.]+)" y="[\d.]+">(\d+)</text>', chart)}

        assert abs((at["0"] + at["200"]) / 2 - at["100"]) < 1


def test_a_line_with_gaps():
    """What is no number interrupts a line."""
    points = ((0, 0.1), (10, 0.2), (20, None), (30, float("inf")), (40, 0.3), (50, 0.4))
    chart = lines([Line("seed", points)], "it", low=0.0, high=1.0, steps=50)

    assert 2 == chart.count('class="series seed"')


def test_bars_stand_in_the_order_of_their_rows():
    """The first row is on top, and in it the first series."""
    chart = bars(["first", "second"], [("written", [0.5, -5.0]), ("repaired", [None, 0.25])], "it")

    y = {look: [float(each) for each in re.findall(r'rect y="([\d.]+)"|y="([\d.]+)"', part)[0] if each]
         for look, part in re.findall(r'<g class="series (\w+)">(.*?)</g></g></g>', chart)}  # fmt: skip
    assert ["written", "repaired"] == sorted(y, key=lambda look: y[look])
    assert ["second", "first"] == [each for each in labels(chart) if each in ("first", "second")]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(SIZES, SIZES), min_size=1, max_size=5))
def test_sizes_of_all_magnitudes(pairs):
    """Sizes from nothing to anything are drawn with at most nine powers of ten."""
    rows = [f"layer {i}" for i in range(len(pairs))]
    chart = logarithmic_bars(rows, [("written", [a for a, _ in pairs]), ("repaired", [b for _, b in pairs])], "it")

    assert set(rows) <= set(labels(chart))
    assert len(labels(chart)) - len(rows) <= 9


def test_nothing_but_shapes_and_labels_is_left():
    """No style, script, tooltip, id or comment of the library stays."""
    chart = bars(["a"], [("written", [0.5])], "what it shows")

    assert not re.search(r"<(style|script|defs|desc|title)|style=|id=|tooltip-overlay|<!--", chart)
    assert 'role="img" aria-label="what it shows"' in chart
