// The page: controls, charts, experiments, drawing. All training happens in the worker.
import { causeColour, colours, dot, line, plot, showImages, text } from "./charts.js";
import { claimedVariance, forecast, isCircle, linearRate, MOST_MISFIT } from "./core/truth.js";
import { PIXELS } from "./core/data.js";
import { makeDigits } from "./digits.js";
import { makePad } from "./draw.js";
import { drawElbow, hasElbow, hasHook, markElbow } from "./elbow.js";
import { judge, SCORES } from "./experiment.js";
import { MOST_FILES, readImage, SHAPES } from "./images.js";
import { chapterPage, CHAPTERS, findPreset, PRESETS } from "./presets.js";
import { defaults, FIELDS, readAddress, readField, TABS, writeAddress } from "./state.js";

/* global WORKER_SOURCE */
const $ = (id) => document.getElementById(id);
const form = $("form");
const PAUSE_BEFORE_REST = 5 * 60e3; // an idle page gives its worker's memory back after five minutes

const page = {
  settings: { ...defaults }, tab: "train", preset: null, guess: null, z: null, came: null, left: null, facts: null, verdict: "",
  own: { drawn: [], files: [] }, ready: null, view: null, history: [], playing: false, slider: [0], results: [], runs: [], run: 0, saved: null,
};

// ---------------------------------------------------------------- worker

let worker = null, setUps = 0, restTimer = 0, pending = new Map(), tag = 0, startedAt = 0, trainedFor = 0;

function startWorker() {
  const address = URL.createObjectURL(new Blob([WORKER_SOURCE], { type: "text/javascript" }));
  worker = new Worker(address);
  URL.revokeObjectURL(address);
  worker.onmessage = ({ data }) => {
    if (data.id === setUps) received[data.type](data);
  };
  worker.onerror = (event) => complain(`The training stopped: ${event.message ?? "the worker could not start"}.`);
  send("pace", { ms: Number($("pace").value) });
}

function send(type, content = {}) {
  if (!worker) {
    startWorker();
    if (type !== "setup" && page.ready) sendSetUp(page.saved); // it was resting: wake it up as it was
  }
  worker.postMessage({ type, ...content });
  clearTimeout(restTimer);
  restTimer = setTimeout(rest, PAUSE_BEFORE_REST);
}

/** The visitor's images that the settings ask for; undefined when they ask for ours. */
const ownImages = () => page.own[page.settings.data];

function sendSetUp(saved = null) {
  worker.postMessage({ type: "setup", id: ++setUps, settings: page.settings, own: joined(ownImages() ?? []), saved, slider: Float32Array.from(page.slider) });
}

/** Keep the weights, and let the worker and its memory go. */
function rest() {
  if (!worker || page.playing || !page.ready) return;
  worker.postMessage({ type: "save" });
}

const joined = (images) => {
  const all = new Float32Array(images.length * PIXELS);
  images.forEach((image, i) => all.set(image, i * PIXELS));
  return all;
};

const received = {
  ready(message) {
    page.ready = message;
    page.facts = message.facts;
  },
  epoch(entry) {
    page.history.push(entry);
    if (entry.epoch % 10 === 0) say(`Epoch ${entry.epoch}: unexplained ${percent(entry.unexplained)}, KL ${fixed(entry.kl)} nats.`);
  },
  view(view) {
    const woken = page.saved !== null; // by something that is done next: nothing to tell
    page.saved = null;
    if (woken) view.state = view.epoch < page.settings.epochs ? "paused" : "done";
    page.view = view;
    if (view.state === "start") startedAt = performance.now(); // Play may have been pressed while it was getting ready
    else if (!woken && view.state !== "playing") setPlaying(false);
    redraw();
    if (woken) return;
    if (view.state === "start") scheduleScore();
    if (view.state === "paused") {
      say(`Paused after epoch ${view.epoch}. ${summary(view)}`);
      scheduleScore();
    }
    if (view.state === "done") void finished(view);
  },
  decoded(message) {
    if (message.tag === sliderTag) drawWalk(message.images, message.circle);
    answered(message);
  },
  scored: (message) => answered(message),
  probed: (message) => answered(message),
  saved({ saved }) {
    if (page.playing) return;
    page.saved = saved;
    worker.terminate();
    worker = null;
  },
  failed({ message }) {
    setPlaying(false);
    complain(message);
  },
};

function answered(message) {
  pending.get(message.tag)?.(message);
  pending.delete(message.tag);
}

/** Ask the worker; the answer carries the same tag. */
const ask = (type, content) =>
  new Promise((resolve) => {
    pending.set(++tag, resolve);
    send(type, { ...content, tag });
  });

// ---------------------------------------------------------------- words

const fixed = (x, digits = 2) => (x === null || x === undefined || !Number.isFinite(x) ? "–" : x.toFixed(digits));
const percent = (x) => (x === null || x === undefined ? "–" : `${(100 * x).toFixed(x < 0.0995 ? 1 : 0)} %`);
const neat = (x) => String(Number(x.toPrecision(2)));
const say = (words) => ($("status").textContent = words);
const claimed = (factor) => (factor ? Math.sqrt(claimedVariance(factor)) : null);

function complain(words) {
  $("notice").textContent = words;
  $("notice").hidden = !words;
}

function summary({ numbers }) {
  const vae = page.settings.model === "vae";
  return `Unexplained ${percent(numbers.unexplained)}${vae ? `, KL ${fixed(numbers.kl)} nats, mean sigma ${fixed(numbers.sigma)}` : ""}.`;
}

// ---------------------------------------------------------------- settings and address

function showSettings() {
  for (const name of Object.keys(FIELDS)) {
    const value = page.settings[name];
    for (const input of form.querySelectorAll(`[name="${name}"]`)) {
      if (input.type === "radio") input.checked = input.value === value;
      else if (input.type === "checkbox") input.checked = Boolean(value);
      else input.value = input.dataset.log ? Math.log10(value) : value;
    }
  }
  showOutputs();
}

