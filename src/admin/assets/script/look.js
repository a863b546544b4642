// Theme, search, notifications, and whether the gate is asked at all and holds.

const THEMES = ["auto", "dark", "light"];

function showTheme() {
  const theme = document.documentElement.dataset.theme ?? "auto";
  byId("theme").textContent = `Theme: ${theme}`;
  return theme;
}

byId("theme").addEventListener("click", () => {
  const theme = THEMES[(THEMES.indexOf(showTheme()) + 1) % THEMES.length];
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  kept.set("theme", theme === "auto" ? "" : theme);
  showTheme();
});
showTheme();

function search() {
  const wanted = byId("search")?.value.trim().toLowerCase() ?? "";
  const says = (card) => card.textContent.toLowerCase().includes(wanted);
  for (const card of cards()) card.hidden = wanted !== "" && !says(card);
  for (const group of list.querySelectorAll(".likes")) {
    group.hidden = [...group.querySelectorAll(".card")].every((card) => card.hidden);
    if (wanted && !group.hidden) group.querySelector("details").open = true;
  }
  if (byId("unfound")) byId("unfound").hidden = cards().length === 0 || cards().some((card) => !card.hidden);
}

byId("search")?.addEventListener("input", search);

const canNotify = "Notification" in window;
const notifies = () => canNotify && kept.get("notify") === "on" && Notification.permission === "granted";
const showNotify = () => byId("notify").setAttribute("aria-pressed", String(notifies()));

byId("notify").hidden = !canNotify;
byId("notify").addEventListener("click", async () => {
  const on = !notifies() && (await Notification.requestPermission()) === "granted";
  kept.set("notify", on ? "on" : "off");
  showNotify();
});
showNotify();

/** Tells of a new card: in the page to a screen reader, and outside of it to whoever looks elsewhere. */
function tellOfNew(card) {
  say(`New: ${sentenceOf(card)}`);
  if (!notifies() || document.hasFocus()) return;
  const notification = new Notification("A call waits for a decision", { body: sentenceOf(card), tag: card.id });
  notification.onclick = () => {
    window.focus();
    if (card.isConnected) card.focus();
  };
}

/** While nothing waits: when the gate was asked last, and how it tried itself. A gate that nobody asks guards nothing. */
async function showAsked() {
  const empty = document.querySelector("#empty:not([hidden])");
  if (!empty || !connected) return;
  const { asked_at: asked, canary } = await fetch("/readyz").then((answer) => answer.json());
  tellWhen(empty.querySelector(".asked"), "A gateway last asked this replica at ", asked);
  const line = empty.querySelector(".canary");
  if (canary.error) {
    line.textContent = `A probe of this replica by itself failed: ${canary.error}`;
  } else if (canary.age_seconds !== null) {
    const sang = new Date(Date.now() - canary.age_seconds * 1000).toISOString();
    tellWhen(line, "This replica last parked and refused a probe of its own at ", sang);
  }
  showTimes();
}

function tellWhen(line, text, at) {
  if (!at) return;
  line.textContent = text;
  line.append(Object.assign(document.createElement("time"), { dateTime: at, textContent: at }), ".");
}

setInterval(() => showAsked().catch(() => {}), 10_000);
