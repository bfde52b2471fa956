// What a user sees and does, in a real workbench with the package as it is installed.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, afterEach, before, describe, test, type TestContext } from "node:test";
import { INSTALLED, PROBE_PYTHON, processes, ROOT, SLOW, until, Workbench } from "./workbench.ts";

const SEED = "seed003_always_half.py";
const NOTEBOOK = "always_half.ipynb";
const SEEDS = fs
  .readdirSync(path.join(ROOT, "fixtures", "seeds"))
  .filter((name) => name.endsWith(".py") && !name.endsWith("_repaired.py"));

/** The findings that a seed says it has: rule, and line counted from 1. */
function expected(name: string): { rule: string; line: number }[] {
  const lines = fs.readFileSync(path.join(ROOT, "fixtures", "seeds", name), "utf8").split("\n");
  return lines.flatMap((text, index) => {
    const told = /# expect(-next)?: (.*)$/.exec(text);
    if (!told) return [];
    const line = index + 1 + (told[1] === undefined ? 0 : 1);
    return (told[2] ?? "").split(", ").map((each) => {
      return { rule: /^[a-z0-9-]+/.exec(each.trim())?.[0] ?? "", line };
    });
  });
}

/** The panel of problems as pairs of a rule and a line. */
function listed(problems: readonly string[]): { rule: string; line: number }[] {
  return problems.flatMap((row) => {
    const [whole, rule = "", line] = /trainlint\(?([a-z0-9-]+)\)?\[Ln(\d+),Col\d+\]/.exec(row) ?? [];
    return whole === undefined ? [] : [{ rule, line: Number(line) }];
  });
}

/** What a test saw that failed. */
async function pictured(workbench: Workbench, context: unknown): Promise<void> {
  if ((context as TestContext & { passed?: boolean }).passed === false) await workbench.picture("failed");
}

const KEYS = (each: { rule: string; line: number }): string => `${String(each.line)} ${each.rule}`;

const DTYPE = `import tensorflow as tf

weights = tf.Variable(tf.zeros([3, 1]), tf.float32)
biases = tf.Variable(tf.zeros([1]), tf.float32)
print(weights, biases)
`;

