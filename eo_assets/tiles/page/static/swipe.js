// Two pictures side by side in one map, with a line between them that can be moved.

import { byId } from "./dom.js";
import { longDate } from "./days.js";

export class Swipe {
  constructor(map, state) {
    this.map = map;
    this.state = state;
    this.input = byId("divider");
    this.input.addEventListener("input", () =>
      state.set({ split: Number(this.input.value) / 1000 }));
    map.on("move zoomend resize", () => this.refresh());
  }

  refresh() {
    const { map, state } = this;
    const on = state.compare && state.mode === "day" && !state.view.startsWith("product:");
    for (const id of ["divider", "line", "left-day", "right-day"]) byId(id).hidden = !on;
    const { x: width, y: height } = map.getSize();
    const at = Math.round(width * state.split);
    const [left, top] = (({ x, y }) => [x, y])(map.containerPointToLayerPoint([0, 0]));
    const clip = (from, to) =>
      `polygon(${[[from, 0], [to, 0], [to, height], [from, height]]
        .map(([x, y]) => `${left + x}px ${top + y}px`).join(",")})`;
    map.getPane("picture").style.clipPath = on ? clip(0, at) : "";
    map.getPane("other").style.clipPath = on ? clip(at, width) : "";
    if (!on) return;
    this.input.value = Math.round(state.split * 1000);
    this.input.setAttribute("aria-valuetext", `${Math.round(state.split * 100)} % from the left`);
    byId("line").style.left = `${at}px`;
    byId("left-day").textContent = state.day && longDate(state.day);
    byId("right-day").textContent = state.other && longDate(state.other);
    byId("left-day").style.right = `${width - at + 8}px`;
    byId("right-day").style.left = `${at + 8}px`;
  }
}
