"""The page with the results of a probe."""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from probed import CHECKPOINTS, budget, colours, failed, measured, network, result
from stand_ins import Analysed
from trainlint.report.probe_html import render

EMPTY = {"meta", "path", "rect", "circle", "line", "br"}


class Page(HTMLParser):
    """Reads a page and fails where elements do not match."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()
        assert [] == self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert tag == self.open.pop(), self.getpos()

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def words(self):
        return " ".join(" ".join(self.text).split())


def one_finding(found, message="they broadcast", text="loss = f(y, y_)\n"):
    program = Analysed(text)
    program.find("silent-loss-broadcast", "f(y, y_)", message)
    entry = program.entry()
    entry["findings"][0]["evidence"]["result"] = found
    return [entry]


def test_page_is_well_formed_and_says_what_matters_first(seed):
    """The page opens with what to do, then the verdicts, the gravest first, then the network."""
    page = Page(render(*colours(seed)))
    words = page.words()

    parts = ["Repair silent-loss-broadcast first", "Necessary", "Not reproduced", "Harmless here"]
    parts += ["What each mistake costs", "How they learned", "The layers at the start", "What this rests on"]
    parts += ["trainlint probe train.py"]
    places = [words.index(part) for part in parts]
    assert sorted(places) == places


def test_nothing_comes_from_elsewhere(seed):
    """No script, no handler, no style attribute, no address: the strictest policy holds, with the sheet's own hash."""
    text = render(*colours(seed))
    page = Page(text)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    policy = next(meta["content"] for meta in page.all("meta") if "http-equiv" in meta)

    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in policy
    assert "default-src 'none'" in policy
    assert [] == page.all("script") + page.all("link") + page.all("img") + page.all("iframe")
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            assert not name.startswith("on") and name not in ("style", "src"), tag
            assert name != "href" or value.startswith("#"), tag
    assert "http" not in text.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")


def test_page_can_be_read_aloud(seed):
    """Charts have a text, tables a caption and scopes, headings no gap; links lead somewhere."""
    page = Page(render(*colours(seed)))

    charts = [attributes for attributes in page.all("svg") if attributes.get("class") == "chart"]
    assert charts
    assert all(each["role"] == "img" and each["aria-label"] for each in charts)
    assert all(each.get("aria-hidden") == "true" for each in page.all("svg") if each not in charts)
    assert len(page.all("table")) == len(page.all("caption"))
    assert all("scope" in each for each in page.all("th"))
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert 1 == levels.count(1)
    assert all(after - before <= 1 for before, after in pairwise(levels))
    names = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    assert {each["href"][1:] for each in page.all("a")} <= names


def test_every_arm_and_seed_has_its_curve(seed):
    """Each seed is a line, and so is their mean; the repaired arm is drawn beside the others."""
    arms = [measured("as written", 0.1, seeds=3), measured("all repaired", 0.9, seeds=3)]
    text = render(one_finding(result()), [network(arms)])

    # Skill and loss, in both arms.
    assert 3 * 4 == text.count('class="series seed"')
    assert 1 == text.count('class="series reference"')
    assert 2 == text.count('class="series mean red"')
    assert 2 == text.count('class="series mean green"')


def test_text_of_the_user_is_escaped():
    """Nothing in a program, a name or a message becomes markup."""
    evil = "<script>alert('x')</script>"
    entries = one_finding(result(text=f"It was {evil}."), f"`{evil}`", f"loss = f(y, y_) # {evil}\n")
    name = f"all but {evil}"
    arms = [
        measured("as written", 0.1),
        measured("all repaired", 0.9),
        measured(name, 0.2),
        failed("only x", error=evil),
    ]
    made = network(arms, file=f"{evil}.py", assumed=[evil], left_out=[evil], notes=[evil], backend=evil)
    made["layers"]["variable-1"]["layer"] = evil
    made["arms"] += [measured("as written", 0.1, evil)]

    page = Page(render(entries, [made], evil))

    assert [] == page.all("script")


