// Small charts on canvas. Each fills the width it is given, in device pixels, with the colours of the style sheet.

const FONT = "12px system-ui, sans-serif";

export function colours() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(
    ["ink", "soft", "line", "card", "blue", "orange", "red", "green", "pink", "grey"].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

/** From blue (small) to orange (large), by way of grey; safe for colour-blind readers. */
export function causeColour(share) {
  const [from, to, t] = share < 0.5 ? [[0, 114, 178], [150, 150, 150], 2 * share] : [[150, 150, 150], [230, 159, 0], 2 * share - 1];
  return `rgb(${from.map((c, i) => Math.round(c + (to[i] - c) * t)).join(" ")})`;
}

function ticks(low, high, count) {
  const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= raw);
  const all = [];
  for (let t = Math.ceil(low / step - 1e-9) * step; t <= high + 1e-9 * step; t += step) all.push(Math.abs(t) < step * 1e-6 ? 0 : t);
  return all;
}

const tickText = (t) => String(Number(t.toPrecision(4))).replace("-", "−");

/**
 * Axes on `canvas` for x and y ranges [low, high] with labels; then `paint(g, X, Y, colours, box)` draws inside.
 * `logX` and `logY` make an axis logarithmic; `yTicks: false` leaves its numbers out.
 */
export function plot(canvas, { x, y, xLabel = "", yLabel = "", logX = false, logY = false, yTicks = true }, paint) {
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (!width || !height) return;
  const ratio = devicePixelRatio || 1, c = colours();
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const g = canvas.getContext("2d");
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  g.font = FONT;
  const box = { left: yTicks ? 44 : 14, right: width - 10, top: yLabel ? 24 : 10, bottom: height - 36 };
  const scale = ([low, high], from, to, log) => {
    const f = log ? Math.log : (v) => v;
    return (v) => from + ((f(v) - f(low)) / (f(high) - f(low) || 1)) * (to - from);
  };
  const X = scale(x, box.left, box.right, logX), Y = scale(y, box.bottom, box.top, logY);
  const decades = ([low, high]) => {
    const all = [];
    for (let e = Math.ceil(Math.log10(low) - 1e-9); e <= Math.log10(high) + 1e-9; e++) all.push(10 ** e);
    return all;
  };
  g.strokeStyle = c.line;
  g.fillStyle = c.soft;
  g.lineWidth = 1;
  g.textBaseline = "middle";
  g.textAlign = "right";
  if (yTicks)
    for (const t of logY ? decades(y) : ticks(...y, 4)) {
      const at = Math.round(Y(t)) + 0.5;
      g.beginPath();
      g.moveTo(box.left, at);
      g.lineTo(box.right, at);
      g.stroke();
      g.fillText(tickText(t), box.left - 6, at);
    }
  g.textAlign = "center";
  for (const t of logX ? decades(x) : ticks(...x, Math.max(4, Math.floor(width / 90)))) g.fillText(tickText(t), X(t), box.bottom + 12);
  g.beginPath();
  g.moveTo(box.left, box.bottom + 0.5);
  g.lineTo(box.right, box.bottom + 0.5);
  g.strokeStyle = c.grey;
  g.stroke();
  g.fillText(xLabel, (box.left + box.right) / 2, height - 8);
  g.textAlign = "left";
  g.fillText(yLabel, 4, 10);
  g.save();
  g.beginPath();
  g.rect(box.left - 4, box.top - 4, box.right - box.left + 8, box.bottom - box.top + 8);
  g.clip();
  paint(g, X, Y, c, box);
  g.restore();
}

export function line(g, points, colour, { width = 2, dash = [] } = {}) {
  g.beginPath();
  points.forEach(([x, y], i) => (i ? g.lineTo(x, y) : g.moveTo(x, y)));
  g.strokeStyle = colour;
  g.lineWidth = width;
  g.setLineDash(dash);
  g.stroke();
  g.setLineDash([]);
}

export function dot(g, x, y, radius, colour) {
  g.beginPath();
  g.arc(x, y, radius, 0, 2 * Math.PI);
  g.fillStyle = colour;
  g.fill();
}

export function text(g, words, x, y, colour, align = "left") {
  g.fillStyle = colour;
  g.textAlign = align;
  g.textBaseline = "middle";
  g.fillText(words, x, y);
}

/** Rows of 28 × 28 images, ink black on white paper, one canvas pixel a pixel and a gap between images. */
export function showImages(canvas, rows, { darker = 1, gap = 2 } = {}) {
  const size = 28, columns = Math.max(...rows.map((r) => r.length / 784));
  canvas.width = columns * (size + gap) - gap;
  canvas.height = rows.length * (size + gap) - gap;
  const g = canvas.getContext("2d");
  rows.forEach((images, row) => {
    for (let i = 0; i < images.length / 784; i++) {
      const picture = g.createImageData(size, size);
      for (let p = 0; p < 784; p++) {
        const grey = 255 * (1 - Math.min(1, Math.max(0, darker * images[i * 784 + p])));
        picture.data.set([grey, grey, grey, 255], 4 * p);
      }
      g.putImageData(picture, i * (size + gap), row * (size + gap));
    }
  });
}
