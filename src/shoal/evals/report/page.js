"use strict";
// The list of cases: filters, pages and details. What is shown stands in the address, so that it can be sent.
const data = JSON.parse(document.getElementById("data").textContent);
const [ID, REPEAT, SLICES, ERROR, SCORES, INPUT, GOLD, OUTPUT, MS, TOKENS, OLD, OLD_OUTPUT] = Array(12).keys();
const PAGE = 50;
const MARKS = {done: "✓", fallback: "✓", skipped: "·", failed: "✗", unknown: "?", waiting: "?", retrying: "↻"};
const state = {show: "wrong", score: "", slice: "", text: "", page: 0, case: ""};

const element = (name, attributes, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((each) => each !== null && each !== undefined));
  return made;
};

const columns = () => (state.score === "" ? data.scores.map((_, at) => at) : [Number(state.score)]);
const some = (row, test) => columns().some((at) => row[SCORES][at] !== null && test(row[SCORES][at], at));
const was = (row, at) => (row[OLD] ? row[OLD][at] : null);
const SHOWN = {
  all: () => true,
  wrong: (row) => row[ERROR] !== null || some(row, (score) => score < 1),
  right: (row) => row[ERROR] === null && some(row, () => true) && !some(row, (score) => score < 1),
  errors: (row) => row[ERROR] !== null,
  better: (row) => some(row, (score, at) => was(row, at) !== null && score > was(row, at)),
  worse: (row) => some(row, (score, at) => was(row, at) !== null && score < was(row, at)),
};

function found() {
  const words = state.text.toLowerCase();
  const slice = state.slice === "" ? null : Number(state.slice);
  return data.cases.map((row, at) => [row, at]).filter(([row]) =>
    SHOWN[state.show](row)
    && (slice === null || row[SLICES].includes(slice))
    && (!words || [ID, INPUT, GOLD, OUTPUT, ERROR].some((at) => (row[at] || "").toLowerCase().includes(words))));
}

function scoreCell(row, at) {
  const score = row[SCORES][at];
  const old = was(row, at);
  if (score === null) return element("td", {class: "number dim"}, row[ERROR] === null ? "" : "error");
  const shown = score === 1 ? "✓" : score === 0 ? "✗" : score.toFixed(2);
  const cell = element("td", {class: `number ${score < 1 ? "ill" : "well"}`}, shown);
  if (old !== null && old !== score) cell.append(element("span", {class: "dim"}, ` was ${old === 1 ? "✓" : old === 0 ? "✗" : old}`));
  return cell;
}

function caseRow(row, at) {
  const name = row[ID] + (row[REPEAT] ? ` (${row[REPEAT] + 1})` : "");
  const open = () => { state.case = state.case === String(at) ? "" : String(at); render(); };
  const output = element("td", {}, row[ERROR] === null ? row[OUTPUT] : element("span", {class: "ill"}, row[ERROR]));
  if (row[OLD_OUTPUT]) output.prepend(element("del", {}, row[OLD_OUTPUT]), " ");
  return element(
    "tr", {class: "case", tabindex: "0", onclick: open, onkeydown: (event) => event.key === "Enter" && open()},
    element("td", {class: "id"}, name), element("td", {}, row[INPUT]), element("td", {}, row[GOLD]), output,
    ...columns().map((column) => scoreCell(row, column)),
    element("td", {class: "number dim"}, row[MS] === null ? "" : row[MS].toLocaleString("en")));
}

const pretty = (value) => element("pre", {}, JSON.stringify(value, null, 1));

