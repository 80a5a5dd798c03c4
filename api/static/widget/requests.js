// The door to the server: three requests, each with a deadline. Nothing is kept in the browser: the token lives in this object.

const TOO_SLOW = 2500; // milliseconds after which the visitor is told how to phone
const ABANDON = 20000; // milliseconds after which the request is given up

class Refused extends Error {
  constructor(problem) {
    super(problem.code);
    this.code = problem.code;
    this.text = problem.message;
  }
}

class Requests {
  constructor(server, language) {
    this.server = server;
    this.language = language;
    this.token = null;
  }

  async ask(message, choice, whenSlow) {
    const answer = await this.send("/chat", { message, choice, token: this.token, language: this.language }, whenSlow);
    this.token = answer.token;
    return answer;
  }

  opinion(exchange, opinion) {
    return this.send("/chat/feedback", { token: this.token, exchange, ...opinion });
  }

  person() {
    return this.send(`/chat/person?language=${this.language}`);
  }

  forget() {
    this.token = null;
  }

  async send(path, body, whenSlow = () => {}) {
    const stop = new AbortController();
    const slow = setTimeout(whenSlow, TOO_SLOW);
    const end = setTimeout(() => stop.abort(), ABANDON);
    const options = { signal: stop.signal, credentials: "omit", referrerPolicy: "origin", cache: "no-store" };
    if (body) {
      options.method = "POST";
      options.headers = { "Content-Type": "application/json" };
      options.body = JSON.stringify(body);
    }
    try {
      const separator = path.includes("?") ? "&" : "?";
      const address = body ? `${this.server}${path}${separator}lang=${this.language}` : this.server + path;
      const response = await fetch(address, options);
      if (response.status === 204) return null;
      const content = await response.json();
      if (!response.ok) throw new Refused(content);
      return content;
    } finally {
      clearTimeout(slow);
      clearTimeout(end);
    }
  }
}
