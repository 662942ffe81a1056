/* Documents that a reader brings: dropped or chosen, sent one after another, each with its progress or the reason against it. */
import { el, modal, say, signed } from './elements.js';
import { count, t } from './messages.js';

/** A place for documents; `done` is told when some were added. */
export function dropZone({ types, max_mib: limit }, done) {
  const chooser = el('input', { type: 'file', multiple: true, hidden: true });
  const list = el('ul', { className: 'files' });
  const zone = el(
    'div',
    { className: 'drop' },
    signed('secondary', 'upload', t('upload'), () => chooser.click()),
    el('p', { className: 'hint', textContent: t('upload.hint', { limit }) }),
    el('details', { className: 'hint' }, el('summary', { textContent: t('upload.types') }), types.join(' ')),
    chooser,
    list,
  );
  const take = (files) => takeAll([...files], limit, list, done);
  chooser.addEventListener('change', () => {
    take(chooser.files);
    chooser.value = '';
  });
  for (const name of ['dragenter', 'dragover', 'dragleave', 'drop']) {
    window.addEventListener(name, (event) => {
      if (!event.dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      const held = name === 'dragenter' || name === 'dragover';
      zone.classList.toggle('over', held);
      document.body.classList.toggle('dropping', held);
      if (name !== 'drop') return;
      if (!zone.offsetParent) over(zone);
      take(event.dataTransfer.files);
    });
  }
  return zone;
}

/** Show the place in a window: the first page, where it stands, gives way to a conversation. */
function over(zone) {
  const home = zone.parentNode;
  const dialog = modal('upload-window', t('upload'), t('close'), zone);
  dialog.addEventListener('close', () => {
    home.append(zone);
    dialog.remove();
  });
  dialog.showModal();
}

async function takeAll(files, limit, list, done) {
  const waiting = files.map((file) => {
    const entry = { file, bar: el('progress', { max: 1, value: 0, ariaLabel: file.name }), outcome: el('span', { textContent: t('upload.waiting') }) };
    list.append(el('li', {}, el('b', { textContent: file.name }), entry.bar, entry.outcome));
    return entry;
  });
  let added = 0;
  for (const entry of waiting) added += await take(entry, limit);
  say(count('upload.added', added));
  if (added) done();
}

/** Send one file and show what became of it; returns whether it is indexed now. */
async function take({ file, bar, outcome }, limit) {
  const finish = (state, words) => {
    bar.remove();
    outcome.className = state;
    outcome.textContent = words;
    return state === 'added';
  };
  if (file.size > limit * 2 ** 20) return finish('failed', t('upload.size', { limit }));
  try {
    const { results } = await send(file, bar, outcome);
    const failed = results.find((result) => result.status === 'failed');
    const passages = results.reduce((sum, result) => sum + result.passages, 0);
    if (failed) return finish('failed', failed.reason);
    return finish('added', results.every((result) => result.status === 'unchanged') ? t('upload.known') : count('passages', passages));
  } catch (error) {
    return finish('failed', error.message);
  }
}

function send(file, bar, outcome) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch does not tell how much was sent
    request.open('POST', `/chat/uploads?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader('content-type', 'application/octet-stream');
    request.responseType = 'json';
    request.upload.onprogress = ({ loaded, total }) => (bar.value = loaded / total);
    request.upload.onload = () => {
      bar.removeAttribute('value'); // how long reading takes nobody knows
      outcome.textContent = t('upload.reading');
    };
    request.onload = () => (request.status === 200 ? resolve(request.response) : reject(new Error(request.response?.error.message ?? t('upload.failed'))));
    request.onerror = () => reject(new Error(t('upload.failed')));
    request.send(file);
  });
}
