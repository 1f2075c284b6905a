// Bundles the playground into dist/: one page, one style sheet, one script. The worker travels inside the script, so that
// the page also works when it is opened from a folder (file:), where browsers refuse workers in files of their own.
import { build } from "esbuild";
import { copyFile, mkdir, rm, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const here = (name) => fileURLToPath(new URL(name, import.meta.url)); // a pathname would turn a space into %20
const out = here("dist/");
const options = { bundle: true, minify: true, format: "iife", target: "es2022", legalComments: "none", loader: { ".safetensors": "binary" } };
const source = (name) => here(`src/${name}`);

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
const worker = await build({ ...options, entryPoints: [source("worker.js")], write: false });
await build({
  ...options,
  entryPoints: [source("main.js")],
  define: { WORKER_SOURCE: JSON.stringify(worker.outputFiles[0].text) },
  outfile: `${out}playground.js`,
});
await build({ entryPoints: [source("style.css")], minify: true, outfile: `${out}playground.css` });
await copyFile(source("index.html"), `${out}index.html`);
for (const file of ["index.html", "playground.css", "playground.js"])
  console.log(`dist/${file}: ${((await stat(out + file)).size / 1000).toFixed(1)} kB`);
