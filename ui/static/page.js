/* The chat page: citations open the panel, copying gives prose, and everything is usable by keyboard and by ear. */
import { Panel } from './panel.js';
import { el, getJSON, origin, reference, sourcesOf } from './sources.js';

const NEAREST = 'nearest passage';
const LINKS = '#chat :is(a[href^="#cite-"], a[href^="#evidence-"])';
const all = (selector) => [...document.querySelectorAll(selector)];

const panel = new Panel();
const tip = el('div', { className: 'cite-tip', hidden: true, role: 'tooltip' });
const spoken = el('div', { className: 'visually-hidden', role: 'status' });
document.body.append(tip, spoken);

/* Citations */

const linkOf = (event) => event.target.closest?.(LINKS);

async function showTip(link) {
  const { message, n } = reference(link);
  const { cited } = n ? await sourcesOf(message).catch(() => ({ cited: [] })) : { cited: [] };
  const source = cited.find((candidate) => candidate.n === n);
  if (!source || !link.matches(':hover, :focus-visible')) return;
  tip.replaceChildren(el('q', { textContent: source.text }), el('div', { textContent: [source.title, origin(source)].filter(Boolean).join(' · ') }));
  tip.hidden = false;
  const place = link.getBoundingClientRect();
  const below = place.bottom + 8;
  tip.style.left = `${Math.max(8, Math.min(place.left, innerWidth - tip.offsetWidth - 8))}px`;
  tip.style.top = `${below + tip.offsetHeight < innerHeight ? below : place.top - tip.offsetHeight - 8}px`;
}

const hideTip = () => (tip.hidden = true);
const point = (event) => {
  const link = linkOf(event);
  if (link) showTip(link);
  else hideTip();
};
document.addEventListener('mouseover', point);
document.addEventListener('focusin', point);
document.addEventListener('scroll', hideTip, true);
document.addEventListener('keydown', (event) => event.key === 'Escape' && hideTip());

function follow(event) {
  const link = linkOf(event);
  if (!link) return;
  event.preventDefault();
  hideTip();
  const { message, n } = reference(link);
  if (n) panel.read(message, n, link);
  else panel.list(message);
}
document.addEventListener('click', follow, true);

/* Copying: the answer as it reads and its sources, in place of Markdown. */

async function copyAnswer(row) {
  const paragraphs = [...row.querySelectorAll('.prose > p')].map((paragraph) => paragraph.textContent.trim());
  const link = row.querySelector('a[href^="#cite-"]');
  const { cited, found } = link ? await sourcesOf(reference(link).message) : { cited: [] };
  const notes = found ? [] : cited.map((source) => `[${source.n}] ${source.title} (${origin(source)}): “${source.text}”`);
  await navigator.clipboard.writeText([...paragraphs, ...notes].join('\n\n'));
  spoken.textContent = 'Copied.';
}

function copy(event) {
  const control = event.target.closest?.('#chat button[aria-label="Copy message"]');
  if (!control || !navigator.clipboard) return; // without a secure context Gradio's own way has to do
  event.stopImmediatePropagation();
  copyAnswer(control.closest('.message-row'));
  control.classList.add('copied');
  setTimeout(() => control.classList.remove('copied'), 1500);
}
document.addEventListener('click', copy, true);

/* Keeping up with what Gradio draws */

function label(selector, role, ariaLabel) {
  for (const element of all(selector)) if (element.ariaLabel !== ariaLabel) Object.assign(element, { role, ariaLabel });
}

function describe() {
  label('#chat [role=log]', 'log', 'Conversation');
  label('#chat .placeholder-content', 'group', 'Start');
  label('#chat .examples', 'group', 'Example questions');
  label('#chat [data-testid=user]', 'group', 'You asked');
  label('#chat [data-testid=bot]', 'group', 'Answer');
  for (const log of all('#chat [role=log]')) Object.assign(log, { tabIndex: 0, ariaLive: 'off' }); // see announce()
  for (const link of all('#chat a[href^="#cite-"][title]')) {
    Object.assign(link.dataset, { mark: link.title === NEAREST ? '' : link.title, href: link.getAttribute('href') });
    link.ariaLabel = `Source ${reference(link).n}, ${link.title}`;
    link.removeAttribute('title');
  }
}

/** The page was built when the server started; documents may have come since. */
async function showHoldings() {
  const { documents, passages } = await getJSON('/api/holdings');
  const count = (number, noun) => `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;
  document.querySelector('#holdings p').textContent = `${count(documents, 'document')}, ${count(passages, 'passage')} indexed`;
}

let built = false;
let running = false;

/** Say the finished answer once; a log that speaks every word as it arrives cannot be followed. */
function announce() {
  const before = running;
  running = !!document.querySelector('#question .stop-button');
  if (before && !running) spoken.textContent = `Answer: ${all('#chat [data-testid=bot]').at(-1)?.textContent ?? ''}`;
}

let questions = 0;
let latest;

function keepPanel() {
  panel.attach();
  const count = all('#chat [data-testid=user]').length;
  if (count !== questions) panel.release();
  questions = count;
  const link = all(LINKS).at(-1);
  const key = link?.getAttribute('href').replace(/-\d+$/, '');
  if (key === latest) return;
  latest = key;
  panel.follow(link && reference(link).message);
}

let due;
function update() {
  due = undefined;
  if (!built && document.querySelector('#holdings p')) {
    built = true;
    showHoldings();
  }
  describe();
  announce();
  keepPanel();
}
new MutationObserver(() => (due ??= setTimeout(update, 50))).observe(document.body, { childList: true, subtree: true });
update();
