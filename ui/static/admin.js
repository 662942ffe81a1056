// The load page, brought up to date every five seconds while it is looked at.
const figures = document.querySelector('[data-load]');
const shown = (key, value) => (!/_p\d/.test(key) ? value : value === null ? '–' : `${Math.round(value * 1000)} ms`);

setInterval(async () => {
  if (document.hidden) return;
  const response = await fetch(figures.dataset.load).catch(() => null);
  if (!response?.ok) return;
  for (const [key, value] of Object.entries(await response.json())) {
    const figure = figures.querySelector(`[data-key=${key}]`);
    if (figure) figure.textContent = shown(key, value);
  }
}, 5000);
