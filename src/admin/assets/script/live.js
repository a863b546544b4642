// Keeps the cards true, and never touches what a reviewer types.

const offline = byId("offline");
const LINGER = 15_000;
/** What has to be looked at: one after the other, so that new cards keep their order. */
const wanted = new Set();
let looking = false;
let filling = 0;

/** Looks at a card anew, or at what is left of it. */
function load(id) {
  wanted.add(id);
  goOn();
}

function goOn() {
  if (wanted.size === 0) fill();
  else if (!looking) lookAtAll();
}

async function lookAtAll() {
  looking = true;
  for (const id of wanted) {
    wanted.delete(id);
    if (!byId(id) && !hasRoom()) continue;
    const found = await fetch(`/cards/${id}`).catch(() => null);
    if (found?.ok) show(id, element(await found.text()));
    else if (found?.status === 404) end(id, element('<p class="ended">The store no longer has this.</p>'));
    else {
      // Nobody tells of this change again.
      wanted.add(id);
      await new Promise((later) => setTimeout(later, 1000));
      if (!connected) break;
    }
  }
  looking = false;
  fill();
}

function show(id, found) {
  const known = byId(id);
  if (found.matches(".ended")) return end(id, found);
  if (known && !isOver(known)) return update(id, found.querySelector(".standing"));
  still(() => (known ? known.replaceWith(found) : list.append(found)));
  showTimes();
  search();
  if (!known) tellOfNew(found);
}

/** Whether one more card can be shown; what has no room is asked for again. */
function hasRoom() {
  const room = cards().length < ROOM;
  if (!room && !crowded) {
    crowded = true;
    showCount();
  }
  return room;
}

/** Where there is room again for what waits, asks what that is. Not at every card: a crowd changes all the time. */
function fill() {
  if (!crowded || filling || !connected || cards().length >= ROOM) return;
  filling = setTimeout(() => {
    filling = 0;
    connect();
  }, 1000);
}

function update(id, standing) {
  still(() => byId(id).querySelector(".standing").replaceWith(standing));
  showTimes();
}

/** Lets a card say what stands. It fades, or folds to a line under which stays what was typed. */
function end(id, line) {
  const card = byId(id);
  if (!card) return;
  const known = card.querySelector(".ended");
  if (known) return known.replaceWith(line);
  const typed = reasonOf(card).value !== "";
  // The page of one approval tells more of it than a line.
  if (alone && !typed) return location.reload();
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
  if (!alone) setTimeout(makeRoom, LINGER, card);
}

/** Makes room once nobody has a hand on the list. */
function makeRoom(card) {
  if (list.querySelector(".card:hover, .card:focus-within")) return setTimeout(makeRoom, 2000, card);
  still(() => {
    if (!card.querySelector(".decide")) return card.remove();
    card.classList.add("folded");
    card.style.minHeight = "";
  });
  fill();
}

function disconnected(why) {
  connected = false;
  offline.textContent = `${why} What you see may be old, so deciding is off. Connecting …`;
  offline.hidden = false;
  refresh();
}

let events;

/** What all events say. */
function heard(news) {
  ahead = Date.parse(news.now) - Date.now();
  open = news.open;
  offline.hidden = true;
  if (!connected) {
    connected = true;
    refresh();
  }
  const health = document.querySelector("#empty .health");
  if (health) health.textContent = "Nothing waits for a decision. The store answers.";
}

/** Listens from now on. Who asks anew, rather than being connected again by the browser, is told of all that waits. */
function connect() {
  events?.close();
  events = new EventSource("/events");
  const on = (name, act) => events.addEventListener(name, (event) => act(JSON.parse(event.data)));
  on("sync", (news) => {
    heard(news);
    crowded = !alone && news.more;
    const versions = new Map(news.cards);
    for (const card of openCards()) if (versionOf(card) !== versions.get(card.id)) load(card.id);
    for (const id of versions.keys()) if (!alone && (!byId(id) || isOver(byId(id)))) load(id);
    showCount();
    goOn();
    showAsked().catch(() => {});
  });
  on("changed", (news) => {
    heard(news);
    for (const id of news.ids) if (byId(id) || !(alone || crowded)) load(id);
    showCount();
    goOn();
  });
  let trouble;
  on("trouble", (why) => {
    trouble = `${why}.`;
    const health = document.querySelector("#empty .health");
    if (health) health.textContent = "What is pending cannot be seen: the store does not answer.";
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

setInterval(showTimes, 1000);
showTimes();
if (list.isConnected) {
  refresh();
  if (!alone || list.querySelector(".standing")) connect();
}