function showOutputs() {
  const { data, model, sigma } = page.settings;
  for (const input of form.querySelectorAll('input[type="range"]')) {
    const value = page.settings[input.name];
    input.parentElement.querySelector("output").textContent = input.name === "stroke" ? `${value} px` : neat(value);
    input.setAttribute("aria-valuetext", input.name === "stroke" ? `${value} pixels` : neat(value));
  }
  for (const part of form.querySelectorAll("[data-for]")) part.hidden = part.dataset.for !== data;
  $("loss").hidden = model === "ae";
  form.elements.factor.disabled = Boolean(sigma);
  showFactorHint();
  const own = ownImages();
  $("own-count").hidden = !own;
  $("own-count").textContent = own?.length
    ? `${own.length} ${own.length === 1 ? "image" : "images"} of yours, shifted a little and repeated.`
    : data === "drawn" ? "No drawing yet: open “Draw”, and keep some." : "No image yet.";
}

function readForm(changed) {
  const input = form.elements[changed];
  const target = input instanceof RadioNodeList ? [...input].find((i) => i.checked) : input;
  const raw = target.type === "checkbox" ? Number(target.checked)
    : target.dataset.log ? Number((10 ** Number(target.value)).toPrecision(2)) : target.value;
  const { value, problem } = readField(changed, raw);
  complain(problem ? `${problem[0].toUpperCase()}${problem.slice(1)}` : "");
  target.setAttribute("aria-invalid", String(Boolean(problem)));
  if (problem) return false;
  page.settings[changed] = value;
  return true;
}

function putAddress() {
  const address = writeAddress(page);
  if (address !== location.hash) history.replaceState(null, "", address === "#" ? location.pathname + location.search : address);
}

function openAddress() {
  const { settings, tab, preset, guess, z, problems } = readAddress(location.hash);
  const found = preset ? findPreset(preset) : null;
  if (preset && !found) problems.push(`There is no experiment called “${preset}”.`);
  Object.assign(page, { settings, tab: found?.tab ?? tab, preset: found?.id ?? null, guess: found ? guess : null, z, left: null });
  if (z) digits.go(z);
  if (found && guess !== null && guess >= found.answers.length) page.guess = null;
  if (found) page.settings = { ...defaults, ...found.runs[0], seed: settings.seed };
  $("preset").value = page.preset ?? "";
  complain(problems.join(" "));
  showSettings();
  showTab();
  startOver();
}

// ---------------------------------------------------------------- training

function startOver() {
  page.runs = [];
  page.run = 0;
  page.came = null;
  setUp();
  showTask();
}

let formTimer = 0; // settings that were changed a moment ago

/** Let them count now: a button was pressed. */
function settle() {
  if (formTimer) startOver();
}

function setUp() {
  clearTimeout(formTimer);
  formTimer = 0;
  setPlaying(false);
  Object.assign(page, { ready: null, view: null, history: [], verdict: "" });
  $("forecast").classList.add("stale"); // until the new images are there
  pending.clear();
  scoring = again = false;
  page.saved = null;
  trainedFor = 0;
  const d = page.settings.latent;
  page.slider = Array.from({ length: d }, (_, i) => page.slider[i] ?? 0);
  makeSliders();
  putAddress();
  if (!worker) startWorker();
  if (ownImages()?.length === 0) {
    complain(page.settings.data === "drawn" ? "There are no drawings yet. Open “Draw”, draw, and press “Keep it to train on”." : "There are no images yet. Drop image files into the settings.");
    $("where").textContent = "No images yet";
    for (const id of ["play", "one"]) $(id).disabled = true;
    return;
  }
  for (const id of ["play", "one"]) $(id).disabled = false;
  sendSetUp();
  $("where").textContent = "Getting ready …";
  clearTimeout(restTimer);
  restTimer = setTimeout(rest, PAUSE_BEFORE_REST);
}

function setPlaying(on) {
  if (page.playing && !on) trainedFor += performance.now() - startedAt;
  if (on) startedAt = performance.now();
  page.playing = on;
  const done = page.view?.state === "done";
  $("play").textContent = on ? "❚❚ Pause" : "▶ Play";
  $("play").disabled = !on && done;
  $("one").disabled = on || done;
}

function play(until) {
  if (undecided()) {
    complain("First your prediction: choose one of the answers below.");
    $("task-answers").querySelector("input").focus();
    return;
  }
  complain("");
  send("play", { until });
  setPlaying(true);
}

async function finished(view) {
  setPlaying(false);
  say(`Finished after ${view.epoch} epochs. ${summary(view)}`);
  const preset = findPreset(page.preset);
  const run = { settings: { ...page.settings }, facts: page.ready.facts, numbers: view.numbers, factor: view.factor };
  page.results.unshift({ ...run, seconds: trainedFor / 1000 });
  Object.assign(run, { mu: view.mu, sizes: view.sizes }); // the next training of the experiment is shown beside it
  page.results.length = Math.min(page.results.length, 8);
  showResults();
  scheduleScore();
  if (!preset || !matches(preset)) return;
  if (preset.probe) ({ probe: run.probe } = await ask("probe", { name: preset.probe }));
  page.runs.push(run);
  if (page.runs.length < preset.runs.length) {
    page.run++;
    page.settings = { ...defaults, ...preset.runs[page.run], seed: page.settings.seed };
    showSettings();
    setUp();
    setTimeout(() => play(), 900);
    return;
  }
  showOutcome(preset);
}

let sliderTag = 0;

// ---------------------------------------------------------------- experiments

/** An experiment waits for the prediction; until then nothing may answer it. */
const undecided = () => page.preset !== null && page.guess === null;

const matches = (preset) => !preset.tab &&
  Object.entries({ ...defaults, ...preset.runs[page.run] }).every(([name, value]) => name === "seed" || page.settings[name] === value);

function fillPresets() {
  const select = $("preset");
  select.append(new Option("Free: all settings are yours", ""));
  for (const [chapter, name] of Object.entries(CHAPTERS)) {
    const group = document.createElement("optgroup");
    group.label = `${chapter}. ${name}`;
    for (const p of PRESETS.filter((q) => q.chapter === Number(chapter))) group.append(new Option(p.title, p.id));
    select.append(group);
  }
}

