// The inner loops, as WebAssembly with 128-bit vectors, assembled here: no compiler is needed, and Node runs the same bytes.
//
// Matrices are float32, row after row. Addresses and strides are in bytes. Numbers of rows are multiples
// of 4, numbers of columns multiples of 8; `network.js` pads with zeros.

const I32 = 0x7f, F32 = 0x7d, V128 = 0x7b;

function unsigned(n) {
  const bytes = [];
  do {
    bytes.push((n & 127) | (n > 127 ? 128 : 0));
    n >>>= 7;
  } while (n);
  return bytes;
}

function signed(n) {
  for (const bytes = []; ; n >>= 7) {
    const last = (n >> 6) === 0 || (n >> 6) === -1;
    bytes.push((n & 127) | (last ? 0 : 128));
    if (last) return bytes;
  }
}

const simd = (code, ...rest) => [0xfd, ...unsigned(code), ...rest];
const int = (n) => [0x41, ...signed(n)];
const float = (x) => [0x43, ...new Uint8Array(new Float32Array([x]).buffer)];
const add = [0x6a], times = [0x6c], less = [0x49];
const addF = [0x92];
const vAdd = simd(0xe4), vSub = simd(0xe5), vMul = simd(0xe6), vDiv = simd(0xe7), vSqrt = simd(0xe3);
const vMax = simd(0xe9), vGreater = simd(0x44), select = simd(0x52), splat = simd(0x13);
const load = (offset = 0) => simd(0x00, 2, ...unsigned(offset));
const loadSplat = (offset = 0) => simd(0x09, 2, ...unsigned(offset));
const store = (offset = 0) => simd(0x0b, 2, ...unsigned(offset));
const storeF = (offset = 0) => [0x38, 2, ...unsigned(offset)];
const zero = [...float(0), ...splat];

/** A function: `types` of its named parameters, then `body(names → {get, set})`, which returns its bytes. */
function define(name, parameters, body, result = null) {
  const names = Object.keys(parameters);
  const locals = [];
  const handle = (index) => ({ get: [0x20, ...unsigned(index)], set: [0x21, ...unsigned(index)] });
  const local = (type) => {
    locals.push(type);
    return handle(names.length + locals.length - 1);
  };
  const arguments_ = Object.fromEntries(names.map((n, i) => [n, handle(i)]));
  const code = body(arguments_, local).flat(Infinity);
  return { name, types: Object.values(parameters), result, locals, code };
}

/** Repeat `body`, moving `counter` by `step` bytes, until it reaches `end`; at least once. */
const repeat = (counter, step, end, ...body) => [
  0x03, 0x40, ...body, counter.get, step, add, counter.set, counter.get, end.get, less, 0x0d, 0, 0x0b,
];
const let_ = (variable, ...value) => [...value, variable.set];

const sumOfLanes = (v) => [0, 1, 2, 3].map((lane) => [v.get, simd(0x1f, lane), lane ? addF : []]);

const ROWS = [0, 1, 2, 3];

