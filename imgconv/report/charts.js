// Histograms, a scatter of two columns and the maps of plates, of what the filter lets through.
const BINS = 24, POINTS = 4000;
const charts = {
  made: [],
  begin(data) {
    const columns = objects.numeric();
    const one = (...names) => names.map((n) => columns.find((c) => c === n || c.startsWith(n))).find(Boolean);
    const area = one("area_um2", "area_px"), light = one("intensity_mean");
    const shown = data.charts ?? { rows: columns.length ? ["count"] : state.columns.slice(0, 3), objects: [area, light].filter(Boolean) };
    if (state.groups) this.bars(data.group);
    for (const name of shown.rows) if (data.rows.some((row) => Number.isFinite(row.numbers[name])))
      this.histogram(name === "count" ? "Objects per picture" : words(name), (row) => [row.numbers[name]]);
    for (const name of shown.objects) this.histogram(words(name), (row) => objects.of(row, name), [name]);
    const pairs = columns.length > 1 ? columns : [...new Set(data.rows.flatMap((row) => Object.keys(row.numbers)))];
    const [across, up] = shown.scatter ?? (columns.length > 1 ? [area ?? columns[0], light ?? columns[1]] : pairs);
    if (pairs.length > 1 && (data.rows.length > 1 || columns.length > 1)) this.scatter(pairs, columns.length > 1, across, up);
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
  histogram(name, values, columns = []) {
    const spot = this.canvas(name, false);
    this.made.push(async (style) => {
      await objects.load(columns);
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
  bars(name) {
    const spot = this.canvas(`Pictures of each ${name.toLowerCase()}`, false), most = 20;
    this.made.push((style) => {
      const counts = state.groups.map(([group]) => [group, state.rows.filter((row) => row.group === group).length]);
      const shown = counts.slice(0, most);
      const said = shown.slice(0, 10).map(([group, n]) => `${group || "nothing"} ${n}`).join(", ");
      spot.note.textContent = `${counts.length} in all${counts.length > most ? `, the ${most} most frequent are shown` : ""}; a click on a bar shows these alone`;
      spot.canvas.setAttribute("aria-label", `Pictures of each ${name.toLowerCase()}: ${said}`);
      this.show(spot, { type: "bar", data: { labels: shown.map(([group]) => group || "nothing"), datasets: [{ data: shown.map(([, n]) => n), backgroundColor: style.fill, borderRadius: 2 }] },
        options: { plugins: { legend: { display: false } }, onClick: (_, [hit]) => { if (hit) { $("group").value = `=${shown[hit.index][0]}`; $("group").oninput(); } },
          scales: { x: { grid: { display: false } }, y: { ticks: { maxTicksLimit: 5, precision: 0 } } } } });
    });
  },
  scatter(columns, each, x, y) {
    const pick = (label, chosen) => {
      const select = make("select", { onchange: () => this.draw() }, ...columns.map((name) => new Option(words(name), name, false, name === chosen)));
      return make("label", {}, `${label} `, select);
    };
    const across = pick("Across", x), up = pick("Up", y);
    const spot = this.canvas("Two columns", true, make("div", { className: "bar" }, across, up));
    this.made.push(async (style) => {
      const [a, b] = [across, up].map((label) => label.lastChild.value);
      if (each) await objects.load([a, b, "label"]);
      const every = state.rows.flatMap((row) => !each ? { x: row.numbers[a], y: row.numbers[b], row }
        : objects.of(row, a).map((value, n) => ({ x: value, y: objects.of(row, b)[n], row, label: objects.of(row, "label")[n] })));
      const known = every.filter((p) => Number.isFinite(p.x) && Number.isFinite(p.y)), most = Math.min(known.length, POINTS);
      const points = Array.from({ length: most }, (_, n) => known[Math.floor(n * known.length / most)]);
      spot.note.textContent = `${most.toLocaleString("en")}${known.length > most ? ` of ${known.length.toLocaleString("en")}` : ""} ${each ? "objects" : "pictures"}; a click on one opens it`;
      spot.canvas.setAttribute("aria-label", `Scatter of ${words(b)} over ${words(a)}: ${spot.note.textContent}`);
      const axis = (name) => ({ title: { display: true, text: words(name), color: style.ink }, ticks: { maxTicksLimit: 7 } });
      this.show(spot, { type: "scatter", data: { datasets: [{ data: points, pointRadius: 2.5, pointHoverRadius: 6, pointBackgroundColor: style.fill + "", pointBorderWidth: 0 }] },
        options: { scales: { x: axis(a), y: axis(b) },
          onClick: (_, [hit]) => hit && points[hit.index].row.picture !== undefined && viewer.open(points[hit.index].row, points[hit.index].label),
          plugins: { legend: { display: false }, tooltip: { callbacks: { label: ({ raw }) => `${raw.row.name}${each ? `, object ${raw.label}` : ""}: ${show(raw.x)}, ${show(raw.y)}` } } } } });
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
    return make("div", { className: "plates" }, make("table", { className: "plate" }, make("caption", { textContent: `${name ? `${name}: ` : ""}${words(value)}, mean of a well's pictures` }),
      make("thead", {}, make("tr", {}, make("td"), ...numbers.map((n) => make("th", { scope: "col", textContent: n })))),
      make("tbody", {}, ...letters.map((letter) => make("tr", {}, make("th", { scope: "row", textContent: letter }), ...numbers.map((n) => cell(letter + n)))))));
  },
  // One after the other, when there is nothing else to do; a newer drawing ends an older one.
  draw() {
    const style = this.style(), turn = this.turn = (this.turn ?? 0) + 1;
    delete document.documentElement.dataset.charts;
    const go = (n) => free(async () => {
      if (turn !== this.turn) return;
      await this.made[n]?.(style);
      if (n < this.made.length) go(n + 1);
      else document.documentElement.dataset.charts = "drawn";
    });
    go(0);
  },
};
unpack("data").then(begin);
