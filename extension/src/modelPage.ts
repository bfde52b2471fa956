// The model view: each network from its input to its loss, with the findings on their layers, and what is unknown.
import { button, prose, sends, text } from "./html.ts";
import type { Mark, ModelAnswer, Place, Row, Table } from "./protocol.ts";
import { counted } from "./statusText.ts";

/** The body of the view; `file` is the document's name for people. */
export function modelBody(answer: ModelAnswer, file: string): string {
  const networks = answer.networks.map(network);
  return [
    '<main id="top">',
    `<header><h1>${text(file)}</h1><p class="lead">${text(summary(answer))}</p></header>`,
    '<p class="told" role="status" aria-live="polite" id="told"></p>',
    ...networks,
    elsewhere(answer.elsewhere),
    unknown(answer),
    networks.length === 0 && answer.models.length === 0 ? EMPTY : "",
    "</main>",
  ].join("\n");
}

const EMPTY =
  "<p>There is no network here that trains. " +
  "A network is shown when this file compiles and fits it, or minimizes its loss.</p>";

function summary({ models }: ModelAnswer): string {
  const understood = models.filter((each) => each.understood).length;
  if (models.length === 0) return "No model is trained in this file.";
  if (understood === models.length) return `${counted(models.length, "model")}, as trainlint understands ${models.length === 1 ? "it" : "them"}.`;
  return `${counted(models.length, "model")}: ${String(understood)} understood, ${String(models.length - understood)} not.`;
}

function network(table: Table, index: number): string {
  const layers = table.rows.filter((row) => row.place !== null);
  const sum = table.rows.find((row) => row.place === null);
  return [
    `<section aria-labelledby="network-${String(index)}">`,
    `<h2 id="network-${String(index)}">${title(table)}</h2>`,
    marks(table.findings),
    layers.length === 0 ? "" : layerList(table, layers, sum),
    notes(table.notes),
    "</section>",
  ].join("\n");
}

function title(table: Table): string {
  return table.place ? link(table.title, table.place) : text(table.title);
}

function layerList(table: Table, layers: readonly Row[], sum: Row | undefined): string {
  const cell = (row: Row, name: string): string => row.cells[table.columns.indexOf(name)] ?? "";
  const all = sum === undefined ? "" : `, ${text(cell(sum, "parameters"))} parameters`;
  return [
    `<p class="small muted">${counted(layers.length, "layer")} from the input to the output${all}</p>`,
    '<ol class="layers" aria-label="Layers">',
    ...layers.map((row) => layer(row, (name) => cell(row, name))),
    "</ol>",
  ].join("\n");
}

/** Columns of the table, what they are called beside a value, and what that means. */
const FACTS = [
  ["parameters", "parameters", "How many numbers it learns"],
  ["initial weights", "initial weights", "How its weights are drawn before training"],
  ["size", "typical size", "Of the values that come out of it before training: their root mean square"],
] as const;

function layer(row: Row, cell: (name: string) => string): string {
  const place = row.place;
  const name = cell("layer");
  const facts = FACTS.map(([name, label, told]) => [cell(name), label, told] as const)
    .filter(([value]) => value !== "")
    .map(([value, label, told]) => `<span title="${told}"><span class="label">${label}</span> ${text(value)}</span>`);
  const activation = cell("activation");
  return [
    `<li class="layer ${worst(row.findings) ?? ""}"${place ? ` ${sends({ do: "reveal", place })}` : ""}>`,
    '<span class="node" aria-hidden="true"></span>',
    `<div class="head">${place ? link(name, place, "layer-link") : text(name)}`,
    `<code class="shape">${text(cell("output"))}</code>`,
    activation === "" || activation === "linear" ? "" : `<span class="activation">${text(activation)}</span>`,
    `<span class="line muted">${cell("line").startsWith("cell") ? "" : "line "}${text(cell("line"))}</span></div>`,
    facts.length === 0 ? "" : `<div class="facts">${facts.join("")}</div>`,
    marks(row.findings),
    "</li>",
  ].join("");
}

const GRAVE = ["error", "warning", "info"] as const;
const SIGNS: Readonly<Record<string, string>> = { error: "Error", warning: "Warning", info: "Information" };

function worst(found: readonly Mark[]): string | undefined {
  return GRAVE.find((severity) => found.some((each) => each.severity === severity));
}

function marks(found: readonly Mark[]): string {
  if (found.length === 0) return "";
  // One thing said of the weights and of the biases of a layer is said once.
  const times = new Map<string, { readonly mark: Mark; count: number }>();
  for (const mark of found) {
    const same = times.get(`${mark.rule} ${mark.message}`);
    if (same) same.count += 1;
    else times.set(`${mark.rule} ${mark.message}`, { mark, count: 1 });
  }
  const grave = ({ mark }: { readonly mark: Mark }): number => GRAVE.findIndex((each) => each === mark.severity);
  const items = [...times.values()].sort((one, other) => grave(one) - grave(other)).map(
    ({ mark, count }) =>
      `<li class="${text(mark.severity)}"><span class="sign">${SIGNS[mark.severity] ?? "Hint"}</span> ` +
      `<a href="#" title="Explain this rule" ${sends({ do: "explain", rule: mark.rule })}>${text(mark.rule)}</a> ` +
      `${prose(mark.message)}${where(mark.place)}` +
      `${count > 1 ? ` <span class="small">(${String(count)} times)</span>` : ""}</li>`,
  );
  return `<ul class="marks">${items.join("")}</ul>`;
}

function where(place: Place | null): string {
  return place ? ` (${link(place.label, place)})` : "";
}

function notes(found: readonly string[]): string {
  return found.length === 0 ? "" : `<ul class="notes">${found.map((each) => `<li>${text(each)}</li>`).join("")}</ul>`;
}

function elsewhere(found: readonly Mark[]): string {
  if (found.length === 0) return "";
  return `<section aria-labelledby="elsewhere"><h2 id="elsewhere">Elsewhere in this file</h2>${marks(found)}</section>`;
}

function unknown({ models, statements }: ModelAnswer): string {
  const missing = models.filter((each) => !each.understood || each.missing.length > 0);
  if (missing.length === 0 && statements.length === 0) return "";
  const made = ['<section aria-labelledby="unknown"><h2 id="unknown">What is not known</h2>'];
  if (missing.length > 0) {
    made.push('<ul class="unknown">');
    for (const model of missing) {
      const where = model.place ? link(model.place.label, model.place) : "";
      const told = model.understood ? "understood, but for" : "not understood";
      const reasons = model.missing.map((each) => prose(each)).join("; ");
      made.push(`<li>The model of ${where}: ${told}${reasons === "" ? "" : `: ${reasons}`}</li>`);
    }
    made.push("</ul>");
  }
  if (statements.length > 0) {
    made.push("<p>A comment can tell what no code shows; complete it after it is put in.</p>", '<ul class="unknown">');
    for (const each of statements) {
      const where = each.place ? `, ${link(each.place.label, each.place)}` : "";
      const label = `State what ${each.name} is`;
      made.push(
        `<li><code>${text(each.name)}</code>${where} ${button({ label, message: { do: "state", comment: each.comment }, title: each.comment })}</li>`,
      );
    }
    made.push("</ul>");
  }
  made.push("</section>");
  return made.join("\n");
}

function link(label: string, place: Place, className = ""): string {
  return `<a href="#"${className === "" ? "" : ` class="${className}"`} ${sends({ do: "reveal", place })}>${text(label)}</a>`;
}
