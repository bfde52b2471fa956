// A panel beside the code: a page of ours, and what is pressed in it.
import * as crypto from "node:crypto";
import * as vscode from "vscode";
import { page } from "./html.ts";
import type { Message, Place } from "./protocol.ts";

const open = new Set<vscode.WebviewPanel>();

export class Panel {
  #panel: vscode.WebviewPanel | undefined;
  /** The style sheet of the content that the page was made with. */
  #style: string | undefined;

  constructor(
    private readonly extension: vscode.Uri,
    private readonly type: string,
    private readonly onMessage: (message: Message) => void,
    private readonly onClose: () => void = () => undefined,
  ) {}

  get isOpen(): boolean {
    return this.#panel !== undefined;
  }

  /** Shows a page; the code keeps the focus. */
  show(title: string, body: string, style = ""): void {
    const before = this.#panel;
    const panel = (this.#panel = before ?? this.#made());
    before?.reveal(before.viewColumn ?? vscode.ViewColumn.Beside, true);
    if (this.#style === style) {
      this.update(title, body, true);
      return;
    }
    this.#style = style;
    panel.title = title;
    const webview = panel.webview;
    const at = (...parts: string[]): string =>
      webview.asWebviewUri(vscode.Uri.joinPath(this.extension, ...parts)).toString();
    webview.html = page({
      title,
      body,
      style,
      nonce: crypto.randomBytes(16).toString("base64url"),
      source: webview.cspSource,
      styleSheet: at("media", "panel.css"),
      script: at("dist", "webview.js"),
    });
  }

  /** Puts new content into the page that is shown, which keeps its place, or shows its `top`. */
  update(title: string, body: string, top = false): void {
    if (!this.#panel) return;
    this.#panel.title = title;
    void this.#panel.webview.postMessage({ body, top });
  }

  /** A line that the page shows and a screen reader reads. */
  tell(told: string): void {
    void this.#panel?.webview.postMessage({ told });
  }

  dispose(): void {
    this.#panel?.dispose();
  }

  #made(): vscode.WebviewPanel {
    const panel = vscode.window.createWebviewPanel(
      this.type,
      "trainlint",
      { viewColumn: beside(), preserveFocus: true },
      {
        enableScripts: true,
        // No find widget: where a panel is replaced by another, hiding it takes the focus from whoever types.
        enableFindWidget: false,
        retainContextWhenHidden: true,
        localResourceRoots: ["media", "dist"].map((name) => vscode.Uri.joinPath(this.extension, name)),
      },
    );
    panel.iconPath = vscode.Uri.joinPath(this.extension, "media", "icon.png");
    panel.webview.onDidReceiveMessage((message: Message) => {
      this.onMessage(message);
    });
    open.add(panel);
    panel.onDidDispose(() => {
      open.delete(panel);
      this.#panel = undefined;
      this.#style = undefined;
      this.onClose();
    });
    return panel;
  }
}

/** Where a new panel opens: our panels share a column, so that the code keeps its room. */
function beside(): vscode.ViewColumn {
  for (const panel of open) if (panel.viewColumn !== undefined) return panel.viewColumn;
  return vscode.ViewColumn.Beside;
}

/** Shows a place in the code, in a notebook its cell. */
export async function reveal({ uri, line, character }: Place): Promise<void> {
  const target = vscode.Uri.parse(uri, true);
  const at = new vscode.Position(line, character);
  const selection = new vscode.Range(at, at);
  for (const notebook of vscode.workspace.notebookDocuments) {
    const cell = notebook.getCells().find((each) => each.document.uri.toString() === target.toString());
    if (cell) {
      const range = new vscode.NotebookRange(cell.index, cell.index + 1);
      const shown = vscode.window.visibleNotebookEditors.find((each) => each.notebook === notebook);
      const column = shown?.viewColumn;
      const editor = await vscode.window.showNotebookDocument(notebook, {
        selections: [range],
        ...(column === undefined ? {} : { viewColumn: column }),
      });
      editor.revealRange(range, vscode.NotebookEditorRevealType.InCenterIfOutsideViewport);
      return;
    }
  }
  const shown = vscode.window.visibleTextEditors.find((each) => each.document.uri.toString() === target.toString());
  const editor = await vscode.window.showTextDocument(target, {
    viewColumn: shown?.viewColumn ?? vscode.ViewColumn.One,
    selection,
  });
  editor.revealRange(selection, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}
