// Keeps the sandbox's page as the sandbox is: asks /state twice a second, and patches what differs where it stands, so
// that focus, scrolling, half-written text and opened details stay. HTML comes from the server, which escapes it.
"use strict";

const EVERY = 500;
const { ticket: shownTicket, channel: shownChannel, teams, box } = document.body.dataset;
const opened = { ticket: shownTicket, channel: shownChannel, teams, box, thread: "", at: "" };
const last = {}; // region -> the HTML it was last given
const read = new Map(); // channel -> how many messages had been seen
let answered = -1; // how many answers of Pointman had been told
let stamp = 0; // of the last act or opening: an answer asked for before it is not shown

const by = document.getElementById("by");
const answers = document.getElementById("answers");
const scroller = document.getElementById("scroll");
const slider = document.getElementById("slider");
let channel = opened.channel; // the channel that is shown
let benched = opened.ticket; // the ticket that the workbench was told of
let dragged = false; // while the slider is held its ends stay where they are

// ---- patching

function key(node) {
  return node.nodeType === 1 ? node.dataset.key || "" : "";
}

function alike(a, b) {
  return a.nodeType === b.nodeType && a.nodeName === b.nodeName && key(a) === key(b);
}

function attributes(old, wanted) {
  for (const { name } of [...old.attributes]) {
    if (name !== "open" && !wanted.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (name === "open" || old.getAttribute(name) === value) continue;
    old.setAttribute(name, value);
    if (name === "selected") old.selected = true;
  }
}

function patch(old, wanted) {
  if (old.nodeType !== 1) {
    if (old.data !== wanted.data) old.data = wanted.data;
    return;
  }
  if (old.isEqualNode(wanted)) return;
  attributes(old, wanted);
  children(old, wanted);
}

function children(old, wanted) {
  const keyed = new Map([...old.children].filter(key).map((child) => [key(child), child]));
  let at = old.firstChild;
  for (const next of [...wanted.childNodes]) {
    const known = key(next) ? keyed.get(key(next)) : at && !key(at) && alike(at, next) ? at : null;
    if (known && alike(known, next)) {
      if (known === at) at = at.nextSibling;
      else old.insertBefore(known, at);
      patch(known, next);
    } else {
      if (key(next)) next.classList.add("fresh");
      old.insertBefore(next, at);
    }
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

function region(name, html) {
  if (last[name] === html) return;
  last[name] = html;
  const made = document.createElement("template");
  made.innerHTML = html;
  children(document.getElementById(name), made.content);
}

// ---- what is new

function unread() {
  for (const link of document.querySelectorAll("#channels [data-channel]")) {
    const count = Number(link.dataset.count);
    if (link.dataset.channel === opened.channel) read.set(link.dataset.channel, count);
    const fresh = count - (read.get(link.dataset.channel) || 0);
    let badge = link.querySelector(".unread");
    if (fresh < 1) {
      if (badge) badge.remove();
      continue;
    }
    if (!badge) {
      badge = document.createElement("span");
      badge.className = "unread";
      badge.innerHTML = '<span></span><span class="hidden"> new</span>';
      link.append(badge);
    }
    const text = String(fresh);
    if (badge.firstChild.textContent !== text) badge.firstChild.textContent = text;
  }
}

function tell(text) {
  const line = document.createElement("p");
  line.textContent = text;
  answers.append(line);
  while (answers.children.length > 3) answers.firstChild.remove();
  setTimeout(() => line.remove(), 8000);
}

function show(state) {
  const low = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60;
  const moved = state.channel !== channel;
  const changed = state.regions.ticket !== last.ticket || state.regions.queue !== last.queue;
  channel = state.channel;
  const posts = document.getElementById("teams-scroll");
  const deep = posts && (posts.scrollHeight - posts.scrollTop - posts.clientHeight < 60 || state.teams !== opened.teams);
  const { ticket, teams, box } = state; // a mail that was not chosen is the newest one
  if (!state.past) Object.assign(opened, { ticket, channel, teams, box }); // what was not there yet is open again later
  for (const [name, html] of Object.entries(state.regions)) region(name, html);
  if (low || moved) scroller.scrollTop = scroller.scrollHeight;
  if (deep) posts.scrollTop = posts.scrollHeight;
  line(state);
  if (!state.past) bench(changed);
  if (state.past) return;
  unread();
  if (answered >= 0) {
    for (const answer of state.answers.slice(answered)) tell(`Pointman to ${answer.name}: ${answer.text}`);
  }
  answered = state.answers.length;
}

// ---- the line of time, and the workbench

function line(state) {
  document.body.classList.toggle("past", state.past);
  for (const part of document.querySelectorAll(".now")) part.inert = state.past;
  if (!state.past) opened.at = "";
  if (dragged) return;
  slider.max = state.now;
  slider.min = state.begin;
  if (!state.past) slider.value = state.now;
  const then = new Date(Number(slider.value) * 1000).toISOString().slice(11, 19);
  const said = state.past ? `as it was at ${then}` : `now, ${then.slice(0, 5)}`;
  if (slider.getAttribute("aria-valuetext") !== said) slider.setAttribute("aria-valuetext", said);
}

function back() {
  opened.at = "";
  stamp += 1;
  return look();
}

function bench(changed) {
  const detail = { key: opened.ticket };
  if (benched !== opened.ticket) document.dispatchEvent(new CustomEvent("workbench:ticket", { detail }));
  else if (changed) document.dispatchEvent(new CustomEvent("workbench:changed", { detail }));
  benched = opened.ticket;
}

async function look() {
  const asked = stamp;
  const response = await fetch(`/state?${new URLSearchParams({ ...opened, by: by.value })}`);
  const state = await response.json();
  if (asked === stamp) show(state);
}

async function watch() {
  try {
    if (!document.hidden) await look();
    document.body.classList.remove("away");
  } catch {
    document.body.classList.add("away"); // the demonstration has ended, or is being started again
  }
  setTimeout(watch, EVERY);
}

// ---- what is done

async function act(what, form) {
  form.set("by", by.value);
  stamp += 1;
  try {
    const body = new URLSearchParams(form);
    const response = await fetch(`/do/${what}`, { method: "POST", body, headers: { accept: "application/json" } });
    const { said, ticket } = await response.json();
    if (what !== "speed") tell(said);
    await (ticket ? open("ticket", ticket) : look());
    return response.ok;
  } catch {
    tell("The sandbox does not answer.");
    return false;
  }
}

async function open(what, which) {
  stamp += 1;
  opened[what] = which;
  history.replaceState(null, "", `/?${new URLSearchParams({ ticket: opened.ticket, channel: opened.channel })}`);
  await look();
  if (what === "channel") scroller.scrollTop = scroller.scrollHeight;
}

function browsed(link) {
  const found = /\/browse\/([A-Z]+-\d+)$/.exec(link.pathname || "");
  return found ? found[1] : "";
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  const link = event.target.closest("a");
  if (button && button.dataset.action) {
    const { channel, ts, action } = button.dataset;
    act("click", new URLSearchParams({ channel, ts, action }));
  } else if (button && button.dataset.speed) {
    act("speed", new URLSearchParams({ speed: button.dataset.speed }));
  } else if (button && button.dataset.dismiss) {
    act("dismiss", new URLSearchParams({ view: button.dataset.dismiss }));
  } else if (button && button.dataset.move) {
    const { ticket } = button.closest("[data-ticket]").dataset;
    act("move", new URLSearchParams({ ticket, status: button.dataset.move }));
  } else if (link && "now" in link.dataset) {
    event.preventDefault();
    back();
    slider.focus();
  } else if (link && (link.dataset.open || browsed(link))) {
    event.preventDefault();
    open("ticket", link.dataset.open || browsed(link));
  } else if (link && link.dataset.pane) {
    event.preventDefault();
    if (link.dataset.pane === "box") opened.thread = "";
    open(link.dataset.pane, link.dataset.which);
  } else if (link && link.dataset.channel) {
    event.preventDefault();
    open("channel", link.dataset.channel);
  }
});

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.form) return;
  event.preventDefault();
  const given = new FormData(form, event.submitter);
  if (form.dataset.form === "say") given.set("channel", opened.channel);
  if (form.dataset.form === "write") given.set("conversation", opened.teams);
  if (!(await act(form.dataset.form, given))) return;
  if (["say", "comment", "create", "write", "reply"].includes(form.dataset.form)) form.reset();
  if (form.dataset.form === "create") document.getElementById("new").open = false;
});

// The newest answer wins, and there is at most one question underway, however fast the slider is moved.
let asking = false;
slider.addEventListener("input", async () => {
  opened.at = Number(slider.value) >= Number(slider.max) ? "" : slider.value;
  stamp += 1;
  if (asking) return;
  asking = true;
  try {
    let shown;
    do {
      shown = opened.at;
      await look();
    } while (shown !== opened.at);
  } catch {
    document.body.classList.add("away");
  } finally {
    asking = false;
  }
});
slider.addEventListener("pointerdown", () => { dragged = true; });
for (const end of ["pointerup", "pointercancel", "blur"]) slider.addEventListener(end, () => { dragged = false; });

by.value = localStorage.getItem("by") || by.value;
if (!by.value) by.selectedIndex = 0;
by.addEventListener("change", () => localStorage.setItem("by", by.value));
scroller.scrollTop = scroller.scrollHeight;
unread();
watch();
