import assert from "node:assert/strict";
import { test } from "node:test";
import { status, type State } from "../src/statusText.ts";

const RUNNING: State = { server: "running", checking: false, probing: false, trusted: true };

function texts(state: Partial<State>): [string, string] {
  const shown = status({ ...RUNNING, ...state });
  return [shown.text, shown.detail];
}

void test("the status says how many models were understood, and how much was found", () => {
  assert.deepEqual(texts({ known: { concerns: true, models: 3, understood: 2, findings: 1 } }), [
    "2 of 3 models understood",
    "1 finding",
  ]);
  assert.deepEqual(texts({ known: { concerns: true, models: 1, understood: 1, findings: 0 } }), [
    "1 model understood",
    "no findings",
  ]);
  assert.deepEqual(texts({ known: { concerns: true, models: 0, understood: 0, findings: 2 } })[0], "no model here");
  assert.deepEqual(texts({ known: { concerns: false } })[0], "nothing to check");
  assert.deepEqual(texts({ known: { enabled: false } })[0], "switched off");
});

void test("what is being done comes before what is known", () => {
  const known = { concerns: true, models: 1, understood: 1 };

  assert.equal(texts({ known, checking: true })[0], "checking");
  assert.equal(texts({ known, checking: true, probing: true })[0], "probing");
  assert.equal(status({ ...RUNNING, server: "starting", known }).busy, true);
});

void test("a server that does not run is an error with its reason", () => {
  const shown = status({ ...RUNNING, server: "stopped", problem: "It crashed." });

  assert.deepEqual([shown.text, shown.detail, shown.severity], ["not running", "It crashed.", "error"]);
});

void test("Restricted Mode is said", () => {
  assert.match(texts({ trusted: false, known: { concerns: true, models: 1, understood: 1 } })[1], /Restricted Mode/);
});
