// What the page says of itself: that it is working, what is wrong, what to do.

import { byId, el } from "./dom.js";

const working = new Map();

export function busy(what, text) {
  if (text) working.set(what, text);
  else working.delete(what);
  byId("busy").textContent = [...working.values()].at(-1) ?? "";
  document.body.toggleAttribute("data-busy", working.size > 0);
}

const problems = new Map();

// One problem a topic; null when it is over.
export function problem(topic, error) {
  if (error?.name === "AbortError") return;
  if (error) problems.set(topic, error);
  else problems.delete(topic);
  const [shown] = [...problems.values()].slice(-1);
  byId("problem").replaceChildren(
    ...(shown
      ? [
          el("p", {}, el("strong", {}, shown.message), " ", shown.remedy ?? ""),
          el("button", {
            type: "button", "aria-label": "Close this message",
            onclick: () => problem(topic, null),
          }, "×"),
        ]
      : [])
  );
  // anything else is a fault of the page itself
  if (error && error.remedy === undefined) console.error(error);
}

export async function told(topic, text, work) {
  busy(topic, text);
  try {
    const found = await work();
    problem(topic, null);
    return found;
  } catch (error) {
    problem(topic, error);
    return null;
  } finally {
    busy(topic, "");
  }
}
