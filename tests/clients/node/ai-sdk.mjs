// Drives the Vercel AI SDK over its provider for compatible endpoints.

import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, jsonSchema, streamText, tool } from 'ai';
import { drive } from './asking.mjs';

function modelOf(key) {
  const options = { name: 'mixtral', baseURL: process.env.MOCK_BASE_URL, apiKey: key, includeUsage: true };
  return createOpenAICompatible(options)(process.env.MOCK_MODEL);
}

function toolsOf(question) {
  const described = (question.tools ?? []).map(({ function: { name, description, parameters } }) => [
    name,
    tool({ description, inputSchema: jsonSchema(parameters) }),
  ]);
  return described.length ? Object.fromEntries(described) : undefined;
}

// The SDK has messages of its own kind where functions are called.
function messagesOf(question) {
  const names = {};
  return question.messages.map((message) => {
    if (message.role === 'tool') {
      const output = { type: 'text', value: message.content };
      const result = { type: 'tool-result', toolCallId: message.tool_call_id, toolName: names[message.tool_call_id], output };
      return { role: 'tool', content: [result] };
    }
    if (!message.tool_calls) {
      return message;
    }
    const content = message.tool_calls.map(({ id, function: { name, arguments: input } }) => {
      names[id] = name;
      return { type: 'tool-call', toolCallId: id, toolName: name, input: JSON.parse(input) };
    });
    return { role: 'assistant', content };
  });
}

function readEnd({ usage, rawFinishReason }, heard) {
  heard.finish_reason = rawFinishReason ?? null;
  if (usage?.inputTokens !== undefined) {
    heard.usage = [usage.inputTokens, usage.outputTokens];
  }
}

async function ask(question, heard) {
  const asked = {
    model: modelOf(question.key),
    messages: messagesOf(question),
    maxOutputTokens: question.max_tokens ?? undefined,
    stopSequences: question.stop ?? undefined,
    temperature: question.temperature ?? undefined,
    tools: toolsOf(question),
  };
  if (!question.stream) {
    const made = await generateText(asked);
    heard.say(made.text);
    readEnd(made, heard);
    made.toolCalls.forEach((call, index) => heard.call(index, call.toolName, JSON.stringify(call.input)));
    return;
  }
  let calls = 0;
  for await (const part of streamText({ ...asked, onError: () => {} }).fullStream) {
    if (part.type === 'text-delta') {
      heard.say(part.text);
    } else if (part.type === 'tool-call') {
      heard.call(calls++, part.toolName, JSON.stringify(part.input));
    } else if (part.type === 'finish-step') {
      readEnd(part, heard);
    } else if (part.type === 'error') {
      throw part.error;
    }
  }
}

await drive('ai', ask);
