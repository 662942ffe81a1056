/* The sources panel: the sources of an answer, or one document with the quoted words marked. */
import { choice, drawn, text } from './document.js';
import { button, el, getJSON } from './elements.js';
import { t } from './messages.js';
import { briefly, origin, place, sourcesOf } from './sources.js';

const narrow = matchMedia('(max-width: 64rem)');

const scroller = (...children) => el('div', { className: 'scroll', tabIndex: 0 }, ...children);
const hint = (textContent) => el('p', { className: 'hint', textContent });

/** What a mark means, in a sentence. */
export const explained = (support) => el('p', { className: `explained ${support}`, textContent: t(`explain.${support}`) });

export class Panel {
  #section = el('section', { className: 'sources', ariaLabel: t('sources'), onkeydown: (event) => this.#key(event) });
  #shade = el('div', { className: 'sources-shade', onclick: () => this.close() });
  #opener = button('open-sources', t('sources'), () => this.list(this.#message));
  #message; // the answer whose sources are shown
  #reading = false; // whether a document is open
  #asked = 0; // counts what was asked for, so that a late reply is not shown over a newer one
  #from; // the citation or list entry that opened it
  #view = 'text';

  constructor() {
    document.body.append(this.#shade);
  }

  /** Stand where the page has its places; Gradio builds them late and may build them again. */
  attach() {
    const column = document.getElementById('sources');
    if (column && this.#section.parentNode !== column) column.append(this.#section);
    const fresh = document.getElementById('fresh');
    if (fresh && this.#opener.parentNode !== fresh.parentNode) fresh.before(this.#opener);
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
    this.#from = from;
    this.#view = 'text';
    await this.#open(message, n);
    this.#focusHeading();
  }

  async close() {
    document.body.classList.remove('sources-open');
    if (this.#reading) await this.#list();
    (this.#from?.isConnected ? this.#from : (this.#again() ?? this.#opener)).focus();
  }

  async #open(message, n) {
    this.#message = message;
    this.#reveal(); // before it is filled: what is not shown cannot be scrolled
    const asked = ++this.#asked;
    this.#section.ariaBusy = 'true'; // a page takes its time to be drawn
    try {
      const { cited, found } = await sourcesOf(message);
      const at = cited.findIndex((source) => source.n === n);
      const body = await getJSON(`/chat/answers/${message}/sources/${n}`);
      if (!body.can_draw) this.#view = 'text';
      const page = this.#view === 'page' && (await drawn(message, n));
      if (asked === this.#asked) this.#document(body, page, cited, at, found);
    } catch (error) {
      if (asked === this.#asked) this.#show(false, this.#bar(this.#heading(t('sources'))), scroller(hint(error.message)));
    }
  }

  #reveal() {
    document.body.classList.add('has-sources', 'sources-open'); // the latest answer may have none
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
    const step = { ArrowLeft: '.previous', ArrowRight: '.next' }[event.key];
    if (step && this.#reading) this.#section.querySelector(`.steps ${step}:enabled`)?.click();
  }

  /** As a sheet the panel covers the page, so the focus stays inside. */
  #keepFocus(event) {
    const stops = [...this.#section.querySelectorAll('button:enabled, summary, [tabindex="0"]')].filter((stop) => stop.offsetParent);
    const last = event.shiftKey ? stops[0] : stops.at(-1);
    if (document.activeElement !== last) return;
    event.preventDefault();
    (event.shiftKey ? stops.at(-1) : stops[0]).focus();
  }

  #show(reading, ...children) {
    this.#reading = reading;
    this.#section.ariaBusy = null;
    this.#section.replaceChildren(...children);
    document.querySelector('#chat a[aria-current]')?.removeAttribute('aria-current');
  }

  #heading(textContent) {
    return el('h2', { tabIndex: -1, textContent });
  }

  #bar(...children) {
    return el('div', { className: 'bar' }, ...children, button('plain close', t('close'), () => this.close()));
  }

  async #list() {
    const message = this.#message;
    const asked = ++this.#asked;
    this.#reading = false;
    try {
      const { state, status, cited, found } = await sourcesOf(message);
      if (asked !== this.#asked) return;
      const title = !found ? 'sources' : state === 'running' ? 'found' : 'nearest';
      const note = status === 'not_found' && cited.length && hint(t('nearest.note'));
      const byDocument = Map.groupBy(cited, (source) => source.document_id);
      const groups = [...byDocument.values()].map((group) => this.#group(group));
      this.#show(false, this.#bar(this.#heading(t(title))), scroller(note, ...groups, !found && this.#legend(cited)));
    } catch (error) {
      if (asked === this.#asked) this.#show(false, this.#bar(this.#heading(t('sources'))), scroller(hint(error.message)));
    }
  }

  /** What the marks of this answer mean. */
  #legend(cited) {
    const marks = [...new Set(cited.map((source) => source.support))];
    return el('details', { className: 'legend' }, el('summary', { textContent: t('explain') }), ...marks.map((support) =>
      el('div', {}, el('b', { textContent: t(`support.${support}`) }), explained(support)),
    ));
  }

  /** A document with the quotes that were taken from it. */
  #group(sources) {
    const [first] = sources;
    return el(
      'div',
      { className: 'group' },
      el('h3', { textContent: first.title || first.source }),
      el('p', { className: 'meta', textContent: briefly({ ...first, page: null }) }),
      ...sources.map((source) => this.#entry(source)),
    );
  }

  #entry({ n, page, source, text: words, support }) {
    const entry = button('entry', '', () => this.read(this.#message, n, entry));
    entry.dataset.n = n;
    entry.append(el('span', { className: 'number', textContent: n }), el('q', { textContent: words }));
    const remark = [support && t(`support.${support}`), place({ page, source })].filter(Boolean).join(' · ');
    if (remark) entry.append(el('span', { className: 'remark', textContent: remark }));
    return entry;
  }

  #document(found, page, cited, at, nearest) {
    const source = cited[at];
    const content = scroller(page || text(found, source.n));
    Object.assign(content, { role: 'region', ariaLabel: page ? place(source) : t('document.text') });
    this.#show(
      true,
      this.#bar(button('plain back', `← ${t('sources.all')}`, () => this.list(this.#message)), cited.length > 1 && this.#steps(cited, at)),
      el(
        'header',
        {},
        this.#heading(`[${source.n}] ${found.title || found.source}`),
        el('p', { className: 'meta', textContent: origin({ ...found, page: source.page }) }),
        ...Object.entries({ also: found.also, [nearest ? 'similar' : 'same']: found.also_in }).map(([key, names]) =>
          names.length && el('p', { className: 'meta', textContent: t(`sources.${key}`, { names: names.join(', ') }) }),
        ),
        explained(nearest ? 'nearest' : source.support),
        found.can_draw && choice(this.#view, (view) => this.#look(view, source.n)),
      ),
      content,
    );
    const mark = content.querySelector('mark.current, .page-mark');
    if (mark) content.scrollTop += mark.getBoundingClientRect().top - content.getBoundingClientRect().top - content.clientHeight / 3;
    document.querySelector(`#chat p > a[href="#cite-${this.#message}-${source.n}"]`)?.setAttribute('aria-current', 'true');
  }

  async #look(view, n) {
    this.#view = view;
    await this.#open(this.#message, n);
    this.#section.querySelector('.choice [aria-pressed=true]')?.focus();
  }

  #steps(cited, at) {
    const step = (name, to) => {
      const control = button(`plain ${name}`, t(`step.${name}`), () => this.#step(name, to.n));
      control.disabled = !to;
      return control;
    };
    const place = t('step.place', { n: at + 1, total: cited.length });
    return el('div', { className: 'steps' }, step('previous', cited[at - 1]), place, step('next', cited[at + 1]));
  }

  async #step(name, n) {
    await this.#open(this.#message, n);
    const same = this.#section.querySelector(`.steps .${name}:enabled`);
    if (same) same.focus();
    else this.#focusHeading();
  }
}
