// Jobs over dead letters: how far each is, and what holds it.
import { html, useEffect, useState } from '../lib/html.js';
import { command, mayAct, step } from '../lib/api.js';
import { openDialog } from '../lib/dialog.js';
import { useKeys } from '../lib/keys.js';
import { useAnswer } from '../lib/load.js';
import { CopyCurl, Empty, Facts, Loading, number, State, Time } from '../lib/parts.js';
import { href } from '../lib/route.js';
import { watch } from '../lib/socket.js';
import { LETTER_FILTERS } from './letter-filters.js';

/** @param {{ here: string | null }} props `here`: the job that was just started */
export function Jobs({ here }) {
  const answer = useAnswer('/v1/dlq/redrive', { limit: 200 });
  const [told, setTold] = useState(/** @type {Map<string, any>} */ (new Map()));
  useEffect(() => {
    let first = true;
    return watch({
      jobs: true,
      overview: true,
      hear(frame) {
        if (frame.type === 'watching') first = true;
        else if (frame.type === 'job_changed') setTold(now => new Map(now).set(frame.job.job, frame.job));
        else if (frame.type === 'overview_changed' && first) {
          // It comes with the hub's first look. What ended between the answer and that look is told by nobody: it is asked for once more.
          first = false;
          answer.again();
        }
      },
    });
  }, [answer.again]);
  useKeys({ '.': { text: 'look again', run: answer.again } });
  const jobs = merged(answer.value?.items ?? [], told);
  return html`<${Loading} of=${answer}>${jobs.length === 0
    ? html`<${Empty} what="No job has run since the hub forgot the last: redriving or deleting letters starts one." />`
    : html`<div class="stack">${jobs.map(job => html`<${Job} key=${job.job} job=${job} here=${here === job.job} />`)}</div>`}<//>`;
}

/** An answer may be older than what was told while it was on its way, or newer. @param {any} answered @param {any} told */
function later(answered, told) {
  const done = ({ redriven, failed, deleted, skipped }) => redriven + failed + deleted + skipped;
  const isFinished = answered.status !== 'running' && answered.status !== 'paused';
  return isFinished || done(answered) > done(told) ? answered : told;
}

/** @param {any[]} answered newest first @param {Map<string, any>} told by their ids */
function merged(answered, told) {
  const known = new Set(answered.map(job => job.job));
  const come = [...told.values()].filter(job => !known.has(job.job)).toReversed();
  return [...come, ...answered.map(job => (told.has(job.job) ? later(job, told.get(job.job)) : job))];
}

/** @param {any} job */
function progress({ kind = 'redrive', matched, redriven, failed, deleted, skipped }) {
  const done = (kind === 'delete' ? deleted : redriven) + skipped;
  return { done, part: matched === 0 ? 1 : Math.min(1, done / matched), left: Math.max(0, matched - done), died: kind === 'delete' ? null : failed };
}

/** @param {{ job: any, here: boolean }} props */
function Job({ job, here }) {
  const { kind = 'redrive', status, cause, matched, skipped, filter, chosen, rate } = job;
  const { part, left, died, done } = progress(job);
  const verb = kind === 'delete' ? 'deleted' : 'sent again';
  const title = `${kind === 'delete' ? 'Delete' : 'Redrive'} ${number(matched)}`;
  return html`<article class=${`panel stack ${here ? 'here' : ''}`} aria-label=${`${title}, ${status}`}>
    <div class="title"><h2>${title}</h2><${State} of=${status} />
      <div class="actions"><${Switches} job=${job} /><${CopyCurl} of=${command('GET', `/v1/dlq/redrive/${step(job.job)}`)} /></div></div>
    ${cause && html`<p class="warning">${cause}</p>`}
    <p class="line-up"><progress max="1" value=${part} aria-label="how far it is"></progress>
      <span>${Math.floor(part * 100)} %</span><span>${number(done - skipped)} ${verb}</span>
      ${died !== null && html`<span class=${died > 0 ? 'bad' : ''}>${number(died)} died again</span>`}
      ${skipped > 0 && html`<span title="somebody else sent them again or deleted them first">${number(skipped)} skipped</span>`}
      <span>${number(left)} left</span></p>
    <${Facts} of=${[
    ['letters', typeof chosen === 'number' ? `${number(chosen)} selected` : html`<a href=${lettersOf(filter)}>${meant(filter)}</a>`],
    ['to', job.destination],
    ['a second', rate],
    ['started', html`<${Time} at=${job.started_at} />`],
    ['by', job.started_by],
    ['id', html`<code>${job.job}</code>`],
  ]} />
  </article>`;
}

/** @param {Record<string, any>} filter */
const given = filter => Object.entries(filter ?? {}).filter(([, value]) => value !== null && value !== undefined);
const meant = filter => given(filter).map(([name, value]) => `${name.replaceAll('_', ' ')} ${value}`).join(' · ') || 'all';

/** The letters that its filter means now. @param {Record<string, any>} filter */
function lettersOf(filter) {
  return href(['dead', 'letters'], Object.fromEntries(given(filter).map(([name, value]) => [LETTER_FILTERS.find(one => one.hub === name)?.name ?? name, value])));
}

/** @param {{ job: any }} props */
function Switches({ job }) {
  const { status, kind = 'redrive' } = job;
  if (!mayAct() || (status !== 'running' && status !== 'paused')) return null;
  const path = verb => command('POST', `/v1/dlq/redrive/${step(job.job)}/${verb}`);
  const ask = (verb, title, text) => () => openDialog({ title, text, verb, request: () => path(verb) });
  return html`${status === 'paused'
    ? html`<button type="button" onClick=${ask('resume', 'Resume the job', 'It goes on where it was. What failed in a row before no longer counts.')}>resume</button>`
    : html`<button type="button" onClick=${ask('pause', 'Pause the job', 'It stays paused, also over a restart, until somebody resumes it.')}>pause</button>`}
    <button type="button" onClick=${ask('cancel', 'End the job', `What it has ${kind === 'delete' ? 'deleted stays deleted' : 'sent again stays sent'}; the rest stays in the list.`)}>cancel…</button>`;
}