function showTask() {
  const preset = findPreset(page.preset);
  $("task").hidden = !preset;
  $("newcomer").hidden = page.preset !== null || page.results.length > 0;
  showStanding();
  if (!preset) return;
  $("task-text").textContent = preset.text;
  $("task-question").textContent = preset.question;
  const answers = $("task-answers");
  answers.querySelectorAll("label").forEach((l) => l.remove());
  preset.answers.forEach((answer, i) => {
    const label = document.createElement("label"), input = document.createElement("input");
    Object.assign(input, { type: "radio", name: "guess", value: i, checked: page.guess === i });
    label.append(input, answer);
    answers.append(label);
  });
  const result = $("task-result");
  result.hidden = !(page.guess !== null);
  $("task-play").hidden = page.guess === null;
  $("task-chapter").hidden = true;
  $("task-words").textContent = `Your prediction is kept. Now press Play${preset.runs.length > 1 ? `; ${preset.runs.length} trainings follow each other` : ""}.`;
}

/** Beside Play, in sight wherever one looks: the prediction, what came of it, or that the experiment was left. */
function showStanding() {
  const preset = findPreset(page.preset), answer = (i) => `“${preset.answers[i]}”`, left = findPreset(page.left?.id);
  let words = "", button = "";
  if (undecided()) [words, button] = ["First your prediction.", "Choose an answer"];
  else if (preset && page.came === null) words = `Your prediction: ${answer(page.guess)}.`;
  else if (preset && page.came === page.guess) [words, button] = [`You predicted ${answer(page.guess)}, and so it came.`, "Read why"];
  else if (preset) [words, button] = [`You predicted ${answer(page.guess)}; it came otherwise: ${answer(page.came)}.`, "Read why"];
  else if (left) [words, button] = [`${page.left.why}, so this is no longer the experiment “${left.title}”: all settings are yours.`, "Back to the experiment"];
  else if (page.verdict) [words, button] = [page.verdict, "See why"];
  $("standing").hidden = !words;
  $("standing-words").textContent = words;
  $("standing-button").textContent = button;
  $("standing-button").hidden = !button;
}

function followStanding() {
  if (!page.preset && !page.left) return $("forecast").scrollIntoView({ block: "center" });
  if (!page.preset) choosePreset(page.left.id);
  const elbow = findPreset(page.preset).elbow && !$("elbow").hidden;
  const to = page.came === null ? $("task-answers").querySelector("input") : elbow ? $("elbow") : $("task-result");
  to.focus({ preventScroll: true });
  to.scrollIntoView({ block: elbow ? "start" : "center" });
}

function showOutcome(preset) {
  const truth = preset.outcome(page.runs);
  page.came = truth;
  const labels = $("task-answers").querySelectorAll("label");
  labels.forEach((l, i) => l.classList.toggle("true", i === truth));
  $("task-answers").querySelectorAll("input").forEach((i) => (i.disabled = true));
  $("task-play").hidden = true;
  const right = page.guess === truth;
  $("task-result").hidden = false;
  Object.assign($("task-chapter"), { hidden: false, href: chapterPage(preset.chapter), target: "_blank", textContent: `Read more in chapter ${preset.chapter}.` });
  $("task-words").textContent = `${right ? "Your prediction came true." : `You predicted “${preset.answers[page.guess]}”; it came otherwise.`} ${preset.after(page.runs)}`;
  showStanding();
  redraw();
  say($("task-words").textContent);
}

function describe(settings) {
  const words = [settings.model === "vae" ? "VAE" : "AE", `${settings.latent} ${settings.latent === 1 ? "number" : "numbers"}`];
  const told = settings.sigma ? ["model", "latent", "factor"] : ["model", "latent"]; // a learned σ² needs no factor
  for (const name of Object.keys(FIELDS))
    if (!told.includes(name) && settings[name] !== defaults[name]) {
      if (name === "sigma") words.push("learned σ");
      else if (name === "kl") words.push("no KL");
      else if (name === "eps") words.push("no eps");
      else if (name === "width" && !settings.width) words.push("linear");
      else if (name === "data") words.push(settings.data === "gap" ? "moons without a middle" : settings.data);
      else words.push(`${FIELDS[name].label} ${settings[name]}`);
    }
  return words.join(", ");
}

function showResults() {
  $("results-card").hidden = !page.results.length;
  $("results").tBodies[0].replaceChildren(
    ...page.results.map(({ settings, numbers, seconds }) => {
      const row = document.createElement("tr");
      const cells = [percent(numbers.unexplained), settings.model === "vae" ? fixed(numbers.kl) : "–", numbers.active,
        numbers.rank === null || settings.data !== "circles" ? "–" : fixed(numbers.rank), numbers.circles === null ? "–" : Math.round(100 * numbers.circles), fixed(seconds, 1)];
      const head = Object.assign(document.createElement("th"), { scope: "row", textContent: describe(settings) });
      row.append(head, ...cells.map((c) => Object.assign(document.createElement("td"), { textContent: c })));
      return row;
    }));
}

// ---------------------------------------------------------------- pictures

let waiting = false;
function redraw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    if (page.ready && page.view) drawAll();
  });
}