// c (m × n) = bias (n) + a (m × k) · b (k × n), where element (i, p) of a lies at a + i·aRow + p·aColumn:
// the same loop multiplies with a or with its transpose.
const multiply = define(
  "multiply",
  { a: I32, aRow: I32, aColumn: I32, b: I32, bias: I32, c: I32, m: I32, n: I32, k: I32 },
  (p, local) => {
    const width = local(I32), columns = local(I32), rows = local(I32), column = local(I32), row = local(I32);
    const at = local(I32), end = local(I32), out = local(I32);
    const from = ROWS.map(() => local(I32));
    const left = ROWS.map(() => local(V128)), right = ROWS.map(() => local(V128));
    const b0 = local(V128), b1 = local(V128), x = local(V128);
    return [
      let_(width, p.n.get, int(4), times),
      let_(columns, width.get),
      let_(rows, p.m.get),
      let_(column, int(0)),
      repeat(column, int(32), columns,
        let_(row, int(0)),
        repeat(row, int(4), rows,
          let_(from[0], p.a.get, row.get, p.aRow.get, times, add),
          ROWS.slice(1).map((r) => let_(from[r], from[r - 1].get, p.aRow.get, add)),
          let_(at, p.b.get, column.get, add),
          let_(end, at.get, p.k.get, width.get, times, add),
          ROWS.map((r) => [
            let_(left[r], p.bias.get, column.get, add, load(0)),
            let_(right[r], p.bias.get, column.get, add, load(16)),
          ]),
          repeat(at, width.get, end,
            let_(b0, at.get, load(0)),
            let_(b1, at.get, load(16)),
            ROWS.map((r) => [
              let_(x, from[r].get, loadSplat()),
              let_(left[r], left[r].get, x.get, b0.get, vMul, vAdd),
              let_(right[r], right[r].get, x.get, b1.get, vMul, vAdd),
              let_(from[r], from[r].get, p.aColumn.get, add),
            ])),
          let_(out, p.c.get, row.get, width.get, times, add, column.get, add),
          ROWS.map((r) => [
            out.get, left[r].get, store(0),
            out.get, right[r].get, store(16),
            let_(out, out.get, width.get, add),
          ]))),
    ];
  },
);

// c (m × n) = a (m × k) · bᵀ, where b is (n × k): the way back through a layer.
const multiplyTransposed = define(
  "multiplyTransposed",
  { a: I32, b: I32, c: I32, m: I32, n: I32, k: I32 },
  (p, local) => {
    const depth = local(I32), row = local(I32), column = local(I32), at = local(I32), out = local(I32);
    const a = ROWS.map(() => local(I32)), b = [local(I32), local(I32)];
    const sums = ROWS.map(() => [local(V128), local(V128)]);
    const b0 = local(V128), b1 = local(V128), x = local(V128);
    return [
      let_(depth, p.k.get, int(4), times),
      let_(row, int(0)),
      repeat(row, int(4), p.m,
        let_(column, int(0)),
        repeat(column, int(2), p.n,
          let_(a[0], p.a.get, row.get, depth.get, times, add),
          ROWS.slice(1).map((r) => let_(a[r], a[r - 1].get, depth.get, add)),
          let_(b[0], p.b.get, column.get, depth.get, times, add),
          let_(b[1], b[0].get, depth.get, add),
          sums.flat().map((s) => let_(s, zero)),
          let_(at, int(0)),
          repeat(at, int(16), depth,
            let_(b0, b[0].get, at.get, add, load()),
            let_(b1, b[1].get, at.get, add, load()),
            ROWS.map((r) => [
              let_(x, a[r].get, at.get, add, load()),
              let_(sums[r][0], sums[r][0].get, x.get, b0.get, vMul, vAdd),
              let_(sums[r][1], sums[r][1].get, x.get, b1.get, vMul, vAdd),
            ])),
          let_(out, p.c.get, row.get, p.n.get, times, column.get, add, int(4), times, add),
          ROWS.map((r) => [
            out.get, sumOfLanes(sums[r][0]), storeF(0),
            out.get, sumOfLanes(sums[r][1]), storeF(4),
            let_(out, out.get, p.n.get, int(4), times, add),
          ]))),
    ];
  },
);

// y = LeakyReLU(y), in place; `end` is the address behind the last number.
const leaky = define("leaky", { y: I32, end: I32 }, (p) => [
  repeat(p.y, int(16), p.end,
    p.y.get, p.y.get, load(), p.y.get, load(), float(0.01), splat, vMul, vMax, store()),
]);

// gradient = gradient · LeakyReLU′, told by the sign of what came out, y.
const leakyBack = define("leakyBack", { gradient: I32, y: I32, end: I32 }, (p, local) => {
  const g = local(V128);
  return [
    repeat(p.y, int(16), p.end,
      let_(g, p.gradient.get, load()),
      p.gradient.get, g.get, g.get, float(0.01), splat, vMul, p.y.get, load(), zero, vGreater, select, store(),
      let_(p.gradient, p.gradient.get, int(16), add)),
  ];
});

