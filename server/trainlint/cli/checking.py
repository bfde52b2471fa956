"""The check of many files: each is read, analysed and turned into an entry; what fails says so and the rest goes on."""

from __future__ import annotations

import os
from contextlib import nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from trainlint.batch.tasks import Died, Ready, in_order
from trainlint.config import Config, ConfigError, matches, names, read_config, selectors
from trainlint.finding import Notice
from trainlint.project import Project, ReadError
from trainlint.project.roots import ConfigFinder, RootFinder
from trainlint.record import Record
from trainlint.report.entries import entry, notice_entry
from trainlint.source.prefilter import is_binary, is_notebook, may_concern
from trainlint.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from trainlint.analysis import Analysis
    from trainlint.batch.cluster import Task
    from trainlint.batch.findings_cache import FindingsCache
    from trainlint.cli.repairing import Repairing
    from trainlint.project.snapshot import Snapshot
    from trainlint.report.schema import FileEntry, NoticeEntry
    from trainlint.rules.base import Rule

STDIN_NAME = "<stdin>"


class Settings(Record):
    """What the command line says about rules, files and configuration."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    config_file: str | None = None
    isolated: bool = False
    peek: bool | None = None


class Checked(Record, eq=False):
    """What came of one file: its entry, notices about the file itself, and what the entry depends on.

    `depends` holds the file itself too, as it was when it was checked; `basis` what else it was checked with.
    """

    entry: FileEntry | None
    notices: tuple[Notice, ...] = ()
    depends: dict[str, str] = {}
    basis: str = ""

    @property
    def noticed(self) -> Sequence[NoticeEntry]:
        return self.entry["notices"] if self.entry is not None else ()


class Sent(Record, eq=False):
    """A file that is checked on another machine, with its configuration and its text."""

    path: str
    config: Config
    data: bytes


class Elsewhere(Record, eq=False):
    """What another machine made of a file: it saw the project as it was sent."""

    checked: Checked


class _AllRules:
    """All rules, imported when somebody looks at them: most files of most folders need none."""

    def __iter__(self) -> Iterator[Rule]:
        from trainlint.rules.registry import all_rules

        return iter(all_rules())


class Checker:
    """Checks files one by one; what could not be done is in the notices of the entries."""

    def __init__(self, settings: Settings, folder: str | None = None) -> None:
        """Names are shown relative to `folder`; to the working folder if there is none."""
        self.settings = settings
        self.rules: Iterable[Rule] = _AllRules()
        _check_names((*settings.select, *settings.ignore), self.rules)
        if settings.select and not any(names(settings.select, rule) for rule in self.rules):
            chosen = ", ".join(settings.select)
            raise click.UsageError(f"--select {chosen} selects no rule: the category is empty")
        self.repairing: Repairing | None = None
        # Who reads for programs applies what is there; a person sees the change and judges, and should not wait.
        self.verify_fixes = False
        self.show_fixes = True
        self.cache: FindingsCache | None = None
        self.jobs = 1
        """So many processes check at the same time, where there is enough to check."""
        self.engine = "local"
        self.address: str | None = None
        """With the engine "ray": where the cluster is."""
        self.progress: Callable[[int, int], None] = lambda done, of: None
        """Is told how many of the files are done."""
        self.files_checked = 0
        self.depends: set[str] = set()
        """All paths that were looked at for what was found, also those where nothing was."""
        self.content_of_stdin = b""
        self._named: set[str] = set()
        self._notices: list[Notice] = []
        self.folder = folder or working_folder()
        self._overlay: dict[str, bytes] = {}
        self._names: dict[str, str] = {}
        self._projects: dict[str, Project] = {}
        self._received: tuple[Snapshot, Project] | None = None
        self._find_root = RootFinder()
        self._find_config = ConfigFinder(self.rules)
        self._configs: dict[str, Config] = {}
        self._fixed_config = self._configured()

    def hurry(self, jobs: int = 0, remember: bool = True) -> None:
        """Checks with so many processes, one for each core if 0, and does not check again what was checked before."""
        from trainlint.batch.tasks import cores

        # The trace of an error ends in the process that it happened in.
        self.jobs = 1 if os.environ.get("TRAINLINT_TRACEBACK") else jobs or cores()
        if remember:
            # Some builds of Python come without SQLite.
            with suppress(ImportError):
                from trainlint.batch.findings_cache import FindingsCache

                self.cache = FindingsCache()

    def paths(self, paths: Sequence[str]) -> Iterator[FileEntry]:
        """What was found below these paths, file by file."""
        from trainlint.batch.discovery import discover

        discovery = discover(paths, self.config_for)
        self._notices += discovery.notices
        self._named = {os.path.abspath(path) for path in paths}
        files = [
            path for path in discovery.files
            if path in self._named or not matches(self.settings.exclude, self.folder, path)
        ]  # fmt: skip
        if self.repairing is not None:
            for path in files:
                yield from self._file(path)
            return
        with self.cache or nullcontext():
            yield from self._files(files)

    def standard_input(self, data: bytes, name: str | None) -> Iterator[FileEntry]:
        """What was found in a text that is not, or not yet, in a file."""
        path = os.path.abspath(name or ("stdin.ipynb" if is_notebook(data) else "stdin.py"))
        self._names[path] = self.display(path) if name else STDIN_NAME
        self._named = {path}
        self._overlay[path] = self.content_of_stdin = data
        yield from self._file(path)
        self.content_of_stdin = self._overlay[path]

    def own_entry(self) -> FileEntry:
        """What is to be told of no file in particular."""
        notices = [notice_entry(notice, self.display) for notice in self._notices]
        return {"file": "", "models": [], "findings": [], "notices": notices, "statement": None}

    def display(self, path: str) -> str:
        """The path as it is shown: relative to the working folder, absolute outside it, with forward slashes."""
        if not path:
            return path
        name = self._names.get(path)
        if name is None:
            absolute = os.path.abspath(path)
            inside = absolute.startswith(self.folder.rstrip(os.sep) + os.sep)
            name = os.path.relpath(absolute, self.folder) if inside else absolute
            name = self._names[path] = name.replace(os.sep, "/")
        return name

    def reason_of(self, rule: str) -> str | None:
        """Why the mistake that a rule reports is bad, in a sentence."""
        from trainlint.report.rule_page import reason

        return next((reason(each) for each in self.rules if each.name == rule), None)

    def looks_for(self, rule: str, path: str) -> bool:
        """Whether a file is checked for a rule; one that does not exist any more is looked for in vain everywhere."""
        known = next((each for each in self.rules if each.name == rule), None)
        return known is None or self.config_for(os.path.dirname(path)).enabled(known, path)

    def _file(self, path: str) -> Iterator[FileEntry]:
        """What was found in a file; what went wrong is a notice."""
        item = self._read(path)
        yield from self._told(item.value if isinstance(item, Ready) else self.work(path))

    def _files(self, files: Sequence[str]) -> Iterator[FileEntry]:
        """What was found in files, in their order: what is known from before is not checked again."""
        keys: dict[str, tuple[bytes, str]] = {}
        items = (self._read(path, keys) for path in files)
        make = partial(_worker, self.settings, self.verify_fixes, self.show_fixes)
        outcomes = in_order(items, self.work, make, self.jobs) if self.engine == "local" else self._on_cluster(items)
        for done, (path, outcome) in enumerate(zip(files, outcomes), 1):
            if isinstance(outcome, Elsewhere):
                outcome = self._confirmed(path, outcome.checked)
            if isinstance(outcome, Died):
                reason = f"the process that checked this file was lost ({outcome.reason})"
                outcome = Checked(None, (Notice("internal", path, reason),))
            key, content = keys.pop(path, (b"", ""))
            if self.cache is not None and key and self._is_kept(path, content, outcome):
                assert outcome.entry is not None
                others = {each: state for each, state in outcome.depends.items() if each != path}
                self.cache.put(key, others, outcome.entry)
            self.depends.update(outcome.depends)
            self.progress(done, len(files))
            yield from self._told(outcome)

    def _is_kept(self, path: str, content: str, outcome: Checked) -> bool:
        """Whether what came of a file follows from what its key stands for, and will come of it again."""
        # A file, a configuration or pins that changed between the look for the file and its check.
        if outcome.entry is None or outcome.depends.get(path) != content:
            return False
        project, config = self._project(path), self.config_for(os.path.dirname(path))
        # What failed, for want of memory perhaps, may succeed another time.
        return outcome.basis == _basis(project, config) and all(each["kind"] != "internal" for each in outcome.noticed)

    def _on_cluster(self, items: Iterable[Ready | str]) -> Iterator[Any]:
        """The outcomes of files that the machines of a cluster check, in their order."""
        from trainlint.batch.cluster import Cluster, ClusterError
        from trainlint.batch.cluster_process import on_cluster

        make = partial(_elsewhere, self.folder, self.verify_fixes, self.show_fixes)
        tasks = (item if isinstance(item, Ready) else self.task(item) for item in items)
        try:
            yield from on_cluster(tasks, self.snapshot, partial(Cluster, self.address, make))
        except ClusterError as error:
            raise click.ClickException(str(error)) from None

    def snapshot(self, root: str) -> Snapshot:
        """The project below a root, to be sent."""
        from trainlint.batch.discovery import LEFT_OUT
        from trainlint.project.snapshot import snapshot

        return snapshot(self._projects[root], LEFT_OUT)

    def task(self, path: str) -> Task | Ready:
        """A file as it travels: with its text, which the snapshot need not have."""
        from trainlint.batch.cluster import Task

        try:
            data = self._project(path).read(path)
        except ReadError as error:
            return Ready(_unreadable(path, error))
        return Task(Sent(path, self.config_for(os.path.dirname(path)), data), self.root(path))

    def received(self, sent: Sent, shared: Snapshot) -> Elsewhere:
        """The check of a file of another machine, whose disk is not looked at."""
        return Elsewhere(self._work(sent.path, self.project_of(sent, shared), sent.config))

    def project_of(self, sent: Sent, shared: Snapshot) -> Project:
        """The project that a file from another machine is in."""
        # One at a time: a process of a node meets any number of projects.
        if self._received is None or self._received[0] is not shared:
            self._received = shared, shared.project()
        return self._received[1].with_file(sent.path, sent.data)

    def is_still(self, path: str, depends: dict[str, str]) -> bool:
        """Whether what the result for a file follows from is so here."""
        return self._project(path).is_still(depends)

    def _confirmed(self, path: str, outcome: Checked) -> Checked:
        """What another machine found, if all that it saw and missed is so on this one; else what is found here."""
        if path in outcome.depends and self.is_still(path, outcome.depends):
            return outcome
        return self.work(path)

    def _told(self, outcome: Checked) -> Iterator[FileEntry]:
        self._notices += outcome.notices
        told = (*(notice.kind for notice in outcome.notices), *(each["kind"] for each in outcome.noticed))
        self.files_checked += not any(kind in ("unreadable", "internal") for kind in told)
        if outcome.entry is not None:
            yield outcome.entry

    def _read(self, path: str, keys: dict[str, tuple[bytes, str]] | None = None) -> Ready | str:
        """The outcome for a file where it is known without a check, else its path.

        Notes in `keys` what the outcome is to be kept under, and the state of the file that this is true of.
        """
        project = self._project(path)
        try:
            data = project.read(path)
        except ReadError as error:
            return Ready(_unreadable(path, error))
        if not may_concern(data):
            return Ready(Checked(None, self._problem(data, path)))
        # Here, so that what is wrong with it is told once, whoever checks the file.
        config = self.config_for(os.path.dirname(path))
        if self.cache is None or keys is None:
            return path
        from trainlint.batch.findings_cache import key_of

        variant = (self.verify_fixes, self.show_fixes)
        key = key_of(self.folder, path, _basis(project, config), variant, data)
        known = self.cache.get(key)
        if known is not None and project.is_still(known[0]):
            return Ready(Checked(known[1], (), known[0]))
        keys[path] = key, project.content_of(path) or ""
        return path

    def work(self, path: str) -> Checked:
        """The check of one file, with what it depends on."""
        return self._work(path, self._project(path), self.config_for(os.path.dirname(path)))

    def _work(self, path: str, project: Project, config: Config) -> Checked:
        try:
            project.asked.clear()
            data = project.read(path)
            found = self._checked(data, path, project, config)
            return Checked(found, (), project.dependencies(), _basis(project, config))
        except ReadError as error:
            return _unreadable(path, error)
        except Exception as error:
            if os.environ.get("TRAINLINT_TRACEBACK"):
                raise
            return Checked(None, (Notice("internal", path, internal_error(error)),))

    def _checked(self, data: bytes, path: str, project: Project, config: Config) -> FileEntry:
        # libcst comes with it, and most files of most folders do without.
        from trainlint.analysis import analyse

        analysis: Analysis = analyse(
            data, path, project, config, editing=self.verify_fixes or self.repairing is not None
        )
        notices: list[Notice] = []
        if self.repairing is not None:
            analysis, notices = self.repairing.repair(analysis, project, config, self._overlay, self.display)
        if self.show_fixes and any(finding.remedies for finding in analysis.findings):
            from trainlint.fixes import with_fixes, with_verified_fixes

            verified = self.verify_fixes
            analysis = with_verified_fixes(analysis, project, config) if verified else with_fixes(analysis)
        found = entry(analysis, self.display)
        found["notices"] += [notice_entry(notice, self.display) for notice in notices]
        analysis.let_go()
        return found

    @staticmethod
    def _problem(data: bytes, path: str) -> tuple[Notice, ...]:
        """Why a file that names neither TensorFlow nor Keras is not what its name says; nothing if it may be."""
        if path.endswith(".ipynb"):
            from trainlint.source.notebook import read_notebook

            return read_notebook(data, path).notices
        return (Notice("unreadable", path, "this is a binary file, not Python"),) if is_binary(data) else ()

    def config_for(self, folder: str) -> Config:
        """The configuration that counts in a folder, with the command line's choices; a wrong one counts as none."""
        if self._fixed_config is not None:
            return self._fixed_config
        if folder not in self._configs:
            try:
                config = self._find_config(folder)
            except ConfigError as error:
                notice = Notice("config", error.file, f"{error.problem}; the default configuration is used instead")
                if notice not in self._notices:
                    self._notices.append(notice)
                config = Config()
            self._configs[folder] = self._with_choices(config)
        return self._configs[folder]

    def _configured(self) -> Config | None:
        """The configuration for all files, if the command line says which."""
        if self.settings.isolated:
            return self._with_choices(Config())
        file = self.settings.config_file
        if file is None:
            return None
        from trainlint.project.files import read_file
        from trainlint.project.toml import tool_table

        path = os.path.abspath(file)
        try:
            table = tool_table(read_file(path))
            if table is None:
                raise click.UsageError(f"{file} has no [tool.trainlint]")
            return self._with_choices(read_config(table, self.rules, path))
        except ConfigError as error:
            raise click.UsageError(f"--config {file}: {error.problem}") from None
        except (ReadError, ValueError) as error:
            raise click.UsageError(f"--config {file}: {_without_path(str(error))}") from None

    def _with_choices(self, config: Config) -> Config:
        return config.with_choices(self.settings.select, self.settings.ignore, self.settings.peek)

    def root(self, path: str) -> str:
        return str(self._find_root(path))

    def _project(self, path: str) -> Project:
        root = self.root(path)
        if root not in self._projects:
            self._projects[root] = Project(root, self._overlay)
        return self._projects[root]


