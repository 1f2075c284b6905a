// The dense autoencoder and VAE of course_lib.models, with gradients written out by hand.
//
// Inside, a weight matrix is (in × out), PyTorch's transposed. A code has 8 columns and the heads have
// 16 (mu in the first 8, log_var in the last 8); the columns that are not used hold zeros and stay zero.
import { makeKernels } from "./kernels.js";
import { PIXELS } from "./data.js";

const CODE = 8;
const HEADS = 2 * CODE;
const up4 = (n) => 4 * Math.ceil(n / 4);

export class Network {
  /** `kind` "ae" or "vae", `latent` 1 to 8 numbers, layers of `width` (a multiple of 8; 0: one linear layer each way). */
  constructor({ kind = "vae", latent = 1, width = 128, batch = 32, random }) {
    Object.assign(this, { kind, latent, width, random });
    this.rows = up4(Math.max(batch, 128)); // rows that fit at once
    const hidden = width ? [width, width] : [];
    const way = (sizes, ends) =>
      sizes.slice(1).map((out, i) => ({ in: sizes[i], out, bend: i < sizes.length - 2, ...(i ? {} : ends) }));
    this.encoder = way([PIXELS, ...hidden, HEADS], { first: true });
    this.decoder = way([CODE, ...hidden, PIXELS], { fanIn: latent });
    this.layers = [...this.encoder, ...this.decoder];
    this.#place();
    this.#initialise();
    this.steps = 0;
  }

