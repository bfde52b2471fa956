// A real workbench: code-server with a profile of its own, driven in Chromium.
import { spawn, execFileSync, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { chromium, type Browser, type Frame, type Locator, type Page } from "playwright-core";

export const ROOT = path.resolve(import.meta.dirname, "..", "..", "..");

/** Where code-server was installed; see tools/install_workbench.sh. */
export const INSTALLED = process.env.TRAINLINT_WORKBENCH ?? path.join(ROOT, ".workbench");

/** The Python with TensorFlow that probes train in. */
export const PROBE_PYTHON = process.env.TRAINLINT_PROBE_PYTHON ?? path.join(ROOT, ".venv-tensorflow", "bin", "python");

export const PICTURES = process.env.TRAINLINT_PICTURES ?? path.join(ROOT, "build", "workbench");
const NODE = path.join(INSTALLED, "node", "bin", "node");
const SERVER = path.join(INSTALLED, "code-server", "out", "node", "entry.js");

/** A loaded machine takes its time. */
export const SLOW = { timeout: 90_000 };
const FAST = { timeout: 30_000 };

const SETTINGS = {
  "workbench.startupEditor": "none",
  "workbench.tips.enabled": false,
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.enableExperiments": false,
  "telemetry.telemetryLevel": "off",
  "extensions.autoCheckUpdates": false,
  "extensions.autoUpdate": false,
  "extensions.ignoreRecommendations": true,
  "update.mode": "none",
  "git.enabled": false,
  "chat.disableAIFeatures": true,
  "editor.accessibilitySupport": "off",
  "editor.minimap.enabled": false,
  "breadcrumbs.enabled": false,
  "window.commandCenter": false,
  "files.autoSave": "off",
  "notebook.lineNumbers": "on",
};

export interface Options {
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Settings of the machine: of paths, which a remote takes from nobody's own settings. */
  readonly machine?: Readonly<Record<string, unknown>>;
  /** Whether folders have to be trusted first. */
  readonly trust?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
  /** What the user's shell does at its start: the editor takes its environment from there. */
  readonly profile?: string;
  /** Files of the repository to work on, or texts by name. */
  readonly files: readonly string[];
  readonly texts?: Readonly<Record<string, string>>;
  /** Opens these folders of the project as a workspace of several. */
  readonly folders?: readonly string[];
  readonly theme?: "light" | "dark";
  /** Installs a stand-in for the Python extension, in which this interpreter is chosen: absolute, or of the project. */
  readonly chosenPython?: string;
  readonly name: string;
}

/** The package to test: the newest one. */
export function packageFile(): string {
  const folder = path.join(ROOT, "dist");
  const found = fs
    .readdirSync(folder)
    .filter((name) => name.endsWith(".vsix") && name.includes(`${process.platform}-${process.arch}`))
    .map((name) => path.join(folder, name))
    .sort((one, other) => fs.statSync(other).mtimeMs - fs.statSync(one).mtimeMs);
  if (found[0] === undefined) throw new Error("there is no package to test; run `make vsix`");
  return found[0];
}

export class Workbench {
  readonly folder: string;
  readonly project: string;
  readonly name: string;
  page!: Page;
  /** Hosts that the page asked for something, our own left out. */
  readonly otherHosts = new Set<string>();
  #browser!: Browser;
  #server!: ChildProcess;
  #port = 0;
  #pictures = 0;

  private readonly options: Options;

  private constructor(options: Options) {
    this.options = options;
    this.name = options.name;
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), "trainlint-workbench-"));
    this.project = path.join(this.folder, "project");
  }

  static async start(options: Options): Promise<Workbench> {
    const workbench = new Workbench(options);
    try {
      await workbench.#start();
    } catch (error) {
      await workbench.stop();
      throw error;
    }
    return workbench;
  }

  async #start(): Promise<void> {
    const { options } = this;
    fs.mkdirSync(this.project);
    for (const file of options.files) {
      const text = fs.readFileSync(path.join(ROOT, file), "utf8");
      const { shown } = file.endsWith(".ipynb") ? { shown: notebookAsUsersSeeIt(text) } : asUsersSeeIt(text);
      fs.writeFileSync(path.join(this.project, path.basename(file)), shown);
    }
    for (const [name, text] of Object.entries(options.texts ?? {})) {
      fs.mkdirSync(path.dirname(path.join(this.project, name)), { recursive: true });
      fs.writeFileSync(path.join(this.project, name), text);
    }
    for (const name of [".profile", ".bash_profile", ".bashrc"]) {
      if (options.profile !== undefined) fs.writeFileSync(path.join(this.folder, name), options.profile);
    }
    this.#port = await freePort();
    const theme = options.theme === "dark" ? "Default Dark Modern" : "Default Light Modern";
    this.#write("User", { "workbench.colorTheme": theme, ...options.settings });
    this.#write("Machine", { ...options.machine });
    fs.writeFileSync(
      path.join(this.folder, "config.yaml"),
      [
        `bind-addr: 127.0.0.1:${String(this.#port)}`,
        "auth: none",
        "cert: false",
        "disable-telemetry: true",
        "disable-update-check: true",
        "disable-getting-started-override: true",
        // The mere presence of this line switches trust off.
        ...(options.trust === true ? [] : ["disable-workspace-trust: true"]),
        "",
      ].join("\n"),
    );
    this.run("--install-extension", packageFile(), "--force");
    if (options.chosenPython !== undefined) {
      if (path.isAbsolute(options.chosenPython)) {
        fs.symlinkSync(path.dirname(path.dirname(options.chosenPython)), path.join(this.folder, "tensorflow"));
      }
      fs.cpSync(
        path.join(import.meta.dirname, "python-extension"),
        path.join(this.folder, "extensions", "ms-python.python-0.0.1"),
        { recursive: true },
      );
      // code-server lists what is installed in a file; without it the folder is read.
      fs.rmSync(path.join(this.folder, "extensions", "extensions.json"), { force: true });
    }
    const log = fs.openSync(path.join(this.folder, "code-server.log"), "w");
    this.#server = spawn(NODE, [SERVER, ...this.#arguments()], {
      env: this.#environment(),
      stdio: ["ignore", log, log],
      detached: true,
      cwd: this.folder,
    });
    await until(async () => (await fetch(`${this.url}/healthz`).catch(() => undefined))?.ok === true, "code-server");
    this.#browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync"],
    });
    const context = await this.#browser.newContext({
      viewport: { width: 1440, height: 900 },
      colorScheme: options.theme ?? "light",
    });
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    this.page = await context.newPage();
    this.page.setDefaultTimeout(10_000);
    this.page.on("request", (request) => {
      const { host, protocol } = new URL(request.url());
      if (protocol.startsWith("http") && host !== `127.0.0.1:${String(this.#port)}`) this.otherHosts.add(host);
    });
    await this.page.goto(`${this.url}/?${this.#opened()}`);
    await this.page.waitForSelector(".monaco-workbench", SLOW);
    await this.page.locator(".explorer-folders-view .monaco-list-row").first().waitFor(SLOW);
    // What is opened before extensions run is opened by what is built in, a notebook as text.
    await until(
      () => Promise.resolve(this.#logs(/remoteexthost\.log$/).includes("Eager extensions activated")),
      "the extension host",
    );
  }

  get #workspaceFile(): string {
    return path.join(this.folder, "several.code-workspace");
  }

  #opened(): string {
    if (!this.options.folders) return `folder=${this.project}`;
    const file = this.#workspaceFile;
    const folders = this.options.folders.map((name) => ({ path: path.join(this.project, name) }));
    fs.writeFileSync(file, JSON.stringify({ folders }));
    return `workspace=${file}`;
  }

  /** Writes settings; those of the machine are of paths, which a remote takes from nobody's own settings. */
  #write(kind: "User" | "Machine", settings: object): void {
    const always = kind === "User" ? SETTINGS : { "trainlint.probe.device": "cpu" };
    fs.mkdirSync(path.join(this.folder, "user", kind), { recursive: true });
    const text = JSON.stringify({ ...always, ...settings }, null, 2);
    fs.writeFileSync(path.join(this.folder, "user", kind, "settings.json"), text);
  }

  /** Replaces the settings of the machine that `start` was given, while the editor runs. */
  setMachine(settings: object): void {
    this.#write("Machine", settings);
  }

  /** Gives the folder these settings, and no others, while the editor runs. */
  setFolder(settings: object): void {
    fs.mkdirSync(path.join(this.project, ".vscode"), { recursive: true });
    fs.writeFileSync(path.join(this.project, ".vscode", "settings.json"), JSON.stringify(settings, null, 2));
  }

  get url(): string {
    return `http://127.0.0.1:${String(this.#port)}`;
  }

  #arguments(): string[] {
    const at = (name: string): string => path.join(this.folder, name);
    return ["--user-data-dir", at("user"), "--extensions-dir", at("extensions"), "--config", at("config.yaml")];
  }

  #environment(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      HOME: this.folder,
      XDG_CACHE_HOME: path.join(this.folder, "cache"),
      XDG_CONFIG_HOME: path.join(this.folder, "config"),
      XDG_DATA_HOME: path.join(this.folder, "data"),
      TRAINLINT_CHOSEN_PYTHON: path.isAbsolute(this.options.chosenPython ?? "/")
        ? path.join(this.folder, "tensorflow", "bin", "python")
        : path.join(this.project, this.options.chosenPython ?? ""),
      ...this.options.environment,
    };
  }

  /** Runs the command line of code-server with this profile. */
  run(...args: string[]): string {
    return execFileSync(NODE, [SERVER, ...this.#arguments(), ...args], { env: this.#environment(), encoding: "utf8" });
  }

  /** Leaves no process behind. */
  async stop(): Promise<void> {
    // A test may have failed before there was a browser.
    await (this.#browser as Browser | undefined)?.close().catch(() => undefined);
    const server = this.#server as ChildProcess | undefined;
    if (server?.pid !== undefined && server.exitCode === null) {
      const gone = new Promise((resolve) => server.once("exit", resolve));
      server.kill();
      await Promise.race([gone, pause(5000)]);
      try {
        process.kill(-server.pid, "SIGKILL");
      } catch {
        // The whole group is gone.
      }
    }
    fs.rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }

  // Pictures -----------------------------------------------------------------------------------------------------------

  /** A picture of the window, or of some things in it with a margin around them. */
  async picture(name: string, around: readonly Locator[] = [], margin = 16): Promise<void> {
    fs.mkdirSync(PICTURES, { recursive: true });
    this.#pictures += 1;
    const number = String(this.#pictures).padStart(2, "0");
    const file = path.join(PICTURES, `${this.name}-${number}-${name}.png`);
    // What slides or fades in has arrived then.
    await this.page.waitForTimeout(400);
    const boxes = (await Promise.all(around.map((each) => each.first().boundingBox()))).filter((box) => box !== null);
    const inside = { x: 0, y: 0, width: 1440, height: 900 };
    await this.page.screenshot({ path: file, ...(boxes.length === 0 ? {} : { clip: framed(boxes, margin, inside) }) });
  }

  // Editors ------------------------------------------------------------------------------------------------------------

  read(name: string): string {
    return fs.readFileSync(path.join(this.project, name), "utf8");
  }

  /** What the extension wrote to its log. */
  log(): string {
    return this.#logs(/\/trainlint\.log$/);
  }

  #logs(pattern: RegExp): string {
    const folder = path.join(this.folder, "user", "logs");
    if (!fs.existsSync(folder)) return "";
    const files = fs.readdirSync(folder, { recursive: true, encoding: "utf8" });
    return files
      .filter((name) => pattern.test(name))
      .map((name) => fs.readFileSync(path.join(folder, name), "utf8"))
      .join("\n");
  }

  /** Opens a file by a double click in the explorer, and waits for its editor. */
  async open(name: string): Promise<void> {
    const row = this.page.locator(".explorer-folders-view .monaco-list-row", { hasText: name }).first();
    const editor = name.endsWith(".ipynb") ? ".notebook-editor" : `.tab[data-resource-name="${name}"]`;
    await row.waitFor(SLOW);
    await until(async () => {
      await row.dblclick();
      return (await this.page.waitForSelector(editor, { timeout: 4000 }).catch(() => null)) !== null;
    }, `an editor for ${name}`);
  }

  /** Opens a file by its name, wherever it lies. */
  async openByName(name: string): Promise<void> {
    await until(async () => {
      await this.page.keyboard.press("Control+p");
      const input = this.page.locator(".quick-input-widget input").first();
      if (!(await input.waitFor({ timeout: 5000 }).then(() => true, () => false))) return false;
      await input.fill(name);
      const row = this.page.locator(".quick-input-list .monaco-list-row", { hasText: name }).first();
      if (await row.waitFor({ timeout: 5000 }).then(() => true, () => false)) await row.click();
      return (await this.page.waitForSelector(`.tab[data-resource-name="${name}"]`, { timeout: 4000 }).catch(() => null)) !== null;
    }, `an editor for ${name}`);
  }

  /** Changes the settings of a workspace of several folders while the editor runs. */
  change(settings: object): void {
    const file = this.#workspaceFile;
    const before = JSON.parse(fs.readFileSync(file, "utf8")) as object;
    fs.writeFileSync(file, JSON.stringify({ ...before, settings }, null, 2));
  }

  /** Gives the focus to an editor that is open. */
  async focus(name: string): Promise<void> {
    await this.page.locator(`.tab[data-resource-name="${name}"]`).first().click();
    await this.page.waitForTimeout(300);
  }

  async closeAll(): Promise<void> {
    await this.command("View: Close All Editors");
    await this.page.waitForTimeout(300);
  }

  /** Runs a command of the palette by its title. */
  async command(title: string): Promise<void> {
    await until(async () => {
      await this.page.keyboard.press("F1");
      const input = this.page.locator(".quick-input-widget input").first();
      await input.waitFor({ timeout: 5000 });
      await input.fill(`>${title}`);
      const row = this.page.locator(".quick-input-list .monaco-list-row", { hasText: title }).first();
      if (await row.waitFor({ timeout: 4000 }).then(() => true, () => false)) {
        await row.click();
        return true;
      }
      await this.page.keyboard.press("Escape");
      return false;
    }, `the command ${title}`);
  }

  /** The titles that the palette offers for a text. */
  async offered(text: string): Promise<string[]> {
    await this.page.keyboard.press("F1");
    const input = this.page.locator(".quick-input-widget input").first();
    await input.waitFor(FAST);
    await input.fill(`>${text}`);
    await this.page.waitForTimeout(800);
    const rows = await this.page.locator(".quick-input-list .monaco-list-row").allInnerTexts();
    await this.page.keyboard.press("Escape");
    return rows.map((each) => each.replace(/\s+/g, " ").trim());
  }

  /** Puts the cursor on a line and column, counted from 1. */
  async goTo(line: number, column = 1): Promise<void> {
    await until(async () => {
      await this.page.keyboard.press("Control+g");
      const input = this.page.locator(".quick-input-widget input").first();
      if (!(await input.waitFor({ timeout: 3000 }).then(() => true, () => false))) return false;
      await input.fill(`:${String(line)}:${String(column)}`);
      await this.page.keyboard.press("Enter");
      await this.page.waitForTimeout(300);
      return (await this.status()).includes(`Ln ${String(line)}, Col ${String(column)}`);
    }, `line ${String(line)}`);
  }

  /** The text of the status bar. */
  async status(): Promise<string> {
    return (await this.page.locator(".part.statusbar").innerText()).replace(/\s+/g, " ");
  }

  get squiggles(): Locator {
    return this.page.locator(".squiggly-error, .squiggly-warning, .squiggly-info");
  }

  /** The text of a line that has a piece of text. */
  line(text: string): Locator {
    return this.page.locator(".editor-instance .view-line", { hasText: text }).locator("> span");
  }

  /** The text that the editor in front shows. */
  async text(): Promise<string> {
    const lines = await this.page.locator(".editor-instance .view-line").allInnerTexts();
    return lines.join("\n").replaceAll("\u00a0", " ");
  }

  /** Opens the menu of quick fixes at the cursor; its entries. */
  async quickFixes(): Promise<string[]> {
    const rows = this.page.locator(".action-widget .monaco-list-row");
    await until(async () => {
      await this.page.keyboard.press("Control+.");
      return rows.first().waitFor({ timeout: 5000 }).then(() => true, () => false);
    }, "the menu of quick fixes");
    return (await rows.allInnerTexts()).map((each) => each.trim());
  }

  async takeQuickFix(title: string | RegExp): Promise<void> {
    await this.page.locator(".action-widget .monaco-list-row", { hasText: title }).first().click();
  }

  /** The hover at the cursor. */
  async hover(): Promise<string> {
    const hover = this.page.locator(".monaco-hover:visible .hover-contents, .monaco-hover:visible .hover-row-contents");
    await until(async () => {
      await this.page.keyboard.press("Control+k");
      await this.page.keyboard.press("Control+i");
      return hover.first().waitFor({ timeout: 5000 }).then(() => true, () => false);
    }, "the hover");
    await this.page.waitForTimeout(500);
    return (await hover.allInnerTexts()).join("\n").replaceAll("\u00a0", " ");
  }

  /** The rows of the panel of problems, each without its spaces; the list draws only what is in sight. */
  async problems(): Promise<string[]> {
    await this.command("Problems: Focus on Problems View");
    const list = this.page.locator(".markers-panel-container .monaco-list").first();
    await this.page.locator(".markers-panel-container").first().waitFor(FAST);
    await this.page.waitForTimeout(300);
    const found = new Set<string>();
    if ((await list.count()) === 0) return [];
    await this.page.keyboard.press("Home");
    for (let unchanged = 0; unchanged < 3; ) {
      const before = found.size;
      for (const row of await list.locator(".monaco-list-row").allInnerTexts()) found.add(row.replace(/[\s\u00a0]+/g, ""));
      unchanged = found.size === before ? unchanged + 1 : 0;
      await this.page.keyboard.press("PageDown");
      await this.page.waitForTimeout(100);
    }
    return [...found];
  }

  async save(): Promise<void> {
    await this.page.keyboard.press("Control+s");
  }

  /** Waits until a file on the disk has what it should. */
  async saved(name: string, wanted: (text: string) => boolean): Promise<void> {
    await until(() => Promise.resolve(wanted(this.read(name))), `${name} on the disk`, 30_000);
  }

  // Panels -------------------------------------------------------------------------------------------------------------

  /** The page inside of the panel that is shown; it has what the selector names. */
  async panel(selector: string, timeout = 90_000): Promise<Frame> {
    let found: Frame | undefined;
    await until(
      async () => {
        for (const frame of this.page.frames()) {
          if ((await frame.locator(selector).count().catch(() => 0)) > 0) found = frame;
        }
        return found !== undefined;
      },
      `a panel with ${selector}`,
      timeout,
    );
    return found as unknown as Frame;
  }

  notification(text: string | RegExp): Locator {
    return this.page.locator(".notification-toast, .notification-list-item", { hasText: text }).first();
  }

  dialog(): Locator {
    return this.page.locator(".monaco-dialog-box");
  }

  /** The processes that run the user's program, the sandbox around them among them. */
  runs(): number[] {
    return processes()
      .filter(({ command }) => command.includes(path.join(this.folder, "tensorflow")) && command.includes("recording"))
      .map(({ pid }) => pid);
  }

  /** The processes of servers that this workbench started. */
  servers(): number[] {
    return processes()
      .filter(({ command }) => command.includes(this.folder) && command.includes("start.py") && command.endsWith(" server"))
      .map(({ pid }) => pid);
  }
}

interface Process {
  readonly pid: number;
  readonly command: string;
}

/** What runs, with its whole command line. */
export function processes(): Process[] {
  return fs
    .readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const command = fs.readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim();
        return [{ pid: Number(name), command }];
      } catch {
        return [];
      }
    });
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What holds some boxes, with a margin. */
function framed(boxes: readonly Box[], margin: number, { width, height }: Box): Box {
  const left = Math.max(0, Math.min(...boxes.map((box) => box.x)) - margin);
  const top = Math.max(0, Math.min(...boxes.map((box) => box.y)) - margin);
  const right = Math.min(width, Math.max(...boxes.map((box) => box.x + box.width)) + margin);
  const bottom = Math.min(height, Math.max(...boxes.map((box) => box.y + box.height)) + margin);
  return { x: left, y: top, width: right - left, height: bottom - top };
}