function drawAll() {
  const { ready, view, settings, history: past } = page;
  const { numbers } = view, vae = settings.model === "vae";
  const measuring = page.playing && view.epoch === settings.epochs ? ", measuring …" : "";
  $("where").textContent = `epoch ${view.epoch} of ${settings.epochs}${view.epoch ? measuring : ": untrained"}`;
  $("bar").style.transform = `scaleX(${view.epoch / settings.epochs})`;
  $("n-error").textContent = fixed(numbers.error);
  for (const id of ["n-kl", "n-sigma"]) $(id).parentElement.hidden = !vae; // an autoencoder has none
  $("numbers").classList.toggle("fewer", !vae);
  $("n-kl").textContent = fixed(numbers.kl);
  $("n-unexplained").textContent = percent(numbers.unexplained);
  $("n-noise-hint").textContent = vae ? "claimed / measured" : "measured";
  $("n-noise").textContent = `${vae ? `${fixed(claimed(view.factor))} / ` : ""}${fixed(numbers.measuredSigma)}`;
  $("n-sigma").textContent = fixed(numbers.sigma);
  $("n-active").textContent = `${numbers.active} of ${settings.latent}`;
  if (page.tab === "train") {
    $("key-kl").hidden = !vae;
    showFactorHint();
    drawForecast();
    drawLosses(past);
    drawUnexplained(past, ready.facts.floor);
    const hole = numbers.hole && numbers.unexplained < 0.5 && !undecided() ? numbers.hole : null;
    drawHistogram($("histogram"), view, null, hole);
    drawCodes(view, hole);
    const darker = settings.data === "circles" && settings.stroke < 1 ? 1 / settings.stroke : 1;
    showImages($("redrawn"), [ready.originals, ...(ready.noisy ? [ready.noisy] : []), view.redrawn], { darker });
    $("redrawn-rows").textContent = ready.noisy
      ? `top: x, then x with noise of σ = ${settings.noise}, below: x_hat, redrawn from the noisy one`
      : "top: x, below: x_hat, redrawn from its code";
    showImages($("samples"), [view.samples.subarray(0, 8 * PIXELS), view.samples.subarray(8 * PIXELS)], { darker });
    if (view.slider && !sliding) drawWalk(view.slider, view.sliderCircle);
    $("samples-text").textContent =
      numbers.circles !== null ? `Of 100 such samples, ${Math.round(100 * numbers.circles)} are circles.` : "";
    fitSliders(view.range, hole);
    showElbow(view);
    showHole(hole, numbers.rank);
  } else if (page.tab === "draw") {
    drawModelLine();
    if (view.state === "playing") $("draw-model").textContent += " Training …";
  }
}

/** The training before this one in the same experiment, if both have one number for circles. */
function runBefore() {
  const before = page.runs[page.run - 1];
  return before?.sizes && page.settings.latent === 1 ? before : null;
}

/** What a look at the finished codes should not miss: an elbow, here or in the training before. */
function showElbow({ numbers, sizes }) {
  const before = runBefore(), here = sizes && hasElbow(numbers), there = sizes && before && hasElbow(before.numbers);
  $("codes-text").textContent = here
    ? `An elbow: the line breaks off at one size and goes on elsewhere. Its rank correlation is ${fixed(numbers.rank)}, not 1. Below: what that costs, and why it stays. A cure: the experiment “Blur first, against the elbow”.`
    : [there && "Blue: this training. Grey: the one before, with an elbow.",
      sizes && numbers.unexplained < 0.5 && hasHook(page.ready.causes, page.view.mu) && "The hook at the smallest sizes is no elbow: those circles are hardly more than dots."].filter(Boolean).join(" ");
  $("elbow").hidden = !here && !there;
  if (here) drawElbow({ sizes, before: null, at: sizes.steepest, stroke: page.settings.stroke });
  else if (there) drawElbow({ sizes, before: before.sizes, at: before.sizes.steepest, stroke: page.settings.stroke });
}

/** The worst picture of the walk, in words, and the button that goes there: in the verdict of an experiment about it, or here. */
function showHole(hole, rank) {
  $("key-worst").hidden = $("key-worst-codes").hidden = $("to-hole").hidden = !hole;
  const slot = findPreset(page.preset)?.hole && page.came !== null ? $("task-hole") : $("walk-hole");
  if ($("to-hole").parentElement !== slot) slot.append($("to-hole"));
  $("walk-text").textContent = !hole ? ""
    : `On a walk through the codes the worst picture stands at z = ${fixed(hole.z)}, at the line in the pictures of the codes. Its misfit is ${fixed(hole.misfit)}${isCircle(hole) ? ", small enough for a circle: no hole" : `; from ${MOST_MISFIT} on it is no circle${rank < 0.98 ? ": a hole" : ""}`}.`;
}

/** What PCA says of the settings before training (chapter 7). */
function predict({ leading }, factor) {
  const noise = claimedVariance(factor), ratio = leading[0] / noise;
  return { noise, ratio, kind: forecast(ratio), ratioText: ratio.toFixed(ratio < 10 ? 1 : 0) };
}

/** The forecast in short, at the slider that changes it most; at once, since the images stay the same. */
function showFactorHint() {
  const { settings, facts } = page;
  const { ratioText, kind } = facts ? predict(facts, settings.factor) : {};
  const words = { collapse: "it will collapse", unsure: "it may get stuck", learn: "it will learn" };
  $("hint-factor").textContent = !facts || undecided() ? "" : settings.sigma ? "not used: σ² follows the error" : `λ₁/σ² = ${ratioText}: ${words[kind]}`;
}

