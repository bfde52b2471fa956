import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test, type TestContext } from "node:test";
import { askVersion, candidates, choose, isInside, type Candidate } from "../src/pythons.ts";
import { bundled, fromPath, noPython } from "../src/serverCommand.ts";

const SUPPORTED = ["3.10", "3.11"];

/** A folder with executables of these names. */
function folderWith(context: TestContext, ...names: string[]): string {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "trainlint-")));
  context.after(() => {
    fs.rmSync(folder, { recursive: true });
  });
  for (const name of names) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  }
  return folder;
}

function versions(known: Record<string, string>): (python: string) => Promise<string | undefined> {
  return (python) => Promise.resolve(known[python]);
}

void test("the setting comes first, then the Python extension, then the PATH", (context) => {
  const folder = folderWith(context, "python3", "python");
  const where = { setting: ["/mine/python"], extension: "/chosen/python", searchPath: folder, platform: "linux" as const };

  assert.deepEqual(
    candidates(where).map((each) => each.path),
    ["/mine/python", "/chosen/python", path.join(folder, "python3"), path.join(folder, "python")],
  );
});

void test("a command is looked up on the PATH, and a relative folder of it is passed over", (context) => {
  const folder = folderWith(context, "python3.12");
  const searchPath = `.:bin:${folder}`;
  const found = candidates({ setting: ["python3.12"], extension: undefined, searchPath, platform: "linux" });

  assert.deepEqual(found, [{ path: path.join(folder, "python3.12"), why: "named by the setting trainlint.interpreter" }]);
});

void test("the first Python of a supported version is taken, and why others are not is remembered", async () => {
  const found: Candidate[] = ["/old", "/none", "/good", "/other"].map((each) => ({ path: each, why: "a test" }));
  const choice = await choose(found, SUPPORTED, versions({ "/old": "3.8", "/good": "3.11", "/other": "3.10" }));

  assert.equal(choice.python?.path, "/good");
  assert.equal(choice.python.version, "3.11");
  assert.deepEqual(choice.refused.map((each) => each.reason), ["it is Python 3.8", "it cannot be run"]);
});

void test("in a workspace that is not trusted nothing from inside of it is even asked for its version", async (context) => {
  const workspace = folderWith(context, ".venv/bin/python");
  const outside = folderWith(context, "python3");
  fs.symlinkSync(path.join(outside, "python3"), path.join(workspace, "linked"));
  fs.symlinkSync(path.join(workspace, ".venv/bin/python"), path.join(outside, "inward"));
  const asked: string[] = [];
  const found = [
    path.join(workspace, ".venv/bin/python"),
    path.join(workspace, "linked"),
    path.join(outside, "inward"),
    path.join(outside, "python3"),
  ].map((each) => ({ path: each, why: "a test" }));

  const choice = await choose(
    found,
    SUPPORTED,
    (python) => {
      asked.push(python);
      return Promise.resolve("3.11");
    },
    [workspace],
  );

  assert.deepEqual(asked, [path.join(outside, "python3")]);
  assert.equal(choice.python?.path, path.join(outside, "python3"));
  assert.equal(choice.refused.length, 3);
});

void test("a folder whose name begins like the workspace's is outside of it", (context) => {
  const folder = folderWith(context, "work/python", "work2/python");

  assert.equal(isInside(path.join(folder, "work2/python"), path.join(folder, "work")), false);
  assert.equal(isInside(path.join(folder, "work/python"), path.join(folder, "work")), true);
});

void test("a real Python tells its version, and what is none tells nothing", async (context) => {
  const folder = folderWith(context, "python3");

  assert.match((await askVersion("python3")) ?? "", /^3\.\d+$/);
  assert.equal(await askVersion(path.join(folder, "python3")), undefined);
  assert.equal(await askVersion("/nowhere/python"), undefined);
});

void test("no Python is one sentence that names the first and the reason", () => {
  const refused = [
    { candidate: { path: "/usr/bin/python3" }, reason: "it is Python 3.8" },
    { candidate: { path: "/usr/bin/python" }, reason: "it cannot be run" },
  ];

  assert.equal(
    noPython({ refused }, "3.14"),
    "trainlint needs Python 3.10 to 3.14 to run its server; " +
      "/usr/bin/python3 cannot be used: it is Python 3.8 (and 1 more in the log).",
  );
  assert.equal(noPython({ refused: [] }, "3.14"), "trainlint needs Python 3.10 to 3.14 to run its server, and no Python was found.");
});

void test("the bundled server is started isolated and by its path", () => {
  const python = { path: "/usr/bin/python3", why: "python3 on the PATH", version: "3.11" };
  const { command, args, how } = bundled(python, { start: "/ext/bundled/start.py", pythons: SUPPORTED });

  assert.equal(command, "/usr/bin/python3");
  assert.deepEqual(args, ["-I", "-S", "-X", "utf8", "/ext/bundled/start.py", "server"]);
  assert.match(how, /Python 3\.11 \(\/usr\/bin\/python3, python3 on the PATH\)/);
});

void test("of the user's paths the first that exists is run", () => {
  assert.deepEqual(fromPath(["/a", "/b"], (file) => file === "/b")?.command, "/b");
  assert.equal(fromPath(["/a"], () => false), undefined);
});
