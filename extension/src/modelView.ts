// The model view beside the code: follows the document that it was opened for.
import * as path from "node:path";
import * as vscode from "vscode";
import type { Core } from "./core.ts";
import { modelBody } from "./modelPage.ts";
import { Panel, reveal } from "./panel.ts";
import { sentence } from "./probe.ts";
import type { Applied, Message, ModelAnswer } from "./protocol.ts";

const REST = 200;

export class ModelView implements vscode.Disposable {
  readonly #panel: Panel;
  #uri: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly core: Core) {
    this.#panel = new Panel(
      core.context.extensionUri,
      "trainlint.model",
      (message) => {
        core.run(() => this.#pressed(message));
      },
      () => {
        this.#uri = undefined;
      },
    );
  }

  /** Shows the networks of a document. */
  async show(uri: string): Promise<void> {
    const answer = await this.core.execute<ModelAnswer>("showModel", uri);
    if (!answer) return;
    this.#uri = uri;
    this.#panel.show(titleOf(uri), modelBody(answer, nameOf(uri)));
  }

  /** Shows what a document has become; it was just checked. */
  checked(uri: string): void {
    if (uri !== this.#uri || !this.#panel.isOpen) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.core.run(() => this.#refresh(uri));
    }, REST);
  }

  async #refresh(uri: string): Promise<void> {
    const open = [
      ...vscode.workspace.textDocuments,
      ...vscode.workspace.notebookDocuments,
    ].some((each) => each.uri.toString() === uri);
    if (!open || uri !== this.#uri) return;
    // A text that changes while it is read is checked again, and then we hear of it.
    const answer = await this.core.ask<ModelAnswer>("showModel", uri);
    if (answer && uri === this.#uri) this.#panel.update(titleOf(uri), modelBody(answer, nameOf(uri)));
  }

  async #pressed(message: Message): Promise<void> {
    const uri = this.#uri;
    if (uri === undefined) return;
    if (message.do === "reveal") await reveal(message.place);
    else if (message.do === "explain") await vscode.commands.executeCommand("trainlint.explainRule", message.rule);
    else if (message.do === "state") {
      const done = await this.core.execute<Applied>("state", uri, message.comment);
      if (done?.applied === false) this.#panel.tell(sentence(done.message));
    }
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#panel.dispose();
  }
}

function nameOf(uri: string): string {
  return path.posix.basename(vscode.Uri.parse(uri, true).path);
}

function titleOf(uri: string): string {
  return `Model of ${nameOf(uri)}`;
}
