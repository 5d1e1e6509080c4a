// The days that have scenes: found, listed, stepped through.

import { byId, el, options } from "./dom.js";
import { ask } from "./service.js";

const OLDEST = 2013;
const ENOUGH = 3, FURTHER = 2;
const thisYear = () => new Date().getUTCFullYear();

const find = (choice, first, last) => {
  const query = new URLSearchParams({
    region: choice.region, collection: choice.collection,
    first: `${first}-01-01`, last: `${last}-12-31`,
  });
  return ask(`catalog/dates?${query}`).then((found) => found.days);
};

export async function daysOf(choice) {
  if (choice.year) return find(choice, choice.year, choice.year);
  // the last year with enough days to look through, else the one with most of those near the last
  let most = [];
  for (let last = thisYear(), looks = 0; last >= OLDEST && looks < FURTHER; last -= 2) {
    const days = await find(choice, last - 1, last);
    for (const year of [last, last - 1]) {
      const ofYear = days.filter((day) => day.date.startsWith(year));
      if (ofYear.length >= ENOUGH) return ofYear;
      if (ofYear.length > most.length) most = ofYear;
    }
    if (most.length) looks += 1;
  }
  return most;
}

export const clearest = (days) =>
  days.reduce((best, day) =>
    (day.cloud_cover_pct ?? 100) < (best.cloud_cover_pct ?? 100) ? day : best);

export const cloudText = (day) =>
  day.cloud_cover_pct === null ? "" : `${Math.round(day.cloud_cover_pct)} % cloud`;

const shortDate = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", timeZone: "UTC" });
export const longDate = (date) => {
  const [month, day] = shortDate.format(new Date(`${date}T00:00Z`)).split(" ");
  return `${day} ${month} ${date.slice(0, 4)}`;
};

export class DayList {
  constructor(state) {
    this.state = state;
    this.days = [];
    byId("days").addEventListener("change", (event) => state.set({ day: event.target.value }));
    byId("earlier").addEventListener("click", () => this.#step(-1));
    byId("later").addEventListener("click", () => this.#step(1));
    byId("year").addEventListener("change", (event) =>
      state.set({ year: event.target.value, day: "" }));
    const years = Array.from({ length: thisYear() - OLDEST + 1 }, (_, n) => String(thisYear() - n));
    options(byId("year"), years.map((year) => [year, year]));
  }

  fill(days) {
    this.days = days;
    byId("days").replaceChildren(
      ...(days.length ? days.map((day) => this.#row(day)) : [
        el("p", { class: "hint" }, "No scenes in this year. Choose another one."),
      ])
    );
    options(byId("other"), days.map((day) => [day.date, `${longDate(day.date)}, ${cloudText(day)}`]));
    this.refresh();
  }

  #row(day) {
    const cloud = day.cloud_cover_pct ?? 0;
    const bar = el("meter", { min: 0, max: 100, value: cloud, "aria-hidden": "true" });
    return el("label", {},
      el("input", { type: "radio", name: "day", value: day.date }),
      el("span", { class: "date" }, longDate(day.date)), bar,
      el("span", { class: "cloud" }, cloudText(day)));
  }

  refresh() {
    const { state } = this;
    byId("year").value = state.year;
    byId("other").value = state.other;
    const chosen = byId("days").querySelector(`input[value="${CSS.escape(state.day)}"]`);
    if (chosen && !chosen.checked) {
      chosen.checked = true;
      chosen.parentElement.scrollIntoView({ block: "nearest" });
    }
    const place = this.days.findIndex((day) => day.date === state.day);
    byId("earlier").disabled = place <= 0;
    byId("later").disabled = place < 0 || place === this.days.length - 1;
    byId("shown").textContent = place < 0
      ? "No day"
      : [longDate(state.day), cloudText(this.days[place])].filter(Boolean).join(" · ");
    byId("step").hidden = state.mode !== "day" || state.view.startsWith("product:");
  }

  #step(by) {
    const place = this.days.findIndex((day) => day.date === this.state.day);
    const next = this.days[place + by];
    if (next) this.state.set({ day: next.date });
  }
}
