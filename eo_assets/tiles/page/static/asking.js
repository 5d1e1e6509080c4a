// From what is chosen to what the service is asked for.

const PRODUCT = "product:";
export const asProduct = (id) => PRODUCT + id;

export const collectionOf = (catalogue, choice) =>
  catalogue.collections.find((one) => one.id === choice.collection);

export const productOf = (catalogue, choice) =>
  catalogue.products.find((one) => asProduct(one.id) === choice.view);

export const showsClasses = (product) => ["clusters", "land_cover"].includes(product?.step);

// Where names and colours of stored classes are told; signed like the product's other addresses.
export const classesOf = (product) => showsClasses(product)
  ? product.links.info.replace(`/${product.step}/info`, `/${product.step}/classes`) : null;

export const viewOf = (catalogue, choice) =>
  collectionOf(catalogue, choice).views.find((one) => one.name === choice.view);

const shownBy = (view) => (view.index ? { index: view.index } : { bands: view.bands });

export const titleOf = (view) =>
  view.index ? `${view.index.toUpperCase()}: ${view.title}` : view.title;

// The request of a picture: of a stored product, one day, or a period.
export function pictureRequest(catalogue, choice, day = choice.day) {
  const product = productOf(catalogue, choice);
  if (product) return { product: product.id };
  const common = {
    region: choice.region, collection: choice.collection, masked: choice.masked,
    ...shownBy(viewOf(catalogue, choice)),
  };
  if (choice.mode === "day") return { ...common, first: day, last: day };
  return { ...common, first: choice.first, last: choice.last, composite: choice.composite };
}

// What a series may be of: indices, and single bands of the collection.
export function seriesChoices(catalogue, choice) {
  const { views, bands } = collectionOf(catalogue, choice);
  return {
    indices: views.filter((one) => one.index),
    bands: bands.map(({ name, title }) => ({ name, title, bands: [name] })),
  };
}

export function seriesOf(catalogue, choice) {
  const { indices, bands } = seriesChoices(catalogue, choice);
  const shown = viewOf(catalogue, choice);
  const wanted = choice.series || shown?.index || (shown?.bands.length === 1 ? shown.bands[0] : "");
  return [...indices, ...bands].find((one) => one.name === wanted) ?? indices[0] ?? bands[0];
}

export function seriesPeriod(choice) {
  if (choice.mode === "period" && choice.first && choice.last) return [choice.first, choice.last];
  return [`${choice.year}-01-01`, `${choice.year}-12-31`];
}

const MOST_SCENES = 200;

// A layer has at most so many scenes: of a year with more, the least cloudy ones.
export function leastCloudy(days, most = MOST_SCENES) {
  const clouds = days.flatMap((day) => day.scenes.map((scene) => scene.cloud_cover_pct ?? 0));
  if (clouds.length <= most) return 100;
  clouds.sort((a, b) => a - b);
  // scenes of equal cloud fall on one side
  return clouds.filter((cloud) => cloud < clouds[most]).at(-1) ?? 0;
}

export function seriesRequest(catalogue, choice, days) {
  const [first, last] = seriesPeriod(choice);
  const cloud = leastCloudy(days.filter((day) => day.date >= first && day.date <= last));
  return {
    region: choice.region, collection: choice.collection, masked: choice.masked, first, last,
    ...(cloud < 100 ? { max_cloud_cover_pct: cloud } : {}),
    ...shownBy(seriesOf(catalogue, choice)),
  };
}

export function unitOf(catalogue, choice, view) {
  if (view.index) return "index, no unit";
  const { bands } = collectionOf(catalogue, choice);
  const units = bands.find((one) => one.name === view.bands[0])?.units ?? "1";
  return units === "1" ? "reflectance, 0 to 1" : units;
}

// Relief of the surroundings: a graph of operations, computed by the service like any layer.
export function reliefRequest([west, south, east, north]) {
  const ring = [[west, south], [east, south], [east, north], [west, north], [west, south]];
  return {
    title: "Shaded relief",
    graph: {
      schema_version: 2,
      result: "shown",
      nodes: {
        scenes: {
          op: "load_search", collection: "cop-dem-glo-30", bands: ["elevation"],
          outline: { type: "Polygon", coordinates: [ring] },
          // the elevation model bears the dates of its publication
          first: "2017-01-01", last: "2026-12-31", max_scenes: 60,
        },
        ground: { op: "composite", data: "scenes", method: "first" },
        relief: {
          op: "function", data: "ground", name: "multidirectional_hillshade",
          inputs: ["elevation"], halo_px: 1, output: "relief",
        },
        shown: {
          op: "render", data: "relief", bands: ["relief"], stretch: [[40, 255]], colormap: "gray",
        },
      },
    },
  };
}
