/* How the page speaks to Gradio's components: it fills in their boxes and presses their buttons, as a reader would. */

function fill(selector, value) {
  const box = document.querySelector(`${selector} textarea`);
  box.value = value;
  box.dispatchEvent(new Event('input', { bubbles: true }));
}

const isBusy = () => !!document.querySelector('#question .stop-button');
const settled = () => new Promise((resolve) => setTimeout(resolve, 30)); // Gradio takes a value over a moment later

/** Ask a question, unless one is being answered. */
export async function ask(question) {
  if (isBusy()) return;
  fill('#question', question);
  await settled();
  document.querySelector('#question .submit-button').click();
}

async function press(button, value) {
  if (isBusy()) return;
  fill('#command', value);
  await settled();
  document.querySelector(button).click();
}

/** Go on where the next question is written; on a phone the keyboard would cover the page. */
export const resume = () => matchMedia('(hover: hover)').matches && document.querySelector('#question textarea')?.focus();

/** Ask again, or another question instead: see `Command` in ui/page/chat.py. What was pressed for it goes. */
export const command = (wanted) => {
  resume();
  return press('#do', JSON.stringify(wanted));
};

/** Show an earlier conversation. */
export const reopen = (conversation) => press('#reopen', conversation);

/** The day where the reader is: what *last Friday* is reckoned from. */
export function tellDay() {
  const day = new Date().toLocaleDateString('sv'); // as ISO 8601 has it
  const box = document.querySelector('#today textarea');
  if (box && box.value !== day) fill('#today', day);
}

/** The filter that every question is put under from now on. */
export const restrict = (where) => fill('#where', where);