function drawForecast() {
  const { ready, view, settings } = page, { facts } = ready;
  const vae = settings.model === "vae";
  $("forecast").hidden = !vae || undecided();
  $("forecast").classList.remove("stale");
  if ($("forecast").hidden) return;
  const { noise, ratio, kind, ratioText } = predict(facts, view.factor ?? 1);
  const words = {
    collapse: "No code can start: it will collapse.",
    unsure: "A code can start, but near 1 training may get stuck: it may collapse.",
    learn: "That is above 10: it will learn.",
  };
  const cures = [settings.warmup ? "the KL is warmed up" : "", settings.kl ? "" : "the KL is left out"].filter(Boolean).join(", ");
  let sentence = `The leading variance of the images is λ₁ = ${fixed(facts.leading[0])}. `;
  if (settings.sigma) sentence += `σ² is learned: it follows the error, so a code can start whenever there is something to learn. Forecast: it will learn.${view.state === "done" ? ` It ended at σ² = ${neat(noise)}, as if reconstruction_factor were ${neat(view.factor)}.` : ""}`;
  else sentence += `reconstruction_factor ${neat(view.factor ?? 1)} claims σ² = ${neat(noise)}. λ₁/σ² = ${ratioText}. ${words[kind]}`;
  if (cures && !settings.sigma && kind !== "learn") sentence += ` (Here ${cures}.)`;
  if (settings.width === 0 && settings.kl && settings.eps && !settings.sigma)
    sentence += ` A linear VAE is solved by hand: ${fixed(linearRate(facts.leading, noise))} nats.`;
  $("forecast-text").textContent = sentence;
  plot($("gauge"), { x: [0.01, 3000], y: [0, 1], logX: true, yTicks: false, xLabel: "" }, (g, X, Y, c, box) => {
    const zones = [[0.01, 1, c.red, "collapses"], [1, 10, c.orange, "may get stuck"], [10, 3000, c.green, "learns"]];
    for (const [from, to, colour, name] of zones) {
      g.globalAlpha = 0.28;
      g.fillStyle = colour;
      g.fillRect(X(from) + 1, box.top - 2, X(to) - X(from) - 2, 16);
      g.globalAlpha = 1;
      text(g, box.right < 480 && name.includes(" ") ? "unsure" : name, (X(from) + X(to)) / 2, box.top + 6.5, c.ink, "center");
    }
    if (settings.sigma && view.state !== "done") return; // nothing is claimed yet
    const at = X(Math.min(2900, Math.max(0.011, ratio)));
    g.fillStyle = c.ink;
    g.fillRect(at - 1.5, box.top - 4, 3, 22);
  });
  $("gauge").setAttribute("aria-label", `λ₁ divided by σ² is ${ratio.toPrecision(2)}; below 1 it collapses, above 10 it learns`);
  const after = $("forecast-after"), over = view.state === "done";
  after.hidden = !over;
  if (over) {
    const died = view.numbers.kl < 0.1, end = died ? `it collapsed (KL ${fixed(view.numbers.kl)} nats): mu is about 0 and sigma about 1 for every image, and the decoder draws one grey image` : `it lives (KL ${fixed(view.numbers.kl)} nats)`;
    const expected = settings.sigma ? "learn" : kind;
    const remedies = ["a higher reconstruction_factor"]; // what is on already, or cannot help, is none
    if (!settings.sigma) remedies.push("a learned σ");
    if (!settings.warmup && kind !== "collapse") remedies.push("a KL warm-up");
    const verdict = expected === "unsure" ? "The forecast left it open" : (expected === "learn") !== died ? "The forecast was right" : "The forecast was wrong";
    page.verdict = `${verdict}: it ${died ? "collapsed" : "lives"}.`;
    if (!page.preset) showStanding();
    after.textContent = `${verdict}: ${end}.${verdict.endsWith("wrong") && cures ? ` It was made for the plain loss; ${cures}.` : ""}${died ? ` Cures: ${remedies.join(", ")}.` : ""}`;
  }
}

function drawLosses(past) {
  const n = Math.max(5, page.settings.epochs), vae = page.settings.model === "vae";
  const values = past.flatMap((e) => [e.reconstruction, vae ? e.kl : e.reconstruction]).filter((v) => v > 0);
  const low = Math.min(0.5, ...values), high = Math.max(50, ...values);
  plot($("losses"), { x: [0, n], y: [Math.max(0.001, 10 ** Math.floor(Math.log10(low))), 10 ** Math.ceil(Math.log10(high))], logY: true, xLabel: "epoch", yLabel: "" }, (g, X, Y, c) => {
    const points = (name) => past.map((e) => [X(e.epoch), Y(Math.max(e[name], 1e-3))]);
    line(g, points("reconstruction"), c.blue);
    if (vae) line(g, points("kl"), c.orange, { dash: [6, 4] });
  });
  const last = past.at(-1);
  if (last) $("losses").setAttribute("aria-label", `Losses after epoch ${last.epoch}: squared error ${fixed(last.reconstruction)}${vae ? `, KL ${fixed(last.kl)} nats` : ""}`);
}

function drawUnexplained(past, floor) {
  plot($("unexplained"), { x: [0, Math.max(5, page.settings.epochs)], y: [0, 1.05], xLabel: "epoch" }, (g, X, Y, c, box) => {
    if (floor !== null) line(g, [[box.left, Y(floor)], [box.right, Y(floor)]], c.grey, { dash: [6, 4], width: 1.5 });
    line(g, past.map((e) => [X(e.epoch), Y(e.unexplained)]), c.green);
    const last = past.at(-1);
    if (last) dot(g, X(last.epoch), Y(last.unexplained), 3.5, c.green);
  });
  const last = past.at(-1);
  if (last) $("unexplained").setAttribute("aria-label", `Unexplained variance after epoch ${last.epoch}: ${percent(last.unexplained)}${floor === null ? "" : `; floor of the radius alone ${percent(floor)}`}`);
}

const axis = (mu, latent, d) => Array.from({ length: mu.length / latent }, (_, i) => mu[i * latent + d]);
const bell = (x, mu = 0, sigma = 1) => Math.exp(-(((x - mu) / sigma) ** 2) / 2) / (sigma * Math.sqrt(2 * Math.PI));

function drawHistogram(canvas, { mu, range }, mine, hole = null) {
  const { latent } = page.settings, d = 0, codes = axis(mu, latent, d);
  const low = Math.min(-3.2, range[d][0] - 0.2, mine ? mine.mu - 0.3 : 0), high = Math.max(3.2, range[d][1] + 0.2, mine ? mine.mu + 0.3 : 0);
  const bins = 48, width = (high - low) / bins, counts = new Array(bins).fill(0);
  for (const z of codes) counts[Math.min(bins - 1, Math.max(0, Math.floor((z - low) / width)))] += 1 / (codes.length * width);
  const top = Math.max(0.45, Math.min(2.5, Math.max(...counts))) * 1.08;
  $("histogram-title").textContent = latent > 1 ? "Histogram of the codes’ first number" : "Histogram of the codes";
  plot(canvas, { x: [low, high], y: [0, top], xLabel: latent > 1 ? "z₁" : "z", yTicks: false }, (g, X, Y, c, box) => {
    g.fillStyle = c.blue;
    g.globalAlpha = 0.6;
    counts.forEach((count, i) => g.fillRect(X(low + i * width) + 0.5, Y(Math.min(count, top)), X(width) - X(0) - 1, box.bottom - Y(Math.min(count, top))));
    g.globalAlpha = 1;
    const curve = (m, s, peak) => Array.from({ length: 241 }, (_, i) => {
      const z = low + ((high - low) * i) / 240;
      return [X(z), Y(peak ? peak * Math.exp(-(((z - m) / s) ** 2) / 2) : bell(z, m, s))];
    });
    line(g, curve(0, 1), c.grey, { dash: [6, 4], width: 1.5 });
    if (mine?.sigma) line(g, curve(mine.mu, Math.max(mine.sigma, (high - low) / 600), 0.9 * top), c.orange, { width: 2.5 });
    else if (mine) line(g, [[X(mine.mu), box.bottom], [X(mine.mu), Y(0.9 * top)]], c.orange, { width: 3 });
    if (hole) line(g, [[X(hole.z), box.bottom], [X(hole.z), box.top]], c.red, { width: 2 });
  });
  canvas.setAttribute("aria-label", `${codes.length} codes from ${fixed(range[d][0], 1)} to ${fixed(range[d][1], 1)}, beside the bell curve N(0, 1)${hole ? `; the worst picture stands at ${fixed(hole.z)}` : ""}`);
}

