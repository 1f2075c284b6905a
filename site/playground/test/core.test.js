// The playground's numbers against those of course_lib (reference.json, written by make_reference.py).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { blur, circles, moons, PIXELS, renderCircles, renderMoons } from "../src/core/data.js";
import { DigitsModel, prepare } from "../src/core/digits.js";
import { draw, fitBell, fitMixture, logLikelihood } from "../src/core/gaussians.js";
import { Network } from "../src/core/network.js";
import { Random } from "../src/core/random.js";
import * as truth from "../src/core/truth.js";

const reference = JSON.parse(readFileSync(new URL("reference.json", import.meta.url)));
const { radii, centers } = reference.circles;

function near(actual, expected, tolerance = 1e-4, what = "") {
  const [a, b] = [[actual].flat(), [expected].flat()];
  assert.equal(a.length, b.length, `${what}: lengths`);
  const allowed = tolerance * Math.max(...b.map(Math.abs)); // a share of the largest number of the group
  b.forEach((value, i) => {
    assert.ok(Math.abs(a[i] - value) <= allowed, `${what}: number ${i} is ${a[i]}, not ${value}`);
  });
}

function nearImages(images, expected, what) {
  near(Array.from(images).filter((_, i) => i % 13 === 0), expected.every_13th, 1e-4, what);
  const sums = [];
  for (let at = 0; at < images.length; at += PIXELS) sums.push(images.subarray(at, at + PIXELS).reduce((a, b) => a + b, 0));
  near(sums, expected.sums, 1e-4, `${what}, ink`);
}

test("circles are those of data.render_circles, for each stroke", () => {
  for (const [stroke, expected] of Object.entries(reference.circles.strokes))
    nearImages(renderCircles(radii, centers, Number(stroke)), expected, `stroke ${stroke}`);
});

test("a seed draws the circles of data.circles", () => {
  const drawn = circles(6, 1.5, 3);
  near(Array.from(drawn.causes), reference.drawn.radii, 1e-6, "radii");
  near(Array.from(drawn.centers), reference.drawn.centers, 1e-6, "centres");
  nearImages(drawn.images, reference.drawn, "images");
});

test("moons are those of data.render_moons; the gap leaves out the middle", () => {
  nearImages(renderMoons(reference.moons.phases), reference.moons, "moons");
  assert.ok(moons(500, 0, true).causes.every((phase) => phase <= 0.3001 || phase >= 0.6999));
});

test("the blur is torchvision's", () => nearImages(blur(renderCircles(radii, centers)), reference.blurred, "blur"));

test("floor, variances, unexplained variance and nearest circle are the library's", () => {
  for (const stroke of [0.5, 1.5]) {
    near(truth.radiusOnlyFloor(stroke), reference.floor[stroke], 1e-4, "floor");
    const { images } = circles(1000, stroke), { total, leading } = reference.variance[stroke];
    near(truth.totalVariance(images), total, 1e-4, "total variance");
    near(truth.leadingVariances(images, 3), leading, 2e-3, "leading variances");
  }
  const { images } = circles(200), rolled = new Float32Array(images.length);
  rolled.set(images.subarray(0, images.length - PIXELS), PIXELS);
  rolled.set(images.subarray(images.length - PIXELS));
  near(truth.unexplainedVariance(rolled, images), reference.unexplained, 1e-4, "unexplained");
  const x = renderCircles(radii, centers), at = (i) => x.subarray(i * PIXELS, (i + 1) * PIXELS);
  const found = truth.circleFinder()(at(2).map((ink, i) => 0.5 * ink + 0.5 * at(3)[i]));
  for (const name of ["distance", "radius", "misfit"]) near(found[name], reference.nearest[name], 1e-3, `nearest circle, ${name}`);
});

const WIDTH = 16, LATENT = 2;

/** The weights of make_reference.py, in the order of PyTorch's parameters(): [name, (out × in) numbers]. */
function setWavyWeights(network) {
  const places = placesOfParameters(network);
  places.forEach(({ shape, put }, i) => {
    const length = shape.reduce((a, b) => a * b), width = shape.at(-1);
    for (let n = 0; n < length; n++) put(n, Math.sin(0.7 * n + 1.3 * Math.sqrt(n) + i) / Math.sqrt(width));
  });
  return places;
}

