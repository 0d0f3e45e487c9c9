// Changes a page to other HTML by as little as possible, so that focus, selection and what was opened stay.
"use strict";

const kept = (node) => (node.nodeType === 1 ? node.dataset.wbKept || "" : "");
const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && kept(a) === kept(b);

function patch(old, wanted) {
  if (old.isEqualNode(wanted)) return;
  if (old.nodeType !== 1) {
    if (old.data !== wanted.data) old.data = wanted.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (name !== "open" && !wanted.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  children(old, wanted);
}

function children(old, wanted) {
  const known = new Map([...old.children].filter(kept).map((child) => [kept(child), child]));
  let at = old.firstChild;
  for (const next of [...wanted.childNodes]) {
    const same = kept(next) ? known.get(kept(next)) : at && !kept(at) && alike(at, next) ? at : null;
    if (same && alike(same, next)) {
      if (same === at) at = at.nextSibling;
      else old.insertBefore(same, at);
      patch(same, next);
    } else old.insertBefore(next, at);
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

export function fill(place, html) {
  const made = document.createElement("template");
  made.innerHTML = html;
  children(place, made.content);
}

export function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
