"""What git says of changed lines."""

from __future__ import annotations

import pytest

from repositories import NOBODY, Repository
from trainlint.project.repository import Changes, RepositoryError

LINES = "".join(f"line {n}\n" for n in range(1, 21))


@pytest.fixture(autouse=True)
def nobody(monkeypatch):
    """The configuration of whoever runs the tests makes no difference."""
    for name, value in NOBODY.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def repository(tmp_path):
    """A repository with a file on main, and a branch that is checked out."""
    made = Repository(tmp_path / "repo with space").commit(a=LINES)
    made.git("checkout", "-q", "-b", "work")
    return made


def lines(repository, name="a.py", ref="main"):
    """The stretches of changed lines."""
    return Changes(ref).of(repository.path(name)).lines


def test_added_changed_and_removed_lines(repository):
    """Added and changed lines count, in commits, in the index and in the files; removed ones have no place."""
    repository.commit(a=LINES.replace("line 3\n", "line 3\nnew\n"))
    text = LINES.replace("line 3\n", "line 3\nnew\n").replace("line 9\n", "9th\n").replace("line 15\n", "")
    repository.write(a=text)
    repository.git("add", "a.py")
    repository.write(a=text + "last")

    assert ((4, 4), (10, 10), (20, 21)) != lines(repository)
    assert ((4, 4), (10, 10), (21, 21)) == lines(repository)


def test_nothing_changed(repository):
    """A file that is as it was has no changed lines."""
    assert () == lines(repository)


def test_untracked_files_are_new_and_ignored_ones_were_never_seen(repository):
    """Of a file that git does not have every line is new."""
    repository.put(".gitignore", "ignored.py\n").write(fresh="a\n", ignored="b\n")

    assert [None, None] == [lines(repository, name) for name in ("fresh.py", "ignored.py")]


def test_renames_keep_what_did_not_change(repository):
    """A file that moved is compared with what it was."""
    repository.git("mv", "a.py", "b ä\t.py")
    repository.put("b ä\t.py", LINES.replace("line 7\n", "seven\n")).commit()

    assert ((7, 7),) == lines(repository, "b ä\t.py")
    repository.put("b ä\t.py", LINES)
    assert () == lines(repository, "b ä\t.py")


@pytest.mark.parametrize("name", ["ünï.py", 'quo"te.py', "back\\slash.py", "b/a.py", "tab\tin.py"])
def test_odd_names(repository, name):
    """Names that git quotes in patches are found."""
    repository.put(name, LINES).commit()
    repository.git("branch", "-f", "main")
    repository.put(name, LINES + "more\n")

    assert ((21, 21),) == lines(repository, name)


def test_lines_that_look_like_a_patch(repository):
    """Text that looks like a patch is text."""
    repository.write(a=LINES + "++ b/other.py\n@@ -1 +1 @@\ndiff --git a/x b/x\n").commit(other=LINES)

    assert ((21, 23),) == lines(repository)
    assert ((1, 20),) == lines(repository, "other.py")


def test_what_others_did_since_does_not_count(repository):
    """The branch is compared with where it left main, also when main went on, and when main was merged in."""
    repository.commit(mine="a\n")
    repository.git("checkout", "-q", "main")
    repository.commit(a=LINES.replace("line 1\n", "first\n"))
    repository.git("checkout", "-q", "work")
    assert ((), ((1, 1),)) == (lines(repository), lines(repository, "mine.py"))
    repository.git("merge", "-q", "-m", "merged", "main")

    assert ((), ((1, 1),)) == (lines(repository), lines(repository, "mine.py"))


def test_a_merge_commit_as_ci_makes_it(repository):
    """On a detached merge of both, as services test a pull request, the branch's changes count."""
    repository.commit(mine="a\n")
    repository.git("checkout", "-q", "--detach", "main")
    repository.git("merge", "-q", "--no-ff", "-m", "merged", "work")

    assert ((), ((1, 1),)) == (lines(repository), lines(repository, "mine.py"))


def test_settings_of_the_user_make_no_difference(repository):
    """A patch is read the same whatever git is told about how to show it."""
    for key, value in (
        ("diff.noprefix", "true"), ("diff.mnemonicPrefix", "true"), ("color.ui", "always"), ("diff.external", "false"),
        ("diff.interHunkContext", "9"), ("diff.context", "9"), ("core.quotePath", "true"), ("diff.relative", "true"),
        ("diff.renames", "false"),
    ):  # fmt: skip
        repository.git("config", key, value)
    repository.write(a=LINES.replace("line 3\n", "3\n").replace("line 7\n", "7\n"))

    assert ((3, 3), (7, 7)) == lines(repository)


def test_a_worktree_and_a_folder_inside(repository, tmp_path):
    """A second working tree has its own files, and a folder inside of a repository belongs to it."""
    repository.git("worktree", "add", "-q", str(tmp_path / "second"), "main")
    (tmp_path / "second" / "inner").mkdir()
    (tmp_path / "second" / "inner" / "x.py").write_text("a\n")

    assert None is Changes("main").of(str(tmp_path / "second" / "inner" / "x.py")).lines


def problem(path, ref="main"):
    """What is said of what cannot be told."""
    with pytest.raises(RepositoryError) as caught:
        Changes(ref).of(str(path))
    return str(caught.value)


def test_unknown_refs_say_what_to_fetch(repository, tmp_path):
    """A ref that is not here may be on the server; one that looks like an option is none."""
    for ref in ("nowhere", "--output=x", "main~99", "main..work", "HEAD:a.py"):
        assert f"git knows no commit {ref!r} in {repository.folder}" == problem(repository.path("a.py"), ref)
    clone = Repository(tmp_path / "clone", str(repository.folder))
    assert problem(clone.path("a.py"), "origin/other").endswith(
        "; to fetch it: git fetch origin other:refs/remotes/origin/other"
    )
    assert problem(clone.path("a.py"), "other").endswith(
        "; to fetch it: git fetch origin other:refs/remotes/origin/other, then name origin/other"
    )


