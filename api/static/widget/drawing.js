// Draws answers as elements. What comes from the server is always placed as text, never parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  chat: "M4 4h16a1 1 0 0 1 1 1v11a1 1 0 0 1-1 1h-8l-5 4v-4H4a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1zM8 9h8M8 12.5h5",
  close: "M6 6l12 12M18 6L6 18",
  back: "M15 5l-7 7 7 7",
  phone: "M6 3h3l2 5-2.5 1.5a12 12 0 0 0 6 6L16 13l5 2v3a3 3 0 0 1-3 3A15 15 0 0 1 3 6a3 3 0 0 1 3-3z",
  restart: "M4 12a8 8 0 1 0 2.6-5.9M4 4v4.5h4.5",
  send: "M4 12h15M13 6l6 6-6 6",
};
const REACH = /(0[1-9](?:[\s.]\d{2}){4}|(?:[a-z0-9-]+\.)+gouv\.fr)\b/i; // a telephone number, or an official site

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

function icon(name) {
  const drawing = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  drawing.setAttribute("focusable", "false");
  path.setAttribute("d", ICONS[name]);
  drawing.append(path);
  return drawing;
}

const URGENT = /\b(15|17|18|112|114|119|31\s?14|39\s?19)\b/;

function fill(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

function phoneLink(number, label = number) {
  return make("a", { class: "phone", href: `tel:${number.replace(/[^\d+]/g, "")}` }, label);
}

// A sentence with its telephone numbers and official sites as links, so that a thumb is enough.
function withLinks(sentence, words) {
  return sentence.split(REACH).map((part, position) => {
    if (position % 2 === 0) return part;
    return part[0] === "0" ? phoneLink(part) : outsideLink(`https://${part.toLowerCase()}`, part, words);
  });
}

function outsideLink(address, label, words) {
  let url;
  try {
    url = new URL(address);
  } catch {
    return label;
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") return label;
  const note = make("span", { class: "unseen" }, ` (${words.new_window})`);
  const parts = label.length > 24 ? label.split(/(?<=\.)/) : [label]; // a long address may be cut after its dots
  const breakable = parts.flatMap((part) => [part, make("wbr")]);
  return make("a", { href: url.href, target: "_blank", rel: "noopener noreferrer" }, ...breakable, note);
}

function readDate(day, language) {
  return new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, { dateStyle: "long", timeZone: "UTC" }).format(new Date(`${day}T00:00:00Z`));
}

// The number of an emergency, as a link to call it; this one is written to.
const WRITTEN_TO = "114";

function urgentLink(number, label = number) {
  const digits = number.replace(/\D/g, "");
  return make("a", { class: "phone", href: `${digits === WRITTEN_TO ? "sms" : "tel"}:${digits}` }, label);
}

// The emergency numbers that a sentence names, as links; "15" in any other sentence is a number of days.
function withUrgentLinks(text) {
  return text.split(URGENT).map((part, position) => (position % 2 ? urgentLink(part) : part));
}

function drawUrgent(number, words) {
  const spoken = number.replace(/^(\d\d)(\d\d)$/, "$1 $2");
  return make("p", { class: "emergency" }, urgentLink(number, fill(number === WRITTEN_TO ? words.write : words.call, { number: spoken })));
}

// Sentences in reading order: neighbours of the same role and language stand together; what another part shows is not said twice.
function drawSentences(answer, words) {
  const link = (sentence) => {
    const text = typeset(sentence.text, sentence.language);
    return sentence.provenance.reference.startsWith("emergency_") ? withUrgentLinks(text) : withLinks(text, words);
  };
  const groups = [];
  for (const sentence of answer.sentences.filter((one) => !one.shown_by)) {
    const last = groups[groups.length - 1];
    if (last && last[0].role === sentence.role && last[0].language === sentence.language) last.push(sentence);
    else groups.push([sentence]);
  }
  return groups.map((group) => drawGroup(group, words, link));
}

function drawGroup(group, words, link) {
  const { role, language, dir } = group[0];
  const attributes = { lang: language, dir };
  if (role === "step") {
    const lines = group.map((step) => make("li", {}, ...link(step)));
    return make("div", { class: "steps", ...attributes }, make("h4", { lang: words.language }, words.steps), make("ol", {}, ...lines));
  }
  const lines = drawLines(group, link);
  if (role === "detail") return make("details", {}, make("summary", {}, words.detail), make("div", attributes, ...lines));
  return make("div", { class: `role-${role}`, ...attributes }, ...lines);
}

// French punctuation stays with its word at the end of a line.
function typeset(text, language) {
  return language === "fr" ? text.replace(/ ([:;?!»€])/g, "\u00a0$1").replace(/« /g, "«\u00a0") : text;
}

// Sentences as paragraphs; those that begin in lower case are the items of a list.
function drawLines(group, link) {
  const lines = [];
  let list = null;
  for (const sentence of group) {
    const content = link(sentence);
    if (/^\p{Ll}/u.test(sentence.text)) {
      if (!list) lines.push((list = make("ul", { class: "items" })));
      list.append(make("li", {}, ...content));
    } else {
      list = null;
      lines.push(make("p", {}, ...content));
    }
  }
  return lines;
}

function drawSources(sources, words, language) {
  if (!sources.length) return null;
  const lines = sources.map((source) => {
    const host = new URL(source.url).hostname.replace(/^www\./, "");
    const checked = fill(words.checked, { date: readDate(source.checked_on, language) });
    return make(
      "li",
      {},
      make("span", { lang: "fr" }, outsideLink(source.url, source.rubric || host, words)),
      make("span", { class: "quiet" }, `${host}, ${checked}`),
    );
  });
  const title = sources.length > 1 ? words.sources : words.source;
  return make("div", { class: "sources" }, make("h4", {}, title), make("ul", {}, ...lines));
}

function drawChoices(choices, title, kind, pick, heading = "h4") {
  if (!choices.length) return null;
  const buttons = choices.map((choice) =>
    make("li", {}, make("button", { type: "button", lang: choice.id && "fr", click: () => pick(choice) }, choice.label)),
  );
  return make("div", { class: kind }, make(heading, {}, title), make("ul", {}, ...buttons));
}

function drawPerson(person, words) {
  const line = (label, ...content) => [make("dt", {}, label), make("dd", {}, ...content)];
  return make(
    "div",
    { class: "card" },
    make("p", { class: "service" }, person.service),
    person.status ? make("p", { class: person.open ? "state open" : "state" }, person.status) : null,
    make("p", { class: "call" }, icon("phone"), phoneLink(person.phone)),
    make(
      "dl",
      {},
      ...line(words.hours, person.hours),
      ...line(words.email, make("a", { href: `mailto:${person.email}` }, person.email)),
      ...(person.address ? line(words.address, person.address) : []),
    ),
    person.relay ? drawRelay(person.relay, words) : null,
  );
}

function drawRelay(relay, words) {
  const [before, after] = words.relay.split("{name}");
  return make("p", { class: "relay" }, before, outsideLink(relay.url, relay.name, words), after);
}
