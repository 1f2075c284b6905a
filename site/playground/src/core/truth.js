// What can be known of the images without a network, and how a network is judged.
import { blur, CENTER_RANGE, PIXELS, RADIUS_RANGE, renderCircles } from "./data.js";

const MIDDLE = [0.515, 0.515]; // of the centres

/** Sum over pixels of (a − b)² for each image: losses.reconstruction_error. */
export function reconstructionError(xHat, x) {
  const errors = new Float32Array(x.length / PIXELS);
  for (let image = 0, i = 0; image < errors.length; image++) {
    let sum = 0;
    for (const end = i + PIXELS; i < end; i++) sum += (xHat[i] - x[i]) ** 2;
    errors[image] = sum;
  }
  return errors;
}

export const mean = (numbers) => numbers.reduce((a, b) => a + b, 0) / numbers.length;

/** The mean image. */
export function meanImage(images) {
  const n = images.length / PIXELS, average = new Float64Array(PIXELS);
  for (let i = 0; i < images.length; ) for (let p = 0; p < PIXELS; p++, i++) average[p] += images[i];
  return average.map((sum) => sum / n);
}

/** The variance of the pixels over the images, summed over the pixels. */
export function totalVariance(images) {
  const average = meanImage(images);
  let sum = 0;
  for (let i = 0; i < images.length; ) for (let p = 0; p < PIXELS; p++, i++) sum += (images[i] - average[p]) ** 2;
  return sum / (images.length / PIXELS);
}

/** Squared error ÷ variance of the pixels: 0 is perfect, 1 is the mean image. */
export const unexplainedVariance = (xHat, x) => mean(reconstructionError(xHat, x)) / totalVariance(x);

/** The `count` largest variances of PCA, by power iteration; sums of squares divided by N, as everywhere in the course. */
export function leadingVariances(images, count = 1, most = 300) {
  const n = images.length / PIXELS, average = meanImage(images);
  const centred = images.map((ink, i) => ink - average[i % PIXELS]);
  const found = [], variances = [];
  for (let c = 0; c < count; c++) {
    let direction = Float64Array.from({ length: PIXELS }, (_, i) => Math.sin(1 + i * (c + 1))), variance = 0;
    for (let round = 0; round < most; round++) {
      for (const other of found) {
        const along = direction.reduce((s, d, i) => s + d * other[i], 0);
        direction = direction.map((d, i) => d - along * other[i]);
      }
      const length = Math.hypot(...direction);
      direction = direction.map((d) => d / length);
      const next = new Float64Array(PIXELS);
      for (let row = 0; row < n; row++) {
        const at = row * PIXELS;
        let score = 0;
        for (let i = 0; i < PIXELS; i++) score += centred[at + i] * direction[i];
        score /= n;
        for (let i = 0; i < PIXELS; i++) next[i] += centred[at + i] * score;
      }
      const before = variance;
      variance = direction.reduce((s, d, i) => s + d * next[i], 0);
      if (!(variance > 0)) break;
      if (round > 5 && Math.abs(variance - before) < 1e-6 * variance) break;
      direction = next;
    }
    const length = Math.hypot(...direction);
    found.push(length ? direction.map((d) => d / length) : direction);
    variances.push(variance);
  }
  return variances;
}

/** The pixel noise that a reconstruction factor claims: σ² = 1 / (2 · factor). */
export const claimedVariance = (factor) => 1 / (2 * factor);

/**
 * What PCA says before training (chapter 7): with λ₁/σ² below 1 no code can start; up to 10 training may get
 * stuck; above, it learns.
 */
export function forecast(ratio) {
  if (ratio < 1) return "collapse";
  return ratio < 10 ? "unsure" : "learn";
}

/** Nats that a linear VAE spends at its best: ½ log(λ/σ²) for each direction above σ². */
export const linearRate = (variances, noise) =>
  variances.reduce((sum, v) => sum + (v > noise ? 0.5 * Math.log(v / noise) : 0), 0);

/** data.radius_only_floor: the share of the pixel variance that stays when only the radius is known. */
export function radiusOnlyFloor(stroke = 1.5, steps = 221) {
  const middle = ([low, high], i, n) => low + ((high - low) * (i + 0.5)) / n;
  const centers = [];
  for (let i = 0; i < 9; i++) for (let j = 0; j < 9; j++) centers.push(middle(CENTER_RANGE, i, 9), middle(CENTER_RANGE, j, 9));
  const means = new Float32Array(steps * PIXELS);
  let within = 0;
  for (let s = 0; s < steps; s++) {
    const images = renderCircles(new Float32Array(81).fill(middle(RADIUS_RANGE, s, steps)), centers, stroke);
    within += totalVariance(images) / steps;
    means.set(meanImage(images), s * PIXELS);
  }
  return within / (within + totalVariance(means));
}

/** An image is a circle when its misfit is below this (chapter 2). */
export const MOST_MISFIT = 0.15;
export const isCircle = ({ misfit }) => misfit < MOST_MISFIT;

