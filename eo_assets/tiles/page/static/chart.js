// A time series as a small SVG chart: line of means, band of p10 to p90, gaps where it was cloudy.

import { svg } from "./dom.js";

const HEIGHT = 190;
const MARGIN = { left: 44, right: 20, top: 10, bottom: 34 };
const DAY_MS = 86_400_000;
const time = (text) => Date.parse(text.length === 10 ? `${text}T00:00Z` : text);

function niceTicks(low, high, most) {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= rough);
  const ticks = [];
  for (let n = Math.ceil(low / step); n * step <= high + step * 1e-6; n++) {
    ticks.push(Number((n * step).toPrecision(6)));
  }
  return ticks;
}

const MONTH = new Intl.DateTimeFormat("en", { month: "short", timeZone: "UTC" });

function months(first, last, most) {
  const found = [];
  const start = new Date(first);
  for (let n = 0; ; n++) {
    const at = Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + n, 1);
    if (at > last) break;
    if (at >= first) found.push(at);
  }
  const every = [1, 2, 3, 6, 12, 24].find((step) => found.length / step <= most) ?? 60;
  return found.filter((at) => new Date(at).getUTCMonth() % every === 0 || every > 12);
}

const monthName = (at) => {
  const date = new Date(at);
  return date.getUTCMonth() === 0 ? String(date.getUTCFullYear()) : MONTH.format(date);
};

// Stretches of days without a cloudy one between them.
function runs(rows) {
  const found = [[]];
  for (const row of rows) {
    if (row.mean === null) found.push([]);
    else found.at(-1).push(row);
  }
  return found.filter((run) => run.length);
}

function valueRange(rows, wide) {
  const values = rows.flatMap((row) => (wide ? [row.p10, row.p90, row.mean] : [row.mean]))
    .filter((value) => value !== null);
  const [low, high] = values.length ? [Math.min(...values), Math.max(...values)] : [0, 1];
  const room = (high - low || Math.abs(high) || 1) * 0.12;
  return [low - room, high + room];
}

// A mean of few pixels says little of an area that is mostly under cloud.
const FEW = 0.25;
const kindOf = (row, marked) =>
  `dot${row.time === marked ? " marked" : ""}${row.valid_fraction < FEW ? " few" : ""}`;

// rows: {time, mean, p10, p90, count} of one band, in order of days; period: two dates.
export function chart(rows, { width, period, label, marked, wide, text }) {
  const [first, last] = [time(period[0]), time(period[1]) + DAY_MS];
  const [low, high] = valueRange(rows, wide);
  const right = width - MARGIN.right, bottom = HEIGHT - MARGIN.bottom;
  const x = (row) => MARGIN.left + ((time(row.time) - first) / (last - first)) * (right - MARGIN.left);
  const atY = (value) => bottom - ((value - low) / (high - low)) * (bottom - MARGIN.top);
  const at = (row, name) => `${x(row).toFixed(1)},${atY(row[name]).toFixed(1)}`;
  const path = (points) => `M${points.join("L")}`;
  const parts = runs(rows);
  const horizontal = niceTicks(low, high, 5).map((value) => [
    svg("line", { class: "grid", x1: MARGIN.left, x2: right, y1: atY(value), y2: atY(value) }),
    svg("text", { x: MARGIN.left - 6, y: atY(value) + 4, "text-anchor": "end" }, String(value)),
  ]);
  const vertical = months(first, last, (right - MARGIN.left) / 44).map((when) => {
    const here = MARGIN.left + ((when - first) / (last - first)) * (right - MARGIN.left);
    return [
      svg("line", { class: "tick", x1: here, x2: here, y1: bottom, y2: bottom + 5 }),
      svg("text", { x: here, y: bottom + 18, "text-anchor": "middle" }, monthName(when)),
    ];
  });
  const days = rows.map((row) => row.mean === null
    ? svg("path", { class: "cloudy", d: `M${x(row).toFixed(1)} ${bottom - 7}v7` },
        svg("title", {}, text(row)))
    : svg("circle", { class: kindOf(row, marked), cx: x(row),
                      cy: atY(row.mean), r: row.time === marked ? 5.5 : 3.5 },
        svg("title", {}, text(row))));
  return svg("svg", { class: "chart", viewBox: `0 0 ${width} ${HEIGHT}`, role: "img",
                      "aria-label": label },
    horizontal, vertical,
    svg("line", { class: "axis", x1: MARGIN.left, x2: right, y1: bottom, y2: bottom }),
    wide ? parts.map((run) => svg("path", { class: "band", d: path(
      [...run.map((row) => at(row, "p90")), ...run.toReversed().map((row) => at(row, "p10"))]) }))
      : [],
    parts.map((run) => svg("path", { class: "mean", d: path(run.map((row) => at(row, "mean"))) })),
    days);
}