// sums (n) = the columns of a (m × n) added up.
const addRows = define("addRows", { a: I32, sums: I32, m: I32, n: I32 }, (p, local) => {
  const width = local(I32), column = local(I32), at = local(I32), end = local(I32), sum = local(V128);
  return [
    let_(width, p.n.get, int(4), times),
    let_(column, int(0)),
    repeat(column, int(16), width,
      let_(sum, zero),
      let_(at, p.a.get, column.get, add),
      let_(end, at.get, p.m.get, width.get, times, add),
      repeat(at, width.get, end, let_(sum, sum.get, at.get, load(), vAdd)),
      p.sums.get, column.get, add, sum.get, store()),
  ];
});

// gradient = scale · (x_hat − x); returns the sum of (x_hat − x)².
const squaredError = define(
  "squaredError",
  { xHat: I32, x: I32, gradient: I32, end: I32, scale: F32 },
  (p, local) => {
    const d = local(V128), sum = local(V128);
    return [
      let_(sum, zero),
      repeat(p.xHat, int(16), p.end,
        let_(d, p.xHat.get, load(), p.x.get, load(), vSub),
        let_(sum, sum.get, d.get, d.get, vMul, vAdd),
        p.gradient.get, d.get, p.scale.get, splat, vMul, store(),
        let_(p.x, p.x.get, int(16), add),
        let_(p.gradient, p.gradient.get, int(16), add)),
      sumOfLanes(sum),
    ];
  },
  F32,
);

// One step of Adam (Kingma and Ba, 2015) as PyTorch takes it: rate = lr / (1 − beta1^t), root = √(1 − beta2^t).
const adam = define(
  "adam",
  { weights: I32, gradient: I32, first: I32, second: I32, end: I32, rate: F32, root: F32 },
  (p, local) => {
    const g = local(V128), m = local(V128), v = local(V128);
    const constant = (x) => [...float(x), ...splat];
    return [
      repeat(p.weights, int(16), p.end,
        let_(g, p.gradient.get, load()),
        let_(m, p.first.get, load(), constant(0.9), vMul, g.get, constant(0.1), vMul, vAdd),
        let_(v, p.second.get, load(), constant(0.999), vMul, g.get, g.get, vMul, constant(0.001), vMul, vAdd),
        p.first.get, m.get, store(),
        p.second.get, v.get, store(),
        p.weights.get,
        p.weights.get, load(),
        m.get, p.rate.get, splat, vMul,
        v.get, vSqrt, p.root.get, splat, vDiv, constant(1e-8), vAdd, vDiv,
        vSub, store(),
        [p.gradient, p.first, p.second].map((pointer) => let_(pointer, pointer.get, int(16), add))),
    ];
  },
);

function assemble(functions) {
  const text = (s) => [...unsigned(s.length), ...new TextEncoder().encode(s)];
  const vector = (items) => [...unsigned(items.length), ...items.flat()];
  const section = (id, bytes) => [id, ...unsigned(bytes.length), ...bytes];
  const body = ({ locals, code }) => {
    const bytes = [...vector(locals.map((type) => [1, type])), ...code, 0x0b];
    return [...unsigned(bytes.length), ...bytes];
  };
  return new Uint8Array([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, vector(functions.map(({ types, result }) => [0x60, ...vector(types.map((t) => [t])), ...vector(result ? [[result]] : [])]))),
    ...section(2, vector([[...text("page"), ...text("memory"), 2, 0, 1]])),
    ...section(3, vector(functions.map((_, i) => unsigned(i)))),
    ...section(7, vector(functions.map(({ name }, i) => [...text(name), 0, ...unsigned(i)]))),
    ...section(10, vector(functions.map(body))),
  ]);
}

let compiled = null;

/** The kernels on a fresh memory of `bytes`: {kernels, memory}. */
export function makeKernels(bytes) {
  compiled ??= new WebAssembly.Module(
    assemble([multiply, multiplyTransposed, leaky, leakyBack, addRows, squaredError, adam]),
  );
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536) });
  return { kernels: new WebAssembly.Instance(compiled, { page: { memory } }).exports, memory };
}
