/* Earlier conversations of this browser: open one, take it along, forget it. */
import { reopen } from './bridge.js';
import { button, el, getJSON, modal, say, signed } from './elements.js';
import { count, t, time } from './messages.js';

const FORMATS = ['markdown', 'html', 'json'];

const opener = signed('history-opener', 'history', t('history'), () => open());
const list = el('ul', { className: 'conversations' });
const clear = button('plain danger', t('history.clear'), () =>
  askBack(t('history.clear.ask'), t('history.clear.note'), t('history.clear.yes'), async () => {
    await getJSON('/chat/history', { method: 'DELETE' });
    say(t('history.cleared'));
    dialog.close();
    document.getElementById('fresh').click();
  }),
);
const lost = el('p', { className: 'hint', id: 'doubt-window-note' });
const sure = button('primary', '');
const doubt = modal('doubt-window', '', t('cancel'), lost, el('div', { className: 'form-actions' }, sure));
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
  const forget = button('plain danger', t('history.forget'), () =>
    askBack(t('history.forget.ask', { title }), t('history.forget.note'), t('history.forget'), async () => {
      await getJSON(`/chat/history/${encodeURIComponent(id)}`, { method: 'DELETE' });
      if (shown) document.getElementById('fresh').click();
      await draw();
      (dialog.querySelector('.reopen') ?? dialog.querySelector('.bar button')).focus();
    }),
  );
  forget.ariaLabel = t('history.forget.label', { title });
  const meta = el('span', { className: 'meta', textContent: `${time(asked)} · ${count('questions', questions)}` });
  return el('li', {}, opened, meta, el('div', { className: 'exports' }, el('span', { textContent: t('export') }), ...exports, forget));
}

/** Ask before something is done that cannot be undone; `yes` names the button that does it. */
function askBack(question, note, yes, act) {
  doubt.querySelector('h2').textContent = question;
  lost.textContent = note;
  sure.textContent = yes;
  sure.onclick = () => {
    doubt.close(); // first: it gives the focus back
    act();
  };
  doubt.showModal();
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
