// What the language status item says.

export interface Known {
  /** False where checking is switched off. */
  readonly enabled?: boolean;
  readonly concerns?: boolean;
  readonly models?: number;
  readonly understood?: number;
  readonly findings?: number;
  readonly failed?: boolean;
}

export type Server = "starting" | "running" | "stopped";

export interface State {
  readonly server: Server;
  /** Why it is stopped, in a sentence. */
  readonly problem?: string | undefined;
  readonly checking: boolean;
  readonly probing: boolean;
  readonly trusted: boolean;
  /** What is known of the document in front; undefined before its first check. */
  readonly known?: Known | undefined;
}

export interface Shown {
  readonly text: string;
  readonly detail: string;
  readonly busy: boolean;
  readonly severity: "information" | "warning" | "error";
}

export function status(state: State): Shown {
  const shown = { busy: false, severity: "information" as const, detail: "" };
  const restricted = state.trusted ? "" : "Restricted Mode: nothing is run";
  if (state.server === "stopped") {
    return { ...shown, text: "not running", detail: state.problem ?? "", severity: "error" };
  }
  if (state.server === "starting") return { ...shown, text: "starting", busy: true };
  if (state.probing) return { ...shown, text: "probing", detail: "training short experiments", busy: true };
  if (state.checking) return { ...shown, text: "checking", detail: restricted, busy: true };
  const known = state.known;
  if (known?.failed === true) return { ...shown, text: "could not check this file", severity: "error" };
  if (known === undefined) return { ...shown, text: "ready", detail: restricted };
  if (known.enabled === false) return { ...shown, text: "switched off", detail: "by the setting trainlint.lint.enable" };
  if (known.concerns === false) return { ...shown, text: "nothing to check", detail: "this file names no TensorFlow or Keras" };
  return { ...shown, text: models(known), detail: [findings(known), restricted].filter((each) => each !== "").join("; ") };
}

function models({ models = 0, understood = 0 }: Known): string {
  if (models === 0) return "no model here";
  if (understood === models) return models === 1 ? "1 model understood" : `${String(models)} models understood`;
  return `${String(understood)} of ${counted(models, "model")} understood`;
}

function findings({ findings = 0 }: Known): string {
  return findings === 0 ? "no findings" : counted(findings, "finding");
}

export function counted(count: number, noun: string): string {
  return `${String(count)} ${noun}${count === 1 ? "" : "s"}`;
}
