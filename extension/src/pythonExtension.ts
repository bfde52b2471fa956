// The interpreter that the user chose in Microsoft's Python extension, where that is installed.
import * as vscode from "vscode";

const ID = "ms-python.python";

interface Environments {
  getActiveEnvironmentPath(resource?: vscode.Uri): { readonly path: string } | undefined;
  resolveEnvironment(environment: unknown): Promise<{ readonly executable: { readonly uri?: vscode.Uri } } | undefined>;
  readonly onDidChangeActiveEnvironmentPath?: vscode.Event<unknown>;
}

async function environments(): Promise<Environments | undefined> {
  const extension = vscode.extensions.getExtension<{ environments?: Environments }>(ID);
  if (!extension) return undefined;
  try {
    return (await extension.activate()).environments;
  } catch {
    // It is no fault of ours, and there are other ways to an interpreter.
    return undefined;
  }
}

/** The chosen interpreter's path; undefined without the extension, or without a choice. */
export async function chosenInterpreter(resource?: vscode.Uri): Promise<string | undefined> {
  const api = await environments();
  if (!api) return undefined;
  try {
    const active = api.getActiveEnvironmentPath(resource);
    if (!active) return undefined;
    const resolved = await api.resolveEnvironment(active);
    // The path of an environment may be its folder.
    return resolved?.executable.uri?.fsPath;
  } catch {
    return undefined;
  }
}

/** Calls back when another interpreter is chosen. */
export async function onInterpreterChange(changed: () => void): Promise<vscode.Disposable | undefined> {
  return (await environments())?.onDidChangeActiveEnvironmentPath?.(changed);
}
