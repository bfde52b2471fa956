// Which Python runs the server: the candidates in their order, looked at without running anything of the user.
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

export interface Candidate {
  readonly path: string;
  readonly why: string;
}

export interface Python extends Candidate {
  readonly version: string;
}

export interface Choice {
  readonly python?: Python;
  /** What was looked at and cannot be used, each with the reason. */
  readonly refused: readonly { readonly candidate: Candidate; readonly reason: string }[];
}

/** What a Python says of itself: "3.12", or undefined if it cannot be run. */
export type AskVersion = (python: string) => Promise<string | undefined>;

export interface Where {
  readonly setting: readonly string[];
  readonly extension: string | undefined;
  readonly searchPath: string;
  readonly platform: NodeJS.Platform;
}

/** The Pythons that could run the server, the best first. */
export function candidates({ setting, extension, searchPath, platform }: Where): Candidate[] {
  const found: Candidate[] = [];
  const first = setting[0];
  if (first !== undefined) {
    const named = hasFolder(first) ? first : onPath(first, searchPath, platform)[0];
    found.push({ path: named ?? first, why: "named by the setting trainlint.interpreter" });
  }
  if (extension !== undefined) found.push({ path: extension, why: "chosen in the Python extension" });
  for (const name of platform === "win32" ? ["python", "python3"] : ["python3", "python"]) {
    for (const each of onPath(name, searchPath, platform)) found.push({ path: each, why: `${name} on the PATH` });
  }
  const seen = new Set<string>();
  return found.filter((each) => !seen.has(each.path) && seen.add(each.path));
}

function hasFolder(command: string): boolean {
  return command.includes("/") || command.includes("\\");
}

/** The executables of a name in the absolute folders of a PATH. */
function onPath(name: string, searchPath: string, platform: NodeJS.Platform): string[] {
  const separator = platform === "win32" ? ";" : ":";
  const file = platform === "win32" ? `${name}.exe` : name;
  return searchPath
    .split(separator)
    // A relative folder depends on where one stands, and could be the workspace.
    .filter((folder) => path.isAbsolute(folder))
    .map((folder) => path.join(folder, file))
    .filter(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

/** The first candidate whose version is supported; in an untrusted workspace none from inside of it is even asked. */
export async function choose(
  found: readonly Candidate[],
  supported: readonly string[],
  ask: AskVersion,
  untrusted: readonly string[] = [],
): Promise<Choice> {
  const refused: { candidate: Candidate; reason: string }[] = [];
  for (const candidate of found) {
    if (untrusted.some((folder) => isInside(candidate.path, folder))) {
      refused.push({ candidate, reason: "it lies in a workspace that is not trusted" });
      continue;
    }
    const version = await ask(candidate.path);
    if (version === undefined) refused.push({ candidate, reason: "it cannot be run" });
    else if (!supported.includes(version)) refused.push({ candidate, reason: `it is Python ${version}` });
    else return { python: { ...candidate, version }, refused };
  }
  return { refused };
}

/** Whether a file, or the file that a link leads to, lies in a folder. */
export function isInside(file: string, folder: string): boolean {
  const root = real(folder);
  // The last part is not followed at first: an environment's Python is a link to one outside of it.
  const places = [path.join(real(path.dirname(path.resolve(file))), path.basename(file)), real(file)];
  return places.some((place) => place === root || place.startsWith(root.endsWith(path.sep) ? root : root + path.sep));
}

function real(file: string): string {
  try {
    return fs.realpathSync(file);
  } catch {
    return path.resolve(file);
  }
}

const QUESTION = "import sys; print('%d.%d' % sys.version_info[:2])";

/** Asks a Python for its version, without its site-packages, so that nothing in there is run. */
export const askVersion: AskVersion = (python) =>
  new Promise((resolve) => {
    // Not where the editor stands: tools that choose a Python by the current folder would let a workspace choose.
    const options = { timeout: 20_000, windowsHide: true, cwd: os.homedir() };
    execFile(python, ["-I", "-S", "-c", QUESTION], options, (error, stdout) => {
      const version = stdout.trim();
      resolve(error === null && /^\d+\.\d+$/.test(version) ? version : undefined);
    });
  });