function causeName() {
  return { circles: "radius", moons: "phase", gap: "phase" }[page.settings.data] ?? "number of the image";
}

function drawCodes({ mu, logVar, range, numbers, sizes }, hole) {
  const { latent } = page.settings, { causes } = page.ready, name = causeName();
  const highest = { circles: 0.5, moons: 1, gap: 1 }[page.settings.data] ?? Math.max(1, ...causes);
  if (latent === 1) {
    $("codes-title").innerHTML = `z against the ${name}`;
    const low = Math.min(-2.5, range[0][0]), high = Math.max(2.5, range[0][1]), before = runBefore();
    plot($("codes"), { x: [0, highest], y: [low, high], xLabel: name, yLabel: "z" }, (g, X, Y, c, box) => {
      before?.mu.forEach((z, i) => dot(g, X(causes[i]), Y(z), 1.5, c.grey));
      causes.forEach((cause, i) => {
        if (logVar) {
          const reach = 2 * Math.exp(logVar[i] / 2);
          g.globalAlpha = 0.25;
          line(g, [[X(cause), Y(mu[i] - reach)], [X(cause), Y(mu[i] + reach)]], c.blue, { width: 1 });
          g.globalAlpha = 1;
        }
        dot(g, X(cause), Y(mu[i]), 2, c.blue);
      });
      if (hole) line(g, [[box.left, Y(hole.z)], [box.right, Y(hole.z)]], c.red, { width: 2 });
      const elbow = [{ numbers, sizes }, before].find((run) => run?.sizes && hasElbow(run.numbers));
      if (elbow && sizes) markElbow(g, X, elbow.sizes.steepest, c, box);
    });
    const rank = page.view.numbers.rank;
    $("codes").setAttribute("aria-label", `z of ${causes.length} held-out images against the ${name}${rank === null ? "" : `; rank correlation ${fixed(rank)}`}`);
    return;
  }
  $("codes-title").innerHTML = `Plane of codes <span class="hint">${latent > 2 ? "first two numbers; " : ""}large and orange: large ${name}${logVar ? "; ellipses: 2 sigma" : ""}</span>`;
  const reach = Math.max(3, ...range.slice(0, 2).flat().map(Math.abs));
  const wide = (reach * ($("codes").clientWidth - 54)) / ($("codes").clientHeight - 60);
  plot($("codes"), { x: [-wide, wide], y: [-reach, reach], xLabel: "z₁", yLabel: "z₂" }, (g, X, Y, c) => {
    const unit = X(1) - X(0), up = Y(0) - Y(1);
    g.strokeStyle = c.grey;
    g.setLineDash([5, 4]);
    for (const r of [1, 2]) {
      g.beginPath();
      g.ellipse(X(0), Y(0), r * unit, r * up, 0, 0, 2 * Math.PI);
      g.stroke();
    }
    g.setLineDash([]);
    causes.forEach((cause, i) => {
      const share = cause / highest, x = X(mu[i * latent]), y = Y(mu[i * latent + 1]), colour = causeColour(share);
      if (logVar && i % 2 === 0) {
        g.beginPath();
        g.ellipse(x, y, 2 * Math.exp(logVar[i * latent] / 2) * unit, 2 * Math.exp(logVar[i * latent + 1] / 2) * up, 0, 0, 2 * Math.PI);
        g.strokeStyle = colour;
        g.globalAlpha = 0.35;
        g.stroke();
        g.globalAlpha = 1;
      }
      dot(g, x, y, 1.2 + 3 * share, colour);
    });
  });
  $("codes").setAttribute("aria-label", `Codes of ${causes.length} held-out images in the plane of z₁ and z₂; larger dots are images of larger ${name}`);
}

// ---------------------------------------------------------------- walk

let sliding = false;
function makeSliders() {
  $("sliders").replaceChildren(
    ...page.slider.slice(0, 3).map((value, d) => {
      const label = document.createElement("label"), input = document.createElement("input"), out = document.createElement("output");
      const name = page.slider.length > 1 ? `z${"₁₂₃"[d]}` : "z";
      Object.assign(input, { type: "range", min: -3, max: 3, step: 0.01, value });
      out.textContent = fixed(value);
      input.addEventListener("input", () => {
        page.slider[d] = Number(input.value);
        out.textContent = fixed(page.slider[d]);
        sliding = true;
        sliderTag = ++tag;
        send("decode", { codes: Float32Array.from(page.slider), tag: sliderTag, slider: true });
      });
      input.addEventListener("change", () => (sliding = false));
      const track = document.createElement("span"), mark = Object.assign(document.createElement("i"), { hidden: true });
      track.className = "track";
      track.append(input, mark);
      label.append(`${name} = `, out, track);
      return label;
    }));
}

/** Make the sliders reach all codes, and mark the worst place on the only one. */
function fitSliders(range, hole) {
  $("sliders").querySelectorAll("input").forEach((input, d) => {
    const reach = Math.ceil(Math.max(3, ...range[d].map(Math.abs))), mark = input.nextElementSibling;
    input.min = -reach;
    input.max = reach;
    mark.hidden = !hole;
    if (hole) mark.style.setProperty("--at", (hole.z + reach) / (2 * reach));
  });
}

/** The image at the sliders, and in words whether it is a circle, once training rests. */
function drawWalk(images, circle = null) {
  const { data, stroke } = page.settings;
  showImages($("walk"), [images], { darker: data === "circles" && stroke < 1 ? 1 / stroke : 1 });
  $("walk-here").textContent = !circle ? ""
    : isCircle(circle) ? `Here: a circle of radius ${fixed(circle.radius)}.` : `Here: no circle, its misfit is ${fixed(circle.misfit)}.`;
}

