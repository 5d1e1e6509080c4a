// Values at a point or of an area: now, and day after day.

import { classesOf, pictureRequest, productOf, seriesChoices, seriesOf, seriesPeriod, seriesRequest,
         titleOf, unitOf } from "./asking.js";
import { degrees } from "./base.js";
import { chart } from "./chart.js";
import { longDate } from "./days.js";
import { byId, el, options, saved } from "./dom.js";
import { told } from "./messages.js";
import { ask, layer, lines } from "./service.js";

const { L } = window;
const round = (value) => (value === null ? "–" : Number(value.toPrecision(4)).toString());
const COLUMNS = ["time", "band", "count", "valid_fraction", "mean", "median", "p10", "p90", "sd"];

// "25.45,45.4" or "25.45,45.4;25.5,45.4;..."
export const written = (places) =>
  places.map(([lon, lat]) => `${lon.toFixed(5)},${lat.toFixed(5)}`).join(";");
const places = (text) => text.split(";").map((one) => one.split(",").map(Number));

function geometryOf(choice) {
  const found = places(choice.area || choice.point);
  if (!found.every((one) => one.length === 2 && one.every(Number.isFinite))) return null;
  if (!choice.area) return { type: "Point", coordinates: found[0] };
  return { type: "Polygon", coordinates: [[...found, found[0]]] };
}

export class Numbers {
  constructor(map, state) {
    this.state = state;
    this.marks = L.layerGroup().addTo(map);
    byId("close").addEventListener("click", () => {
      state.set({ point: "", area: "" });
      byId("map").focus();
    });
    new ResizeObserver(() => this.#draw()).observe(byId("results-body"));
  }

  async refresh(catalogue, days) {
    this.asked?.abort();
    const { state } = this;
    const geometry = state.point || state.area ? geometryOf(state) : null;
    byId("results").hidden = !geometry;
    document.body.toggleAttribute("data-results", Boolean(geometry));
    this.marks.clearLayers();
    if (!geometry) {
      this.complete = "";
      return;
    }
    const request = seriesRequest(catalogue, state, days);
    const key = JSON.stringify([geometry, request]);
    // of another day of the same series only the values are asked for
    const same = this.complete === key;
    Object.assign(this, { catalogue, geometry, request, statistics: null, values: null });
    this.asked = new AbortController();
    const { signal } = this.asked;
    this.#mark();
    if (same) {
      this.#draw();
      await this.#now(signal);
      return;
    }
    Object.assign(this, { complete: "", rows: [] });
    this.#frame();
    const all = this.#overTime(signal).then((rows) => rows && (this.complete = key));
    await Promise.all([this.#now(signal), all]);
  }

  #mark() {
    const [first] = places(this.state.area || this.state.point);
    const own = { interactive: false };
    if (this.state.area) {
      const corners = places(this.state.area).map(([lon, lat]) => [lat, lon]);
      L.polygon(corners, { ...own, className: "area" }).addTo(this.marks);
    } else {
      for (const [className, radius] of [["point-below", 9], ["point", 6]]) {
        L.circleMarker([first[1], first[0]], { ...own, className, radius }).addTo(this.marks);
      }
    }
  }

  #frame() {
    const { catalogue, geometry, state } = this;
    const [lon, lat] = geometry.type === "Point" ? geometry.coordinates : [];
    byId("results-title").textContent = geometry.type === "Point"
      ? `Point ${degrees(lat, "N", "S")}, ${degrees(lon, "E", "W")}` : "Area";
    const { indices, bands } = seriesChoices(catalogue, state);
    const select = el("select", { id: "series", onchange: (event) =>
      state.set({ series: event.target.value }) });
    const entries = (list) => list.map((view) => [view.name, titleOf(view)]);
    options(select, [
      ...(indices.length ? [{ label: "Indices", entries: entries(indices) }] : []),
      { label: "Bands", entries: entries(bands) },
    ], seriesOf(catalogue, state).name);
    this.parts = {
      now: el("div", { class: "now", "aria-live": "polite" }),
      graph: el("div", { class: "graph" }),
      notes: el("p", { class: "hint" }),
      table: el("details", {}),
    };
    const download = (kind) => el("button", { type: "button", onclick: () => this.#save(kind) },
      `Download ${kind.toUpperCase()}`);
    byId("results-body").replaceChildren(
      this.parts.now,
      el("div", { class: "pair" }, el("label", { for: "series" }, "Over time"), select),
      this.parts.graph, this.parts.notes,
      el("div", { class: "row" }, download("csv"), download("json")),
      this.parts.table);
  }

  // of the picture shown
  #now(signal) {
    const { catalogue, geometry, state } = this;
    return told("values", "Reading values…", async () => {
      const entry = await layer(pictureRequest(catalogue, state));
      const classesAt = classesOf(productOf(catalogue, state));
      const classes = classesAt ? (await ask(classesAt, { signal })).classes : null;
      const shown = (name) => catalogue.titles.get(name) ?? name;
      if (geometry.type === "Point") {
        const [lon, lat] = geometry.coordinates;
        const path = entry.links.point;
        const query = new URLSearchParams({ lon, lat });
        const found = await ask(`${path}${path.includes("?") ? "&" : "?"}${query}`, { signal });
        this.values = found.values;
        this.parts.now.replaceChildren(...entry.shown.map((name) => {
          const value = found.values[name];
          const named = classes?.find((one) => one.value === value)?.title;
          return this.#fact(shown(name), value === null ? "nothing observed" : named ?? round(value));
        }));
        return;
      }
      const found = await ask(entry.links.statistics,
        { body: { geometry, bands: entry.shown }, signal });
      this.statistics = found;
      this.#area(found, classes, shown);
    });
  }

  #area(found, classes, shown) {
    const hectares = (found.pixels * found.pixel_m ** 2) / 10_000;
    const facts = Object.entries(found.bands).flatMap(([name, one]) => classes ? [
      this.#fact("Observed", `${Math.round(one.valid_fraction * 100)} %`),
    ] : [
      this.#fact(`${shown(name)}, mean`, round(one.mean)),
      this.#fact("median", round(one.median)),
      this.#fact("from", round(one.min)), this.#fact("to", round(one.max)),
      this.#fact("deviation", round(one.sd)),
      this.#fact("observed", `${Math.round(one.valid_fraction * 100)} %`),
    ]);
    this.parts.now.replaceChildren(
      this.#fact("Size", `${hectares.toLocaleString("en", { maximumSignificantDigits: 4 })} ha`),
      this.#fact("pixels", `${found.pixels.toLocaleString("en")} of ${found.pixel_m} m`), ...facts);
  }

  #fact(name, value) {
    return el("div", {}, el("span", { class: "hint" }, name), el("strong", {}, value));
  }

