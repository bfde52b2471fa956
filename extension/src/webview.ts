// Runs in the panels: tells the extension what was pressed, and moves between layers by arrow keys.

interface Host {
  postMessage(message: unknown): void;
}

declare function acquireVsCodeApi(): Host;

const host = acquireVsCodeApi();

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-message]") : null;
  if (target?.dataset.message === undefined) return;
  event.preventDefault();
  host.postMessage(JSON.parse(target.dataset.message));
});

document.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const links = [...document.querySelectorAll<HTMLElement>(".layer-link")];
  const at = links.indexOf(document.activeElement as HTMLElement);
  if (step === undefined || at < 0) return;
  event.preventDefault();
  links[Math.min(Math.max(at + step, 0), links.length - 1)]?.focus();
});

window.addEventListener("message", (event: MessageEvent<{ told?: string; body?: string; top?: boolean }>) => {
  const { told, body, top } = event.data;
  if (body !== undefined) replace(body);
  if (top === true) {
    window.scrollTo(0, 0);
    speak();
  }
  const line = document.getElementById("told");
  if (told !== undefined && line) line.textContent = told;
});

speak();

/** Has a screen reader say the outcome of a page that has one: it came while the focus is elsewhere. */
function speak(): void {
  const spoken = document.getElementById("spoken");
  const outcome = [...document.querySelectorAll<HTMLElement>("[data-spoken]")].map((each) => each.innerText);
  if (!spoken || outcome.length === 0) return;
  spoken.textContent = "";
  // What a live region holds when it appears is not a change, and is not said.
  setTimeout(() => { spoken.textContent = outcome.join(". "); }, 200);
}

/** Shows new content, and keeps the focus on what had it; never takes it from an editor that somebody types in. */
function replace(body: string): void {
  const focused = document.hasFocus();
  const links = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>("a, button")];
  const at = links().indexOf(document.activeElement as HTMLElement);
  const main = document.getElementById("top");
  if (main) main.outerHTML = body;
  if (focused && at >= 0) links()[at]?.focus();
}
