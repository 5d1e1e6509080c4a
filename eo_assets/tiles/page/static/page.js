// The page: brings its parts together, and keeps them showing what is chosen.

import { classesOf, collectionOf, pictureRequest, productOf, reliefRequest, unitOf,
         viewOf } from "./asking.js";
import { addGraticule, addLand, addOutlines, boundsOf, makeMap } from "./base.js";
import { Choices } from "./choices.js";
import { DayList, clearest, daysOf } from "./days.js";
import { byId } from "./dom.js";
import { Drawing } from "./drawing.js";
import { Footprints } from "./footprints.js";
import { legendOf } from "./legend.js";
import { problem, told } from "./messages.js";
import { Numbers, written } from "./numbers.js";
import { Picture } from "./pictures.js";
import { ask, layer, useToken } from "./service.js";
import { State } from "./state.js";
import { Swipe } from "./swipe.js";

const AROUND_DEG = 0.15;
const any = (changed, ...names) => names.some((name) => changed.has(name));
const WHAT = ["region", "collection", "view", "mode", "day", "first", "last", "composite", "masked"];

class Page {
  constructor() {
    this.state = new State();
    this.map = makeMap();
    this.choices = new Choices(this.state);
    this.dayList = new DayList(this.state);
    const expired = { onExpired: () => this.#pictures() };
    this.picture = new Picture(this.map, "picture", expired);
    this.other = new Picture(this.map, "other", expired);
    this.relief = new Picture(this.map, "relief", expired);
    this.footprints = new Footprints(this.map);
    this.swipe = new Swipe(this.map, this.state);
    this.numbers = new Numbers(this.map, this.state);
    this.drawing = new Drawing(this.map, {
      onArea: (ring) => this.state.set({ area: written(ring), point: "" }),
    });
  }

  async start() {
    byId("access").hidden = true;
    const catalogue = await told("catalogue", "Asking what there is…", () => ask("catalog"));
    if (!catalogue) {
      this.#askForToken();
      return;
    }
    const bands = catalogue.collections.flatMap((one) => one.bands);
    catalogue.titles = new Map([
      ...bands.map(({ name, title }) => [name, title]),
      ...catalogue.indices.map(({ name }) => [name, name.toUpperCase()]),
      ["class", "Class"],
    ]);
    this.catalogue = catalogue;
    this.choices.offer(catalogue);
    this.#complete();
    await told("base", "", () => addLand(this.map));
    addOutlines(this.map, catalogue.regions);
    this.#place();
    addGraticule(this.map);
    this.#listen();
    await this.#days();
    this.#pictures();
    this.#relief();
    this.#numbers();
  }

  #askForToken() {
    byId("access").hidden = false;
    this.choices.open(true);
    byId("token").focus();
    byId("enter").onclick = () => {
      useToken(byId("token").value);
      this.start();
    };
  }

