// What an experiment measures on a finished training, beside the numbers; and a whole experiment without a page.
import { PIXELS, renderMoons } from "./core/data.js";
import { draw, fitBell, fitMixture } from "./core/gaussians.js";
import { Random } from "./core/random.js";
import { Training } from "./core/training.js";
import { quantile, reconstructionError, relativeError } from "./core/truth.js";
import { SHAPES } from "./images.js";
import { defaults } from "./state.js";

const pick = (images, i) => images.subarray(i * PIXELS, (i + 1) * PIXELS);

/** What 99 % of the held-out images stay below, in both of chapter 3's scores, and some of their errors. */
export function thresholds({ network, heldOut }) {
  const redrawn = network.decode(network.encode(heldOut.images).mu);
  const errors = reconstructionError(redrawn, heldOut.images);
  const relative = Array.from(errors, (_, i) => relativeError(pick(redrawn, i), pick(heldOut.images, i)));
  return { error: quantile(errors, 0.99), relative: quantile(relative, 0.99), errors: errors.slice(0, 300) };
}

/** What the network makes of one image, and how odd it is: chapter 3. */
export function score(training, image, limits = thresholds(training)) {
  const { mu, logVar } = training.network.encode(image), xHat = training.network.decode(mu);
  return {
    xHat, mu, logVar,
    thresholds: limits,
    error: reconstructionError(xHat, image)[0],
    relative: relativeError(xHat, image),
    circle: training.settings.data === "circles" ? training.nearestCircle(xHat) : null,
  };
}

function scoreShape(training, name) {
  const answer = score(training, SHAPES[name]());
  return { ...answer, ink: answer.xHat.reduce((sum, x) => sum + x * x, 0) };
}

/** The largest distance to any moon on the way from one end of the code to the other. */
function halfway({ network, heldOut }) {
  const { mu } = network.encode(heldOut.images), low = quantile(mu, 0), high = quantile(mu, 1), n = 41;
  const images = network.decode(Float32Array.from({ length: n }, (_, i) => low + ((high - low) * i) / (n - 1)));
  const moons = renderMoons(Float32Array.from({ length: 101 }, (_, i) => i / 100));
  const nearest = Array.from({ length: n }, (_, i) => {
    const repeated = new Float32Array(101 * PIXELS);
    for (let j = 0; j < 101; j++) repeated.set(pick(images, i), j * PIXELS);
    return Math.min(...reconstructionError(repeated, moons));
  });
  return { moon: Math.max(...nearest) };
}

/** Share of circles among images whose codes come from N(0, 1), from one fitted bell, and from 16: chapter 12. */
function priors(training) {
  const { network, train, settings } = training, { latent, seed } = settings, n = 200;
  const { mu } = network.encode(train.images), random = new Random(seed + 4);
  const drawn = (bells) => training.circleShare(draw(bells, latent, n, random));
  return {
    standard: training.circleShare(training.priorDraws(n)),
    bell: drawn([fitBell(mu, latent)]),
    mixture: drawn(fitMixture(mu, latent, 16, random)),
  };
}

/** name → measurement, which `probe` in presets.js asks for. */
export const PROBES = {
  duck: (training) => scoreShape(training, "duck"),
  blank: (training) => scoreShape(training, "blank"),
  halfway,
  priors,
  noisy: (training) => ({ clean: training.noisyError(0), noisy: training.noisyError(0.8) }),
};

/** Train all runs of an experiment. Returns what its `outcome` and `after` want: for each {settings, facts, numbers, factor, probe}. */
export function play({ runs, probe }, seed) {
  return runs.map((run) => {
    const training = new Training({ ...defaults, ...run, seed });
    const facts = training.facts();
    while (!training.done) training.step();
    const { settings, factor } = training;
    return { settings, facts, numbers: training.numbers(training.evaluate(), true), factor, probe: probe && PROBES[probe](training) };
  });
}
