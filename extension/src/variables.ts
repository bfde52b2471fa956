// The variables in settings: ${workspaceFolder} and its kin, as other extensions for Python resolve them.
import * as path from "node:path";

export interface Folder {
  readonly name: string;
  readonly path: string;
}

export interface Variables {
  readonly folders: readonly Folder[];
  readonly home: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The interpreter that the Python extension chose, if there is one. */
  readonly interpreter?: string | undefined;
}

const VARIABLE = /\$\{([^}]+)\}/g;

/** The text with its variables replaced; one that is unknown, or has no value here, stays as it is. */
export function resolve(text: string, variables: Variables): string {
  const replaced = text.replace(VARIABLE, (whole, name: string) => valueOf(name, variables) ?? whole);
  return replaced === "~" || replaced.startsWith("~/") || replaced.startsWith("~\\")
    ? path.join(variables.home, replaced.slice(1))
    : replaced;
}

function valueOf(name: string, { folders, home, environment, interpreter }: Variables): string | undefined {
  const [kind, argument] = split(name);
  switch (kind) {
    case "workspaceFolder":
      return argument === undefined ? folders[0]?.path : folders.find((folder) => folder.name === argument)?.path;
    case "userHome":
      return home;
    case "env":
      return argument === undefined ? undefined : (environment[argument] ?? "");
    case "interpreter":
      return interpreter;
    default:
      return undefined;
  }
}

function split(name: string): [string, string | undefined] {
  const colon = name.indexOf(":");
  return colon < 0 ? [name, undefined] : [name.slice(0, colon), name.slice(colon + 1)];
}

/** A path as a user writes it: a relative one, which has a folder in it, is one of the workspace. */
export function located(file: string, { folders }: Variables): string {
  const folder = folders[0]?.path;
  const isRelative = /[\\/]/.test(file) && !path.isAbsolute(file) && !file.startsWith("${");
  return isRelative && folder !== undefined ? path.join(folder, file) : file;
}

/** The value with the variables of all texts in it resolved. */
export function resolveAll(value: unknown, variables: Variables): unknown {
  if (typeof value === "string") return resolve(value, variables);
  if (Array.isArray(value)) return value.map((each) => resolveAll(each, variables));
  return value;
}
