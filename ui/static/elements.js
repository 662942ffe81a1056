/* Small things to build a page with; text reaches it as text, never as markup. */

/** An element with these properties. */
export const el = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter(Boolean));
  return element;
};

export const button = (className, textContent, onclick) => el('button', { type: 'button', className, textContent, onclick });

const PATHS = {
  copy: 'M8 8h11v12H8zM5 16V4h11',
  cite: 'M5 17V11q0-4 4-5M5 11h4v6H5M14 17V11q0-4 4-5M14 11h4v6h-4',
  retry: 'M19 12a7 7 0 1 1-2-5l2 2M19 4v5h-5',
  up: 'M7 11v9H4v-9zM7 11l4-7q2 0 2 2v4h6l-2 10H7',
  down: 'M7 13V4H4v9zM7 13l4 7q2 0 2-2v-4h6L17 4H7',
  flag: 'M6 21V4M6 5h12l-3 4 3 4H6',
  edit: 'M5 19l1-4L16 5l3 3L9 18zM14 7l3 3',
  filter: 'M4 6h16M7 12h10M10 18h4',
  history: 'M12 7v5l3 2M5 8a8 8 0 1 1-1 5M4 4v4h4',
  upload: 'M12 16V5M8 9l4-4 4 4M5 19h14',
};

function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  for (const [key, value] of Object.entries({ viewBox: '0 0 24 24', 'aria-hidden': 'true', class: 'icon' })) svg.setAttribute(key, value);
  path.setAttribute('d', PATHS[name]);
  svg.append(path);
  return svg;
}

/** A button that shows a sign; its name is spoken and shown on pointing. */
export function sign(name, label, onclick) {
  const control = el('button', { type: 'button', className: `sign ${name}`, ariaLabel: label, title: label, onclick });
  control.append(icon(name));
  return control;
}

/** A button with a sign before its words. */
export function signed(className, name, label, onclick) {
  const control = button(className, '', onclick);
  control.append(icon(name), el('span', { textContent: label }));
  return control;
}

export async function getJSON(path, options) {
  const response = await fetch(path, options);
  const body = response.status === 204 ? null : await response.json();
  if (!response.ok) throw new Error(body.error.message);
  return body;
}

/** A modal window with a heading; the browser keeps the focus inside and gives it back. */
export function modal(className, heading, closeLabel, ...children) {
  const title = el('h2', { textContent: heading, id: `${className}-title` });
  const close = button('plain', closeLabel, () => dialog.close());
  const dialog = el('dialog', { className: `modal ${className}` }, el('div', { className: 'bar' }, title, close), ...children);
  dialog.setAttribute('aria-labelledby', title.id);
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close()); // the ground around it
  document.body.append(dialog);
  return dialog;
}

const spoken = el('div', { className: 'visually-hidden', role: 'status' });
document.body.append(spoken);

/** Say something to those who listen. */
export const say = (text) => (spoken.textContent = text);
