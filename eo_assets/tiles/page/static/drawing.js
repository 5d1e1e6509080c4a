// Drawing an area: each click sets a corner; Enter, the first corner or Finish ends it.

import { byId } from "./dom.js";

const { L } = window;
const NEAR_PX = 14;

export class Drawing {
  constructor(map, { onArea }) {
    this.map = map;
    this.onArea = onArea;
    this.corners = null;
    this.shape = L.polyline([], { className: "drawing", interactive: false }).addTo(map);
    this.marks = L.layerGroup().addTo(map);
    map.on("mousemove", ({ latlng }) => this.active && this.#preview(latlng));
    map.on("dblclick", () => this.active && this.finish());
    byId("draw").addEventListener("click", () => (this.active ? this.stop() : this.start()));
    byId("finish").addEventListener("click", () => this.finish());
    document.addEventListener("keydown", ({ key }) => {
      if (!this.active) return;
      if (key === "Escape") this.stop();
      if (key === "Enter" && document.activeElement?.tagName !== "BUTTON") this.finish();
    });
  }

  get active() {
    return this.corners !== null;
  }

  start() {
    this.corners = [];
    this.map.doubleClickZoom.disable();
    this.#tell();
  }

  stop() {
    this.corners = null;
    this.shape.setLatLngs([]);
    this.marks.clearLayers();
    // the double click that ended the drawing is still on its way
    setTimeout(() => this.map.doubleClickZoom.enable(), 300);
    this.#tell();
  }

  finish() {
    const { corners } = this;
    if (corners.length < 3) return;
    this.stop();
    this.onArea(corners.map(({ lng, lat }) => [lng, lat]));
  }

  // a click on the map while drawing
  add(place) {
    const { corners, map } = this;
    const at = map.latLngToContainerPoint(place);
    const near = (corner) => map.latLngToContainerPoint(corner).distanceTo(at) < NEAR_PX;
    if (corners.length > 2 && near(corners[0])) {
      this.finish();
      return;
    }
    // the second click of a double click
    if (corners.length && map.latLngToContainerPoint(corners.at(-1)).distanceTo(at) < 4) return;
    corners.push(place);
    L.circleMarker(place, { className: "corner", radius: 6, interactive: false }).addTo(this.marks);
    this.#preview(place);
    this.#tell();
  }

  #preview(place) {
    const { corners } = this;
    if (corners.length) this.shape.setLatLngs([...corners, place, corners[0]]);
  }

  #tell() {
    const n = this.corners?.length ?? 0;
    document.body.toggleAttribute("data-drawing", this.active);
    byId("draw").setAttribute("aria-pressed", String(this.active));
    byId("draw").textContent = !this.active ? "Draw an area"
      : n < 3 ? "Click its corners; Esc cancels" : "Cancel";
    byId("finish").hidden = n < 3;
  }
}
