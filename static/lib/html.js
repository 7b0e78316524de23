// What views are written with: htm's templates over Preact, and Preact's hooks.
import { h } from '../vendor/preact.js';
import htm from '../vendor/htm.js';

export { Fragment, render } from '../vendor/preact.js';
export { useCallback, useEffect, useErrorBoundary, useLayoutEffect, useMemo, useReducer, useRef, useState } from '../vendor/hooks.js';

/**
 * A template: html`<p class="muted">${text}</p>`. What is put in is text or nodes, never markup.
 * @type {(strings: TemplateStringsArray, ...values: any[]) => any}
 */
export const html = htm.bind(h);
