// The pictures on the map: that of the day or period, and another one beside it.

import { boundsOf } from "./base.js";
import { productOf, showsClasses } from "./asking.js";
import { busy, problem } from "./messages.js";
import { forgetLayers, problemOf } from "./service.js";

const { L } = window;
const SHARP = window.devicePixelRatio >= 1.5;

function addressOf(entry, catalogue, choice) {
  const product = productOf(catalogue, choice);
  // classes have the colours of their file
  if (showsClasses(product)) return product.links.tiles;
  const { tiles } = entry.links;
  return SHARP ? `${tiles}${tiles.includes("?") ? "&" : "?"}size=512` : tiles;
}

// a file is answered for where it lies only, and it lies at least where its region is
const placeOf = (entry, catalogue, choice) => productOf(catalogue, choice)
  ? catalogue.regions.find((one) => one.id === choice.region).bbox : entry.bounds;

export class Picture {
  constructor(map, pane, { onExpired }) {
    this.map = map;
    this.pane = pane;
    this.onExpired = onExpired;
    this.entry = null;
    map.on("zoomend", () => this.#tellZoom());
  }

  show(entry, catalogue, choice) {
    const address = addressOf(entry, catalogue, choice);
    if (this.address === address) return;
    this.hide();
    this.entry = entry;
    this.address = address;
    this.tiles = L.tileLayer(address, {
      pane: this.pane,
      bounds: boundsOf(placeOf(entry, catalogue, choice)),
      minZoom: entry.minzoom,
      maxNativeZoom: entry.maxzoom,
      maxZoom: 18,
      keepBuffer: 1,
    });
    this.tiles.on("loading", () => busy(this.pane, "Computing the picture…"));
    this.tiles.on("load", () => busy(this.pane, ""));
    this.tiles.on("tileerror", ({ tile }) => this.#explain(tile.src));
    this.tiles.addTo(this.map);
    this.dim(choice.opacity);
    this.#tellZoom();
  }

  hide() {
    this.tiles?.remove();
    this.tiles = this.address = this.entry = null;
    busy(this.pane, "");
    problem(this.pane, null);
  }

  dim(percent) {
    this.tiles?.setOpacity(percent / 100);
  }

  #tellZoom() {
    if (!this.entry) return;
    const far = this.map.getZoom() < this.entry.minzoom;
    problem(this.pane, far ? {
      message: "From so far the picture would be a speck.",
      remedy: "Zoom in to see it.",
    } : null);
  }

  // an image says only that it failed; asked again, the service says why
  async #explain(address) {
    if (this.explaining) return;
    this.explaining = true;
    try {
      const response = await fetch(address);
      const found = response.ok ? null : await problemOf(response);
      if (found?.status === 401 && !this.renewed) {
        this.renewed = true;
        this.address = null;
        forgetLayers();
        this.onExpired();
      } else {
        problem(this.pane, found);
      }
    } catch {
      problem(this.pane, {
        message: "The tile service does not answer.",
        remedy: "See whether it still runs, then move the map.",
      });
    } finally {
      this.explaining = false;
    }
  }
}