// ---------------------------------------------------------------- draw

let pad = null, digits = null, scoreTimer = 0, scoring = false, again = false;

/** What the visitor has drawn is judged; an untouched page is not. */
let drawn = false, scored = null;

function scheduleScore() {
  if (page.tab !== "draw" || !page.ready) return;
  clearTimeout(scoreTimer);
  scoreTimer = setTimeout(async () => {
    if (scoring) {
      again = true;
      return;
    }
    scoring = true;
    const answer = await ask("score", { image: pad.image.slice() });
    scoring = false;
    scored = answer;
    showScore();
    if (again) {
      again = false;
      scheduleScore();
    }
  }, 60);
}

function drawModelLine() {
  const { view, settings } = page;
  $("draw-train").hidden = view.epoch > 0 || page.playing;
  $("draw-task").hidden = settings.data !== "circles"; // of other images the page cannot tell what is one
  $("draw-model").textContent = view.epoch
    ? `The network: ${describe(settings)}, after ${view.epoch} ${view.epoch === 1 ? "epoch" : "epochs"}.`
    : `The network (${describe(settings)}) has not been trained yet, so it draws noise.`;
}

function showScore() {
  const { view } = page, { xHat, mu, logVar, thresholds, circle } = scored, by = $("form-score").elements.score.value;
  const score = scored[by], { limit, scores } = thresholds[by];
  drawModelLine();
  showImages($("answer"), [xHat]);
  drawHistogram($("bell"), view, { mu: mu[0], sigma: logVar ? Math.exp(logVar[0] / 2) : null });
  $("bell").setAttribute("aria-label", `Your drawing has the code ${Array.from(mu, (m) => fixed(m)).join(", ")}${logVar ? ` with sigma ${Array.from(logVar, (v) => fixed(Math.exp(v / 2))).join(", ")}` : ""}`);
  const top = Math.max(2.2 * limit, 1.15 * score);
  plot($("oddness"), { x: [0, top], y: [0, 1], xLabel: SCORES[by], yTicks: false }, (g, X, Y, c, box) => {
    const bins = 60, counts = new Array(bins).fill(0);
    for (const e of scores) counts[Math.min(bins - 1, Math.floor((e / top) * bins))]++;
    const most = Math.max(...counts);
    g.fillStyle = c.blue;
    g.globalAlpha = 0.6;
    counts.forEach((n, i) => g.fillRect(X((i * top) / bins) + 0.5, Y((0.8 * n) / most), X(top / bins) - X(0) - 1, box.bottom - Y((0.8 * n) / most)));
    g.globalAlpha = 1;
    line(g, [[X(limit), box.bottom], [X(limit), box.top]], c.grey, { dash: [5, 4] });
    text(g, "threshold", X(limit) + 5, box.top + 6, c.soft);
    if (!drawn) return;
    line(g, [[X(score), box.bottom], [X(score), box.top]], c.orange, { width: 3 });
    text(g, "yours", X(score) + (score > 0.85 * top ? -6 : 6), box.top + 24, c.ink, score > 0.85 * top ? "right" : "left");
  });
  $("oddness").setAttribute("aria-label", `${SCORES[by]} ${fixed(score)}, threshold ${fixed(limit)}`);
  const { kind, words } = page.playing ? { kind: "", words: "Training …" } : !view.epoch ? { kind: "", words: "First train the network." }
    : !drawn ? { kind: "", words: "Draw something, or choose a shape." } : judge(scored, by);
  $("verdict").className = `result ${kind}`;
  $("verdict").textContent = words;
  $("verdict-short").textContent = kind && words.match(/^\w+/)[0]; // beside the drawing, where a phone shows no more
  $("answer-text").textContent = !circle || !view.epoch ? ""
    : isCircle(circle) ? `A circle of radius ${fixed(circle.radius)}.` : `No circle: its misfit is ${fixed(circle.misfit)}.`;
}

function keepDrawing() {
  if (!pad.image.some((x) => x > 0)) {
    $("kept").textContent = "The page is blank.";
    return;
  }
  page.own.drawn.push(pad.image.slice());
  $("kept").textContent = `${page.own.drawn.length} kept. Train on them: choose “your drawings” in the settings.`;
  showOutputs();
  if (page.settings.data === "drawn") setUp();
}

async function takeFiles(files) {
  const problems = [];
  let taken = 0;
  for (const file of [...files].slice(0, MOST_FILES)) {
    try {
      page.own.files.push(await readImage(file));
      taken++;
    } catch (error) {
      problems.push(error.message);
    }
  }
  if (files.length > MOST_FILES) problems.push(`Only the first ${MOST_FILES} files were read.`);
  if (taken) {
    page.settings.data = "files";
    leavePreset("You chose images of your own");
    showSettings();
    startOver();
    say(`${taken} images taken.`);
  }
  complain(problems.slice(0, 3).join(" "));
}

// ---------------------------------------------------------------- events

function showTab() {
  const digitsPreset = findPreset(page.preset)?.tab === "digits";
  $(digitsPreset ? "panel-digits" : "panel-train").prepend($("preset-card")); // an experiment stands where it happens
  $("digits-try").hidden = digitsPreset;
  for (const name of TABS) {
    const on = page.tab === name, tabButton = $(`tab-${name}`);
    tabButton.setAttribute("aria-selected", String(on));
    tabButton.tabIndex = on ? 0 : -1;
    $(`panel-${name}`).hidden = !on;
  }
  redraw();
  if (page.tab === "draw") {
    pad.show();
    scheduleScore();
  }
  if (page.tab === "digits") digits.redraw();
}

/** Go on without the experiment; `why` begins a sentence. */
function leavePreset(why = null) {
  if (page.preset && why) page.left = { id: page.preset, why };
  Object.assign(page, { preset: null, guess: null, came: null });
  $("preset").value = "";
  showTask();
}

