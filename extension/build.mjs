// Bundles the extension, and the script of its panels, into one file each.
import { build } from "esbuild";

const shared = { bundle: true, minify: true, sourcemap: false, logLevel: "warning", legalComments: "none" };
const folder = new URL("..", import.meta.url).pathname;

await build({
  ...shared,
  entryPoints: [`${folder}extension/src/extension.ts`],
  outfile: `${folder}dist/extension.js`,
  platform: "node",
  format: "cjs",
  target: "node18",
  external: ["vscode"],
});
await build({
  ...shared,
  entryPoints: [`${folder}extension/src/webview.ts`],
  outfile: `${folder}dist/webview.js`,
  platform: "browser",
  format: "iife",
  target: "es2022",
});
