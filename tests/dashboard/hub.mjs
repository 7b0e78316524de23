// A hub as a process of its own, with what a test needs to talk to it.
import { spawn } from 'node:child_process';
import { createServer as createHttp } from 'node:http';
import { createServer } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(fileURLToPath(import.meta.url), '../../..');
const BINARY = process.env.HUB_BIN ?? join(ROOT, 'target/debug/message-hub');
/** How long anything may take before a test gives up on it: a debug build on a busy machine. */
export const PATIENCE = 30_000;

/** Until it answers other than with nothing, false or an error. */
export async function until(what, ask, patience = PATIENCE) {
  const end = Date.now() + patience;
  let last;
  for (;;) {
    try {
      const answer = await ask();
      if (answer) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`${what}: not within ${patience} ms; last: ${last}`);
    await new Promise(done => setTimeout(done, 50));
  }
}

async function freePort() {
  const server = createServer();
  await new Promise(up => server.listen(0, '127.0.0.1', up));
  const { port } = server.address();
  await new Promise(down => server.close(down));
  return port;
}

export class TestHub {
  /** @param {string} config lines of YAML beside port and directory @param {Record<string, string>} caller headers of each request of the test's */
  static async start(config = '', caller = {}) {
    const hub = new TestHub();
    hub.caller = caller;
    hub.port = await freePort();
    hub.url = `http://127.0.0.1:${hub.port}`;
    hub.dir = await mkdtemp(join(tmpdir(), 'hub-page-'));
    hub.file = join(hub.dir, 'config.yaml');
    await writeFile(hub.file, `port: ${hub.port}\ndata_dir: ${hub.dir}/data\nlog: warn\n${config}\n`);
    await hub.again();
    return hub;
  }

  /** Starts it, or once more after `kill`. */
  async again() {
    this.output = '';
    this.process = spawn(BINARY, ['serve', '--config', this.file], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.process.stdout, this.process.stderr]) stream.on('data', text => { this.output += text; });
    this.ended = new Promise(done => this.process.once('exit', done));
    await until(`a hub that is ready; it said: ${this.output}`, async () => (await fetch(`${this.url}/health/ready`)).ok);
  }

  /** As if the power had gone. */
  async kill() {
    this.process.kill('SIGKILL');
    await this.ended;
  }

  async stop() {
    await this.kill();
    await rm(this.dir, { recursive: true, force: true });
  }

  async ask(method, path, body, headers = {}) {
    const text = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
    const response = await fetch(this.url + path, { method, body: text, headers: { ...this.caller, ...headers } });
    return { status: response.status, text: await response.text() };
  }

  /** @returns the answer, which must be a good one */
  async call(method, path, body, headers) {
    const answer = await this.ask(method, path, body, headers);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.text === '' ? undefined : JSON.parse(answer.text);
  }

  get(path, headers) { return this.call('GET', path, undefined, headers); }
  post(path, body, headers) { return this.call('POST', path, body, headers); }

  /** Registers a service that is sent its messages. */
  register(service, url, more = {}) {
    return this.post('/v1/services/register', { service, instance_id: 'one', url, ...more });
  }

  /** @param {string} payload the text of it, as it is to be stored */
  async send(destination, payload = '{"n":1}', more = {}) {
    const fields = Object.entries({ destination, type: 'label', source: 'shop', ...more }).map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
    const { id } = await this.post('/v1/messages', `{${fields.join(',')},"payload":${payload}}`);
    return id;
  }

  /** Sends many, in batches. */
  async sendMany(destination, count, more = {}) {
    for (let from = 0; from < count; from += 500) {
      const size = Math.min(500, count - from);
      const messages = Array.from({ length: size }, (_, i) => ({ destination, type: 'label', source: 'shop', payload: { n: from + i }, ...more }));
      await this.post('/v1/messages/batch', messages);
    }
  }

  publish(event_type, payload = '{"n":1}', more = {}) {
    const fields = Object.entries({ event_type, source: 'game', ...more }).map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
    return this.post('/v1/events', `{${fields.join(',')},"payload":${payload}}`);
  }
}

/** An instance that answers what `answer` says: a status, which may be changed meanwhile. */
export class Receiver {
  static async start(status = 200) {
    const receiver = new Receiver();
    receiver.status = status;
    receiver.bodies = [];
    receiver.server = createHttp(async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      if (request.method === 'POST') receiver.bodies.push(text);
      response.writeHead(receiver.status).end();
    });
    await new Promise(up => receiver.server.listen(0, '127.0.0.1', up));
    receiver.url = `http://127.0.0.1:${receiver.server.address().port}`;
    return receiver;
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}
