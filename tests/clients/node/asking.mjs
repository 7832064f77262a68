// What every driver in JavaScript has in common: questions on stdin, what the client made of them on stdout, a line each.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

// The fields beside messages and stream that are to be sent, by their names on the wire.
export function fields({ max_tokens, stop, temperature, tools }) {
  const all = { max_tokens, stop, temperature, tools };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null && value !== undefined));
}

// What the client told its caller, as far as it came before an error did.
export class Heard {
  text = '';
  pieces = 0;
  finish_reason = null;
  usage = null;
  calls = [];

  say(text) {
    if (text) {
      this.text += text;
      this.pieces += 1;
    }
  }

  call(index, name, args) {
    this.calls[index] ??= ['', ''];
    this.calls[index][0] += name ?? '';
    this.calls[index][1] += args ?? '';
  }
}

// Answers each question on stdin, and says first which version of the client does.
export async function drive(name, ask) {
  const manifest = new URL(`node_modules/${name}/package.json`, import.meta.url);
  say({ version: JSON.parse(readFileSync(manifest, 'utf8')).version });
  for await (const line of createInterface({ input: process.stdin })) {
    const heard = new Heard();
    let error = null;
    try {
      await ask(JSON.parse(line), heard);
    } catch (raised) {
      const status = [raised?.status, raised?.statusCode, raised?.response?.status].find(Number.isInteger) ?? null;
      error = { type: typeOf(raised), status, message: String(raised?.message ?? raised) };
    }
    say({ ...heard, error });
  }
}

function say(said) {
  process.stdout.write(`${JSON.stringify(said)}\n`);
}

// The class of the error, or the name that it gives itself where its class is every error's.
function typeOf(raised) {
  const type = raised?.constructor?.name ?? typeof raised;
  return type === 'Error' ? (raised.name ?? type) : type;
}
