// The language client: starts the server, starts it again when it crashes, and knows what it said last.
import { spawn, type ChildProcess } from "node:child_process";
import * as vscode from "vscode";
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  type ClientCapabilities,
  type DynamicFeature,
  type GenericNotificationHandler,
  type LanguageClientOptions,
  type Middleware,
  type StaticFeature,
} from "vscode-languageclient/node";
import type { Command } from "./serverCommand.ts";
import { gaveUp, reason, Restarts } from "./restarts.ts";

export const SELECTOR = [
  { language: "python", scheme: "file" },
  { language: "python", scheme: "untitled" },
  // Without this the cells of a notebook get no code actions.
  { language: "python", notebook: "jupyter-notebook" },
];

const PULL = "textDocument/diagnostic";
const ERRORS = 8192;
/** Milliseconds that a process may take to end when it has to. */
const PATIENCE = 2000;

/**
 * Takes the findings that the server sends and does not ask for any: it knows best when the user rests, and a
 * notebook's cells come together.
 */
class Client extends LanguageClient {
  override registerFeature(feature: StaticFeature | DynamicFeature<unknown>): void {
    if ((feature as { registrationType?: { method: string } }).registrationType?.method === PULL) return;
    super.registerFeature(feature);
  }

  /** Writes to the log alone: what the user has to know is said in our own words. */
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}

/** Says in `initialize` that we show status. */
class ShowsStatus implements StaticFeature {
  fillClientCapabilities(capabilities: ClientCapabilities): void {
    capabilities.experimental = { ...(capabilities.experimental as object | undefined), trainlintStatus: true };
  }
  initialize(): void {
    // Nothing depends on what the server can do.
  }
  getState(): { kind: "static" } {
    return { kind: "static" };
  }
  clear(): void {
    // It holds nothing.
  }
}

export interface Events {
  /** How to start the server, asked before each start. */
  readonly command: () => Promise<Command>;
  /** It answers; `how` says what runs, and why. */
  readonly started: (how: string) => void;
  /** It ended by itself and has to be started again; `why` says how it ended. */
  readonly crashed: (why: string) => void;
  /** It ended by itself too often; `problem` says why it stays so. */
  readonly gaveUp: (problem: string) => void;
  /** What the server tells of its own accord, by method. */
  readonly heard: Readonly<Record<string, GenericNotificationHandler>>;
  /** Where it stands: what is chosen by the current folder must not be chosen by one that nobody trusts. */
  readonly folder: string;
  readonly log: vscode.LogOutputChannel;
  readonly output: vscode.LogOutputChannel;
  readonly trace: vscode.LogOutputChannel;
  readonly settings: () => Promise<Record<string, unknown>>;
  readonly middleware: Middleware;
}

export class Server {
  readonly restarts = new Restarts();
  #client: LanguageClient | undefined;
  /** Whether somebody wants it to run. */
  #wanted = false;
  #process: ChildProcess | undefined;
  #how = "";
  #errors = "";

  constructor(private readonly events: Events) {}

  get client(): LanguageClient | undefined {
    return this.#client?.isRunning() === true ? this.#client : undefined;
  }

  /** Starts it where it does not run; one that ends before it is ready counts as a crash. */
  async start(): Promise<void> {
    if (this.client) return;
    this.#wanted = true;
    const before = this.#process;
    try {
      await this.#started();
    } catch (error) {
      // Without a process there was nothing to start; with one it ended, and `closed` may not have heard of that.
      if (this.#process === before) throw error;
      this.#recover(await this.#reason());
    }
  }

  async #started(): Promise<void> {
    const { output, trace, middleware } = this.events;
    const options: LanguageClientOptions = {
      documentSelector: SELECTOR,
      initializationOptions: await this.events.settings(),
      outputChannel: output,
      traceOutputChannel: trace,
      diagnosticCollectionName: "trainlint",
      middleware,
      // The link of a hover leads to a rule's page by our own command, and to nothing else.
      markdown: { isTrusted: { enabledCommands: ["trainlint.explainRule"] } },
      errorHandler: {
        error: (error) => {
          this.events.log.error(error);
          return { action: ErrorAction.Continue, handled: true };
        },
        closed: async () => {
          const ready = client.isRunning();
          const why = await this.#reason();
          if (ready) this.#recover(why);
          return { action: CloseAction.DoNotRestart, handled: true, message: why };
        },
      },
      initializationFailedHandler: () => false,
    };
    const client = new Client("trainlint", "trainlint", () => this.#spawned(), options);
    client.registerFeature(new ShowsStatus());
    for (const [method, use] of Object.entries(this.events.heard)) client.onNotification(method, use);
    this.#client = client;
    await client.start();
    this.events.started(this.#how);
  }

  async stop(): Promise<void> {
    this.#wanted = false;
    const client = this.#client;
    this.#client = undefined;
    const child = this.#process;
    try {
      if (client?.needsStop() === true) await client.stop(2000);
    } catch (error) {
      this.events.log.warn(`the server did not stop by itself: ${String(error)}`);
    } finally {
      // It ends by itself when it was told to; one that is killed before that may leave its workers behind.
      if (child !== undefined && !(await ended(child, PATIENCE))) child.kill();
      await client?.dispose().catch(() => undefined);
    }
  }

  async #spawned(): Promise<ChildProcess> {
    const { command, args, how } = await this.events.command();
    this.events.log.info(`starting ${how}`);
    this.#how = how;
    const child = spawn(command, args, { stdio: "pipe", windowsHide: true, cwd: this.events.folder });
    this.#process = child;
    this.#errors = "";
    child.stderr.on("data", (data: Buffer) => {
      this.#errors = (this.#errors + data.toString("utf8")).slice(-ERRORS);
    });
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("spawn", () => {
        resolve(child);
      });
    });
  }

  /** Has a server started again that ended by itself, until that happens too often. */
  #recover(why: string): void {
    if (!this.#wanted) return;
    this.events.log.error(`the server ${why}`);
    const { restart, count } = this.restarts.crashed(Date.now());
    const old = this.#client;
    this.#client = undefined;
    // The client is still at its own end when this is called.
    setTimeout(() => void old?.dispose().catch(() => undefined), 1000);
    if (!restart) {
      this.events.gaveUp(gaveUp(why));
      return;
    }
    this.events.log.info(`the server is started again (${String(count)})`);
    this.events.crashed(why);
  }

  async #reason(): Promise<string> {
    const child = this.#process;
    if (!child) return "ended";
    await ended(child, PATIENCE);
    return reason(child.exitCode, child.signalCode, this.#errors);
  }
}

/** Whether a process ends within some milliseconds. */
function ended(child: ChildProcess, milliseconds: number): Promise<boolean> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(true);
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      resolve(false);
    }, milliseconds);
    child.once("exit", () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
