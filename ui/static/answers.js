/* Below each question and answer: what a reader can do with it, and what might be asked next. */
import { ask, command } from './bridge.js';
import { button, el, getJSON, say, sign } from './elements.js';
import { t } from './messages.js';
import { briefly, reference, sourcesOf } from './sources.js';

const STYLES = ['markdown', 'text', 'bibtex'];
const VERDICTS = { up: 'up', down: 'down', wrong_source: 'flag' };

const verdicts = new Map(); // by message
const followUps = new Map(); // by message

const rows = (kind) => [...document.querySelectorAll(`#chat .${kind}-row`)];
const isLast = (row) => row === rows(row.classList.contains('user-row') ? 'user' : 'bot').at(-1);
const messageOf = (row) => {
  const link = row.querySelector('a[href^="#cite-"]');
  return link && reference(link).message;
};

async function copy(text) {
  await navigator.clipboard.writeText(text);
  say(t('copied'));
}

/** The answer as it reads, and its sources. */
async function copyAnswer(row) {
  const paragraphs = [...row.querySelectorAll('.prose > p')].map((paragraph) => paragraph.textContent.trim());
  const message = messageOf(row);
  const { cited, found } = message ? await sourcesOf(message) : { cited: [] };
  const notes = found ? [] : cited.map((source) => `[${source.n}] ${source.title} (${briefly(source)}): “${source.text}”`);
  await copy([...paragraphs, ...notes].join('\n\n'));
}

async function copyReferences(row, style) {
  await copy((await getJSON(`/chat/answers/${messageOf(row)}/references?style=${style}`)).text);
}

async function judge(row, value) {
  const message = messageOf(row);
  const body = JSON.stringify({ message_id: message, value });
  await getJSON('/api/feedback', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  verdicts.set(message, value);
  say(t('thanks'));
  showVerdict(row);
}

function showVerdict(row) {
  const given = verdicts.get(messageOf(row));
  for (const control of row.querySelectorAll('[data-verdict]')) control.ariaPressed = String(control.dataset.verdict === given);
}

/** A button that unfolds the ways to cite an answer. */
function citing(row) {
  const menu = el('div', { className: 'menu', hidden: true, role: 'group', ariaLabel: t('cite') });
  const opener = sign('cite', t('cite'), () => toggle(menu.hidden));
  const toggle = (open) => {
    menu.hidden = !open;
    opener.ariaExpanded = String(open);
    if (open) menu.firstChild.focus();
  };
  opener.ariaExpanded = 'false';
  menu.append(...STYLES.map((style) => button('plain', t(`cite.${style}`), async () => {
    await copyReferences(row, style);
    toggle(false);
    opener.focus();
  })));
  const whole = el('span', { className: 'citing' }, opener, menu);
  whole.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || menu.hidden) return;
    event.stopPropagation();
    toggle(false);
    opener.focus();
  });
  whole.addEventListener('focusout', (event) => event.relatedTarget && !whole.contains(event.relatedTarget) && toggle(false));
  return whole;
}

function answerActions(row) {
  const judging = Object.entries(VERDICTS).map(([value, name]) => {
    const control = sign(name, t(`verdict.${value}`), () => judge(row, value));
    control.dataset.verdict = value;
    return control;
  });
  return el(
    'div',
    { className: 'row-actions', role: 'group', ariaLabel: t('actions') },
    navigator.clipboard && sign('copy', t('copy'), () => copyAnswer(row)), // there is none without a secure context
    navigator.clipboard && row.querySelector('a[href^="#cite-"]:not([data-support=nearest])') && citing(row),
    isLast(row) && sign('retry', t('retry'), () => command({ do: 'retry', position: rows('bot').indexOf(row) })), // later ones would go
    ...(messageOf(row) ? judging : []),
  );
}

function edit(row, opener) {
  const shown = row.querySelector('[data-testid=user]');
  const box = el('textarea', { value: shown.innerText.trim(), ariaLabel: t('edit.label'), rows: 2 });
  const leave = () => {
    form.remove();
    row.classList.remove('editing');
    opener.focus();
  };
  const form = el('form', { className: 'edit' }, box, el('div', { className: 'edit-actions' }, !isLast(row) && el('p', { className: 'hint', textContent: t('edit.later') }), button('plain', t('cancel'), leave), el('button', { type: 'submit', className: 'primary', textContent: t('edit.ask') })));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (!box.value.trim()) return;
    const position = rows('user').indexOf(row);
    form.remove();
    row.classList.remove('editing');
    command({ do: 'edit', position, question: box.value });
  });
  form.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') leave();
    if (event.key === 'Enter' && !event.shiftKey && event.target === box) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  row.classList.add('editing');
  row.append(form);
  box.focus();
}

function questionActions(row) {
  const control = sign('edit', t('edit'), () => edit(row, control));
  return el('div', { className: 'row-actions' }, control);
}

/** Give every question and every finished answer its buttons; Gradio may have drawn any of them anew. */
export function equip(running) {
  for (const row of rows('user')) if (!row.querySelector('.row-actions')) row.append(questionActions(row));
  const answers = rows('bot');
  for (const row of answers) {
    const key = running && isLast(row) ? 'running' : `${isLast(row)} ${messageOf(row) ?? ''}`;
    const there = row.querySelector('.row-actions');
    if (there?.dataset.key === key) continue;
    there?.remove();
    row.querySelector('.follow-ups')?.remove();
    if (key === 'running') continue;
    const actions = answerActions(row);
    actions.dataset.key = key;
    row.append(actions);
    showVerdict(row);
  }
  suggest(answers.at(-1), running);
}

async function suggest(row, running) {
  for (const old of document.querySelectorAll('.follow-ups')) if (old.closest('.message-row') !== row || running) old.remove();
  const message = row && !running && messageOf(row);
  if (!message || row.querySelector('.follow-ups')) return;
  if (!followUps.has(message)) {
    followUps.set(message, []); // asked for once
    const { questions } = await getJSON(`/chat/answers/${message}/follow-ups`).catch(() => ({ questions: [] }));
    followUps.set(message, questions);
  }
  const questions = followUps.get(message);
  if (!questions.length || !row.isConnected || messageOf(row) !== message || row.querySelector('.follow-ups')) return;
  row.append(el('div', { className: 'follow-ups', role: 'group', ariaLabel: t('follow_ups') }, el('p', { textContent: t('follow_ups') }), ...questions.map(offered)));
}

/** A question to ask by pressing it. */
export const offered = (question) => button('offered', question, () => ask(question));
