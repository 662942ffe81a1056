/* The first page: what is indexed, and questions that it answers. */
import { offered } from './answers.js';
import { el, getJSON } from './elements.js';
import { count, date, t } from './messages.js';
import { dropZone } from './uploads.js';

const holdings = el('p', { className: 'holdings' });
const examples = el('div', { className: 'examples', role: 'group', ariaLabel: t('examples'), hidden: true });
const page = el(
  'section',
  { id: 'start', ariaLabel: t('start') },
  el('h2', { textContent: t('welcome') }),
  el('p', { className: 'promise', textContent: t('promise') }),
  holdings,
  examples,
);

async function tell() {
  const { documents, passages, newest, uploads } = await getJSON('/chat/start');
  const facts = [count('documents', documents), count('passages', passages), newest && t('newest', { date: date(newest) })];
  holdings.textContent = documents ? facts.filter(Boolean).join(' · ') : t('empty_index');
  return uploads;
}

async function show() {
  const uploads = await tell();
  if (uploads) page.append(dropZone(uploads, () => Promise.all([tell(), offer()])));
  await offer();
}

async function offer() {
  const { examples: questions } = await getJSON('/chat/examples');
  examples.replaceChildren(...questions.map(offered));
  examples.hidden = !questions.length;
}

let shown = false;

/** Stand above the conversation; it is hidden by the style sheet once there is one. */
export function attach() {
  const chat = document.getElementById('chat');
  if (!chat || page.parentNode === chat.parentNode) return;
  chat.before(page);
  if (!shown) show();
  shown = true;
}
