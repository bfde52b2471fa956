import assert from "node:assert/strict";
import * as fs from "node:fs";
import { test } from "node:test";
import { isShown, OF_SERVER, probeInterpreter, readSettings, serverSettings } from "../src/settings.ts";
import { resolve, resolveAll, type Variables } from "../src/variables.ts";

const VARIABLES: Variables = {
  folders: [
    { name: "one", path: "/code/one" },
    { name: "two", path: "/code/two" },
  ],
  home: "/users/me",
  environment: { CONDA: "/opt/conda" },
  interpreter: "/code/one/.venv/bin/python",
};

function reading(given: Record<string, unknown>): (name: string) => unknown {
  return (name) => given[name];
}

void test("variables are replaced as in other extensions", () => {
  assert.equal(resolve("${workspaceFolder}/.venv", VARIABLES), "/code/one/.venv");
  assert.equal(resolve("${workspaceFolder:two}/x", VARIABLES), "/code/two/x");
  assert.equal(resolve("${userHome}/x ${env:CONDA}", VARIABLES), "/users/me/x /opt/conda");
  assert.equal(resolve("${interpreter}", VARIABLES), "/code/one/.venv/bin/python");
  assert.equal(resolve("~/bin/python", VARIABLES), "/users/me/bin/python");
});

void test("a variable that is not known stays as it is, one of the environment that is not set is empty", () => {
  assert.equal(resolve("${nothing} ${workspaceFolder:three}", VARIABLES), "${nothing} ${workspaceFolder:three}");
  assert.equal(resolve("a${env:NOT_SET}b", VARIABLES), "ab");
  assert.equal(resolve("${interpreter}", { ...VARIABLES, interpreter: undefined }), "${interpreter}");
});

void test("texts within lists are resolved, other values are left alone", () => {
  assert.deepEqual(resolveAll(["${userHome}", 3, true], VARIABLES), ["/users/me", 3, true]);
});

void test("settings have the defaults that users of such extensions expect", () => {
  assert.deepEqual(readSettings(reading({}), VARIABLES), {
    path: [],
    interpreter: [],
    importStrategy: "useBundled",
    showNotifications: "onError",
  });
});

void test("a setting of the wrong type counts as not given, a single text as a list", () => {
  const found = readSettings(reading({ path: 3, interpreter: "~/python", importStrategy: "other" }), VARIABLES);
  assert.deepEqual([found.path, found.interpreter, found.importStrategy], [[], ["/users/me/python"], "useBundled"]);
});

void test("the server is told its own settings, resolved, and whether it is trusted", () => {
  const given = { "lint.select": ["TL701"], "probe.interpreter": "${workspaceFolder}/.venv", path: ["x"], peek: null };
  assert.deepEqual(serverSettings(reading(given), VARIABLES, false), {
    trusted: false,
    "lint.select": ["TL701"],
    "probe.interpreter": "/code/one/.venv",
  });
});

void test("a path that begins nowhere is one of the workspace, a command is one of the PATH", () => {
  const given = { interpreter: [".venv/bin/python", "python3", "/usr/bin/python"], "probe.interpreter": "env/bin/python" };
  assert.deepEqual(readSettings(reading(given), VARIABLES).interpreter, [
    "/code/one/.venv/bin/python",
    "python3",
    "/usr/bin/python",
  ]);
  const second = { ...VARIABLES, folders: [...VARIABLES.folders].reverse() };
  assert.equal(probeInterpreter(reading(given), VARIABLES), "/code/one/env/bin/python");
  assert.equal(probeInterpreter(reading(given), second), "/code/two/env/bin/python");
  assert.equal(probeInterpreter(reading({}), VARIABLES), undefined);
  assert.equal(serverSettings(reading({}), VARIABLES, true)["probe.interpreter"], "", "no setting takes one back");
});

void test("the manifest has every setting that is read, with a description", () => {
  const manifest = JSON.parse(fs.readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    contributes: { configuration: { properties: Record<string, { markdownDescription: string; default: unknown }> } };
  };
  const texts = JSON.parse(fs.readFileSync(new URL("../../package.nls.json", import.meta.url), "utf8")) as object;
  const properties = manifest.contributes.configuration.properties;
  const names = [...OF_SERVER, "path", "interpreter", "importStrategy", "showNotifications", "trace.server"];
  assert.deepEqual(Object.keys(properties).sort(), names.map((name) => `trainlint.${name}`).sort());
  const used = [...fs.readFileSync(new URL("../../package.json", import.meta.url), "utf8").matchAll(/"%([^%]+)%"/g)];
  assert.deepEqual(used.map((each) => each[1]).filter((name) => !(String(name) in texts)), []);
  assert.deepEqual(Object.keys(texts).filter((name) => !used.some((each) => each[1] === name)), []);
});

void test("the pictures that manifest and README name are there, and no others", () => {
  const root = new URL("../../", import.meta.url);
  const named = ["package.json", "README.md", "extension/README.md"].flatMap((file) =>
    [...fs.readFileSync(new URL(file, root), "utf8").matchAll(/media\/pictures\/([\w-]+\.png)/g)].map((each) => String(each[1])),
  );
  const there = fs.readdirSync(new URL("extension/media/pictures", root));
  assert.deepEqual([...new Set(named)].sort(), there.sort());
});

void test("messages are shown as far as somebody wants them", () => {
  assert.deepEqual(
    (["off", "onError", "onWarning", "always"] as const).map((wanted) =>
      (["error", "warning", "info"] as const).filter((level) => isShown(level, wanted)),
    ),
    [[], ["error"], ["error", "warning"], ["error", "warning", "info"]],
  );
});
