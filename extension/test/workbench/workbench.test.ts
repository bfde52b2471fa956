// What a user sees and does, in a real workbench with the package as it is installed.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, afterEach, before, describe, test, type TestContext } from "node:test";
import { asUsersSeeIt, INSTALLED, PICTURES, PROBE_PYTHON, processes, ROOT, SLOW, TimeLimit, until, Workbench, type Expected } from "./workbench.ts";

const SEED = "seed003_always_half.py";
const NOTEBOOK = "always_half.ipynb";
const SEEDS = fs
  .readdirSync(path.join(ROOT, "fixtures", "seeds"))
  .filter((name) => name.endsWith(".py") && !name.endsWith("_repaired.py"));

function seed(name: string): ReturnType<typeof asUsersSeeIt> {
  return asUsersSeeIt(fs.readFileSync(path.join(ROOT, "fixtures", "seeds", name), "utf8"));
}

/** The line of a seed, counted from 1, that has a text. */
function lineOf(name: string, text: string): number {
  return seed(name).shown.split("\n").findIndex((line) => line.includes(text)) + 1;
}

/** Where labels and predictions of the first seed meet. */
const MEETING = lineOf(SEED, "squared_difference");

/** The panel of problems as pairs of a rule and a line. */
function listed(problems: readonly string[]): Expected[] {
  return problems.flatMap((row) => {
    const [whole, rule = "", line] = /trainlint\(?([a-z0-9-]+)\)?\[Ln(\d+),Col\d+\]/.exec(row) ?? [];
    return whole === undefined ? [] : [{ rule, line: Number(line) }];
  });
}

interface Outcome {
  readonly passed?: boolean;
  readonly error?: { readonly cause?: unknown };
}

/** What a test saw that failed, and whether it only took too long; tools/test_workbench.sh reads that. */
async function pictured(workbench: Workbench, context: unknown): Promise<void> {
  const { passed, error, name } = context as TestContext & Outcome;
  if (passed !== false) return;
  const cause = error?.cause;
  const isLate = cause instanceof TimeLimit || (cause instanceof Error && cause.name === "TimeoutError");
  fs.appendFileSync(path.join(PICTURES, "failures.txt"), `${isLate ? "too slow" : "wrong"}: ${name}\n`);
  await workbench.picture("failed");
}

