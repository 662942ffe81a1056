/* The words of the page, in the reader's language; the catalogue is that of ui/locales. */
const { language, messages } = await (await fetch('/chat/messages')).json();
document.documentElement.lang = language;

const plural = new Intl.PluralRules(language);
const number = new Intl.NumberFormat(language);
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

/** A message with its places filled in. */
export const t = (key, values = {}) => fill(messages[key], values);

/** A message about a number of things. */
export const count = (key, n, values = {}) => fill(messages[key][plural.select(n)] ?? messages[key].other, { n: number.format(n), ...values });

/** An ISO 8601 date as people write it, as precisely as it is given. */
export function date(iso) {
  const [, year, month, day] = /^(\d{4})(?:-(\d\d))?(?:-(\d\d))?/.exec(iso) ?? [];
  const moment = Date.UTC(year, (month ?? 1) - 1, day ?? 1);
  if (Number.isNaN(moment)) return iso;
  const parts = day ? { dateStyle: 'medium' } : month ? { year: 'numeric', month: 'short' } : { year: 'numeric' };
  return new Intl.DateTimeFormat(language, { ...parts, timeZone: 'UTC' }).format(moment);
}

export const time = (iso) => new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(iso));