def test_shallow_clones_say_what_to_fetch(repository, tmp_path):
    """Without the commit where the branch began nobody can tell what it changed."""
    repository.commit(mine="a\n").commit(mine="b\n")
    repository.git("checkout", "-q", "main")
    repository.commit(a=LINES + "more\n")
    url = repository.folder.as_uri()
    clone = Repository(tmp_path / "clone", "--depth", "1", "--no-single-branch", "--branch", "work", url)
    message = problem(clone.path("a.py"), "origin/main")

    assert message.startswith("the clone is too shallow to tell where the branch left 'origin/main'")
    assert "git fetch --unshallow" in message
    clone.git("fetch", "-q", "--unshallow")
    assert ((1, 1),) == lines(clone, "mine.py", "origin/main")


def test_what_is_no_repository(tmp_path, repository):
    """No repository, a bare one, one without a commit, one that is gone and none in common: each says what it is."""
    (tmp_path / "x.py").write_text("a\n")
    bare = tmp_path / "bare.git"
    repository.git("clone", "-q", "--bare", ".", str(bare))
    (bare / "x.py").write_text("a\n")
    empty = Repository(tmp_path / "empty").write(x="a\n")
    gone = tmp_path / "gone"
    gone.mkdir()
    (gone / ".git").write_text("gitdir: /nowhere\n")
    (gone / "x.py").write_text("a\n")

    assert problem(tmp_path / "x.py").endswith(" is in no git repository")
    assert problem(bare / "x.py").endswith(" is in a bare repository, which has no files to check")
    assert f"git knows no commit 'main' in {empty.folder}" == problem(empty.path("x.py"))
    assert problem(gone / "x.py").endswith(" is in no git repository")
    repository.git("checkout", "-q", "--orphan", "apart")
    repository.commit(a="other\n")
    assert "'main' and HEAD have no commit in common" == problem(repository.path("a.py"))


def test_older_texts_of_what_is_gone(repository):
    """What was deleted or renamed is known under its old name, what is new has no older text."""
    repository.commit(gone="1\n", old=LINES)
    repository.git("branch", "-f", "main")
    repository.git("rm", "-q", "gone.py")
    repository.git("mv", "old.py", "renamed.py")
    repository.write(fresh="new\n")
    older = Changes("main").older(repository.path("a.py"))

    assert {"gone": b"1\n", "old": LINES.encode(), "renamed": LINES.encode(), "fresh": None} == {
        path.rpartition("/")[2].removesuffix(".py"): text for path, text in older.items()
    }


# Submodules -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def submodule(repository, tmp_path, monkeypatch):
    """A submodule whose repository knows a main too, which is one commit further than what is checked out."""
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "protocol.file.allow")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "always")
    library = Repository(tmp_path / "library").commit(net=LINES)
    repository.git("submodule", "--quiet", "add", str(library.folder), "library")
    repository.commit()
    made = Repository(repository.folder / "library")
    made.commit(net=LINES + "more\n")
    return made


def changes_in(repository, ref="main"):
    """What changed, asked from the repository itself first."""
    changes = Changes(ref)
    changes.repository(str(repository.folder))
    return changes


def test_a_submodule_is_compared_with_what_its_repository_had_of_it(repository, submodule):
    """The ref is the repository's; a branch of the same name in the submodule is another one."""
    repository.git("branch", "-f", "main")
    submodule.write(net=LINES.replace("line 4\n", "four\n") + "more\n")

    assert ((4, 4), (21, 21)) == changes_in(repository).of(submodule.path("net.py")).lines
    assert ((4, 4),) == Changes("main").of(submodule.path("net.py")).lines


def test_a_submodule_that_is_new(repository, submodule):
    """All of it came with the branch."""
    assert ((1, 21),) == changes_in(repository).of(submodule.path("net.py")).lines


def test_a_submodule_that_lacks_its_commit(repository, submodule, tmp_path):
    """A shallow submodule does not have what it was; the message says how to fetch it."""
    repository.git("branch", "-f", "main")
    repository.commit()
    before = repository.git("ls-tree", "main", "library").split()[2]
    Repository(tmp_path / "library").git("pull", "-q", submodule.path(""), "main")
    submodule.git("fetch", "-q", "--depth", "1", "origin", "main")
    for refs in ("main", "origin/main"):
        submodule.git("update-ref", f"refs/{'remotes/' if '/' in refs else 'heads/'}{refs}", "FETCH_HEAD")
    submodule.git("reflog", "expire", "--expire=now", "--all")
    submodule.git("gc", "-q", "--prune=now")
    with pytest.raises(RepositoryError) as caught:
        changes_in(repository).of(submodule.path("net.py"))

    assert str(caught.value).startswith(f"the submodule {submodule.folder} lacks the commit that it had in 'main'")
    assert str(caught.value).endswith(f" fetch origin {before}")


def test_in_a_hook_of_git(repository, tmp_path, monkeypatch):
    """Git tells its hooks which repository they are of; a nested one is another one all the same."""
    nested = Repository(repository.folder / "nested").commit(b="1\n")
    nested.write(b="1\n2\n")
    monkeypatch.setenv("GIT_DIR", str(repository.folder / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(repository.folder / ".git" / "index"))

    assert ((2, 2),) == lines(nested, "b.py")


def test_without_git(repository, monkeypatch, tmp_path):
    """Where git is not installed, that is what is said."""
    monkeypatch.setenv("PATH", str(tmp_path))

    assert "git is not installed, or not on the path" == problem(repository.path("a.py"))
