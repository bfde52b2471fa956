// What the parts of the extension share: the server's commands, the log, messages.
import type * as vscode from "vscode";
import type { Level } from "./settings.ts";

export type Ways = Readonly<Record<string, () => unknown>>;

export interface Core {
  readonly context: vscode.ExtensionContext;
  readonly log: vscode.LogOutputChannel;
  /** Runs a command `trainlint.server.*`; undefined, and a message, where the server cannot answer. */
  execute<T>(command: string, ...args: unknown[]): Promise<T | undefined>;
  /** The same for what nobody asked for: undefined, and no more than a line in the log. */
  ask<T>(command: string, ...args: unknown[]): Promise<T | undefined>;
  /** Answers what the user did a moment ago, with ways out. */
  answer(level: Level, message: string, ways?: Ways): void;
  /** Tells what happened by itself, as far as the user wants to hear of that. */
  say(level: Level, message: string, ways?: Ways): void;
  /** Does what a user asked for without anybody waiting for it; what goes wrong is told. */
  run(work: () => Promise<unknown>): void;
  /** The Python that a setting wants probes of a document to train in. */
  probeInterpreter(resource: vscode.Uri): Promise<string | undefined>;
  showLog(): void;
  /** Something that the status shows has changed. */
  changed(): void;
}
