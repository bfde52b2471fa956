// What has to be saved before a program is run.
import * as vscode from "vscode";

interface Savable {
  readonly uri: vscode.Uri;
  readonly isDirty: boolean;
  save(): Thenable<boolean>;
}

/** What is not saved of a program: its own document, and the modules of its folder, which it may import. */
export function programFiles(program: vscode.Uri): Savable[] {
  const folder = vscode.workspace.getWorkspaceFolder(program);
  const isPart = (uri: vscode.Uri): boolean =>
    uri.toString() === program.toString() ||
    (uri.scheme === "file" && folder !== undefined && vscode.workspace.getWorkspaceFolder(uri) === folder);
  const scripts = vscode.workspace.textDocuments.filter((each) => each.languageId === "python" && isPart(each.uri));
  const notebooks = vscode.workspace.notebookDocuments.filter((each) => each.uri.toString() === program.toString());
  return [...scripts, ...notebooks].filter((each) => each.isDirty);
}
