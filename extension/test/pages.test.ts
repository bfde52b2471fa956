import assert from "node:assert/strict";
import { test } from "node:test";
import { page, prose, sends } from "../src/html.ts";
import { modelBody } from "../src/modelPage.ts";
import { probeBody } from "../src/probePage.ts";
import type { ModelAnswer, ProbeAnswer } from "../src/protocol.ts";
import { linked } from "../src/hovers.ts";

const HOSTILE = `<img src=x onerror="alert('1')">`;
const PLACE = { uri: "file:///train.py", line: 4, character: 2, label: "line 5" };

const MODEL: ModelAnswer = {
  models: [
    { place: PLACE, understood: true, missing: [] },
    { place: PLACE, understood: false, missing: ["`cfg.layers` is unknown"] },
  ],
  networks: [
    {
      title: "The network behind the loss of line 5",
      columns: ["line", "layer", "output", "parameters", "activation", "initial weights", "size"],
      place: PLACE,
      rows: [
        {
          cells: ["5", "Dense", "[batch, 10]", "110", "relu", HOSTILE, "0.7"],
          place: PLACE,
          findings: [
            { rule: "random-bias", severity: "info", message: "starts at random", fingerprint: "a", place: PLACE },
            { rule: "random-bias", severity: "info", message: "starts at random", fingerprint: "b", place: PLACE },
            { rule: "oversized-initial-weights", severity: "warning", message: HOSTILE, fingerprint: "c", place: null },
          ],
        },
        { cells: ["", "all", "", "110", "", "", ""], place: null, findings: [] },
      ],
      notes: ["Optimizer: Adam."],
      findings: [],
    },
  ],
  elsewhere: [{ rule: "unscaled-inputs", severity: "error", message: "raw", fingerprint: "d", place: PLACE }],
  statements: [{ name: "x", comment: "# trainlint: x float32[n]", place: PLACE, models: 1 }],
};

const PROBE: ProbeAnswer = {
  available: true,
  message: "it was confirmed",
  importance: { title: "Necessary", colour: "red" },
  lead: "Repair <code>it</code> first.",
  report: "<section>the report</section>",
  interpreter: { path: "/venv/bin/python", reason: "chosen in the Python extension" },
  networks: [{ backend: "tensorflow 2.21.0", device: { name: "cpu" }, seconds: 3 }],
  findings: [
    {
      rule: "silent-loss-broadcast", code: "TL701", message: "they broadcast", fingerprint: "f1", place: PLACE,
      evidence: { result: { verdict: "confirmed", attribution: "necessary", text: "" } }, fixes: [],
    },
  ],
  others: [
    {
      rule: "random-bias", code: "TL103", message: HOSTILE, fingerprint: "f2", place: PLACE, current: false,
      result: { verdict: "not-reproduced", attribution: "harmless-here", text: "" },
    },
    { rule: "unscaled-inputs", code: "TL601", message: "raw", fingerprint: "f3", place: null, current: true, result: null },
  ],
};

void test("the page allows our style sheet and our script, and nothing else", () => {
  const made = page({
    title: HOSTILE, body: "", style: "p {}</style><script>", nonce: "abc", source: "https://host", styleSheet: "s.css", script: "s.js",
  });
  const policy = /Content-Security-Policy" content="([^"]*)"/.exec(made)?.[1];

  assert.equal(policy, "default-src &#39;none&#39;; style-src https://host &#39;nonce-abc&#39;; script-src &#39;nonce-abc&#39;");
  assert.equal(made.includes("</style><script>"), false);
  assert.equal(made.includes("<img"), false);
});

void test("what a program says is shown as text", () => {
  for (const body of [modelBody(MODEL, HOSTILE), probeBody(PROBE, { file: HOSTILE, fingerprint: "f1" })]) {
    assert.equal(body.includes("<img"), false);
    assert.equal(body.includes("&lt;img"), true);
    assert.doesNotMatch(body, /\sstyle=|\son\w+="/);
  }
  assert.equal(prose("`a<b` & c"), "<code>a&lt;b</code> &amp; c");
});

void test("a message of a page survives its attribute", () => {
  const attribute = sends({ do: "state", comment: `# "x" & 'y'` });

  const decoded = attribute.slice('data-message="'.length, -1).replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&amp;", "&");
  assert.deepEqual(JSON.parse(decoded), { do: "state", comment: `# "x" & 'y'` });
});

void test("the verdict comes first, then what to do, how it was measured, the report, and the other findings", () => {
  const body = probeBody(PROBE, { file: "train.py", fingerprint: "f1", home: "/venv" });
  const parts = [
    "Probe of silent-loss-broadcast", "Necessary", "Repair <code>it</code> first.", "Apply the repair", "Show in the code",
    "Probe on your own data", "<code>~/bin/python</code>", "chosen in the Python extension", "on the CPU", "the report",
    "The other findings", "harmless here", "before the last change", "not probed", "Probe the whole model",
  ];
  const places = parts.map((part) => body.indexOf(part));

  assert.equal(places.includes(-1), false, parts[places.indexOf(-1)]);
  assert.deepEqual([...places].sort((one, other) => one - other), places);
});

void test("a probe of all findings is named by its file and repairs what was confirmed", () => {
  const body = probeBody(PROBE, { file: "train.py", fingerprint: null });

  assert.match(body, /<h1 data-spoken>Probe of train\.py<\/h1>/);
  assert.match(body, /Repair silent-loss-broadcast/);
});

void test("a run of the program has no report to probe again, but can be run again", () => {
  const body = probeBody({ ...PROBE, script: { entry: "train.py" }, findings: [], others: [], importance: null }, { file: "train.py", fingerprint: null });

  assert.match(body, /train\.py on its own data/);
  assert.match(body, /Run again/);
  assert.doesNotMatch(body, /Probe again/);
});

void test("the model view tells layers, findings on their layer, what is unknown and what could be stated", () => {
  const body = modelBody(MODEL, "train.py");
  const parts = [
    "2 models: 1 understood, 1 not.", "1 layer from the input to the output, 110 parameters", 'class="layer warning"', "Dense",
    "[batch, 10]", "relu", "random-bias", "(2 times)", "oversized-initial-weights", "Optimizer: Adam.", "Elsewhere in this file", "unscaled-inputs", "What is not known",
    "<code>cfg.layers</code> is unknown", "State what x is",
  ];

  assert.deepEqual(parts.filter((part) => !body.includes(part)), []);
});

void test("a file without a network says when one is shown", () => {
  assert.match(modelBody({ models: [], networks: [], statements: [], elsewhere: [] }, "other.py"), /There is no network here/);
});

void test("the link of a hover leads to the rendered page of the rule", () => {
  assert.equal(
    linked("**[random-bias](file:///cache/0.1.0/rules/random-bias.md)** · TL103"),
    '**[random-bias](command:trainlint.explainRule?%5B%22random-bias%22%5D "Show the page of this rule")** · TL103',
  );
  assert.equal(linked("[x](https://example.invalid/rules/a.md)"), "[x](https://example.invalid/rules/a.md)");
});
