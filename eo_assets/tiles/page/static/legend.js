// What the colours mean.

import { colour, el, svg } from "./dom.js";
import { ask } from "./service.js";

const number = (value) => Number(value.toPrecision(3)).toString();

function ramp({ stops }, note) {
  const share = (n) => `${(100 * n) / (stops.length - 1)}%`;
  const marked = [0, (stops.length - 1) / 2, stops.length - 1].map((n) => stops[Math.round(n)]);
  return [
    svg("svg", { class: "ramp", viewBox: "0 0 100 10", preserveAspectRatio: "none",
                 role: "img", "aria-label": `${number(stops[0].value)} to ${number(stops.at(-1).value)}` },
      svg("defs", {}, svg("linearGradient", { id: "ramp" },
        stops.map((stop, n) => svg("stop", { offset: share(n), "stop-color": stop.colour })))),
      svg("rect", { width: 100, height: 10, fill: "url(#ramp)" })),
    el("div", { class: "ends" }, marked.map((stop) => el("span", {}, number(stop.value)))),
    el("p", { class: "hint" }, note),
  ];
}

function channels({ bands, stretch }, titles) {
  const range = (n) => (stretch[n] ?? stretch[0]).map(number).join(" – ");
  return [
    el("ul", { class: "channels" }, bands.map((band, n) =>
      el("li", {}, colour(["#e5383b", "#2b9348", "#2667ff"][n]),
        el("span", {}, titles.get(band) ?? band), el("span", { class: "hint" }, range(n))))),
    el("p", { class: "hint" }, "Reflectance shown dark to bright"),
  ];
}

const classes = (entries) =>
  el("ul", { class: "classes" }, entries.map(({ title, colour: value }) =>
    el("li", {}, colour(value), el("span", {}, title))));

// Of a stored product of classes: names and colours; else stops, or bands.
export async function legendOf(entry, { title, note, titles, classesAt }) {
  const body = classesAt
    ? [classes((await ask(classesAt)).classes)]
    : await ask(entry.links.legend).then((found) =>
        found.stops.length ? ramp(found, note) : channels(found, titles));
  // on a small screen the map comes first
  const open = !matchMedia("(max-width: 800px)").matches;
  return [el("details", { open }, el("summary", {}, title), ...body)];
}
