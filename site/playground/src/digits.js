// The part “Digits”: the plane of chapter 9's VAE to walk in, and a sheet for a digit of one's own. Nothing is trained here.
import { dot, line, plot, showImages, text } from "./charts.js";
import { PIXELS, SIZE } from "./core/data.js";
import { DigitsModel, prepare } from "./core/digits.js";
import weights from "./digits.safetensors";
import { makePad } from "./draw.js";
import { drawLine, SHAPES } from "./images.js";

const REACH = 3.6; // the plane is shown from −REACH to REACH in both directions
const CELLS = 18; // decoded images a row
const $ = (id) => document.getElementById(id);
const number = (x) => x.toFixed(2).replace("-", "−");
const place = (z) => `(${number(z[0])}, ${number(z[1])})`;
const clamp = (x) => Math.min(REACH, Math.max(-REACH, x));

const WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];

/** “seven are 3s, two 8s, one a 5” */
export function told(votes) {
  const order = Array.from(votes.keys()).filter((d) => votes[d]).sort((a, b) => votes[b] - votes[a]);
  return order.map((d, i) =>
    votes[d] === 1 ? `one ${i ? "" : "is "}${d === 8 ? "an" : "a"} ${d}` : `${WORDS[votes[d]]} ${i ? "" : "are "}${d}s`).join(", ");
}

function three() {
  const points = [[6, 6], [11, 4], [17, 4.5], [19.5, 7.5], [17, 11], [12, 13], [17, 14.5], [20, 18], [18, 22], [12, 24], [5, 22]], image = new Float32Array(PIXELS);
  points.slice(1).forEach((to, i) => drawLine(image, points[i], to, 2.5));
  return image;
}