  // what a link does not say, or says of things there are no more
  #complete() {
    const { catalogue, state } = this;
    const region = catalogue.regions.find((one) => one.id === state.region) ?? catalogue.regions[0];
    const collection = collectionOf(catalogue, state)?.id ?? region.collection;
    state.set({ region: region.id, collection });
    if (!productOf(catalogue, state) && !viewOf(catalogue, state)) {
      state.set({ view: collectionOf(catalogue, state).views[0].name });
    }
    byId("title").textContent = region.title;
    document.title = `${region.title}: map`;
  }

  #place() {
    const [lat, lng, zoom] = this.state.at.split(",").map(Number);
    const region = this.catalogue.regions.find((one) => one.id === this.state.region);
    if (this.state.at && [lat, lng, zoom].every(Number.isFinite)) {
      this.map.setView([lat, lng], zoom, { animate: false });
    } else {
      this.map.fitBounds(boundsOf(region.bbox), { padding: [12, 12], animate: false });
    }
  }

  #listen() {
    const { map, state } = this;
    map.on("moveend", () => {
      const { lat, lng } = map.getCenter();
      state.set({ at: `${lat.toFixed(4)},${lng.toFixed(4)},${map.getZoom()}` });
    });
    const pick = ({ lat, lng }) => state.set({ point: written([[lng, lat]]), area: "" });
    map.on("click", ({ latlng }) =>
      this.drawing.active ? this.drawing.add(latlng) : pick(latlng.wrap()));
    byId("centre").addEventListener("click", () => pick(map.getCenter()));
    byId("whole").addEventListener("click", () => state.set({ area: this.#inView(), point: "" }));
    byId("share").addEventListener("click", () => this.#share());
    state.listen((changed) => this.#changed(changed));
  }

  // what is seen of the region
  #inView() {
    const view = this.map.getBounds();
    const region = this.catalogue.regions.find((one) => one.id === this.state.region);
    const [west, south, east, north] = region.bbox;
    const [w, s] = [Math.max(view.getWest(), west), Math.max(view.getSouth(), south)];
    const [e, n] = [Math.min(view.getEast(), east), Math.min(view.getNorth(), north)];
    return w < e && s < n ? written([[w, s], [e, s], [e, n], [w, n]]) : "";
  }

  async #share() {
    const button = byId("share");
    try {
      await navigator.clipboard.writeText(location.href);
      button.textContent = "Copied";
    } catch {
      button.textContent = "It is in the address bar";
    }
    setTimeout(() => (button.textContent = "Copy link"), 2500);
  }

  async #changed(changed) {
    const { state } = this;
    if (any(changed, "region", "collection")) this.#complete();
    if (changed.has("region")) this.#place();
    if (changed.has("region")) this.#relief();
    if (any(changed, "region", "collection", "year") && !this.filling) {
      this.filling = true;
      await this.#days();
      this.filling = false;
    }
    this.choices.refresh();
    this.dayList.refresh();
    if (any(changed, ...WHAT, "compare", "other")) this.#pictures();
    if (any(changed, "split", "compare", "view", "mode", "day", "other")) this.swipe.refresh();
    if (changed.has("opacity")) this.picture.dim(state.opacity), this.other.dim(state.opacity);
    if (changed.has("relief")) this.#relief();
    if (changed.has("footprints")) this.#footprints();
    if (any(changed, ...WHAT, "point", "area", "series", "year")) this.#numbers();
  }

  async #days() {
    const { state } = this;
    const days = await told("days", "Looking for scenes…", () => daysOf(state)) ?? [];
    const dates = days.map((day) => day.date);
    const changes = { year: state.year || dates.at(-1)?.slice(0, 4) || "" };
    changes.day = dates.includes(state.day) ? state.day : days.length ? clearest(days).date : "";
    if (!dates.includes(state.other)) {
      changes.other = dates.findLast((date) => date !== changes.day) ?? changes.day;
    }
    changes.first = state.first || `${changes.year}-06-01`;
    changes.last = state.last || `${changes.year}-08-31`;
    this.dayList.fill(days);
    state.set(changes);
    this.choices.refresh();
    this.dayList.refresh();
  }

  // the last wish counts, whatever comes back first
  async #pictures() {
    const { catalogue, state } = this;
    const wish = (this.wish = Symbol("wish"));
    const product = productOf(catalogue, state);
    if (!product && state.mode === "day" && !state.day) {
      this.picture.hide();
      return;
    }
    const request = pictureRequest(catalogue, state);
    const entry = await told("layer", "Looking for its scenes…", () => layer(request));
    if (wish !== this.wish) return;
    if (entry) this.picture.show(entry, catalogue, state);
    else this.picture.hide();
    this.#footprints();
    this.#compare();
    if (entry) await this.#legend(entry, product);
  }

  async #compare() {
    const { catalogue, state, wish } = this;
    const on = state.compare && state.mode === "day" && state.other && !productOf(catalogue, state);
    const entry = on
      ? await told("other", "", () => layer(pictureRequest(catalogue, state, state.other))) : null;
    if (wish !== this.wish) return;
    if (entry) this.other.show(entry, catalogue, state);
    else this.other.hide();
    this.swipe.refresh();
  }

  async #legend(entry, product) {
    const { catalogue, state } = this;
    const view = viewOf(catalogue, state);
    const parts = await told("legend", "", () => legendOf(entry, {
      title: product?.title ?? (view.index ? view.index.toUpperCase() : view.title),
      note: !view ? "" : view.index ? `${view.title}; no unit` : unitOf(catalogue, state, view),
      titles: catalogue.titles,
      classesAt: classesOf(product),
    }));
    byId("legend").replaceChildren(...(parts ?? []));
  }

  async #relief() {
    const { catalogue, state } = this;
    const [w, s, e, n] = catalogue.regions.find((one) => one.id === state.region).bbox;
    const around = [w - AROUND_DEG, s - AROUND_DEG, e + AROUND_DEG, n + AROUND_DEG];
    const known = catalogue.collections.some((one) => one.id === "cop-dem-glo-30");
    const entry = state.relief && known
      // a catalogue without an elevation model still has pictures
      ? await layer(reliefRequest(around)).catch(() => null) : null;
    if (entry && state.relief) this.relief.show(entry, catalogue, { view: "", opacity: 100 });
    else this.relief.hide();
  }

  async #footprints() {
    const entry = this.state.footprints ? this.picture.entry : null;
    await told("footprints", "", () => this.footprints.show(entry));
  }

  #numbers() {
    if (this.dayList.days) this.numbers.refresh(this.catalogue, this.dayList.days);
  }
}

addEventListener("unhandledrejection", ({ reason }) => problem("page", reason));
new Page().start();
