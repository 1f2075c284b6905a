// What an experiment measures on a finished training, beside the numbers; and a whole experiment without a page.
import { PIXELS, renderMoons } from "./core/data.js";
import { draw, fitBell, fitMixture } from "./core/gaussians.js";
import { Random } from "./core/random.js";
import { Training } from "./core/training.js";
import { isCircle, MOST_MISFIT, quantile, reconstructionError, relativeError } from "./core/truth.js";
import { SHAPES } from "./images.js";
import { defaults } from "./state.js";

const pick = (images, i) => images.subarray(i * PIXELS, (i + 1) * PIXELS);

/** Both of chapter 3's scores of the held-out images, and the limits that 99 % of them stay below. */
export function thresholds({ network, heldOut }) {
  const redrawn = network.decode(network.encode(heldOut.images).mu);
  const error = reconstructionError(redrawn, heldOut.images);
  const relative = Float32Array.from(error, (_, i) => relativeError(pick(redrawn, i), pick(heldOut.images, i)));
  const of = (scores) => ({ limit: quantile(scores, 0.99), scores });
  return { error: of(error), relative: of(relative) };
}

/** What the network makes of one image, and how odd it is: chapter 3. */
export function score(training, image, limits = thresholds(training)) {
  const { mu, logVar } = training.network.encode(image), xHat = training.network.decode(mu);
  const circles = training.settings.data === "circles";
  return {
    xHat, mu, logVar,
    thresholds: limits,
    error: reconstructionError(xHat, image)[0],
    relative: relativeError(xHat, image),
    circle: circles ? training.nearestCircle(xHat) : null,
    itself: circles ? training.nearestCircle(image) : null,
  };
}

export const SCORES = { error: "squared error", relative: "error ÷ ink" };

/** One verdict on a scored image, by one of SCORES: {kind: "odd", "ordinary" or "fooled", words}. */
export function judge(scored, by) {
  const { limit } = scored.thresholds[by], score = scored[by], odd = score > limit;
  const known = scored.itself && (isCircle(scored.itself) ? "circle" : "other"); // of other data we cannot tell
  const kind = odd ? "odd" : known === "other" ? "fooled" : "ordinary";
  const lies = `${SCORES[by]} of ${score.toFixed(2)} lies ${odd ? "above" : "below"} the threshold of ${limit.toFixed(2)}`;
  const other = by === "error" ? "relative" : "error", caught = scored[other] > scored.thresholds[other].limit;
  const near = known === "circle" ? ` (misfit ${scored.itself.misfit.toFixed(2)}, below ${MOST_MISFIT})` : "";
  const why = by === "error"
    ? "Squares can only add up where there is ink, and the threshold is as high as the worst redrawn circles need it."
    : "Where there is much ink on both sides, a wrong piece weighs little.";
  const words = {
    odd: `Odd: its ${lies}, so the alarm goes off${known === "circle" ? `, although it is near enough to a circle${near}: a false alarm` : ""}.`,
    ordinary: `Ordinary: its ${lies}${known ? `, and it is near enough to a circle${near}` : ""}.`,
    fooled: `Fooled! Its ${lies}, so it passes, and yet it is no circle. ${why} The other score, ${SCORES[other]}, ` +
      `${caught ? "catches it" : "lets it pass, too"}: ${scored[other].toFixed(2)}, threshold ${scored.thresholds[other].limit.toFixed(2)}.`,
  };
  return { kind, words: words[kind] };
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