const KEYS = (each: Expected): string => `${String(each.line)} ${each.rule}`;

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
        texts: { "switched.py": DTYPE, "own_data.py": OWN_DATA },
        chosenPython: PROBE_PYTHON,
        settings: ON_SAVE,
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
      process.stdout.write(`# ${theme}: ${ready(workbench.log())}\n`);
      await workbench.goTo(MEETING, 24);
      const hover = await workbench.hover();
      const shown = workbench.page.locator(".monaco-hover:visible");
      await workbench.picture("finding");
      await workbench.picture("hover", [shown, workbench.line("squared_difference")]);
      await workbench.page.keyboard.press("Escape");

      assert.match(hover, /labels \[128\] against predictions \[128, 1\] broadcast/);
      assert.match(hover, /Repair: Make the labels a column/);
      assert.match(hover, /shape \[batch, batch\]/);
    });

    void test("the status says how much was understood, and leads to the log", async () => {
      const status = workbench.page.locator('[id="status.languageStatus"]');
      await until(
        async () => ((await status.getAttribute("aria-label")) ?? "").includes("1 model understood, 20 findings"),
        "the status of the file",
      );
      await status.hover();
      const shown = workbench.page.locator(".hover-language-status");
      await shown.first().waitFor(SLOW);
      await shown.first().getByText("Show Log").click();
      const output = workbench.page.locator(".part.panel .view-line", { hasText: "Running the bundled trainlint" });
      await output.first().waitFor(SLOW);
      await workbench.command("View: Toggle Panel Visibility");
      await workbench.focus(SEED);
    });

    void test("the quick fix of a finding offers its repair, a comment, its page and its probe", async () => {
      await workbench.goTo(MEETING, 24);
      const titles = await workbench.quickFixes();
      await workbench.picture("repair");
      await workbench.picture("menu", [
        workbench.page.locator(".action-widget"),
        workbench.line("squared_difference"),
      ]);
      await workbench.page.keyboard.press("Escape");

      for (const title of [/Make the labels a column/, /Ignore silent-loss-broadcast on this line/, /Explain silent-/, /Probe silent-/]) {
        assert.ok(titles.some((each) => title.test(each)), `${String(title)} in ${titles.join(" | ")}`);
      }
    });

    void test("the probe goes from the quick fix to a panel with its verdict", async () => {
      await workbench.goTo(MEETING, 24);
      await workbench.quickFixes();
      await workbench.takeQuickFix("Probe silent-loss-broadcast");
      await workbench.notification("trainlint: probing").waitFor(SLOW);
      await workbench.picture("probing");
      const panel = await workbench.panel(".verdict", 240_000);
      await workbench.picture("probe");
      await workbench.picture("verdict", [workbench.page.locator(".webview.ready:visible")], 0);

      assert.equal(await panel.locator("h1").innerText(), "Probe of silent-loss-broadcast");
      assert.equal(await panel.locator(".verdict").innerText(), "Necessary");
      await until(async () => (await panel.locator("#spoken").innerText()).includes("Necessary. Repair silent"), "what a screen reader says");
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
      await until(async () => (await workbench.status()).includes(`Ln ${String(MEETING)}`), "the line of the finding");
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
      await workbench.goTo(MEETING, 24);
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
      await workbench.goTo(MEETING, 24);
      await workbench.command("trainlint: Show Model");
      const panel = await workbench.panel(".layers");
      await workbench.page.waitForTimeout(1000);
      assert.match(await workbench.status(), /Ln \d+, Col \d+/, "the code keeps the focus");
      await workbench.picture("model");
      await workbench.picture("network", [workbench.page.locator(".webview.ready:visible")], 0);
      const layers = await panel.locator(".layer").allInnerTexts();

      assert.equal(layers.length, 5);
      assert.match(layers[1] ?? "", /matmul[^]*\[batch, 10\][^]*sigmoid[^]*line 35[^]*dtype-passed-as-trainable/);
      assert.match(await panel.locator("section .marks").first().innerText(), /silent-loss-broadcast/);
      assert.match(await panel.locator("main").innerText(), /Adadelta\w* with learning rate 0\.001/);
      await panel.locator(".layer-link").nth(1).focus();
      await workbench.page.keyboard.press("ArrowDown");
      await workbench.page.keyboard.press("Enter");
      const next = `Ln ${String(lineOf(SEED, "matmul(h1"))}`;
      await until(async () => (await workbench.status()).includes(next), "the line of the next layer");
    });

    void test("the panels follow the theme with high contrast", async () => {
      const contrast = theme === "light" ? "Default High Contrast Light" : "Default High Contrast";
      workbench.setFolder({ "workbench.colorTheme": contrast });
      const panel = await workbench.panel(".layers");
      const name = theme === "light" ? "vscode-high-contrast-light" : "vscode-high-contrast";
      await until(async () => (await panel.locator(`body.${name}`).count()) === 1, "the theme of the panel");
      const red = theme === "light" ? "rgb(184, 28, 38)" : "rgb(255, 123, 114)";
      let colours = "";
      // In one piece: the page is drawn anew when the file was checked.
      const seen = async (): Promise<string> =>
        panel.evaluate(() => {
          const colour = (selector: string): string => {
            const element = document.querySelector(selector);
            return element === null ? "" : getComputedStyle(element).color;
          };
          const { color, backgroundColor } = getComputedStyle(document.body);
          const code = colour(".layer code");
          return `${code === color && code !== backgroundColor ? "code can be read" : "code is lost"}, ${colour(".marks .error .sign")}`;
        });
      await until(async () => (colours = await seen()) === `code can be read, ${red}`, "the colours of the theme", 20_000).catch(() => {
        assert.equal(colours, `code can be read, ${red}`);
      });
      await workbench.picture("contrast-model");
      await workbench.page.locator(".tab", { hasText: "Probe of" }).click();
      await workbench.picture("contrast-probe");
      workbench.setFolder({});
      await until(async () => (await panel.locator(`body.${name}`).count()) === 0, "the theme as it was");
    });

    if (theme === "dark") return;

    void test("every seed has its findings at their lines", async () => {
      for (const name of SEEDS) {
        await workbench.closeAll();
        await workbench.open(name);
        const wanted = seed(name).expected;
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
      await workbench.goTo(MEETING, 24);
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
      const opened = Date.now();
      await workbench.squiggles.first().waitFor(SLOW);
      process.stdout.write(`# ${theme}: the first squiggle of a later file came ${String(Date.now() - opened)} ms after its editor\n`);
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
      assert.equal(await workbench.notification("running your program").count(), 0);
    });

    void test("the program runs on its own data, saved before, and a panel shows what came out", async () => {
      await workbench.closeAll();
      await workbench.open("own_data.py");
      await workbench.squiggles.first().waitFor(SLOW);
      await workbench.page.locator(".editor-instance .view-line").first().click();
      await workbench.page.keyboard.press("Control+Home");
      await workbench.page.keyboard.type("# Dark colours or light ones?\n");
      await workbench.goTo(LAST_OF_OWN_DATA + 1, 14);
      await workbench.command("trainlint: Probe Program on Its Own Data");
      await workbench.dialog().locator(".monaco-button", { hasText: "Run It" }).click(SLOW);
      await workbench.notification("running your program").waitFor(SLOW);
      await workbench.page.waitForTimeout(3000);
      await workbench.picture("running");
      const panel = await workbench.panel("#compared", 400_000);
      await workbench.picture("own-data");

      assert.match(workbench.read("own_data.py"), /^# Dark colours or light ones\?\n/);
      assert.equal(await panel.locator("h1").innerText(), "own_data.py on its own data");
      assert.match(await panel.locator(".lead").innerText(), /^On your own data, worse than with the repairs: your program as written\.$/);
      assert.match(await panel.locator("article").first().innerText(), /Confirmed[^]*5 seeds, 200 training steps, on your own data/);
      assert.match(await panel.locator("header").innerText(), /chosen in the Python extension/);
    });

    void test("a run of the program is cancelled within seconds", async () => {
      const panel = await workbench.panel("#compared");
      await panel.locator("button", { hasText: "Run again" }).click();
      await workbench.dialog().locator(".monaco-button", { hasText: "Run It" }).click(SLOW);
      const toast = workbench.notification("running your program");
      await toast.waitFor(SLOW);
      await until(() => Promise.resolve(workbench.runs().length > 0), "a process that runs it");
      const began = Date.now();
      await toast.locator(".monaco-button", { hasText: "Cancel" }).click();
      await toast.waitFor({ state: "hidden", timeout: 15_000 });
      await until(() => Promise.resolve(workbench.runs().length === 0), "the end of its process", 15_000);
      const seconds = (Date.now() - began) / 1000;

      assert.ok(seconds < 10, `it took ${String(seconds)} seconds`);
      assert.match(await panel.locator("h1").innerText(), /on its own data/, "what was measured stays");
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
      await workbench.goTo(MEETING, 24);
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
      await workbench.goTo(MEETING, 24);
      await until(async () => (await workbench.hover()).includes("Repair:"), "its hover");
      await workbench.page.keyboard.press("Escape");
    });

    void test("where checking is switched off, that is said, and it counts at once", async () => {
      await workbench.closeAll();
      await workbench.open(SEED);
      await workbench.squiggles.first().waitFor(SLOW);
      const status = workbench.page.locator('[id="status.languageStatus"]');
      const says = async (text: string): Promise<boolean> => ((await status.getAttribute("aria-label")) ?? "").includes(text);
      workbench.setFolder({ "trainlint.lint.enable": false });
      await until(async () => says("switched off"), "the status");
      assert.equal(await workbench.squiggles.count(), 0);
      await workbench.command("trainlint: Show Model");
      await workbench.notification("switched off by the setting trainlint.lint.enable").waitFor(SLOW);
      await workbench.picture("off");
      workbench.setFolder({});
      await until(async () => says("1 model understood"), "the status of the file");
      await workbench.command("Notifications: Clear All Notifications");
    });

    void test("debug information names versions, the interpreter and the settings", async () => {
      await workbench.command("trainlint: Show Debug Information");
      await until(async () => (await workbench.text()).includes("settings"), "the text");
      const text = await workbench.text();

      assert.match(text, /trainlint extension 0\.\d+\.\d+/);
      assert.match(text, /trusted: true/);
      assert.match(text, /trainlint 0\.\d+\.\d+, Python 3\.\d+\.\d+ \(/);
      assert.match(text, /seed003_always_half\.py: 1 of 1 models understood, 20 findings/);
    });

    void test("the walkthrough is there, with its pictures", async () => {
      await workbench.command("Welcome: Open Walkthrough...");
      const row = workbench.page.locator(".quick-input-list .monaco-list-row", { hasText: "trainlint" }).first();
      await row.waitFor(SLOW);
      await row.click();
      await workbench.page.locator(".getting-started-category, .gettingStartedContainer", { hasText: "trainlint" }).first().waitFor(SLOW);
      const image = workbench.page.locator("img[alt='A script with a finding underlined, and the hover that explains it']").first();
      await until(async () => (await image.evaluate((each) => (each as HTMLImageElement).naturalWidth)) > 0, "its picture");
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
    const label = "Make the labels a column";
    await workbench.takeQuickFix(label);
    await until(
      async () => (await workbench.page.locator(".notebook-editor .view-line").allInnerTexts()).some((line) => COLUMN.test(line)),
      "the repaired cell",
    );
    await until(async () => (await workbench.page.locator(".squiggly-error").count()) === 0, "the finding to go");
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

    assert.match(await panel.locator(".layer").nth(1).innerText(), /cell 6:4/, "counted as the status bar counts cells");
    assert.doesNotMatch(await panel.locator("main").innerText(), /silent-loss-broadcast/);
    assert.match(await panel.locator("main").innerText(), /unscaled-inputs[^]*cell 8, line 5/);
    await panel.locator(".layer-link").nth(1).click();
    await until(async () => (await workbench.status()).includes("Cell 6 of 8"), "the cell of the layer");
  });
});

const ON_SAVE = { "editor.codeActionsOnSave": { "source.fixAll.trainlint": "explicit" } };

/** A program whose mistake shows within seconds on its own data. */
const OWN_DATA = `import numpy as np
import tensorflow as tf

random = np.random.default_rng(0)
colours = random.uniform(0, 255, size=(2000, 3))
is_dark = (colours.mean(axis=1) < 127.5).astype("int32")

model = tf.keras.Sequential([
    tf.keras.layers.Dense(16, activation="relu"),
    tf.keras.layers.Dense(2),
])
model.compile(
    optimizer=tf.keras.optimizers.Adam(0.01),
    loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
model.fit(colours, is_dark, epochs=5, batch_size=32, verbose=0)
`;
const LAST_OF_OWN_DATA = OWN_DATA.split("\n").length - 1;

/** How long the server took until it answered, by the extension's log. */
function ready(log: string): string {
  const at = (what: string): number => Date.parse(new RegExp(`^(\\S+ \\S+) \\[info\\] ${what}`, "m").exec(log)?.[1] ?? "");
  return `the server answered ${String(at("Running") - at("starting"))} ms after it was started`;
}

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
    // An interpreter inside of the folder that leaves a trace when it is run, named and chosen wherever one can.
    workbench = await Workbench.start({
      name: "restricted",
      trust: true,
      chosenPython: "evil",
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
    await workbench.goTo(MEETING, 24);
    const titles = await workbench.quickFixes();
    await workbench.picture("fixes");
    await workbench.page.keyboard.press("Escape");
    const offered = await workbench.offered("trainlint: ");

    assert.ok(titles.some((each) => each.includes("Make the labels a column")));
    assert.deepEqual(titles.filter((each) => each.includes("Probe")), []);
    assert.ok(offered.some((each) => each.includes("Show Model")), offered.join(" | "));
    assert.deepEqual(offered.filter((each) => /Probe (Finding|Model|Program)/.test(each)), []);
    assert.equal(fs.existsSync(path.join(workbench.project, "was-run")), false);
    assert.match(workbench.log(), /evil \(chosen in the Python extension\) does not run the server: it lies in a workspace that is not trusted/);
  });

  void test("the status says so, and trust brings probes back", async () => {
    const status = workbench.page.locator('[id="status.languageStatus"]');
    assert.match((await status.getAttribute("aria-label")) ?? "", /Restricted Mode: nothing is run/);
    // The settings of the folder count now, and the interpreter that they name is a Python after all.
    workbench.setFolder({ "trainlint.interpreter": ["${workspaceFolder}/evil"] });
    await workbench.command("Workspaces: Manage Workspace Trust");
    await workbench.page.locator(".workspace-trust-editor .monaco-button", { hasText: "Trust" }).first().click(SLOW);
    await until(() => Promise.resolve(fs.existsSync(path.join(workbench.project, "was-run"))), "the interpreter that is trusted now");
    await workbench.openByName(SEED);
    await workbench.goTo(MEETING, 24);
    await until(async () => {
      const titles = await workbench.quickFixes();
      await workbench.page.keyboard.press("Escape");
      return titles.some((each) => each.includes("Probe"));
    }, "probes");
  });
});

