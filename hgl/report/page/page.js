"use strict";
(() => {
  const root = document.documentElement;
  const all = (query, within = document) => [...within.querySelectorAll(query)];
  root.classList.add("scripted");

  const remember = (theme) => {
    try { localStorage.setItem("hgl-theme", theme); } catch { /* a page from a file may not */ }
  };
  const remembered = () => {
    try { return localStorage.getItem("hgl-theme"); } catch { return null; }
  };
  const isDark = () => root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  const button = document.getElementById("theme");
  const paint = () => {
    button.textContent = isDark() ? "☀ Light" : "☾ Dark";
  };
  if (["light", "dark"].includes(remembered())) root.dataset.theme = remembered();
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    remember(root.dataset.theme);
    paint();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  paint();

  const compare = (one, other, number) => number
    ? Number(one) - Number(other)
    : one.localeCompare(other, undefined, { numeric: true });
  const sort = (heading) => {
    const table = heading.closest("table");
    const column = [...heading.parentNode.children].indexOf(heading);
    const number = heading.classList.contains("num");
    const up = heading.getAttribute("aria-sort") !== "ascending";
    const value = (row) => row.children[column].dataset.value;
    const known = [];
    const unknown = [];
    for (const row of table.tBodies[0].rows) (value(row) === undefined ? unknown : known).push(row);
    known.sort((a, b) => (up ? 1 : -1) * compare(value(a), value(b), number));
    table.tBodies[0].append(...known, ...unknown);
    for (const other of all("th[aria-sort]", table)) other.setAttribute("aria-sort", "none");
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
  };
  for (const heading of all("th[aria-sort]")) {
    heading.querySelector("button").addEventListener("click", () => sort(heading));
  }

  const form = document.querySelector("form");
  const selects = all("select", form);
  const filter = () => {
    for (const element of all("[data-task], [data-regime], [data-model]", document.body)) {
      const off = selects.some((select) => {
        const mine = element.dataset[select.name];
        return select.value !== "" && mine !== undefined && mine !== select.options[select.selectedIndex].value;
      });
      element.classList.toggle("off", off);
    }
    const rows = all("#records tbody tr");
    const left = rows.filter((row) => !row.classList.contains("off")).length;
    form.querySelector("output").textContent = `${left} of ${rows.length} records`;
  };
  for (const select of selects) select.addEventListener("change", filter);
  form.addEventListener("reset", () => setTimeout(filter));
  form.addEventListener("submit", (event) => event.preventDefault());
  filter();
})();
