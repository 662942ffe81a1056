// The form becomes a preview and the snippets. Whatever is typed becomes attributes and text nodes, never markup.
const form = document.querySelector('#options');
const given = new URLSearchParams(location.search);
for (const [name, value] of given) if (form.elements[name]) form.elements[name].value = value;

/** The preview's words come with its script, so that another language takes another visit. */
const script = Object.assign(document.createElement('script'), { src: `/widget.js?lang=${form.elements.lang.value}` });
script.dataset.auto = 'false';
document.body.append(script);
form.elements.lang.addEventListener('change', () => form.submit());
if (given.has('lang')) form.elements.lang.focus();

const escape = (text) =>
  text.replace(/[&"<>]/g, (mark) => ({ '&': '&amp;', '"': '&quot;', '<': '&lt;', '>': '&gt;' })[mark]);

const SNIPPETS = {
  html: ['Plain HTML, where the page ends', ({ tag }) => tag],
  wordpress: ['WordPress: a “Custom HTML” block, or the footer of the theme', ({ tag }) => `<!-- wp:html -->\n${tag}\n<!-- /wp:html -->`],
  docusaurus: [
    'Docusaurus: docusaurus.config.js',
    ({ attributes }) => `scripts: [${JSON.stringify(Object.fromEntries([...attributes, ['defer', true]]), null, 2)}],`,
  ],
  react: [
    'React: a component',
    ({ src, data }) => `import { useEffect } from 'react';

export function Chat() {
  useEffect(() => {
    const script = Object.assign(document.createElement('script'), { src: ${JSON.stringify(src)} });
    Object.assign(script.dataset, ${JSON.stringify(Object.fromEntries(data))});
    document.body.append(script);
    return () => {
      script.remove();
      document.querySelector('body > rag-chat')?.remove();
    };
  }, []);
  return null;
}`,
  ],
  iframe: ['A frame, for sites that allow no script', ({ frame }) => frame],
};

const boxes = Object.entries(SNIPPETS).map(([id, [label, write]]) => {
  const heading = Object.assign(document.createElement('h3'), { textContent: label });
  const code = Object.assign(document.createElement('code'), { id });
  const box = Object.assign(document.createElement('pre'), { tabIndex: 0 });
  const button = Object.assign(document.createElement('button'), { type: 'button', textContent: 'Copy' });
  button.setAttribute('aria-label', `Copy: ${label}`);
  button.addEventListener('click', async () => {
    const copied = await navigator.clipboard.writeText(code.textContent).then(() => true, () => false);
    if (!copied) getSelection().selectAllChildren(code);
    document.querySelector('#copied').textContent = copied ? 'Copied.' : 'Selected: press Ctrl+C.';
  });
  box.append(code);
  document.querySelector('#snippets').append(heading, box, button);
  return { code, write };
});

const chosen = () => [...new FormData(form)].map(([name, value]) => [name, value.trim()]).filter(([, value]) => value);

function show() {
  const data = chosen();
  const lang = data.find(([name]) => name === 'lang')?.[1];
  const src = `${location.origin}/widget.js${lang ? `?lang=${lang}` : ''}`;
  const attributes = [['src', src], ...data.map(([name, value]) => [`data-${name}`, value])];
  const written = attributes.map(([name, value]) => `${name}="${escape(value)}"`);
  const [source, ...rest] = written;
  const query = new URLSearchParams(data.filter(([name]) => name !== 'position')).toString();
  const address = `${location.origin}/frame${query && `?${query}`}`;
  const title = data.find(([name]) => name === 'title')?.[1] ?? 'Ask the documents';
  const values = {
    src,
    data,
    attributes,
    tag: `<script ${[source, 'defer', ...rest].join(' ')}></script>`,
    frame: `<iframe src="${escape(address)}" title="${escape(title)}" width="400" height="640" style="border:0" loading="lazy"></iframe>`,
  };
  for (const { code, write } of boxes) code.textContent = write(values);
  const site = data.find(([name]) => name === 'site')?.[1];
  const origins = '["https://www.example.org"]';
  document.querySelector('#allow').textContent = site ? `[sites.${site}]\norigins = ${origins}` : `widget_origins = ${origins}`;
  const chat = document.createElement('rag-chat');
  Object.assign(chat.dataset, Object.fromEntries(data), { server: location.origin, inline: '' });
  document.querySelector('#preview').replaceChildren(chat);
}

let waiting;
form.addEventListener('input', () => {
  clearTimeout(waiting);
  waiting = setTimeout(show, 250);
});
form.addEventListener('submit', (event) => event.preventDefault());
show();
