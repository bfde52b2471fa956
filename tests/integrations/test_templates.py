"""What other systems start: the action, the hooks of pre-commit, the templates, each run as far as that goes here."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from action_runner import ACTION, ROOT, Runner
from repositories import NOBODY, Repository

LONG = pytest.mark.skipif(
    "TRAINLINT_INTEGRATIONS" not in os.environ, reason="TRAINLINT_INTEGRATIONS asks for what installs packages"
)

OLD = """\
import numpy as np
import tensorflow as tf

x = np.random.uniform(0, 255, size=(10000, 3))
y = (x.mean(axis=1) < 127).astype("float32")

model = tf.keras.Sequential([tf.keras.layers.Dense(16, activation="relu"), tf.keras.layers.Dense(1)])
model.compile("adam", loss="binary_crossentropy")
model.fit(x, y)
"""

BUG = """
other = tf.keras.Sequential([tf.keras.layers.Dense(1, activation="softmax")])
other.compile("adam", loss="binary_crossentropy")
other.fit(x / 255, y)
"""

NEW = "single-unit-softmax"


@pytest.fixture
def tools(tmp_path):
    """A folder in front of the path, with a `trainlint` that is this one."""
    folder = tmp_path / "bin"
    folder.mkdir()
    put_tool(folder, "trainlint", f'PYTHONPATH="{ROOT}/server" exec "{sys.executable}" -m trainlint "$@"')
    return folder


def put_tool(folder, name, script):
    """Writes a command."""
    file = folder / name
    file.write_text(f"#!/usr/bin/env bash\n{script}\n")
    file.chmod(0o755)


@pytest.fixture
def origin(tmp_path):
    """A repository whose branch `feature` adds a mistake, and the merge that a service tests."""
    made = Repository(tmp_path / "origin").commit(train=OLD)
    made.git("checkout", "-q", "-b", "feature/$(x)")
    made.commit(train=OLD + BUG)
    made.git("checkout", "-q", "main")
    made.commit(other="import os\n")
    made.git("checkout", "-q", "-b", "merge")
    made.git("merge", "-q", "--no-ff", "-m", "merged", "feature/$(x)")
    return made


@pytest.fixture
def checkout(origin, tmp_path):
    """What the usual checkout of a pull request leaves: one commit, detached."""
    made = Repository(tmp_path / "work", "--depth", "1", "--branch", "merge", origin.folder.as_uri())
    made.git("checkout", "-q", "--detach")
    return made


def runner(checkout, tmp_path, tools, **more):
    """A job of a pull request, and of a push if there is no base."""
    (tmp_path / "runner").mkdir(exist_ok=True)
    environment = {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "TRAINLINT": str(tools / "trainlint")}
    base = more.pop("base", "main")
    if base:
        environment["GITHUB_BASE_REF"] = base
    github = {"event_name": "pull_request" if base else "push", "event.pull_request.head.repo.fork": False, **more}
    return Runner(checkout.folder, tmp_path / "runner", environment, **github)


def without_colours(text):
    """The text as one reads it."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


# GitHub ---------------------------------------------------------------------------------------------------------------


def test_the_action_on_a_pull_request(checkout, tmp_path, tools):
    """The history is fetched, the new mistake alone is annotated and summed up, and the job fails.

    Everything is uploaded: what an upload leaves out would count as repaired.
    """
    job = runner(checkout, tmp_path, tools)
    status = job.run(skip=("Install trainlint",))
    errors = [line for line in job.log.splitlines() if line.startswith("::error")]
    results = json.loads(Path(job.outputs["sarif"]).read_text())["runs"][0]["results"]

    assert 1 == status
    assert 1 == len(errors)
    assert f"title={NEW} " in errors[0]
    assert ["logits-into-probability-loss", "unscaled-inputs", NEW] == [each["properties"]["rule"] for each in results]
    assert [f"github/codeql-action/upload-sarif@v4 {job.outputs['sarif']}"] == job.used
    assert job.files["GITHUB_STEP_SUMMARY"].read_text().startswith("### trainlint: found 1 error in 1 of 2 files")
    assert "Found 1 error in 1 of 2 files (2 more outside of the changed lines)." in without_colours(job.log)


def test_the_action_without_an_upload(checkout, tmp_path, tools):
    """The file that others may use tells of what is new, as everything else."""
    job = runner(checkout, tmp_path, tools)
    status = job.run(skip=("Install trainlint",), upload_sarif="false")
    results = json.loads(Path(job.outputs["sarif"]).read_text())["runs"][0]["results"]

    assert (1, []) == (status, job.used)
    assert [NEW] == [each["properties"]["rule"] for each in results]


