// Train with settings given as key=value, for several seeds; prints what the page would show.
// node bench/trials.mjs seeds=3 latent=1 stroke=0.5 factor=10
import { Training } from "../src/core/training.js";
import { defaults } from "../src/state.js";

const given = Object.fromEntries(process.argv.slice(2).map((a) => a.split("=")));
const { seeds = 3, ...changes } = given;
for (let seed = 0; seed < Number(seeds); seed++) {
  const numeric = Object.fromEntries(Object.entries(changes).map(([k, v]) => [k, Number.isNaN(Number(v)) ? v : Number(v)]));
  const training = new Training({ ...defaults, ...numeric, seed });
  const start = performance.now();
  while (!training.done) training.step();
  const ms = performance.now() - start;
  const e = training.evaluate(), circle = training.settings.data === "circles";
  const spread = Math.sqrt(e.mu.reduce((s, x) => s + x * x, 0) / e.mu.length);
  console.log(JSON.stringify({
    seed, s: +(ms / 1000).toFixed(1), unexplained: +e.unexplained.toFixed(3), kl: +e.kl.toFixed(3), sigma: +e.sigma.toFixed(3),
    measured: +e.measuredSigma.toFixed(3), active: e.active, rank: e.rank === null ? null : +e.rank.toFixed(3), spread: +spread.toFixed(2),
    circles: circle ? training.circleShare() : null,
    hole: circle && training.settings.latent === 1 ? +training.worstHole(e.mu).misfit.toFixed(2) : null,
    lambda: training.facts().leading.map((v) => +v.toFixed(2)),
  }));
}