void describe("an environment with other versions of our libraries", () => {
  const environment = path.join(INSTALLED, "clashing");
  const python = path.join(environment, "bin", "python");
  const packages = path.join(environment, "lib", fs.readdirSync(path.join(environment, "lib"))[0] ?? "", "site-packages");
  let workbench: Workbench;

  before(async () => {
    // What a server that is not kept apart would load.
    const question = "import attr, importlib.metadata as m; print(attr.__version__, m.version('pygls'), m.version('libcst'))";
    assert.equal(execFileSync(python, ["-c", question], { encoding: "utf8" }).trim(), "19.3.0 1.3.1 1.1.0");
    workbench = await Workbench.start({
      name: "clashing",
      files: [`fixtures/seeds/${SEED}`],
      texts: {
        "broken.py": "import tensorflow as tf\nw = tf.Variable(tf.zeros([3]), tf.float32)\ndef f(:\n",
        // A module of the user's that is named as one of ours.
        "attr.py": "raise SystemExit('this is the attr of the project')\n",
        "task.py": DTYPE,
        ".vscode/tasks.json": JSON.stringify({
          version: "2.0.0",
          tasks: [
            {
              label: "check with trainlint",
              type: "process",
              command: path.join(ROOT, ".venv", "bin", "trainlint"),
              args: ["check", "--output-format", "concise", "task.py"],
              problemMatcher: "$trainlint",
            },
          ],
        }),
      },
      environment: { PYTHONPATH: packages },
      machine: { "trainlint.interpreter": [python] },
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
    const libraries = fs.readFileSync(`/proc/${String(server.pid)}/maps`, "utf8").match(/\S+libcst\S+\.so/g) ?? [];
    assert.ok(libraries.length > 0, "the parser is loaded");
    assert.deepEqual(libraries.filter((file) => !file.startsWith(path.join(workbench.folder, "extensions"))), []);
    await workbench.picture("findings");
  });

  void test("all that the server does works there: a hover, a repair, the model view", async () => {
    await workbench.command("View: Toggle Panel Visibility");
    await workbench.focus(SEED);
    await workbench.goTo(MEETING, 24);
    assert.match(await workbench.hover(), /Repair: Make the labels a column/);
    await workbench.page.keyboard.press("Escape");
    await workbench.command("trainlint: Show Model");
    assert.equal(await (await workbench.panel(".layers")).locator(".layer").count(), 5);
    await workbench.focus(SEED);
    await workbench.goTo(MEETING, 24);
    await workbench.quickFixes();
    await workbench.takeQuickFix("Make the labels a column");
    await until(async () => (await workbench.text()).includes("tf.reshape(y, [-1, 1])"), "the repaired line");
    await workbench.command("File: Revert File");
  });

  void test("the findings of a task are listed, with the matcher that the extension brings", async () => {
    await workbench.closeAll();
    await workbench.command("Tasks: Run Task");
    await workbench.page.locator(".quick-input-list .monaco-list-row", { hasText: "check with trainlint" }).first().click(SLOW);
    const wanted = [3, 4].map((line) => ({ rule: "dtype-passed-as-trainable", line }));
    await until(async () => listed(await workbench.problems()).length === 2, "the problems of the task");
    assert.deepEqual(listed(await workbench.problems()), wanted);
    await workbench.picture("task");
  });

  void test("another interpreter counts without a reload", async () => {
    const [before] = workbench.servers();
    workbench.setMachine({ "trainlint.interpreter": [path.join(ROOT, ".venv", "bin", "python")] });
    await until(() => {
      const [now] = workbench.servers();
      return Promise.resolve(now !== undefined && now !== before && workbench.servers().length === 1);
    }, "another server");
    const server = processes().find((each) => each.pid === workbench.servers()[0]);

    assert.ok(server?.command.startsWith(path.join(ROOT, ".venv")), server?.command);
    await workbench.open(SEED);
    await workbench.squiggles.first().waitFor(SLOW);
  });

  void test("the trainlint of an environment runs where that is wanted, without a reload", async () => {
    workbench.setFolder({ "trainlint.importStrategy": "fromEnvironment" });
    await until(() => Promise.resolve(workbench.log().includes("Running the trainlint of Python 3.")), "that server");
    assert.deepEqual(workbench.servers(), [], "the bundled one has ended");
    await workbench.goTo(MEETING, 24);
    await until(async () => (await workbench.hover()).includes("Repair:"), "its hover");
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
