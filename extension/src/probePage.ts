// What the probe's panel shows: the verdict and what can be done about it, the server's report, the other findings.
import { button, prose, sends, text } from "./html.ts";
import type { OtherFinding, ProbeAnswer, ProbedFinding } from "./protocol.ts";

export interface Asked {
  /** The file, for people. */
  readonly file: string;
  /** The finding that was asked about, null for all of the model. */
  readonly fingerprint: string | null;
  /** The user's home, which paths are written from. */
  readonly home?: string;
}

/** The body of the panel. */
export function probeBody(answer: ProbeAnswer, asked: Asked): string {
  return [
    '<main id="top">',
    heading(answer, asked),
    '<p class="told" role="status" aria-live="polite" id="told"></p>',
    answer.report ?? "",
    others(answer.others ?? []),
    "</main>",
  ].join("\n");
}

function heading(answer: ProbeAnswer, asked: Asked): string {
  const findings = answer.findings ?? [];
  const only = asked.fingerprint === null ? undefined : findings[0];
  const title = answer.script
    ? `${text(asked.file)} on its own data`
    : only
      ? `Probe of ${text(only.rule)}`
      : `Probe of ${text(asked.file)}`;
  const chip = answer.importance
    ? `<p class="verdict" data-spoken><span class="chip ${text(answer.importance.colour)}">${text(answer.importance.title)}</span></p>`
    : "";
  return [
    "<header>",
    `<h1 data-spoken>${title}</h1>`,
    chip,
    // Made by the server, which escapes what it quotes.
    `<p class="lead" data-spoken>${answer.lead ?? text(answer.message)}</p>`,
    buttons(answer, asked, only),
    measured(answer, asked),
    "</header>",
  ].join("\n");
}

function buttons(answer: ProbeAnswer, asked: Asked, only: ProbedFinding | undefined): string {
  const made: string[] = [];
  const harmful = (answer.findings ?? []).filter((each) => each.evidence.result?.verdict === "confirmed");
  const first = only ?? harmful[0] ?? answer.findings?.[0];
  if (first) {
    const label = only ? "Apply the repair" : `Repair ${first.rule}`;
    const title = first.fixes[0]?.title ?? "Changes the text; undo takes it back";
    made.push(button({ label, message: { do: "repair", fingerprint: first.fingerprint }, primary: true, title }));
    if (first.place) made.push(button({ label: "Show in the code", message: { do: "reveal", place: first.place } }));
  }
  if (answer.script) {
    if (asked.fingerprint !== null) {
      const title = "Changes the text; undo takes it back";
      made.push(button({ label: "Apply the repair", message: { do: "repair", fingerprint: asked.fingerprint }, primary: true, title }));
    }
    made.push(button({ label: "Run again…", message: { do: "script", fingerprint: asked.fingerprint } }));
    made.push(button({ label: "Probe on synthetic data", message: { do: "probe", fingerprint: asked.fingerprint } }));
  } else {
    made.push(
      button({
        label: "Probe on your own data…",
        message: { do: "script", fingerprint: asked.fingerprint },
        title: "Runs your program as written and repaired; asks before it does",
      }),
    );
    made.push(button({ label: "Probe again", message: { do: "probe", fingerprint: asked.fingerprint } }));
  }
  return `<div class="toolbar" role="group" aria-label="What to do">${made.join("")}</div>`;
}

/** With which interpreter, on which device, for how long. */
function measured(answer: ProbeAnswer, { home }: Asked): string {
  const parts: string[] = [];
  if (answer.interpreter) {
    parts.push(`Measured with <code>${text(short(answer.interpreter.path, home))}</code> (${text(answer.interpreter.reason)})`);
  }
  const network = answer.networks?.[0];
  if (network?.device?.name !== undefined) {
    parts.push(`on ${text(network.device.name === "cpu" ? "the CPU" : network.device.name)}`);
  }
  return parts.length === 0 ? "" : `<p class="small muted">${parts.join(" ")}.</p>`;
}

function short(file: string, home: string | undefined): string {
  return home !== undefined && home.length > 1 && file.startsWith(`${home}/`) ? `~${file.slice(home.length)}` : file;
}

function others(found: readonly OtherFinding[]): string {
  if (found.length === 0) return "";
  return [
    '<section aria-labelledby="others">',
    '<h2 id="others">The other findings of this file</h2>',
    '<ul class="findings">',
    ...found.map(other),
    "</ul>",
    button({ label: "Probe the whole model", message: { do: "probe", fingerprint: null } }),
    "</section>",
  ].join("\n");
}

function other(each: OtherFinding): string {
  const where = each.place
    ? `<a href="#" ${sends({ do: "reveal", place: each.place })}>${text(each.place.label)}</a>`
    : "";
  return [
    "<li>",
    `<strong>${text(each.rule)}</strong> ${where} ${attribution(each)}`,
    `<p>${prose(each.message)}</p>`,
    "</li>",
  ].join("");
}

const COLOURS: Readonly<Record<string, string>> = {
  necessary: "red",
  contributing: "red",
  confirmed: "red",
  "slows-down": "yellow",
  "not-reproduced": "green",
  "harmless-here": "green",
};

function attribution({ result, current }: OtherFinding): string {
  if (result === null) return '<span class="chip muted">not probed</span>';
  const key = result.attribution ?? result.verdict;
  const when = current ? "" : ' <span class="small muted">before the last change</span>';
  return `<span class="chip ${COLOURS[key] ?? "cyan"}">${text(key.replaceAll("-", " "))}</span>${when}`;
}
