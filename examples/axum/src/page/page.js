"use strict";

const $ = (id) => document.getElementById(id);

/** What can be shown as one row, and what is sent to write it. */
const KINDS = {
  posts: {
    label: "Title",
    text: (row) => row.title,
    change: (text) => ({ title: text }),
    fresh: () => ({ author_id: 1, title: `A new post of ${clock()}`, tags: [1, 2] }),
  },
  users: {
    label: "Name",
    text: (row) => row.name,
    change: (text) => ({ name: text }),
    fresh: () => ({ name: "A new user", email: `user-${Date.now()}@example.org` }),
  },
  tags: {
    label: "Word",
    text: (row) => row.word,
    change: (text) => ({ word: text }),
    fresh: () => ({ word: `new at ${clock()}` }),
  },
};

/** The entities of the service, and their stores. One that was not used yet is not counted. */
const ENTITIES = [["users", "default"], ["posts", "default"], ["tags", "tags"], ["post_tags", "default"]];

/** Columns of the entities: a heading, and what is counted. */
const COLUMNS = [
  ["Hits", "hits"],
  ["Tombstones", "tombstone_hits"],
  ["Misses", "misses"],
  ["Coalesced", "coalesced"],
  ["Bypasses", "bypasses"],
  ["Saved", "publishes"],
  ["Invalidated", "invalidations"],
];
const LOG_MAX = 6;
const NO_TAG = 999999999;
/** The chart's lowest and highest time, in microseconds. */
const SHORTEST = 10;
const LONGEST = 100000;

const clock = () => new Date().toLocaleTimeString("en-GB");
const kind = () => KINDS[$("entity").value];
const rowPath = () => `/api/${$("entity").value}/${$("id").value}`;
const plural = (count, one, many) => `${count} ${count === 1 ? one : many}`;
const millis = (value) => `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ms`;

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// Requests

/** Sends a request. What it has cost is in the header that browsers know, too. */
async function send(method, path, body) {
  const options = { method, headers: body ? { "content-type": "application/json" } : {} };
  if (body) options.body = JSON.stringify(body);
  const response = await fetch(path, options);
  const text = await response.text();
  let data = null;
  try { data = text ? JSON.parse(text) : null; } catch { data = { error: text }; }
  const timing = response.headers.get("server-timing") || "";
  const cost = /^(\w+);dur=([\d.]+), sql;desc="(\d+)", trips;desc="(\d+)"/.exec(timing);
  return {
    method, path, data, ok: response.ok, status: response.status,
    how: cost ? cost[1] : "write", millis: cost ? Number(cost[2]) : 0,
    sql: cost ? Number(cost[3]) : 0, trips: cost ? Number(cost[4]) : 0,
  };
}

const HOW = {
  hit: "A hit: the cache answered.",
  tombstone: "A tombstone: the cache knows that there is no such row.",
  miss: "A miss: the database answered, and the cache keeps it.",
  coalesced: "Coalesced: it waited for another reader's database read.",
  bypass: "A bypass: the database answered, and nothing was cached.",
};

const QUEUED = "Written. Redis does not know yet, so the invalidation is queued: until it is there, the database answers.";

/**
 * The buttons. Each says what came of it: `done`, or `absent` where there is no such row, or `refused`. What `wrote`
 * may have been written while the cache was away.
 */
const ACTIONS = {
  async read() {
    const answer = await send("GET", rowPath());
    if (answer.ok) $("text").value = kind().text(answer.data);
    return { answer, done: HOW[answer.how], absent: HOW[answer.how] };
  },
  async herd() {
    const answer = await send("POST", `/live/herd/${$("entity").value}/${$("id").value}`);
    return { answer, done: `100 readers of an empty key: ${plural(answer.sql, "database read", "database reads")}.` };
  },
  async save() {
    const answer = await send("PATCH", rowPath(), kind().change($("text").value));
    if (answer.ok) $("text").value = kind().text(answer.data);
    return { answer, wrote: true, done: "Saved. The cache has the new row: read it." };
  },
  async delete() {
    const answer = await send("DELETE", rowPath());
    return { answer, wrote: true, done: "Deleted. A tombstone is in its place: read it." };
  },
  async create() {
    const answer = await send("POST", `/api/${$("entity").value}`, kind().fresh());
    if (answer.ok) {
      $("id").value = answer.data.id;
      $("text").value = kind().text(answer.data);
    }
    return { answer, wrote: true, done: `Created, with the id ${$("id").value}. It is in the cache already.` };
  },
  async rollback() {
    const answer = await send("PATCH", rowPath(), { title: "This is never committed", tags: [NO_TAG] });
    return { answer, refused: "Rolled back: the entry is as it was." };
  },
  async bulk() {
    const answer = await send("POST", "/api/jobs/like-posts");
    const done = `${plural(answer.data.rows, "row", "rows")} changed by one statement. The cache has them as they are now.`;
    return { answer, wrote: true, done };
  },
};

