// Milliseconds of a training step in Node: VAE 784-128-128-1 and back, batches of 32, Adam.
import { circles } from "../src/core/data.js";
import { Network } from "../src/core/network.js";
import { Random } from "../src/core/random.js";

const { images } = circles(1000);
const random = new Random(0);
const network = new Network({ random });
const steps = Number(process.argv[2] ?? 500);
let start = 0;
for (let i = -50; i < steps; i++) {
  if (i === 0) start = performance.now();
  network.step(images, random.permutation(1000).subarray(0, 32), {});
}
console.log(`${((performance.now() - start) / steps).toFixed(2)} ms a step`);
