// Keeps the sandbox's page as the sandbox is: asks /state twice a second, and patches what differs where it stands, so
// that focus, scrolling, half-written text and opened details stay. HTML comes from the server, which escapes it.
"use strict";

const EVERY = 500;
const opened = { ticket: document.body.dataset.ticket, channel: document.body.dataset.channel };
const last = {}; // region -> the HTML it was last given
const read = new Map(); // channel -> how many messages had been seen
let answered = -1; // how many answers of Pointman had been told
let stamp = 0; // of the last act or opening: an answer asked for before it is not shown

const by = document.getElementById("by");
const answers = document.getElementById("answers");
const scroller = document.getElementById("scroll");

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
  const moved = state.channel !== opened.channel;
  opened.ticket = state.ticket;
  opened.channel = state.channel;
  for (const [name, html] of Object.entries(state.regions)) region(name, html);
  if (low || moved) scroller.scrollTop = scroller.scrollHeight;
  unread();
  if (answered >= 0) {
    for (const answer of state.answers.slice(answered)) tell(`Pointman to ${answer.name}: ${answer.text}`);
  }
  answered = state.answers.length;
}

async function look() {
  const asked = stamp;
  const response = await fetch(`/state?${new URLSearchParams(opened)}`);
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
  history.replaceState(null, "", `/?${new URLSearchParams(opened)}`);
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
  } else if (link && (link.dataset.open || browsed(link))) {
    event.preventDefault();
    open("ticket", link.dataset.open || browsed(link));
  } else if (link && link.dataset.channel) {
    event.preventDefault();
    open("channel", link.dataset.channel);
  }
});

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.form) return;
  event.preventDefault();
  const given = new FormData(form);
  if (form.dataset.form === "say") given.set("channel", opened.channel);
  if (!(await act(form.dataset.form, given))) return;
  if (["say", "comment", "create"].includes(form.dataset.form)) form.reset();
  if (form.dataset.form === "create") document.getElementById("new").open = false;
});

by.value = localStorage.getItem("by") || by.value;
if (!by.value) by.selectedIndex = 0;
by.addEventListener("change", () => localStorage.setItem("by", by.value));
scroller.scrollTop = scroller.scrollHeight;
unread();
watch();
