// The extension: finds a Python, keeps the server running, and brings its findings, probes and networks to the editor.
import * as os from "node:os";
import * as fs from "node:fs";
import * as vscode from "vscode";
import type { Middleware } from "vscode-languageclient/node";
import { SELECTOR, Server } from "./client.ts";
import type { Core, Ways } from "./core.ts";
import { linked } from "./hovers.ts";
import { ModelView } from "./modelView.ts";
import { openSetting, Probes, sentence } from "./probe.ts";
import { chosenInterpreter, onInterpreterChange } from "./pythonExtension.ts";
import { askVersion, candidates, choose, isInside } from "./pythons.ts";
import { RulePages } from "./rulePages.ts";
import { bundled, bundleIn, fromEnvironment, fromPath, noPython, type Command } from "./serverCommand.ts";
import { isShown, namesInterpreter, NEED_RESTART, probeInterpreter, readSettings, serverSettings, type Level, type Read, type Settings } from "./settings.ts";
import { status, type Known, type Server as ServerState } from "./statusText.ts";
import { Texts } from "./texts.ts";
import type { Variables } from "./variables.ts";

const PREFIX = "trainlint.server.";
const NEWEST = "3.14";
/** How long the server's start waits for the Python extension, in milliseconds. */
const PATIENCE = 1000;
const OFF = "Checking is switched off by the setting trainlint.lint.enable.";

/** The protocol's types of messages. */
const LEVELS: Readonly<Record<number, Level>> = { 1: "error", 2: "warning", 3: "info" };

export function activate(context: vscode.ExtensionContext): void {
  const extension = (running = new Extension(context));
  context.subscriptions.push(extension);
  // A slow interpreter holds nobody up: commands wait for the server.
  void extension.start();
}

/** The server is asked to end, so that it leaves no worker behind. */
export async function deactivate(): Promise<void> {
  await running?.close();
}

let running: Extension | undefined;

interface StatusParams extends Known {
  readonly uri: string;
  readonly checking: boolean;
}

class Extension implements Core, vscode.Disposable {
  readonly log: vscode.LogOutputChannel;
  readonly #output: vscode.LogOutputChannel;
  readonly #trace: vscode.LogOutputChannel;
  readonly #item: vscode.LanguageStatusItem;
  readonly #server: Server;
  readonly #probes: Probes;
  readonly #model: ModelView;
  readonly #rules: RulePages;
  readonly #texts = new Texts("trainlint-text");
  readonly #known = new Map<string, Known>();
  readonly #checking = new Set<string>();
  readonly #disposables: vscode.Disposable[] = [];
  #state: ServerState = "starting";
  #problem: string | undefined;
  #closed = false;
  #work: Promise<void> = Promise.resolve();
  /** The restart that has not begun. */
  #restart: Promise<void> | undefined;
  /** The last document in front: while a panel has the focus, commands are about that. */
  #front: vscode.Uri | undefined;

