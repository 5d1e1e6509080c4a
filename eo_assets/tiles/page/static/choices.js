// The panel: shows what is chosen, and tells the state what somebody chooses.

import { asProduct, collectionOf, titleOf } from "./asking.js";
import { byId, options } from "./dom.js";

const COMPOSITES = {
  first: "the one of the clearest scene",
  median: "median of each band",
  medoid: "medoid: the most typical one",
  geomedian: "geometric median of all bands",
  max_ndvi: "the greenest one",
};
const TEXTS = ["region", "collection", "view", "first", "last", "composite", "other"];
const SWITCHES = ["masked", "compare", "relief", "footprints"];

export class Choices {
  constructor(state) {
    this.state = state;
    for (const name of TEXTS) {
      byId(name).addEventListener("change", ({ target }) => this.#chosen(name, target.value));
    }
    for (const name of SWITCHES) {
      byId(name).addEventListener("change", ({ target }) => state.set({ [name]: target.checked }));
    }
    byId("opacity").addEventListener("input", ({ target }) =>
      state.set({ opacity: Number(target.value) }));
    byId("when").addEventListener("change", ({ target }) => {
      if (target.name === "mode") state.set({ mode: target.value });
    });
    byId("choices").addEventListener("submit", (event) => event.preventDefault());
    byId("toggle").addEventListener("click", () => this.open(!this.isOpen));
    this.open(!matchMedia("(max-width: 800px)").matches);
  }

  get isOpen() {
    return byId("toggle").getAttribute("aria-expanded") === "true";
  }

  open(open) {
    byId("toggle").setAttribute("aria-expanded", String(open));
    document.body.toggleAttribute("data-open", open);
  }

  #chosen(name, value) {
    // other scenes have other days; a region has its own collection
    const anew = { year: "", day: "", other: "", first: "", last: "", series: "" };
    if (name === "region") {
      const { collection } = this.catalogue.regions.find((one) => one.id === value);
      this.state.set({ ...anew, region: value, collection, point: "", area: "", at: "" });
    } else {
      this.state.set({ ...(name === "collection" ? anew : {}), [name]: value });
    }
  }

  offer(catalogue) {
    this.catalogue = catalogue;
    const entries = (list) => list.map(({ id, title }) => [id, title]);
    options(byId("region"), entries(catalogue.regions));
    options(byId("collection"), entries(catalogue.collections));
    options(byId("composite"), catalogue.composites.map((name) => [name, COMPOSITES[name] ?? name]));
  }

  refresh() {
    const { catalogue, state } = this;
    const { views, masked } = collectionOf(catalogue, state);
    const stored = catalogue.products.filter((one) =>
      one.region === state.region && one.collection === state.collection);
    const group = (label, list) =>
      list.length ? [{ label, entries: list.map((view) => [view.name, titleOf(view)]) }] : [];
    const kind = { geotiff: "Mosaic", clusters: "Classes", land_cover: "Land cover" };
    options(byId("view"), [
      ...group("Bands", views.filter((one) => !one.index)),
      ...group("Indices", views.filter((one) => one.index)),
      ...group("Stored products", stored.map((one) => ({
        name: asProduct(one.id), title: `${kind[one.step] ?? one.title} of ${one.date}`,
      }))),
    ]);
    for (const name of TEXTS) byId(name).value = state[name];
    for (const name of SWITCHES) byId(name).checked = state[name];
    byId("opacity").value = state.opacity;
    for (const radio of document.getElementsByName("mode")) {
      radio.checked = radio.value === state.mode;
    }
    const product = state.view.startsWith("product:");
    byId("of-day").hidden = state.mode !== "day";
    byId("of-period").hidden = state.mode !== "period";
    byId("when").hidden = product;
    byId("masked-label").hidden = product || !masked;
    byId("comparison").hidden = product || state.mode !== "day";
    byId("of-compare").hidden = !state.compare;
  }
}
