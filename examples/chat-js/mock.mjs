// The mock as a child process, for the tests of an application in JavaScript.
//
// PYTHON names the interpreter that has mixtral-contract (pip install mixtral-contract); python3 when it is not set.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

// Starts a mock on a free port, with these options of `python -m mock_server`.
export async function startMock(...options) {
  const python = process.env.PYTHON ?? 'python3';
  const child = spawn(python, ['-m', 'mock_server', '--port', '0', ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  const [origin] = await Promise.race([once(lines, 'line'), ended]);
  if (!String(origin).startsWith('http')) {
    throw new Error(`mock: expected its address, got exit status ${origin}`);
  }

  async function control(method, path, body) {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${origin}/_mock${path}`, { method, headers, body: body && JSON.stringify(body) });
    if (!response.ok) {
      throw new Error(`mock: ${method} ${path}: ${await response.text()}`);
    }
    return response.json();
  }

  return {
    origin,
    // What befalls the answers from now on: '429(retry_after=1)*1,ok' refuses once (python -m mock_server --incident list).
    befall: (...incidents) => control('PATCH', '/state', { incidents }),
    // Every request so far, with its status and when it came.
    requests: async () => (await control('GET', '/journal')).requests,
    // What the client did that it must not: came back too early, retried what cannot change, put the key elsewhere.
    faults: async () => (await control('GET', '/grade')).findings.filter(({ level }) => level === 'fault'),
    // Forgets what was asked, and lets nothing befall the answers.
    reset: async () => {
      await control('PATCH', '/state', { incidents: [] });
      await control('POST', '/reset?what=all');
    },
    stop: async () => {
      child.kill();
      await ended;
    },
  };
}
