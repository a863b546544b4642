// Keeps the cards true, and never touches what a reviewer types.

const list = document.getElementById("cards");
const offline = document.getElementById("offline");
const empty = document.getElementById("empty");
const LINGER = 15_000;
/** How far the server's clock is ahead of this one, in milliseconds. */
let ahead = 0;
let connected = false;
/** The decision last sent from a card: sent again, it keeps its key and counts once. */
const sent = new WeakMap();
/** One after the other, so that new cards keep their order. */
let fetching = Promise.resolve();

const cardOf = (id) => document.getElementById(id);
const reasonOf = (card) => card.querySelector("textarea");
const isOver = (card) => card.classList.contains("over");
const say = (text) => { document.getElementById("said").textContent = text; };
const note = (card, text) => { card.querySelector(".note").textContent = text; };

function element(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

/** Changes the page without moving what the reviewer points at or types in. */
function still(change) {
  const inHand = list.querySelector(".card:focus-within .decide") ?? list.querySelector(".card:hover .decide");
  const before = inHand?.getBoundingClientRect().top;
  change();
  if (inHand?.isConnected) scrollBy(0, inHand.getBoundingClientRect().top - before);
  refresh();
}

/** Brings up to date what follows from the cards: buttons, title, the empty state. */
function refresh() {
  const open = [...list.children].filter((card) => !isOver(card));
  for (const card of open) {
    const may = connected && !card.dataset.busy && card.querySelector(".standing").hasAttribute("data-can-decide");
    card.querySelectorAll(".verdicts button").forEach((button) => { button.disabled = !may; });
  }
  document.title = open.length ? `(${open.length}) Holdpoint` : "Holdpoint";
  empty.hidden = list.children.length > 0;
}

function showTimes() {
  for (const time of document.querySelectorAll("time:not([title])")) {
    time.title = time.dateTime;
    const at = new Date(time.dateTime);
    const today = at.toDateString() === new Date().toDateString();
    time.textContent = today ? at.toLocaleTimeString() : at.toLocaleString();
  }
  for (const standing of document.querySelectorAll(".standing")) {
    const left = Math.round((Date.parse(standing.dataset.deadline) - Date.now() - ahead) / 1000);
    const [hours, minutes, seconds] = [left / 3600, (left / 60) % 60, left % 60].map(Math.floor);
    const text = hours ? `${hours} h ${minutes} min` : minutes ? `${minutes} min ${seconds} s` : `${seconds} s`;
    standing.querySelector(".countdown").textContent = left > 0 ? `${text} left` : "time is up";
  }
}

/** Fetches a card, or what is left of it. */
function load(id) {
  fetching = fetching.then(async () => {
    const answer = await fetch(`/cards/${id}`);
    if (answer.status === 404) return gone(id, "");
    if (!answer.ok) return;
    const fetched = element(await answer.text());
    if (fetched.matches(".ended")) return end(id, fetched);
    const known = cardOf(id);
    if (known && !isOver(known)) return update(id, fetched.querySelector(".standing"));
    still(() => (known ? known.replaceWith(fetched) : list.append(fetched)));
    showTimes();
    say(`New: ${fetched.querySelector("h2").textContent}`);
  }).catch(() => {});
}

function update(id, standing) {
  still(() => cardOf(id).querySelector(".standing").replaceWith(standing));
  showTimes();
}

function gone(id, html) {
  end(id, element(html || '<p class="ended">The store no longer has this.</p>'));
}

/** Lets a card say what stands. It fades, or folds to a line under which stays what was typed. */
function end(id, line) {
  const card = cardOf(id);
  if (!card) return;
  const known = card.querySelector(".ended");
  if (known) return known.replaceWith(line);
  const typed = reasonOf(card).value !== "";
  still(() => {
    // It keeps its height for now, so that nothing moves under a pointer.
    card.style.minHeight = `${card.offsetHeight}px`;
    card.classList.add("over");
    card.querySelector(".standing").replaceWith(line);
    if (!typed) return card.querySelector(".decide").remove();
    reasonOf(card).readOnly = true;
    const dismiss = element('<button type="button">Dismiss</button>');
    dismiss.addEventListener("click", () => still(() => card.remove()));
    card.querySelector(".decide").append(dismiss);
  });
  say(line.textContent);
  setTimeout(leave, LINGER, card);
}

/** Makes room once nobody has a hand on the list. */
function leave(card) {
  if (list.querySelector(".card:hover, .card:focus-within")) return setTimeout(leave, 2000, card);
  still(() => {
    if (!card.querySelector(".decide")) return card.remove();
    card.classList.add("folded");
    card.style.minHeight = "";
  });
}

function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function decide(card, verdict) {
  const { fingerprint } = card.dataset;
  const { incarnation } = card.querySelector(".standing").dataset;
  const body = JSON.stringify({ verdict, reason: reasonOf(card).value, fingerprint, incarnation });
  if (sent.get(card)?.body !== body) sent.set(card, { body, key: newKey() });
  const headers = { "content-type": "application/json", "idempotency-key": sent.get(card).key };
  card.dataset.busy = "true";
  note(card, "Sending …");
  refresh();
  try {
    const answer = await fetch(`/v1/approvals/${card.id}/decisions`, { method: "POST", headers, body });
    const said = await answer.json();
    if (answer.ok) {
      note(card, `Recorded: ${verdict}.`);
      reasonOf(card).value = "";
      if (isOver(card)) card.querySelector(".decide").remove();
      else load(card.id);
    } else {
      const again = answer.status === 503 ? " Your text is kept; try again." : "";
      note(card, `Not recorded: ${said.detail}.${again}`);
      if (answer.status === 409) load(card.id);
    }
  } catch {
    note(card, "No answer came, so it may be recorded or not. Your text is kept; sending it again counts once.");
  }
  delete card.dataset.busy;
  refresh();
}

function disconnected(why) {
  connected = false;
  offline.textContent = `${why} What you see may be old, so deciding is off. Connecting …`;
  offline.hidden = false;
  refresh();
}

function connect() {
  const events = new EventSource("/events");
  const on = (name, act) => events.addEventListener(name, (event) => act(JSON.parse(event.data)));
  on("sync", ({ now, ids }) => {
    ahead = Date.parse(now) - Date.now();
    connected = true;
    offline.hidden = true;
    empty.textContent = "Nothing waits for a decision. The store answers.";
    for (const card of list.children) if (!isOver(card) && !ids.includes(card.id)) load(card.id);
    refresh();
  });
  on("card", ({ id, html }) => {
    const known = cardOf(id);
    if (known && !isOver(known)) update(id, element(html));
    else load(id);
  });
  on("gone", ({ id, html }) => gone(id, html));
  let trouble;
  on("trouble", (why) => {
    trouble = `${why}.`;
    empty.textContent = "What is pending cannot be seen: the store does not answer.";
  });
  events.addEventListener("error", () => {
    disconnected(trouble ?? "Not connected.");
    trouble = undefined;
    if (events.readyState !== EventSource.CLOSED) return;
    // Refused rather than lost: the browser does not try again, and the session may have ended.
    const ended = () => disconnected("Your session has ended: sign in again in another tab.");
    fetch("/cards/none").then((answer) => answer.status === 401 && ended()).catch(() => {});
    setTimeout(connect, 3000);
  });
}

list.addEventListener("click", (event) => {
  const button = event.target.closest(".verdicts button");
  if (button) decide(button.closest(".card"), button.value);
});
setInterval(showTimes, 1000);
showTimes();
refresh();
connect();
