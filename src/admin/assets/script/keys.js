// Single keys, for those who want them. No key decides: each leads to what does.

let current = null;
const singleKeys = byId("single-keys");

singleKeys.checked = kept.get("single-keys") !== "off";
singleKeys.addEventListener("change", () => kept.set("single-keys", singleKeys.checked ? "on" : "off"));
byId("keys").addEventListener("click", () => byId("help").showModal());

list.addEventListener("focusin", (event) => { current = event.target.closest(".card"); });

/** The card that keys are about. */
const pointed = () => (current?.isConnected ? current : null);

function step(by) {
  const visible = cards().filter((card) => card.checkVisibility());
  const at = visible.indexOf(pointed());
  const next = visible[at < 0 ? (by > 0 ? 0 : visible.length - 1) : at + by];
  if (!next) return;
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

function unfold(card) {
  const folds = [card.querySelector(".more"), card.nextElementSibling?.querySelector(":scope > details")].filter(Boolean);
  const open = folds.some((fold) => !fold.open);
  for (const fold of folds) fold.open = open;
}

function differences(card) {
  const chosen = alone ? [] : selected();
  if (chosen.length === 2) return compare(chosen);
  const compared = card?.querySelector(".compared");
  if (!compared) return say("Nothing was approved before that this could be compared with.");
  compared.open = !compared.open;
  compared.querySelector("summary").focus();
}

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  a: (card) => card?.querySelector('.verdicts [value="approve"]')?.focus(),
  r: (card) => card && reasonOf(card)?.focus(),
  d: (card) => differences(card),
  x: (card) => card && !alone && !isOver(card) && pick(card),
  "/": () => byId("search")?.focus(),
  "?": () => byId("help").showModal(),
};

function leave(target) {
  if (target.matches("#search")) {
    target.value = "";
    search();
    return target.blur();
  }
  const card = target.closest(".card");
  if (card && card !== target) return card.focus();
  if (byId("selection") && !byId("selection").hidden) return clearSelection();
  target.blur();
}

document.addEventListener("keydown", (event) => {
  const target = event.target;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "Enter" && event.ctrlKey && target.matches(".decide textarea")) {
    const card = target.closest(".card");
    if (!card.querySelector('[value="reject"]').disabled) decide(card, "reject");
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") return leave(target);
  if (target.matches("input:not([type=checkbox]), textarea, select")) return;
  if (event.key === "Enter" && target.matches(".card")) return unfold(target);
  const act = singleKeys.checked && KEYS[event.key.toLowerCase()];
  if (!act) return;
  event.preventDefault();
  act(pointed());
});