export interface Expected {
  readonly rule: string;
  /** Counted from 1. */
  readonly line: number;
}

/** A program of the fixtures without the comments that say what is found in it, and what they say. */
export function asUsersSeeIt(text: string): { readonly shown: string; readonly expected: readonly Expected[] } {
  const lines: string[] = [];
  const expected: Expected[] = [];
  const told = (names: string | undefined, line: number): void => {
    for (const each of (names ?? "").split(", ")) expected.push({ rule: /^[a-z0-9-]+/.exec(each.trim())?.[0] ?? "", line });
  };
  for (const line of text.split("\n")) {
    const next = /^\s*# expect-next: (.*)$/.exec(line);
    const here = /\s*# expect: (.*)$/.exec(line);
    if (next) told(next[1], lines.length + 1);
    else lines.push(here ? line.slice(0, here.index) : line);
    if (here) told(here[1], lines.length);
  }
  return { shown: lines.join("\n"), expected };
}

function notebookAsUsersSeeIt(text: string): string {
  const notebook = JSON.parse(text) as { cells: { source: string | string[] }[] };
  for (const cell of notebook.cells) cell.source = asUsersSeeIt([cell.source].flat().join("")).shown;
  return JSON.stringify(notebook, null, 1);
}

/** A step that took longer than it may: on a machine with other work that says little. */
export class TimeLimit extends Error {}

export async function until(test: () => Promise<boolean>, what: string, timeout = 90_000): Promise<void> {
  const end = Date.now() + timeout;
  let problem: unknown = "";
  for (;;) {
    // What a step needs may be gone again when it comes to it: then it is tried once more.
    const done = await test().catch((error: unknown) => {
      problem = `: ${String(error)}`;
      return false;
    });
    if (done) return;
    if (Date.now() > end) throw new TimeLimit(`waited ${String(timeout / 1000)} seconds for ${what}${String(problem)}`);
    await pause(100);
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => {
        resolve(port);
      });
    });
  });
}
