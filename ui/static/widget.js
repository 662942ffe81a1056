/* One classic script, one element: <rag-chat>. Text becomes text nodes, nothing is remembered, no host but the server
   is spoken to. Its own words are those of ui/locales/widget.json in the reader's language: the server puts them in. */
(() => {
  'use strict';
  const script = document.currentScript;
  const HOME = new URL('.', script?.src || location.href).href;
  const STYLES = ['accent', 'on-accent', 'bg', 'fg', 'font', 'radius', 'height', 'z'];
  const CONFIG = 'api/widget/config?site=';

  const TEXT = /* words */ {};

  const ICONS = {
    chat: 'M4 4h16v12h-8l-5 4v-4H4zM9 8v4M15 8v4',
    down: 'M6 9l6 6 6-6',
    close: 'M6 6l12 12M18 6L6 18',
    back: 'M19 12H5M11 6l-6 6 6 6',
    reset: 'M4 13a8 8 0 1 0 2-6L4 9M4 4v5h5',
    send: 'M12 19V5M6 11l6-6 6 6',
    stop: 'M8 9h8v2H8v2h8v2H8',
  };

  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
:host {
  all: initial !important; display: block !important; position: fixed !important; color-scheme: light dark !important;
  inset: auto var(--right) 16px var(--left) !important; z-index: var(--rag-z, 2147483000) !important;
  --left: auto; --right: 16px; --accent: var(--rag-accent, #2348c7); --on: var(--rag-on-accent, #fff);
  --bg: var(--rag-bg, #fff); --fg: var(--rag-fg, #16181d);
}
/* Text on an accent of luminance y: white up to .179, else black. */
@supports (color: light-dark(red, red)) and (color: color(from red xyz x y z)) {
  :host {
    --accent: var(--rag-accent, light-dark(#2348c7, #9db4ff)); --w: clamp(0, (.179 - y) * 9999, 1);
    --on: var(--rag-on-accent, color(from var(--accent) xyz calc(.95 * var(--w)) var(--w) calc(1.09 * var(--w))));
    --bg: var(--rag-bg, light-dark(#fff, #17191f)); --fg: var(--rag-fg, light-dark(#16181d, #eceef3));
  }
}
:host([data-theme=light]) { color-scheme: light !important }
:host([data-theme=dark]) { color-scheme: dark !important }
:host([data-position=left]) { --left: 16px; --right: auto }
:host([data-inline]) { position: relative !important; inset: 0 !important; z-index: auto !important }
:host([hidden]), [hidden], :host([data-inline]) .launcher, section .close { display: none !important }
* { box-sizing: border-box; margin: 0; padding: 0; font: inherit; color: inherit; list-style: none }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
.root {
  --line: color-mix(in srgb, var(--fg) 15%, var(--bg));
  --muted: color-mix(in srgb, var(--fg) 70%, var(--bg)); --tint: color-mix(in srgb, var(--accent) 15%, var(--bg));
  font: 15px/1.55 var(--rag-font, system-ui, sans-serif); color: var(--fg); overflow-wrap: anywhere;
}
button { border: 0; background: none; text-align: start; cursor: pointer }
:where(button):hover { background: var(--tint) }
.launcher, .go, .question, .cite:hover, .row:hover .cite { background: var(--accent); color: var(--on) }
svg { width: 20px; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round }
.launcher { display: flex; align-items: center; gap: 8px; padding: 16px; border-radius: 28px; font-weight: 650 }
.launcher svg { width: 24px }
.launcher, .panel { box-shadow: 0 2px 8px #0003, 0 12px 40px #0003 }
.panel {
  position: fixed; inset: auto var(--right) 84px var(--left); flex-direction: column; overflow: hidden;
  width: min(400px, 100vw - 32px); height: min(var(--rag-height, 640px), 100dvh - 104px); max-width: none; max-height: none;
  background: var(--bg); border: 1px solid var(--line); border-radius: var(--rag-radius, 16px);
}
.panel[open], section { display: flex }
section.panel { position: relative; inset: 0; width: auto; height: var(--rag-height, 560px); box-shadow: none }
.head { display: flex; align-items: center; gap: 8px; padding: 8px; padding-inline-start: 16px; border-bottom: 1px solid var(--line) }
.head > :not(button) { flex: 1 }
h2, strong { font-size: 16px; font-weight: 650; line-height: 1.35 }
.icon, .go { display: grid; place-items: center; flex: none; width: 36px; height: 36px; border-radius: 10px }
.scroll { position: relative; flex: 1; overflow-y: auto; overscroll-behavior: contain; padding: 16px; outline-offset: -2px }
.log > * + * { margin-top: 18px }
.examples { display: grid; gap: 8px; justify-items: start }
.examples, .problem { margin-top: 14px }
.question, .examples button, .problem { padding: 8px 14px; border-radius: 14px }
.question { width: fit-content; max-width: 86%; margin-inline-start: auto }
.question, .log, .doc { white-space: pre-line }
ul, .examples button, .pill, .ask { border: 1px solid var(--line); border-radius: 14px }
strong { display: block; margin-bottom: 6px; font-size: 18px }
.cite {
  display: inline-block; min-width: 20px; margin-inline-end: 3px; padding: 0 5px; border-radius: 6px; background: var(--tint);
  color: var(--fg); font-size: 12px; font-weight: 650; line-height: 20px; text-align: center;
}
.row > .cite { margin-inline-end: 8px }
u { text-decoration: underline dotted }
.small { color: var(--muted); font-size: 13px; line-height: 1.4 }
.label { margin: 14px 0 6px; font-weight: 650 }
ul { overflow: hidden }
ul:empty { display: none }
li + li { border-top: 1px solid var(--line) }
.row { width: 100%; padding: 8px 14px; font-size: 14px; outline-offset: -2px }
.row .small { display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical; overflow: hidden }
:is(p, h2, button):not([dir]) {
  unicode-bidi: plaintext; text-align: -webkit-match-parent; text-align: match-parent;
}
.feedback { display: flex; flex-wrap: wrap; align-items: center; gap: 8px; margin-top: 12px }
.pill { padding: 3px 12px; color: var(--fg) }
[aria-pressed=true] { background: var(--tint); border-color: var(--accent) }
.problem { background: #d92d201a; border: 1px solid #d92d2080 }
.problem .pill { display: block; margin-top: 8px }
.ask { display: flex; align-items: flex-end; margin: 8px 12px 0; padding: 5px; border-color: var(--muted) }
.ask:focus-within { outline: 2px solid var(--accent); outline-offset: -1px }
textarea {
  flex: 1; max-height: 132px; padding: 6px 8px; border: 0; outline: 0 !important; background: none;
  font-size: 16px; resize: none; field-sizing: content;
}
::placeholder { color: var(--muted); opacity: 1 }
.note { padding: 7px 16px 9px; text-align: center }
.view { position: absolute; inset: 0; display: flex; flex-direction: column; background: var(--bg) }
.view:not([hidden]) ~ * { visibility: hidden }
.view .head { padding: 8px }
mark { background: #ffe28a; color: #16181d; border-radius: 3px }
.quiet { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
@media (max-width: 480px) {
  dialog.panel { inset: 0; width: auto; height: var(--rag-viewport, 100dvh); border: 0; border-radius: 0 }
}
@media (prefers-reduced-motion: no-preference) {
  .panel { animation: show .2s }
  .wait { animation: show 1s infinite alternate }
}
@keyframes show { from { opacity: .2 } }
@media (forced-colors: active) {
  .launcher, .go, .question, .cite { border: 1px solid }
  mark, [aria-pressed=true] { forced-color-adjust: none; background: Highlight; color: HighlightText }
}
@media print { dialog, .launcher { display: none !important } }`);

  const el = (selector, properties, ...children) => {
    const [tag, className = ''] = selector.split('.');
    const element = Object.assign(document.createElement(tag), { className });
    for (const [name, value] of Object.entries(properties)) {
      if (typeof value === 'function') element.addEventListener(name, value);
      else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  };

  const quiet = (text) => el('span.quiet', { dir: 'ltr' }, text);

  const dress = (button, icon, label, text = '') => {
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    const path = document.createElementNS(svg.namespaceURI, 'path');
    path.setAttribute('d', ICONS[icon]);
    svg.setAttribute('viewBox', '0 0 24 24');
    svg.append(path);
    button.ariaLabel = button.title = label;
    button.replaceChildren(svg, text);
    return button;
  };

  const origin = ({ outlet, author, source, published, page }) => {
    const part = /\.(odp|pp[st][mx]?)$/i.test(source) ? TEXT.slide : TEXT.page;
    return [outlet || author || source, published?.slice(0, 10), page && part + page].filter(Boolean).join(' · ');
  };

  /** Text before it is checked: a leading **short answer**, and [n]. */
  const streamed = (text) => {
    const [plain, lead, ...rest] = text.split('**');
    const parts = (plain || rest.join('**').trimStart())
      .split(/\[(\d+)\]/)
      .map((part, i) => (i % 2 ? el('span.cite', {}, part) : part));
    return plain || !lead ? parts : [el('strong', {}, lead), ...parts];
  };

  async function* eventsOf(response) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let tail = ''; ; ) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (tail + value).split('\n');
      tail = lines.pop();
      for (const line of lines) if (line.startsWith('data:')) yield JSON.parse(line.slice(5));
    }
  }

  const refusal = (problem) => Object.assign(new Error(), problem);

  const blocked = new Set();
  document.addEventListener('securitypolicyviolation', ({ blockedURI }) => blocked.add(blockedURI));

  class RagChat extends HTMLElement {
    static instances = [];
    static observedAttributes = STYLES.map((name) => 'data-' + name);

    #server;
    #config;
    #expires;
    #visiting;
    #conversation;
    #asking;
    #cited;
    #panel;
    #launcher;
    #title;
    #log;
    #welcome;
    #status;
    #input;
    #go;
    #view;

    connectedCallback() {
      RagChat.instances.push(this);
      if (this.shadowRoot) return;
      this.#server = new URL(this.dataset.server || HOME, location.href).href.replace(/\/*$/, '/');
      this.#build();
      this.#restart();
      if ('inline' in this.dataset || this.dataset.open === 'true') this.#reveal();
      this.#emit('ready');
    }

    disconnectedCallback() {
      RagChat.instances.splice(RagChat.instances.indexOf(this), 1);
      this.stop();
    }

    attributeChangedCallback(name, _, value) {
      this.style.setProperty('--rag-' + name.slice(5), value);
    }

    open() {
      if (this.#panel.open) return;
      if (matchMedia('(max-width: 480px)').matches) this.#panel.showModal();
      this.#reveal();
      this.#focus();
      this.#emit('open');
    }

    close() {
      this.#panel.close?.();
    }

    toggle() {
      return this.#panel.open ? this.close() : this.open();
    }

    stop() {
      this.#asking?.abort();
      this.#asking = null;
      this.#dress();
    }

    reset() {
      this.#restart();
      this.#emit('reset');
    }

    async ask(text) {
      const question = text.trim();
      if (!question || this.#asking) return;
      this.open();
      this.#view.hidden = true;
      this.#welcome.remove();
      this.#input.value = '';
      const asked = el('p.question', { dir: 'auto' }, quiet(TEXT.question), question);
      const body = el('p.text', { dir: 'auto' });
      const turn = { question, asked, body, answer: el('div', {}, quiet(TEXT.answer), body) };
      this.#log.append(asked, turn.answer);
      const asking = (this.#asking = new AbortController());
      this.#dress();
      this.#emit('question', { question });
      try {
        await this.#answer(turn, asking.signal);
      } catch (error) {
        await this.#report(turn, error, asking.signal);
      }
      if (this.#asking === asking) this.stop();
    }

    #emit(name, detail = {}) {
      this.dispatchEvent(new CustomEvent('rag-chat:' + name, { detail, bubbles: true, composed: true }));
    }

    #build() {
      const { lang, inline, placeholder = TEXT.placeholder, disclaimer = TEXT.disclaimer } = this.dataset;
      if (lang) this.lang = lang;
      const button = (name, click) => dress(el('button.icon ' + name, { click }), name, TEXT[name]);
      this.#title = el('h2', { id: 'title' });
      this.#log = el('div.scroll log', { role: 'log', 'aria-live': 'off', 'aria-labelledby': 'title', tabindex: 0 });
      this.#input = el('textarea', {
        rows: 1, maxlength: 2000, enterkeyhint: 'send', dir: 'auto', placeholder, 'aria-label': placeholder,
      });
      this.#go = el('button.go', { click: () => (this.#asking ? this.stop() : this.ask(this.#input.value)) });
      this.#view = el('div.view', {});
      this.#status = el('div.quiet', { role: 'status' });
      this.#panel = el(
        (inline == null ? 'dialog' : 'section') + '.panel',
        { 'aria-labelledby': 'title', close: () => this.#closed(), cancel: (event) => this.#back(event) },
        this.#status,
        this.#view,
        el('div.head', {}, this.#title, button('reset', () => this.reset()), button('close', () => this.close())),
        this.#log,
        el('div.ask', {}, this.#input, this.#go),
        el('p.small note', {}, disclaimer),
      );
      this.#launcher = el('button.launcher', { 'aria-haspopup': 'dialog', click: () => this.toggle() });
      const key = (event) => this.#key(event);
      const shadow = this.attachShadow({ mode: 'open' });
      shadow.adoptedStyleSheets = [sheet];
      shadow.append(el('div.root', { lang: TEXT.lang, keydown: key, keypress: key, keyup: key }, this.#panel, this.#launcher));
    }

    #dress() {
      const { launcherLabel } = this.dataset;
      const name = this.#asking ? 'stop' : 'send';
      dress(this.#go, name, TEXT[name]);
      if (this.#panel.open) dress(this.#launcher, 'down', TEXT.close);
      else dress(this.#launcher, 'chat', launcherLabel || TEXT.open, launcherLabel);
      this.#launcher.ariaExpanded = !!this.#panel.open;
      this.#log.ariaBusy = !!this.#asking;
    }

    async #reveal() {
      this.#panel.open = true;
      this.#dress();
      if (this.#config?.allowed) return;
      const message = await this.#obstacle();
      this.#greet(message);
      if (message) this.#emit('error', { message });
    }

    #closed() {
      this.#view.hidden = true;
      this.#dress();
      this.#launcher.focus();
      this.#emit('close');
    }

    /** What keeps this page from its server; '' when nothing does. */
    async #obstacle(renew = !this.#config?.allowed) {
      const url = this.#server + CONFIG + (this.dataset.site ?? '');
      try {
        return (await this.#visit(renew)).message ?? '';
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 99)); // violations are reported later
        this.#visiting = null;
        return TEXT[blocked.has(url) ? 'blocked' : 'unreachable'].replace('{server}', () => this.#server);
      }
    }

    /** Title, examples, and the token of this visit: renewed shortly before its end, and when the server forgot it. */
    #visit(renew = Date.now() > this.#expires) {
      if (renew || !this.#visiting) this.#visiting = this.#enter();
      return this.#visiting;
    }

    async #enter() {
      const { token } = this.#config ?? {};
      const headers = token && { authorization: 'Bearer ' + token };
      const url = this.#server + CONFIG + (this.dataset.site ?? '');
      const response = await fetch(url, { credentials: 'omit', headers });
      this.#config = await response.json();
      this.#expires = Date.now() + this.#config.expires_in * 900;
      return this.#config;
    }

    #restart() {
      this.stop();
      this.#conversation = undefined;
      this.#view.hidden = true;
      this.#welcome = el('div', { lang: this.dataset.lang || TEXT.lang });
      this.#log.replaceChildren(this.#welcome);
      this.#greet();
    }

    #greet(problem) {
      const { title, greeting = TEXT.greeting, examples } = this.dataset;
      this.#title.textContent = title || this.#config?.title || TEXT.title;
      const questions = examples?.split('|') ?? this.#config?.examples ?? [];
      const click = ({ target }) => {
        this.ask(target.textContent);
        this.#focus();
      };
      this.#welcome.replaceChildren(
        el('p', {}, greeting),
        problem
          ? el('p.problem', { role: 'alert' }, problem)
          : el('div.examples', {}, ...questions.map((text) => el('button', { click }, text.trim()))),
      );
    }

    /** On a touch screen the keyboard would cover what just opened. */
    #focus() {
      (matchMedia('(pointer: coarse)').matches ? this.#log : this.#input).focus();
    }

    /** The host page's shortcuts must not fire while someone types here. */
    #key(event) {
      event.stopPropagation();
      if (event.type !== 'keydown' || event.isComposing) return;
      if (event.key === 'Escape') this.#back(event);
      if (event.key !== 'Enter' || event.shiftKey || event.target !== this.#input) return;
      event.preventDefault();
      this.ask(this.#input.value);
    }

    /** Keep up with the log, but never push the latest question out of sight. */
    #write({ asked }, change) {
      const { scrollHeight, scrollTop, clientHeight } = this.#log;
      change();
      if (scrollHeight - scrollTop - clientHeight < 60) this.#log.scrollTop = asked.offsetTop - 12;
    }

    async #request(path, body, signal, renew) {
      const { token, ...visit } = await this.#visit(renew);
      if (!visit.allowed) throw refusal(visit);
      const headers = { 'content-type': 'application/json', authorization: 'Bearer ' + token };
      const post = body && { method: 'POST', body: JSON.stringify(body) };
      const response = await fetch(this.#server + path, { credentials: 'omit', signal, headers, ...post });
      if (response.status === 401 && !renew) return this.#request(path, body, signal, true);
      if (!response.ok) throw refusal((await response.json()).error);
      return response;
    }

    /** Asks once more when the stream breaks off before its end. */
    async #answer(turn, signal) {
      const result = (await this.#stream(turn, signal)) ?? (await this.#stream(turn, signal));
      if (!result) throw new Error(TEXT.dropped);
      const { answer, claims, sources } = result;
      const quotes = [...new Map(claims.flatMap((claim) => claim.quotes).map((quote) => [quote.n, quote])).values()];
      const nearest = result.status === 'not_found' ? sources.slice(0, 3) : [];
      const rows = [...this.#sources(quotes), ...nearest.map((source) => this.#row(source, source.text))];
      let said = TEXT.answer;
      this.#conversation = result.conversation_id;
      this.#write(turn, () => {
        for (const { kind, text } of result.remarks ?? []) {
          const first = kind === 'differ'; // one of several answers heads none of them
          if (first) said += text + ' ';
          turn.answer.insertBefore(el('p.small', {}, text), first ? turn.body : null);
        }
        const lead = said === TEXT.answer && result.short_answer;
        turn.body.replaceChildren(...(claims.length ? this.#claims(claims, lead) : [answer]));
        if (result.notice) turn.answer.append(el('p.small', {}, result.notice));
        if (rows.length) turn.answer.append(el('p.small label', {}, quotes.length ? TEXT.sources : TEXT.nearest));
        turn.answer.append(el('ul', {}, ...rows), this.#feedback(result.message_id));
      });
      this.#status.textContent = said + (claims.map(({ text }) => text).join(' ') || answer);
      this.#emit('answer', { ...result, question: turn.question });
    }

    async #stream({ question, ...turn }, signal) {
      const result = { sources: [], claims: [], answer: '' };
      let text = '';
      let frame;
      const paint = () => this.#write(turn, () => turn.body.replaceChildren(...streamed(text)));
      this.#log.scrollTop = this.#log.scrollHeight;
      turn.body.replaceChildren(el('span.wait', {}, TEXT.searching));
      const today = new Date().toLocaleDateString('sv');
      const asked = { question, conversation_id: this.#conversation, today };
      const response = await this.#request('api/chat', asked, signal);
      try {
        for await (const event of eventsOf(response)) {
          if (event.type === 'error') throw refusal(event);
          if (event.type === 'token') {
            text += event.text;
            cancelAnimationFrame(frame);
            frame = requestAnimationFrame(paint);
          } else Object.assign(result, event);
          if (event.type === 'done') return result;
        }
      } catch (error) {
        if (error.code || signal.aborted) throw error;
      } finally {
        cancelAnimationFrame(frame);
        if (text) paint();
      }
    }

    async #report({ question, asked, body, answer }, error, signal) {
      body.querySelector('.wait')?.remove();
      if (signal.aborted) return answer.append(el('p.small label', {}, TEXT.stopped));
      const message = error.code ? error.message : (await this.#obstacle(true)) || TEXT.dropped;
      const click = () => {
        asked.remove();
        answer.remove();
        this.ask(question);
        this.#focus();
      };
      answer.append(el('p.problem', { role: 'alert' }, message, el('button.pill', { click }, TEXT.again)));
      this.#log.scrollTop = this.#log.scrollHeight;
      this.#emit('error', { question, message, code: error.code });
    }

    #claims(claims, lead) {
      const cite = (quote) => {
        const label = `${quote.n}: ${quote.title}`;
        return el('button.cite', { 'aria-label': label, title: quote.text, click: this.#shows(quote) }, quote.n);
      };
      const parts = claims.flatMap(({ text, support, quotes }) => [
        TEXT[support] ? el('u', {}, text, ' ', el('span.small', {}, TEXT[support])) : text,
        ' ',
        ...quotes.map(cite),
        ' ',
      ]);
      return lead ? [el('strong', {}, lead), ...parts] : parts;
    }

    #sources(quotes) {
      return quotes.flatMap((quote) => {
        const same = quotes.filter(({ document_id }) => document_id === quote.document_id);
        const numbers = same.map(({ n }) => el('span.cite', {}, n));
        return same[0] === quote ? [this.#row(quote, origin(quote), numbers)] : [];
      });
    }

    #row(quote, detail, numbers = []) {
      const click = this.#shows(quote);
      return el('li', {}, el('button.row', { click }, ...numbers, quote.title, el('span.small', {}, detail)));
    }

    #feedback(message_id) {
      const note = el('span', {});
      const click = async ({ target }) => {
        for (const button of buttons) button.ariaPressed = button === target;
        const verdict = { message_id, value: target.value };
        this.#emit('feedback', verdict);
        const sent = this.#request('api/feedback', verdict);
        this.#status.textContent = note.textContent = await sent.then(() => TEXT.thanks, () => TEXT.unsent);
      };
      const buttons = ['up', 'down', 'wrong_source'].map((value) =>
        el('button.pill', { value, 'aria-pressed': false, click }, TEXT[value]),
      );
      return el('div.small feedback', { role: 'group', 'aria-label': TEXT.helpful }, el('p', {}, TEXT.helpful), ...buttons, note);
    }

    #shows(quote) {
      return ({ currentTarget }) => this.#show(quote, currentTarget);
    }

    async #show(quote, cited) {
      const { document_id, start, end, title } = quote;
      this.#cited = cited;
      this.#emit('citation', quote);
      const heading = el('h2', { tabindex: -1 }, title);
      const mark = el('mark', {}, quote.text);
      const text = el('div.scroll doc', { role: 'region', 'aria-label': title, dir: 'auto', tabindex: 0 }, mark);
      const back = dress(el('button.icon', { click: (event) => this.#back(event) }), 'back', TEXT.back);
      const head = el('div.head', {}, back, el('div', {}, heading, el('p.small', {}, origin(quote))));
      this.#view.replaceChildren(head, text);
      this.#view.hidden = false;
      heading.focus();
      try {
        const response = await this.#request(`api/documents/${document_id}?start=${start}&end=${end}`);
        const { before, quote: words, after } = await response.json();
        mark.textContent = words;
        text.replaceChildren(before, mark, after);
      } catch {
        text.append(el('p.small label', {}, TEXT.alone));
      }
      text.scrollTop = mark.offsetTop - text.clientHeight / 4;
    }

    #back(event) {
      event.preventDefault();
      if (this.#view.hidden) return this.close();
      this.#view.hidden = true;
      this.#cited.focus();
    }
  }

  if (!customElements.get('rag-chat')) {
    customElements.define('rag-chat', RagChat);
    window.RagChat = RagChat;
    visualViewport.addEventListener('resize', () => {
      for (const { style } of RagChat.instances) style.setProperty('--rag-viewport', visualViewport.height + 'px');
    });
  }

  const mount = () => {
    const { auto, target, ...options } = script.dataset;
    const chat = document.createElement('rag-chat');
    Object.assign(chat.dataset, { server: HOME, ...options }, target && { inline: '' });
    document.querySelector(target || 'body').append(chat);
  };
  if (script && script.dataset.auto !== 'false') {
    if (document.readyState === 'loading') addEventListener('DOMContentLoaded', mount);
    else mount();
  }
})();