const inkOf = (images) => reconstructionError(images, new Float32Array(images.length)); // squared

/**
 * data.nearest_circle and data.misfit on a grid of `steps` radii × 4 × 4 centres: a function from images to {distance,
 * radius, misfit}. The misfit is the distance as a share of the squared ink of that circle: 1 for a blank page.
 */
export function circleFinder(stroke = 1.5, steps = 221) {
  const line = ([low, high], n) => Array.from({ length: n }, (_, i) => low + ((high - low) * i) / (n - 1));
  const radii = [], centers = [];
  for (const r of line(RADIUS_RANGE, steps))
    for (const x of line(CENTER_RANGE, 4)) for (const y of line(CENTER_RANGE, 4)) {
      radii.push(r);
      centers.push(x, y);
    }
  const drawn = renderCircles(radii, centers, stroke);
  return (image) => {
    let best = Infinity, radius = 0;
    for (let c = 0; c < radii.length; c++) {
      let distance = 0;
      for (let i = 0; i < PIXELS; i += 16) {
        for (let j = i; j < i + 16; j++) {
          const d = image[j] - drawn[c * PIXELS + j];
          distance += d * d;
        }
        if (distance >= best) break;
      }
      if (distance < best) [best, radius] = [distance, radii[c]];
    }
    return { distance: best, radius, misfit: best / inkOf(renderCircles([radius], MIDDLE, stroke))[0] };
  };
}

/** `steps` radii from the smallest circle to the largest, and their images, all with the same centre. */
export function ladder(stroke = 1.5, steps = 221, larger = 0) {
  const [low, high] = RADIUS_RANGE, radii = Array.from({ length: steps }, (_, i) => low + ((high - low) * i) / (steps - 1));
  const images = renderCircles(radii.map((r) => r + larger), radii.flatMap(() => MIDDLE), stroke);
  return { radii, images };
}

/** The squared error between the circle of `radius` and those of a ladder, sharp or blurred, as a share of the largest. */
export function likeness(radius, stroke, blurred) {
  const treat = blurred ? blur : (images) => images;
  const { radii, images } = ladder(stroke, 111), one = treat(renderCircles([radius], MIDDLE, stroke));
  const many = treat(images), repeated = new Float32Array(many.length);
  for (let at = 0; at < many.length; at += PIXELS) repeated.set(one, at);
  const errors = reconstructionError(many, repeated), most = Math.max(...errors);
  return { radii, shares: Array.from(errors, (e) => e / most) };
}

/** The area that two bells share, from 0 to 1: chapter 4. */
export function sharedArea([mu, sigma], [other, width], steps = 400) {
  const low = Math.min(mu - 5 * sigma, other - 5 * width), high = Math.max(mu + 5 * sigma, other + 5 * width);
  const height = (z, m, s) => Math.exp(-(((z - m) / s) ** 2) / 2) / (s * Math.sqrt(2 * Math.PI));
  let area = 0;
  for (let i = 0; i < steps; i++) {
    const z = low + ((high - low) * (i + 0.5)) / steps;
    area += (Math.min(height(z, mu, sigma), height(z, other, width)) * (high - low)) / steps;
  }
  return area;
}

/** The value that a share `q` of the numbers stays below. */
export function quantile(numbers, q) {
  const sorted = Float32Array.from(numbers).sort(), at = q * (sorted.length - 1), low = Math.floor(at);
  return sorted[low] + (at - low) * (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]);
}

/** Chapter 3's mended score of one image: squared error ÷ ink on both sides. */
export function relativeError(xHat, x) {
  let error = 0, ink = 0;
  for (let i = 0; i < PIXELS; i++) {
    error += (xHat[i] - x[i]) ** 2;
    ink += xHat[i] ** 2 + x[i] ** 2;
  }
  return ink ? error / ink : 0;
}

/** Spearman's rank correlation. */
export function spearman(a, b) {
  const ranks = (values) => {
    const order = Array.from(values.keys()).sort((i, j) => values[i] - values[j]);
    const rank = new Float64Array(values.length);
    order.forEach((index, r) => (rank[index] = r));
    return rank;
  };
  const [x, y] = [ranks(Array.from(a)), ranks(Array.from(b))], n = x.length, middle = (n - 1) / 2;
  let both = 0, own = 0;
  for (let i = 0; i < n; i++) {
    both += (x[i] - middle) * (y[i] - middle);
    own += (x[i] - middle) ** 2;
  }
  return both / own;
}

/** How many latent numbers move with the image: variance of mu above 0.01 (Burda and others, 2016). */
export function activeUnits(mu, latent) {
  let active = 0;
  for (let d = 0; d < latent; d++) active += variance(mu.filter((_, i) => i % latent === d)) > 0.01;
  return active;
}

export function variance(numbers) {
  const middle = mean(numbers);
  return mean(numbers.map((x) => (x - middle) ** 2));
}
