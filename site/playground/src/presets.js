// Experiments of the chapters. Each asks for a prediction, trains (once or several times), and compares.
//
// `runs` are changes of the start settings; `outcome(runs)` says which answer came true (an index) from what was
// measured; `after(runs)` says it in words. A run is {settings, facts, numbers, factor, probe}. An experiment with a `tab`
// trains nothing; it happens there. With `hole`, the verdict leads to the worst picture, with `elbow` to the elbow. `probe` names what else is measured (experiment.js; core/digits.js for the digits).

import { hasElbow } from "./elbow.js";

export const CHAPTERS = {
  2: "The vanilla autoencoder",
  3: "Anomaly detection",
  4: "The variational autoencoder",
  5: "The reparameterization trick",
  6: "The KL divergence",
  7: "The scale of the losses",
  8: "The convolutional VAE",
  9: "Handwritten digits",
  10: "Sparse and denoising autoencoders",
  11: "A VAE that can be solved by hand",
  12: "A learned prior, and what latent diffusion does with an autoencoder",
};

/** Where the book has them, beside the playground. */
export const chapterPage = (chapter) => `../notebooks/${PAGES[chapter]}.html`;
const PAGES = {
  2: "02_vanilla_autoencoder",
  3: "03_anomaly_detection",
  4: "04_variational_autoencoder",
  5: "05_reparameterization_trick",
  6: "06_kl_divergence",
  7: "07_loss_scale",
  8: "08_convolutional_vae",
  9: "09_handwritten_digits",
  10: "10_sparse_and_denoising",
  11: "11_gaussian_vae",
  12: "12_latent_diffusion",
};

const percent = (share) => `${Math.round(100 * share)} %`;
const two = (x) => x.toFixed(2);
const thin = { stroke: 0.4, lr: 2e-3, epochs: 30 };
const revived = (r) => r.numbers.kl > 0.5;
const aliveAnswers = ["It learns circles", "It collapses: one grey image for every z"];
const alive = ([r]) => (revived(r) ? 0 : 1);
/** What stands behind it (chapter 7): the slope of the loss where a code begins. */
function why(r) {
  const ratio = 2 * (r.factor ?? r.settings.factor) * r.facts.leading[0], sign = `λ₁/σ² was ${two(ratio)}`;
  if (revived(r)) return `${sign}${r.settings.sigma ? " in the end: σ² fell with the error" : ""}.${r.numbers.unexplained > 0.4 ? " Not all is learned: look which held-out images stay grey." : ""}`;
  const dead = "mu is about 0 and sigma about 1 for every image, and the decoder draws one grey image";
  return ratio < 1 ? `${sign}: each nat of a code costs more than the error that it saves, so the loss wants none: ${dead}.` : `${sign}: a code would pay, but its first steps hardly do, and training got stuck where ${dead}.`;
}
const aliveWords = ([r]) =>
  `The KL ended at ${two(r.numbers.kl)} nats, and ${percent(r.numbers.unexplained)} of the variance stayed unexplained. ${why(r)}`;