for (const theme of ["light", "dark"] as const) {
  void describe(`a script, ${theme}`, () => {
    let workbench: Workbench;

    before(async () => {
      workbench = await Workbench.start({
        name: theme,
        theme,
        files: [...SEEDS.map((name) => `fixtures/seeds/${name}`), `fixtures/notebooks/${NOTEBOOK}`],
        texts: { "switched.py": DTYPE },
        chosenPython: PROBE_PYTHON,
        settings: { "editor.codeActionsOnSave": { "source.fixAll.trainlint": "explicit" } },
      });
    });

    after(async () => {
      await workbench.stop();
    });

    afterEach(async (context) => {
      await pictured(workbench, context);
    });

    void test("the finding is underlined, and the hover explains it", async () => {
      const began = Date.now();
      await workbench.open(SEED);
      await workbench.squiggles.first().waitFor(SLOW);
      process.stdout.write(`# ${theme}: the first squiggle came ${String(Date.now() - began)} ms after the double click\n`);
      await workbench.goTo(52, 24);
      const hover = await workbench.hover();
      await workbench.picture("finding");
      await workbench.page.keyboard.press("Escape");

      assert.match(hover, /labels \[128\] against predictions \[128, 1\] broadcast/);
      assert.match(hover, /Repair: Make the labels a column/);
      assert.match(hover, /shape \[batch, batch\]/);
    });

    void test("the status says how much was understood, and leads to the log", async () => {
      const status = workbench.page.locator('[id="status.languageStatus"]');
      await until(
        async () => ((await status.getAttribute("aria-label")) ?? "").includes("1 model understood, 21 findings"),
        "the status of the file",
      );
      await status.hover();
      const shown = workbench.page.locator(".hover-language-status");
      await shown.first().waitFor(SLOW);
      assert.match(await shown.first().innerText(), /Show Log/);
      await workbench.focus(SEED);
    });

    void test("the quick fix of a finding offers its repair, a comment, its page and its probe", async () => {
      await workbench.goTo(52, 24);
      const titles = await workbench.quickFixes();
      await workbench.picture("repair");
      await workbench.page.keyboard.press("Escape");

      for (const title of [/Make the labels a column/, /Ignore silent-loss-broadcast on this line/, /Explain silent-/, /Probe silent-/]) {
        assert.ok(titles.some((each) => title.test(each)), `${String(title)} in ${titles.join(" | ")}`);
      }
    });

    void test("the probe goes from the quick fix to a panel with its verdict", async () => {
      await workbench.goTo(52, 24);
      await workbench.quickFixes();
      await workbench.takeQuickFix("Probe silent-loss-broadcast");
      await workbench.notification("trainlint: probing").waitFor(SLOW);
      await workbench.picture("probing");
      const panel = await workbench.panel(".verdict", 240_000);
      await workbench.page.waitForTimeout(500);
      await workbench.picture("probe");

      assert.equal(await panel.locator("h1").innerText(), "Probe of silent-loss-broadcast");
      assert.equal(await panel.locator(".verdict").innerText(), "Necessary");
      assert.match(await panel.locator("header").innerText(), /~\/tensorflow\/bin\/python \(chosen in the Python extension\)/);
      assert.ok((await panel.locator("svg.chart").count()) >= 4, "curves and sizes of layers are drawn");
      assert.match(await panel.locator("#others ~ ul").innerText(), /squared-error-classifier/);
      const policy = await panel.locator("meta[http-equiv]").getAttribute("content");
      assert.match(policy ?? "", /^default-src 'none'; style-src [^;]+; script-src 'nonce-[\w-]+'$/);
    });

    void test("the panel can be used by keyboard and scrolls to its curves and layers", async () => {
      const panel = await workbench.panel(".verdict");
      await panel.locator("button").first().focus();
      await workbench.page.keyboard.press("Tab");
      assert.equal(await panel.evaluate(() => document.activeElement?.textContent), "Show in the code");
      await workbench.page.keyboard.press("Enter");
      await until(async () => (await workbench.status()).includes("Ln 52"), "the line of the finding");
      const headings = panel.locator("h3");
      for (const [index, name] of ["costs", "curves", "layers"].entries()) {
        await headings.nth(index + 1).scrollIntoViewIfNeeded();
        await headings.nth(index + 1).evaluate((element) => {
          element.scrollIntoView();
        });
        await workbench.page.waitForTimeout(300);
        await workbench.picture(name);
      }
    });

    void test("the hover then shows the measured verdict", async () => {
      await workbench.focus(SEED);
      await workbench.goTo(52, 24);
      const hover = await workbench.hover();
      await workbench.page.locator(".monaco-hover:visible", { hasText: "Probed" }).getByText("Probed:").first().scrollIntoViewIfNeeded();
      await workbench.picture("measured");
      await workbench.page.keyboard.press("Escape");

      assert.match(hover, /Probed: confirmed, necessary\./);
    });

    void test("the button of the panel applies the repair, and the panel says so", async () => {
      const panel = await workbench.panel(".verdict");
      await panel.locator("button", { hasText: "Apply the repair" }).click();
      await until(async () => (await panel.locator("#told").innerText()).startsWith("Repaired."), "the panel's answer");
      await until(async () => COLUMN.test(await workbench.text()), "the repaired line");
      await workbench.focus(SEED);
      await workbench.command("File: Revert File");
      await until(async () => !COLUMN.test(await workbench.text()), "the line as it was");
    });

    void test("the model view shows layers with their findings, and leads to the line", async () => {
      await workbench.command("trainlint: Show Model");
      const panel = await workbench.panel(".layers");
      await workbench.page.waitForTimeout(500);
      await workbench.picture("model");
      const layers = await panel.locator(".layer").allInnerTexts();

      assert.equal(layers.length, 6);
      assert.match(layers[2] ?? "", /matmul[^]*\[batch, 10\][^]*sigmoid[^]*line 35[^]*dtype-passed-as-trainable/);
      assert.match(await panel.locator("section .marks").first().innerText(), /silent-loss-broadcast/);
      assert.match(await panel.locator("main").innerText(), /Adadelta\w* with learning rate 0\.001/);
      await panel.locator(".layer-link").nth(2).focus();
      await workbench.page.keyboard.press("ArrowDown");
      await workbench.page.keyboard.press("Enter");
      await until(async () => (await workbench.status()).includes("Ln 40"), "the line of the next layer");
    });

    if (theme === "dark") return;

    void test("every seed has its findings at their lines", async () => {
      for (const name of SEEDS) {
        await workbench.closeAll();
        await workbench.open(name);
        const wanted = expected(name);
        await until(
          async () => listed(await workbench.problems()).length >= wanted.length,
          `${String(wanted.length)} findings in ${name}`,
          30_000,
        ).catch(() => undefined);
        assert.deepEqual(listed(await workbench.problems()).map(KEYS).sort(), wanted.map(KEYS).sort(), name);
      }
      await workbench.picture("problems");
      await workbench.command("View: Toggle Panel Visibility");
    });

    void test("the quick fix changes the buffer, and the finding goes", async () => {
      await workbench.closeAll();
      await workbench.open(SEED);
      await workbench.goTo(52, 24);
      await workbench.quickFixes();
      await workbench.takeQuickFix("Make the labels a column");
      await until(async () => (await workbench.text()).includes("tf.reshape(y, [-1, 1])"), "the repaired line");
      await workbench.picture("repaired");
      await until(async () => !listed(await workbench.problems()).some((each) => each.rule === "silent-loss-broadcast"), "the finding to go");
      assert.equal(workbench.read(SEED).includes("tf.reshape"), false, "the file is changed when it is saved");
      await workbench.command("View: Toggle Panel Visibility");
      await workbench.command("File: Revert File");
    });

    void test("saving applies all safe repairs where that is wanted", async () => {
      await workbench.closeAll();
      await workbench.open("switched.py");
      await workbench.squiggles.first().waitFor(SLOW);
      await workbench.page.locator(".editor-instance .view-line").first().click();
      await workbench.page.keyboard.press("Control+Home");
      await workbench.page.keyboard.type("# saved\n");
      await workbench.save();
      await workbench.saved("switched.py", (text) => text.includes("# saved") && !text.includes(", tf.float32)"));

      assert.equal(workbench.read("switched.py").match(/dtype=tf\.float32/g)?.length, 2);
    });

    void test("a probe is cancelled within seconds, and the next one runs", async () => {
      await workbench.closeAll();
      await workbench.open("seed000_dropout_blamed.py");
      await workbench.squiggles.first().waitFor(SLOW);
      await workbench.command("trainlint: Probe Model");
      const toast = workbench.notification("trainlint: probing");
      await toast.waitFor(SLOW);
      await workbench.page.waitForTimeout(1000);
      const began = Date.now();
      await toast.locator(".monaco-button", { hasText: "Cancel" }).click();
      await toast.waitFor({ state: "hidden", timeout: 15_000 });
      const seconds = (Date.now() - began) / 1000;

      assert.ok(seconds < 10, `it took ${String(seconds)} seconds`);
    });

    void test("running the program asks first, and no is no", async () => {
      await workbench.command("trainlint: Probe Program on Its Own Data");
      await workbench.dialog().waitFor(SLOW);
      await workbench.picture("question");
      const asked = await workbench.dialog().innerText();
      await workbench.page.keyboard.press("Escape");

      assert.match(asked, /Run seed000_dropout_blamed\.py \d+ times/);
      assert.match(asked, /bubblewrap|sandbox|isolated|reads and writes|read/i);
    });

    void test("a rule is explained on a page of its own", async () => {
      await workbench.command("trainlint: Explain Rule");
      const input = workbench.page.locator(".quick-input-widget input").first();
      await workbench.page.locator(".quick-input-list .monaco-list-row").first().waitFor(SLOW);
      await input.fill("silent-loss-broadcast");
      await workbench.page.keyboard.press("Enter");
      const page = await workbench.panel("h1#silent-loss-broadcast, h1:has-text('silent-loss-broadcast')");
      await workbench.picture("rule");

      assert.match(await page.locator("body").innerText(), /How to silence it/);
    });

    void test("a server that is killed comes back, and findings go on", async () => {
      await workbench.closeAll();
      await workbench.open(SEED);
      await workbench.squiggles.first().waitFor(SLOW);
      const [old] = workbench.servers();
      assert.ok(old !== undefined, "a server runs");
      process.kill(old, "SIGKILL");
      await until(() => Promise.resolve(workbench.servers().some((each) => each !== old)), "another server");
      await workbench.goTo(52, 24);
      await until(async () => (await workbench.hover()).includes("Repair:"), "the hover of the new server");
      await workbench.page.keyboard.press("Escape");
    });

    void test("a server that is killed six times stays away and says why, until it is restarted", async () => {
      // The one before counts.
      for (let killed = 1; killed < 6; killed++) {
        await until(() => Promise.resolve(workbench.servers().length > 0), "the server");
        await workbench.page.waitForTimeout(1500);
        const [pid] = workbench.servers();
        if (pid !== undefined) process.kill(pid, "SIGKILL");
        await until(() => Promise.resolve(pid === undefined || !workbench.servers().includes(pid)), "its end");
      }
      const told = workbench.notification("crashed 6 times in three minutes");
      await told.waitFor(SLOW);
      await workbench.page.waitForTimeout(800);
      await workbench.picture("crashed");
      assert.match(await told.innerText(), /ended by SIGKILL/);
      await told.locator(".monaco-button", { hasText: "Restart" }).click();
      await until(() => Promise.resolve(workbench.servers().length === 1), "the server to be back");
      await workbench.goTo(52, 24);
      await until(async () => (await workbench.hover()).includes("Repair:"), "its hover");
      await workbench.page.keyboard.press("Escape");
    });

    void test("debug information names versions, the interpreter and the settings", async () => {
      await workbench.command("trainlint: Show Debug Information");
      await until(async () => (await workbench.text()).includes("settings"), "the text");
      const text = await workbench.text();

      assert.match(text, /trainlint extension 0\.\d+\.\d+/);
      assert.match(text, /trusted: true/);
    });

    void test("the walkthrough is there, with its pictures", async () => {
      await workbench.command("Welcome: Open Walkthrough...");
      const row = workbench.page.locator(".quick-input-list .monaco-list-row", { hasText: "trainlint" }).first();
      await row.waitFor(SLOW);
      await row.click();
      await workbench.page.locator(".getting-started-category, .gettingStartedContainer", { hasText: "trainlint" }).first().waitFor(SLOW);
      await workbench.page.waitForTimeout(1500);
      await workbench.picture("walkthrough");
    });

    void test("nothing was fetched from elsewhere for it", () => {
      assert.deepEqual([...workbench.otherHosts].filter((host) => !host.includes("vscode-cdn") && !host.includes("open-vsx")), []);
    });
  });
}

