// Play each experiment with several seeds and say whether it came out as the chapters say (test/expected.json):
// node bench/experiments.mjs 3 10-denoise 12-prior   (seeds 0, 1, 2; without names: all)
import { readFileSync } from "node:fs";
import { play } from "../src/experiment.js";
import { PRESETS } from "../src/presets.js";

const expected = JSON.parse(readFileSync(new URL("../test/expected.json", import.meta.url)));
const [seeds = 3, ...names] = process.argv.slice(2);
for (const preset of PRESETS.filter((p) => p.runs.length && (!names.length || names.includes(p.id))))
  for (let seed = 0; seed < Number(seeds); seed++) {
    const runs = play(preset, seed), came = preset.outcome(runs);
    console.log(`${came === expected[preset.id] ? "as expected" : "OTHERWISE  "} ${preset.id}, seed ${seed}: ${preset.answers[came]}. ${preset.after(runs)}`);
  }