def test_the_action_on_a_fork(checkout, tmp_path, tools):
    """Without permission to write nothing is uploaded; annotations, summary and status are the same."""
    job = runner(checkout, tmp_path, tools, **{"event.pull_request.head.repo.fork": True})

    assert 1 == job.run(skip=("Install trainlint",))
    assert [] == job.used
    assert "::error" in job.log


def test_the_action_on_a_push(checkout, tmp_path, tools):
    """Everything is checked where nothing is compared."""
    job = runner(checkout, tmp_path, tools, base="")

    assert 1 == job.run(skip=("Install trainlint",))
    assert "Found 2 errors and 1 warning in 1 of 2 files." in without_colours(job.log)


def test_the_action_with_reviewdog(checkout, tmp_path, tools):
    """Where reviewdog and a token are there, it comments, and nothing is annotated beside that."""
    put_tool(tools, "reviewdog", f'echo "$@" > "{tmp_path}/arguments"; cat > "{tmp_path}/input"')
    job = runner(checkout, tmp_path, tools)
    status = job.run(skip=("Install trainlint",), token="secret")
    found = json.loads((tmp_path / "input").read_text())["diagnostics"]

    assert 1 == status
    assert [NEW] == [each["code"]["value"] for each in found]
    assert "-reporter=github-pr-review" in (tmp_path / "arguments").read_text()
    assert "::error" not in job.log
    assert "secret" not in job.log


@pytest.mark.parametrize(
    ("inputs", "status"),
    [
        ({"fail_on": "never"}, 0), ({"diff_base": "none", "fail_on": "error"}, 1), ({"paths": "other.py"}, 0),
        ({"args": "--ignore\nTL201"}, 0), ({"paths": "missing.py"}, 2),
        ({"paths": "missing.py", "fail_on": "never"}, 2),
        ({"diff_base": "nowhere"}, 2), ({"paths": "$(touch${IFS}owned) `touch owned` *.py; touch owned"}, 2),
        ({"working_directory": ".", "baseline": "none.json"}, 2),
    ],
)  # fmt: skip
def test_inputs_of_the_action(inputs, status, checkout, tmp_path, tools):
    """Inputs reach the command line as they are, and no shell reads them."""
    job = runner(checkout, tmp_path, tools)

    assert status == job.run(skip=("Install trainlint",), **inputs)
    assert not (checkout.folder / "owned").exists()


def test_scripts_get_no_expressions():
    """What anybody may write (inputs, names of branches) never becomes a part of a script."""
    assert [] == [step["name"] for step in ACTION["runs"]["steps"] if "${{" in step.get("run", "")]


@LONG
def test_the_action_installs(checkout, tmp_path):
    """The action installs itself into an environment of its own, and that is what checks."""
    (tmp_path / "runner").mkdir()
    job = Runner(checkout.folder, tmp_path / "runner", {"GITHUB_BASE_REF": "main"}, event_name="pull_request")

    assert 1 == job.run(python=sys.executable)
    assert f"title={NEW} " in job.log


# Others ---------------------------------------------------------------------------------------------------------------


