// Keeps the cards true, and never touches what a reviewer types.

const offline = byId("offline");
const LINGER = 15_000;
/** One after the other, so that new cards keep their order. */
let fetching = Promise.resolve();

/** Fetches a card, or what is left of it. */
function load(id) {
  fetching = fetching.then(async () => {
    const known = byId(id);
    if (!known && alone) return;
    if (!known && cards().length >= ROOM) {
      later.add(id);
      return showCount();
    }
    const answer = await fetch(`/cards/${id}`);
    if (answer.status === 404) return gone(id, "");
    if (!answer.ok) return;
    const fetched = element(await answer.text());
    if (fetched.matches(".ended")) return end(id, fetched);
    if (known && !isOver(known)) return update(id, fetched.querySelector(".standing"));
    still(() => (known ? known.replaceWith(fetched) : list.append(fetched)));
    showTimes();
    search();
    if (!known) tellOfNew(fetched);
  }).catch(() => {});
}

function update(id, standing) {
  still(() => byId(id).querySelector(".standing").replaceWith(standing));
  showTimes();
}

function gone(id, html) {
  if (later.delete(id)) showCount();
  end(id, element(html || '<p class="ended">The store no longer has this.</p>'));
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
  const [next] = later;
  if (next && cards().length < ROOM && later.delete(next)) load(next);
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
    later.clear();
    const health = document.querySelector("#empty .health");
    if (health) health.textContent = "Nothing waits for a decision. The store answers.";
    for (const card of openCards()) if (!ids.includes(card.id)) load(card.id);
    refresh();
    showAsked().catch(() => {});
  });
  on("card", ({ id, html }) => {
    const known = byId(id);
    if (known && !isOver(known)) update(id, element(html));
    else load(id);
  });
  // A card that is still being fetched comes first, and is no longer what it was.
  on("gone", ({ id, html }) => { fetching = fetching.then(() => gone(id, html)); });
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
