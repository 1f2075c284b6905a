// The address, the experiments and the worker's course of a training, without a browser.
import assert from "node:assert/strict";
import test from "node:test";
import { readdirSync, readFileSync } from "node:fs";
import { DigitsModel } from "../src/core/digits.js";
import { fromPixels, SHAPES } from "../src/images.js";
import { judge, play } from "../src/experiment.js";
import { hasHook } from "../src/elbow.js";
import { chapterPage, CHAPTERS, PRESETS } from "../src/presets.js";
import { defaults, FIELDS, readAddress, readField, writeAddress } from "../src/state.js";
import { drawData, SCHEDULES, Training } from "../src/core/training.js";

const expected = JSON.parse(readFileSync(new URL("expected.json", import.meta.url)));

test("what is written into the address is read again", () => {
  const settings = { ...defaults, model: "ae", latent: 2, stroke: 0.35, lr: 3e-4, seed: 17, kl: 0 };
  const state = { settings, tab: "draw", preset: "7-thin", guess: 1, z: null };
  assert.deepEqual(readAddress(writeAddress(state)), { ...state, problems: [] });
  const walk = { settings: defaults, tab: "digits", preset: null, guess: null, z: [-0.74, 1.06] };
  assert.deepEqual(readAddress(writeAddress(walk)), { ...walk, problems: [] });
  assert.equal(writeAddress({ settings: defaults }), "#");
});

test("bad addresses get a sentence and the start value", () => {
  for (const hash of ["#lr=1e99", "#seed=1.5", "#seed=", "#latent=1e6", "#data=x", "#tab=no", "#guess=-1", "#z=99,1", "#z=1e9,0", "#z=1", "#__proto__=1", `#lr=${"9".repeat(1e5)}`]) {
    const { settings, problems } = readAddress(hash);
    assert.deepEqual(settings, defaults, hash);
    assert.equal(problems.length, 1, hash);
    assert.ok(problems[0].length < 120 && problems[0].endsWith("."), problems[0]);
  }
});

