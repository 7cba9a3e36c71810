// One image, large: outlines that are selected by pointer or arrow keys, and the row of the selected.
const viewer = {
  row: null,
  async open(row, label) {
    this.row = row;
    $("v-name").textContent = title(row);
    const shown = row.after === undefined ? await outlined(row, title(row)) : await this.slider(row);
    if (this.row !== row) return; // another was opened meanwhile
    $("v-figure").replaceChildren(shown);
    this.side(null);
    const paths = [...$("v-figure").querySelectorAll("path")];
    $("v-figure").querySelector("svg")?.removeAttribute("aria-hidden");
    paths.forEach((path, n) => {
      path.setAttribute("role", "button");
      path.setAttribute("aria-label", `${path.dataset.kind ? `${path.dataset.kind}, ` : ""}object ${path.dataset.label}`);
      path.tabIndex = n ? -1 : 0;
      path.onclick = () => this.choose(path);
      path.onkeydown = (event) => {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (event.key === "Enter" || event.key === " ") this.choose(path);
        else if (step) this.choose(paths[(n + step + paths.length) % paths.length]);
        else return;
        event.preventDefault();
        event.stopPropagation();
      };
    });
    if (!$("viewer").open) $("viewer").showModal();
    if (label !== undefined) this.choose(paths.find((path) => path.dataset.label === String(label)));
  },
  choose(path) {
    if (!path) return;
    for (const other of $("v-figure").querySelectorAll("path")) {
      const chosen = other.dataset.label === path.dataset.label;
      other.classList.toggle("chosen", chosen);
      other.setAttribute("aria-pressed", chosen);
      other.tabIndex = other === path ? 0 : -1;
    }
    path.focus();
    this.side(Number(path.dataset.label));
  },
  async side(label) {
    const turn = this.turn = (this.turn ?? 0) + 1, all = label === null ? [] : objects.names();
    await objects.load(all);
    if (turn !== this.turn) return; // another was chosen meanwhile
    const at = objects.of(this.row, "label").indexOf(label);
    const pairs = at < 0 ? Object.entries(this.row.numbers) : all.map((name) => [name, objects.of(this.row, name)]).filter(([, values]) => values.length).map(([name, values]) => [name, values[at]]);
    const name = at < 0 ? "This image" : `Object ${label}`;
    const hint = this.row.hint ?? (this.row.outlined && at < 0 ? "Select an object, or move with Tab and the arrow keys." : "");
    const full = this.row.files.overlay ?? this.row.files.compare;
    $("v-side").replaceChildren(make("h3", { textContent: name }), make("div", { role: "status" },
      table(pairs.map(([key, value]) => [words(key), value ?? ""]))), make("p", { className: "pale", textContent: hint }),
      full ? make("a", { href: link(full), textContent: "The picture as written" }) : "");
  },
  async slider(row) {
    const [before, after] = await Promise.all([picture(row.picture, "before"), picture(row.after, "after")]);
    const range = make("input", { type: "range", min: 0, max: 100, value: 50, step: 0.5 });
    const box = make("div", { className: "compare" }, make("div", { className: "picture" }, before),
      make("div", { className: "after" }, make("div", { className: "picture" }, after)),
      make("span", { className: "tag", textContent: "before" }), make("span", { className: "tag right", textContent: "after" }), range);
    range.setAttribute("aria-label", "How much is shown as it was, per cent");
    const place = (share) => box.style.setProperty("--at", `${range.value = share}%`);
    range.oninput = () => place(range.value);
    box.onpointerdown = box.onpointermove = (event) => { // anywhere on the picture, not on the handle alone
      if (!event.buttons || event.target === range) return;
      const { left, width } = box.getBoundingClientRect();
      place(100 * (event.clientX - left) / width);
    };
    return box;
  },
  move(step) {
    const rows = state.rows.filter((row) => row.picture !== undefined), at = rows.indexOf(this.row);
    if (rows.length) this.open(rows[(at + step + rows.length) % rows.length]);
  },
};
$("v-before").onclick = () => viewer.move(-1);
$("v-after").onclick = () => viewer.move(1);
$("v-outlines").onchange = () => $("viewer").classList.toggle("hide-outlines", !$("v-outlines").checked);
$("viewer").onkeydown = (event) => {
  if (event.target.matches("input[type=range]")) return;
  if (event.key === "ArrowRight") viewer.move(1);
  if (event.key === "ArrowLeft") viewer.move(-1);
};