function tree(detail) {
  const table = element("table", {class: "tree"});
  for (const node of detail.nodes) {
    const depth = (node.path.match(/[.[#]/g) || []).length;
    const isWrong = Object.keys(detail.notes || {}).some((name) => name.startsWith(`${node.path}.`));
    const isIll = isWrong || ["failed", "unknown"].includes(node.status);
    const style = isIll ? "ill" : node.status === "fallback" ? "open" : "";
    const last = node.path.split(/[.#]|(?=\[)/).pop();
    const name = "\u00a0\u00a0".repeat(depth) + `${MARKS[node.status] || "?"} ${last}`;
    const more = [node.attempts > 1 ? `${node.attempts} attempts` : "", node.told || ""].filter(Boolean).join("; ");
    table.append(element(
      "tr", {title: node.path}, element("td", {class: style}, name), element("td", {class: "dim"}, `${node.ms} ms`),
      element("td", {class: "dim"}, node.confidence === undefined ? "" : `${Math.round(100 * node.confidence)} %`),
      element("td", {}, node.output === undefined ? "" : node.output, " ", element("span", {class: "dim"}, more))));
  }
  return table;
}

function detailRow(row, at) {
  const detail = data.details[at];
  const cell = element("td", {colspan: String(5 + columns().length)});
  const box = element("div", {class: "detail", id: "detail"});
  cell.append(box);
  if (!detail) {
    const command = `agentctl eval show ${data.run} --case ${row[ID]}`;
    box.append(element("p", {}, "This case is not told of in full here. See it all: ", element("code", {}, command)));
    return element("tr", {}, cell);
  }
  const fields = element("div", {class: "fields"});
  const add = (name, value) => value !== undefined && fields.append(element("b", {}, name), value);
  add("input", detail.input && pretty(detail.input));
  add("gold", detail.gold && pretty(detail.gold));
  add("output", detail.output && pretty(detail.output));
  add("error", detail.error && element("span", {class: "ill"}, detail.error));
  for (const [name, note] of Object.entries({...detail.notes, ...detail.failed})) add(name, element("span", {}, note));
  if (detail.old) add(data.against, detail.old.error ? element("span", {}, detail.old.error) : pretty(detail.old.output));
  box.append(fields);
  if (detail.nodes) {
    box.append(element("h3", {}, `run ${detail.run}`), tree(detail));
    if (detail.left_out) box.append(element("p", {class: "dim"}, `and ${detail.left_out} more nodes`));
  }
  return element("tr", {}, cell);
}

function render() {
  const rows = found();
  const last = Math.max(0, Math.ceil(rows.length / PAGE) - 1);
  state.page = Math.min(Math.max(0, Number(state.page) || 0), last);
  const table = document.getElementById("cases");
  const names = ["case", "input", "gold", "output", ...columns().map((at) => data.scores[at]), "ms"];
  const head = element("tr", {}, ...names.map((name, at) => element("th", {class: at > 3 ? "number" : ""}, name)));
  table.replaceChildren(element("thead", {}, head));
  const body = element("tbody");
  for (const [row, at] of rows.slice(state.page * PAGE, (state.page + 1) * PAGE)) {
    body.append(caseRow(row, at));
    if (state.case === String(at)) body.append(detailRow(row, at));
  }
  table.append(body);
  document.getElementById("count").textContent = `${rows.length.toLocaleString("en")} of ${data.cases.length.toLocaleString("en")}`;
  document.getElementById("page").textContent = `page ${state.page + 1} of ${last + 1}`;
  document.getElementById("previous").disabled = state.page === 0;
  document.getElementById("next").disabled = state.page === last;
  const told = Object.entries(state).filter(([, value]) => value !== "" && value !== 0);
  history.replaceState(null, "", `#${new URLSearchParams(told)}`);
}

function read() {
  const told = new URLSearchParams(location.hash.slice(1));
  for (const key of Object.keys(state)) if (told.has(key)) state[key] = told.get(key);
  if (!(state.show in SHOWN)) state.show = "all";
  for (const key of ["show", "score", "slice", "text"]) document.getElementById(key).value = state[key];
}

function begin() {
  const fill = (name, options) => document.getElementById(name).append(
    ...options.map((text, at) => element("option", {value: String(at)}, text)));
  fill("score", data.scores);
  fill("slice", data.slices);
  if (!data.against) for (const kind of ["better", "worse"]) document.querySelector(`option[value=${kind}]`).remove();
  for (const key of ["show", "score", "slice", "text"]) {
    document.getElementById(key).addEventListener("input", (event) => {
      Object.assign(state, {[key]: event.target.value, page: 0, case: ""});
      render();
    });
  }
  const turn = (by) => () => { Object.assign(state, {page: state.page + by, case: ""}); render(); };
  document.getElementById("previous").addEventListener("click", turn(-1));
  document.getElementById("next").addEventListener("click", turn(1));
  document.getElementById("filters").addEventListener("submit", (event) => event.preventDefault());
  if (!location.hash && !data.cases.some(SHOWN.wrong)) state.show = "all";
  read();
  render();
}

begin();
