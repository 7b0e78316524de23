// One dialog for everything that changes something: what it does, what it needs to know, the request it sends.
import { html, render, useEffect, useLayoutEffect, useRef, useState } from './html.js';
import { curl, send } from './api.js';
import { announce } from './announce.js';
import { Copy, Failure, number } from './parts.js';

/**
 * @typedef {object} Asked
 * @property {string} title
 * @property {any} [text] what will happen
 * @property {string | ((counted: any) => string)} verb of the button
 * @property {Field[]} [fields]
 * @property {string | ((counted: any) => string)} [type] what has to be typed, so that nothing is deleted by habit
 * @property {(values: Record<string, string>) => import('./api.js').Command | import('./api.js').Command[]} request several are sent one after the other
 * @property {(values: Record<string, string>) => Promise<any>} [count] what it would do now, shown before it may be done
 * @property {(counted: any) => any} [told] the same in words, unless it is words
 * @property {(answer: any) => void} [done]
 * @property {boolean} [danger]
 */
/**
 * @typedef {object} Field
 * @property {string} name
 * @property {string} label
 * @property {string} [value]
 * @property {string} [hint]
 * @property {string[]} [words] one of these
 * @property {string} [inputmode]
 */

/** Shows the dialog; the focus goes back to where it was. @param {Asked} asked */
export function openDialog(asked) {
  const place = document.createElement('div');
  document.body.append(place);
  const before = /** @type {HTMLElement | null} */ (document.activeElement);
  const close = () => {
    render(null, place);
    place.remove();
    before?.focus();
  };
  render(html`<${Dialog} asked=${asked} close=${close} />`, place);
}

/** @param {{ asked: Asked, close: () => void }} props */
function Dialog({ asked, close }) {
  const element = useRef(/** @type {any} */ (null));
  const [values, setValues] = useState(() => Object.fromEntries((asked.fields ?? []).map(field => [field.name, field.value ?? ''])));
  const [typed, setTyped] = useState('');
  const [state, setState] = useState(/** @type {any} */ ({}));
  // Before it is painted: a key that is pressed at once is the dialog's.
  useLayoutEffect(() => element.current.showModal(), []);
  useEffect(() => {
    if (!asked.count) return undefined;
    let late = false;
    setState(now => ({ ...now, counted: undefined, error: undefined }));
    const timer = setTimeout(() => asked.count?.(values).then(
      counted => late || setState(now => ({ ...now, counted })),
      error => late || setState(now => ({ ...now, error })),
    ), 250);
    return () => {
      late = true;
      clearTimeout(timer);
    };
  }, [JSON.stringify(values)]);
  const commands = [asked.request(values)].flat();
  const submit = async event => {
    event.preventDefault();
    setState(now => ({ ...now, sending: true, error: undefined }));
    let answer;
    // Those that are done already are not sent again after one that failed.
    for (let done = state.done ?? 0; done < commands.length; done += 1) {
      try {
        answer = await send(commands[done]);
      } catch (error) {
        setState(now => ({ ...now, sending: false, error, done }));
        return;
      }
      if (commands.length > 1) setState(now => ({ ...now, done: done + 1 }));
    }
    announce(`${asked.title}: done`);
    close();
    asked.done?.(answer);
  };
  const counting = asked.count !== undefined && state.counted === undefined;
  /** @param {string | ((counted: any) => string) | undefined} given @param {string} early */
  const word = (given, early) => (typeof given !== 'function' ? given : counting ? early : given(state.counted));
  const [verb, type] = [word(asked.verb, '…'), word(asked.type, '')];
  const ready = !state.sending && !counting && (!type || typed === type);
  return html`<dialog ref=${element} class="action" aria-labelledby="dialog-title" onClose=${close}>
    <form onSubmit=${submit}>
      <h2 id="dialog-title">${asked.title}</h2>
      ${asked.text && html`<p>${asked.text}</p>`}
      ${(asked.fields ?? []).map(field => html`<${Input} key=${field.name} field=${field} value=${values[field.name]}
        set=${value => setValues(now => ({ ...now, [field.name]: value }))} />`)}
      ${asked.count && html`<p role="status">${counting ? (state.error ? 'not counted' : 'counting …') : asked.told?.(state.counted) ?? state.counted}</p>`}
      ${type && html`<label>type <code>${type}</code> to ${verb}
        <input value=${typed} onInput=${event => setTyped(event.target.value)} autocomplete="off" spellcheck="false" /></label>`}
      <div class="request"><code tabindex=${commands.length > 3 ? '0' : undefined}>${commands.map(({ method, path, body }, i) => html`<span key=${i}>${method} ${path}${body ? ` ${body}` : ''}</span>`)}</code>
        <${Copy} text=${commands.map(curl).join('\n')} label="copy as curl" /></div>
      ${state.done > 0 && html`<p role="status">${number(state.done)} of ${number(commands.length)} are done</p>`}
      ${state.error && html`<${Failure} error=${state.error} />`}
      <div class="buttons"><button type="button" onClick=${close}>cancel</button>
        <button type="submit" class=${asked.danger ? 'danger' : 'primary'} disabled=${!ready}>${verb}</button></div>
    </form>
  </dialog>`;
}

/** @param {{ field: Field, value: string, set: (value: string) => void }} props */
function Input({ field, value, set }) {
  const id = `field-${field.name}`;
  const input = field.words
    ? html`<select id=${id} value=${value} onChange=${event => set(event.target.value)}>${field.words.map(word => html`<option key=${word} value=${word}>${word}</option>`)}</select>`
    : html`<input id=${id} value=${value} inputmode=${field.inputmode} autocomplete="off" spellcheck="false" aria-describedby=${field.hint && `${id}-hint`}
        onInput=${event => set(event.target.value)} />`;
  return html`<div class="field"><label for=${id}>${field.label}</label>${input}${field.hint && html`<small id=${`${id}-hint`} class="muted">${field.hint}</small>`}</div>`;
}