  constructor(readonly context: vscode.ExtensionContext) {
    this.log = vscode.window.createOutputChannel("trainlint", { log: true });
    this.#output = vscode.window.createOutputChannel("trainlint Language Server", { log: true });
    this.#trace = vscode.window.createOutputChannel("trainlint Trace", { log: true });
    this.#item = vscode.languages.createLanguageStatusItem("trainlint.status", SELECTOR);
    this.#item.name = "trainlint";
    this.#item.command = { command: "trainlint.showLogs", title: "Show Log" };
    this.#probes = new Probes(this);
    this.#model = new ModelView(this);
    this.#rules = new RulePages(this);
    this.#server = new Server({
      command: () => this.#command(),
      started: (how) => {
        this.#isRunning(how);
      },
      crashed: (why) => {
        this.#hasCrashed(why);
      },
      gaveUp: (problem) => {
        this.#hasEnded(problem);
      },
      heard: {
        "trainlint/status": (params: StatusParams) => {
          this.#heard(params);
        },
        "trainlint/progress": (params: { id: string; message: string }) => {
          this.#probes.progress(params);
        },
        "window/showMessage": ({ type, message }: { type: number; message: string }) => {
          this.say(LEVELS[type] ?? "info", message);
        },
      },
      folder: context.extensionPath,
      log: this.log,
      output: this.#output,
      trace: this.#trace,
      settings: () => this.#serverSettings(),
      middleware: this.#middleware(),
    });
    this.#disposables.push(
      this.log,
      this.#output,
      this.#trace,
      this.#item,
      this.#probes,
      this.#model,
      this.#rules,
      this.#texts,
      vscode.window.onDidChangeActiveTextEditor(() => {
        this.changed();
      }),
      vscode.window.onDidChangeActiveNotebookEditor(() => {
        this.changed();
      }),
      vscode.workspace.onDidCloseTextDocument((document) => {
        this.#known.delete(document.uri.toString());
      }),
      vscode.workspace.onDidCloseNotebookDocument((notebook) => {
        this.#known.delete(notebook.uri.toString());
      }),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (NEED_RESTART.some((name) => event.affectsConfiguration(`trainlint.${name}`))) this.run(() => this.restart());
        else if (event.affectsConfiguration("trainlint")) this.run(() => this.#settingsChanged());
      }),
      vscode.workspace.onDidGrantWorkspaceTrust(() => {
        this.run(() => this.restart());
      }),
      ...this.#commands(),
    );
    this.run(async () => {
      const listener = await onInterpreterChange(() => {
        this.run(() => this.#interpreterChanged());
      });
      if (listener) this.#disposables.push(listener);
    });
    this.changed();
  }

  // The server ---------------------------------------------------------------------------------------------------------

  /** Starts the server; what goes wrong is told, and the extension lives on. */
  start(): Promise<void> {
    return this.#alone(() => this.#start());
  }

  /** Starts it anew; who asks for that while others wait for it waits with them. */
  restart(): Promise<void> {
    this.#server.restarts.forget();
    return (this.#restart ??= this.#alone(async () => {
      this.#restart = undefined;
      this.#state = "starting";
      this.#problem = undefined;
      this.changed();
      await this.#server.stop();
      await this.#start();
    }));
  }

  /** Starts and stops come one after the other. */
  #alone(work: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(work, work);
    return this.#work;
  }

  async #start(): Promise<void> {
    if (this.#closed) return;
    try {
      await this.#server.start();
    } catch (error) {
      this.#hasEnded(messageOf(error));
    }
  }

  /** Tells the server, which then asks for its settings. */
  async #settingsChanged(): Promise<void> {
    await this.#server.client?.sendNotification("workspace/didChangeConfiguration", { settings: null });
  }

  #isRunning(how: string): void {
    this.#state = "running";
    this.#problem = undefined;
    this.say("info", `Running ${how}.`);
    this.changed();
  }

  #hasCrashed(why: string): void {
    this.#checking.clear();
    this.#state = "starting";
    this.say("warning", `The trainlint server ${why}; it is started again.`);
    this.changed();
    // Never beside a start or a stop that is under way.
    void this.start();
  }

  #hasEnded(problem: string): void {
    this.#checking.clear();
    this.#state = "stopped";
    if (problem !== this.#problem) {
      this.log.error(problem);
      this.#tellProblem(problem);
    }
    this.#problem = problem;
    this.changed();
  }

  /** One message with the way out; it is shown whatever messages are wanted, since nothing works without it. */
  #tellProblem(problem: string): void {
    const ways: Ways = {
      "Show Log": () => {
        this.showLog();
      },
      "Choose an Interpreter": () => openSetting("trainlint.interpreter"),
      Restart: () => this.restart(),
    };
    this.run(() => offer(vscode.window.showErrorMessage, problem, ways));
  }

  #heard({ uri, checking, ...known }: StatusParams): void {
    if (checking) this.#checking.add(uri);
    else {
      this.#checking.delete(uri);
      this.#known.set(uri, known);
      this.#model.checked(uri);
    }
    this.changed();
  }

  /** The bundled server runs alike in every Python, so it stays; the probe asks each time. */
  async #interpreterChanged(): Promise<void> {
    const settings = await this.#settings();
    const matters = settings.importStrategy === "fromEnvironment" || this.#state === "stopped" || namesInterpreter(reader());
    if (matters) await this.restart();
  }

  /** How to start the server; throws the sentence that says why it cannot be started. */
  async #command(): Promise<Command> {
    const settings = await this.#settings();
    const untrusted = vscode.workspace.isTrusted ? [] : folders().map((each) => each.path);
    const allowed = (file: string): boolean =>
      fs.existsSync(file) && !untrusted.some((folder) => isInside(file, folder));
    const named = fromPath(settings.path, allowed);
    if (named) return named;
    if (settings.path.length > 0) {
      this.say("error", "None of the paths in trainlint.path can be used; the bundled server runs instead.");
    }
    const bundle = bundleIn(this.context.extensionPath);
    const supported = bundle?.pythons ?? ["3.10", "3.11", "3.12", "3.13", "3.14"];
    const where = { setting: settings.interpreter, searchPath: process.env.PATH ?? "", platform: process.platform };
    const asked = chosenInterpreter();
    // The Python extension may take its time, and the bundled server runs alike in every Python.
    const isPatient = settings.importStrategy === "fromEnvironment" || !bundle;
    const extension = isPatient ? await asked : await soon(asked, PATIENCE);
    let choice = await choose(candidates({ ...where, extension }), supported, askVersion, untrusted);
    if (!choice.python && extension === undefined) {
      choice = await choose(candidates({ ...where, extension: await asked }), supported, askVersion, untrusted);
    }
    for (const { candidate, reason } of choice.refused) {
      this.log.info(`${candidate.path} (${candidate.why}) does not run the server: ${reason}`);
    }
    if (!choice.python) throw new Error(noPython(choice, supported.at(-1) ?? NEWEST));
    if (settings.importStrategy === "fromEnvironment" || !bundle) {
      if (await hasTrainlint(choice.python.path)) return fromEnvironment(choice.python);
      if (!bundle) throw new Error(`This extension has no server of its own, and ${choice.python.path} has no trainlint.`);
      this.log.info(`${choice.python.path} has no trainlint; the bundled one is used`);
    }
    return bundled(choice.python, bundle);
  }

  // Settings -----------------------------------------------------------------------------------------------------------

  async #variables(resource?: vscode.Uri): Promise<Variables> {
    const read = reader(resource);
    const own = resource && vscode.workspace.getWorkspaceFolder(resource)?.uri.fsPath;
    return {
      // Of several folders the document's own comes first.
      folders: folders().sort((one, other) => Number(other.path === own) - Number(one.path === own)),
      home: os.homedir(),
      environment: process.env,
      interpreter: namesInterpreter(read) ? await chosenInterpreter(resource) : undefined,
    };
  }

  async probeInterpreter(resource: vscode.Uri): Promise<string | undefined> {
    return probeInterpreter(reader(resource), await this.#variables(resource));
  }

  async #settings(): Promise<Settings> {
    return readSettings(reader(), await this.#variables());
  }

  async #serverSettings(): Promise<Record<string, unknown>> {
    return serverSettings(reader(), await this.#variables(), vscode.workspace.isTrusted);
  }

  #middleware(): Middleware {
    return {
      workspace: {
        configuration: async (params, token, next) => {
          const given = (await next(params, token)) as unknown[];
          const own = await this.#serverSettings();
          return params.items.map((item, index) => (item.section === "trainlint" ? own : given[index]));
        },
      },
      executeCommand: (command, args, next) => {
        // What a quick fix or a lens asks for is shown in panels of ours.
        const [first, second] = args as unknown[];
        switch (command) {
          case `${PREFIX}probe`:
            return this.#probes.run({ uri: String(first), fingerprint: typeof second === "string" ? second : null });
          case `${PREFIX}explain`:
            return this.#rules.show(typeof first === "string" ? first : undefined);
          case `${PREFIX}showModel`:
            return this.#model.show(String(first));
          default:
            return next(command, args) as Promise<unknown>;
        }
      },
      provideHover: async (document, position, token, next) => {
        const hover = await next(document, position, token);
        for (const content of hover?.contents ?? []) {
          if (content instanceof vscode.MarkdownString) content.value = linked(content.value);
        }
        return hover;
      },
    };
  }

  // Commands -----------------------------------------------------------------------------------------------------------

  #commands(): vscode.Disposable[] {
    const command = (name: string, run: (...args: never[]) => unknown): vscode.Disposable =>
      vscode.commands.registerCommand(`trainlint.${name}`, run);
    return [
      command("restart", () => this.restart()),
      command("showLogs", () => {
        this.showLog();
      }),
      command("showServerLogs", () => {
        this.#output.show();
      }),
      command("debugInformation", () => this.#debugInformation()),
      command("fixAll", () => this.#fixAll()),
      command("probeFinding", () => this.#probeFinding()),
      command("probeFindingOnGpu", () => this.#probeFinding("gpu")),
      command("probeModel", () => this.#ofDocument((uri) => this.#probes.run({ uri, fingerprint: null }))),
      command("probeProgram", () =>
        this.#ofDocument((uri) => this.#probes.run({ uri, fingerprint: null, script: true })),
      ),
      command("cancelProbe", () => this.#probes.cancel()),
      command("showModel", () => this.#ofDocument((uri) => this.#model.show(uri))),
      command("explainRule", (rule?: string) => this.#rules.show(typeof rule === "string" ? rule : undefined)),
    ];
  }

  async execute<T>(command: string, ...args: unknown[]): Promise<T | undefined> {
    try {
      return await this.#sent<T>(command, args);
    } catch (error) {
      if (this.#state === "stopped" && this.#problem !== undefined) this.#tellProblem(this.#problem);
      else this.answer("error", sentence(messageOf(error)), { "Show Log": () => { this.showLog(); } });
      return undefined;
    }
  }

  async ask<T>(command: string, ...args: unknown[]): Promise<T | undefined> {
    try {
      return await this.#sent<T>(command, args);
    } catch (error) {
      this.log.debug(`${command}: ${messageOf(error)}`);
      return undefined;
    }
  }

  /** What the server answers to a command; waits for one that is starting. */
  async #sent<T>(command: string, args: unknown[]): Promise<T> {
    if (this.#state === "starting") await this.#work;
    const client = this.#server.client;
    if (!client) throw new Error(this.#problem ?? "the trainlint server does not run");
    try {
      const params = { command: `${PREFIX}${command}`, arguments: args };
      return await client.sendRequest<T>("workspace/executeCommand", params);
    } catch (error) {
      // What the connection says of that means nothing to anybody.
      if (!client.isRunning()) throw new Error("the trainlint server ended while it worked on this", { cause: error });
      throw error;
    }
  }

  run(work: () => Promise<unknown>): void {
    work().catch((error: unknown) => {
      this.log.error(error instanceof Error ? error : String(error));
      this.answer("error", sentence(messageOf(error)), { "Show Log": () => { this.showLog(); } });
    });
  }

  async #ofDocument(use: (uri: string) => Promise<void>): Promise<void> {
    const uri = activeUri() ?? this.#front;
    if (uri === undefined) this.answer("error", "Open a Python file or a notebook first.");
    else if (reader()("lint.enable") === false) this.answer("error", OFF, { "Open the Setting": () => openSetting("trainlint.lint.enable") });
    else await use(uri.toString());
  }

  async #fixAll(): Promise<void> {
    await this.#ofDocument(async (uri) => {
      const done = await this.execute<boolean>("fixAll", uri);
      if (done === false) this.answer("info", "There is no safe repair to make in this file.");
    });
  }

  /** Probes the finding under the cursor, else on its line, else the one that the user picks. */
  async #probeFinding(device?: "gpu"): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    const uri = activeUri();
    if (!editor || !uri) {
      this.answer("error", "Open a Python file or a notebook, and put the cursor on a finding.");
      return;
    }
    const found = this.#findings(editor.document.uri);
    const at = editor.selection.active;
    const under = found.filter((each) => each.range.contains(at));
    const near = under.length > 0 ? under : found.filter((each) => each.range.start.line === at.line);
    const chosen = near.length === 1 ? near[0] : await pick(near.length > 0 ? near : found);
    if (!chosen) {
      if (found.length === 0) this.answer("info", "There is no finding to probe in this file.");
      return;
    }
    const order = { uri: uri.toString(), fingerprint: chosen.fingerprint };
    await this.#probes.run(device === undefined ? order : { ...order, device });
  }

  #findings(uri: vscode.Uri): FindingAt[] {
    const diagnostics = this.#server.client?.diagnostics?.get(uri) ?? [];
    return diagnostics.flatMap((each) => {
      const data = (each as { data?: { fingerprint?: string } }).data;
      const code = typeof each.code === "object" ? each.code.value : each.code;
      return data?.fingerprint === undefined
        ? []
        : [{ range: each.range, severity: each.severity, fingerprint: data.fingerprint, rule: String(code), message: each.message }];
    });
  }

  async #debugInformation(): Promise<void> {
    const told = await this.ask<string>("debugInformation");
    const extension = this.context.extension.packageJSON as { version: string };
    const content = [
      `trainlint extension ${extension.version}, ${vscode.env.appName} ${vscode.version}`,
      `remote: ${vscode.env.remoteName ?? "no"}, trusted: ${String(vscode.workspace.isTrusted)}, Node ${process.version}`,
      `server: ${this.#state}${this.#problem === undefined ? "" : `: ${this.#problem}`}`,
      `settings: ${JSON.stringify(await this.#settings())}`,
      "",
      told ?? "The server did not answer.",
    ].join("\n");
    await vscode.window.showTextDocument(this.#texts.put("trainlint debug information.txt", content));
  }

  // Telling ------------------------------------------------------------------------------------------------------------

  say(level: Level, message: string, ways: Ways = {}): void {
    const wanted = readSettings(reader(), { folders: [], home: "", environment: {} }).showNotifications;
    if (isShown(level, wanted)) this.answer(level, message, ways);
    else this.log[level === "warning" ? "warn" : level](message);
  }

  answer(level: Level, message: string, ways: Ways = {}): void {
    this.log[level === "warning" ? "warn" : level](message);
    const show = {
      error: vscode.window.showErrorMessage,
      warning: vscode.window.showWarningMessage,
      info: vscode.window.showInformationMessage,
    }[level];
    this.run(() => offer(show, message, ways));
  }

  showLog(): void {
    this.log.show();
  }

  changed(): void {
    this.#front = activeUri() ?? this.#front;
    const uri = activeUri()?.toString();
    const shown = status({
      server: this.#state,
      problem: this.#problem,
      checking: uri !== undefined && this.#checking.has(uri),
      probing: this.#probes.isRunning,
      trusted: vscode.workspace.isTrusted,
      known: uri === undefined ? undefined : this.#known.get(uri),
    });
    this.#item.text = `trainlint: ${shown.text}`;
    this.#item.detail = shown.detail;
    this.#item.busy = shown.busy;
    this.#item.severity = {
      information: vscode.LanguageStatusSeverity.Information,
      warning: vscode.LanguageStatusSeverity.Warning,
      error: vscode.LanguageStatusSeverity.Error,
    }[shown.severity];
  }

  /** Ends the server; nothing starts it again. */
  close(): Promise<void> {
    this.#closed = true;
    return this.#alone(() => this.#server.stop());
  }

  dispose(): void {
    for (const each of this.#disposables) each.dispose();
    this.#disposables.length = 0;
    void this.close();
  }
}

interface FindingAt {
  readonly range: vscode.Range;
  readonly severity: vscode.DiagnosticSeverity;
  readonly fingerprint: string;
  readonly rule: string;
  readonly message: string;
}

async function pick(found: readonly FindingAt[]): Promise<FindingAt | undefined> {
  if (found.length === 0) return undefined;
  const items = [...found].sort((one, other) => one.severity - other.severity).map((finding) => ({
    label: finding.rule,
    description: `line ${String(finding.range.start.line + 1)}`,
    detail: finding.message,
    finding,
  }));
  return (await vscode.window.showQuickPick(items, { title: "Probe a finding", matchOnDetail: true }))?.finding;
}

/** The document in front; of a cell its notebook. */
function activeUri(): vscode.Uri | undefined {
  const notebook = vscode.window.activeNotebookEditor?.notebook;
  if (notebook) return notebook.uri;
  const document = vscode.window.activeTextEditor?.document;
  return document?.languageId === "python" ? document.uri : undefined;
}

/** What comes of a promise within some milliseconds; undefined where it takes longer. */
function soon<T>(work: Promise<T>, milliseconds: number): Promise<T | undefined> {
  return Promise.race([
    work,
    new Promise<undefined>((resolve) => {
      setTimeout(() => { resolve(undefined); }, milliseconds);
    }),
  ]);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function folders(): { name: string; path: string }[] {
  return (vscode.workspace.workspaceFolders ?? [])
    .filter((folder) => folder.uri.scheme === "file")
    .map((folder) => ({ name: folder.name, path: folder.uri.fsPath }));
}

function reader(resource?: vscode.Uri): Read {
  const configuration = vscode.workspace.getConfiguration("trainlint", resource);
  return (name) => configuration.get<unknown>(name);
}

type Show = (message: string, ...items: string[]) => Thenable<string | undefined>;

async function offer(show: Show, message: string, ways: Ways): Promise<void> {
  const chosen = await show(message, ...Object.keys(ways));
  if (chosen !== undefined) await ways[chosen]?.();
}

/** Whether an interpreter has a trainlint, which is looked for and not imported. */
async function hasTrainlint(python: string): Promise<boolean> {
  const { execFile } = await import("node:child_process");
  const question = "import importlib.util, sys; sys.exit(importlib.util.find_spec('trainlint') is None)";
  return new Promise((resolve) => {
    execFile(python, ["-I", "-c", question], { timeout: 20_000, windowsHide: true }, (error) => {
      resolve(error === null);
    });
  });
}