test("each experiment has settings that the form allows, and answers", () => {
  assert.equal(new Set(PRESETS.map((p) => p.id)).size, PRESETS.length);
  assert.deepEqual([...new Set(PRESETS.map((p) => p.chapter))], [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  assert.deepEqual(Object.keys(expected), PRESETS.map((p) => p.id));
  for (const { id, runs, answers, question, text, chapter } of PRESETS) {
    assert.ok(id.startsWith(`${chapter}-`) && answers.length > 1 && question && text, id);
    for (const run of runs)
      for (const [name, value] of Object.entries(run)) {
        assert.ok(name in FIELDS, `${id}: ${name}`);
        assert.deepEqual(readField(name, String(value)), { value }, `${id}: ${name}`);
      }
  }
});

test("each chapter with an experiment has the name that stands over its notebook", () => {
  const folder = new URL("../../../notebooks/", import.meta.url);
  for (const [chapter, name] of Object.entries(CHAPTERS)) {
    const file = readdirSync(folder).find((f) => f.startsWith(`${chapter.padStart(2, "0")}_`));
    const { cells } = JSON.parse(readFileSync(new URL(file, folder)));
    assert.equal(cells[0].source[0].trim(), `# ${chapter}. ${name}`);
    assert.equal(chapterPage(chapter), `../notebooks/${file.replace(".ipynb", ".html")}`);
  }
  assert.deepEqual(Object.keys(CHAPTERS).map(Number), [...new Set(PRESETS.map((p) => p.chapter))]);
});

test("a drawing is ordinary, odd, or has fooled the score, by either score; what cannot be known is not said", () => {
  const thresholds = { error: { limit: 10 }, relative: { limit: 0.2 } };
  const told = (error, misfit, by = "error") =>
    judge({ thresholds, error, relative: error / 100, itself: misfit === null ? null : { misfit } }, by);
  assert.deepEqual([told(3, 0.05), told(3, 0.6), told(30, 0.6), told(30, 0.05)].map((v) => v.kind), ["ordinary", "fooled", "odd", "odd"]);
  assert.match(told(30, 0.05).words, /false alarm/);
  assert.match(told(3, 0.6).words, /squared error of 3\.00 lies below the threshold of 10\.00/);
  assert.deepEqual(["error", "relative"].map((by) => told(15, 0.6, by).kind), ["odd", "fooled"]);
  assert.match(told(3, 0.6).words, /error ÷ ink, lets it pass, too: 0\.03, threshold 0\.20/);
  assert.match(told(15, 0.6, "relative").words, /squared error, catches it: 15\.00, threshold 10\.00/);
  assert.match(told(3, 0.05).words, /misfit 0\.05, below 0\.15/);
  assert.equal(told(3, null).kind, "ordinary");
  assert.doesNotMatch(told(3, null).words, /circle/);
});

test("a hook is a line that turns back among the smallest circles, in either direction", () => {
  const radii = Float32Array.from({ length: 300 }, (_, i) => 0.03 + (0.44 * i) / 299);
  const line = radii.map((r) => 4 * r), hook = radii.map((r) => 4 * Math.max(r, 0.14 - r));
  assert.deepEqual([line, hook, hook.map((z) => -z)].map((mu) => hasHook(radii, mu)), [false, true, true]);
});

test("at an elbow the error is high and neighbours share nothing; without clouds nothing is told of them", () => {
  const training = new Training({ ...defaults, width: 64, batch: 16, lr: 2e-3, epochs: 10 });
  while (!training.done) training.step();
  const { radii, errors, kl, shared, steepest } = training.sizes();
  const middle = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
  const near = (numbers) => [...numbers].filter((_, i) => Math.abs(radii[i] - steepest) < 0.005);
  assert.ok(Math.max(...near(errors)) > 5 * middle(errors), `${near(errors)} beside ${middle(errors)}`);
  assert.ok(Math.min(...near(shared)) < 0.05 && middle(shared) > 0.3, `${near(shared)} beside ${middle(shared)}`);
  assert.equal(kl.length, radii.length);
  const plain = new Training({ ...defaults, model: "ae", width: 16 }).sizes();
  assert.deepEqual([plain.kl, plain.shared], [null, null]);
});

test("an experiment without a training comes out as the course says", () => {
  const model = new DigitsModel(readFileSync(new URL("../src/digits.safetensors", import.meta.url)));
  for (const preset of PRESETS.filter((p) => p.tab)) {
    const runs = [{ probe: model[preset.probe](0, 1) }];
    assert.equal(preset.outcome(runs), expected[preset.id], preset.id);
    assert.match(preset.after(runs), /are a 9/);
  }
});

test("experiment 8-blur points to the pictures of the elbow only when they are shown", () => {
  const { after } = PRESETS.find((p) => p.id === "8-blur"), run = (rank, unexplained = 0.2) => ({ numbers: { rank, unexplained } });
  const pairs = [[run(0.9), run(0.99)], [run(0.99), run(0.9)], [run(0.99), run(0.99)], [run(0.5, 0.9), run(0.99)]];
  assert.deepEqual(pairs.map((runs) => after(runs).includes("“The elbow”")), [true, true, false, false]);
});

test("an experiment is played to its end without a page", () => {
  const preset = PRESETS.find((p) => p.id === "7-low"), runs = play({ runs: [{ ...preset.runs[0], epochs: 2 }], probe: "duck" }, 0);
  assert.equal(preset.outcome(runs), expected["7-low"]);
  assert.ok(runs[0].probe.error > runs[0].probe.thresholds.error.limit, "a duck is odd");
});

test("schedules are those of course_lib.training", () => {
  assert.deepEqual(Object.keys(SCHEDULES).map((k) => SCHEDULES[k](0.25)), [1, (1 + Math.SQRT1_2) / 2, 0.5]);
});

test("own images: few are repeated, many are split, none is a sentence", () => {
  const own = (n) => Float32Array.from({ length: n * 784 }, (_, i) => (Math.floor(i / 784) + 1) / 100);
  const [train, heldOut] = drawData({ data: "drawn", seed: 0 }, own(20));
  assert.equal(heldOut.images.length / 784, 4);
  const seen = new Set(heldOut.causes);
  assert.ok(train.images.every((ink) => ink === 0 || !seen.has(Math.round(100 * ink) - 1)), "no held-out image is trained on");
  assert.ok(drawData({ data: "drawn", seed: 0 }, own(1))[0].images.length >= 128 * 784);
  assert.throws(() => drawData({ data: "files", seed: 0 }, null), /no images yet/);
});

test("the rarer of light and dark is ink", () => {
  const bytes = new Uint8ClampedArray(4 * 784).fill(255);
  bytes.fill(0, 0, 3);
  assert.equal(fromPixels(bytes)[0], 1);
  assert.equal(fromPixels(bytes.map((b, i) => (i % 4 === 3 ? b : 255 - b)))[0], 1);
  for (const make of Object.values(SHAPES)) assert.ok(make().every((ink) => ink >= 0 && ink <= 1));
});

test("a loss that is no number stops the training with a sentence", () => {
  const training = new Training({ ...defaults, width: 16 });
  training.network.heap.fill(NaN, training.network.blocks.weights, training.network.blocks.weights + 100);
  assert.throws(() => training.step(), /smaller learning rate/);
});
