// What a user can choose: the settings `trainlint.*`, resolved, and what the server is told of them.
import { located, resolve, resolveAll, type Variables } from "./variables.ts";

export type ImportStrategy = "useBundled" | "fromEnvironment";
export type Notifications = "off" | "onError" | "onWarning" | "always";

export interface Settings {
  readonly path: readonly string[];
  readonly interpreter: readonly string[];
  readonly importStrategy: ImportStrategy;
  readonly showNotifications: Notifications;
}

/** The settings that the server reads; the others are the extension's own. */
export const OF_SERVER = [
  "lint.enable",
  "lint.run",
  "lint.select",
  "lint.ignore",
  "severity",
  "diagnosticMode",
  "inlayHints",
  "codeLens",
  "peek",
  "probe.interpreter",
  "probe.device",
  "probe.timeout",
  "logLevel",
] as const;

/** A change of these needs another process; all others count at once. */
export const NEED_RESTART = ["path", "interpreter", "importStrategy"] as const;

/** Reads a setting by its name below `trainlint`. */
export type Read = (name: string) => unknown;

/** The extension's own settings; what has the wrong type counts as not given. */
export function readSettings(read: Read, variables: Variables): Settings {
  const strategy = read("importStrategy");
  const notifications = read("showNotifications");
  return {
    path: texts(read("path"), variables),
    interpreter: texts(read("interpreter"), variables),
    importStrategy: strategy === "fromEnvironment" ? strategy : "useBundled",
    showNotifications: isNotifications(notifications) ? notifications : "onError",
  };
}

function isNotifications(value: unknown): value is Notifications {
  return ["off", "onError", "onWarning", "always"].includes(value as string);
}

/** One text or a list of them, without empty ones. */
function texts(value: unknown, variables: Variables): string[] {
  const given = Array.isArray(value) ? (value as unknown[]) : [value];
  return given
    .filter((each): each is string => typeof each === "string" && each.trim() !== "")
    .map((each) => located(resolve(each, variables), variables));
}

/** The Python that probes train in, as far as the setting names one. */
export function probeInterpreter(read: Read, variables: Variables): string | undefined {
  return texts(read("probe.interpreter"), variables)[0];
}

/** Whether a path in the settings depends on the interpreter that the Python extension chose. */
export function namesInterpreter(read: Read): boolean {
  return ["path", "interpreter", "probe.interpreter"].some((name) => {
    return (JSON.stringify(read(name)) as string | undefined)?.includes("${interpreter}") === true;
  });
}

/** What the server asks for: its settings, and whether the workspace is trusted. */
export function serverSettings(read: Read, variables: Variables, trusted: boolean): Record<string, unknown> {
  const found: Record<string, unknown> = { trusted };
  for (const name of OF_SERVER) {
    const value = resolveAll(read(name), variables);
    if (value !== undefined && value !== null) found[name] = value;
  }
  found["probe.interpreter"] = probeInterpreter(read, variables) ?? "";
  return found;
}

export type Level = "error" | "warning" | "info";

/** Whether a message of a level is shown; errors that stop the work are always shown. */
export function isShown(level: Level, wanted: Notifications): boolean {
  const least: Record<Notifications, readonly Level[]> = {
    off: [],
    onError: ["error"],
    onWarning: ["error", "warning"],
    always: ["error", "warning", "info"],
  };
  return least[wanted].includes(level);
}
