/* The sources panel: the sources of an answer, or one document with the quoted words marked. */
import { button, el, getJSON, origin, sourcesOf } from './sources.js';

const SUPPORT = { verbatim: 'Exact quote', supported: 'Supports the sentence', partial: 'Supports part of the sentence' };
const narrow = matchMedia('(max-width: 64rem)');

const scroller = (...children) => el('div', { className: 'scroll', tabIndex: 0 }, ...children);
const hint = (textContent) => el('p', { className: 'hint', textContent });

export class Panel {
  #section = el('section', { className: 'sources', ariaLabel: 'Sources', onkeydown: (event) => this.#key(event) });
  #shade = el('div', { className: 'sources-shade', onclick: () => this.close() });
  #opener = button('open-sources', 'Sources', () => this.list(this.#message));
  #message; // the answer whose sources are shown
  #reading = false; // whether a document is open
  #from; // the citation or list entry that opened it

  constructor() {
    document.body.append(this.#shade);
  }

  /** Stand where the page has its places; Gradio builds them late and may build them again. */
  attach() {
    const column = document.getElementById('sources');
    if (column && this.#section.parentNode !== column) column.append(this.#section);
    const fresh = document.getElementById('fresh');
    if (fresh && fresh.previousSibling !== this.#opener) fresh.before(this.#opener);
  }

  /** Show the sources of the latest answer, or nothing where there is none. An open document stays open. */
  follow(message) {
    this.#message = message;
    document.body.classList.toggle('has-sources', !!message);
    if (message && !this.#reading) this.#list();
  }

  /** Close the document: another question was asked. */
  release() {
    this.#reading = false;
  }

  /** List the sources of an answer and take the focus. */
  async list(message) {
    this.#message = message;
    this.#reading = false;
    this.#reveal();
    await this.#list();
    this.#focusHeading();
  }

  /** Open the document of citation `n` at its quote; `from` gets the focus back afterwards. */
  async read(message, n, from) {
    this.#message = message;
    this.#from = from;
    this.#reveal(); // before it is filled: what is not shown cannot be scrolled
    try {
      const { cited, found } = await sourcesOf(message);
      const at = cited.findIndex((source) => source.n === n);
      const { document_id: id, start, end } = cited[at];
      this.#document(await getJSON(`/api/documents/${encodeURIComponent(id)}?start=${start}&end=${end}`), cited, at, found);
    } catch (error) {
      this.#show(false, this.#bar(this.#heading('Sources')), scroller(hint(error.message)));
    }
    this.#focusHeading();
  }

  async close() {
    document.body.classList.remove('sources-open');
    if (this.#reading) await this.#list();
    (this.#from?.isConnected ? this.#from : (this.#again() ?? this.#opener)).focus();
  }

  #reveal() {
    document.body.classList.add('sources-open');
    this.#section.role = narrow.matches ? 'dialog' : null;
    this.#section.ariaModal = narrow.matches ? 'true' : null;
  }

  #focusHeading() {
    this.#section.querySelector('h2')?.focus({ preventScroll: true });
  }

  /** The same link or entry as before, drawn anew. */
  #again() {
    const { href, n } = this.#from?.dataset ?? {};
    return document.querySelector(href ? `#chat a[href="${href}"]` : `.sources [data-n="${n}"]`);
  }

  #key(event) {
    if (event.key === 'Escape' && (this.#reading || narrow.matches)) this.close();
    if (event.key === 'Tab' && narrow.matches) this.#keepFocus(event);
  }

  /** As a sheet the panel covers the page, so the focus stays inside. */
  #keepFocus(event) {
    const stops = [...this.#section.querySelectorAll('button:enabled, [tabindex="0"]')].filter((stop) => stop.offsetParent);
    const last = event.shiftKey ? stops[0] : stops.at(-1);
    if (document.activeElement !== last) return;
    event.preventDefault();
    (event.shiftKey ? stops.at(-1) : stops[0]).focus();
  }

  #show(reading, ...children) {
    this.#reading = reading;
    this.#section.replaceChildren(...children);
    document.querySelector('#chat a[aria-current]')?.removeAttribute('aria-current');
  }

  #heading(textContent) {
    return el('h2', { tabIndex: -1, textContent });
  }

  #bar(...children) {
    return el('div', { className: 'bar' }, ...children, button('plain close', 'Close', () => this.close()));
  }

  async #list() {
    const message = this.#message;
    this.#reading = false;
    try {
      const { state, status, cited, found } = await sourcesOf(message);
      if (message !== this.#message || this.#reading) return;
      const title = !found ? 'Sources' : state === 'running' ? 'Passages found' : 'Nearest passages';
      const note = status === 'not_found' && cited.length && hint('None of them answers the question.');
      const byDocument = Map.groupBy(cited, (source) => source.document_id);
      this.#show(false, this.#bar(this.#heading(title)), scroller(note, ...[...byDocument.values()].map((group) => this.#group(group))));
    } catch (error) {
      this.#show(false, this.#bar(this.#heading('Sources')), scroller(hint(error.message)));
    }
  }

  /** A document with the quotes that were taken from it. */
  #group(sources) {
    const [first] = sources;
    return el(
      'div',
      { className: 'group' },
      el('h3', { textContent: first.title || first.source }),
      el('p', { className: 'meta', textContent: origin({ ...first, page: null }) }),
      ...sources.map((source) => this.#entry(source)),
    );
  }

  #entry({ n, page, text, support }) {
    const entry = button('entry', '', () => this.read(this.#message, n, entry));
    entry.dataset.n = n;
    entry.append(el('span', { className: 'number', textContent: n }), el('q', { textContent: text }));
    const remark = [SUPPORT[support], page && `page ${page}`].filter(Boolean).join(' · ');
    if (remark) entry.append(el('span', { className: 'remark', textContent: remark }));
    return entry;
  }

  #document(found, cited, at, nearest) {
    const source = cited[at];
    const mark = el('mark', { textContent: found.quote });
    const text = el('div', { className: 'text' }, found.cut_before && '… ', found.before, mark, found.after, found.cut_after && ' …');
    const remark = nearest ? 'Nearest passage' : SUPPORT[source.support];
    const meta = [origin({ ...found, page: source.page }), remark].filter(Boolean).join(' · ');
    const page = scroller(text);
    Object.assign(page, { role: 'region', ariaLabel: 'Text of the document' });
    this.#show(
      true,
      this.#bar(button('plain back', '← All sources', () => this.list(this.#message)), cited.length > 1 && this.#steps(cited, at)),
      el('header', {}, this.#heading(`[${source.n}] ${found.title || found.source}`), el('p', { className: 'meta', textContent: meta })),
      page,
    );
    page.scrollTop = mark.offsetTop - page.offsetTop - (page.clientHeight - mark.offsetHeight) / 2;
    document.querySelector(`#chat a[href="#cite-${this.#message}-${source.n}"]`)?.setAttribute('aria-current', 'true');
  }

  #steps(cited, at) {
    const step = (label, to) => {
      const control = button('plain', label, () => this.read(this.#message, to.n, this.#from));
      control.disabled = !to;
      return control;
    };
    return el('div', { className: 'steps' }, step('Previous', cited[at - 1]), `${at + 1} of ${cited.length}`, step('Next', cited[at + 1]));
  }
}
