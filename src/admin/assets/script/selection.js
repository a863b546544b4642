// Several cards at once: reject any, approve identical ones, compare two.

const boxOf = (card) => card.querySelector(".pick input");
const selected = () => openCards().filter((card) => boxOf(card).checked);

function pick(card) {
  boxOf(card).checked = !boxOf(card).checked;
  refresh();
}

function clearSelection() {
  for (const card of cards()) boxOf(card).checked = false;
  refresh();
}

function showSelection() {
  const bar = byId("selection");
  if (!bar) return;
  const chosen = selected();
  const identical = new Set(chosen.map((card) => card.dataset.fingerprint)).size === 1;
  bar.hidden = chosen.length === 0;
  byId("selected").textContent = chosen.length;
  byId("compare").disabled = chosen.length !== 2;
  byId("reject-all").disabled = !connected;
  byId("approve-all").disabled = !connected || !identical;
  byId("approve-all").title = identical ? "" : "Only identical calls can be approved together.";
}

/** Sends one decision on all of these; a dry run records nothing. */
async function decideAll(items, verdict, reason, dryRun) {
  const body = JSON.stringify({ verdict, reason, dry_run: dryRun, items });
  const headers = { "content-type": "application/json" };
  const answer = await fetch("/v1/approvals:batchDecide", { method: "POST", headers, body });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail);
  return said.results;
}

/** How many, and why not the others. */
function count(results, outcome) {
  const done = results.filter((result) => result.outcome === outcome).length;
  const why = new Set(results.filter((result) => result.problem).map((result) => result.problem.detail));
  const left = results.length - done;
  return { done, but: left ? ` ${left} cannot be: ${[...why].join("; ")}.` : "" };
}

async function openBulk(verdict) {
  // As they are now: what ends meanwhile is refused, and told.
  const items = selected().map((card) => ({ id: card.id, ...seen(card) }));
  const [title, done] = verdict === "reject" ? ["Reject", "rejected"] : ["Approve", "approved"];
  const [dialog, go, reason] = [byId("bulk"), byId("bulk-go"), byId("bulk-reason")];
  byId("bulk-title").textContent = `${title} ${items.length} calls`;
  byId("bulk-count").textContent = "Counting …";
  go.disabled = true;
  go.textContent = title;
  dialog.showModal();
  reason.focus();
  try {
    // The dry run is about who may decide what; the reason may still be missing.
    const results = await decideAll(items, verdict, reason.value.trim() || "dry run", true);
    const { done: can, but } = count(results, "would_record");
    byId("bulk-count").textContent = `${can} of ${items.length} would be ${done}.${but}`;
    go.textContent = `${title} ${can}`;
    go.disabled = can === 0;
  } catch (error) {
    byId("bulk-count").textContent = `Nothing can be said: ${error.message}`;
  }
  go.onclick = async () => {
    if (verdict === "reject" && !reason.value.trim()) {
      byId("bulk-count").textContent = "Say why: each agent reads it.";
      return reason.focus();
    }
    go.disabled = true;
    try {
      const { done: recorded, but } = count(await decideAll(items, verdict, reason.value.trim(), false), "recorded");
      reason.value = "";
      dialog.close();
      clearSelection();
      announce(`${recorded} ${done}.${but}`);
    } catch (error) {
      byId("bulk-count").textContent = `It may be recorded or not: ${error.message}`;
      go.disabled = false;
    }
  };
}

/** Says it to everyone, for a while. */
function announce(text) {
  say(text);
  const line = element('<p class="banner" role="status"></p>');
  line.textContent = text;
  list.before(line);
  setTimeout(() => still(() => line.remove()), 10_000);
}

async function compare([older, newer]) {
  const answer = await fetch(`/a/${older.id}/diff/${newer.id}`);
  byId("compared").innerHTML = answer.ok ? await answer.text() : "<p>They cannot be compared now.</p>";
  byId("comparison").showModal();
}

list.addEventListener("change", (event) => {
  if (event.target.matches(".pick input")) refresh();
});
byId("clear")?.addEventListener("click", clearSelection);
byId("compare")?.addEventListener("click", () => compare(selected()));
byId("reject-all")?.addEventListener("click", () => openBulk("reject"));
byId("approve-all")?.addEventListener("click", () => openBulk("approve"));