void describe("a notebook", () => {
  let workbench: Workbench;

  before(async () => {
    workbench = await Workbench.start({ name: "notebook", files: [`fixtures/notebooks/${NOTEBOOK}`] });
  });

  after(async () => {
    await workbench.stop();
  });

  afterEach(async (context) => {
    await pictured(workbench, context);
  });

  void test("a finding stands in its cell, and its fix changes that cell alone", async () => {
    const before = JSON.parse(workbench.read(NOTEBOOK)) as Cells;
    await workbench.open(NOTEBOOK);
    await workbench.squiggles.first().waitFor(SLOW);
    const squiggle = workbench.page.locator(".squiggly-error").first();
    // Only the cells in sight are there.
    await workbench.page.locator(".notebookOverlay").hover();
    await until(async () => {
      await workbench.page.mouse.wheel(0, 300);
      await workbench.page.waitForTimeout(300);
      const box = (await squiggle.count()) === 0 ? null : await squiggle.boundingBox({ timeout: 1000 }).catch(() => null);
      return box !== null && box.y > 100 && box.y < 600;
    }, "the cell of the finding");
    await workbench.page.waitForTimeout(500);
    const box = await squiggle.boundingBox();
    assert.ok(box);
    await workbench.page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
    await workbench.page.waitForTimeout(500);
    await workbench.picture("finding");
    await workbench.quickFixes();
    await workbench.picture("fixes");
    await workbench.takeQuickFix("Make the labels a column");
    await until(
      async () => (await workbench.page.locator(".notebook-editor .view-line").allInnerTexts()).some((line) => COLUMN.test(line)),
      "the repaired cell",
    );
    await workbench.picture("repaired");
    await workbench.save();
    await workbench.saved(NOTEBOOK, (text) => COLUMN.test(text));
    const changed = (JSON.parse(workbench.read(NOTEBOOK)) as Cells).cells.filter(
      (each, index) => [each.source].flat().join("") !== [before.cells[index]?.source ?? ""].flat().join(""),
    );

    assert.equal(changed.length, 1);
  });

  void test("the model view of a notebook leads to its cells", async () => {
    await workbench.command("trainlint: Show Model");
    const panel = await workbench.panel(".layers");
    await workbench.picture("model");

    assert.match(await panel.locator(".layer").nth(2).innerText(), /cell \d+/);
  });
});

