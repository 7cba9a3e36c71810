"use strict";
// The report's data, its table of images, and how it was made. `viewer` and `charts` follow.
const $ = (id) => document.getElementById(id);
const make = (tag, options = {}, ...children) => {
  const { dataset, ...rest } = options;
  const element = Object.assign(document.createElement(tag), rest);
  Object.assign(element.dataset, dataset ?? {});
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
};
const COLOURS = ["#ffd60a", "#00c8ff", "#ff5470", "#3cdc78", "#ff8c00", "#be78ff", "#00e6c8", "#ff6edc", "#aadc28", "#5a96ff"];
const WORDS = {
  ap_50: "AP, IoU > 0.5", ap_75: "AP, IoU > 0.75", f1_50: "F1", precision_50: "Precision", recall_50: "Recall",
  aji: "Jaccard, AJI", ap_mean: "AP, mean", iou: "IoU", psnr_before: "PSNR before", psnr_after: "PSNR after",
  ssim_before: "SSIM before", ssim_after: "SSIM after", noise_level: "Noise, of 255", removed: "Removed, of 255",
  brightness: "Brightness, of 255", lead: "Lead over the second", overlay_pixels: "Pixels of lines", axes_pixels: "Pixels of a plot's lines",
  count: "Objects", density_per_megapixel: "Per megapixel", density_per_mm2: "Per mm²",
  median_area_px: "Median area, px", median_area_um2: "Median area, µm²", diameter_px: "Diameter, px",
};
const LARGE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 }), SMALL = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
const state = { data: null, rows: [], sort: "unusual", down: true };
const BEGIN = 40, MORE = 60; // rows of the table at once, and in each free moment after that

const words = (name) => WORDS[name] ?? name.replace(/_um2$/, ", µm²").replace(/_um$/, ", µm")
  .replace(/_px$/, ", px").replace(/_deg$/, ", °").replaceAll("_", " ").replace(/^./, (c) => c.toUpperCase());
const show = (value) => value === null || value === undefined ? "" : typeof value !== "number" ? String(value)
  : Math.abs(value) >= 1e6 || (value && Math.abs(value) < 1e-3) ? value.toExponential(2)
  : Math.abs(value) >= 1000 ? LARGE.format(value) : SMALL.format(value);
const median = (values) => {
  const sorted = Float64Array.from(values).sort(), n = sorted.length;
  return n ? (sorted[(n - 1) >> 1] + sorted[n >> 1]) / 2 : 0;
};
const title = (row) => [row.name, ...Object.entries(row.place).map(([k, v]) => `${k} ${v}`)].join(" · ");
const link = (path) => path.split("/").map(encodeURIComponent).join("/");

async function unpack(id) {
  const packed = await fetch(`data:application/gzip;base64,${await there(id)}`);
  const stream = packed.body.pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

// What comes after this script in the file, once it is there whole.
const parsed = new Promise((resolve) => document.readyState === "loading" ? document.addEventListener("DOMContentLoaded", resolve) : resolve());
async function there(id) {
  if (!$(id)?.nextElementSibling) await parsed;
  return $(id).textContent;
}

// The columns of all objects: lists of values, one for each row. Each is unpacked when it is first asked for.
const objects = {
  known: new Map(),
  names: () => state.data.objects.map(([name]) => name),
  numeric: () => state.data.objects.filter(([name, number]) => number && name !== "label").map(([name]) => name),
  of: (row, name) => objects.known.get(name)?.[row.index] ?? [],
  async load(names) {
    const missing = names.filter((name) => !objects.known.has(name) && objects.names().includes(name));
    const found = await Promise.all(missing.map((name) => unpack(`c${objects.names().indexOf(name)}`)));
    missing.forEach((name, n) => objects.known.set(name, found[n]));
  },
};

// How far a row lies from the others: the largest distance from the median, in deviations; of what
// is good where it is high (`better`), only below.
function judge(rows, better) {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row.numbers)))];
  for (const row of rows) Object.assign(row, { unusual: row.doubt ? 3 : 0, why: "" });
  for (const name of names) {
    const known = rows.map((row) => row.numbers[name]).filter(Number.isFinite);
    const middle = median(known), off = known.map((v) => Math.abs(v - middle));
    // Where more than half are alike, by the mean: both are the deviation where values are normal.
    const spread = 1.4826 * median(off) || 1.2533 * off.reduce((a, b) => a + b, 0) / off.length;
    if (known.length < 4 || !spread) continue;
    for (const row of rows) {
      const by = (row.numbers[name] - middle) / spread, far = better.includes(name) ? -by : Math.abs(by);
      if (far > row.unusual) Object.assign(row, { unusual: far, why: `${words(name).toLowerCase()} is ${show(far)} deviations from the median` });
    }
  }
}

