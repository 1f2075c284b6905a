// Images with a known cause, as course_lib.data draws them: ink is 1, paper is 0, 28 × 28 pixels, image after image.
import { Random } from "./random.js";

export const SIZE = 28;
export const PIXELS = SIZE * SIZE;
export const RADIUS_RANGE = [0.03, 0.47]; // units
export const CENTER_RANGE = [0.5, 0.53]; // units

const clamp = (x, low, high) => Math.min(Math.max(x, low), high);

/** The unit square starts `margin` pixels in, and one unit is `scale` pixels. */
export function canvas(stroke) {
  const margin = Math.max(SIZE / 14, stroke / 2 + 0.5);
  return { margin, scale: SIZE - 2 * margin };
}

/** Ink of circles with `radii` (N) and `centers` (N × 2) in units: data.render_circles. */
export function renderCircles(radii, centers, stroke = 1.5) {
  const { margin, scale } = canvas(stroke);
  const images = new Float32Array(radii.length * PIXELS);
  const most = Math.min(1, stroke);
  for (let i = 0, pixel = 0; i < radii.length; i++) {
    const radius = scale * radii[i];
    const x = margin + scale * centers[2 * i], y = margin + scale * centers[2 * i + 1];
    for (let row = 0; row < SIZE; row++) {
      const dy = row + 0.5 - y;
      for (let column = 0; column < SIZE; column++, pixel++) {
        const dx = column + 0.5 - x;
        images[pixel] = clamp(stroke / 2 + 0.5 - Math.abs(Math.sqrt(dx * dx + dy * dy) - radius), 0, most);
      }
    }
  }
  return images;
}

/** `n` circles {images, causes (the radii), centers}: the ones of data.circles(n, stroke=…, seed=…). */
export function circles(n, stroke = 1.5, seed = 0) {
  const random = new Random(seed);
  const causes = Float32Array.from({ length: n }, () => random.uniform(...RADIUS_RANGE));
  const centers = Float32Array.from({ length: 2 * n }, () => random.uniform(...CENTER_RANGE));
  return { images: renderCircles(causes, centers, stroke), causes, centers };
}

/** The lit part of moons whose `phases` lie between 0 (new) and 1 (full): data.render_moons. */
export function renderMoons(phases) {
  const lines = 8, radius = canvas(1.5).scale / 2;
  const images = new Float32Array(phases.length * PIXELS);
  for (let i = 0; i < phases.length; i++) {
    for (let row = 0; row < SIZE; row++) {
      for (let line = 0; line < lines; line++) {
        const y = row - SIZE / 2 + (line + 0.5) / lines;
        const width = Math.sqrt(Math.max(radius * radius - y * y, 0));
        const start = (1 - 2 * phases[i]) * width;
        for (let column = 0; column < SIZE; column++) {
          const left = column - SIZE / 2;
          const covered = Math.min(width, left + 1) - Math.max(start, left);
          if (covered > 0) images[i * PIXELS + row * SIZE + column] += covered / lines;
        }
      }
    }
  }
  return images.map((ink) => Math.min(ink, 1));
}

/** `n` moons {images, causes (the phases)}; `gap` leaves out the phases from 0.3 to 0.7, as chapter 4 does. */
export function moons(n, seed = 0, gap = false) {
  const random = new Random(seed);
  const causes = Float32Array.from({ length: n }, () => {
    const phase = random.uniform();
    return !gap ? phase : phase < 0.5 ? 0.6 * phase : 1 - 0.6 * (1 - phase);
  });
  return { images: renderMoons(causes), causes };
}

/** Images blurred with a bell curve of `sigma` pixels, cut at 13 × 13 and mirrored at the edges, as torchvision does. */
export function blur(images, sigma = 3) {
  const reach = 6;
  const weights = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / (2 * sigma ** 2)));
  const total = weights.reduce((a, b) => a + b);
  const mirror = (i) => SIZE - 1 - Math.abs(SIZE - 1 - Math.abs(i));
  const pass = (from, along, across) => {
    const to = new Float32Array(from.length);
    for (let image = 0; image < from.length; image += PIXELS)
      for (let line = image; line < image + SIZE * across; line += across)
        for (let i = 0; i < SIZE; i++) {
          let sum = 0;
          for (let j = -reach; j <= reach; j++) sum += weights[j + reach] * from[line + mirror(i + j) * along];
          to[line + i * along] = sum / total;
        }
    return to;
  };
  return pass(pass(images, 1, SIZE), SIZE, 1);
}

/** Images with noise of standard deviation `sigma` on each pixel. */
export function addNoise(images, sigma, seed = 0) {
  const random = new Random(seed);
  return images.map((ink) => ink + sigma * random.normal());
}

/** Few images, repeated with small shifts until there are `n`, so that a handful of drawings makes a data set. */
export function multiply(images, n, seed = 0) {
  const random = new Random(seed), given = images.length / PIXELS;
  const many = new Float32Array(n * PIXELS), causes = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    const source = (i % given) * PIXELS;
    causes[i] = i % given;
    const right = Math.floor(3 * random.uniform()) - 1, down = Math.floor(3 * random.uniform()) - 1;
    for (let row = 0; row < SIZE; row++)
      for (let column = 0; column < SIZE; column++) {
        const y = row - down, x = column - right;
        if (x >= 0 && x < SIZE && y >= 0 && y < SIZE) many[i * PIXELS + row * SIZE + column] = images[source + y * SIZE + x];
      }
  }
  return { images: many, causes };
}
