// How the server is started: by a path of the user, from an environment, or bundled and isolated.
import * as fs from "node:fs";
import * as path from "node:path";
import type { Python } from "./pythons.ts";

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  /** For the log and for the status: what runs, and why. */
  readonly how: string;
}

export interface Bundle {
  readonly start: string;
  /** The versions of Python that it has native files for. */
  readonly pythons: readonly string[];
}

/** The versions that the package of trainlint takes; an environment's trainlint may be for any of them. */
export const OLDEST = [3, 10] as const;

/** The server that comes with the extension; undefined in a checkout where none was made. */
export function bundleIn(extensionFolder: string): Bundle | undefined {
  const folder = path.join(extensionFolder, "bundled");
  try {
    const told = JSON.parse(fs.readFileSync(path.join(folder, "bundle.json"), "utf8")) as { pythons: string[] };
    return { start: path.join(folder, "start.py"), pythons: told.pythons };
  } catch {
    return undefined;
  }
}

/** The first of the user's paths that exists, as a command. */
export function fromPath(paths: readonly string[], exists: (file: string) => boolean): Command | undefined {
  const found = paths.find(exists);
  return found === undefined
    ? undefined
    : { command: found, args: ["server"], how: `${found}, named by the setting trainlint.path` };
}

/**
 * The bundled server. `-I` keeps the environment's variables and the current folder out, `-S` its site-packages:
 * whatever versions of our libraries the user has, ours are the ones that are imported.
 */
export function bundled(python: Python, bundle: Bundle): Command {
  return {
    command: python.path,
    args: ["-I", "-S", "-X", "utf8", bundle.start, "server"],
    how: `the bundled trainlint, run by Python ${python.version} (${python.path}, ${python.why})`,
  };
}

/** The trainlint of an environment. */
export function fromEnvironment(python: Python): Command {
  return {
    command: python.path,
    args: ["-I", "-X", "utf8", "-m", "trainlint", "server"],
    how: `the trainlint of Python ${python.version} (${python.path}, ${python.why})`,
  };
}

/** The one sentence for whoever has no Python that can run the server. */
export function noPython(choice: { readonly refused: readonly { candidate: { path: string }; reason: string }[] }, newest: string): string {
  const [major, minor] = OLDEST;
  const wanted = `trainlint needs Python ${String(major)}.${String(minor)} to ${newest} to run its server`;
  const first = choice.refused[0];
  if (first === undefined) return `${wanted}, and no Python was found.`;
  const more = choice.refused.length > 1 ? ` (and ${String(choice.refused.length - 1)} more in the log)` : "";
  return `${wanted}; ${first.candidate.path} cannot be used: ${first.reason}${more}.`;
}
