// Drives openai for Node.

import OpenAI from 'openai';
import { drive, fields } from './asking.mjs';

const clients = new Map();

function clientOf(key) {
  if (!clients.has(key)) {
    clients.set(key, new OpenAI({ baseURL: process.env.MOCK_BASE_URL, apiKey: key, timeout: 20_000 }));
  }
  return clients.get(key);
}

function readUsage(usage, heard) {
  if (usage) {
    heard.usage = [usage.prompt_tokens, usage.completion_tokens];
  }
}

async function ask(question, heard) {
  const create = (more) =>
    clientOf(question.key).chat.completions.create({
      model: process.env.MOCK_MODEL,
      messages: question.messages,
      ...fields(question),
      ...more,
    });
  if (!question.stream) {
    const made = await create({});
    const [{ message, finish_reason }] = made.choices;
    heard.say(message.content);
    heard.finish_reason = finish_reason;
    readUsage(made.usage, heard);
    (message.tool_calls ?? []).forEach((call, index) => heard.call(index, call.function.name, call.function.arguments));
    return;
  }
  for await (const chunk of await create({ stream: true, stream_options: { include_usage: true } })) {
    readUsage(chunk.usage, heard);
    for (const { delta, finish_reason } of chunk.choices) {
      heard.say(delta.content);
      heard.finish_reason = finish_reason ?? heard.finish_reason;
      (delta.tool_calls ?? []).forEach((call) => heard.call(call.index, call.function.name, call.function.arguments));
    }
  }
}

await drive('openai', ask);