/** Labels that were made a column; a cell shows its spaces as others. */
const COLUMN = /reshape\(\w+,\s\[-1,\s1\]\)/;

interface Cells {
  readonly cells: readonly { readonly source: string | readonly string[] }[];
}

void describe("several folders", () => {
  let workbench: Workbench;

  before(async () => {
    workbench = await Workbench.start({
      name: "several",
      files: [],
      texts: {
        "one/first.py": DTYPE,
        "two/second.py": DTYPE,
        "two/pyproject.toml": '[tool.trainlint]\nignore = ["dtype-passed-as-trainable"]\n',
      },
      folders: ["one", "two"],
          });
  });

  after(async () => {
    await workbench.stop();
  });

  afterEach(async (context) => {
    await pictured(workbench, context);
  });

  void test("each has its own configuration, and a setting counts at once", async () => {
    const rules = async (): Promise<string[]> => listed(await workbench.problems()).map((each) => each.rule);
    await workbench.openByName("first.py");
    await until(async () => (await rules()).length === 2, "two findings");
    await workbench.openByName("second.py");
    await workbench.page.waitForTimeout(3000);
    assert.deepEqual(await rules(), ["dtype-passed-as-trainable", "dtype-passed-as-trainable"], "of the first folder alone");

    workbench.change({ "trainlint.severity": { "dtype-passed-as-trainable": "off" } });
    await until(async () => (await rules()).length === 0, "the setting to count");
    workbench.change({ "trainlint.severity": {} });
    await until(async () => (await rules()).length === 2, "the findings to come back");
  });
});

