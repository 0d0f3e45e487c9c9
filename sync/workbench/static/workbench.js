// The workbench in a page: fills every <div data-workbench data-key="OPS-1">. The plan and the why come as HTML from the
// server, which escapes it; the rule files are edited here, checked while they are typed, and stay as they are until
// somebody applies them. The editor is a textarea over two layers that draw what it says: colours, and problems.
"use strict";

(async () => {
  const places = [...document.querySelectorAll("[data-workbench]")];
  document.addEventListener("workbench:ticket", (event) => {
    for (const place of places) place.dataset.key = event.detail.key; // also of what is opened before we are ready
  });
  const [{ element, fill }, { coloured, keysAt, marked, offsets }] = await Promise.all([import("./patching.js"), import("./toml.js")]);

  const TYPED = 100; // ms after the last key until the rules are checked
  const AT_MOST = 500; // ms between two refreshes, however much happens
  const SLIDE = 60; // ms until a moved slider asks

  const SHELL = `<div class="wb-columns">
    <div class="wb-left">
      <div class="wb-life">
        <div class="wb-track"><div class="wb-ticks" aria-hidden="true"></div>
          <input class="wb-range" type="range" min="0" max="0" step="1" value="0" aria-label="Moment of the ticket's life"></div>
        <div class="wb-steps">
          <button type="button" class="wb-before-it" aria-label="The moment before"><span aria-hidden="true">‹</span></button>
          <button type="button" class="wb-after-it" aria-label="The moment after"><span aria-hidden="true">›</span></button>
          <button type="button" class="wb-to-now">Now</button>
          <span class="wb-moment"></span>
        </div>
      </div>
      <div class="wb-fragment"></div>
    </div>
    <section class="wb-right" aria-label="Rules"><div class="wb-desk">
      <div class="wb-head-line"><h3 class="wb-h">Rules</h3><div class="wb-files" role="group" aria-label="Rule files"></div></div>
      <div class="wb-editor" tabindex="-1">
        <div class="wb-sheet">
          <pre class="wb-gutter" aria-hidden="true"></pre>
          <div class="wb-paper">
            <pre class="wb-code" aria-hidden="true"></pre>
            <pre class="wb-marks" aria-hidden="true"></pre>
            <textarea class="wb-input" wrap="off" spellcheck="false" autocapitalize="off" autocomplete="off"></textarea>
          </div>
        </div>
      </div>
      <div class="wb-buttons">
        <button type="button" class="wb-apply" hidden>Apply</button>
        <button type="button" class="wb-copy">Copy</button>
        <button type="button" class="wb-download">Download</button>
        <button type="button" class="wb-discard">Discard</button>
        <p class="wb-said" role="status"></p>
      </div>
      <ol class="wb-problems" aria-label="Problems"></ol>
      <section class="wb-change" aria-label="What this change would do">
        <h4>What this change would do</h4>
        <div class="wb-change-body"></div>
      </section>
    </div></section></div>`;

  async function ask(path, options) {
    const response = await fetch(`/workbench/${path}`, options);
    if (!response.ok) throw new Error((await response.text()).trim() || `answered ${response.status}`);
    return response;
  }

  function post(path, said, signal) {
    const headers = { "content-type": "application/json" };
    return ask(path, { method: "POST", headers, body: JSON.stringify(said), signal });
  }

  // ---- one workbench

  class Workbench {
    constructor(place) {
      this.key = place.dataset.key || "";
      this.at = ""; // empty: now
      this.moments = [];
      this.files = [];
      this.file = null;
      this.problems = [];
      this.note = "";
      this.stamp = ""; // of the rule files, as the last fragment said
      this.timers = {};
      place.classList.add("wb");
      fill(place, SHELL);
      this.parts = new Proxy({}, { get: (_, name) => place.querySelector(`.wb-${name}`) });
      this.place = place;
      this.listen();
      this.load();
    }

    listen() {
      const { parts } = this;
      document.addEventListener("workbench:ticket", (event) => this.open(event.detail.key));
      document.addEventListener("workbench:changed", () => this.soon("refresh", AT_MOST, () => this.refresh(), true));
      window.addEventListener("focus", () => this.load());
      parts.range.addEventListener("input", () => this.slide(Number(parts.range.value)));
      parts["before-it"].addEventListener("click", () => this.slide(Number(parts.range.value) - 1));
      parts["after-it"].addEventListener("click", () => this.slide(Number(parts.range.value) + 1));
      parts["to-now"].addEventListener("click", () => this.slide(this.moments.findIndex((one) => one.kind === "now")));
      parts.input.addEventListener("input", () => this.typed());
      parts.input.addEventListener("keydown", (event) => this.keyed(event));
      parts.apply.addEventListener("click", () => this.apply());
      parts.copy.addEventListener("click", () => this.copy());
      parts.download.addEventListener("click", () => this.download());
      parts.discard.addEventListener("click", () => this.discard());
      this.place.addEventListener("click", (event) => {
        const target = event.target.closest("[data-wb-jump], [data-wb-key], [data-wb-change]");
        if (!target) return;
        event.preventDefault();
        if (target.dataset.wbKey) document.dispatchEvent(new CustomEvent("workbench:ticket", { detail: { key: target.dataset.wbKey } }));
        else if (target.dataset.wbChange) this.change(target.dataset.wbChange, target.dataset.wbFrom);
        else this.jump(target.dataset.wbJump);
      });
    }

    // Later; asked again meanwhile it waits anew, or, `steady`, it stays with the first time.
    soon(name, after, act, steady = false) {
      if (steady && this.timers[name]) return;
      clearTimeout(this.timers[name]);
      this.timers[name] = setTimeout(() => {
        this.timers[name] = 0;
        act();
      }, after);
    }

    say(text) {
      if (this.parts.said.textContent !== text) this.parts.said.textContent = text;
    }

    // -- the ticket

    open(key) {
      if (key === this.key) return this.refresh();
      this.key = key;
      this.at = "";
      return this.refresh();
    }

    async load() {
      await Promise.all([this.readFiles(), this.refresh()]);
    }

    async refresh() {
      if (document.hidden) return;
      const asked = `${this.key} ${this.at}`;
      try {
        const query = new URLSearchParams({ key: this.key, ...(this.at && { at: this.at }) });
        const html = await (await ask(`fragment?${query}`)).text();
        if (asked !== `${this.key} ${this.at}`) return; // another was opened meanwhile
        fill(this.parts.fragment, html);
      } catch (error) {
        const said = element("p", "wb-sentence wb-wrong", error.message);
        this.parts.fragment.replaceChildren(said);
      }
      this.seen();
    }

    seen() {
      const found = this.parts.seen;
      this.moments = found ? JSON.parse(found.dataset.moments) : [];
      this.place.classList.toggle("wb-elsewhen", Boolean(found) && found.dataset.when !== "now");
      this.showMoments();
      const stamp = found ? found.dataset.files : "";
      if (this.stamp && stamp && stamp !== this.stamp) this.readFiles();
      this.stamp = stamp || this.stamp;
      if (this.changed()) this.soon("think", 0, () => this.think());
    }

    // -- time

    showMoments() {
      const { range, ticks, moment } = this.parts;
      const now = this.moments.findIndex((one) => one.kind === "now");
      const found = this.at ? this.moments.findIndex((one) => one.iso >= this.at) : now;
      const index = found < 0 ? this.moments.length - 1 : found;
      range.max = Math.max(0, this.moments.length - 1);
      range.disabled = this.moments.length < 2;
      range.value = Math.max(0, index);
      if (ticks.children.length !== this.moments.length) {
        ticks.replaceChildren(...this.moments.map(() => element("span")));
      }
      this.moments.forEach((one, nth) => {
        const tick = ticks.children[nth];
        tick.className = `wb-tick wb-${one.kind}`;
        tick.style.left = `${(100 * nth) / Math.max(1, this.moments.length - 1)}%`;
      });
      this.tellMoment(index);
      moment.hidden = !this.moments.length;
    }

    tellMoment(index) {
      const { range, moment } = this.parts;
      const one = this.moments[index];
      if (!one) return;
      const said = one.kind === "now" ? `${one.at} now` : `${one.at} ${one.what}`;
      if (moment.textContent !== said) moment.textContent = said;
      range.setAttribute("aria-valuetext", said);
      this.parts["before-it"].disabled = index < 1;
      this.parts["after-it"].disabled = index >= this.moments.length - 1;
      this.parts["to-now"].disabled = one.kind === "now";
    }

    slide(index) {
      const one = this.moments[index];
      if (!one) return;
      this.parts.range.value = index;
      this.at = one.kind === "now" ? "" : one.iso;
      this.tellMoment(index);
      this.soon("slide", SLIDE, () => this.refresh());
    }

    // -- files

    async readFiles() {
      try {
        const told = await (await ask("files")).json();
        const before = new Map(this.files.map((file) => [file.name, file]));
        this.files = told.map((file) => ({ ...file, draft: this.draftOf(file, before.get(file.name)) }));
      } catch (error) {
        this.say(error.message);
        return;
      }
      const name = this.file ? this.file.name : "";
      const first = this.files.find((file) => file.editable) || this.files[0];
      this.show(this.files.find((file) => file.name === name) || first);
    }

    draftOf(file, before) {
      const draft = before ? before.draft : sessionStorage.getItem(`wb:${file.name}`);
      return draft === null || draft === undefined || draft === file.text || !file.editable ? null : draft;
    }

    text(file = this.file) {
      return file.draft === null ? file.text : file.draft;
    }

    changed() {
      return this.files.some((file) => file.draft !== null);
    }

    drafts() {
      return Object.fromEntries(this.files.filter((file) => file.draft !== null).map((file) => [file.name, file.draft]));
    }

    show(file) {
      if (!file) return;
      this.file = file;
      const { input } = this.parts;
      if (input.value !== this.text()) input.value = this.text();
      input.readOnly = !file.editable;
      input.setAttribute("aria-label", `${file.name}${file.editable ? "" : ", read only"}`);
      this.draw();
      this.listFiles();
      this.think();
    }

    listFiles() {
      const { files } = this.parts;
      const made = this.files.map((file) => {
        const wrong = this.problems.filter((one) => one.file === file.name && one.level === "error").length;
        const button = element("button", "wb-file", file.name);
        button.type = "button";
        button.setAttribute("aria-pressed", String(file === this.file));
        if (file.draft !== null) button.append(element("span", "wb-dot", " · changed"));
        else if (!file.editable) button.append(element("span", "wb-dot", " · read only"));
        if (wrong) button.append(element("span", "wb-wrongs", String(wrong)), element("span", "wb-hidden", " problems"));
        button.addEventListener("click", () => this.show(file));
        return button;
      });
      const focused = [...files.children].indexOf(document.activeElement);
      files.replaceChildren(...made);
      if (focused >= 0 && files.children[focused]) files.children[focused].focus();
      this.buttons();
    }

    buttons() {
      const { apply, discard, copy, download } = this.parts;
      const errors = this.problems.some((one) => one.level === "error");
      const mine = Boolean(this.file) && this.file.draft !== null;
      apply.hidden = !(this.file && this.file.applies);
      apply.disabled = !mine || errors;
      discard.disabled = !mine;
      copy.disabled = download.disabled = !this.file;
    }

    // -- the editor

    draw() {
      const { code, marks, gutter, sheet } = this.parts;
      const text = this.text();
      const here = this.problems.filter((one) => one.file === this.file.name);
      const lines = text.split("\n");
      const wrong = new Map(here.map((one) => [one.line, one.level]));
      code.innerHTML = `${coloured(text)}\n`;
      marks.innerHTML = `${marked(text, here)}\n`;
      const numbers = lines.map((_, nth) => (wrong.has(nth + 1) ? `<b class="wb-is-${wrong.get(nth + 1)}">${nth + 1}</b>` : nth + 1));
      gutter.innerHTML = `${numbers.join("\n")}\n`;
      sheet.style.setProperty("--wb-digits", String(lines.length).length);
    }

    typed() {
      const { file } = this;
      const text = this.parts.input.value;
      this.note = "";
      file.draft = text === file.text ? null : text;
      if (file.draft === null) sessionStorage.removeItem(`wb:${file.name}`);
      else sessionStorage.setItem(`wb:${file.name}`, text);
      this.problems = this.problems.filter((one) => one.file !== file.name);
      this.draw();
      this.soon("think", TYPED, () => this.think());
    }

    keyed(event) {
      if (event.key === "F8") {
        event.preventDefault();
        this.nextProblem(event.shiftKey ? -1 : 1);
      } else if (event.key === "s" && (event.ctrlKey || event.metaKey) && !this.parts.apply.hidden) {
        event.preventDefault();
        if (!this.parts.apply.disabled) this.apply();
      }
    }

    nextProblem(way) {
      const here = this.problems.filter((one) => one.file === this.file.name && one.line);
      if (!here.length) return;
      const caret = this.parts.input.selectionStart;
      const places = here.map((one) => [offsets(this.text(), one)[0], one]).sort((a, b) => way * (a[0] - b[0]));
      const next = places.find(([from]) => way * (from - caret) > 0) || places[0];
      this.go(next[1]);
    }

    jump(where) {
      const cut = where.lastIndexOf(":");
      const file = this.files.find((one) => one.name === where.slice(0, cut));
      if (!file) return this.say(`${where.slice(0, cut)} is not among the rule files.`);
      this.show(file);
      return this.go({ line: Number(where.slice(cut + 1)), column: 1, length: 1000 });
    }

    // A rule of a pack is changed from outside: its keys are copied to where they may be edited.
    change(id, where) {
      const cut = where.lastIndexOf(":");
      const pack = this.files.find((one) => one.name === where.slice(0, cut));
      const header = `[change."${id}"]`;
      const mine = this.files.filter((one) => one.editable);
      const file = mine.find((one) => this.text(one).includes(header)) || mine.find((one) => this.text(one).includes("[change.")) || mine[0];
      if (!pack || !file) return;
      this.show(file);
      if (!this.text().includes(header)) {
        const { input } = this.parts;
        const keys = keysAt(pack.text, Number(where.slice(cut + 1)));
        const added = `${this.text().endsWith("\n") ? "" : "\n"}\n${header}\n${keys}\n`;
        input.focus({ preventScroll: true });
        input.setSelectionRange(input.value.length, input.value.length);
        document.execCommand("insertText", false, added); // unlike a new value it can be undone
      }
      const line = this.text().slice(0, this.text().indexOf(header)).split("\n").length;
      this.go({ line, column: 1, length: header.length });
    }

    go(problem) {
      const { input, editor } = this.parts;
      const [from, to] = offsets(this.text(), problem);
      input.focus({ preventScroll: true });
      input.setSelectionRange(from, to);
      const line = parseFloat(getComputedStyle(input).lineHeight);
      editor.scrollTop = Math.max(0, (problem.line - 4) * line);
      editor.scrollLeft = 0;
      editor.scrollIntoView({ block: "nearest" });
    }

    // -- problems, and the difference

    async think() {
      if (!this.file) return;
      if (this.asking) this.asking.abort();
      const asking = (this.asking = new AbortController());
      const file = this.file.editable ? this.file : this.files.find((one) => one.editable);
      if (!file) return;
      const said = { name: file.name, text: this.text(file), texts: this.drafts() };
      try {
        const { problems } = await (await post("check", said, asking.signal)).json();
        if (said.text !== this.text(file)) return;
        this.told(problems);
        if (problems.some((one) => one.level === "error") || !this.changed()) return this.noDifference(problems);
        const body = this.parts["change-body"];
        for (const others of [false, true]) {
          const wanted = { ...said, key: this.key, at: this.at, others }; // first what is quick
          const { html } = await (await post("difference", wanted, asking.signal)).json();
          const counted = others ? null : body.querySelector(".wb-others");
          fill(body, html);
          if (counted) body.firstElementChild.append(counted);
        }
      } catch (error) {
        if (error.name !== "AbortError") this.say(error.message);
      }
    }

    noDifference(problems) {
      const errors = problems.filter((one) => one.level === "error").length;
      const said = errors ? "Not before the problems are mended." : "Nothing is changed yet. Edit a rule file: what the change would do stands here before it counts.";
      fill(this.parts["change-body"], '<p class="wb-sentence wb-empty"></p>');
      this.parts["change-body"].firstChild.textContent = said;
    }

    told(problems) {
      this.problems = problems;
      this.draw();
      const made = problems.map((one) => {
        const item = element("li", `wb-problem wb-is-${one.level}`);
        const elsewhere = one.file !== this.file.name ? `${one.file}:` : "";
        const button = element("button", "wb-place", `${elsewhere}${one.line}:${one.column}`);
        button.type = "button";
        button.setAttribute("aria-label", `${button.textContent}, go there`);
        button.addEventListener("click", () => {
          const file = this.files.find((each) => each.name === one.file);
          if (file && file !== this.file) this.show(file);
          if (file) this.go(one);
        });
        const text = element("span", "wb-message", one.message);
        item.append(...(one.line ? [button] : []), text);
        if (one.hint) text.append(element("span", "wb-hint", ` ${one.hint}`));
        return item;
      });
      this.parts.problems.replaceChildren(...made);
      this.parts.problems.hidden = !made.length;
      const errors = problems.filter((one) => one.level === "error").length;
      const warnings = problems.length - errors;
      const counts = [[errors, "problem"], [warnings, "warning"]].filter(([n]) => n).map(([n, word]) => `${n} ${word}${n > 1 ? "s" : ""}`);
      this.say(counts.join(", ") || this.note || "No problems");
      this.listFiles();
    }

    // -- what can be done with a changed file

    async apply() {
      const { file } = this;
      try {
        const { said } = await (await post("apply", { name: file.name, text: this.text(), sum: file.sum })).json();
        sessionStorage.removeItem(`wb:${file.name}`);
        file.text = this.text();
        file.draft = null;
        this.note = said; // until something is typed
        await this.readFiles();
        await this.refresh();
        this.say(said);
        document.dispatchEvent(new CustomEvent("workbench:applied", { detail: { name: file.name } }));
      } catch (error) {
        this.say(error.message);
      }
    }

    async copy() {
      try {
        await navigator.clipboard.writeText(this.text());
        this.say("Copied.");
      } catch {
        this.parts.input.focus();
        this.parts.input.select();
        this.say("Selected: copy it with Ctrl+C.");
      }
    }

    download() {
      const link = element("a");
      link.href = URL.createObjectURL(new Blob([this.text()], { type: "application/toml" }));
      link.download = this.file.name.split("/").pop();
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    }

    discard() {
      this.file.draft = null;
      sessionStorage.removeItem(`wb:${this.file.name}`);
      this.show(this.file);
      this.parts.input.focus();
    }
  }

  // ---- the playground's own page

  function playground() {
    const form = document.getElementById("wb-open");
    if (!form) return;
    const open = (key) => document.dispatchEvent(new CustomEvent("workbench:ticket", { detail: { key } }));
    document.addEventListener("workbench:ticket", (event) => {
      form.elements.key.value = event.detail.key;
      history.replaceState(null, "", `/workbench/?${new URLSearchParams({ key: event.detail.key })}`);
      document.title = `${event.detail.key} · Pointman playground`;
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      open(form.elements.key.value.trim());
    });
    const paste = document.getElementById("wb-paste-form");
    paste.addEventListener("submit", async (event) => {
      event.preventDefault();
      const said = document.getElementById("wb-paste-said");
      try {
        const told = await (await post("ticket", { text: paste.elements.text.value })).json();
        said.textContent = "";
        document.getElementById("wb-paste").open = false;
        open(told.key);
      } catch (error) {
        said.textContent = error.message;
      }
    });
  }

  for (const place of places) new Workbench(place);
  playground();
})();
