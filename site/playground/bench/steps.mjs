// Milliseconds of a training step: VAE 784-128-128-1 and back, batches of 32, Adam. Run by in_browser.py.
import { circles } from "../src/core/data.js";
import { Network } from "../src/core/network.js";
import { Random } from "../src/core/random.js";

export function milliseconds(steps) {
  const { images } = circles(1000);
  const random = new Random(0);
  const network = new Network({ random });
  let start = 0;
  for (let i = -50; i < steps; i++) {
    if (i === 0) start = performance.now();
    network.step(images, random.permutation(1000).subarray(0, 32), {});
  }
  return (performance.now() - start) / steps;
}
