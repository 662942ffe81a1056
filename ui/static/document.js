/* A document: its text with its structure, or a page of it as it was printed, with the quotes of an answer marked. */
import { button, el, getJSON } from './elements.js';
import { t } from './messages.js';
import { place } from './sources.js';

/** The blocks as elements; their text, joined, is the document's. The marks carry the numbers of their quotes. */
export function text({ blocks, source, cut_before, cut_after }, current) {
  const body = el('div', { className: 'text' }, cut_before && el('span', { className: 'cut', ariaHidden: 'true' }));
  for (const { kind, level, page, parts, gap } of blocks) {
    const block = el(kind === 'heading' ? `h${Math.min(6, level + 2)}` : 'div', { className: `block ${kind}` });
    if (page) block.dataset.page = place({ page, source });
    for (const [words, n] of parts) {
      if (!n) block.append(words);
      else block.append(el('mark', { textContent: words, className: n === current ? 'current' : 'other', title: `[${n}]` }));
    }
    block.append(el('span', { className: 'gap', textContent: gap }));
    body.append(block);
  }
  return body;
}

/** A page as an image with the quote marked on it, and a button that makes it twice as large. */
export async function drawn(message, n) {
  const { number, image, width, height, marks } = await getJSON(`/chat/answers/${message}/sources/${n}/page`);
  const picture = el('img', { src: image, width, height, alt: t('page.alt', { n: number }) });
  const sheet = el('div', { className: 'sheet' }, picture);
  for (const { x, y, width: across, height: down } of marks) {
    const mark = el('div', { className: 'page-mark' });
    const share = (value) => `${value * 100}%`;
    Object.assign(mark.style, { left: share(x), top: share(y), width: share(across), height: share(down) });
    sheet.append(mark);
  }
  const enlarge = button('plain enlarge', t('page.enlarge'), () => {
    const large = sheet.classList.toggle('large');
    enlarge.ariaPressed = String(large);
    (sheet.querySelector('.page-mark') ?? sheet).scrollIntoView({ block: 'center', inline: 'center' });
  });
  enlarge.ariaPressed = 'false';
  return el('div', { className: 'page-view' }, el('div', { className: 'tools' }, enlarge), !marks.length && el('p', { className: 'hint', textContent: t('page.unmarked') }), sheet);
}

/** Two buttons of which one is pressed: read the text, or look at the page. */
export function choice(shown, choose) {
  const option = (view) => {
    const control = button('plain', t(`view.${view}`), () => choose(view));
    control.ariaPressed = String(view === shown);
    return control;
  };
  const group = el('div', { className: 'choice', role: 'group', ariaLabel: t('view') }, option('text'), option('page'));
  return group;
}
