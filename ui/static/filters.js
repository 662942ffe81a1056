/* Which documents are asked: conditions as chips above the question, put on every question until they are removed. */
import { restrict } from './bridge.js';
import { el, getJSON, modal, say, signed } from './elements.js';
import { date, t } from './messages.js';

const NAMES = { source: '=', outlet: '=', from: '>=', to: '<=' };
const FIELDS = { from: 'published', to: 'published' };

const chosen = new Map();
const chips = el('ul', { className: 'chips', ariaLabel: t('filter.chosen') });
const bar = el('div', { className: 'filters' }, signed('secondary', 'filter', t('filter'), () => open()), chips);

/** The conditions in the words of index/filters.py. A quotation mark cannot stand in a value: it is left out, and so is what follows. */
const where = () => [...chosen].map(([name, value]) => `${FIELDS[name] ?? name}${NAMES[name]}"${value}"`).join(' and ');

const label = (name, value) => t(`filter.${name}.chip`, { value: name in FIELDS ? date(value) : value });

function draw() {
  chips.replaceChildren(
    ...[...chosen].map(([name, value]) => {
      const remove = el('button', { type: 'button', textContent: '×', ariaLabel: t('filter.remove', { filter: label(name, value) }) });
      remove.addEventListener('click', () => {
        chosen.delete(name);
        apply();
        bar.querySelector('button').focus();
      });
      return el('li', {}, el('span', { textContent: label(name, value) }), remove);
    }),
  );
  chips.hidden = !chosen.size;
}

function apply() {
  restrict(where());
  draw();
  say(chosen.size ? [...chosen].map((entry) => label(...entry)).join(', ') : t('filter.none'));
}

const field = (name, control) => el('label', {}, el('span', { textContent: t(`filter.${name}`) }), Object.assign(control, { name }));
const select = (options) => el('select', {}, el('option', { value: '', textContent: t('filter.any') }), ...options.map(([value, textContent]) => el('option', { value, textContent })));

async function open() {
  const { sources, outlets, earliest, latest } = await getJSON('/chat/facets');
  const usable = sources.filter(({ source }) => !source.includes('"'));
  const day = (name) => Object.assign(el('input', { type: 'date' }), { min: earliest?.length === 10 ? earliest : '', max: name === 'from' && latest?.length === 10 ? latest : '' });
  const form = el(
    'form',
    { method: 'dialog', noValidate: true },
    field('source', select(usable.map(({ source, title }) => [source, title && title !== source ? `${title} (${source})` : source]))),
    outlets.length && field('outlet', select(outlets.filter((outlet) => !outlet.includes('"')).map((outlet) => [outlet, outlet]))),
    field('from', day('from')),
    field('to', day('to')),
    el('div', { className: 'form-actions' }, el('button', { type: 'submit', className: 'primary', textContent: t('filter.apply') })),
  );
  for (const [name, value] of chosen) if (form.elements[name]) form.elements[name].value = value;
  const dialog = modal('filter-window', t('filter.title'), t('close'), el('p', { className: 'hint', textContent: t('filter.note') }), form);
  form.addEventListener('submit', () => {
    for (const name of Object.keys(NAMES)) {
      const value = form.elements[name]?.value;
      if (value) chosen.set(name, value);
      else chosen.delete(name);
    }
    const [from, to] = [chosen.get('from'), chosen.get('to')];
    if (from > to) chosen.set('from', to).set('to', from); // no day is in a period that ends before it begins
    apply();
  });
  dialog.addEventListener('close', () => dialog.remove());
  dialog.showModal();
}

/** Stand above the question. */
export function attach() {
  const form = document.getElementById('question')?.closest('.form');
  if (form && bar.parentNode !== form.parentNode) {
    form.before(bar);
    draw();
  }
}