/** `moved(z)` is called when the visitor has chosen another place. */
export function makeDigits({ moved }) {
  const model = new DigitsModel(weights), canvas = $("plane");
  let z = [0, 0], mine = null, scale = null, map = null;

  /** One large picture of what the decoder draws all over the plane; made when it is first asked for. */
  function decodedMap() {
    if (map) return map;
    map = document.createElement("canvas");
    const images = new Float32Array(CELLS * CELLS * PIXELS), step = (2 * REACH) / CELLS;
    for (let row = 0; row < CELLS; row++)
      for (let column = 0; column < CELLS; column++)
        images.set(model.decode([-REACH + (column + 0.5) * step, REACH - (row + 0.5) * step]), (row * CELLS + column) * PIXELS);
    const rows = Array.from({ length: CELLS }, (_, row) => images.subarray(row * CELLS * PIXELS, (row + 1) * CELLS * PIXELS));
    showImages(map, rows, { gap: 0 });
    return map;
  }

  function drawPlane() {
    const pictures = $("form-plane").elements.layer.value === "images";
    plot(canvas, { x: [-REACH, REACH], y: [-REACH, REACH], xLabel: "z₁", yLabel: "z₂" }, (g, X, Y, c) => {
      scale = { X, Y };
      const unit = X(1) - X(0), up = Y(0) - Y(1), style = getComputedStyle(document.documentElement);
      if (pictures) g.drawImage(decodedMap(), X(-REACH), Y(REACH), 2 * REACH * unit, 2 * REACH * up);
      g.setLineDash([5, 4]);
      g.strokeStyle = c.grey;
      for (const r of pictures ? [] : [1, 2]) {
        g.beginPath();
        g.ellipse(X(0), Y(0), r * unit, r * up, 0, 0, 2 * Math.PI);
        g.stroke();
      }
      g.setLineDash([]);
      if (!pictures) {
        g.font = "600 12px system-ui, sans-serif";
        model.labels.forEach((digit, i) => text(g, digit, X(model.codes[2 * i]), Y(model.codes[2 * i + 1]), style.getPropertyValue(`--d${digit}`), "center"));
      }
      g.font = "700 25px system-ui, sans-serif";
      g.lineWidth = 5;
      g.lineJoin = "round";
      g.strokeStyle = c.card;
      for (let digit = 0; digit < 10; digit++) {
        const [x, y] = model.typical[digit];
        g.textAlign = "center";
        g.strokeText(digit, X(x), Y(y));
        text(g, digit, X(x), Y(y), style.getPropertyValue(`--d${digit}`), "center");
      }
      if (mine) drawMine(g, X, Y, c, unit, up);
      const x = X(z[0]), y = Y(z[1]);
      for (const [colour, width, arm] of [[c.card, 9, 10], [c.red, 4.5, 9]])
        for (const slope of [1, -1]) line(g, [[x - arm, y - slope * arm], [x + arm, y + slope * arm]], colour, { width });
    });
    canvas.setAttribute("aria-label", `Plane of codes. You are at ${place(z)}; of the ten nearest held-out digits ${told(model.neighbours(z))}. Arrow keys move you.`);
  }

  /** The bell of the visitor's digit: its ellipse at two sigma, ringed where it is too small to be seen. */
  function drawMine(g, X, Y, c, unit, up) {
    const [x, y] = [X(mine.mu[0]), Y(mine.mu[1])], [a, b] = Array.from(mine.logVar, (v) => 2 * Math.exp(v / 2));
    for (const [colour, width] of [[c.card, 6], [c.orange, 3]]) {
      g.strokeStyle = colour;
      g.lineWidth = width;
      g.beginPath();
      g.ellipse(x, y, a * unit, b * up, 0, 0, 2 * Math.PI);
      g.stroke();
      g.beginPath();
      g.arc(x, y, 15, 0, 2 * Math.PI);
      g.stroke();
    }
    dot(g, x, y, 3, c.orange);
  }

  function drawHere() {
    drawPlane();
    showImages($("digit"), [model.decode(z)]);
    $("place").textContent = `z = ${place(z)}. Of the ten nearest held-out digits ${told(model.neighbours(z))}.`;
  }

  function go(to) {
    z = [clamp(to[0]), clamp(to[1])];
    drawHere();
  }
  const goAndTell = (to) => {
    go(to);
    moved(z);
  };

  function score() {
    if (!pad.image.some((ink) => ink > 0.1)) {
      mine = null;
      for (const id of ["seen", "redrawn-digit"]) showImages($(id), [new Float32Array(PIXELS)]);
      $("digit-verdict").textContent = "Draw a digit. It is scaled to 20 × 20 pixels and centred, as those of MNIST were.";
      drawPlane();
      return;
    }
    const seen = prepare(pad.image), { mu, logVar } = model.encode(seen), xHat = model.decode(mu);
    const error = seen.reduce((sum, ink, i) => sum + (ink - xHat[i]) ** 2, 0);
    const kl = [0, 1].reduce((sum, d) => sum - 0.5 * (1 + logVar[d] - mu[d] ** 2 - Math.exp(logVar[d])), 0);
    mine = { mu, logVar };
    showImages($("seen"), [seen]);
    showImages($("redrawn-digit"), [xHat]);
    const outside = Math.max(...mu.map(Math.abs)) > REACH ? " That is off this map." : "";
    $("digit-verdict").textContent =
      `Of the ten held-out digits that lie nearest to yours ${told(model.neighbours(mu))}. The decoder redraws that place, not your strokes. ` +
      `It is mu = ${place(mu)}, ringed in the plane, with sigma = ${place(Array.from(logVar, (v) => Math.exp(v / 2)))}; the code costs ${kl.toFixed(1)} nats.${outside} ` +
      `Squared error ${error.toFixed(0)}; 99 % of held-out digits stay below ${model.threshold.toFixed(0)}${error > model.threshold ? ", so this is an odd one." : ": this score finds nothing odd in yours."}`;
    drawPlane();
  }
  const pad = makePad($("digit-pad"), { stroke: () => 2.5, changed: score });

  const placeOf = (event) => {
    const box = canvas.getBoundingClientRect(), inverse = (f, v) => ((v - f(0)) / (f(1) - f(0)));
    return [inverse(scale.X, event.clientX - box.left), inverse(scale.Y, event.clientY - box.top)];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    go(placeOf(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) go(placeOf(event));
  });
  canvas.addEventListener("pointerup", () => moved(z));
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const far = event.shiftKey ? 0.5 : 0.1;
    goAndTell([z[0] + far * step[0], z[1] + far * step[1]]);
  });
  $("form-plane").addEventListener("change", drawPlane);
  for (let digit = 0; digit < 10; digit++) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: digit });
    button.addEventListener("click", () => goAndTell(model.typical[digit]));
    $("typical").append(button);
  }
  $("digit-three").addEventListener("click", () => pad.put(three()));
  $("digit-duck").addEventListener("click", () => pad.put(SHAPES.duck()));
  $("digit-clear").addEventListener("click", () => pad.put(new Float32Array(PIXELS)));
  $("digit-undo").addEventListener("click", () => pad.undo());
  $("digits-source").textContent =
    model.source === "MNIST" ? "8,000 handwritten digits of MNIST" : "handwritten digits of scikit-learn";
  $("digits-unexplained").textContent = `${Math.round(100 * model.unexplained)} %`;

  return {
    go,
    redraw() {
      drawHere();
      pad.show();
      score();
    },
    /** Walk from a typical zero to a typical one, stop halfway; what is there (for chapter 9's experiment). */
    async between() {
      const [from, to] = [model.typical[0], model.typical[1]], steps = matchMedia("(prefers-reduced-motion: reduce)").matches ? 1 : 90;
      for (let i = 0; i <= steps; i++) {
        go([0, 1].map((d) => from[d] + ((to[d] - from[d]) * i) / steps));
        await new Promise((resolve) => setTimeout(resolve, 33));
      }
      const { middle, ...found } = model.between(0, 1);
      goAndTell(middle);
      return found;
    },
  };
}
