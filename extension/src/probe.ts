// Probes: from a finding to the panel with its verdict.
import * as crypto from "node:crypto";
import * as os from "node:os";
import * as path from "node:path";
import * as vscode from "vscode";
import type { Core } from "./core.ts";
import { Panel, reveal } from "./panel.ts";
import { probeBody, type Asked } from "./probePage.ts";
import { programFiles } from "./saving.ts";
import type { Applied, Message, ProbeAnswer, Question } from "./protocol.ts";
import { chosenInterpreter } from "./pythonExtension.ts";

interface Order {
  readonly uri: string;
  /** The finding to probe, null for all of the model. */
  readonly fingerprint: string | null;
  readonly device?: "gpu";
  readonly script?: boolean;
}

const CHOSEN_BY = "chosen in the Python extension";
const RUN = "Run It";

/** A probe that runs; one that was cancelled still needs a moment to end. */
interface Running {
  readonly id: string;
  readonly report: (message: string) => void;
  cancelled: boolean;
}

export class Probes implements vscode.Disposable {
  readonly #panel: Panel;
  #shown: Order | undefined;
  #running: Running | undefined;
  /** Whether a probe runs, or is about to. */
  #isBusy = false;
  #last: Promise<void> = Promise.resolve();

  constructor(private readonly core: Core) {
    this.#panel = new Panel(core.context.extensionUri, "trainlint.probe", (message) => {
      core.run(() => this.#pressed(message));
    });
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** What the server says while a probe runs. */
  progress(params: { readonly id: string; readonly message: string }): void {
    if (this.#running?.id === params.id) this.#running.report(params.message);
  }

  async cancel(): Promise<void> {
    if (this.#running) this.#running.cancelled = true;
    const cancelled = await this.core.execute<boolean>("cancel");
    if (cancelled === false) this.core.answer("info", "No probe is running.");
  }

  /** Measures, and shows what came out. */
  async run(order: Order): Promise<void> {
    if (!vscode.workspace.isTrusted) {
      this.core.answer("error", "Probing is off in Restricted Mode: nothing is run in a workspace that is not trusted.", {
        "Manage Trust": () => vscode.commands.executeCommand("workbench.trust.manage"),
      });
      return;
    }
    if (this.#running?.cancelled === true) await this.#last;
    if (this.#isBusy) {
      this.core.answer("error", "A probe is running; cancel it first, or wait.", {
        "Cancel It": () => this.cancel(),
      });
      return;
    }
    // From here on, so that two clicks are one probe.
    this.#isBusy = true;
    const work = this.#probed(order).finally(() => {
      this.#isBusy = false;
    });
    this.#last = work.catch(() => undefined);
    await work;
  }

  async #probed(order: Order): Promise<void> {
    const wishes = await this.#wishes(order);
    if (order.script === true && !(await this.#agreed(order, wishes))) return;
    const answer = await this.#measured(order, wishes);
    if (answer) this.#show(order, answer);
  }

  async #wishes(order: Order): Promise<Record<string, unknown>> {
    const uri = vscode.Uri.parse(order.uri, true);
    const [interpreter, python] = [await this.core.probeInterpreter(uri), await chosenInterpreter(uri)];
    return {
      ...(interpreter === undefined ? {} : { interpreter }),
      ...(python === undefined ? {} : { python, chosenBy: CHOSEN_BY }),
      ...(order.device === undefined ? {} : { device: order.device }),
    };
  }

  /** Asks whether the user's program may run; it is saved with its modules, since it is the files that run. */
  async #agreed(order: Order, wishes: Record<string, unknown>): Promise<boolean> {
    const uri = vscode.Uri.parse(order.uri, true);
    if (uri.scheme !== "file") {
      this.core.answer("error", "Save the program first: it is the file that runs.");
      return false;
    }
    for (const document of programFiles(uri)) {
      if (!(await document.save())) {
        this.core.answer("error", `${path.posix.basename(document.uri.path)} could not be saved, and it is the file that runs.`);
        return false;
      }
    }
    const asked = await this.core.execute<Question>("scriptQuestion", order.uri, order.fingerprint, wishes);
    if (!asked) return false;
    if (asked.question === undefined) {
      this.core.answer("error", sentence(asked.message ?? "the program cannot be run"));
      return false;
    }
    const detail = asked.detail ?? "";
    const chosen = await vscode.window.showWarningMessage(asked.question, { modal: true, detail }, RUN);
    return chosen === RUN;
  }