  #place() {
    const weights = this.layers.reduce((n, l) => n + (l.in + 1) * l.out, 0);
    const activations = this.layers.reduce((n, l) => n + 2 * this.rows * l.out, 0) + this.rows * (2 * PIXELS + 2 * CODE);
    const widest = Math.max(PIXELS, this.width);
    const { kernels, memory } = makeKernels(4 * (4 * weights + activations + widest + 64));
    this.kernels = kernels;
    this.heap = new Float32Array(memory.buffer);
    let top = 16; // in numbers; 16 bytes · 4 keep address 0 free
    const take = (n) => {
      const at = top;
      top += 4 * Math.ceil(n / 4);
      return at;
    };
    const block = () => take(weights);
    this.blocks = { weights: block(), gradient: block(), first: block(), second: block(), size: weights };
    let offset = 0;
    for (const layer of this.layers) {
      layer.w = offset;
      layer.b = offset + layer.in * layer.out;
      offset = layer.b + layer.out;
      layer.y = take(this.rows * layer.out);
      layer.dy = take(this.rows * layer.out);
    }
    this.zeros = take(widest);
    this.x = take(this.rows * PIXELS);
    this.clean = take(this.rows * PIXELS); // what x was before noise was added
    this.z = take(this.rows * CODE);
    this.dz = take(this.rows * CODE);
    this.eps = new Float32Array(this.rows * CODE);
  }

  /** PyTorch's start of nn.Linear: weights and biases uniform within ±1/√(fan in). */
  #initialise() {
    const { latent, heap, random } = this;
    const { weights } = this.blocks;
    const used = (column) => column < latent || (this.kind === "vae" && column >= CODE && column < CODE + latent);
    for (const layer of this.layers) {
      const fanIn = layer.fanIn ?? layer.in, limit = 1 / Math.sqrt(fanIn);
      const isHead = layer.out === HEADS && layer === this.encoder.at(-1);
      for (let i = 0; i <= layer.in; i++) {
        if (i >= fanIn && i < layer.in) continue;
        for (let o = 0; o < layer.out; o++)
          if (!isHead || used(o)) heap[weights + layer.w + i * layer.out + o] = random.uniform(-limit, limit);
      }
    }
  }

  #forward(layers, input, rows) {
    const k = this.kernels, { weights } = this.blocks;
    for (const { in: n, out, w, b, y, bend } of layers) {
      k.multiply(4 * input, 4 * n, 4, 4 * (weights + w), 4 * (weights + b), 4 * y, rows, out, n);
      if (bend) k.leaky(4 * y, 4 * (y + rows * out));
      input = y;
    }
    return input;
  }

  /** From the gradient at the last layer's output (in its dy) to those of all weights, and of the input at `dInput` (null: not needed). */
  #backward(layers, input, rows, dInput) {
    const k = this.kernels, { weights, gradient } = this.blocks;
    for (let i = layers.length - 1; i >= 0; i--) {
      const { in: n, out, w, b, y, dy, bend } = layers[i];
      const x = i ? layers[i - 1].y : input, dx = i ? layers[i - 1].dy : dInput;
      if (bend) k.leakyBack(4 * dy, 4 * y, 4 * (y + rows * out));
      k.multiply(4 * x, 4, 4 * n, 4 * dy, 4 * this.zeros, 4 * (gradient + w), n, out, rows);
      k.addRows(4 * dy, 4 * (gradient + b), rows, out);
      if (dx !== null) k.multiplyTransposed(4 * dy, 4 * (weights + w), 4 * dx, rows, n, out);
    }
  }

  #put(images, indices, rows) {
    indices.forEach((index, row) =>
      this.heap.set(images.subarray(index * PIXELS, (index + 1) * PIXELS), this.x + row * PIXELS));
    this.heap.fill(0, this.x + indices.length * PIXELS, this.x + rows * PIXELS);
  }

  /** Add noise to the n images in x, each with its own σ up to `most`. Returns where the clean ones are kept. */
  #addNoise(n, most) {
    const { heap, x, clean, random } = this;
    heap.copyWithin(clean, x, x + up4(n) * PIXELS);
    for (let row = 0; row < n; row++) {
      const sigma = most * random.uniform();
      for (let i = x + row * PIXELS; i < x + (row + 1) * PIXELS; i++) heap[i] += sigma * random.normal();
    }
    return clean;
  }

  /**
   * One step on the images at `indices`: predict, measure the loss, compute the gradients, update (Adam).
   *
   * Objective: `factor` (or "learned": the σ-VAE, whose factor is P / (2 · error)), `beta` weighs the KL, `noise`
   * false leaves eps out. `eps` (B × latent) may be given. `corrupt`: each image meets noise of its own σ between 0 and
   * this, and is judged against the clean one. Returns {loss, reconstruction, kl, factor}, means over the batch.
   */
  step(images, indices, { lr = 1e-3, factor = 1, beta = 1, noise = true, eps = null, corrupt = 0, update = true } = {}) {
    const { heap, kernels, latent, kind, z, dz } = this;
    const n = indices.length, rows = up4(n);
    const head = this.encoder.at(-1), tail = this.decoder.at(-1);
    this.#put(images, indices, rows);
    const target = corrupt ? this.#addNoise(n, corrupt) : this.x;
    const h = this.#forward(this.encoder, this.x, rows);
    heap.fill(0, z, z + rows * CODE);
    let kl = 0;
    for (let r = 0; r < n; r++)
      for (let d = 0; d < latent; d++) {
        const mu = heap[h + r * HEADS + d];
        let code = mu;
        if (kind === "vae") {
          const logVar = heap[h + r * HEADS + CODE + d];
          const e = eps ? eps[r * latent + d] : noise ? this.random.normal() : 0;
          this.eps[r * CODE + d] = e;
          code += e * Math.exp(logVar / 2);
          kl -= 0.5 * (1 + logVar - mu * mu - Math.exp(logVar));
        }
        heap[z + r * CODE + d] = code;
      }
    kl /= n;
    this.#forward(this.decoder, z, rows);
    heap.fill(0, tail.y + n * PIXELS, tail.y + rows * PIXELS); // rows without an image have no error
    let scale = (2 * (factor === "learned" ? 1 : factor)) / n;
    const error = kernels.squaredError(4 * tail.y, 4 * target, 4 * tail.dy, 4 * (tail.y + rows * PIXELS), scale) / n;
    let used = factor, loss;
    if (factor === "learned") {
      used = PIXELS / (2 * error);
      kernels.squaredError(4 * tail.y, 4 * target, 4 * tail.dy, 4 * (tail.y + rows * PIXELS), (2 * used) / n);
      loss = (PIXELS / 2) * Math.log((2 * Math.PI * error) / PIXELS) + PIXELS / 2 + beta * kl;
    } else loss = factor * error + (kind === "vae" ? beta * kl : 0);
    this.#backward(this.decoder, z, rows, dz);
    heap.fill(0, head.dy, head.dy + rows * HEADS);
    for (let r = 0; r < n; r++)
      for (let d = 0; d < latent; d++) {
        const g = heap[dz + r * CODE + d], at = head.dy + r * HEADS + d;
        if (kind === "ae") heap[at] = g;
        else {
          const mu = heap[h + r * HEADS + d], logVar = heap[h + r * HEADS + CODE + d];
          heap[at] = g + (beta * mu) / n;
          heap[at + CODE] =
            0.5 * g * this.eps[r * CODE + d] * Math.exp(logVar / 2) + (0.5 * beta * (Math.exp(logVar) - 1)) / n;
        }
      }
    this.#backward(this.encoder, this.x, rows, null);
    if (update) this.#adam(lr);
    return { loss, reconstruction: error, kl: kind === "vae" ? kl : 0, factor: used };
  }

  #adam(lr) {
    const { weights, gradient, first, second, size } = this.blocks;
    const t = ++this.steps;
    this.kernels.adam(
      4 * weights, 4 * gradient, 4 * first, 4 * second, 4 * (weights + size),
      lr / (1 - 0.9 ** t), Math.sqrt(1 - 0.999 ** t));
  }

  /** Images (N) → {mu, logVar}, each N × latent; logVar is null for an autoencoder. */
  encode(images) {
    const n = images.length / PIXELS, { latent, heap } = this;
    const mu = new Float32Array(n * latent), logVar = this.kind === "vae" ? new Float32Array(n * latent) : null;
    this.#inPieces(n, (start, count, rows) => {
      heap.set(images.subarray(start * PIXELS, (start + count) * PIXELS), this.x);
      const h = this.#forward(this.encoder, this.x, rows);
      for (let r = 0; r < count; r++)
        for (let d = 0; d < latent; d++) {
          mu[(start + r) * latent + d] = heap[h + r * HEADS + d];
          if (logVar) logVar[(start + r) * latent + d] = heap[h + r * HEADS + CODE + d];
        }
    });
    return { mu, logVar };
  }

  /** Codes (N × latent) → images (N). */
  decode(codes) {
    const { latent, heap, z } = this, n = codes.length / latent;
    const images = new Float32Array(n * PIXELS);
    this.#inPieces(n, (start, count, rows) => {
      heap.fill(0, z, z + rows * CODE);
      for (let r = 0; r < count; r++)
        for (let d = 0; d < latent; d++) heap[z + r * CODE + d] = codes[(start + r) * latent + d];
      const y = this.#forward(this.decoder, z, rows);
      images.set(heap.subarray(y, y + count * PIXELS), start * PIXELS);
    });
    return images;
  }

  #inPieces(n, work) {
    for (let start = 0; start < n; start += this.rows) {
      const count = Math.min(this.rows, n - start);
      work(start, count, up4(count));
    }
  }

  /** Everything that training changed, to be kept while the worker rests; `restore` takes it back. */
  save() {
    const { weights, size } = this.blocks;
    const block = (at) => this.heap.slice(at, at + size);
    return { steps: this.steps, blocks: [weights, this.blocks.first, this.blocks.second].map(block) };
  }

  restore({ steps, blocks }) {
    this.steps = steps;
    [this.blocks.weights, this.blocks.first, this.blocks.second].forEach((at, i) => this.heap.set(blocks[i], at));
  }
}
