// What the parts of the extension share: the server's commands, the log, messages.
import type * as vscode from "vscode";
import type { Level } from "./settings.ts";

export interface Core {
  readonly context: vscode.ExtensionContext;
  readonly log: vscode.LogOutputChannel;
  /** Runs a command `trainlint.server.*`; undefined, and a message, where the server cannot answer. */
  execute<T>(command: string, ...args: unknown[]): Promise<T | undefined>;
  /** Shows a message as far as the user wants messages, with ways out. */
  say(level: Level, message: string, ways?: Readonly<Record<string, () => unknown>>): void;
  showLog(): void;
  /** Something that the status shows has changed. */
  changed(): void;
}
