// How to test an application in JavaScript without a key and without a network: node --test

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Chat, ChatError, ENDPOINTS } from './chat.mjs';
import { startMock } from './mock.mjs';

const JOKE = 'Ein Kätzchen 🐈 geht in eine Bar.';

// YAML, of which JSON is a part; see mock_server/fixtures.yaml
const REPLIES = {
  unmatched: 'answer',
  fixtures: [{ name: 'joke', when: { dialect: 'any', last: { content: 'tell me a joke on cats' } }, says: JOKE }],
};
const ACCOUNTS = {
  accounts: [
    { key: 'mock-valid' },
    { key: 'mine', credits: '0.0010', price_per_call: '0.0005' },
  ],
};

let folder;
let mock;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chat-'));
  const files = { fixtures: REPLIES, accounts: ACCOUNTS };
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, name), JSON.stringify(content));
  }
  mock = await startMock('--fixtures', join(folder, 'fixtures'), '--accounts', join(folder, 'accounts'));
});

after(async () => {
  await mock?.stop();
  await rm(folder, { recursive: true });
});

beforeEach(() => mock.reset());

function chatWith(endpoint, key = 'mock-valid', options = {}) {
  return new Chat(ENDPOINTS[endpoint], key, { origin: mock.origin, ...options });
}

async function piecesOf(answer) {
  const pieces = [];
  for await (const piece of answer) {
    pieces.push(piece);
  }
  return pieces;
}

test('an answer arrives piece by piece, with its letters whole', async () => {
  await mock.befall('split:at=utf8,gap_ms=5');
  const pieces = await piecesOf(chatWith('nvidia').ask('tell me a joke on cats'));
  assert.ok(pieces.length > 3);
  assert.equal(pieces.join(''), JOKE);
});

test('the history goes with every question', async () => {
  const chat = chatWith('nvidia');
  await piecesOf(chat.ask('tell me a joke on cats'));
  const answer = await piecesOf(chat.ask('now a joke on dogs'));
  assert.deepEqual(
    chat.messages.map(({ content }) => content),
    ['tell me a joke on cats', JOKE, 'now a joke on dogs', answer.join('')],
  );
  const [first, second] = await mock.requests();
  assert.ok(second.prompt_tokens > first.prompt_tokens + 10);
});

test('a busy endpoint is asked again when it says', async () => {
  await mock.befall('429(retry_after=1)*1,ok');
  const pieces = await piecesOf(chatWith('nvidia').ask('tell me a joke on cats'));
  assert.equal(pieces.join(''), JOKE);
  assert.deepEqual((await mock.requests()).map(({ status }) => status), [429, 200]);
  assert.deepEqual(await mock.faults(), []);
});

test('a wait that is too long is an error', async () => {
  await mock.befall('429(retry_after=3600)');
  await assert.rejects(piecesOf(chatWith('nvidia').ask('hello')), /429/);
  assert.equal((await mock.requests()).length, 1);
});

for (const incident of ['end:after=3', 'cut:after=3', 'error:after=3']) {
  test(`an answer that breaks off (${incident}) is an error and no memory`, async () => {
    await mock.befall(incident);
    const chat = chatWith('nvidia');
    await assert.rejects(piecesOf(chat.ask('tell me a joke on cats')), ChatError);
    assert.deepEqual(chat.messages, []);
  });
}

test('credits are kept', async () => {
  const chat = chatWith('segmind', 'mine', { keep: 0.0005 });
  assert.equal((await piecesOf(chat.ask('tell me a joke on cats'))).join(''), JOKE);
  assert.equal(chat.credits, 0.0005);
  await assert.rejects(piecesOf(chat.ask('now a joke on dogs')), /credits/);
  assert.equal((await mock.requests()).length, 1);
});

for (const endpoint of Object.keys(ENDPOINTS)) {
  test(`a wrong key is said (${endpoint})`, async () => {
    await assert.rejects(piecesOf(chatWith(endpoint, 'wrong').ask('hello')), /401/);
    assert.equal((await mock.requests()).length, 1);
  });
}

test('the terminal shows answers and credits', async () => {
  const env = { ...process.env, SEGMIND_API_KEY: 'mine' };
  const program = fileURLToPath(new URL('chat.mjs', import.meta.url));
  const child = spawn(process.execPath, [program, 'segmind', '--origin', mock.origin], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  child.stdin.end('tell me a joke on cats\n');
  assert.equal(await text(child.stdout), `> ${JOKE}\n[0.0005 credits left]\n> \n`);
  assert.deepEqual(await ended, [0, null]);
});