async function picture(number, alt) {
  const image = make("img", { alt, decoding: "async" });
  image.src = `data:image/jpeg;base64,${await there(`p${number}`)}`;
  return image;
}

// The picture of a row; its outlines are [label, path, kind], and a kind has a colour of its own.
async function outlined(row, alt) {
  const box = make("div", { className: "picture" }, await picture(row.picture, alt));
  if (!row.outlined) return box;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${row.size.join(" ")}`);
  svg.setAttribute("aria-hidden", "true");
  for (const [label, d, kind] of await unpack(`o${row.picture}`)) {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", d);
    path.style.stroke = kind ? `var(--${kind})` : COLOURS[label % COLOURS.length];
    if (kind) path.dataset.kind = kind;
    path.dataset.label = label;
    svg.append(path);
  }
  box.append(svg);
  return box;
}

const lazily = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) if (isIntersecting) {
    lazily.unobserve(target);
    const row = state.data.rows[target.dataset.row];
    outlined(row.thumb === undefined ? row : { picture: row.thumb }, "").then((box) => target.append(box));
  }
}, { rootMargin: "400px" });

function thumbnail(row) {
  if (row.picture === undefined) return make("span", { className: "pale", textContent: "no picture" });
  const button = make("button", { className: "thumb", type: "button", dataset: { row: row.index } });
  button.setAttribute("aria-label", `Open ${title(row)}`);
  button.onclick = () => viewer.open(row);
  lazily.observe(button);
  return button;
}

function line(row, columns) {
  const files = Object.entries(row.files).map(([kind, path]) => make("a", { href: link(path), textContent: kind }));
  const place = Object.entries(row.place).map(([k, v]) => `${k} ${v}`).join(" · ");
  const element = make("tr", {},
    make("td", {}, thumbnail(row)),
    make("td", { className: "name" }, make("strong", { textContent: row.name }),
      place ? make("div", { className: "pale", textContent: place }) : null,
      row.ranked ? ranking(row.ranked) : null,
      row.doubt ? make("div", { className: "doubt", textContent: row.doubt }) : null,
      make("div", { className: "files" }, ...files)),
    ...columns.map((name) => make("td", { className: "number", textContent: show(row.numbers[name]) })),
    make("td", { className: "number", textContent: row.unusual >= 3 ? show(row.unusual) : "", title: row.why }));
  return element;
}

const percent = (share) => `${show(Number((100 * share).toPrecision(3)))} %`;
function ranking(ranked) {
  const bar = (share) => { const one = make("span", { className: "share" }); one.style.setProperty("--share", `${100 * share}%`); return one; };
  return make("ol", { className: "ranking" }, ...ranked.map(([name, share]) =>
    make("li", {}, make("span", { textContent: name || "nothing" }), bar(share), make("span", { className: "number", textContent: percent(share) }))));
}

function head(columns) {
  const cell = (name, text, number, sortable = true) => {
    const th = make("th", { scope: "col", className: number ? "number" : "" });
    if (!sortable) { th.textContent = text; return th; }
    th.setAttribute("aria-sort", state.sort !== name ? "none" : state.down ? "descending" : "ascending");
    th.append(make("button", { type: "button", textContent: text, onclick: () => {
      Object.assign(state, { sort: name, down: state.sort === name ? !state.down : number });
      draw();
      [...$("rows").querySelectorAll("th button")].find((b) => b.textContent === text)?.focus();
    } }));
    return th;
  };
  return make("tr", {}, cell("", "Picture", false, false), cell("name", "Image", false),
    ...columns.map((name) => cell(name, words(name), true)), cell("unusual", "Unusual", true));
}

// The first rows at once, the others when there is nothing else to do.
const free = (work) => window.requestIdleCallback ? requestIdleCallback(work, { timeout: 100 }) : setTimeout(work, 30);
function fill(rows, columns) {
  $("rows").tBodies[0].replaceChildren(...rows.slice(0, BEGIN).map((row) => line(row, columns)));
  const go = (from) => from < rows.length && state.rows === rows && free(() => {
    if (state.rows !== rows) return;
    $("rows").tBodies[0].append(...rows.slice(from, from + MORE).map((row) => line(row, columns)));
    go(from + MORE);
  });
  go(BEGIN);
}

function draw() {
  const columns = state.columns, wanted = $("filter").value.trim().toLowerCase();
  const value = (row) => state.sort === "name" ? title(row) : state.sort === "unusual" ? row.unusual : row.numbers[state.sort] ?? -Infinity;
  const order = (a, b) => (a = value(a), b = value(b), typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b);
  const group = $("group").value;
  state.rows = state.data.rows.filter((row) => title(row).toLowerCase().includes(wanted) && (!group || row.group === group.slice(1)))
    .sort((a, b) => (state.down ? order(b, a) : order(a, b)) || a.index - b.index);
  $("rows").tHead.replaceChildren(head(columns));
  fill(state.rows, columns);
  $("shown").textContent = `${state.rows.length} of ${state.data.rows.length} shown`;
}

// A value as lines of text: of a list one for each, of names and values too.
const several = (value) => value === null || value === undefined ? ["not given"] : Array.isArray(value)
  ? value.every((v) => typeof v !== "object") && value.join().length < 40 ? [value.map(show).join(", ")] : value.flatMap(several)
  : typeof value === "object" ? Object.entries(value).map(([k, v]) => `${k}: ${several(v).join(", ")}`) : [show(value)];
const table = (pairs) => make("table", {}, make("tbody", {}, ...pairs.map(([name, value]) => make("tr", {},
  make("th", { scope: "row", className: "pale", textContent: name }),
  make("td", {}, ...several(value).map((text) => make("div", { textContent: text })))))));
const card = (name, wide, ...children) => make("div", { className: wide ? "card wide" : "card" }, make("h3", { textContent: name }), ...children);

function how(data) {
  const copy = make("button", { type: "button", textContent: "Copy" });
  copy.onclick = async () => { await navigator.clipboard.writeText(data.command); copy.textContent = "Copied"; };
  const beside = (data.files ?? []).map((name) => make("a", { href: link(name), textContent: name }));
  $("how").append(
    card("The command", true, make("pre", { textContent: data.command }), copy, make("p", { className: "files" }, ...beside)),
    card("Parameters", false, table(Object.entries(data.parameters))),
    make("div", { className: "stack" }, data.model ? card("Model", false, table(Object.entries(data.model))) : null,
      card("Versions", false, table(Object.entries(data.versions)))));
  if (data.failed?.length) $("how").prepend(card("Not done", true, table(data.failed)));
}

// The filter by class, and the legend of the kinds of outlines.
function groups(data) {
  const counts = {};
  for (const row of data.rows) counts[row.group] = (counts[row.group] ?? 0) + 1;
  state.groups = Object.entries(counts).sort(([a, n], [b, m]) => m - n || a.localeCompare(b, "en", { numeric: true }));
  $("group").append(...state.groups.map(([name, n]) => new Option(`${name || "nothing"} (${n})`, `=${name}`)));
  $("group").parentElement.firstChild.textContent = `${data.group} `;
  $("group").parentElement.hidden = false;
}
const legend = (kinds) => make("ul", { className: "legend" }, ...kinds.map(([kind, text]) => {
  const sign = make("span", { className: "sign", dataset: { kind } });
  sign.style.setProperty("--kind", `var(--${kind})`);
  return make("li", {}, sign, text);
}));

function begin(data) {
  state.data = data;
  data.rows.forEach((row, index) => { row.index = index; });
  judge(data.rows, data.better ?? []);
  const all = [...new Set(data.rows.flatMap((row) => Object.keys(row.numbers)))];
  state.columns = data.columns ?? all.filter((n) => !(n === "density_per_megapixel" && all.includes("density_per_mm2"))
    && !(n === "median_area_px" && all.includes("median_area_um2"))).slice(0, 6);
  const total = data.rows.reduce((sum, row) => sum + (row.numbers.count ?? 0), 0);
  const doubtful = data.rows.filter((row) => row.doubt).length;
  $("title").textContent = data.title;
  $("facts").textContent = [`${data.rows.length} picture${data.rows.length === 1 ? "" : "s"}`, ...(data.facts ?? []), total ? `${total.toLocaleString("en")} objects` : "",
    doubtful ? `${doubtful} in doubt` : "", data.finished ? data.finished.replace("T", " ").slice(0, 16) : "",
    `imgconv ${data.version}`].filter(Boolean).join(" · ");
  $("filter").oninput = $("group").oninput = () => { draw(); charts.draw(); };
  if (data.group) groups(data);
  if (!data.rows.some((row) => row.outlined)) for (const id of ["outlines", "v-outlines"]) $(id).parentElement.hidden = true;
  $("outlines").onchange = () => $("images").classList.toggle("hide-outlines", !$("outlines").checked);
  if (data.kinds) for (const id of ["legend", "v-legend"]) $(id).append(legend(data.kinds));
  draw();
  how(data);
  document.documentElement.dataset.ready = "yes";
  free(() => charts.begin(data)); // the table is seen before the charts are drawn
}
