// A table of rows that are links: real cells, sorted by the hub, cards where it is narrow.
import { html } from './html.js';
import { ROW_KEYS, useKeys } from './keys.js';

/**
 * @typedef {object} Column
 * @property {string} name in the head; it labels the value of a card, too
 * @property {(row: any) => any} cell
 * @property {boolean} [right] a number
 * @property {boolean} [wide] takes what room there is, and is cut
 * @property {boolean} [head] names the row
 * @property {string} [sort] the word by which the hub sorts
 */
/**
 * @typedef {object} Selection
 * @property {Set<string>} chosen
 * @property {(id: string, span: boolean) => void} toggle
 */

/** A click on a row is one on its link, unless it selects text or hits something else. @param {MouseEvent} event */
function follow(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (target.closest('a, button, input, select') || String(getSelection()) !== '') return;
  target.closest('tr')?.querySelector('a')?.click();
}

/** @param {KeyboardEvent} event */
function enter(event) {
  const row = /** @type {HTMLElement} */ (event.target);
  if (event.key !== 'Enter' || row.tagName !== 'TR') return;
  event.preventDefault();
  row.querySelector('a')?.click();
}

/**
 * @param {{ caption: string, columns: Column[], rows: any[], id: (row: any) => string, sort?: { by: string, order: 'asc' | 'desc', to: (by: string) => void },
 *   selection?: Selection, tone?: (row: any) => string, here?: string }} props `here`: the row that is open
 */
export function Table({ caption, columns, rows, id, sort, selection, tone, here }) {
  useKeys({
    ...ROW_KEYS,
    ...(selection
      ? { x: { text: 'select the row', run: () => toggleFocused(false) }, 'Shift+X': { text: 'select up to the row', run: () => toggleFocused(true) } }
      : {}),
  });
  /** @param {boolean} upTo */
  const toggleFocused = upTo => {
    const row = /** @type {HTMLElement | null} */ (document.activeElement?.closest('tr[data-row]'));
    if (row?.dataset.row) selection?.toggle(row.dataset.row, upTo);
  };
  return html`<div class="table" role="region" aria-label=${caption} tabindex="0"><table>
    <caption class="hidden">${caption}</caption>
    <thead><tr>
      ${selection && html`<th scope="col" class="box"><span class="hidden">selected</span></th>`}
      ${columns.map(column => html`<${HeadCell} key=${column.name} column=${column} sort=${sort} />`)}
    </tr></thead>
    <tbody onClick=${follow} onKeyDown=${enter}>
      ${rows.map(row => html`<tr key=${id(row)} data-row=${id(row)} tabindex="-1" class=${`${tone?.(row) ?? ''} ${here === id(row) ? 'here' : ''}`}>
        ${selection && html`<td class="box"><input type="checkbox" aria-label=${`select ${id(row)}`} checked=${selection.chosen.has(id(row))}
          onClick=${event => selection.toggle(id(row), event.shiftKey)} /></td>`}
        ${columns.map(column => html`<${Cell} key=${column.name} column=${column} row=${row} />`)}
      </tr>`)}
    </tbody>
  </table></div>`;
}

/** @param {{ column: Column, sort?: { by: string, order: string, to: (by: string) => void } }} props */
function HeadCell({ column, sort }) {
  const { name, right, sort: word } = column;
  const sorted = sort && word !== undefined && sort.by === word;
  const order = sorted ? (sort.order === 'asc' ? 'ascending' : 'descending') : undefined;
  return html`<th scope="col" class=${right ? 'right' : ''} aria-sort=${order}>
    ${sort && word !== undefined
    ? html`<button type="button" onClick=${() => sort.to(word)}>${name}<span aria-hidden="true">${sorted ? (sort.order === 'asc' ? ' ▲' : ' ▼') : ''}</span></button>`
    : name || html`<span class="hidden">actions</span>`}
  </th>`;
}

/** @param {{ column: Column, row: any }} props */
function Cell({ column, row }) {
  const classes = [column.right && 'right', column.wide && 'wide'].filter(Boolean).join(' ');
  if (column.head) return html`<th scope="row" class=${classes} data-name=${column.name}>${column.cell(row)}</th>`;
  return html`<td class=${classes} data-name=${column.name}>${column.cell(row)}</td>`;
}
