/* The sources panel, the citations that open it, and what the page needs to be usable by keyboard and by ear.
   Text of documents reaches the page through textContent alone. */
(() => {
  'use strict';

  const CITATION = '#chat a[href^="#cite-"], #chat a[href^="#evidence-"]';
  const REFERENCE = /^#(?:cite|evidence)-([\w-]{20,}?)(?:-(\d+))?$/;
  const MARKS = { verbatim: 'Exact quote', supported: 'Supports the sentence', partial: 'Supports part of the sentence' };

  const el = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children.filter((child) => child != null && child !== ''));
    return element;
  };
  const button = (className, label, onclick) => el('button', { type: 'button', className, textContent: label, onclick });
  const narrow = matchMedia('(max-width: 64rem)');

  /** Where a source comes from, in one line: outlet, date, page, file. */
  const origin = ({ outlet, published, author, page, source, title }) =>
    [outlet, author, published?.slice(0, 10), page && `page ${page}`, source !== title && source].filter(Boolean).join(' · ');

  async function getJSON(path) {
    const response = await fetch(path);
    const body = await response.json();
    if (!response.ok) throw new Error(body.error.message);
    return body;
  }

  /** What an answer stands on; kept once the answer is complete. */
  const answers = new Map();
  async function sourcesOf(message) {
    if (answers.has(message)) return answers.get(message);
    const body = await getJSON(`/api/answers/${message}/sources`);
    if (body.state !== 'running') answers.set(message, body);
    return body;
  }

  const reference = (link) => {
    const [, message, n] = REFERENCE.exec(link.getAttribute('href')) ?? [];
    return message && { message, n: Number(n) };
  };
  const citationsIn = (body) => (body.sources.length ? body.sources : body.nearest);

  class Panel {
    #section = el('section', { className: 'sources' });
    #shade = el('div', { className: 'sources-shade', onclick: () => this.close() });
    #opener = button('open-sources', 'Sources', () => this.open());
    #message; // the answer whose sources are listed
    #view = 'list';
    #from; // what had the focus before a document was opened

    constructor() {
      this.#section.setAttribute('aria-label', 'Sources');
      this.#section.addEventListener('keydown', (event) => event.key === 'Escape' && this.#escape(event));
      document.body.append(this.#shade);
      this.#empty();
    }

    /** Gradio builds the page late and may build it again. */
    attach() {
      const column = document.getElementById('sources');
      if (column && !column.contains(this.#section)) column.append(this.#section);
      const top = document.getElementById('top');
      if (top && !top.contains(this.#opener)) top.insertBefore(this.#opener, document.getElementById('fresh'));
    }

    /** List the sources of an answer, unless a document is being read. */
    async follow(message) {
      this.#message = message;
      if (!message) this.#empty();
      else if (this.#view === 'list') await this.#list();
    }

    async showDocument(message, n, from) {
      this.#message = message;
      this.#from = from;
      this.open();
      await this.#try(async () => {
        const body = await sourcesOf(message);
        const cited = citationsIn(body);
        const source = cited.find((candidate) => candidate.n === n);
        const path = `/api/documents/${encodeURIComponent(source.document_id)}?start=${source.start}&end=${source.end}`;
        this.#document(await getJSON(path), source, cited, body);
      });
    }

    async showList(message) {
      this.#view = 'list';
      this.open();
      await this.follow(message);
      this.#focusHeading();
    }

    open() {
      document.body.classList.add('sources-open');
      this.#section.toggleAttribute('aria-modal', narrow.matches);
      if (narrow.matches) {
        this.#section.setAttribute('role', 'dialog');
        this.#focusHeading();
      } else this.#section.removeAttribute('role');
    }

    close() {
      document.body.classList.remove('sources-open');
      this.#return();
      if (this.#view === 'document') this.back();
    }

    async back() {
      this.#view = 'list';
      await this.#list();
    }

    /** A new question: what was open belongs to another one. */
    release() {
      this.#view = 'list';
    }

    #escape(event) {
      event.stopPropagation();
      if (narrow.matches || this.#view === 'document') this.close();
    }

    /** Give the focus back to the citation, even if Gradio has drawn it anew. */
    #return() {
      const again = this.#from?.isConnected ? this.#from : document.querySelector(`#chat a[href="${this.#from?.getAttribute('href')}"]`);
      (again ?? (narrow.matches ? this.#opener : null))?.focus();
      this.#from = undefined;
    }

    async #try(work) {
      try {
        await work();
      } catch (error) {
        this.#show('list', this.#header('Sources'), el('div', { className: 'scroll' }, el('p', { className: 'hint', textContent: error.message })));
      }
    }

    #show(view, ...children) {
      this.#view = view;
      this.#section.replaceChildren(...children);
      this.#opener.hidden = view === 'list' && !this.#message;
      for (const link of document.querySelectorAll('#chat a[aria-current]')) link.removeAttribute('aria-current');
    }

    #header(title, ...controls) {
      const close = button('plain close', 'Close', () => this.close());
      return el('header', {}, el('div', { className: 'bar' }, el('h2', { tabIndex: -1, textContent: title }), ...controls, close));
    }

    #focusHeading() {
      this.#section.querySelector('h2').focus({ preventScroll: true });
    }

    #empty() {
      const hint = 'The sources of an answer appear here. Open one to read its words where they stand in the document.';
      this.#show('list', this.#header('Sources'), el('div', { className: 'scroll' }, el('p', { className: 'hint', textContent: hint })));
    }

    async #list() {
      const message = this.#message;
      if (!message) return this.#empty();
      await this.#try(async () => {
        const body = await sourcesOf(message);
        if (message !== this.#message || this.#view !== 'list') return;
        const found = body.sources.length === 0;
        const title = !found ? 'Sources' : body.state === 'running' ? 'Passages found' : 'Nearest passages';
        const items = citationsIn(body).map((source) => this.#item(message, source));
        const hint = found && body.status === 'not_found' && 'None of these answers the question.';
        this.#show(
          'list',
          this.#header(title),
          el('div', { className: 'scroll', tabIndex: 0 }, hint ? el('p', { className: 'hint', textContent: hint }) : null, el('ol', {}, ...items)),
        );
      });
    }

    #item(message, source) {
      const item = button('source', '', () => this.showDocument(message, source.n, item));
      item.append(
        el('span', { className: 'number', textContent: source.n }),
        el('span', { className: 'name', textContent: source.title || source.source }),
        el('span', { className: 'meta', textContent: origin(source) }),
        el('q', { textContent: source.text }),
        MARKS[source.support] ? el('span', { className: 'badge', textContent: MARKS[source.support] }) : null ?? '',
      );
      return el('li', {}, item);
    }

    #document(document_, source, cited, body) {
      const text = el('div', { className: 'text' });
      const mark = el('mark', { textContent: document_.quote });
      text.append(document_.cut_before ? '… ' : '', document_.before, mark, document_.after, document_.cut_after ? ' …' : '');
      const scroll = el('div', { className: 'scroll', tabIndex: 0 }, text);
      scroll.setAttribute('role', 'region');
      scroll.setAttribute('aria-label', 'Text of the document');
      const at = cited.indexOf(source);
      const step = (by, label) => {
        const target = cited[at + by];
        const control = button('plain', label, () => this.showDocument(this.#message, target.n, this.#from));
        control.disabled = !target;
        return control;
      };
      const walk = el('div', { className: 'walk' }, step(-1, 'Previous'), `${at + 1} of ${cited.length}`, step(1, 'Next'));
      const back = button('plain back', '← All sources', () => this.back());
      const heading = el('h2', { tabIndex: -1, textContent: `[${source.n}] ${document_.title || document_.source}` });
      const meta = el('p', { className: 'meta', textContent: origin({ ...document_, page: source.page }) });
      const close = button('plain close', 'Close', () => this.close());
      const mark_ = body.sources.length ? MARKS[source.support] : 'Nearest passage';
      this.#show('document', el('header', { className: 'document' }, el('div', { className: 'bar' }, back, walk, close), heading, meta), scroll);
      if (mark_) meta.append(meta.textContent ? ' · ' : '', mark_);
      mark.scrollIntoView({ block: 'center' });
      this.#focusHeading();
      document.querySelector(`#chat a[href="#cite-${this.#message}-${source.n}"]`)?.setAttribute('aria-current', 'true');
    }
  }

  const panel = new Panel();

  /* Citations: click, hover, focus */

  const tip = el('div', { className: 'cite-tip', hidden: true, id: 'cite-tip' });
  tip.setAttribute('role', 'tooltip');

  async function showTip(link) {
    const { message, n } = reference(link);
    if (!n || narrow.matches) return;
    const body = await sourcesOf(message).catch(() => null);
    const source = body && citationsIn(body).find((candidate) => candidate.n === n);
    if (!source || !link.matches(':hover, :focus-visible')) return;
    tip.replaceChildren(el('q', { textContent: source.text }), el('div', { textContent: [source.title, origin(source)].filter(Boolean).join(' · ') }));
    tip.hidden = false;
    const box = link.getBoundingClientRect();
    tip.style.left = Math.max(8, Math.min(box.left, innerWidth - tip.offsetWidth - 8)) + 'px';
    const above = box.bottom + 8 + tip.offsetHeight > innerHeight;
    tip.style.top = (above ? box.top - tip.offsetHeight - 8 : box.bottom + 8) + 'px';
  }

  const linkOf = (event) => event.target.closest?.(CITATION);
  const hover = (event) => {
    const link = linkOf(event);
    if (link) showTip(link);
    else tip.hidden = true;
  };
  document.addEventListener('mouseover', hover);
  document.addEventListener('focusin', hover);
  document.addEventListener('scroll', () => (tip.hidden = true), true);
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') tip.hidden = true;
  });
  document.addEventListener(
    'click',
    (event) => {
      const link = linkOf(event);
      if (!link) return;
      event.preventDefault();
      tip.hidden = true;
      const { message, n } = reference(link);
      if (n) panel.showDocument(message, n, link);
      else panel.showList(message);
    },
    true,
  );

  /* Copying gives the answer as it reads, followed by its sources, in place of its Markdown. */

  const spoken = el('div', { className: 'visually-hidden' });
  spoken.setAttribute('role', 'status');

  async function copy(row) {
    const paragraphs = [...row.querySelectorAll('.prose > :is(p, ul, ol)')].map((p) => p.textContent.trim());
    const link = row.querySelector('a[href^="#cite-"]');
    const body = link && (await sourcesOf(reference(link).message).catch(() => null));
    const notes = (body?.sources ?? []).map((source) => `[${source.n}] ${[source.title, origin(source)].filter(Boolean).join(' · ')}: “${source.text}”`);
    await navigator.clipboard.writeText([...paragraphs, ...notes].join('\n\n'));
    spoken.textContent = 'Copied.';
  }

  document.addEventListener(
    'click',
    (event) => {
      const control = event.target.closest?.('#chat button[aria-label="Copy message"]');
      if (!control || !navigator.clipboard) return;
      event.stopImmediatePropagation();
      copy(control.closest('.message-row')).then(() => {
        control.classList.add('copied');
        setTimeout(() => control.classList.remove('copied'), 1500);
      });
    },
    true,
  );

  /* Keep up with what Gradio draws. */

  let asked = 0;
  let followed;
  let running = false;

  const name = (element, role, label) => {
    if (!element || element.getAttribute('aria-label') === label) return;
    if (role) element.setAttribute('role', role);
    element.setAttribute('aria-label', label);
  };

  function describe() {
    const log = document.querySelector('#chat [role=log]');
    if (log && log.tabIndex !== 0) {
      log.tabIndex = 0;
      log.setAttribute('aria-live', 'off'); // the finished answer is announced, not every word of it
    }
    name(log, '', 'Conversation');
    name(document.querySelector('#chat .placeholder-content'), 'group', 'Start');
    name(document.querySelector('#chat .examples'), 'group', 'Example questions');
    for (const message of document.querySelectorAll('#chat [data-testid=user], #chat [data-testid=bot]'))
      name(message, 'group', message.dataset.testid === 'user' ? 'You asked' : 'Answer');
    for (const link of document.querySelectorAll('#chat a[href^="#cite-"][title]')) {
      link.dataset.mark = link.title;
      link.setAttribute('aria-label', `Source ${reference(link).n}, ${link.title}`);
      link.removeAttribute('title');
    }
  }

  function announce() {
    const stopped = running;
    running = !!document.querySelector('#question .stop-button');
    if (stopped && !running) spoken.textContent = 'Answer: ' + ([...document.querySelectorAll('#chat [data-testid=bot]')].at(-1)?.textContent ?? '');
  }

  function follow() {
    const questions = document.querySelectorAll('#chat [data-testid=user]').length;
    if (questions !== asked) panel.release();
    asked = questions;
    const link = [...document.querySelectorAll(CITATION)].at(-1);
    const key = link?.getAttribute('href').replace(/-\d+$/, '');
    if (key === followed) return;
    followed = key;
    panel.follow(link && reference(link).message);
  }

  let due;
  function update() {
    due = undefined;
    panel.attach();
    describe();
    announce();
    follow();
  }
  document.body.append(tip, spoken);
  new MutationObserver(() => (due ??= setTimeout(update, 50))).observe(document.body, { childList: true, subtree: true });
  update();
})();
