/* The chat page: citations open the panel, and everything is usable by keyboard and by ear. */
import { equip } from './answers.js';
import { resume, tellDay } from './bridge.js';
import { el, say } from './elements.js';
import * as filters from './filters.js';
import * as history from './history.js';
import { t } from './messages.js';
import { explained, Panel } from './panel.js';
import { briefly, reference, sourcesOf } from './sources.js';
import * as start from './start.js';

const LINKS = '#chat :is(a[href^="#cite-"], a[href^="#evidence-"])';
const all = (selector) => [...document.querySelectorAll(selector)];

const panel = new Panel();
const tip = el('div', { className: 'cite-tip', hidden: true, role: 'tooltip', id: 'cite-tip' });
document.body.append(tip);

/* Citations */

const linkOf = (event) => event.target.closest?.(LINKS);

async function showTip(link) {
  const { message, n } = reference(link);
  const { cited } = n ? await sourcesOf(message).catch(() => ({ cited: [] })) : { cited: [] };
  const source = cited.find((candidate) => candidate.n === n);
  if (!source || !link.matches(':hover, :focus-visible')) return;
  const facts = [source.title, briefly(source)].filter(Boolean).join(' · ');
  tip.replaceChildren(el('q', { textContent: source.text }), el('div', { textContent: facts }), source.support ? explained(source.support) : '');
  tip.hidden = false;
  link.setAttribute('aria-describedby', 'cite-tip');
  const place = link.getBoundingClientRect();
  const below = place.bottom + 8;
  tip.style.left = `${Math.max(8, Math.min(place.left, innerWidth - tip.offsetWidth - 8))}px`;
  tip.style.top = `${below + tip.offsetHeight < innerHeight ? below : Math.max(8, place.top - tip.offsetHeight - 8)}px`;
}

function hideTip() {
  tip.hidden = true;
  document.querySelector('[aria-describedby=cite-tip]')?.removeAttribute('aria-describedby');
}

let still = ''; // where the pointer rests: what is drawn below it has not been pointed at

const point = (event) => {
  const link = linkOf(event);
  const place = `${event.screenX} ${event.screenY}`;
  if (event.type !== 'focusin' && place === still) return document.addEventListener('mousemove', point, { once: true });
  still = place;
  if (link) showTip(link);
  else if (!tip.contains(event.target)) hideTip(); // the pointer may rest on the preview
};
document.addEventListener('mouseover', point);
document.addEventListener('focusin', point);
document.addEventListener('scroll', (event) => !tip.contains(event.target) && hideTip(), true);
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

/* Keeping up with what Gradio draws */

function label(selector, role, ariaLabel) {
  for (const element of all(selector)) if (element.ariaLabel !== ariaLabel) Object.assign(element, { role, ariaLabel });
}

const write = (element, text) => element && element.textContent !== text && (element.textContent = text);

function describe() {
  label('#chat [role=log]', 'log', t('conversation'));
  label('#chat [data-testid=user]', 'group', t('you_asked'));
  label('#chat [data-testid=bot]', 'group', t('answer'));
  for (const log of all('#chat [role=log]')) Object.assign(log, { tabIndex: 0, ariaLive: 'off' }); // see announce()
  for (const link of all('#chat a[href^="#cite-"][title]')) {
    const mark = link.title;
    Object.assign(link.dataset, { support: mark, mark: mark === 'nearest' ? '' : t(`support.${mark}`), href: link.getAttribute('href') });
    link.ariaLabel = t('source.label', { n: reference(link).n, mark: t(`support.${mark}`) });
    link.removeAttribute('title');
  }
  write(document.getElementById('fresh'), t('fresh'));
  const box = document.querySelector('#question textarea');
  if (box && box.ariaLabel !== t('question')) Object.assign(box, { placeholder: t('placeholder'), ariaLabel: t('question') });
  const send = document.querySelector('#question .submit-button');
  if (send && send.textContent !== t('ask')) send.firstChild.data = t('ask');
}

let running = false;

/** Say the finished answer once; a log that speaks every word as it arrives cannot be followed. */
function announce() {
  const before = running;
  running = !!document.querySelector('#question .stop-button');
  if (before && !running && document.activeElement === document.body) resume(); // the button to stop it is gone
  if (before && !running) say(t('announced', { answer: all('#chat [data-testid=bot]').at(-1)?.textContent.trim() ?? '' }));
}

let questions = 0;
let latest;

function keepPanel() {
  panel.attach();
  const asked = all('#chat [data-testid=user]').length;
  document.body.classList.toggle('has-questions', asked > 0);
  if (asked !== questions) panel.release();
  questions = asked;
  const link = running ? all(LINKS).at(-1) : [...(all('#chat .bot-row').at(-1)?.querySelectorAll(LINKS) ?? [])].at(-1);
  const key = link?.getAttribute('href').replace(/-\d+$/, '');
  if (key === latest) return;
  latest = key;
  panel.follow(link && reference(link).message);
}

document.addEventListener('input', tellDay); // a page may stay open over midnight

let due;
function update() {
  due = undefined;
  tellDay();
  start.attach();
  filters.attach();
  history.attach();
  describe();
  announce();
  keepPanel();
  equip(running);
}
new MutationObserver(() => (due ??= setTimeout(update, 50))).observe(document.body, { childList: true, subtree: true });
update();
