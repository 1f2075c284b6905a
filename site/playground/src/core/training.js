// One training, from settings to what there is to see: used by the worker in the page and by the tests in Node.
import { addNoise, blur, canvas, circles, moons, multiply, PIXELS } from "./data.js";
import { Network } from "./network.js";
import { Random } from "./random.js";
import * as truth from "./truth.js";

export const TRAIN = 1000;
export const HELD_OUT = 500;
const BLURRED_FACTOR = 3; // pale images give a code less to gain: chapter 8

/** Share of the steps done → share of lr, as course_lib.training.SCHEDULES. */
export const SCHEDULES = {
  constant: () => 1,
  cosine: (done) => (1 + Math.cos(Math.PI * done)) / 2,
  "one-cycle": (done) => 1 - Math.abs(2 * done - 1),
};

/** Training and held-out images {images, causes} for the settings; `own` images replace those that we draw. */
export function drawData({ data, stroke, seed }, own = null) {
  if (data === "circles") return [circles(TRAIN, stroke, seed), circles(HELD_OUT, stroke, 10000 + seed)];
  if (data === "moons" || data === "gap") {
    const gap = data === "gap";
    return [moons(TRAIN, seed, gap), moons(HELD_OUT, 10000 + seed, gap)];
  }
  if (!own?.length) throw new Error("There are no images yet. Draw some, or drop image files.");
  const given = own.length / PIXELS, n = Math.max(128, Math.min(TRAIN, 32 * given));
  if (given < 10) return [multiply(own, n, seed), multiply(own, 64, seed + 1)];
  const every = (wanted) => {
    const chosen = Array.from({ length: given }, (_, i) => i).filter((i) => (i % 5 === 2) === wanted);
    const images = new Float32Array(chosen.length * PIXELS);
    chosen.forEach((index, i) => images.set(own.subarray(index * PIXELS, (index + 1) * PIXELS), i * PIXELS));
    return { images, causes: Float32Array.from(chosen) };
  };
  return [multiply(every(false).images, n, seed), every(true)]; // every fifth image is held out
}

export class Training {
  constructor(settings, own = null) {
    this.settings = settings;
    [this.train, this.heldOut] = drawData(settings, own);
    this.random = new Random(settings.seed);
    const { model: kind, latent, width, batch } = settings;
    this.network = new Network({ kind, latent, width, batch, random: this.random });
    this.epoch = 0;
    this.at = 0;
    this.variance = truth.totalVariance(this.train.images);
    const few = this.heldOut.images.length < 100 * PIXELS; // of a few images of the visitor's no variance can be told
    this.heldOutVariance = few ? this.variance : truth.totalVariance(this.heldOut.images);
    const noise = new Random(settings.seed + 1);
    this.priorCodes = Float32Array.from({ length: 16 * latent }, () => noise.normal());
    this.factor = settings.sigma ? null : settings.factor;
  }

  /** What is known before the first step. */
  facts() {
    const { settings, variance } = this;
    const circle = settings.data === "circles";
    const leading = truth.leadingVariances(this.train.images, settings.width ? 1 : settings.latent, 60);
    return {
      variance,
      leading,
      floor: circle ? truth.radiusOnlyFloor(settings.stroke, 60) : null,
    };
  }

  get done() {
    return this.epoch >= this.settings.epochs;
  }

  /** One step of training. Returns the epoch's means {reconstruction, kl} when it was the last of one, else null. */
  step() {
    const { settings, network, train } = this;
    const n = train.images.length / PIXELS;
    if (this.at === 0) {
      this.order = this.random.permutation(n);
      this.means = { reconstruction: 0, kl: 0 };
    }
    const blurred = this.epoch < settings.blur;
    if (blurred) this.blurred ??= blur(train.images);
    const indices = this.order.subarray(this.at, this.at + settings.batch);
    const steps = Math.ceil(n / settings.batch), now = this.epoch * steps + this.at / settings.batch;
    const stage = blurred ? [0, settings.blur] : [settings.blur, settings.epochs];
    const share = Math.min(1, (now / steps - stage[0]) / Math.max(1, stage[1] - stage[0]));
    const warm = settings.warmup ? Math.min(1, now / (settings.warmup * steps)) : 1;
    const terms = network.step(blurred ? this.blurred : train.images, indices, {
      lr: settings.lr * SCHEDULES[settings.schedule](share),
      factor: settings.sigma ? "learned" : settings.factor * (blurred ? BLURRED_FACTOR : 1),
      beta: settings.kl ? warm : 0,
      noise: Boolean(settings.eps),
      corrupt: settings.noise,
    });
    if (!Number.isFinite(terms.loss))
      throw new Error(
        `Training stopped: the loss is no longer a number (epoch ${this.epoch + 1}). Try a smaller learning rate than ${settings.lr}.`);
    if (settings.sigma) this.factor = this.factor === null ? terms.factor : 0.95 * this.factor + 0.05 * terms.factor;
    for (const name in this.means) this.means[name] += (terms[name] * indices.length) / n;
    this.at += indices.length;
    if (this.at < n) return null;
    this.at = 0;
    this.epoch++;
    return this.means;
  }

