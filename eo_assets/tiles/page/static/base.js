// What lies below and around the pictures, without any other host: land, graticule, regions.

const { L } = window;

export const PANES = { land: 150, relief: 180, picture: 210, other: 220, lines: 350 };

export function makeMap() {
  const map = L.map("map", { minZoom: 2, maxZoom: 18, zoomSnap: 0.5, zoomControl: false, worldCopyJump: true });
  for (const [name, order] of Object.entries(PANES)) {
    map.createPane(name).style.zIndex = order;
  }
  for (const name of ["land", "lines"]) map.getPane(name).style.pointerEvents = "none";
  map.attributionControl.setPrefix(false);
  L.control.zoom({ position: "topright" }).addTo(map);
  L.control.scale({ imperial: false, position: "bottomright" }).addTo(map);
  map.attributionControl.addAttribution("Land: Natural Earth");
  // panels come and go beside it
  new ResizeObserver(() => map.invalidateSize()).observe(map.getContainer());
  return map;
}

// TopoJSON keeps each border once, as differences of whole numbers.
function arcsOf({ arcs, transform: { scale, translate } }) {
  return arcs.map((arc) => {
    let [x, y] = [0, 0];
    return arc.map(([dx, dy]) => {
      [x, y] = [x + dx, y + dy];
      return [y * scale[1] + translate[1], x * scale[0] + translate[0]];
    });
  });
}

const ringOf = (arcs, numbers) =>
  numbers.flatMap((number) => (number < 0 ? [...arcs[~number]].reverse() : arcs[number]));

export async function addLand(map) {
  const address = new URL("vendor/world-atlas/countries-110m.json", import.meta.url);
  const world = await (await fetch(address)).json();
  const arcs = arcsOf(world);
  const own = { pane: "land", interactive: false };
  for (const country of world.objects.countries.geometries) {
    const polygons = country.type === "Polygon" ? [country.arcs] : country.arcs;
    const rings = polygons.map((polygon) => polygon.map((numbers) => ringOf(arcs, numbers)));
    L.polygon(rings, { ...own, className: "land" }).addTo(map);
  }
}

const STEPS = [30, 15, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005];

export const degrees = (value, positive, negative) =>
  `${Number(Math.abs(value).toFixed(4))}° ${value < 0 ? negative : positive}`;

export function addGraticule(map) {
  const lines = L.layerGroup().addTo(map);
  const own = { pane: "lines", interactive: false };
  const label = (place, text, kind) =>
    L.marker(place, {
      ...own, keyboard: false,
      icon: L.divIcon({ className: `degrees ${kind}`, html: text, iconSize: null }),
    }).addTo(lines);
  const draw = () => {
    lines.clearLayers();
    const view = map.getBounds();
    const [west, east] = [view.getWest(), view.getEast()];
    const [south, north] = [Math.max(view.getSouth(), -85), Math.min(view.getNorth(), 85)];
    const step = STEPS.findLast((one) => (east - west) / one <= map.getSize().x / 130) ?? STEPS[0];
    const line = (ends) => L.polyline(ends, { ...own, className: "graticule" }).addTo(lines);
    for (let x = Math.ceil(west / step) * step; x <= east; x += step) {
      line([[south, x], [north, x]]);
      label([south, x], degrees(x, "E", "W"), "below");
    }
    for (let y = Math.ceil(south / step) * step; y <= north; y += step) {
      line([[y, west], [y, east]]);
      label([y, west], degrees(y, "N", "S"), "beside");
    }
  };
  map.on("moveend", draw);
  draw();
}

const latLng = (ring) => ring.map(([lon, lat]) => [lat, lon]);

export function outlineOf({ type, coordinates }) {
  const polygons = type === "Polygon" ? [coordinates] : coordinates;
  return polygons.map((polygon) => polygon.map(latLng));
}

export function addOutlines(map, regions) {
  for (const { outline } of regions) {
    // dark below light: seen on snow and on forest
    for (const className of ["outline-below", "outline"]) {
      L.polygon(outlineOf(outline), { pane: "lines", interactive: false, className }).addTo(map);
    }
  }
}

export const boundsOf = ([west, south, east, north]) => L.latLngBounds([south, west], [north, east]);