def run_script(script, folder, **environment):
    """Runs a script of a template as its system would."""
    return subprocess.run(
        ["bash", "-e", "-c", script], cwd=folder, env={**os.environ, **NOBODY, **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_template_for_gitlab(checkout, tmp_path, tools):
    """The new finding stands in the tests and fails the job; the code quality report, which is compared, has all."""
    job = yaml.safe_load((ROOT / "integrations/gitlab/trainlint.gitlab-ci.yml").read_text())["trainlint"]
    put_tool(tools, "python", "exit 0")
    checkout.git("fetch", "-q", "--unshallow")
    variables = {**job["variables"], "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"}
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    done = run_script("\n".join([*job["before_script"], *job["script"]]), checkout.folder, PATH=path, **variables)
    reports = job["artifacts"]["reports"]
    quality = json.loads((checkout.folder / reports["codequality"]).read_text())
    cases = ElementTree.parse(checkout.folder / reports["junit"]).iter("failure")

    assert 1 == done.returncode
    assert ["logits-into-probability-loss", "unscaled-inputs", NEW] == [each["check_name"] for each in quality]
    assert ["error"] == [case.attrib["type"] for case in cases]
    assert all((checkout.folder / file).is_file() for file in job["artifacts"]["paths"])


def test_the_example_for_azure(checkout, tmp_path, tools):
    """The script of the example leaves the reports where the tasks behind it look for them."""
    steps = yaml.safe_load((ROOT / "integrations/azure/azure-pipelines.yml").read_text())["steps"]
    script = next(step["script"] for step in steps if step.get("displayName") == "Check training code")
    (tmp_path / "agent/trainlint/bin").mkdir(parents=True)
    shutil.copy(tools / "trainlint", tmp_path / "agent/trainlint/bin/trainlint")
    checkout.git("fetch", "-q", "--unshallow")
    checkout.git("fetch", "-q", "origin", "+refs/heads/main:refs/remotes/origin/main")
    done = run_script(
        script, checkout.folder, AGENT_TEMPDIRECTORY=str(tmp_path / "agent"),
        SYSTEM_PULLREQUEST_TARGETBRANCHNAME="main",
        BUILD_ARTIFACTSTAGINGDIRECTORY=str(tmp_path / "staging"),
    )  # fmt: skip

    assert 1 == done.returncode
    assert {"trainlint.xml", "trainlint.sarif", "trainlint.html"} == {
        each.name for each in (tmp_path / "staging").iterdir()
    }


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        ("github-actions", "action.yml"), ("github-workflows", ".github/workflows/release.yml"),
        ("gitlab-ci", "integrations/gitlab/trainlint.gitlab-ci.yml"),
        ("azure-pipelines", "integrations/azure/azure-pipelines.yml"),
    ],
)  # fmt: skip
def test_schemas(schema, file):
    """The files are what the published schemas of their systems ask for."""
    pytest.importorskip("check_jsonschema")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    done = subprocess.run(
        [*command, "--regex-variant", "nonunicode", str(ROOT / file)], capture_output=True, text=True, check=False
    )

    assert (0, "") == (done.returncode, done.stderr)


def test_hooks_are_commands():
    """The hooks of pre-commit start commands that there are, on the files that can be checked."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())

    assert ["trainlint", "trainlint-fix"] == [hook["id"] for hook in hooks]
    assert all(hook["entry"].startswith("trainlint check") for hook in hooks)
    assert all(hook["types_or"] == ["python", "jupyter"] for hook in hooks)


@LONG
def test_pre_commit(tmp_path):
    """pre-commit installs the hooks from a clone and runs them: one fails on a mistake and passes without it.

    The other one repairs what it safely can, and fails for what it changed and for what is left.
    """
    pre_commit = pytest.importorskip("pre_commit")
    assert pre_commit
    hooks = Repository(tmp_path / "hooks")
    for name in ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml"):
        shutil.copy(ROOT / name, hooks.folder / name)
    shutil.copytree(ROOT / "server", hooks.folder / "server", ignore=shutil.ignore_patterns("__pycache__"))
    hooks.commit()
    work = Repository(tmp_path / "work").write(train=OLD + BUG)
    wanted = [{"id": "trainlint"}, {"id": "trainlint-fix", "stages": ["manual"]}]
    config = {"repos": [{"repo": str(hooks.folder), "rev": hooks.git("rev-parse", "HEAD"), "hooks": wanted}]}
    work.put(".pre-commit-config.yaml", yaml.safe_dump(config))
    work.git("add", "--all")

    def commit(*args):
        return subprocess.run(
            [sys.executable, "-m", "pre_commit", "run", "--all-files", *args], cwd=work.folder, capture_output=True,
            text=True, check=False, env={**os.environ, **NOBODY, "PRE_COMMIT_HOME": str(tmp_path / "cache")},
        )  # fmt: skip

    wrong = commit()
    fixed = commit("--hook-stage", "manual", "trainlint-fix")
    text = (work.folder / "train.py").read_text()
    repaired = OLD.replace("Dense(1)", 'Dense(1, activation="sigmoid")').replace("model.fit(x,", "model.fit(x / 255,")
    work.write(train=repaired)
    work.git("add", "--all")
    right = commit()

    assert 1 == wrong.returncode
    assert NEW in wrong.stdout
    assert (1, OLD + BUG.replace("softmax", "sigmoid")) == (fixed.returncode, text)
    assert "files were modified by this hook" in fixed.stdout
    assert (0, True) == (right.returncode, "Passed" in right.stdout)
