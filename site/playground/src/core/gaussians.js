// Bells fitted to codes, and codes drawn from them: chapter 12. Codes lie one after the other, `d` numbers each.

/** The lower triangle L of a covariance (d × d) with L · Lᵀ = covariance. */
function cholesky(covariance, d) {
  const l = new Float64Array(d * d);
  for (let i = 0; i < d; i++)
    for (let j = 0; j <= i; j++) {
      let sum = covariance[i * d + j];
      for (let k = 0; k < j; k++) sum -= l[i * d + k] * l[j * d + k];
      l[i * d + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / l[j * d + j];
    }
  return l;
}

/** The bell with the largest likelihood for `codes`, each counted `weights[i]` times: {mean, l (see cholesky), share}. */
export function fitBell(codes, d, weights = new Float64Array(codes.length / d).fill(1)) {
  const n = codes.length / d, total = weights.reduce((a, b) => a + b, 0);
  const mean = new Float64Array(d), covariance = new Float64Array(d * d);
  for (let i = 0; i < n; i++) for (let a = 0; a < d; a++) mean[a] += (weights[i] * codes[i * d + a]) / total;
  for (let i = 0; i < n; i++)
    for (let a = 0; a < d; a++)
      for (let b = 0; b <= a; b++)
        covariance[a * d + b] += (weights[i] * (codes[i * d + a] - mean[a]) * (codes[i * d + b] - mean[b])) / total;
  for (let a = 0; a < d; a++) covariance[a * d + a] += 1e-6; // scikit-learn's floor: no bell shrinks onto one code
  return { mean, l: cholesky(covariance, d), share: total / n };
}

/** log(share · density) of a bell at code number `i`. */
function logDensity({ mean, l, share }, codes, d, i) {
  const y = new Float64Array(d);
  let sum = Math.log(share) - (d / 2) * Math.log(2 * Math.PI);
  for (let a = 0; a < d; a++) {
    let rest = codes[i * d + a] - mean[a];
    for (let b = 0; b < a; b++) rest -= l[a * d + b] * y[b];
    y[a] = rest / l[a * d + a];
    sum -= Math.log(l[a * d + a]) + y[a] ** 2 / 2;
  }
  return sum;
}

/** The logarithm of each bell's part in code `i`, less that of their sum; and the sum: {shares, log}. */
function parts(bells, codes, d, i) {
  const logs = bells.map((bell) => logDensity(bell, codes, d, i)), most = Math.max(...logs);
  const log = most + Math.log(logs.reduce((sum, x) => sum + Math.exp(x - most), 0));
  return { shares: logs.map((x) => Math.exp(x - log)), log };
}

/** The mean of log p over codes, in nats. */
export const logLikelihood = (bells, codes, d) => {
  let sum = 0;
  for (let i = 0; i < codes.length / d; i++) sum += parts(bells, codes, d, i).log;
  return (sum * d) / codes.length;
};

/** A mixture of `count` bells: started from the codes nearest to `count` of them, bettered by `rounds` of EM. */
export function fitMixture(codes, d, count, random, rounds = 60) {
  const n = codes.length / d;
  const centres = [0];
  const far = new Float64Array(n).fill(Infinity), owner = new Int32Array(n);
  for (let c = 0; c < count; c++) {
    const at = c ? pick(far, random) : Math.floor(n * random.uniform()); // k-means++: far from those before
    centres[c] = at;
    for (let i = 0; i < n; i++) {
      let distance = 0;
      for (let a = 0; a < d; a++) distance += (codes[i * d + a] - codes[at * d + a]) ** 2;
      if (distance < far[i]) [far[i], owner[i]] = [distance, c];
    }
  }
  let bells = centres.map((_, c) => fitBell(codes, d, Float64Array.from(owner, (o) => (o === c ? 1 : 1e-9))));
  for (let round = 0; round < rounds; round++) {
    const all = Array.from({ length: n }, (_, i) => parts(bells, codes, d, i).shares);
    bells = bells.map((_, c) => fitBell(codes, d, Float64Array.from(all, (shares) => shares[c] + 1e-9)));
  }
  return bells;
}

/** A place in a list, drawn in proportion to its numbers. */
function pick(numbers, random) {
  let left = random.uniform() * numbers.reduce((a, b) => a + b, 0);
  const found = numbers.findIndex((x) => (left -= x) < 0);
  return found < 0 ? numbers.length - 1 : found;
}

/** `n` codes drawn from a mixture. */
export function draw(bells, d, n, random) {
  const codes = new Float32Array(n * d), shares = bells.map((bell) => bell.share);
  for (let i = 0; i < n; i++) {
    const { mean, l } = bells[pick(shares, random)];
    const eps = Array.from({ length: d }, () => random.normal());
    for (let a = 0; a < d; a++) {
      codes[i * d + a] = mean[a];
      for (let b = 0; b <= a; b++) codes[i * d + a] += l[a * d + b] * eps[b];
    }
  }
  return codes;
}
