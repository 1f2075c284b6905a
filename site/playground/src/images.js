// The visitor's own images and a few shapes, as 28 × 28 numbers with ink 1 and paper 0.
import { PIXELS, renderCircles, SIZE } from "./core/data.js";

const LARGEST = 30e6; // bytes of one file
export const MOST_FILES = 2000;

/** An image file → Float32Array of 784: the middle square, grey, ink dark or light, whichever is rarer. */
export async function readImage(file) {
  if (!file.type.startsWith("image/")) throw new Error(`“${file.name}” is no image.`);
  if (file.size > LARGEST) throw new Error(`“${file.name}” is larger than 30 MB.`);
  const picture = await createImageBitmap(file).catch(() => {
    throw new Error(`“${file.name}” cannot be read as an image.`);
  });
  const side = Math.min(picture.width, picture.height);
  const left = (picture.width - side) / 2, top = (picture.height - side) / 2;
  // Halve step by step: one large jump would skip pixels in some browsers.
  let canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
  let g = canvas.getContext("2d", { willReadFrequently: true });
  g.fillStyle = "white";
  g.fillRect(0, 0, side, side);
  g.drawImage(picture, left, top, side, side, 0, 0, side, side);
  picture.close();
  for (let size = side; size !== SIZE; ) {
    const next = size > 2 * SIZE ? Math.ceil(size / 2) : SIZE;
    const smaller = Object.assign(document.createElement("canvas"), { width: next, height: next });
    g = smaller.getContext("2d", { willReadFrequently: true });
    g.imageSmoothingQuality = "high";
    g.drawImage(canvas, 0, 0, size, size, 0, 0, next, next);
    [canvas, size] = [smaller, next];
  }
  return fromPixels(g.getImageData(0, 0, SIZE, SIZE).data);
}

/** RGBA bytes of 28 × 28 pixels → ink; where most of the picture is light, dark is ink, and the other way round. */
export function fromPixels(bytes) {
  const light = Float32Array.from({ length: PIXELS }, (_, i) => (0.299 * bytes[4 * i] + 0.587 * bytes[4 * i + 1] + 0.114 * bytes[4 * i + 2]) / 255);
  const mean = light.reduce((a, b) => a + b, 0) / PIXELS;
  return mean > 0.5 ? light.map((x) => 1 - x) : light;
}

/** Ink of a line through points [x, y] (pixels), `stroke` wide, added to `image`. */
export function drawLine(image, [x0, y0], [x1, y1], stroke = 1.5, ink = 1) {
  const length = (x1 - x0) ** 2 + (y1 - y0) ** 2;
  for (let row = 0; row < SIZE; row++)
    for (let column = 0; column < SIZE; column++) {
      const x = column + 0.5, y = row + 0.5;
      const t = length ? Math.min(1, Math.max(0, ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length)) : 0;
      const distance = Math.hypot(x - x0 - t * (x1 - x0), y - y0 - t * (y1 - y0));
      const covered = Math.min(1, stroke, Math.max(0, stroke / 2 + 0.5 - distance)), at = row * SIZE + column;
      image[at] = ink ? Math.max(image[at], covered) : Math.min(image[at], 1 - covered);
    }
  return image;
}

const filled = (inside) =>
  Float32Array.from({ length: PIXELS }, (_, i) => {
    let count = 0;
    for (let s = 0; s < 16; s++) count += inside((i % SIZE) + ((s % 4) + 0.5) / 4, Math.floor(i / SIZE) + (Math.floor(s / 4) + 0.5) / 4);
    return count / 16;
  });
const ellipse = (x, y, cx, cy, a, b) => ((x - cx) / a) ** 2 + ((y - cy) / b) ** 2 < 1;

export const SHAPES = {
  blank: () => new Float32Array(PIXELS),
  circle: () => renderCircles([0.3], [0.515, 0.515]),
  square: () => {
    const corners = [[7, 7], [21, 7], [21, 21], [7, 21], [7, 7]], image = new Float32Array(PIXELS);
    corners.slice(1).forEach((to, i) => drawLine(image, corners[i], to));
    return image;
  },
  disc: () => filled((x, y) => ellipse(x, y, 14, 14, 8, 8)),
  duck: () =>
    filled((x, y) =>
      (ellipse(x, y, 15.5, 18, 8.5, 5.2) || ellipse(x, y, 8.8, 9.5, 4, 4) || (x > 6.5 && x < 12 && y > 10 && y < 17) ||
        (x > 1.5 && x < 7 && Math.abs(y - 10.2) < 0.25 * (x - 1.5) + 0.2) || (x > 20 && x < 26.5 && y < 18 && y > 25 - 0.55 * x)) &&
      !ellipse(x, y, 8, 8.4, 0.9, 0.9)),
};
