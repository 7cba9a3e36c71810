// Histograms, a scatter of two columns and the maps of plates, of what the filter lets through.
const BINS = 24, POINTS = 6000;
const charts = {
  made: [],
  begin(data) {
    const columns = [...new Set(data.rows.flatMap((row) => Object.keys(row.objects ?? {})))].filter((name) => name !== "label");
    const one = (...names) => names.map((n) => columns.find((c) => c === n || c.startsWith(n))).find(Boolean);
    const area = one("area_um2", "area_px"), light = one("intensity_mean");
    this.columns = columns;
    if (data.rows.some((row) => row.numbers.count !== undefined)) this.histogram("Objects per picture", (row) => [row.numbers.count]);
    for (const name of [area, light]) if (name) this.histogram(words(name), (row) => row.objects?.[name] ?? []);
    if (!columns.length) for (const name of state.columns.slice(0, 3)) if (name !== "count") this.histogram(words(name), (row) => [row.numbers[name]]);
    if (columns.length > 1) this.scatter(area ?? columns[0], light ?? columns[1]);
    if (!$("cards").children.length) $("charts").hidden = true;
    this.plates(data);
    this.draw();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  },
  canvas(name, wide, ...controls) {
    const canvas = make("canvas"), note = make("p", { className: "pale" });
    canvas.setAttribute("role", "img");
    $("cards").append(card(name, wide, note, ...controls, make("div", { className: "canvas" }, canvas)));
    return { canvas, note };
  },
  style() {
    const css = getComputedStyle(document.body), probe = make("span");
    document.body.append(probe);
    const colour = (name) => { probe.style.color = `var(--${name})`; return getComputedStyle(probe).color; };
    const found = { ink: css.color, pale: colour("pale"), line: colour("line"), fill: colour("fill"), strong: colour("strong") };
    probe.remove();
    Object.assign(Chart.defaults, { color: found.pale, borderColor: found.line, animation: false, maintainAspectRatio: false });
    Chart.defaults.font.family = css.fontFamily;
    return found;
  },
  show(spot, config) {
    spot.chart?.destroy();
    spot.chart = new Chart(spot.canvas, config);
  },
  histogram(name, values) {
    const spot = this.canvas(name, false);
    this.made.push((style) => {
      const known = state.rows.flatMap(values).filter(Number.isFinite);
      if (!known.length) { spot.chart?.destroy(); spot.note.textContent = "nothing to show"; return; }
      const low = known.reduce((a, b) => Math.min(a, b)), high = known.reduce((a, b) => Math.max(a, b));
      const whole = known.every(Number.isInteger), span = high - low || 1;
      const step = whole ? Math.max(1, Math.ceil((span + 1) / BINS)) : span / BINS;
      const counts = new Array(Math.floor(span / step + (whole ? 1 : 0)) || 1).fill(0);
      for (const value of known) counts[Math.min(counts.length - 1, Math.floor((value - low) / step))]++;
      const middle = median(known);
      spot.note.textContent = `median ${show(middle)}, ${show(low)} to ${show(high)}, n = ${known.length.toLocaleString("en")}`;
      spot.canvas.setAttribute("aria-label", `Histogram of ${name}: ${spot.note.textContent}`);
      const from = (n) => show(low + n * step), labels = counts.map((_, n) => from(n));
      this.show(spot, { type: "bar", data: { labels, datasets: [{ data: counts, backgroundColor: style.fill, barPercentage: 1, categoryPercentage: 0.94, borderRadius: 2 }] },
        options: { plugins: { legend: { display: false }, tooltip: { callbacks: { title: ([item]) => `${from(item.dataIndex)} to ${from(item.dataIndex + 1)}` } } },
          scales: { x: { grid: { display: false }, ticks: { maxTicksLimit: 6, maxRotation: 0 } }, y: { ticks: { maxTicksLimit: 5, precision: 0 } } } } });
    });
  },
  scatter(x, y) {
    const pick = (label, chosen) => {
      const select = make("select", { onchange: () => this.draw() }, ...this.columns.map((name) => new Option(words(name), name, false, name === chosen)));
      return make("label", {}, `${label} `, select);
    };
    const across = pick("Across", x), up = pick("Up", y);
    const spot = this.canvas("Two columns", true, make("div", { className: "bar" }, across, up));
    this.made.push((style) => {
      const [a, b] = [across, up].map((label) => label.lastChild.value);
      const every = state.rows.flatMap((row) => (row.objects?.[a] ?? []).map((value, n) => ({ x: value, y: row.objects[b]?.[n], row, label: row.objects.label?.[n] })));
      const known = every.filter((p) => Number.isFinite(p.x) && Number.isFinite(p.y)), share = Math.max(1, known.length / POINTS);
      const points = Array.from({ length: Math.ceil(known.length / share) }, (_, n) => known[Math.floor(n * share)]);
      spot.note.textContent = `${points.length.toLocaleString("en")}${share > 1 ? ` of ${known.length.toLocaleString("en")}` : ""} objects; a click on one opens it`;
      spot.canvas.setAttribute("aria-label", `Scatter of ${words(b)} over ${words(a)}: ${spot.note.textContent}`);
      const axis = (name) => ({ title: { display: true, text: words(name), color: style.ink }, ticks: { maxTicksLimit: 7 } });
      this.show(spot, { type: "scatter", data: { datasets: [{ data: points, pointRadius: 2.5, pointHoverRadius: 6, pointBackgroundColor: style.fill + "", pointBorderWidth: 0 }] },
        options: { scales: { x: axis(a), y: axis(b) },
          onClick: (_, [hit]) => hit && points[hit.index].row.picture !== undefined && viewer.open(points[hit.index].row, points[hit.index].label),
          plugins: { legend: { display: false }, tooltip: { callbacks: { label: ({ raw }) => `${raw.row.name}, object ${raw.label}: ${show(raw.x)}, ${show(raw.y)}` } } } } });
    });
  },
  plates(data) {
    const inWells = data.rows.filter((row) => /^[A-P]\d\d$/.test(row.place.well ?? ""));
    if (!inWells.length) return;
    $("plate").hidden = false;
    $("plate-value").append(...state.columns.map((name) => new Option(words(name), name)));
    $("plate-value").onchange = () => this.draw();
    const names = [...new Set(inWells.map((row) => row.place.plate ?? ""))];
    this.made.push(() => $("plate-maps").replaceChildren(...names.map((name) => this.plate(name, state.rows.filter((row) => inWells.includes(row) && (row.place.plate ?? "") === name)))));
  },
  plate(name, rows) {
    const value = $("plate-value").value, wells = {};
    for (const row of rows) (wells[row.place.well] ??= []).push(row);
    const means = Object.fromEntries(Object.entries(wells).map(([well, own]) => [well, own.map((r) => r.numbers[value] ?? 0).reduce((a, b) => a + b, 0) / own.length]));
    const known = Object.values(means), low = Math.min(...known), high = Math.max(...known);
    const large = Object.keys(wells).some((well) => well[0] > "H" || Number(well.slice(1)) > 12);
    const letters = [..."ABCDEFGHIJKLMNOP"].slice(0, large ? 16 : 8), numbers = Array.from({ length: large ? 24 : 12 }, (_, n) => String(n + 1).padStart(2, "0"));
    const cell = (well) => {
      if (!(well in means)) return make("td", {});
      const share = high > low ? (means[well] - low) / (high - low) : 0.5;
      const button = make("button", { type: "button", textContent: show(Number(means[well].toPrecision(3))) });
      button.style.cssText = `background: color-mix(in oklab, #0c2c54 ${100 * share}%, #d9e8f6); color: ${share > 0.5 ? "#fff" : "#14202e"}`;
      button.setAttribute("aria-label", `${well}: ${words(value)} ${show(means[well])}, ${wells[well].length} pictures`);
      button.onclick = () => { $("filter").value = `well ${well}`; draw(); this.draw(); $("images").scrollIntoView(); };
      return make("td", {}, button);
    };
    return make("div", { className: "scroll-plain" }, make("table", { className: "plate" }, make("caption", { textContent: `${name ? `${name}: ` : ""}${words(value)}, mean of a well's pictures` }),
      make("thead", {}, make("tr", {}, make("td"), ...numbers.map((n) => make("th", { scope: "col", textContent: n })))),
      make("tbody", {}, ...letters.map((letter) => make("tr", {}, make("th", { scope: "row", textContent: letter }), ...numbers.map((n) => cell(letter + n)))))));
  },
  draw() {
    const style = this.style();
    for (const one of this.made) one(style);
  },
};