function placesOfParameters(network) {
  const { heap, blocks } = network, places = [];
  const add = (layer, outs, firstOut, ins) => {
    const at = (n) => layer.w + (n % ins) * layer.out + firstOut + Math.floor(n / ins);
    const entry = (shape, where) => ({
      shape,
      put: (n, value) => (heap[blocks.weights + where(n)] = value),
      get: (block, n) => heap[blocks[block] + where(n)],
    });
    places.push(entry([outs, ins], at), entry([outs], (n) => layer.b + firstOut + n));
  };
  network.encoder.slice(0, -1).forEach((l) => add(l, l.out, 0, l.in));
  add(network.encoder.at(-1), LATENT, 0, WIDTH);
  if (network.kind === "vae") add(network.encoder.at(-1), LATENT, 8, WIDTH);
  network.decoder.forEach((l, i) => add(l, l.out, 0, i ? l.in : LATENT));
  return places;
}

const someNumbers = ({ shape, get }, block) => {
  const length = shape.reduce((a, b) => a * b), every = Math.max(1, Math.floor(length / 40)), numbers = [];
  for (let n = 0; n < length; n += every) numbers.push(get(block, n));
  return numbers;
};

test("the forward pass is PyTorch's", () => {
  const network = new Network({ kind: "vae", latent: LATENT, width: WIDTH, random: new Random(0) });
  setWavyWeights(network);
  const { mu, logVar } = network.encode(renderCircles(radii, centers));
  near(Array.from(mu), reference.forward.mu, 1e-4, "mu");
  near(Array.from(logVar), reference.forward.log_var, 1e-4, "log_var");
  nearImages(network.decode(mu), reference.forward, "x_hat");
});

for (const [name, expected] of Object.entries(reference.steps))
  test(`loss, gradients and steps of Adam are PyTorch's: ${name}`, () => {
    const kind = name.slice(0, 3).replace(/\W/, "");
    const factor = name.includes("10") ? 10 : name.includes("learned") ? "learned" : 1;
    const corrupt = name.includes("noise") ? 0.5 : 0, shift = { uniform: () => 1, normal: () => 0.1 }; // x + 0.05
    const network = new Network({ kind, latent: LATENT, width: WIDTH, random: corrupt ? shift : new Random(0) });
    const places = setWavyWeights(network);
    const x = renderCircles(radii, centers), all = [0, 1, 2, 3, 4];
    const settings = { lr: 1e-3, factor, eps: reference.eps, corrupt };
    const terms = network.step(x, all, { ...settings, update: false });
    for (const term of ["loss", "reconstruction", "kl"])
      if (term in expected.terms) near(terms[term], expected.terms[term], 1e-4, term);
    places.forEach((p, i) => near(someNumbers(p, "gradient"), expected.gradients[i], 1e-4, `gradient of parameter ${i}`));
    network.step(x, all, settings);
    places.forEach((p, i) => near(someNumbers(p, "weights"), expected.after[i], 1e-4, `parameter ${i} after a step`));
    network.step(x, all, settings);
    places.forEach((p, i) => near(someNumbers(p, "weights"), expected.after_two[i], 1e-4, `parameter ${i} after two`));
  });

test("the start is as wide as PyTorch's, and columns without a use stay 0", () => {
  const network = new Network({ kind: "vae", latent: 1, width: 128, random: new Random(0) });
  const numbers = (layer) => network.heap.subarray(network.blocks.weights + layer.w, network.blocks.weights + layer.b);
  near(truth.variance(numbers(network.encoder[0])) * 3 * 784, 1, 0.02, "first layer");
  const { images } = circles(64);
  for (let i = 0; i < 3; i++) network.step(images, Array.from({ length: 32 }, (_, j) => j), {});
  const head = numbers(network.encoder.at(-1)), first = numbers(network.decoder[0]);
  assert.ok(head.every((w, i) => (i % 16 === 0 || i % 16 === 8 ? w !== 0 : w === 0)));
  assert.ok(first.every((w, i) => (i < 128 ? w !== 0 : w === 0)));
});

test("training learns; saved weights go on as if nothing had happened; a linear model works", () => {
  const { images } = circles(256);
  for (const width of [32, 0]) {
    const make = () => new Network({ kind: "vae", latent: 2, width, random: new Random(1) });
    const train = (network, steps) => {
      let terms;
      for (let i = 0; i < steps; i++)
        terms = network.step(images, Array.from({ length: 30 }, (_, j) => (30 * i + j) % 256), { lr: 3e-3, noise: false });
      return terms;
    };
    const one = make();
    const early = train(one, 2).loss, half = one.save(), end = train(one, 120).loss;
    assert.ok(end < 0.75 * early, `${end} after ${early}`);
    const other = make();
    other.restore(half);
    near(train(other, 120).loss, end, 1e-6, "restored");
  }
});