async function act(name, button) {
  if (!$("row").reportValidity() || button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  try {
    const outcome = await ACTIONS[name]();
    log(outcome.answer);
    await showEntry();
    $("answer").textContent = wordsOf(outcome);
  } catch {
    $("answer").textContent = "The service does not answer.";
  }
  button.removeAttribute("aria-busy");
}

function wordsOf({ answer, done = "", absent = "", refused = "", wrote = false }) {
  if (answer.ok) return wrote && shown?.entry.bypassed ? QUEUED : done;
  if (answer.status === 404) return `404: there is no such row. ${absent}`;
  return `${answer.status}: ${answer.data.error}. ${refused}`;
}

function log(answer) {
  const failed = answer.status >= 400 && answer.status !== 404;
  const item = element("li");
  item.append(element("span", `how ${failed ? "failed" : answer.how}`, failed ? "refused" : answer.how));
  item.append(element("code", "", `${answer.method} ${answer.path} → ${answer.status}`));
  const cost = `${millis(answer.millis)} · ${answer.sql} SQL · ${plural(answer.trips, "round trip", "round trips")}`;
  item.append(element("span", "cost", cost));
  $("log").prepend(item);
  while ($("log").children.length > LOG_MAX) $("log").lastChild.remove();
}

// The entry of the row

const STATES = {
  row: "Row",
  tombstone: "Tombstone",
  absent: "Nothing",
  lease: "Lease of a reader",
  intent: "Write intent",
  unreachable: "Out of reach",
};

/** The entry that is shown, and when it was asked for: between two answers it ages by itself. */
let shown = null;

async function showEntry() {
  const asked = `${$("entity").value}/${$("id").value}`;
  const response = await fetch(`/live/entry/${asked}`).catch(() => null);
  if (!response?.ok || asked !== `${$("entity").value}/${$("id").value}`) return;
  const entry = await response.json();
  shown = { entry, at: performance.now() };
  $("key").textContent = entry.key;
  $("entry").dataset.state = entry.state;
  $("state").textContent = STATES[entry.state] || entry.text;
  $("columns-of-row").replaceChildren(...entry.columns.map(([name, value]) => {
    const pair = element("div");
    pair.append(element("dt", "", name), element("dd", "", value.replace(/^'|'$/g, "")));
    return pair;
  }));
  ageEntry();
}

function ageEntry() {
  if (!shown) return;
  const { entry, at } = shown;
  const passed = (performance.now() - at) / 1000;
  const left = entry.ttl_seconds === null ? null : Math.max(0, entry.ttl_seconds - passed);
  const old = entry.age_seconds === null ? null : entry.age_seconds + passed;
  const parts = [];
  if (entry.bytes) parts.push(`${entry.bytes} bytes`);
  if (old !== null) parts.push(`${seconds(old)} old`);
  if (left !== null) parts.push(`expires in ${seconds(left)}`);
  if (entry.bypassed) parts.push("readers ask the database");
  $("age").textContent = parts.join(" · ");
  const share = left === null || old === null ? 0 : left / (left + old);
  $("ttl").style.width = `${100 * share}%`;
}

function seconds(value) {
  const whole = Math.floor(value);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

// What the service says

function showReads(reads) {
  const bars = $("bars");
  while (bars.children.length < reads.length) bars.append(element("span"));
  reads.forEach((read, index) => {
    const share = Math.log(Math.max(read.micros, SHORTEST) / SHORTEST) / Math.log(LONGEST / SHORTEST);
    const bar = bars.children[index];
    bar.className = read.outcome;
    bar.style.height = `${Math.min(100, 2 + 98 * share)}%`;
    bar.title = `${read.path}: ${read.outcome}, ${millis(read.micros / 1000)}`;
  });
  if (!reads.length) return;
  const times = reads.map((read) => read.micros / 1000).sort((a, b) => a - b);
  const median = times[Math.floor(times.length / 2)];
  const text = `${plural(reads.length, "read", "reads")}: median ${millis(median)}, slowest ${millis(times.at(-1))}`;
  $("figures").textContent = text;
  bars.setAttribute("aria-label", text);
}

function showStores({ backends: stores, redis_runs: runs, database }) {
  $("stores").replaceChildren(...stores.map((store) => {
    const item = element("li", store.open ? "open" : "");
    item.append(element("span", "name", `${store.backend} · ${inMemory(store) ? "memory" : "Redis"}`));
    item.append(element("span", "breaker", store.open ? "breaker open" : "breaker closed"));
    const failures = `opened ${plural(store.trips, "time", "times")}, ${plural(store.failures, "failure", "failures")}`;
    item.append(element("span", "more", failures));
    item.append(element("span", "more queued", `${plural(store.queued, "invalidation", "invalidations")} queued`));
    return item;
  }));
  const redis = $("redis");
  redis.hidden = runs === null;
  redis.textContent = runs ? "Stop Redis" : "Start Redis";
  redis.dataset.action = runs ? "stop" : "start";
  const news = newsOf(stores, runs, database);
  // Said only when it is something new.
  if ($("news").textContent !== news) $("news").textContent = news;
}

/** Only a memory store knows how many entries it has. */
const inMemory = ({ entries }) => entries !== null;

function newsOf(stores, runs, database) {
  const queued = stores.some((store) => store.queued > 0);
  if (stores.some((store) => store.open)) {
    const reads = `Redis is away: ${database} answers the reads.`;
    return queued ? `${reads} The invalidations of your writes are queued.` : `${reads} Now save the row.`;
  }
  if (queued) return "Redis is back, and the queued invalidations are on their way to it.";
  if (runs) return "Stop Redis, save the row, and start Redis with the old entry in it: no read is stale.";
  if (runs === false) return "Redis has ended. Read the row: the database answers.";
  if (!stores.every(inMemory)) return "";
  return "All is in the memory of the process. With `cargo run -- --redis` there is a Redis server to stop here.";
}

function cell(row, index) {
  return row.children[index] || row.appendChild(element("td"));
}

function setCell(target, label, value) {
  const text = value.toLocaleString("en");
  if (target.textContent === text) return;
  target.classList.remove("changed");
  void target.offsetWidth;
  if (target.textContent) target.classList.add("changed");
  target.classList.toggle("zero", value === 0);
  target.dataset.label = label;
  target.textContent = text;
}

function showEntities(entities) {
  for (const [name, store] of ENTITIES) {
    const row = document.getElementById(`of-${name}`) || newRow(name, store);
    const counts = entities.find(({ entity }) => entity === name)?.counts ?? {};
    COLUMNS.forEach(([label, count], index) => setCell(cell(row, index + 1), label, counts[count] ?? 0));
    const { hits = 0, tombstone_hits: tombstones = 0, misses = 0, coalesced = 0, bypasses = 0 } = counts;
    const spared = hits + tombstones + coalesced;
    const reads = spared + misses + bypasses;
    const ratio = reads ? Math.round((100 * spared) / reads) : 0;
    row.querySelector(".track span").style.width = `${ratio}%`;
    row.querySelector(".percent").textContent = reads ? `${ratio} %` : "–";
  }
}

function newRow(entity, store) {
  const row = element("tr");
  row.id = `of-${entity}`;
  row.setAttribute("role", "row");
  const name = element("th", "", entity);
  name.scope = "row";
  name.setAttribute("role", "rowheader");
  name.append(element("small", "", `in ${store}`));
  row.append(name);
  for (const [, count] of COLUMNS) {
    const made = element("td");
    made.setAttribute("role", "cell");
    made.dataset.count = count;
    row.append(made);
  }
  const ratio = element("td", "ratio");
  ratio.setAttribute("role", "cell");
  ratio.dataset.label = "Without SQL";
  const value = element("span");
  const track = element("span", "track");
  track.append(element("span"));
  value.append(track, element("span", "percent"));
  ratio.append(value);
  row.append(ratio);
  $("entities").append(row);
  return row;
}

function listen() {
  const events = new EventSource("/live/events");
  const link = (state, text) => { $("link").dataset.state = state; $("link").textContent = text; };
  events.onopen = () => link("live", "live");
  events.onerror = () => link("lost", "connecting again");
  events.onmessage = ({ data }) => {
    const snapshot = JSON.parse(data);
    link("live", `live · ${snapshot.database}`);
    showReads(snapshot.reads);
    showStores(snapshot);
    showEntities(snapshot.entities);
    refreshEntry(snapshot);
  };
}

/** Asks for the entry again if its entity or a store has changed: what others do to it is seen, too. */
function refreshEntry({ entities, backends }) {
  const counts = entities.find(({ entity }) => entity === $("entity").value)?.counts;
  const news = JSON.stringify([counts, backends.map(({ open, queued }) => [open, queued])]);
  if (news !== refreshEntry.last) showEntry();
  refreshEntry.last = news;
}

// The page

function chooseEntity() {
  $("text-label").textContent = kind().label;
  $("text").value = "";
  document.querySelectorAll(".posts-only").forEach((button) => { button.hidden = $("entity").value !== "posts"; });
  showEntry();
}

function start() {
  const columns = ["Entity", ...COLUMNS.map(([label]) => label), "Without SQL"];
  $("columns").append(...columns.map((label) => {
    const heading = element("th", "", label);
    heading.scope = "col";
    heading.setAttribute("role", "columnheader");
    return heading;
  }));
  document.querySelectorAll("#row [data-action]").forEach((button) => {
    button.addEventListener("click", () => act(button.dataset.action, button));
  });
  $("row").addEventListener("submit", (event) => {
    event.preventDefault();
    act("save", $("row").querySelector("[type=submit]"));
  });
  $("entity").addEventListener("change", chooseEntity);
  $("id").addEventListener("change", () => { $("text").value = ""; showEntry(); });
  $("redis").addEventListener("click", async () => {
    const { data, ok } = await send("POST", `/live/redis/${$("redis").dataset.action}`);
    if (!ok) $("news").textContent = data.error;
  });
  setInterval(ageEntry, 1000);
  chooseEntity();
  listen();
}

start();
