// Making elements. Text is always set as text: nothing a catalogue says becomes markup.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

export const el = (tag, attributes = {}, ...children) =>
  filled(document.createElement(tag), attributes, children);

export const svg = (tag, attributes = {}, ...children) =>
  filled(document.createElementNS(SVG, tag), attributes, children);

export function options(select, entries, chosen) {
  // entries: [value, text] or {label, entries}
  const option = ([value, text]) => el("option", { value }, text);
  select.replaceChildren(
    ...entries.map((entry) =>
      Array.isArray(entry)
        ? option(entry)
        : el("optgroup", { label: entry.label }, entry.entries.map(option))
    )
  );
  if (chosen !== undefined) select.value = chosen;
}

export const colour = (value) =>
  // a swatch; its colour as a presentation attribute, which the page's policy allows
  svg("svg", { class: "swatch", viewBox: "0 0 10 10", "aria-hidden": "true" },
    svg("rect", { width: 10, height: 10, fill: value }));

export function saved(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  el("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