test("the stored VAE of chapter 9 computes as in PyTorch", () => {
  const model = new DigitsModel(readFileSync(new URL("../src/digits.safetensors", import.meta.url)));
  const x = renderCircles(radii, centers), expected = reference.digits;
  const codes = Array.from(radii, (_, i) => model.encode(x.subarray(i * PIXELS, (i + 1) * PIXELS)));
  near(codes.flatMap(({ mu }) => [...mu]), expected.mu, 1e-4, "mu");
  near(codes.flatMap(({ logVar }) => [...logVar]), expected.log_var, 1e-4, "log_var");
  const drawn = new Float32Array(x.length);
  codes.forEach(({ mu }, i) => drawn.set(model.decode(mu), i * PIXELS));
  nearImages(drawn, expected, "x_hat");
  near(Array.from(model.codes.slice(0, 6)), expected.codes, 1e-6, "stored codes");
  assert.deepEqual(Array.from(model.labels.slice(0, 3)), expected.labels);
  assert.equal(model.neighbours([0, 0], 500).reduce((a, b) => a + b), 500);
});

test("a drawing is centred by its ink and made 20 pixels large, as MNIST's digits", () => {
  const page = new Float32Array(PIXELS);
  for (let row = 2; row < 12; row++) for (let column = 20; column < 25; column++) page[row * 28 + column] = 1; // 10 × 5, in a corner
  const seen = prepare(page), rows = [], columns = [];
  seen.forEach((ink, i) => ink > 0.5 && (rows.push(Math.floor(i / 28)), columns.push(i % 28)));
  assert.deepEqual([Math.min(...rows), Math.max(...rows), Math.min(...columns), Math.max(...columns)], [4, 23, 9, 18]);
  assert.ok(prepare(new Float32Array(PIXELS)).every((ink) => ink === 0));
});

test("bells are fitted as scikit-learn fits them, and draw what they were fitted to", () => {
  const codes = Float32Array.from({ length: 400 }, (_, i) => {
    const t = i >> 1;
    return i % 2 ? Math.sin(t / 60) + 0.05 * Math.sin(31 * t) : Math.cos(t / 60) + 0.05 * Math.sin(57 * t);
  });
  near(logLikelihood([fitBell(codes, 2)], codes, 2), reference.mixtures[1], 1e-4, "one bell");
  const starts = Array.from({ length: 8 }, (_, seed) => fitMixture(codes, 2, 4, new Random(seed), 200)); // scikit-learn: the best of 20
  const likelihoods = starts.map((bells) => logLikelihood(bells, codes, 2)), best = Math.max(...likelihoods);
  assert.ok(Math.abs(best - reference.mixtures[4]) < 0.03, `four bells: ${best} nats`); // one bell: −1.4
  const bells = starts[likelihoods.indexOf(best)];
  near(bells.reduce((sum, bell) => sum + bell.share, 0), 1, 1e-6, "shares");
  const again = fitBell(draw(bells, 2, 20000, new Random(1)), 2), once = fitBell(codes, 2);
  near([...again.mean], [...once.mean], 0.02, "mean of the draws");
  near([...again.l], [...once.l], 0.02, "width of the draws");
});

test("two bells share what chapter 4 says; sharp circles are alike only near by, blurred ones more the nearer they are", () => {
  near([1, 2].map((d) => truth.sharedArea([0, 0.5], [d, 0.5])), [0.3173105, 0.0455003], 1e-3, "2 Φ(−d / 2σ)");
  near(truth.sharedArea([1, 0.2], [1, 0.2]), 1, 1e-4, "the same bell");
  const [sharp, blurred] = [false, true].map((b) => truth.likeness(0.3, 1.5, b)), at = (r) => sharp.radii.findIndex((x) => x >= r);
  assert.ok(sharp.shares[at(0.3)] < 0.02 && sharp.shares[at(0.2)] > sharp.shares[at(0.05)], "outside the valley a dot is nearer");
  assert.ok(blurred.shares[at(0.2)] < blurred.shares[at(0.1)], "blurred, the right way is downhill");
});

test("the typical place of a digit has more of its kind around it than the middle of its codes", () => {
  const model = new DigitsModel(readFileSync(new URL("../src/digits.safetensors", import.meta.url)));
  const votes = model.typical.map((z, digit) => model.neighbours(z)[digit]);
  assert.ok(votes[3] >= 9 && Math.min(...votes) >= 7, String(votes));
});

test("forecasts: PCA's three cases, and the nats of a linear VAE", () => {
  assert.deepEqual([0.6, 2.4, 19].map(truth.forecast), ["collapse", "unsure", "learn"]);
  near(truth.linearRate([8, 0.3], 0.5), 0.5 * Math.log(16), 1e-9, "rate");
  assert.equal(truth.claimedVariance(1), 0.5);
  near([truth.spearman([1, 2, 3, 4], [1, 4, 9, 16]), truth.spearman([1, 2, 3, 4], [4, 3, 2, 1])], [1, -1], 1e-9, "ranks");
});