  /** How the network does on held-out images, decoded from mu (or z, for an autoencoder). */
  evaluate() {
    const { network, heldOut, settings } = this;
    const { mu, logVar } = network.encode(heldOut.images);
    const errors = truth.reconstructionError(network.decode(mu), heldOut.images);
    const error = truth.mean(errors);
    let kl = 0, sigma = 0;
    if (logVar) {
      for (let i = 0; i < mu.length; i++) {
        kl -= 0.5 * (1 + logVar[i] - mu[i] ** 2 - Math.exp(logVar[i]));
        sigma += Math.exp(logVar[i] / 2) / mu.length;
      }
      kl /= errors.length;
    }
    return {
      mu, logVar, error, kl, sigma,
      unexplained: error / this.heldOutVariance,
      measuredSigma: Math.sqrt(error / PIXELS),
      active: truth.activeUnits(mu, settings.latent),
      rank: settings.latent === 1 && this.heldOut.causes ? Math.abs(truth.spearman(mu, heldOut.causes)) : null,
    };
  }

  /** What is told of a training, from what evaluate() returned; `rested` adds what takes a while to find out. */
  numbers({ mu, error, kl, sigma, measuredSigma, active, rank, unexplained }, rested) {
    const { data, latent } = this.settings;
    const circle = rested && this.epoch > 0 && data === "circles";
    return {
      unexplained, kl, error, sigma, measuredSigma, active, rank,
      circles: circle ? this.circleShare() : null,
      hole: circle && latent === 1 ? this.worstHole(mu) : null,
    };
  }

  /** The squared error on held-out images with noise of `sigma`, against the clean ones. */
  noisyError(sigma) {
    const { network, heldOut, settings } = this;
    const redrawn = network.decode(network.encode(addNoise(heldOut.images, sigma, settings.seed + 3)).mu);
    return truth.mean(truth.reconstructionError(redrawn, heldOut.images));
  }

  /** The nearest circle that the renderer can draw: {distance, radius, misfit}. */
  nearestCircle(image) {
    this.finder ??= truth.circleFinder(this.settings.stroke, 111);
    return this.finder(image.map((ink) => Math.min(1, Math.max(0, ink))));
  }

  /** Codes drawn from N(0, 1), for `n` images. */
  priorDraws(n) {
    const noise = new Random(this.settings.seed + 2);
    return Float32Array.from({ length: n * this.settings.latent }, () => noise.normal());
  }

  /** Share of circles among the images decoded from `codes`; without any, from 100 draws from N(0, 1). */
  circleShare(codes = this.priorDraws(100)) {
    const images = this.network.decode(codes), n = codes.length / this.settings.latent;
    const circles = Array.from({ length: n }, (_, i) => truth.isCircle(this.nearestCircle(images.subarray(i * PIXELS, (i + 1) * PIXELS))));
    return circles.filter(Boolean).length / n;
  }

  /**
   * The largest misfit on a walk through the middle 98 % of the codes of one latent number: {misfit, z, between}, the last
   * being the median causes of the fifteen images whose codes come next below, and above.
   */
  worstHole(mu, steps = 120) {
    const [low, high] = [0.01, 0.99].map((q) => truth.quantile(mu, q));
    const codes = Float32Array.from({ length: steps }, (_, i) => low + ((high - low) * i) / (steps - 1));
    const images = this.network.decode(codes);
    const misfits = Array.from(codes, (_, i) => this.nearestCircle(images.subarray(i * PIXELS, (i + 1) * PIXELS)).misfit);
    const misfit = Math.max(...misfits);
    const z = codes[misfits.indexOf(misfit)], order = Array.from(mu.keys()).sort((a, b) => mu[a] - mu[b]);
    const above = order.findIndex((i) => mu[i] > z);
    const between = [order.slice(Math.max(0, above - 15), above), order.slice(above, above + 15)]
      .map((next) => truth.quantile(next.map((i) => this.heldOut.causes[i]), 0.5));
    return { misfit, z, between };
  }

  /**
   * What each size costs, and what it shares with the next: {radii, errors, kl, shared, steepest}, for one latent number.
   * `shared` is the part of its cloud that a circle has in common with the one a tenth of a pixel larger (chapter 4);
   * `steepest` is the radius where the code changes fastest. Without clouds `kl` and `shared` are null.
   */
  sizes() {
    const { network, settings: { stroke } } = this, { radii, images } = truth.ladder(stroke);
    const { mu, logVar } = network.encode(images);
    const errors = truth.reconstructionError(network.decode(mu), images);
    let at = 0;
    for (let i = 0; i + 1 < mu.length; i++) if (Math.abs(mu[i + 1] - mu[i]) > Math.abs(mu[at + 1] - mu[at])) at = i;
    const found = { radii, errors, kl: null, shared: null, steepest: (radii[at] + radii[at + 1]) / 2 };
    if (!logVar) return found;
    found.kl = mu.map((m, i) => -0.5 * (1 + logVar[i] - m ** 2 - Math.exp(logVar[i])));
    const next = network.encode(truth.ladder(stroke, radii.length, 0.1 / canvas(stroke).scale).images);
    found.shared = mu.map((m, i) => truth.sharedArea([m, Math.exp(logVar[i] / 2)], [next.mu[i], Math.exp(next.logVar[i] / 2)]));
    return found;
  }
}
