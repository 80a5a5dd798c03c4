// <accueil-assistant>: a button that opens a conversation, or the conversation itself with display="page".
// Nothing is asked of the server and nothing is stored before the visitor opens it; nothing is ever stored in the browser.

class AccueilAssistant extends HTMLElement {
  connectedCallback() {
    if (this.shadowRoot || this.querySelector("[data-turns]")) return; // a conversation without JavaScript has begun: let it go on
    const asked = this.getAttribute("lang") || this.closest("[lang]")?.lang || "fr";
    this.language = asked.startsWith("en") ? "en" : "fr";
    this.words = TEXTS[this.language];
    this.whole = this.getAttribute("display") === "page";
    this.phone = this.getAttribute("phone") || SITE.phone;
    this.requests = new Requests(this.getAttribute("server") || SERVER, this.language);
    const typed = this.querySelector("textarea")?.value;
    const root = this.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    this.drawFrame(root);
    this.greet();
    if (typed) this.field.value = typed;
    this.replaceChildren(); // the form that works without JavaScript has served
  }

  drawFrame(root) {
    const words = this.words;
    const small = (name, label, click) => make("button", { type: "button", class: "icon", title: label, "aria-label": label, click }, icon(name));
    this.heading = make("h2", { id: "title", tabindex: "-1" }, this.whole ? words.conversation : words.title);
    this.log = make("div", { class: "log", role: "log", "aria-live": "polite", "aria-label": words.log, tabindex: "0" });
    this.waiting = make("p", { class: "waiting", role: "status" });
    this.alert = make("div", { class: "alert", role: "alert" });
    this.field = make("textarea", {
      id: "field", rows: "2", enterkeyhint: "send", autocomplete: "off", "aria-describedby": "privacy",
      keydown: (event) => this.typed(event),
    });
    this.people = make("div", { class: "people", hidden: true });
    this.personButton = make(
      "button",
      { type: "button", class: "person", click: () => this.showPerson(this.people.hidden) },
      icon("phone"),
      words.person,
    );
    const form = make(
      "form",
      { submit: (event) => { event.preventDefault(); this.submit(); } },
      make("label", { for: "field" }, words.field),
      make("div", { class: "line" }, this.field, make("button", { type: "submit", class: "send" }, make("span", {}, words.send), icon("send"))),
      this.personButton,
    );
    this.talk = make("div", { class: "talk" }, this.log, this.waiting, this.alert, form);
    const tools = make("div", { class: "tools" });
    this.again = make("button", { type: "button", class: "again", hidden: true, click: () => this.restart() }, icon("restart"), words.restart);
    if (this.whole) tools.append(this.again);
    else tools.append(small("restart", words.restart, () => this.restart()), small("close", words.close, () => this.close()));
    this.panel = make(
      "section",
      { class: this.whole ? "panel whole" : "panel", role: this.whole ? "region" : "dialog", "aria-labelledby": "title", "aria-describedby": "notice", lang: this.language, hidden: !this.whole, keydown: (event) => this.escaped(event) },
      make("div", { class: "head" }, make("div", { class: "name" }, this.heading, SITE.demo && !this.whole ? make("p", {}, words.demo) : null), tools),
      this.people,
      this.talk,
    );
    root.append(this.panel);
    if (!this.whole) {
      this.launcher = make("button", { type: "button", class: "launch", "aria-expanded": "false", "aria-haspopup": "dialog", lang: this.language, click: () => this.open() }, icon("chat"), words.launch);
      root.prepend(this.launcher);
    }
  }

  greet() {
    const examples = this.words.examples.map((label) => ({ label }));
    this.again.hidden = true;
    const more = outsideLink(`${this.requests.server}/donnees-personnelles?lang=${this.language}`, this.words.privacy_link, this.words);
    this.log.append(
      make("div", { class: "first" }, make("p", { id: "notice" }, this.words.notice), make("p", { id: "privacy" }, this.words.privacy, " ", more)),
      make("div", { class: "entry hello" }, make("p", {}, this.words.greeting), drawChoices(examples, this.words.examples_title, "examples", (example) => this.ask(example.label), "h3")),
    );
  }

  open() {
    this.panel.hidden = false;
    this.launcher.hidden = true;
    this.launcher.setAttribute("aria-expanded", "true");
    (matchMedia("(pointer: coarse)").matches ? this.heading : this.field).focus();
  }

  close() {
    this.panel.hidden = true;
    this.launcher.hidden = false;
    this.launcher.setAttribute("aria-expanded", "false");
    this.launcher.focus();
  }

  escaped(event) {
    if (event.key !== "Escape" || event.isComposing) return;
    if (!this.people.hidden) this.showPerson(false);
    else if (!this.whole) this.close();
    else return;
    event.stopPropagation();
  }

  typed(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.submit();
  }

  submit() {
    const message = this.field.value.trim();
    const length = [...message].length;
    const problem = !message ? this.words.empty : length > SITE.limit ? fill(this.words.too_long, { count: length, limit: SITE.limit }) : "";
    this.field.setAttribute("aria-invalid", String(Boolean(problem)));
    if (problem) {
      this.tell(problem);
      this.field.focus();
    } else if (!this.busy) {
      this.field.value = "";
      this.ask(message);
    }
  }

