// Calls that are alike: the first is shown, the others are folded under it.

const ALIKE = `<section class="likes"><details><summary></summary><div class="members"></div></details>
  <button type="button" class="pick-all"></button></section>`;

/** Folds what is alike, and unfolds what is left alone. Nothing moves that somebody works on. */
function collapse() {
  if (alone) return;
  for (const group of list.querySelectorAll(".likes")) {
    const first = group.previousElementSibling;
    if (first?.dataset.like === group.dataset.like && !isOver(first)) continue;
    const next = group.querySelector(".card:not(.over)");
    if (next) group.before(next);
  }
  const alike = Map.groupBy(openCards(), (card) => card.dataset.like);
  for (const [like, [first, ...others]] of alike) {
    let group = first.nextElementSibling?.matches(".likes") ? first.nextElementSibling : null;
    if (others.length > 0 && !group) {
      group = element(ALIKE);
      group.dataset.like = like;
      first.after(group);
    }
    const members = group?.querySelector(".members");
    for (const card of others) if (!members.contains(card) && !isInHand(card)) members.append(card);
    const folded = members ? [...members.children].filter((card) => !isOver(card)) : [];
    group?.classList.toggle("bare", folded.length === 0);
    mark(first, folded);
    if (folded.length > 0) tell(group, first, folded);
  }
  for (const group of list.querySelectorAll(".likes")) if (!group.querySelector(".card")) group.remove();
}

function mark(first, folded) {
  for (const card of folded) card.querySelector(".times")?.remove();
  const tag = first.querySelector(".times");
  if (folded.length === 0) return tag?.remove();
  const text = `×${folded.length + 1}`;
  if (tag) tag.textContent = text;
  else first.querySelector("h2").after(element(`<span class="tag times">${text}</span>`));
}

function tell(group, first, folded) {
  const same = folded.filter((card) => card.dataset.fingerprint === first.dataset.fingerprint).length;
  const other = folded.length - same;
  const what = [same && `${same} identical`, other && `${other} with other arguments`].filter(Boolean).join(", ");
  const summary = `${folded.length} more like this: ${what}`;
  const shown = group.querySelector("summary");
  if (shown.textContent !== summary) shown.textContent = summary;
  group.querySelector(".pick-all").textContent = `Select all ${folded.length + 1}`;
}

list.addEventListener("click", (event) => {
  if (!event.target.matches(".pick-all")) return;
  const group = event.target.closest(".likes");
  const alike = [group.previousElementSibling, ...group.querySelectorAll(".card")];
  for (const card of alike.filter((card) => !isOver(card))) boxOf(card).checked = true;
  refresh();
});
