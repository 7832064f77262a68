// A chat on the terminal: it remembers, streams, waits when it is told to, and stops before the credits are gone.
//
//     NVIDIA_API_KEY=...        node chat.mjs nvidia
//     SEGMIND_API_KEY=...       node chat.mjs segmind --keep 0.05
//     NVIDIA_API_KEY=mock-valid node chat.mjs nvidia --origin http://127.0.0.1:8000
//
// Copy this file and its tests: it needs nothing but Node.

import { createInterface } from 'node:readline/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const ATTEMPTS = 4;
const LONGEST_WAIT_S = 60;

// Each of the vendors: where it is, how it wants its key, and whether it streams.
export const ENDPOINTS = {
  nvidia: {
    origin: 'https://integrate.api.nvidia.com',
    path: '/v1/chat/completions',
    keyName: 'NVIDIA_API_KEY',
    credential: (key) => ({ authorization: `Bearer ${key}` }),
    model: 'mistralai/mixtral-8x22b-instruct-v0.1',
    streams: true,
  },
  segmind: {
    origin: 'https://api.segmind.com',
    path: '/v1/mixtral-8x22b-instruct',
    keyName: 'SEGMIND_API_KEY',
    credential: (key) => ({ 'x-api-key': key }),
    streams: false,
  },
};

// The question got no answer, and why; the conversation stands where it stood before it.
export class ChatError extends Error {}

// A conversation with one endpoint. `keep` is how many credits have to be left for another question; `credits` is what
// the last answer said of them, null as long as none did. `origin` leads to another server, such as a mock.
export class Chat {
  messages = [];
  credits = null;
  #endpoint;
  #url;
  #headers;
  #keep;

  constructor(endpoint, key, { keep = 0, origin = endpoint.origin } = {}) {
    this.#endpoint = endpoint;
    this.#url = origin + endpoint.path;
    this.#headers = { 'content-type': 'application/json', ...endpoint.credential(key) };
    this.#keep = keep;
  }

  // The answer, piece by piece as it comes; throws ChatError when there is none, or only the beginning of one.
  async *ask(question) {
    if (this.credits !== null && this.credits <= this.#keep) {
      throw new ChatError(`credits: ${this.credits} left, and ${this.#keep} are to be kept`);
    }
    const messages = [...this.messages, { role: 'user', content: question }];
    let answer = '';
    try {
      for await (const piece of this.#pieces(messages)) {
        answer += piece;
        yield piece;
      }
    } catch (error) {
      const reason = error.cause?.message ?? error.message;
      throw error instanceof ChatError ? error : new ChatError(`the answer broke off: ${reason}`, { cause: error });
    }
    this.messages = [...messages, { role: 'assistant', content: answer }];
  }

  async *#pieces(messages) {
    const { model, streams } = this.#endpoint;
    const body = JSON.stringify({ messages, ...(model && { model }), ...(streams && { stream: true }) });
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const response = await fetch(this.#url, { method: 'POST', headers: this.#headers, body });
      if (response.status === 200) {
        this.#noteCredits(response);
        yield* streams ? streamed(response) : whole(response);
        return;
      }
      const text = await response.text();
      const waitS = secondsToWait(response, attempt);
      if (waitS === null) {
        throw new ChatError(`${response.status}: ${reasonIn(text)}`);
      }
      await sleep(waitS * 1000);
    }
  }

  #noteCredits(response) {
    const left = response.headers.get('x-remaining-credits');
    if (left !== null) {
      this.credits = Number(left);
    }
  }
}

// How long to wait before the next attempt; null when there should be none.
function secondsToWait(response, attempt) {
  if (![429, 502, 503, 504].includes(response.status) || attempt + 1 === ATTEMPTS) {
    return null;
  }
  const told = response.headers.get('retry-after') ?? '';
  const waitS = /^\d+$/.test(told) ? Number(told) : 2 ** attempt;
  return waitS <= LONGEST_WAIT_S ? waitS : null;
}

async function* whole(response) {
  const completion = await response.json();
  yield completion.choices[0].message.content;
}

// The pieces of a stream that comes to its end: one that just stops looks like a short answer, and is none.
async function* streamed(response) {
  let finished = false;
  for await (const data of eventsOf(response)) {
    if (data === '[DONE]') {
      break;
    }
    const chunk = JSON.parse(data);
    if (chunk.error) {
      throw new ChatError(`the answer broke off: ${chunk.error.message ?? chunk.error}`);
    }
    for (const { delta, finish_reason } of chunk.choices) {
      if (delta.content) {
        yield delta.content;
      }
      finished ||= Boolean(finish_reason);
    }
  }
  if (!finished) {
    throw new ChatError('the answer broke off before its end');
  }
}

// What stands behind `data:`, line by line. Bytes arrive in any pieces: a character, too, may be cut.
async function* eventsOf(response) {
  let rest = '';
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop();
    for (const line of lines) {
      if (line.startsWith('data:') && line.length > 'data:'.length) {
        yield line.slice('data:'.length).trim();
      }
    }
  }
}

// What the endpoint says of a refusal: each vendor has another form for it.
function reasonIn(text) {
  try {
    const { error } = JSON.parse(text);
    return error.message ?? error;
  } catch {
    return text.slice(0, 200);
  }
}

// The endpoint, its key and how many credits to keep; throws what is wrong with the command line, in a line.
function options() {
  const known = { keep: { type: 'string', default: '0' }, origin: { type: 'string' } };
  const { positionals, values } = parseArgs({ allowPositionals: true, options: known });
  const endpoint = ENDPOINTS[positionals[0]];
  if (!endpoint || positionals.length !== 1) {
    throw new Error(`expected ${Object.keys(ENDPOINTS).join(' or ')}; usage: node chat.mjs ENDPOINT [--keep CREDITS] [--origin URL]`);
  }
  if (!/^\d+(\.\d+)?$/.test(values.keep)) {
    throw new Error(`--keep: expected a number of credits, got '${values.keep}'`);
  }
  const key = process.env[endpoint.keyName];
  if (!key) {
    throw new Error(`expected a key in the environment variable ${endpoint.keyName}`);
  }
  return [endpoint, key, { keep: Number(values.keep), origin: values.origin }];
}

async function main() {
  let chat;
  try {
    chat = new Chat(...options());
  } catch (error) {
    console.error(`chat.mjs: ${error.message}`);
    return 2;
  }
  process.stdout.write('> ');
  for await (const question of createInterface({ input: process.stdin })) {
    try {
      for await (const piece of chat.ask(question.trim())) {
        process.stdout.write(piece);
      }
    } catch (error) {
      console.error(`\nchat.mjs: ${error.message}`);
      return 1;
    }
    process.stdout.write(`\n${chat.credits === null ? '' : `[${chat.credits} credits left]\n`}> `);
  }
  process.stdout.write('\n');
  return 0;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = await main();
}
