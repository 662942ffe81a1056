/* What an answer stands on, and small things to build elements with. */

/** An element with these properties; text reaches the page as text, never as markup. */
export const el = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter(Boolean));
  return element;
};

export const button = (className, textContent, onclick) => el('button', { type: 'button', className, textContent, onclick });

export async function getJSON(path) {
  const response = await fetch(path);
  const body = await response.json();
  if (!response.ok) throw new Error(body.error.message);
  return body;
}

/** The message and number that a link in an answer speaks of; the number is missing where it means all passages. */
export function reference(link) {
  const [, kind, rest] = /^#(cite|evidence)-([\w-]+)$/.exec(link.getAttribute('href')) ?? [];
  const end = kind === 'cite' ? rest.lastIndexOf('-') : rest.length;
  return { message: rest.slice(0, end), n: Number(rest.slice(end + 1)) || null };
}

/** Where a source comes from, in one line: outlet, author, date, page, file. */
export const origin = ({ outlet, author, published, page, source, title }) =>
  [outlet, author, published?.slice(0, 10), page && `page ${page}`, source !== title && source].filter(Boolean).join(' · ');

const kept = new Map();

/** The sources of an answer as `{state, status, cited, found}`; `cited` falls back to what was found, numbered. */
export async function sourcesOf(message) {
  if (kept.has(message)) return kept.get(message);
  const { state, status, sources, nearest } = await getJSON(`/api/answers/${message}/sources`);
  const body = { state, status, found: !sources.length, cited: sources.length ? sources : nearest };
  if (state !== 'running') kept.set(message, body);
  return body;
}
