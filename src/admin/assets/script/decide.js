// A decision on one card.

/** The decision last sent from a card: sent again, it keeps its key and counts once. */
const sent = new WeakMap();

function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What a decision says of the call that was seen, and of the store that told it. */
const seen = (card) => {
  const { fingerprint } = card.dataset;
  const { incarnation } = card.querySelector(".standing").dataset;
  return { fingerprint, incarnation };
};

async function decide(card, verdict) {
  const reason = reasonOf(card).value.trim();
  if (verdict === "reject" && !reason) {
    note(card, "Say why: the agent reads it.");
    return reasonOf(card).focus();
  }
  const body = JSON.stringify({ verdict, reason, ...seen(card) });
  if (sent.get(card)?.body !== body) sent.set(card, { body, key: newKey() });
  const headers = { "content-type": "application/json", "idempotency-key": sent.get(card).key };
  card.dataset.busy = "true";
  // The button that was pressed is off for a moment: the focus stays with the card.
  card.focus({ preventScroll: true });
  note(card, "Sending …");
  refresh();
  try {
    const answer = await fetch(`/v1/approvals/${card.id}/decisions`, { method: "POST", headers, body });
    const said = await answer.json();
    if (answer.ok) {
      note(card, `Recorded: ${verdict}.`);
      reasonOf(card).value = "";
      if (alone) location.reload();
      else if (isOver(card)) card.querySelector(".decide").remove();
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

list.addEventListener("submit", (event) => {
  event.preventDefault();
  decide(event.target.closest(".card"), event.submitter.value);
});

list.addEventListener("click", (event) => {
  if (!event.target.matches(".preset")) return;
  const reason = reasonOf(event.target.closest(".card"));
  const presets = [...event.target.parentElement.children].map((preset) => preset.textContent);
  const own = reason.value.split("\n").filter((line) => line && !presets.includes(line));
  reason.value = [event.target.textContent, ...own].join("\n");
  reason.dispatchEvent(new Event("input", { bubbles: true }));
  reason.focus();
});

list.addEventListener("input", (event) => {
  if (!event.target.matches(".decide textarea")) return;
  event.target.closest(".card").querySelector(".preview .reason").textContent = event.target.value.trim() || "…";
});
