// Trains beside the page, so that the page stays smooth. It takes messages {type, …} and answers with messages {type, …}.
import { addNoise, PIXELS } from "./core/data.js";
import { Training } from "./core/training.js";
import { quantile } from "./core/truth.js";
import { PROBES, score, thresholds } from "./experiment.js";

const SHOWN = 10; // held-out images that are redrawn
const POINTS = 300; // held-out codes that are plotted

let training = null, playing = false, pace = 0, sentAt = 0, sliderCodes = null, limits = null, noisy = null;
let id = 0; // of the set-up; the page ignores answers to an earlier one
const answer = (message) => postMessage({ ...message, id });

function setUp({ settings, own, saved, slider, id: given }) {
  id = given;
  playing = false;
  limits = null;
  training = null; // the memory of the one before goes first
  training = new Training(settings, own);
  sliderCodes = slider ?? null;
  if (saved) {
    training.network.restore(saved.network);
    training.epoch = saved.epoch;
    training.factor = saved.factor;
  }
  const { heldOut } = training, shown = pickShown(heldOut);
  const originals = new Float32Array(shown.length * PIXELS);
  shown.forEach((index, i) => originals.set(heldOut.images.subarray(index * PIXELS, (index + 1) * PIXELS), i * PIXELS));
  noisy = settings.noise ? addNoise(originals, settings.noise, settings.seed) : null;
  answer({
    type: "ready",
    facts: training.facts(),
    originals,
    noisy,
    causes: heldOut.causes?.slice(0, POINTS) ?? null,
  });
  sendView("start");
}

/** Ten held-out images, from the smallest cause to the largest. */
function pickShown({ images, causes }) {
  const order = Array.from({ length: images.length / PIXELS }, (_, i) => i).sort((a, b) => causes[a] - causes[b]);
  const count = Math.min(SHOWN, order.length);
  return Array.from({ length: count }, (_, i) => order[Math.floor(((i + 0.5) * order.length) / count)]);
}

const nearestCircle = (image) => (training.settings.data === "circles" ? training.nearestCircle(image) : null);

function sendView(state) {
  const { network, heldOut, settings } = training, rests = state === "paused" || state === "done";
  const result = training.evaluate();
  const shown = pickShown(heldOut), latent = settings.latent;
  const codes = noisy ? network.encode(noisy).mu : new Float32Array(shown.length * latent);
  if (!noisy) shown.forEach((index, i) => codes.set(result.mu.subarray(index * latent, (index + 1) * latent), i * latent));
  const range = Array.from({ length: latent }, (_, d) => {
    const axis = result.mu.filter((_, i) => i % latent === d);
    return [quantile(axis, 0), quantile(axis, 1)];
  });
  answer({
    type: "view",
    state,
    epoch: training.epoch,
    factor: training.factor,
    redrawn: network.decode(codes),
    samples: network.decode(training.priorCodes),
    mu: result.mu.slice(0, POINTS * latent),
    logVar: result.logVar?.slice(0, POINTS * latent) ?? null,
    range,
    slider: sliderCodes ? network.decode(sliderCodes) : null,
    sliderCircle: rests && sliderCodes ? nearestCircle(network.decode(sliderCodes)) : null,
    numbers: training.numbers(result, rests),
    sizes: state === "done" && settings.data === "circles" && latent === 1 ? training.sizes() : null,
  });
}

const tick = () => new Promise((resolve) => setTimeout(resolve, 0));
const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function play(until) {
  if (playing) return;
  playing = true;
  limits = null;
  const mine = training;
  const last = Math.min(until ?? Infinity, mine.settings.epochs);
  try {
    while (playing && mine === training && mine.epoch < last) {
      const started = performance.now();
      let means;
      do means = mine.step();
      while (!means && performance.now() - started < 20);
      if (means) {
        answer({ type: "epoch", epoch: mine.epoch, unexplained: mine.evaluate().unexplained, ...means });
        if (pace) await rest(pace);
      }
      if (performance.now() - sentAt > 120 && mine === training) {
        sendView("playing");
        sentAt = performance.now();
      }
      await tick();
    }
  } catch (error) {
    playing = false;
    answer({ type: "failed", message: error.message });
    return;
  }
  if (mine !== training) return;
  playing = false;
  limits = null; // what was drawn meanwhile met those of a younger network
  sendView(mine.done ? "done" : "paused");
}

/** What the network makes of one image; the thresholds are found once, until training goes on. */
function scoreOne({ image, tag }) {
  limits ??= thresholds(training);
  answer({ type: "scored", tag, ...score(training, image, limits) });
}

const actions = {
  setup: setUp,
  play: ({ until }) => void play(until),
  pause: () => {
    playing = false;
  },
  pace: ({ ms }) => {
    pace = ms;
  },
  decode: ({ codes, tag, slider }) => {
    if (slider) sliderCodes = codes;
    const images = training.network.decode(codes);
    answer({ type: "decoded", tag, images, circle: slider && !playing && training.epoch ? nearestCircle(images) : null });
  },
  score: scoreOne,
  probe: ({ name, tag }) => answer({ type: "probed", tag, probe: PROBES[name](training) }),
  save: () =>
    answer({ type: "saved", saved: { network: training.network.save(), epoch: training.epoch, factor: training.factor } }),
};

onmessage = ({ data }) => {
  try {
    if (data.type !== "setup" && !training) return;
    actions[data.type](data);
  } catch (error) {
    answer({ type: "failed", message: error.message });
  }
};
