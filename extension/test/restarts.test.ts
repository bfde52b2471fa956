import assert from "node:assert/strict";
import { test } from "node:test";
import { gaveUp, reason, Restarts } from "../src/restarts.ts";

void test("five crashes in three minutes are followed by a restart, the sixth is not", () => {
  const restarts = new Restarts();
  const decisions = [0, 10, 20, 30, 40, 50].map((second) => restarts.crashed(second * 1000).restart);

  assert.deepEqual(decisions, [true, true, true, true, true, false]);
});

void test("crashes that are three minutes old are forgotten", () => {
  const restarts = new Restarts();
  for (let second = 0; second < 5; second++) restarts.crashed(second * 1000);

  assert.deepEqual(restarts.crashed(184_000), { restart: true, count: 1 });
});

void test("whoever restarts by hand begins anew", () => {
  const restarts = new Restarts();
  for (let second = 0; second < 6; second++) restarts.crashed(second);
  restarts.forget();

  assert.equal(restarts.crashed(7).restart, true);
});

void test("the reason is the end of the process and the last line of its errors", () => {
  assert.equal(reason(1, null, "Traceback\n  File x\nValueError: no\n\n"), "ended with status 1: ValueError: no");
  assert.equal(reason(null, "SIGKILL", ""), "was ended by SIGKILL");
  assert.match(gaveUp("was ended by SIGKILL"), /crashed 6 times in three minutes .* The last time it was ended by SIGKILL\.$/);
});