void describe("Restricted Mode", () => {
  let workbench: Workbench;

  before(async () => {
    // An interpreter inside of the folder that leaves a trace when it is run.
    workbench = await Workbench.start({
      name: "restricted",
      trust: true,
      files: [`fixtures/seeds/${SEED}`],
      texts: {
        ".vscode/settings.json": JSON.stringify({
          "trainlint.interpreter": ["${workspaceFolder}/evil"],
          "trainlint.path": ["${workspaceFolder}/evil"],
          "trainlint.probe.interpreter": "${workspaceFolder}/evil",
        }),
        evil: `#!/bin/sh\ntouch "$(dirname "$0")/was-run"\nexec python3 "$@"\n`,
      },
    });
    fs.chmodSync(path.join(workbench.project, "evil"), 0o755);
  });

  after(async () => {
    await workbench.stop();
  });

  afterEach(async (context) => {
    await pictured(workbench, context);
  });

  void test("findings stay, probes are off, and no interpreter of the folder is started", async () => {
    await workbench.open(SEED);
    await workbench.squiggles.first().waitFor(SLOW);
    await workbench.goTo(52, 24);
    const titles = await workbench.quickFixes();
    await workbench.picture("fixes");
    await workbench.page.keyboard.press("Escape");
    const offered = await workbench.offered("trainlint: ");

    assert.ok(titles.some((each) => each.includes("Make the labels a column")));
    assert.deepEqual(titles.filter((each) => each.includes("Probe")), []);
    assert.ok(offered.some((each) => each.includes("Show Model")), offered.join(" | "));
    assert.deepEqual(offered.filter((each) => /Probe (Finding|Model|Program)/.test(each)), []);
    assert.equal(fs.existsSync(path.join(workbench.project, "was-run")), false);
  });
});

