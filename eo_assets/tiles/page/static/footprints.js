// The scenes a picture is computed from: their footprints, and their names.

import { outlineOf } from "./base.js";
import { byId, el } from "./dom.js";
import { ask } from "./service.js";

const { L } = window;

export class Footprints {
  constructor(map) {
    this.shapes = L.layerGroup().addTo(map);
  }

  async show(entry) {
    this.clear();
    if (!entry) return;
    const { features } = await ask(entry.links.items);
    this.clear();
    for (const { id, geometry } of features) {
      L.polygon(outlineOf(geometry), { className: "footprint", interactive: false })
        .bindTooltip(el("span", {}, id), { sticky: true })
        .addTo(this.shapes);
    }
    byId("scenes").replaceChildren(...features.map(({ id, properties }) => el("li", {},
      el("code", {}, id), " ",
      el("span", { class: "hint" }, [
        properties.platform, properties.acquired.slice(0, 16).replace("T", " "),
        properties.cloud_cover_pct === null ? "" : `${Math.round(properties.cloud_cover_pct)} % cloud`,
      ].filter(Boolean).join(", ")))));
  }

  clear() {
    this.shapes.clearLayers();
    byId("scenes").replaceChildren();
  }
}