export const PRESETS = [
  {
    id: "2-cut", chapter: 2, title: "The cut and the hole", hole: true,
    text: "An autoencoder codes each circle as one number z. Nobody says what z should mean.",
    question: "How will z depend on the radius?",
    answers: ["One line that rises or falls", "A line that is cut or folded somewhere, with an elbow", "Not at all"],
    runs: [{ model: "ae", width: 256, lr: 3e-4 }],
    outcome: ([r]) => (r.numbers.rank > 0.98 ? 0 : r.numbers.unexplained < 0.5 ? 1 : 2),
    after: ([r]) =>
      `The rank correlation of z and radius is ${two(r.numbers.rank)} (1 would be one line). ` +
      `On a walk along the codes the worst picture, at z = ${two(r.numbers.hole.z)}, has a misfit of ${two(r.numbers.hole.misfit)}; from 0.15 on a picture is no circle.${r.numbers.hole.misfit < 0.15 ? "" : ` That is a hole, a place among the codes; the cut is a place among the sizes. On one side of the hole lie codes of circles of radius ${two(r.numbers.hole.between[0])}, on the other of ${two(r.numbers.hole.between[1])}, and none lies there. So nothing in the loss says what to draw, and the decoder fades one side into the other.`}`,
  },
  {
    id: "2-numbers", chapter: 2, title: "One number or two",
    text: "Radius and centre make a circle. One number can tell the radius. What does a second one bring?",
    question: "The unexplained variance with two numbers will be …",
    answers: ["the same, within a tenth of it", "smaller, but far from 0", "practically 0"],
    runs: [{ model: "ae", latent: 1 }, { model: "ae", latent: 2 }],
    outcome: ([one, both]) => (both.numbers.unexplained > 0.9 * one.numbers.unexplained ? 0 : both.numbers.unexplained < 0.01 ? 2 : 1),
    after: ([one, both]) =>
      `${percent(one.numbers.unexplained)} with one number, ${percent(both.numbers.unexplained)} with two. No code of the radius alone can go below ${percent(one.facts.floor)}; a second number can also tell something of the centre.`,
  },
  {
    id: "3-duck", chapter: 3, title: "What becomes of a duck", probe: "duck",
    text: "An autoencoder with eight numbers sees circles only. Then it is shown a duck.",
    question: "What will it draw?",
    answers: ["A duck, a little blurred", "A ring", "A blank page"],
    runs: [{ model: "ae", latent: 8 }],
    outcome: ([{ probe }]) => (probe.ink < 3 ? 2 : probe.circle.distance < probe.error ? 1 : 0),
    after: ([{ probe }]) =>
      `What came back is ${probe.circle.distance.toFixed(1)} from a circle and ${probe.error.toFixed(1)} from the duck. The error is far above the threshold of ${probe.thresholds.error.limit.toFixed(1)}: the duck raises the alarm. Open “Draw” to try your own.`,
  },
  {
    id: "3-blank", chapter: 3, title: "The blank page", probe: "blank",
    text: "The score of an image is its squared error. The alarm goes off above a threshold that 99 % of held-out circles stay below. The training is short: 8 epochs.",
    question: "Does a blank page raise the alarm?",
    answers: ["Yes", "No"],
    runs: [{ model: "ae", latent: 8, epochs: 8 }],
    outcome: ([{ probe }]) => (probe.error > probe.thresholds.error.limit ? 0 : 1),
    after: ([{ probe }]) =>
      `The blank page has an error of ${probe.error.toFixed(1)}; the threshold is ${probe.thresholds.error.limit.toFixed(1)}. A sum can only be large where there is ink (open “Draw” and press “Blank”). Divided by the ink on both sides, the blank page has an error of ${two(probe.relative)} (threshold ${two(probe.thresholds.relative.limit)}).`,
  },
  {
    id: "4-samples", chapter: 4, title: "AE against VAE: samples",
    text: "Two models with three numbers in the code. After training we draw codes from N(0, 1) and decode them.",
    question: "Which of them draws more circles?",
    answers: ["The autoencoder", "The VAE", "About equally many"],
    runs: [{ model: "ae", latent: 3 }, { model: "vae", latent: 3 }],
    outcome: ([ae, vae]) => (Math.abs(ae.numbers.circles - vae.numbers.circles) < 0.05 ? 2 : ae.numbers.circles > vae.numbers.circles ? 0 : 1),
    after: ([ae, vae]) =>
      `Of 100 samples, ${percent(ae.numbers.circles)} are circles for the autoencoder and ${percent(vae.numbers.circles)} for the VAE. The VAE’s clouds fill the room between the codes, and its decoder has learned what to draw there.`,
  },
  {
    id: "4-moons", chapter: 4, title: "Moons without a middle",
    text: "A VAE sees moons, but none with a phase from 0.3 to 0.7. Then we decode codes from one end to the other.",
    question: "What is halfway?",
    answers: ["A half moon", "A grey mixture of two moons"],
    runs: [{ data: "gap", epochs: 20 }],
    probe: "halfway",
    outcome: ([{ probe }]) => (probe.moon < 15 ? 0 : 1),
    after: ([{ probe }]) =>
      `The worst picture on the way is ${probe.moon.toFixed(0)} away from every moon; with all phases in the data it stays below 15. Overlapping clouds do not invent what the data does not hold.`,
  },
  {
    id: "4-no-kl", chapter: 4, title: "Without the KL",
    text: "The VAE still draws z from a cloud of width sigma, but nobody pays for a narrow one: the KL term is left out.",
    question: "What becomes of sigma?",
    answers: ["It stays near 1, where it begins", "It settles near 0.1, as with the KL", "It shrinks towards 0"],
    runs: [{ kl: 0, epochs: 15 }],
    outcome: ([r]) => (r.numbers.sigma < 0.03 ? 2 : r.numbers.sigma > 0.5 ? 0 : 1),
    after: ([r]) => `The mean sigma ended at ${r.numbers.sigma.toFixed(3)}. The noise only harms the reconstruction, so the model gets rid of it and becomes an autoencoder.`,
  },
  {
    id: "5-no-eps", chapter: 5, title: "Forgetting eps",
    text: "A classic mistake: z = mu instead of z = mu + eps · sigma. The KL stays in the loss.",
    question: "What becomes of sigma now?",
    answers: ["It goes to 1 for every image", "It shrinks towards 0", "It is as in a proper VAE, about 0.1"],
    runs: [{ eps: 0 }],
    outcome: ([r]) => (r.numbers.sigma > 0.8 ? 0 : r.numbers.sigma < 0.03 ? 1 : 2),
    after: ([r]) => `The mean sigma ended at ${two(r.numbers.sigma)}. Without eps, sigma does not touch the picture: only the KL sees it, and the KL is smallest at 1. The losses look healthy; the clouds mean nothing.`,
  },
  {
    id: "6-nats", chapter: 6, title: "How many nats?",
    text: "The KL is the price of a code, in nats. e to the power of the KL is about the number of sizes that a code tells apart.",
    question: "Where does the KL of the usual VAE end?",
    answers: ["Near 0.3 nats", "Near 3 nats", "Near 30 nats"],
    runs: [{}],
    outcome: ([r]) => (r.numbers.kl < 1 ? 0 : r.numbers.kl < 10 ? 1 : 2),
    after: ([r]) => `${two(r.numbers.kl)} nats: the code tells at most about ${Math.round(Math.exp(r.numbers.kl))} sizes apart.`,
  },
  {
    id: "7-low", chapter: 7, title: "Factor too low",
    text: "With reconstruction_factor 0.01 the loss claims a pixel noise of σ² = 50.",
    question: "What will the VAE do?", answers: aliveAnswers,
    runs: [{ factor: 0.01, epochs: 15 }], outcome: alive, after: aliveWords,
  },
  {
    id: "7-high", chapter: 7, title: "Factor too high",
    text: "Three numbers in the code, once with reconstruction_factor 1 and once with 100.",
    question: "With factor 100, compared with 1 …",
    answers: ["redrawing and sampling get better", "redrawing gets better, sampling worse", "both get worse"],
    runs: [{ latent: 3 }, { latent: 3, factor: 100 }],
    outcome: ([low, high]) => (high.numbers.unexplained > low.numbers.unexplained ? 2 : high.numbers.circles > low.numbers.circles ? 0 : 1),
    after: ([low, high]) =>
      `Unexplained: ${percent(low.numbers.unexplained)} at factor 1, ${percent(high.numbers.unexplained)} at 100. Circles among the samples: ${percent(low.numbers.circles)} and ${percent(high.numbers.circles)}. A very high factor makes a VAE an autoencoder.`,
  },
  {
    id: "7-thin", chapter: 7, title: "A thin stroke",
    text: "The stroke is 0.4 px instead of 1.5. PCA says λ₁/σ² is about 1.6, so a code could start, but the way out of the collapse is almost flat.",
    question: "What will the VAE do in 30 epochs?", answers: aliveAnswers,
    runs: [thin], outcome: alive, after: aliveWords,
  },
  {
    id: "7-cure-factor", chapter: 7, title: "Cure 1: a higher factor",
    text: "The thin stroke of 0.4 px again, with reconstruction_factor 10: the loss now claims σ² = 0.05.",
    question: "What will the VAE do?", answers: aliveAnswers,
    runs: [{ ...thin, factor: 10 }], outcome: alive, after: aliveWords,
  },
  {
    id: "7-cure-sigma", chapter: 7, title: "Cure 2: a learned σ",
    text: "The thin stroke of 0.4 px again. The pixel noise σ² is no longer claimed but measured: it is the mean squared error of each batch.",
    question: "What will the VAE do?", answers: aliveAnswers,
    runs: [{ ...thin, sigma: 1 }], outcome: alive, after: aliveWords,
  },
  {
    id: "7-cure-warm-up", chapter: 7, title: "Cure 3: KL warm-up",
    text: "The thin stroke of 0.4 px again, and the same loss in the end. But the KL weighs nothing at first, and its weight grows to 1 over 28 of 30 epochs.",
    question: "What will the VAE do?", answers: aliveAnswers,
    runs: [{ ...thin, warmup: 28 }], outcome: alive, after: aliveWords,
  },
  {
    id: "7-hopeless", chapter: 7, title: "What warm-up cannot cure",
    text: "A stroke of 0.25 px. Now λ₁ is smaller than σ². The weight of the KL grows to 1 over 20 of 40 epochs.",
    question: "What will the VAE do?", answers: aliveAnswers,
    runs: [{ stroke: 0.25, warmup: 20, epochs: 40 }], outcome: alive, after: aliveWords,
  },
  {
    id: "8-blur", chapter: 8, title: "Blur first, against the elbow", elbow: true,
    text: "Sharp circles of different sizes hardly overlap, so the loss does not know which sizes are neighbours. We train twice: on sharp circles only, and with four epochs on blurred circles first.",
    question: "Which training puts the sizes in order?",
    answers: ["Only the sharp one", "Only the one with blurred circles first", "Both, or none"],
    runs: [
      { batch: 16, lr: 2e-3, schedule: "one-cycle", epochs: 16 },
      { batch: 16, lr: 2e-3, schedule: "one-cycle", epochs: 16, blur: 4 },
    ],
    outcome: ([sharp, blurred]) => {
      const [a, b] = [sharp, blurred].map((r) => r.numbers.rank > 0.98);
      return a === b ? 2 : a ? 0 : 1;
    },
    after: ([sharp, blurred]) =>
      `Rank correlation of z and radius: ${two(sharp.numbers.rank)} on sharp circles only, ${two(blurred.numbers.rank)} with blurred ones first. Unexplained: ${percent(sharp.numbers.unexplained)} and ${percent(blurred.numbers.unexplained)}.` +
      ([sharp, blurred].some((r) => hasElbow(r.numbers)) ? " The pictures under “The elbow”, below, show why." : ""),
  },
  {
    id: "9-between", chapter: 9, title: "Between a 0 and a 1", tab: "digits", probe: "between", runs: [],
    text: "A VAE with two numbers has seen handwritten digits, and never a label. In its plane zeros lie on one side and ones on the other. We walk from the one to the other in a straight line, and decode.",
    question: "What is halfway?",
    answers: ["A 0 and a 1 on top of each other", "Another digit", "A blank page"],
    outcome: ([{ probe }]) => (probe.ink < 20 ? 2 : probe.votes[0] + probe.votes[1] < 5 ? 1 : 0),
    after: ([{ probe }]) =>
      `Of the ten held-out digits whose codes lie nearest to the middle of the way, ${Math.max(...probe.votes)} are a ${probe.votes.indexOf(Math.max(...probe.votes))}. Other digits live between these two, and the decoder passes through them.`,
  },
  {
    id: "10-denoise", chapter: 10, title: "Noisy in, clean out", probe: "noisy",
    text: "Two autoencoders with eight numbers. One learns to redraw circles. The other gets circles with noise, up to σ = 0.8 a pixel, and has to draw the clean ones. Then both redraw held-out circles, with noise of 0.8 and without any.",
    question: "Which makes the smaller error?",
    answers: ["The denoising one, with noise and without", "The denoising one with noise, the plain one without", "The plain one, with noise and without"],
    runs: [{ model: "ae", latent: 8, schedule: "cosine" }, { model: "ae", latent: 8, schedule: "cosine", noise: 0.8 }],
    outcome: ([plain, denoising]) => (plain.probe.noisy < denoising.probe.noisy ? 2 : plain.probe.clean < denoising.probe.clean ? 1 : 0),
    after: ([plain, denoising]) =>
      `With noise: plain ${plain.probe.noisy.toFixed(1)}, denoising ${denoising.probe.noisy.toFixed(1)}. Without: plain ${plain.probe.clean.toFixed(1)}, denoising ${denoising.probe.clean.toFixed(1)}. Neither can beat doing nothing where there is no noise.`,
  },
  {
    id: "10-pca", chapter: 10, title: "A linear autoencoder and PCA",
    text: "One linear layer in, one linear layer out, three numbers between them. PCA with three directions leaves the least error that any linear code of three numbers can.",
    question: "How much more than PCA does the trained autoencoder leave unexplained?",
    answers: ["Next to nothing more", "About half as much again", "Twice as much or more"],
    runs: [{ model: "ae", latent: 3, width: 0, lr: 1e-2, schedule: "cosine" }],
    outcome: ([r]) => {
      const ratio = r.numbers.unexplained / pcaLeaves(r);
      return ratio < 1.1 ? 0 : ratio < 1.8 ? 1 : 2;
    },
    after: ([r]) =>
      `PCA leaves ${percent(pcaLeaves(r))} of the variance of the training images unexplained; the autoencoder ${percent(r.numbers.unexplained)} on held-out ones. It has found PCA’s subspace. Which axes span it, the loss leaves open.`,
  },
  {
    id: "11-linear", chapter: 11, title: "Solved by hand",
    text: "Encoder and decoder are one linear layer each. PCA knows the answer: the code should cost ½ · log(λ₁/σ²) nats, with σ² = ½ and λ₁ about 9.5.",
    question: "How many nats will it spend?",
    answers: ["About 0.5", "About 1.5", "About 3, like the deep one"],
    runs: [{ width: 0, lr: 3e-2, schedule: "cosine", epochs: 60 }],
    outcome: ([r]) => (r.numbers.kl < 1 ? 0 : r.numbers.kl < 2.2 ? 1 : 2),
    after: ([r]) => `Measured ${two(r.numbers.kl)} nats; by hand ½ · log(${two(r.facts.leading[0])} / 0.5) = ${two(0.5 * Math.log(2 * r.facts.leading[0]))}.`,
  },
  {
    id: "12-prior", chapter: 12, title: "Look where the codes are", probe: "priors",
    text: "An autoencoder with two numbers. After training, codes are drawn from N(0, I), from one bell fitted to its codes, and from sixteen bells fitted to them. One and the same decoder draws them all.",
    question: "Which codes become circles most often?",
    answers: ["No difference: the decoder decides", "One bell is as good as sixteen, and better than N(0, I)", "Those from sixteen bells, clearly"],
    runs: [{ model: "ae", latent: 2, lr: 2e-3, schedule: "cosine" }],
    outcome: ([{ probe }]) => (probe.mixture > Math.max(probe.bell, probe.standard) + 0.1 ? 2 : probe.bell > probe.standard + 0.1 ? 1 : 0),
    after: ([{ probe }]) =>
      `Circles: ${percent(probe.standard)} from N(0, I), ${percent(probe.bell)} from one bell, ${percent(probe.mixture)} from sixteen. The codes lie on a bent string. A single bell fills the room beside it, where no code ever was.`,
  },
];

const pcaLeaves = ({ facts }) => 1 - facts.leading.reduce((a, b) => a + b, 0) / facts.variance;

export const findPreset = (id) => PRESETS.find((p) => p.id === id) ?? null;