def _basis(project: Project, config: Config) -> str:
    """What the check of a file follows from, apart from files that it asks for by itself."""
    return repr((str(project.root), config, project.pins))


def _unreadable(path: str, error: ReadError) -> Checked:
    return Checked(None, (Notice("unreadable", path, error.reason),))


def listed(values: Iterable[str]) -> tuple[str, ...]:
    """The names in repeated options that may hold comma lists."""
    return tuple(name for value in values for part in value.split(",") if (name := part.strip()))


def _worker(settings: Settings, verify_fixes: bool, show_fixes: bool) -> Callable[[str], Checked]:
    """The work of a process that helps to check."""
    checker = Checker(settings)
    checker.verify_fixes, checker.show_fixes = verify_fixes, show_fixes
    spare_the_collector()
    return checker.work


def _elsewhere(folder: str, verify_fixes: bool, show_fixes: bool) -> Callable[[Sent, Snapshot], Elsewhere]:
    """The work of a process on another machine, which shows names as this one does."""
    checker = Checker(Settings(), folder)
    checker.verify_fixes, checker.show_fixes = verify_fixes, show_fixes
    spare_the_collector()
    return checker.received


def spare_the_collector() -> None:
    """Looks for garbage rarely, as the command itself does: a process that was not forked from it does not."""
    import gc

    gc.set_threshold(500_000)


def working_folder() -> str:
    """The folder that paths are relative to; raises an error in one line if somebody deleted it."""
    try:
        return os.getcwd()
    except OSError as error:
        raise click.ClickException(f"the working folder cannot be used: {error.strerror}") from None


def internal_error(error: BaseException) -> str:
    """One line for a failure of our own, with how to report it."""
    from trainlint.cli.main import TRACEBACK, describe

    return (
        f"internal error: {describe(error)}; this is a fault of trainlint, please report it with this line and the "
        f"file ({TRACEBACK}=1 shows where it comes from)"
    )


def _without_path(message: str) -> str:
    """The reason in an error that names its file first."""
    return message.rpartition(": ")[2] or message


def _check_names(names: Sequence[str], rules: Iterable[Rule]) -> None:
    if not names:
        return
    known = selectors(rules)
    for name in names:
        if name not in known:
            raise click.UsageError(f"there is no rule {name!r}{did_you_mean(name, sorted(known))}")
