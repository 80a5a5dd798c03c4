// Two separate questions under an answer: was it clear, did it help. Each may be answered alone.

function drawFeedback(exchange, words, requests, offerPerson) {
  const said = make("p", { class: "quiet", role: "status" });

  const question = (name) => {
    const label = make("span", { id: `${name}-${exchange}` }, words[name]);
    const buttons = [true, false].map((value) =>
      make("button", { type: "button", "aria-pressed": "false", click: () => answer(name, value, buttons) }, value ? words.yes : words.no),
    );
    return make("div", { role: "group", "aria-labelledby": label.id }, label, ...buttons);
  };

  const answer = async (name, value, buttons) => {
    buttons.forEach((button, index) => button.setAttribute("aria-pressed", String((index === 0) === value)));
    try {
      await requests.opinion(exchange, { [name]: value });
      said.textContent = name === "helped" && !value ? words.sorry : words.thanks;
      if (name === "helped" && !value) said.append(" ", offerPerson());
    } catch {
      said.textContent = words.feedback_lost;
    }
  };

  return make("div", { class: "feedback" }, question("clear"), question("helped"), said);
}
