// The chat as a page of its own, for sites that allow no script: the address says what attributes would say.
const allowed = ['site', 'title', 'greeting', 'placeholder', 'disclaimer', 'examples', 'theme', 'accent', 'lang'];
const options = new URLSearchParams(location.search);
const script = Object.assign(document.createElement('script'), { src: `/widget.js?lang=${encodeURIComponent(options.get('lang') ?? '')}` });
const chat = document.createElement('rag-chat');

for (const name of allowed) if (options.has(name)) chat.dataset[name] = options.get(name);
if (options.has('title')) document.title = options.get('title');
script.addEventListener('load', () => (document.documentElement.lang = chat.shadowRoot.querySelector('[lang]').lang)); // of its words
chat.dataset.server = location.origin;
chat.dataset.inline = '';
script.dataset.auto = 'false';
document.body.append(chat, script);
