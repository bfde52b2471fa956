// The page around what a panel shows: the strictest policy that works, the theme's colours, one small script.

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Text of anybody as HTML: safe in elements and attributes. */
export function text(value: string): string {
  return value.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? "");
}

/** Text in which backticks set code off. */
export function prose(value: string): string {
  return text(value).replace(/`([^`\n]+)`/g, "<code>$1</code>");
}

export interface Page {
  readonly title: string;
  readonly body: string;
  /** A style sheet that came with the content. */
  readonly style?: string;
  readonly nonce: string;
  readonly source: string;
  readonly styleSheet: string;
  readonly script: string;
}

/** A whole page; nothing in it is loaded but our own style sheet and script, and no other script runs. */
export function page({ title, body, style = "", nonce, source, styleSheet, script }: Page): string {
  const policy = `default-src 'none'; style-src ${source} 'nonce-${nonce}'; script-src 'nonce-${nonce}'`;
  return [
    "<!DOCTYPE html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${text(policy)}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${text(title)}</title>`,
    // A closing tag would end the sheet; nothing that we write has one.
    `<style nonce="${nonce}">${style.replaceAll("</", "")}</style>`,
    `<link rel="stylesheet" nonce="${nonce}" href="${text(styleSheet)}">`,
    "</head>",
    "<body>",
    body,
    '<div class="hidden" role="status" id="spoken"></div>',
    `<script nonce="${nonce}" src="${text(script)}"></script>`,
    "</body>",
    "</html>",
  ].join("\n");
}

export interface Button {
  readonly label: string;
  /** What the page tells the extension when it is pressed. */
  readonly message: Readonly<Record<string, unknown>>;
  readonly primary?: boolean;
  readonly title?: string;
}

export function button({ label, message, primary = false, title }: Button): string {
  const told = title === undefined ? "" : ` title="${text(title)}"`;
  return `<button type="button"${primary ? ' class="primary"' : ""}${told} ${sends(message)}>${text(label)}</button>`;
}

/** The attribute that makes an element tell the extension something. */
export function sends(message: Readonly<Record<string, unknown>>): string {
  return `data-message="${text(JSON.stringify(message))}"`;
}