  #overTime(signal) {
    const { geometry, request } = this;
    return told("series", "Reading day after day…", async () => {
      const entry = await layer(request);
      const rows = [];
      for await (const row of lines(entry.links.timeseries, { body: { geometry }, signal })) {
        rows.push(row);
        this.rows = rows;
        this.#draw();
      }
      this.#notes(rows);
      this.#table(rows);
      return rows;
    });
  }

  #draw() {
    if (!this.rows?.length || byId("results").hidden) return;
    const width = Math.max(260, Math.min(900, byId("results-body").clientWidth));
    const { catalogue, geometry, rows, state } = this;
    const view = seriesOf(catalogue, state);
    const known = rows.filter((row) => row.mean !== null).length;
    this.parts.graph.replaceChildren(chart(rows, {
      width, period: seriesPeriod(state), marked: state.mode === "day" ? state.day : "",
      wide: geometry.type !== "Point",
      label: `${view.title} over time: ${known} of ${rows.length} days observed`,
      text: (row) => row.mean === null ? `${longDate(row.time)}: nothing observed`
        : `${longDate(row.time)}: ${round(row.mean)}`,
    }));
  }

  #notes(rows) {
    const { catalogue, geometry, request, state } = this;
    const cloudy = rows.filter((row) => row.mean === null).length;
    this.parts.notes.textContent = [
      `${unitOf(catalogue, state, seriesOf(catalogue, state))}.`,
      geometry.type === "Point" ? "" : "Mean, and the band from the 10th to the 90th percentile.",
      rows.some((row) => row.mean !== null && row.valid_fraction < 0.25)
        ? "Dashed: less than a quarter of it observed." : "",
      cloudy ? `Grey marks: ${cloudy} of ${rows.length} days without an observation.` : "",
      request.max_cloud_cover_pct === undefined ? ""
        : `Of scenes with at most ${Math.floor(request.max_cloud_cover_pct)} % cloud.`,
    ].filter(Boolean).join(" ");
  }

  #table(rows) {
    const pick = (row) => this.state.mode === "day"
      ? el("button", { type: "button", class: "link", title: `Show ${longDate(row.time)}`,
                       onclick: () => this.state.set({ day: row.time }) }, row.time)
      : row.time;
    const heads = ["Day", "Mean", "p10", "p90", "Observed"];
    this.parts.table.replaceChildren(
      el("summary", {}, "All numbers"),
      el("table", {},
        el("thead", {}, el("tr", {}, heads.map((text) => el("th", { scope: "col" }, text)))),
        el("tbody", {}, rows.map((row) => el("tr", {},
          el("td", {}, pick(row)),
          [row.mean, row.p10, row.p90].map((value) => el("td", {}, round(value))),
          el("td", {}, `${Math.round(row.valid_fraction * 100)} %`))))));
  }

  #save(kind) {
    const { geometry, request, rows, statistics, values, state } = this;
    const name = `${state.region}_${seriesOf(this.catalogue, state).name}`;
    if (kind === "csv") {
      const text = [COLUMNS.join(","),
        ...rows.map((row) => COLUMNS.map((column) => row[column] ?? "").join(","))].join("\n");
      saved(`${name}.csv`, "text/csv", `${text}\n`);
      return;
    }
    const shown = pictureRequest(this.catalogue, state);
    const whole = { geometry, shown, values, statistics, series: { request, rows } };
    saved(`${name}.json`, "application/json", JSON.stringify(whole, null, 2));
  }
}
