// The address, the experiments and the worker's course of a training, without a browser.
import assert from "node:assert/strict";
import test from "node:test";
import { fromPixels, SHAPES } from "../src/images.js";
import { PRESETS } from "../src/presets.js";
import { defaults, FIELDS, readAddress, readField, writeAddress } from "../src/state.js";
import { drawData, SCHEDULES, Training } from "../src/core/training.js";

test("what is written into the address is read again", () => {
  const settings = { ...defaults, model: "ae", latent: 2, stroke: 0.35, lr: 3e-4, seed: 17, kl: 0 };
  const state = { settings, tab: "draw", preset: "7-thin", guess: 1 };
  assert.deepEqual(readAddress(writeAddress(state)), { ...state, problems: [] });
  assert.equal(writeAddress({ settings: defaults }), "#");
});

test("bad addresses get a sentence and the start value", () => {
  for (const hash of ["#lr=1e99", "#seed=1.5", "#seed=", "#latent=1e6", "#data=x", "#tab=no", "#guess=-1", "#__proto__=1", `#lr=${"9".repeat(1e5)}`]) {
    const { settings, problems } = readAddress(hash);
    assert.deepEqual(settings, defaults, hash);
    assert.equal(problems.length, 1, hash);
    assert.ok(problems[0].length < 120 && problems[0].endsWith("."), problems[0]);
  }
});

test("each experiment has settings that the form allows, and answers", () => {
  assert.equal(new Set(PRESETS.map((p) => p.id)).size, PRESETS.length);
  assert.deepEqual([...new Set(PRESETS.map((p) => p.chapter))], [2, 3, 4, 5, 6, 7, 8, 11]);
  for (const { id, runs, answers, question, text, chapter } of PRESETS) {
    assert.ok(id.startsWith(`${chapter}-`) && answers.length > 1 && question && text, id);
    for (const run of runs)
      for (const [name, value] of Object.entries(run)) {
        assert.ok(name in FIELDS, `${id}: ${name}`);
        assert.deepEqual(readField(name, String(value)), { value }, `${id}: ${name}`);
      }
  }
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
