// What came since a list was asked for is counted, and shown when the reader wants it.
import { useCallback, useEffect, useRef, useState } from '../lib/html.js';

/** Milliseconds between two drawings. */
const DRAWN = 250;

/** @param {number | undefined} at when the list came */
export function useFresh(at) {
  const [count, setCount] = useState(0);
  const come = useRef(0);
  const timer = useRef(0);
  useEffect(() => {
    come.current = 0;
    setCount(0);
    return () => {
      clearTimeout(timer.current);
      timer.current = 0;
    };
  }, [at]);
  const one = useCallback(() => {
    come.current += 1;
    if (timer.current !== 0) return;
    timer.current = window.setTimeout(() => {
      timer.current = 0;
      setCount(come.current);
    }, DRAWN);
  }, []);
  return { count, one };
}
