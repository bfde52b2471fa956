"""The runs of a user's own program as a piece of a page."""

from __future__ import annotations

from tests.report.test_probe_html import Page

from trainlint.report.script_html import script_fragment, script_importance, script_lead


def run(arm, seed, values, **changes):
    losses = {"steps": list(range(1, len(values) + 1)), "values": values}
    found = {
        "arm": arm, "seed": seed, "outcome": "finished", "message": "", "steps": len(values), "losses": losses,
        "seconds": 1.5,
    }  # fmt: skip
    return {**found, **changes}


def document(verdict="confirmed", **changes):
    found = {
        "entry": "train.py",
        "isolation": {"kind": "bubblewrap", "sentence": "It sees the file system read-only."},
        "notes": ["the first seed was <interrupted>"],
        "runs": [
            run("as written", 0, [0.7, 0.69, 0.69]),
            run("as written", 1, [0.7, "nan", 0.69]),
            run("all repaired", 0, [0.7, 0.3, 0.1]),
            run("all repaired", 1, [], outcome="error", message="ValueError: <b>"),
        ],
        "comparisons": [
            {"before": "as written", "after": "all repaired", "verdict": verdict, "sentences": ["It is `worse`."]}
        ],
    }  # fmt: skip
    return {**found, **changes}


def test_comparisons_come_first_then_curves_then_numbers():
    """What the repairs change, a chart for each variant, every run in a table, and what limits it all."""
    page = Page(script_fragment(document()))
    words = page.words()

    parts = ["What the repairs change", "Confirmed", "It is worse", "Loss of each variant", "Every run as numbers"]
    parts += [
        "ValueError: <b>",
        "It sees the file system read-only.",
        "the first seed was <interrupted>",
        "A short run",
    ]
    places = [words.index(part) for part in parts]
    assert sorted(places) == places
    assert 2 == len([svg for svg in page.all("svg") if svg.get("role") == "img"])


def test_nothing_that_a_strict_policy_refuses():
    """No script, no handler, no style attribute: a panel allows none of them."""
    page = Page(script_fragment(document()))

    assert [] == page.all("script")
    assert all(name != "style" and not name.startswith("on") for _, found in page.elements for name in found)


def test_lead_says_what_came_out():
    """Worse, no difference, or nothing decided."""
    assert "worse than with the repairs" in script_lead(document())
    assert "no difference" in script_lead(document("not-reproduced"))
    assert "decide nothing" in script_lead(document(None))
    assert [{"title": "Confirmed", "colour": "red"}, {"title": "No verdict", "colour": "cyan"}] == [
        script_importance(document()), script_importance(document(None))
    ]  # fmt: skip


def test_lead_of_a_program_that_does_not_train():
    """What ended the program is what matters then."""
    runs = [run("as written", 0, [], outcome="error", message="KeyError: 'x'")]

    assert "The program did not train: KeyError: &#x27;x&#x27;." == script_lead(document(None, runs=runs))


def test_program_that_never_told_a_loss():
    """There is no chart of nothing."""
    runs = [run("as written", 0, []), run("all repaired", 0, ["nan"])]

    assert "Loss of each variant" not in script_fragment(document(runs=runs))