  async ask(message, choice = null) {
    if (this.busy) return;
    this.busy = true;
    this.again.hidden = false;
    this.showPerson(false, false);
    this.tell("");
    const asked = this.add("you", this.words.you, make("p", { dir: "auto" }, message));
    const wait = setTimeout(() => { this.waiting.textContent = this.words.searching; }, 400);
    try {
      const answer = await this.answered(message, choice);
      this.tell("");
      this.show(answer, asked);
    } catch (error) {
      if (!this.field.value && !choice) this.field.value = message;
      asked.remove();
      this.tell(error instanceof Refused ? error.text : this.unreachable(), () => this.retry(message, choice));
    } finally {
      clearTimeout(wait);
      this.waiting.textContent = "";
      this.busy = false;
    }
  }

  async answered(message, choice) {
    const whenSlow = () => this.tell(fill(this.words.slow, { phone: this.phone }));
    try {
      return await this.requests.ask(message, choice, whenSlow);
    } catch (error) {
      if (!(error instanceof Refused) || !["token_refused", "conversation_closed"].includes(error.code)) throw error;
      this.requests.forget();
      this.log.append(make("p", { class: "quiet" }, this.words.reopened));
      return this.requests.ask(message, choice, whenSlow);
    }
  }

  retry(message, choice) {
    if (this.field.value.trim() === message) this.field.value = "";
    this.field.focus();
    this.ask(message, choice);
  }

  unreachable() {
    return this.phone ? fill(this.words.offline, { phone: this.phone }) : this.words.offline_nophone;
  }

  show(answer, asked) {
    const words = this.words;
    const pick = (choice) => this.ask(choice.label, choice.id);
    const said = drawSentences(answer, words);
    const question = said.findIndex((part) => part.className === "role-question");
    const choices = drawChoices(answer.choices, words.choices, "choices", pick);
    said.splice(question + 1 || said.length, 0, choices); // before "if it is none of these"
    const body = [
      answer.emergency ? drawUrgent(answer.emergency, words) : null,
      ...said,
      answer.sentences.some((sentence) => sentence.role === "handover") ? drawPerson(answer.person, words) : null,
      drawSources(answer.sources, words, this.language),
      drawChoices(answer.related, answer.decision === "handover" ? words.suggestions : words.related, "related", pick),
    ];
    if (answer.exchange && !answer.emergency && ["reply", "handover"].includes(answer.decision)) {
      const offer = () => make("button", { type: "button", class: "link", click: () => this.showPerson(true) }, words.person);
      body.push(drawFeedback(answer.exchange, words, this.requests, offer));
    }
    this.log.querySelectorAll(".feedback").forEach((older) => older.remove());
    this.add(`assistant ${answer.decision}`, words.assistant, ...body);
    this.reveal(asked);
  }

  add(kind, who, ...body) {
    const entry = make("div", { class: `entry ${kind}` }, make("h3", { class: "who" }, who), ...body);
    this.log.append(entry);
    this.reveal(entry);
    return entry;
  }

  // Brings an entry to the top of what is read. The host page is never scrolled by the panel.
  reveal(entry) {
    const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
    if (this.whole) {
      entry.scrollIntoView({ block: "start", behavior });
      return;
    }
    for (const box of [this.log, this.panel]) {
      const above = entry.getBoundingClientRect().top - box.getBoundingClientRect().top;
      box.scrollTo({ top: box.scrollTop + above - 12, behavior });
    }
  }

  tell(message, retry) {
    const parts = message ? [make("p", {}, ...withLinks(message, this.words))] : [];
    if (retry) parts.push(make("button", { type: "button", class: "link", click: retry }, this.words.retry));
    this.alert.replaceChildren(...parts);
  }

  async showPerson(shown, moveFocus = true) {
    if (this.people.hidden !== shown) return;
    this.people.hidden = !shown;
    this.talk.hidden = shown;
    if (!shown) {
      if (moveFocus) this.personButton.focus();
      return;
    }
    const title = make("h3", { tabindex: "-1" }, this.words.person_title);
    const back = make("button", { type: "button", class: "link", click: () => this.showPerson(false) }, icon("back"), this.words.person_close);
    const card = drawPerson(SITE.person[this.language], this.words); // known without the network
    this.people.replaceChildren(title, card, back);
    title.focus();
    try {
      const now = drawPerson(await this.requests.person(), this.words);
      card.replaceWith(now);
    } catch {
      // the number, the hours and the relay are already on screen
    }
  }

  restart() {
    this.requests.forget();
    this.log.replaceChildren(make("p", { class: "quiet" }, this.words.restarted));
    this.greet();
    this.tell("");
    this.showPerson(false, false);
    this.field.focus();
  }
}

if (!customElements.get("accueil-assistant")) {
  customElements.define("accueil-assistant", AccueilAssistant);
  // One script tag is enough: without an element in the page, the button is added at its end.
  const place = () => {
    if (!document.querySelector("accueil-assistant")) document.body.append(make("accueil-assistant", { lang: SCRIPT.dataset.lang }));
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", place);
  else place();
}
