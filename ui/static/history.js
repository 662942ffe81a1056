/* Earlier conversations of this browser: open one, take it along, forget it. */
import { reopen } from './bridge.js';
import { button, el, getJSON, modal, say, signed } from './elements.js';
import { count, t, time } from './messages.js';

const FORMATS = ['markdown', 'html', 'json'];

const opener = signed('history-opener', 'history', t('history'), () => open());
const list = el('ul', { className: 'conversations' });
const clear = button('plain danger', t('history.clear'), () => doubt.showModal());
const sure = button('primary', t('history.clear.yes'), async () => {
  await getJSON('/chat/history', { method: 'DELETE' });
  say(t('history.cleared'));
  doubt.close();
  dialog.close();
  document.getElementById('fresh').click();
});
const lost = el('p', { className: 'hint', id: 'doubt-window-note', textContent: t('history.clear.note') });
const doubt = modal('doubt-window', t('history.clear.ask'), t('cancel'), lost, el('div', { className: 'form-actions' }, sure));
doubt.role = 'alertdialog';
doubt.setAttribute('aria-describedby', lost.id);
const dialog = modal('history-window', t('history'), t('close'), el('p', { className: 'hint', textContent: t('history.note') }), list, clear);

async function draw() {
  const { conversations } = await getJSON('/chat/history');
  list.replaceChildren(...conversations.map(entry));
  if (!conversations.length) list.append(el('li', { className: 'hint', textContent: t('history.none') }));
  clear.hidden = !conversations.length;
}

function entry({ id, title, asked, questions, messages }) {
  const shown = messages.some((message) => document.querySelector(`#chat a[href^="#cite-${message}-"]`));
  const opened = button('reopen', title, () => {
    dialog.close();
    reopen(id);
  });
  if (shown) opened.setAttribute('aria-current', 'true');
  const exports = FORMATS.map((format) =>
    el('a', { href: `/chat/history/${encodeURIComponent(id)}/export?format=${format}`, textContent: t(`export.${format}`), download: '', ariaLabel: t('export.label', { format: t(`export.${format}`), title }) }),
  );
  const forget = button('plain danger', t('history.forget'), async () => {
    await getJSON(`/chat/history/${encodeURIComponent(id)}`, { method: 'DELETE' });
    if (shown) document.getElementById('fresh').click();
    await draw();
    dialog.querySelector('.reopen, .bar button').focus();
  });
  forget.ariaLabel = t('history.forget.label', { title });
  const meta = el('span', { className: 'meta', textContent: `${time(asked)} · ${count('questions', questions)}` });
  return el('li', {}, opened, meta, el('div', { className: 'exports' }, el('span', { textContent: t('export') }), ...exports, forget));
}

async function open() {
  await draw();
  dialog.showModal();
}

/** Stand beside the button for a new conversation. */
export function attach() {
  const fresh = document.getElementById('fresh');
  if (fresh && opener.parentNode !== fresh.parentNode) fresh.before(opener);
}
