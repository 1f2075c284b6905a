// The VAE of chapter 9, trained beforehand on handwriting (train_digits.py): 784-64-16-8, a plane, and back.
import { PIXELS, SIZE } from "./data.js";

const TYPES = { F16: Uint16Array, U8: Uint8Array };

/** The number behind 16 bits of float16. */
function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
}

/** A safetensors file of float16 and uint8 → {name: array of numbers, row after row} and what its metadata say. */
export function readSafetensors(bytes) {
  const file = bytes.slice(), length = Number(new DataView(file.buffer).getBigUint64(0, true));
  const { __metadata__: said = {}, ...places } = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
  const tensors = Object.entries(places).map(([name, { dtype, data_offsets: [from, to] }]) => {
    const raw = new TYPES[dtype](file.buffer.slice(8 + length + from, 8 + length + to));
    return [name, dtype === "F16" ? Float32Array.from(raw, fromHalf) : raw];
  });
  return { tensors: Object.fromEntries(tensors), said };
}

const relu = (x) => Math.max(0, x);
const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const straight = (x) => x;

export class DigitsModel {
  /** From the bytes of digits.safetensors. `codes` (500 × 2) and `labels` are those of held-out digits. */
  constructor(bytes) {
    const { tensors, said } = readSafetensors(bytes);
    Object.assign(this, { tensors, codes: tensors.codes, labels: tensors.labels, source: said.source });
    this.threshold = Number(said.threshold); // 99 % of held-out digits have a smaller squared error
    this.unexplained = Number(said.unexplained);
    this.typical = Array.from({ length: 10 }, (_, digit) => this.#typicalOf(digit));
  }

  #layer(name, x, bend) {
    const weight = this.tensors[`${name}.weight`], bias = this.tensors[`${name}.bias`], width = x.length;
    return Float32Array.from(bias, (b, row) => {
      let sum = b;
      for (let i = 0; i < width; i++) sum += weight[row * width + i] * x[i];
      return bend(sum);
    });
  }

  /** An image (784) → {mu, logVar}, two numbers each. */
  encode(image) {
    const h = [1, 3, 5].reduce((x, i) => this.#layer(`encoder.body.${i}`, x, relu), image);
    return { mu: this.#layer("encoder.to_mu", h, straight), logVar: this.#layer("encoder.to_log_var", h, straight) };
  }

  /** A place z (two numbers) → an image (784) of ink between 0 and 1. */
  decode(z) {
    const h = [0, 2, 4].reduce((x, i) => this.#layer(`decoder.${i}`, x, relu), z);
    return this.#layer("decoder.6", h, sigmoid);
  }

  /** How often each digit is among the labels of the `count` held-out codes nearest to z: ten numbers. */
  neighbours(z, count = 10) {
    const { codes, labels } = this;
    const far = (i) => (codes[2 * i] - z[0]) ** 2 + (codes[2 * i + 1] - z[1]) ** 2;
    const nearest = Array.from(labels.keys()).sort((i, j) => far(i) - far(j)).slice(0, count);
    const votes = new Array(10).fill(0);
    for (const i of nearest) votes[labels[i]]++;
    return votes;
  }

  /**
   * A typical place of a digit, where its name stands in the plane: the held-out code with most of its kind among its
   * neighbours, and of several the one nearest to the middle of them all (the medians). The middle itself can belong to
   * other digits.
   */
  #typicalOf(digit) {
    const places = Array.from(this.labels.keys()).filter((i) => this.labels[i] === digit).map((i) => [this.codes[2 * i], this.codes[2 * i + 1]]);
    const middle = [0, 1].map((d) => places.map((z) => z[d]).sort((a, b) => a - b)[places.length >> 1]);
    const rated = places.map((z) => ({ z, kin: this.neighbours(z)[digit], far: Math.hypot(z[0] - middle[0], z[1] - middle[1]) }));
    return rated.sort((a, b) => b.kin - a.kin || a.far - b.far)[0].z;
  }

  /** What is halfway between two digits: the place `middle`, the `votes` of its neighbours, the `ink` of its image. */
  between(one, other) {
    const [a, b] = [this.typical[one], this.typical[other]], middle = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    return { middle, votes: this.neighbours(middle), ink: this.decode(middle).reduce((x, y) => x + y, 0) };
  }
}

/**
 * A drawing as MNIST prepared its digits: scaled to fit 20 × 20 pixels, its centre of ink in the middle. A blank page
 * stays blank.
 */
export function prepare(image) {
  let left = SIZE, right = -1, top = SIZE, bottom = -1;
  for (let i = 0; i < PIXELS; i++)
    if (image[i] > 0.1) {
      const x = i % SIZE, y = Math.floor(i / SIZE);
      [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(bottom, y)];
    }
  if (right < 0) return new Float32Array(PIXELS);
  const zoom = 20 / Math.max(right - left + 1, bottom - top + 1);
  const at = (x, y) => (x >= 0 && x < SIZE && y >= 0 && y < SIZE ? image[y * SIZE + x] : 0);
  /** Ink of the drawing at (x, y), counted in pixels' middles: between four pixels their weighted mean. */
  const between = (x, y) => {
    const i = Math.floor(x), j = Math.floor(y), a = x - i, b = y - j;
    return (1 - b) * ((1 - a) * at(i, j) + a * at(i + 1, j)) + b * ((1 - a) * at(i, j + 1) + a * at(i + 1, j + 1));
  };
  let ink = 0, sumX = 0, sumY = 0;
  for (let i = 0; i < PIXELS; i++) {
    ink += image[i];
    sumX += image[i] * (i % SIZE);
    sumY += image[i] * Math.floor(i / SIZE);
  }
  const steps = Math.max(1, Math.ceil(1 / zoom)); // places looked at in a pixel, each way, when it shrinks
  return Float32Array.from({ length: PIXELS }, (_, i) => {
    let sum = 0;
    for (let sy = 0; sy < steps; sy++)
      for (let sx = 0; sx < steps; sx++) {
        const dx = (i % SIZE) - (SIZE - 1) / 2 + (sx + 0.5) / steps - 0.5;
        const dy = Math.floor(i / SIZE) - (SIZE - 1) / 2 + (sy + 0.5) / steps - 0.5;
        sum += between(sumX / ink + dx / zoom, sumY / ink + dy / zoom);
      }
    return sum / steps ** 2;
  });
}
