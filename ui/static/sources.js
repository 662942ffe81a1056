/* What an answer stands on. */
import { getJSON } from './elements.js';
import { date, t } from './messages.js';

/** The message and number that a link in an answer speaks of; the number is missing where it means all passages. */
export function reference(link) {
  const [, kind, rest] = /^#(cite|evidence)-([\w-]+)$/.exec(link.getAttribute('href')) ?? [];
  const end = kind === 'cite' ? rest.lastIndexOf('-') : rest.length;
  return { message: rest.slice(0, end), n: Number(rest.slice(end + 1)) || null };
}

const SLIDES = /\.(odp|pp[st][mx]?)$/i;

/** The page of a source, or its slide. */
export const place = ({ page, source }) => page && t(SLIDES.test(source) ? 'slide' : 'page', { n: page });

/** Where a source comes from, in one line: outlet, author, date, page, file. */
export const origin = ({ outlet, author, published, page, source, title }) =>
  [outlet, author, published && date(published), place({ page, source }), source !== title && source].filter(Boolean).join(' · ');

/** The same where many stand together: an outlet speaks for its authors. */
export const briefly = (source) => origin({ ...source, author: !source.outlet && source.author });

const kept = new Map();

/** The sources of an answer as `{state, status, cited, found}`; `cited` falls back to what was found, numbered. */
export async function sourcesOf(message) {
  if (kept.has(message)) return kept.get(message);
  const { state, status, sources, nearest } = await getJSON(`/api/answers/${message}/sources`);
  const body = { state, status, found: !sources.length, cited: sources.length ? sources : nearest };
  if (state !== 'running') kept.set(message, body);
  return body;
}
