// The same step with TensorFlow.js on its WebAssembly backend (see in_browser.py for how it is installed, and which runs it).
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients.js";
import simd from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm";
import { circles } from "../src/core/data.js";
import { Random } from "../src/core/random.js";

export async function milliseconds(steps) {
  const address = URL.createObjectURL(new Blob([simd], { type: "application/wasm" }));
  const [plain, threaded] = ["tfjs-backend-wasm.wasm", "tfjs-backend-wasm-threaded-simd.wasm"]; // asked for, not used: one thread
  setWasmPaths({ [plain]: address, [threaded]: address, "tfjs-backend-wasm-simd.wasm": address });
  await tf.setBackend("wasm");
  const random = new Random(0), { images } = circles(1000);
  const layer = (n, out) => {
    const limit = 1 / Math.sqrt(n);
    const draw = (count) => Float32Array.from({ length: count }, () => random.uniform(-limit, limit));
    return { w: tf.variable(tf.tensor2d(draw(n * out), [n, out])), b: tf.variable(tf.tensor1d(draw(out))) };
  };
  const p = {
    e1: layer(784, 128), e2: layer(128, 128), mu: layer(128, 1), lv: layer(128, 1),
    d1: layer(1, 128), d2: layer(128, 128), d3: layer(128, 784),
  };
  const dense = ({ w, b }, x) => tf.add(tf.matMul(x, w), b);
  const bend = (x) => tf.maximum(x, tf.mul(x, 0.01));
  const optimizer = tf.train.adam(1e-3);
  const step = () => {
    const batch = new Float32Array(32 * 784);
    random.permutation(1000).subarray(0, 32).forEach((i, row) => batch.set(images.subarray(784 * i, 784 * i + 784), 784 * row));
    const noise = Float32Array.from({ length: 32 }, () => random.normal());
    return tf.tidy(() => {
      const x = tf.tensor2d(batch, [32, 784]), eps = tf.tensor2d(noise, [32, 1]);
      const loss = optimizer.minimize(() => {
        const h = bend(dense(p.e2, bend(dense(p.e1, x)))), mu = dense(p.mu, h), logVar = dense(p.lv, h);
        const z = tf.add(mu, tf.mul(eps, tf.exp(tf.mul(logVar, 0.5))));
        const xHat = dense(p.d3, bend(dense(p.d2, bend(dense(p.d1, z)))));
        const error = tf.div(tf.sum(tf.square(tf.sub(xHat, x))), 32);
        const kl = tf.mul(tf.sum(tf.sub(tf.sub(tf.add(logVar, 1), tf.square(mu)), tf.exp(logVar))), -0.5 / 32);
        return tf.add(error, kl);
      }, true);
      return loss.dataSync()[0];
    });
  };
  let last = 0;
  for (let i = 0; i < 30; i++) last = step();
  const start = performance.now();
  for (let i = 0; i < steps; i++) last = step();
  const time = (performance.now() - start) / steps;
  if (tf.getBackend() !== "wasm" || !(last < 60)) throw new Error(`${tf.getBackend()}: a loss of ${last}`);
  return time;
}
