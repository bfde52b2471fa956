"""The formats for reviews, against what their readers ask for."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import jsonschema
import pytest

from probe_results import result
from review_schemas import GITLAB, JUNIT, RDJSON, SARIF
from trainlint.report.formats import FORMATS, Context, render
from trainlint.report.places import Places, Replacement, replacement, uri, widened
from trainlint.report.summary import Hidden
from trainlint.rules.registry import all_rules


def context(**fields):
    """A check of one file in the folder /repo/src of the repository /repo."""
    places = fields.pop("places", Places("/repo", "/repo/src"))
    values = {"where": lambda: places, "rules": all_rules, "hints": True, **fields}
    return Context(files_checked=1, **values)


def made(name, entries, **fields):
    """A report, read if it is JSON."""
    text = render(name, entries, context(**fields))
    return json.loads(text) if name in ("sarif", "gitlab", "rdjson") else text


# Schemas --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "schema"), [("sarif", SARIF), ("gitlab", GITLAB), ("rdjson", RDJSON)])
@pytest.mark.parametrize("show_info", [False, True])
def test_documents_are_valid(name, schema, show_info, everything, of_every_rule):
    """Nothing is missing and nothing is there that the reader does not know, with and without findings."""
    for entries in (everything, of_every_rule, []):
        jsonschema.validate(made(name, entries, show_info=show_info), schema)


def test_junit_is_valid(everything):
    """Elements and their attributes are those of the schema that Jenkins reads, and the counts are right."""
    for element in ElementTree.fromstring(made("junit", everything, show_info=True)).iter():
        required, optional, children = JUNIT[element.tag]
        assert required <= set(element.attrib) <= required | optional
        assert {child.tag for child in element} <= children
        for name, tag in (("failures", "failure"), ("errors", "error"), ("tests", "testcase")):
            if name in element.attrib:
                assert len(list(element.iter(tag))) == int(element.attrib[name])


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_takes_everything(name, everything):
    """All formats render the same entries, an empty check and names that are no valid text."""
    odd = [{**entry, "file": "caf\udce9.py"} for entry in everything]
    for finding in odd[0]["findings"]:
        finding["file"] = "caf\udce9.py"

    for entries in (everything, odd, []):
        assert isinstance(render(name, entries, context(show_info=True)).encode("utf-8"), bytes)


@pytest.mark.parametrize("name", ["sarif", "github", "gitlab", "rdjson", "junit", "markdown"])
def test_information_is_left_out_of_reviews(name, analysed):
    """What needs judgement is no matter of a review, unless it is asked for."""
    program = analysed("bad()\n").find("unscaled-inputs", "bad()", "may be", severity="info", fingerprint="x")

    def told(**fields):
        text = render(name, [program.entry()], context(**fields))
        return "may be" in text.split("::\n")[-1]

    assert (False, True) == (told(), told(show_info=True))


# SARIF ----------------------------------------------------------------------------------------------------------------


def test_sarif_paths_start_at_the_root_of_the_repository(everything):
    """Paths are relative to the base that the log names, quoted as a URI; outside of it they are absolute."""
    run = made("sarif", everything)["runs"][0]
    uris = {
        location["physicalLocation"]["artifactLocation"]["uri"]
        for each in run["results"]
        for location in each["locations"]
    }

    assert "file:///repo/" == run["originalUriBaseIds"]["SRCROOT"]["uri"]
    assert {"src/train.py", "src/net%20work.ipynb"} == uris
    assert "file:///else/a%20b.py" == uri(Places("/repo", "/repo").path("/else/a b.py"))


def test_sarif_results(everything):
    """A result has the rule, the fingerprint, the trace, the fixes and what a probe measured."""
    run = made("sarif", everything)["runs"][0]
    worst = next(each for each in run["results"] if each["level"] == "error")

    assert "TL701" == worst["ruleId"] == run["tool"]["driver"]["rules"][worst["ruleIndex"]]["id"]
    assert worst["message"]["text"].endswith("before the mean [probe: confirmed, necessary]")
    assert {"primaryLocationLineHash": "a3:1", "trainlint/v1": "a3"} == worst["partialFingerprints"]
    assert {"startLine": 7, "endLine": 7, "startColumn": 23, "endColumn": 51} == (
        worst["locations"][0]["physicalLocation"]["region"]
    )
    assert ["y is fed [128] here"] == [each["message"]["text"] for each in worst["relatedLocations"]]
    assert "Give the labels the shape of the predictions (unsafe)" == worst["fixes"][0]["description"]["text"]
    assert "confirmed" == worst["properties"]["evidence"]["result"]["verdict"]


def test_sarif_tells_what_failed(everything):
    """What could not be read makes the run unsuccessful; what was skipped is a note."""
    invocation = made("sarif", everything)["runs"][0]["invocations"][0]

    assert False is invocation["executionSuccessful"]
    assert ["note", "error"] == [each["level"] for each in invocation["toolExecutionNotifications"]]


# GitHub ---------------------------------------------------------------------------------------------------------------


def commands(text):
    """The commands to the runner behind the quoted text."""
    return [line for line in text.rpartition("::\n")[2].splitlines() if line.startswith("::")]


def test_github_prints_text_and_annotations(seed):
    """The whole report is there as text, and the runner gets a command for each finding, the gravest first."""
    text = made("github", [seed.entry()])
    lines = text.splitlines()
    end = next(n for n, line in enumerate(lines) if n and re.fullmatch(r"::[0-9a-f]{32}::", line))

    assert re.fullmatch(r"::stop-commands::[0-9a-f]{32}", lines[0])
    assert "train.py:7:23  error  silent-loss-broadcast (TL701)" in text
    assert "Found 1 error, 2 warnings and 1 info in 1 file." in lines[:end]
    assert (
        "::error title=silent-loss-broadcast (TL701),file=src/train.py,line=7,endLine=7,col=23,endColumn=50"
        "::labels [128] against predictions [128, 1] broadcast to [128, 128] before the mean"
        "%0AFix (unsafe): Give the labels the shape of the predictions"
    ) == lines[end + 1]
    assert ["::error", "::warning", "::warning"] == [line.split()[0] for line in lines[end + 1 :]]


def test_github_drops_annotations_silently_so_we_do_not(analysed):
    """GitHub keeps ten of a kind: the most important ones are sent, and the text says how many were not."""
    program = analysed("bad()\n" * 12)
    for nth in range(12):
        program.find("unscaled-inputs", ("bad()", nth), f"number {nth}", severity="error", rank=nth + 1)
    text = made("github", [program.entry()])
    shown = [line for line in text.splitlines() if line.startswith("::error")]

    assert [f"number {nth}" for nth in range(11, 1, -1)] == [line.rpartition("::")[2] for line in shown]
    assert "GitHub shows 10 annotations of a kind: 2 findings above have none." in text
    assert 12 == text.count("error  unscaled-inputs") + text.count("error  unscaled-inputs (TL701), as")


def test_github_annotates_what_failed(everything):
    """What could not be checked fails a job, so it is seen where the findings are."""
    assert "::error title=trainlint,file=src/gone.py::No such file" in commands(made("github", everything))


def test_github_takes_no_commands_from_files(analysed):
    """What a file holds cannot give orders to the runner, neither in the text nor in an annotation."""
    program = analysed("bad()\n").find("unscaled-inputs", "bad()", "::error::boo\n::set-env x,y:%", severity="error")
    text = made("github", [program.entry()])
    quoted, _, rest = text.rpartition("::\n")

    assert "::error::boo" in quoted
    assert 1 == len(rest.splitlines())
    assert rest.rstrip().endswith("::::error::boo ::set-env x,y:%25")


# reviewdog ------------------------------------------------------------------------------------------------------------


def test_rdjson_counts_bytes(analysed):
    """Columns count bytes of UTF-8, also behind letters that take several."""
    program = analysed("é𐐀 = f(x)\n").find("unscaled-inputs", "f(x)", "wrong")
    found = made("rdjson", [program.entry()])["diagnostics"][0]["location"]

    assert {"start": {"line": 1, "column": 10}, "end": {"line": 1, "column": 14}} == found["range"]
    assert "src/train.py" == found["path"]


def test_rdjson_suggestions_are_about_the_lines_of_the_finding(analysed):
    """Services refuse suggestions for other lines; a smaller one is widened to all lines of the finding."""
    program = analysed("fit(\n  ä, y)\nother()\n")
    here, there = program.fix("Here", "safe", ("y", "z")), program.fix("There", "unsafe", ("other()", "pass"))
    program.find("unscaled-inputs", "fit(\n  ä, y)", "wrong", fixes=(here, there))
    found = made("rdjson", [program.entry()])["diagnostics"][0]

    whole = {"start": {"line": 1, "column": 1}, "end": {"line": 2, "column": 9}}
    assert [{"range": whole, "text": "fit(\n  ä, z)"}] == found["suggestions"]
    assert "wrong\nFix (safe, line 2): Here\nFix (unsafe, line 3): There" == found["message"]


def test_half_of_a_fix_is_no_suggestion(analysed):
    """Edits of a fix become one replacement with what is between them; edits of two files become none."""
    program = analysed("a = f(x, y)\n")
    both = program.fix("Both", "safe", ("f", "g"), ("y", "z"))
    program.find("unscaled-inputs", "f(x, y)", "wrong", fixes=(both,))
    finding = program.entry()["findings"][0]
    fix = finding["fixes"][0]
    where = {"file": "train.py", "cell": None, "line": 1, "column": 5, "end_line": 1, "end_column": 11}
    apart = {**fix, "edits": [{**fix["edits"][0], "file": "b.py"}, *fix["edits"][1:]]}

    assert Replacement(where, "g(x, z") == replacement(fix, finding["lines"])
    assert None is replacement(apart, finding["lines"])
    assert None is widened(Replacement({**where, "line": 3, "end_line": 3}, ""), 1, 1, finding["lines"])


# GitLab, JUnit --------------------------------------------------------------------------------------------------------


def test_gitlab(everything):
    """Each finding is a degradation with its own fingerprint, at its lines in the repository."""
    found = made("gitlab", everything)

    assert 4 == len(found) == len({each["fingerprint"] for each in found})
    assert ["critical"] == [each["severity"] for each in found if each["check_name"] == "silent-loss-broadcast"]
    assert {"path": "src/train.py", "lines": {"begin": 7, "end": 7}} == found[2]["location"]


def test_fingerprints_are_unique(analysed):
    """Services drop what has the fingerprint of something else, so equal ones get a number."""
    program = analysed("bad()\nbad()\n")
    for nth in range(2):
        program.find("unscaled-inputs", ("bad()", nth), "wrong", fingerprint="a1")
    degradations = made("gitlab", [program.entry()])
    results = made("sarif", [program.entry()])["runs"][0]["results"]

    assert ["a1", "a1-2"] == [each["fingerprint"] for each in degradations]
    assert ["a1:1", "a1:2"] == [each["partialFingerprints"]["primaryLocationLineHash"] for each in results]


def test_junit(everything):
    """A file is a suite; findings failed, information passed, a quiet file is one test that passed."""
    root = ElementTree.fromstring(made("junit", everything, show_info=True))
    suites = {suite.attrib["name"]: suite for suite in root}
    counts = {
        name: tuple(suite.attrib[key] for key in ("tests", "failures", "errors")) for name, suite in suites.items()
    }

    assert {
        "src/train.py": ("4", "3", "0"), "src/net work.ipynb": ("1", "1", "0"), "src/quiet.py": ("1", "0", "0"),
        "trainlint": ("1", "0", "1"),
    } == counts  # fmt: skip
    assert "unscaled-inputs at cell 4:1:5" == suites["src/net work.ipynb"][0].attrib["name"]


# Pages ----------------------------------------------------------------------------------------------------------------


def test_markdown_is_safe(analysed):
    """Nothing in a file or a message calls people, links, or ends a block of code."""
    program = analysed("x = '```' # @team\n").find("unscaled-inputs", "x", "see @team, <img>, [a](b) `c|d` and #12")
    text = made("markdown", [program.entry()])

    assert "see @\u200bteam, \\<img\\>, \\[a\\]\\(b\\) `c|d` and \\#\u200b12" in text
    assert "````python\nx = '```' # @team\n````" in text


def test_markdown_stays_short(analysed):
    """A review gets the most important findings in full, the next ones as a line, and how many are left."""
    program = analysed("bad()\n" * 200)
    for nth in range(200):
        program.find("unscaled-inputs", ("bad()", nth), f"number {nth}", rank=nth // 2 + 1)
    text = made("markdown", [program.entry()])

    assert text.startswith("### trainlint: found 200 warnings in 1 file\n")
    assert 20 == text.count("```python")
    assert "<details><summary>180 more</summary>" in text
    assert "- and 80 that this summary has no room for" in text
    assert len(text) < 65_536


def test_html_needs_nothing_else(everything):
    """The page loads nothing, runs nothing, and escapes what files hold."""
    everything[0]["findings"][0]["message"] = "<script>alert(1)</script>"
    text = made("html", everything)

    assert [] == re.findall(r"<script|<link|<img|src=|url\(|https?://", text)
    assert "&lt;script&gt;" in text
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(re.findall(r'id="([^"]+)"', text))
    assert "probe: confirmed, necessary" in text


def test_html_shows_verdicts_at_a_glance(analysed):
    """Where something was measured, the table of rules says the worst of each, and else it has no such column."""
    program = analysed("bad()\nbad()\ngood()\n")
    for nth in range(2):
        program.find("unscaled-inputs", ("bad()", nth), "wrong")
    program.find("silent-loss-broadcast", "good()", "wrong")
    entry = program.entry()
    table = made("html", [entry]).split("</table>")[0]
    result(entry["findings"][0], "not-reproduced", None)
    result(entry["findings"][1], "confirmed", "necessary")
    measured = made("html", [entry]).split("</table>")[0]

    assert "Probe" not in table
    assert ['<td><span class="red">confirmed, necessary</span></td>', "<td></td>"] == re.findall(
        r"<td>(?:<span.*?</span>)?</td>", measured
    )


def test_reports_say_what_they_leave_out(analysed):
    """A report without findings does not look as if there were none where a baseline hides some."""
    quiet = [analysed("import tensorflow\n").entry()]
    said = "No new mistakes found in 1 file (2 more in the baseline, 1 more outside of the changed lines)."

    for name in ("text", "html"):
        assert said in made(name, quiet, hidden=Hidden(2, 1))
    assert "no new mistakes found in 1 file \\(2 more in the baseline" in made("markdown", quiet, hidden=Hidden(2, 1))


@pytest.mark.parametrize(
    "name", ["text", "concise", "github", "markdown", "html", "junit", "gitlab", "rdjson", "sarif"]
)
def test_what_was_not_reproduced_is_shown_as_such(name, seed):
    """A finding that a probe did not reproduce stays, and says so."""
    entry = seed.entry()
    result(next(each for each in entry["findings"] if each["severity"] == "error"), "not-reproduced", None)

    assert "not reproduced" in render(name, [entry], context())


def test_notebooks_have_lines_of_their_file(analysed):
    """Tools that know files alone are told the line of the file that holds the line of the cell."""
    notebook = analysed("a = f(x)\nb = a\n", "net.ipynb", cell=3).find("unscaled-inputs", "b = a", "wrong")
    places = Places("/repo", "/repo", lambda file, cell, line: 40 + line if (file, cell) == ("net.ipynb", 3) else None)
    found = made("gitlab", [notebook.entry()], places=places)[0]

    assert {"begin": 42, "end": 42} == found["location"]["lines"]
    assert found["description"].startswith("unscaled-inputs: cell 4, line 2: wrong")
