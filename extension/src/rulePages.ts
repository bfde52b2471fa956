// The pages of the rules, shown as rendered Markdown; they come from the server, so they fit its version.
import * as vscode from "vscode";
import type { Core } from "./core.ts";
import type { RuleEntry } from "./protocol.ts";
import { Texts } from "./texts.ts";

export class RulePages implements vscode.Disposable {
  readonly #pages = new Texts("trainlint-rule");

  constructor(private readonly core: Core) {}

  /** Shows the page of a rule, by its name or code; asks which where none is named. */
  async show(rule: string | undefined): Promise<void> {
    const name = rule ?? (await this.#asked());
    if (name === undefined) return;
    const page = await this.core.execute<string>("explain", name, false);
    if (page === undefined) return;
    await vscode.commands.executeCommand("markdown.showPreviewToSide", this.#pages.put(`${name}.md`, page));
  }

  async #asked(): Promise<string | undefined> {
    const rules = await this.core.execute<RuleEntry[]>("rules");
    const items = (rules ?? []).map(({ name, code, category, summary }) => ({
      label: name,
      description: `${code} · ${category}`,
      detail: summary,
    }));
    const chosen = await vscode.window.showQuickPick(items, {
      title: "Explain a rule",
      placeHolder: "Name, code or what it is about",
      matchOnDescription: true,
      matchOnDetail: true,
    });
    return chosen?.label;
  }

  dispose(): void {
    this.#pages.dispose();
  }
}
