// The elbow of z against the radius, explained in three pictures: what it costs, what neighbours share, what the loss sees.
import { line, plot, text } from "./charts.js";
import { ladder, likeness } from "./core/truth.js";

const $ = (id) => document.getElementById(id);
const RADII = [0, 0.5];
const middle = (numbers) => Float32Array.from(numbers).sort()[numbers.length >> 1];
const percent = (share) => `${Math.round(100 * share)} %`;

/** Whether a finished training has left the line of codes cut or folded. */
export const hasElbow = ({ rank, unexplained }) => rank !== null && rank < 0.98 && unexplained < 0.5;

/** Whether the line of codes turns back among the smallest circles, where no elbow is: {causes, mu} of held-out images. */
export function hasHook(causes, mu) {
  const slope = (wanted) => {
    const at = Array.from(causes.keys()).filter((i) => wanted(causes[i])), mean = (f) => at.reduce((sum, i) => sum + f(i), 0) / at.length;
    const x = mean((i) => causes[i]), z = mean((i) => mu[i]);
    return mean((i) => (causes[i] - x) * (mu[i] - z)) / mean((i) => (causes[i] - x) ** 2);
  };
  const small = slope((r) => r < 0.07), rest = slope((r) => r >= 0.07);
  return small * rest < 0 && Math.abs(small) > 0.2 * Math.abs(rest);
}

/** A dashed line at the elbow, as in all pictures whose axis is the radius. */
export function markElbow(g, X, at, { red, ink }, { top, bottom }) {
  line(g, [[X(at), bottom], [X(at), top]], red, { dash: [3, 3], width: 1.5 });
  text(g, "elbow", X(at) + (at > 0.35 ? -5 : 5), top + 4, ink, at > 0.35 ? "right" : "left");
}

/**
 * Fill the card “elbow” for the `sizes` of a finished training (core/training.js); `before` are those of an earlier training
 * of the same experiment, drawn in grey, or null. `at` is the radius of the elbow, in either of them.
 */
export function drawElbow({ sizes, before, at, stroke }) {
  const { radii } = ladder(stroke), here = radii.findIndex((r) => r >= at);
  const around = (numbers) => Array.from(numbers).slice(Math.max(0, here - 3), here + 3);
  const seen = before ?? sizes; // the training that has the elbow
  const curve = (X, Y, numbers) => Array.from(numbers, (v, i) => [X(radii[i]), Y(v)]);
  const chart = (canvas, { numbers, grey, colour, axes, also = () => {}, said }) => {
    plot(canvas, { x: RADII, xLabel: "radius", ...axes }, (g, X, Y, c, box) => {
      if (grey) line(g, curve(X, Y, grey), c.grey, { width: 1.5 });
      line(g, curve(X, Y, numbers), c[colour]);
      also(g, X, Y, c);
      markElbow(g, X, at, c, box);
    });
    canvas.setAttribute("aria-label", said);
  };
  $("elbow-before").hidden = !before;
  $("shared-figure").hidden = !sizes.shared; // first: the others fill the room

  const most = Math.max(...around(seen.errors)), usual = middle(seen.errors);
  const low = 0.1, floored = (numbers) => Array.from(numbers, (v) => Math.max(v, low));
  const price = `At the elbow the squared error rises to ${most.toFixed(0)}; half of all sizes stay below ${usual.toFixed(1)}.`;
  $("price-text").textContent = `${price} A circle there gets a code on the way from one piece of the line to the other, where the decoder draws other pictures.${sizes.kl ? " It is the error that pays: the KL has no such peak." : ""}`;
  $("price-kl").hidden = !sizes.kl;
  chart($("price"), {
    numbers: floored(sizes.errors), grey: before && floored(before.errors), colour: "blue", said: price,
    axes: { y: [low, Math.max(200, ...sizes.errors)], logY: true },
    also: (g, X, Y, c) => sizes.kl && line(g, curve(X, Y, floored(sizes.kl)), c.orange, { dash: [6, 4] }),
  });

  if (sizes.shared) {
    const least = Math.min(...around(seen.shared));
    const share = `Circles a tenth of a pixel apart share ${percent(middle(seen.shared))} of their clouds (the median), at the elbow ${percent(least)}.`;
    $("shared-text").textContent = `${share} Where clouds overlap, the decoder must draw one picture for both.${least < 0.05 ? " Nothing ties the two sides of the elbow together." : ""}`;
    chart($("shared"), { numbers: sizes.shared, grey: before?.shared, colour: "blue", axes: { y: [0, 1] }, said: share });
  }

  const [sharp, blurred] = [false, true].map((blur) => likeness(at, stroke, blur));
  const reason = `The circle at the elbow, laid upon every other: the error falls towards the right size only within ${(stroke + 1).toFixed(1)} pixels.`;
  $("why-text").textContent = `${reason} Farther away the loss does not tell which sizes are neighbours, and a size that begins in a wrong place stays there. Blurred circles (dashed) show the way from afar.`;
  plot($("why"), { x: RADII, y: [0, 1], xLabel: "radius of the other", yTicks: false }, (g, X, Y, c, box) => {
    for (const [{ radii: others, shares }, colour, dash] of [[sharp, c.green, []], [blurred, c.pink, [6, 4]]])
      line(g, others.map((r, i) => [X(r), Y(shares[i])]), colour, { dash });
    markElbow(g, X, at, c, box);
  });
  $("why").setAttribute("aria-label", reason);
}
