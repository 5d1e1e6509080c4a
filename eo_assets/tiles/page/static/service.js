// Asking the service. What goes wrong is a Problem that says what to do.

const KEPT = "eo-assets tiles token";
let token = sessionStorage.getItem(KEPT) ?? "";

export class Problem extends Error {
  constructor(detail, remedy = "", status = 0) {
    super(detail);
    this.remedy = remedy;
    this.status = status;
  }
}

export function useToken(text) {
  token = text.trim();
  sessionStorage.setItem(KEPT, token);
}

export async function problemOf(response) {
  const found = await response.json().catch(() => ({}));
  return new Problem(
    found.detail || `The service answered ${response.status}.`, found.remedy, response.status
  );
}

async function answer(path, { body, signal, accept = "application/json" } = {}) {
  const headers = { Accept: accept };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method: body ? "POST" : "GET", body: body && JSON.stringify(body), headers, signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(
      "The tile service does not answer.", "See whether it still runs, then try again."
    );
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

export const ask = async (path, settings) => (await answer(path, settings)).json();

// Lines of JSON, each as soon as it comes; a line with a problem is thrown.
export async function* lines(path, settings) {
  const response = await answer(path, { ...settings, accept: "application/x-ndjson" });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const whole = (rest + value).split("\n");
    rest = whole.pop();
    for (const line of whole.filter(Boolean)) {
      const row = JSON.parse(line);
      if (row.problem) throw new Problem(row.problem, row.remedy);
      yield row;
    }
  }
}

// The same request makes the same layer: asked for once.
const made = new Map();

export function layer(request) {
  const key = JSON.stringify(request);
  if (!made.has(key)) {
    const asked = ask("layers", { body: request });
    made.set(key, asked);
    asked.catch(() => made.delete(key));
  }
  return made.get(key);
}

// Signed addresses last for hours; after that layers are asked for again.
export const forgetLayers = () => made.clear();
