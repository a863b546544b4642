// Cards, and how the page changes without moving what a reviewer has in hand.

/** An empty one on pages without cards, so that nobody has to ask. */
const list = document.getElementById("cards") ?? document.createElement("div");
/** Whether this is the page of one approval. */
const alone = list.dataset.alone !== undefined;
/** So many cards a page holds; the server knows this number too. */
const ROOM = 200;
/** Whether more wait than there is room for. */
let crowded = !alone && document.getElementById("more")?.hidden === false;
/** How many approvals are open, with what was approved and has not run. */
let open = 0;
/** How far the server's clock is ahead of this one, in milliseconds. */
let ahead = 0;
let connected = false;

const byId = (id) => document.getElementById(id);
const cards = () => [...list.querySelectorAll(".card")];
const isOver = (card) => card.classList.contains("over");
const openCards = () => cards().filter((card) => !isOver(card));
const reasonOf = (card) => card.querySelector(".decide textarea");
const versionOf = (card) => card.querySelector(".standing")?.dataset.version;
const sentenceOf = (card) => card.querySelector(".standing .unshown")?.textContent ?? "";
const say = (text) => { byId("said").textContent = text; };
const note = (card, text) => { card.querySelector(".note").textContent = text; };
/** Whether a reviewer works on this card: nothing may move it or its text. */
const isInHand = (card) => card.matches(":focus-within") || (reasonOf(card)?.value ?? "") !== "";

function element(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

/** Changes the page without moving what the reviewer points at or types in. */
function still(change) {
  const card = list.querySelector(".card:focus-within") ?? list.querySelector(".card:hover");
  const inHand = card?.querySelector(".decide") ?? card;
  const before = inHand?.getBoundingClientRect().top;
  change();
  refresh();
  if (inHand?.isConnected) scrollBy(0, inHand.getBoundingClientRect().top - before);
}

/** Brings up to date what follows from the cards: groups, buttons, title, the empty state. */
function refresh() {
  collapse();
  for (const card of openCards()) {
    const may = connected && !card.dataset.busy && card.querySelector(".standing")?.hasAttribute("data-can-decide");
    card.querySelectorAll(".verdicts button").forEach((button) => { button.disabled = !may; });
  }
  showSelection();
  showCount();
}

/** How many wait, in the page and in its title. */
function showCount() {
  if (alone || !byId("empty")) return;
  const shown = openCards().length;
  const waiting = crowded ? Math.max(open, shown) : shown;
  document.title = waiting ? `(${waiting}) Holdpoint` : "Holdpoint";
  byId("count").textContent = waiting;
  byId("more").hidden = waiting === shown;
  byId("more").firstElementChild.textContent = waiting - shown;
  byId("empty").hidden = list.children.length > 0;
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
    const text = hours > 0 ? `${hours} h ${minutes} min` : minutes > 0 ? `${minutes} min ${seconds} s` : `${seconds} s`;
    const countdown = standing.querySelector(".countdown");
    countdown.textContent = left > 0 ? `${text} left` : "time is up";
    countdown.classList.toggle("soon", left < 60);
    const spoken = standing.querySelector(".minutes");
    const now = String(Math.max(0, Math.floor(left / 60)));
    if (spoken.textContent !== now) spoken.textContent = now;
  }
}

/** A value that this browser keeps; it may be told not to. */
const kept = {
  get: (name) => { try { return localStorage.getItem(name); } catch { return null; } },
  set: (name, value) => { try { localStorage.setItem(name, value); } catch { /* It lasts as long as the page. */ } },
};
