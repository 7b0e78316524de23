// The types that the comments of the page name hold. What others wrote (`static/vendor`) is not looked at.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

test('the types of the page', () => {
  const here = fileURLToPath(new URL('.', import.meta.url));
  const { stdout, error } = spawnSync(`${here}node_modules/.bin/tsc`, ['--pretty', 'false'], { cwd: here, encoding: 'utf8' });
  assert.equal(error, undefined);
  const faults = stdout.split('\n').filter(line => /\): error TS/.test(line) && !line.includes('static/vendor/'));
  assert.deepEqual(faults, []);
  assert.ok(!/^error TS/m.test(stdout), stdout);
});