  async #measured(order: Order, wishes: Record<string, unknown>): Promise<ProbeAnswer | undefined> {
    const id = crypto.randomUUID();
    const title = order.script === true ? "trainlint: running your program" : "trainlint: probing";
    try {
      return await vscode.window.withProgress(
        { location: vscode.ProgressLocation.Notification, title, cancellable: true },
        async (progress, token) => {
          const running = { id, report: (message: string) => { progress.report({ message }); }, cancelled: false };
          this.#running = running;
          this.core.changed();
          const cancelled = token.onCancellationRequested(() => {
            running.cancelled = true;
            void this.core.execute("cancel");
          });
          try {
            const given = { ...wishes, progress: id, ...(order.script === true ? { script: true, agreed: true } : {}) };
            return await this.core.execute<ProbeAnswer>("probe", order.uri, order.fingerprint, given);
          } finally {
            cancelled.dispose();
          }
        },
      );
    } finally {
      this.#running = undefined;
      this.core.changed();
    }
  }

  #show(order: Order, answer: ProbeAnswer): void {
    if (answer.cancelled === true) {
      // Whoever cancelled it knows.
      this.core.log.info("the probe was cancelled");
      return;
    }
    if (answer.error !== undefined || !answer.available) {
      const ways: Record<string, () => unknown> =
        answer.error === "no-backend" || answer.error === "no-interpreter"
          ? { "Choose an Interpreter": () => openSetting("trainlint.probe.interpreter") }
          : { "Show Log": () => { this.core.showLog(); } };
      this.core.answer("error", sentence(answer.message), ways);
      return;
    }
    if (answer.report === undefined) {
      this.core.answer("info", sentence(answer.message));
      return;
    }
    this.#shown = order;
    this.core.log.info(`probed: ${answer.message.split(".")[0] ?? ""}`);
    const name = path.posix.basename(vscode.Uri.parse(order.uri, true).path);
    const asked: Asked = { file: name, fingerprint: order.fingerprint, home: os.homedir() };
    const title = `Probe of ${name}`;
    this.#panel.show(title, probeBody(answer, asked), answer.style);
  }

  async #pressed(message: Message): Promise<void> {
    const shown = this.#shown;
    if (!shown) return;
    switch (message.do) {
      case "reveal":
        await reveal(message.place);
        break;
      case "repair":
        await this.#repair(shown.uri, message.fingerprint);
        break;
      case "probe":
        await this.run({ ...shown, fingerprint: message.fingerprint, script: false });
        break;
      case "script":
        await this.run({ ...shown, fingerprint: message.fingerprint, script: true });
        break;
      case "explain":
        await vscode.commands.executeCommand("trainlint.explainRule", message.rule);
        break;
      case "state":
        break;
    }
  }

  async #repair(uri: string, fingerprint: string): Promise<void> {
    const done = await this.core.execute<Applied>("repair", uri, fingerprint);
    if (!done) return;
    this.#panel.tell(done.applied ? "Repaired. Undo in the editor takes it back." : sentence(done.message));
  }

  dispose(): void {
    this.#panel.dispose();
  }
}

/** A message of the server as one shows it alone. */
export function sentence(message: string): string {
  const whole = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}

export function openSetting(name: string): Thenable<unknown> {
  return vscode.commands.executeCommand("workbench.action.openSettings", name);
}
