// The settings, and how they are written into the address (everything behind #), so that a link opens the same experiment.

const WIDTHS = [0, 16, 32, 64, 128, 256, 512];

/** name → what is allowed; `label` is said when an address holds something else. */
export const FIELDS = {
  data: { label: "data", choices: ["circles", "moons", "gap", "drawn", "files"], start: "circles" },
  model: { label: "model", choices: ["vae", "ae"], start: "vae" },
  latent: { label: "latent numbers", choices: [1, 2, 3, 8], start: 1 },
  width: { label: "width", choices: WIDTHS, start: 128 },
  batch: { label: "batch", choices: [8, 16, 32, 64, 128], start: 32 },
  lr: { label: "learning rate", range: [1e-5, 0.1], start: 1e-3 },
  schedule: { label: "schedule", choices: ["constant", "cosine", "one-cycle"], start: "constant" },
  factor: { label: "reconstruction_factor", range: [0.01, 100], start: 1 },
  sigma: { label: "learned noise", choices: [0, 1], start: 0 },
  kl: { label: "KL term", choices: [0, 1], start: 1 },
  eps: { label: "noise eps", choices: [0, 1], start: 1 },
  warmup: { label: "epochs of KL warm-up", whole: [0, 50], start: 0 },
  blur: { label: "blurred epochs", whole: [0, 20], start: 0 },
  noise: { label: "noise on the input", range: [0, 1], start: 0 },
  stroke: { label: "stroke", range: [0.25, 3], start: 1.5 },
  epochs: { label: "epochs", whole: [1, 300], start: 30 },
  seed: { label: "seed", whole: [0, 99999], start: 0 },
};

export const defaults = Object.fromEntries(Object.entries(FIELDS).map(([name, { start }]) => [name, start]));
export const TABS = ["train", "draw", "digits", "help"];

/** One value from text: {value}, or {problem} in a sentence. */
export function readField(name, text) {
  const { label, choices, range, whole } = FIELDS[name];
  if (choices) {
    const value = choices.find((c) => String(c) === String(text));
    return value === undefined ? { problem: `${label} can be ${choices.join(", ")}, not “${short(text)}”.` } : { value };
  }
  const [low, high] = range ?? whole;
  const value = String(text).trim() === "" ? NaN : Number(text);
  if (!Number.isFinite(value) || value < low || value > high || (whole && !Number.isInteger(value)))
    return { problem: `${label} must be a ${whole ? "whole " : ""}number from ${low} to ${high}, not “${short(text)}”.` };
  return { value };
}

const short = (text) => (String(text).length > 20 ? `${String(text).slice(0, 20)}…` : String(text));

/** The part of an address behind # → {settings, tab, preset, guess, z, problems}; what cannot be used keeps its start value. */
export function readAddress(hash) {
  const result = { settings: { ...defaults }, tab: "train", preset: null, guess: null, z: null, problems: [] };
  let entries = [];
  try {
    entries = [...new URLSearchParams(hash.replace(/^#/, "")).entries()].slice(0, 60);
  } catch {
    result.problems.push("The address could not be read.");
  }
  for (const [name, text] of entries) {
    if (Object.hasOwn(FIELDS, name)) {
      const { value, problem } = readField(name, text);
      if (problem) result.problems.push(`In the address, ${problem}`);
      else result.settings[name] = value;
    } else if (name === "tab" && TABS.includes(text)) result.tab = text;
    else if (name === "preset" && /^[a-z0-9-]{1,40}$/.test(text)) result.preset = text;
    else if (name === "guess" && /^\d$/.test(text)) result.guess = Number(text);
    else if (name === "z" && /^-?\d(\.\d+)?,-?\d(\.\d+)?$/.test(text)) result.z = text.split(",").map(Number);
    else result.problems.push(`The address holds “${short(name)}=${short(text)}”, which means nothing here.`);
  }
  return result;
}

/** The address of a state; only what differs from the start values is written. */
export function writeAddress({ settings, tab = "train", preset = null, guess = null, z = null }) {
  const parts = new URLSearchParams();
  if (tab !== "train") parts.set("tab", tab);
  if (preset) parts.set("preset", preset);
  if (tab === "digits" && z) parts.set("z", z.map((x) => Number(x.toFixed(2))).join(",")); // the place in the plane of digits
  for (const name of Object.keys(FIELDS)) if (settings[name] !== defaults[name]) parts.set(name, settings[name]);
  if (guess !== null) parts.set("guess", guess);
  return `#${parts}`;
}
