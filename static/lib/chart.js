// Lines over time: an image that says what it shows, its values under a cursor, and the same as a table.
import { html, useEffect, useRef, useState } from './html.js';
import { announce } from './announce.js';
import { Time } from './parts.js';

/** @typedef {{ name: string, label: string }} Line a series of the hub and what it is called */
/** So many rows has a table of a chart at most; between two of them lie whole steps. */
const ROWS = 60;

/** @param {(number | null)[]} values @returns {{ last: number, lowest: number, highest: number } | null} of those that are known */
export function extent(values) {
  const known = values.filter(value => value !== null && value !== undefined);
  if (known.length === 0) return null;
  return { last: known[known.length - 1], lowest: known.reduce((a, b) => Math.min(a, b)), highest: known.reduce((a, b) => Math.max(a, b)) };
}

/**
 * @param {{ title: string, lines: Line[], times: number[], series: Record<string, (number | null)[]>, format: (value: number) => string,
 *   log?: boolean, stacked?: boolean, whole?: boolean, together?: string, height?: number, least?: number }} props `least`: seconds that are shown, so that what has just begun looks short
 */
export function Chart({ title, lines, times, series, format, log, stacked, whole, together, height = 160, least = 600 }) {
  const place = useRef(/** @type {any} */ (null));
  const drawing = useRef(/** @type {any} */ (null));
  const [at, setAt] = useState(/** @type {number | null} */ (null));
  const [rows, setRows] = useState(/** @type {any[] | null} */ (null));
  const [tools, setTools] = useState(/** @type {any} */ (null));
  const newest = useRef(/** @type {any} */ (null));
  newest.current = [times, series];
  useEffect(() => {
    let gone = false;
    import('./plot.js').then(module => {
      // A view that is left at once has no place any more, and nobody may have said so.
      if (gone || place.current === null) return;
      drawing.current = module.plot(place.current, { lines, format, log, stacked, whole, together, height, least, at: setAt });
      drawing.current.show(...newest.current);
      setTools(module);
    });
    return () => {
      gone = true;
      drawing.current?.end();
    };
  }, []);
  useEffect(() => drawing.current?.show(times, series), [times, series]);
  const index = at === null || at >= times.length ? null : at;
  const value = (line, i) => {
    const one = i === null ? extent(series[line.name] ?? [])?.last : series[line.name]?.[i];
    return one === null || one === undefined ? '–' : format(one);
  };
  const said = i => lines.map(line => `${line.label} ${value(line, i)}`).join(', ');
  const press = event => {
    const to = { ArrowLeft: (index ?? times.length) - 1, ArrowRight: (index ?? -1) + 1, Home: 0, End: times.length - 1 }[event.key];
    if (to === undefined || times.length === 0) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(times.length - 1, to));
    drawing.current?.point(next);
    announce(`${new Date(times[next] * 1000).toLocaleTimeString()}: ${said(next)}`);
  };
  const label = `${title}: ${lines.map(line => {
    const of = extent(series[line.name] ?? []);
    return of ? `${line.label} last ${format(of.last)}, lowest ${format(of.lowest)}, highest ${format(of.highest)}` : `${line.label} not known`;
  }).join('; ')}`;
  return html`<figure class="chart">
    <figcaption class="line-up"><h2>${title}</h2>
      <button type="button" class="quiet" aria-expanded=${rows !== null} onClick=${() => setRows(rows === null ? tableOf(times, lines, series) : null)}>${rows === null ? 'show as table' : 'hide the table'}</button></figcaption>
    <div class=${`plot ${height < 160 ? 'low' : ''}`} ref=${place} role="img" tabindex="0" aria-label=${label} onKeyDown=${press}></div>
    <p class="legend">${lines.map((line, i) => html`<span key=${line.name}><svg class=${`line-${i + 1} ${stacked ? 'area' : ''}`} width="20" height="8" aria-hidden="true"><line x1="0" x2="20" y1="4" y2="4" stroke-dasharray=${stacked ? '' : tools?.dashes(i)} /></svg>
      ${line.label} <b>${value(line, index)}</b></span>`)}<span class="muted">${index === null ? 'now' : html`<${Time} at=${new Date(times[index] * 1000).toISOString()} />`}</span></p>
    ${rows && html`<${Values} title=${title} lines=${lines} rows=${rows} format=${format} />`}
  </figure>`;
}

/** The newest first; as it was when it was asked for, so that nothing moves under the reader. */
function tableOf(times, lines, series) {
  const by = Math.ceil(times.length / ROWS);
  const picked = [];
  for (let i = times.length - 1; i >= 0; i -= by) picked.push({ at: new Date(times[i] * 1000).toISOString(), values: lines.map(line => series[line.name]?.[i] ?? null) });
  return picked;
}

/** @param {{ title: string, lines: Line[], rows: { at: string, values: (number | null)[] }[], format: (value: number) => string }} props */
function Values({ title, lines, rows, format }) {
  return html`<div class="table values" role="region" aria-label=${`${title} as a table`} tabindex="0"><table>
    <caption class="hidden">${title}</caption>
    <thead><tr><th scope="col">time</th>${lines.map(line => html`<th scope="col" class="right" key=${line.name}>${line.label}</th>`)}</tr></thead>
    <tbody>${rows.map(row => html`<tr key=${row.at}><th scope="row" data-name="time"><${Time} at=${row.at} /></th>
      ${row.values.map((one, i) => html`<td class="right" key=${i} data-name=${lines[i].label}>${one === null ? '–' : format(one)}</td>`)}</tr>`)}</tbody>
  </table></div>`;
}
