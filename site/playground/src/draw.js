// A sheet of 28 × 28 pixels to draw on with mouse, finger, pen or keys.
import { PIXELS, SIZE } from "./core/data.js";
import { drawLine } from "./images.js";

/** `stroke()` is the width of the pen in pixels; `changed()` is called after each change. */
export function makePad(canvas, { stroke, changed }) {
  const zoom = 12;
  canvas.width = canvas.height = SIZE * zoom;
  const g = canvas.getContext("2d");
  const pad = { image: new Float32Array(PIXELS) };
  const past = [];
  let last = null, cursor = null;

  const remember = () => {
    past.push(pad.image.slice());
    if (past.length > 50) past.shift();
  };
  pad.show = () => {
    for (let i = 0; i < PIXELS; i++) {
      const grey = Math.round(255 * (1 - pad.image[i]));
      g.fillStyle = `rgb(${grey} ${grey} ${grey})`;
      g.fillRect((i % SIZE) * zoom, Math.floor(i / SIZE) * zoom, zoom, zoom);
    }
    const inked = pad.image.filter((x) => x > 0.5).length;
    canvas.setAttribute("aria-label", `Drawing, 28 by 28 pixels, ${inked} of them inked. Arrow keys move the pen, space draws, backspace erases.`);
    if (cursor) {
      g.lineWidth = 2;
      g.strokeStyle = "#d55e00";
      g.strokeRect(Math.floor(cursor[0]) * zoom + 1, Math.floor(cursor[1]) * zoom + 1, zoom - 2, zoom - 2);
    }
  };
  const update = () => {
    pad.show();
    changed();
  };
  pad.put = (image) => {
    remember();
    pad.image = image;
    update();
  };
  pad.undo = () => {
    if (!past.length) return;
    pad.image = past.pop();
    update();
  };
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIZE, ((event.clientY - box.top) / box.height) * SIZE];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    remember();
    cursor = null;
    last = place(event);
    drawLine(pad.image, last, last, Math.max(1, stroke()));
    update();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    for (const e of event.getCoalescedEvents?.() ?? [event]) {
      const next = place(e);
      drawLine(pad.image, last, next, Math.max(1, stroke()));
      last = next;
    }
    update();
  });
  for (const type of ["pointerup", "pointercancel"]) canvas.addEventListener(type, () => (last = null));
  canvas.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const step = steps[event.key], inks = event.key === " ", erases = event.key === "Backspace" || event.key === "Delete";
    if (!step && !inks && !erases) return;
    event.preventDefault();
    cursor ??= [14.5, 14.5];
    if (step) cursor = cursor.map((c, i) => Math.min(SIZE - 0.5, Math.max(0.5, c + step[i])));
    else {
      remember();
      drawLine(pad.image, cursor, cursor, Math.max(1, stroke()), inks ? 1 : 0);
    }
    update();
  });
  canvas.addEventListener("blur", () => {
    cursor = null;
    pad.show();
  });
  return pad;
}