void describe("an environment with other versions of our libraries", () => {
  const environment = path.join(INSTALLED, "clashing");
  let workbench: Workbench;

  before(async () => {
    assert.ok(fs.existsSync(path.join(environment, "bin", "python")), "tools/install_workbench.sh makes it");
    workbench = await Workbench.start({
      name: "clashing",
      files: [`fixtures/seeds/${SEED}`],
      texts: { "broken.py": "import tensorflow as tf\nw = tf.Variable(tf.zeros([3]), tf.float32)\ndef f(:\n" },
      machine: { "trainlint.interpreter": [path.join(environment, "bin", "python")] },
    });
  });

  after(async () => {
    await workbench.stop();
  });

  afterEach(async (context) => {
    await pictured(workbench, context);
  });

  void test("the server runs in it with its own libraries, also where it has to parse broken code", async () => {
    for (const name of ["broken.py", SEED]) {
      await workbench.open(name);
      await until(async () => listed(await workbench.problems()).some((each) => each.rule === "dtype-passed-as-trainable"), name);
    }
    const [pid] = workbench.servers();
    const server = processes().find((each) => each.pid === pid);

    assert.ok(server);
    assert.ok(server.command.startsWith(environment), server.command);
    assert.match(server.command, / -I -S /);
    await workbench.picture("findings");
  });
});

void describe("a machine whose Python is too old", () => {
  let workbench: Workbench;
  let old: string;

  before(async () => {
    old = fs.mkdtempSync(path.join(os.tmpdir(), "trainlint-old-"));
    fs.writeFileSync(path.join(old, "python3"), "#!/bin/sh\necho 3.8\n", { mode: 0o755 });
    workbench = await Workbench.start({
      name: "old",
      files: [`fixtures/seeds/${SEED}`],
      environment: { SHELL: "/bin/bash" },
      profile: `export PATH=${old}\n`,
    });
  });

  after(async () => {
    await workbench.stop();
    fs.rmSync(old, { recursive: true });
  });

  afterEach(async (context) => {
    await pictured(workbench, context);
  });

  void test("one message says what is missing, with the way out", async () => {
    await workbench.open(SEED);
    const told = workbench.notification("trainlint needs Python 3.10 to 3.14");
    await told.waitFor(SLOW);
    await workbench.page.waitForTimeout(800);
    await workbench.picture("message");

    assert.equal(await workbench.page.locator(".notification-toast").count(), 1);
    assert.match(await told.innerText(), /Choose an Interpreter/);
  });
});
