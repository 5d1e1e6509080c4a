// What is chosen. Kept in the address, so that a link shows the same map.

const DEFAULTS = {
  region: "", collection: "", view: "true_colour", mode: "day", year: "", day: "",
  first: "", last: "", composite: "median", masked: true, opacity: 100,
  compare: false, other: "", split: 0.5, relief: false, footprints: false,
  at: "", point: "", area: "", series: "",
};

const read = {
  boolean: (text) => text === "1",
  number: (text) => (Number.isFinite(Number(text)) ? Number(text) : undefined),
  string: (text) => text.slice(0, 4000),
};
const write = { boolean: (value) => (value ? "1" : "0"), number: String, string: String };

function fromAddress() {
  const found = {};
  for (const [name, text] of new URLSearchParams(location.hash.slice(1))) {
    if (name in DEFAULTS) found[name] = read[typeof DEFAULTS[name]](text) ?? DEFAULTS[name];
  }
  return found;
}

function address(values) {
  const query = new URLSearchParams();
  for (const [name, usual] of Object.entries(DEFAULTS)) {
    if (values[name] !== usual) query.set(name, write[typeof usual](values[name]));
  }
  // commas and colons are allowed there, and links stay readable
  return `#${query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%2F", "/")
    .replaceAll("%3B", ";")}`;
}

export class State {
  #listeners = [];

  constructor() {
    Object.assign(this, DEFAULTS, fromAddress());
    addEventListener("hashchange", () => {
      if (location.hash !== address(this)) this.set({ ...DEFAULTS, ...fromAddress() });
    });
  }

  // told with the names of what has changed
  listen(listener) {
    this.#listeners.push(listener);
  }

  set(changes) {
    const changed = new Set(Object.keys(changes).filter((name) => this[name] !== changes[name]));
    if (!changed.size) return;
    Object.assign(this, changes);
    history.replaceState(null, "", address(this));
    for (const listener of this.#listeners) listener(changed);
  }
}
