// The same step with @jax-js/jax (see in_browser.py for how it is installed, and which runs it).
import { init, jit, numpy as np, valueAndGrad, nn } from "@jax-js/jax";
import { circles } from "../src/core/data.js";
import { Random } from "../src/core/random.js";

export async function milliseconds(steps) {
  await init("wasm");
  const random = new Random(0);
  const { images } = circles(1000);
  const layer = (n, out) => {
    const limit = 1 / Math.sqrt(n);
    const draw = (count) => Float32Array.from({ length: count }, () => random.uniform(-limit, limit));
    return { w: np.array(draw(n * out)).reshape([n, out]), b: np.array(draw(out)) };
  };
  const make = () => ({
    e1: layer(784, 128), e2: layer(128, 128), mu: layer(128, 1), lv: layer(128, 1),
    d1: layer(1, 128), d2: layer(128, 128), d3: layer(128, 784),
  });
  const dense = ({ w, b }, x) => np.matmul(x, w).add(b);
  const bend = (x) => nn.leakyRelu(x, 0.01);
  const lossOf = (p, x, eps) => {
    const h = bend(dense(p.e2, bend(dense(p.e1, x.ref))));
    const mu = dense(p.mu, h.ref), logVar = dense(p.lv, h);
    const z = mu.ref.add(eps.mul(np.exp(logVar.ref.mul(0.5))));
    const xHat = dense(p.d3, bend(dense(p.d2, bend(dense(p.d1, z)))));
    const error = np.square(xHat.sub(x)).sum().mul(1 / 32);
    const kl = logVar.ref.add(1).sub(np.square(mu)).sub(np.exp(logVar)).sum().mul(-0.5 / 32);
    return error.add(kl);
  };
  const gradient = jit(valueAndGrad(lossOf));
  const update = jit((p, g, m, v, rate, root) => {
    const m1 = m.mul(0.9).add(g.ref.mul(0.1));
    const v1 = v.mul(0.999).add(np.square(g).mul(0.001));
    return [p.sub(m1.ref.mul(rate).div(np.sqrt(v1.ref).div(root).add(1e-8))), m1, v1];
  });
  const map = (tree, f) => Object.fromEntries(Object.entries(tree).map(([k, l]) => [k, { w: f(l.w, k, "w"), b: f(l.b, k, "b") }]));
  let p = make(), first = map(p, (a) => np.zeros(a.shape)), second = map(p, (a) => np.zeros(a.shape));
  let t = 0, value = 0;
  const step = () => {
    t++;
    const batch = new Float32Array(32 * 784);
    random.permutation(1000).subarray(0, 32).forEach((i, row) => batch.set(images.subarray(784 * i, 784 * i + 784), 784 * row));
    const eps = np.array(Float32Array.from({ length: 32 }, () => random.normal())).reshape([32, 1]);
    const kept = map(p, (a) => a.ref);
    const [loss, g] = gradient(kept, np.array(batch).reshape([32, 784]), eps);
    value = loss.js();
    const rate = 1e-3 / (1 - 0.9 ** t), root = Math.sqrt(1 - 0.999 ** t);
    for (const k of Object.keys(p))
      for (const which of ["w", "b"])
        [p[k][which], first[k][which], second[k][which]] = update(p[k][which], g[k][which], first[k][which], second[k][which], np.array(rate), np.array(root));
    return value;
  };
  for (let i = 0; i < 30; i++) step();
  const start = performance.now();
  for (let i = 0; i < steps; i++) step();
  return (performance.now() - start) / steps;
}