/** Begin the experiment called `id`, or none. */
function choosePreset(id) {
  const preset = findPreset(id);
  Object.assign(page, { preset: preset?.id ?? null, guess: null, left: null, facts: null, tab: preset?.tab ?? "train" });
  $("preset").value = page.preset ?? "";
  if (preset) page.settings = { ...defaults, ...preset.runs[0] };
  if (innerWidth <= 860) $("settings").open = false;
  complain("");
  showSettings();
  showTab();
  startOver();
}

function connect() {
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", ({ target }) => {
    if (!(target.name in FIELDS) || !readForm(target.name)) return;
    if (["data", "stroke", "seed"].includes(target.name)) page.facts = null; // of other images
    if (page.preset && target.name !== "seed") leavePreset(`You changed “${FIELDS[target.name].label}”`);
    showOutputs();
    clearTimeout(formTimer);
    formTimer = setTimeout(startOver, 200);
  });
  $("files").addEventListener("change", ({ target }) => void takeFiles(target.files));
  for (const type of ["dragover", "dragleave", "drop"])
    addEventListener(type, (event) => {
      event.preventDefault();
      $("drop").classList.toggle("over", type === "dragover");
      if (type === "drop" && event.dataTransfer.files.length) void takeFiles(event.dataTransfer.files);
    });
  $("preset").addEventListener("change", ({ target }) => {
    choosePreset(target.value);
    target.focus(); // it may have moved to another part
  });
  $("newcomer-preset").addEventListener("click", () => {
    choosePreset("2-cut");
    $("preset").focus();
  });
  $("digits-preset").addEventListener("click", () => {
    choosePreset("9-between");
    $("preset").focus();
  });
  $("task-answers").addEventListener("change", ({ target }) => {
    page.guess = Number(target.value);
    complain("");
    putAddress();
    showTask();
    redraw();
    $("task-answers").querySelectorAll("input")[page.guess].focus();
  });
  $("play").addEventListener("click", () => {
    settle();
    page.playing ? send("pause") : play();
  });
  $("task-play").addEventListener("click", async () => {
    const preset = findPreset(page.preset);
    $("task-play").hidden = true;
    if (preset.tab) {
      $("plane").scrollIntoView({ block: "nearest" });
      page.runs = [{ probe: await digits.between() }];
      if (page.preset === preset.id) showOutcome(preset);
      return;
    }
    play();
    $("play").scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  });
  $("one").addEventListener("click", () => {
    settle();
    play((page.view?.epoch ?? 0) + 1);
  });
  $("to-hole").addEventListener("click", () => {
    const input = $("sliders").querySelector("input");
    input.value = page.view.numbers.hole.z;
    input.dispatchEvent(new Event("input"));
    input.dispatchEvent(new Event("change"));
    input.focus({ preventScroll: true });
    $("walk").scrollIntoView({ block: "center" });
  });
  $("again").addEventListener("click", () => {
    const preset = findPreset(page.preset);
    const seed = (page.settings.seed + 1) % 1000;
    page.settings = preset ? { ...defaults, ...preset.runs[0], seed } : { ...page.settings, seed };
    complain("");
    showSettings();
    startOver(); // the prediction stays: it was made for any seed
    say(`Started over with seed ${seed}.`);
  });
  $("standing-button").addEventListener("click", followStanding);
  $("form-score").addEventListener("change", showScore);
  $("pace").addEventListener("change", ({ target }) => send("pace", { ms: Number(target.value) }));
  $("link").addEventListener("click", async () => {
    const address = location.href.split("#")[0] + writeAddress({ ...page, guess: null }); // the prediction is the reader's own
    try {
      await navigator.clipboard.writeText(address);
      say("The link is copied.");
      $("link").textContent = "Copied";
    } catch {
      complain(`Copy the address from the browser’s address line: ${address}`);
    }
    setTimeout(() => ($("link").textContent = "Copy link"), 2000);
  });
  for (const name of TABS) {
    $(`tab-${name}`).addEventListener("click", () => openTab(name));
    $(`tab-${name}`).addEventListener("keydown", ({ key }) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (!step) return;
      const next = TABS[(TABS.indexOf(name) + step + TABS.length) % TABS.length];
      openTab(next);
      $(`tab-${next}`).focus();
    });
  }
  for (const button of document.querySelectorAll("[data-shape]"))
    button.addEventListener("click", () => pad.put(SHAPES[button.dataset.shape]()));
  $("draw-train").addEventListener("click", () => {
    if (undecided()) leavePreset("You trained without a prediction");
    play();
  });
  $("undo").addEventListener("click", () => pad.undo());
  $("keep").addEventListener("click", keepDrawing);
  addEventListener("hashchange", openAddress);
  addEventListener("resize", refresh);
}

/** Draw all that is to be seen anew, in new colours or at a new size. */
function refresh() {
  redraw();
  scheduleScore();
  if (page.tab === "digits") digits.redraw();
}

function openTab(name) {
  page.tab = name;
  if (findPreset(page.preset)?.tab && name !== findPreset(page.preset).tab) leavePreset();
  putAddress();
  showTab();
}

/** The system's colours, unless the page was given some, until the reader presses ◐. */
function chooseTheme() {
  const { dataset } = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)");
  const colour = (isDark) => {
    dataset.theme = isDark ? "dark" : "light";
    refresh();
  };
  const follow = () => colour(dark.matches);
  if (!dataset.theme) {
    follow();
    dark.addEventListener("change", follow);
  }
  $("theme").addEventListener("click", () => {
    dark.removeEventListener("change", follow);
    colour(dataset.theme !== "dark");
  });
}

function begin() {
  chooseTheme();
  if (typeof WebAssembly !== "object" || typeof Worker !== "function") {
    complain("This browser has no WebAssembly, which the training needs. A current Firefox, Chrome, Edge or Safari has it.");
    for (const id of ["play", "one", "again"]) $(id).disabled = true;
    return;
  }
  if (innerWidth <= 860) $("settings").open = false;
  fillPresets();
  pad = makePad($("pad"), { stroke: () => (page.settings.data === "circles" ? page.settings.stroke : 1.5), changed() { drawn = true; scheduleScore(); } });
  digits = makeDigits({
    moved(z) {
      page.z = z;
      putAddress();
    },
  });
  connect();
  openAddress();
}

globalThis.playground = { page, rest, colours, get resting() { return worker === null; } };
begin();