def test_measurements_that_are_no_numbers():
    """What is not finite interrupts a line; an arm without any number says so."""
    nothing = [None] * len(CHECKPOINTS)
    empty = [None] * 100
    broken = measured("as written", 0.2, seeds=2, finite=[True, False])
    broken["skill"][1], broken["curve"][1][50:] = nothing, empty[50:]
    lost = measured("all repaired", 0.2, seeds=1, skill=[nothing], curve=[empty], finite=[False])
    sizes = {"variable-1": [None, None], "variable-2": [0.0, 0.0], "unknown": [1e-9, 1e4]}
    broken["gradients"] = sizes
    words = Page(render(one_finding(result()), [network([broken, lost])])).words()

    assert "1 not finite" in words
    assert "not measured: no number came out" in words


def test_losses_of_all_sizes():
    """A loss that falls by orders of magnitude, one that stays, one below zero and one that explodes are drawn."""
    for curve in ([1e5 * 0.5**i for i in range(40)], [0.25] * 40, [-3.0 + i for i in range(40)], [0.0] * 40,
                  [10.0**i for i in range(30)], [0.1]):  # fmt: skip
        arm = measured("as written", 0.2, seeds=1, curve=[curve], curve_steps=[5 * (i + 1) for i in range(len(curve))])
        Page(render(one_finding(result()), [network([arm])]))


def test_certificates_alone():
    """Without a training there are verdicts and facts, and no empty charts."""
    found = result("confirmed", None, kind="certificate", seeds=None, steps=None, effect=None, text="Computed: 1.")
    page = Page(render(one_finding(found), [network([])]))

    assert [] == page.all("svg")
    assert "Computed: 1." in page.words()


def test_nothing_to_probe():
    """Without results the page says so."""
    assert "There was nothing to probe." in Page(render([], [])).words()


def test_a_deep_network():
    """Of a hundred layers some are shown."""
    names = [f"variable-{i}" for i in range(200)]
    layers = {name: {"kind": "variable", "layer": "Dense kernel" if i % 2 else "Dense bias",
                     "shape": [9, 9] if i % 2 else [9], "repaired": name} for i, name in enumerate(names)}  # fmt: skip
    sizes = {name: [0.5**i, 0.5**i] for i, name in enumerate(names)}
    arms = [measured("as written", 0.1, gradients=sizes), measured("all repaired", 0.9, gradients=sizes)]
    words = Page(render(one_finding(result()), [network(arms, layers=layers)])).words()

    assert "2. Dense kernel 9 x 9" in words
    assert "200. Dense kernel 9 x 9" in words
    assert "Dense bias" not in words


def test_a_run_with_another_optimizer_stands_apart():
    """Its curves are shown under its name, and the table keeps to the program's own optimizer."""
    usual = measured("all repaired", 0.9, skill=[[0.1, 0.2, 0.6, 0.8]])
    arms = [measured("as written", 0.1), usual, measured("all repaired", 0.5, run=1)]
    runs = [budget(5, 200), budget(8, 800, "Adam(0.01)")]
    words = Page(render(one_finding(result()), [network(arms, runs=runs)])).words()

    assert "everything repaired 0.80 0.80 to 0.80 200 steps" in words
    assert "Task teacher, 8 seeds x 800 steps with Adam(0.01)" in words


def test_very_long_names():
    """A name may be as long as it likes."""
    name = "all but " + "a-rule-with-a-very-long-name-" * 6
    Page(render(one_finding(result()), [network([measured("all repaired", 0.9), measured(name, 0.1)])]))


@pytest.mark.parametrize("module", ["pygal", "importlib_metadata"])
def test_charts_are_imported_late(module):
    """Whoever wants no page does not pay for the library that draws."""
    import subprocess

    code = f"import sys, trainlint.report.probe_html, trainlint.report.probe_text; sys.exit({module!r} in sys.modules)"
    assert 0 == subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}).returncode


def test_several_networks(seed):
    """A verdict says which network it was measured on, where there are several."""
    entries, networks = colours(seed)

    assert "Measured on the network trained at train.py:7." in Page(render(entries, [*networks, network([])])).words()
    assert "Measured on the network" not in Page(render(*colours(seed))).words()
