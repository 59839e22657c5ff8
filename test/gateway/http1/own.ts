import { BodyReader } from '../../../agent/gateway/http1/body.js';
import { http1Limits } from '../../../agent/gateway/http1/limits.js';
import { parseRequestHead } from '../../../agent/gateway/http1/request-head.js';
import { parseResponseHead } from '../../../agent/gateway/http1/response-head.js';
import type { Message } from './llhttp.js';

/** Reads messages with Weft's parsers until one is refused or incomplete. */
export function readOwn(
  bytes: Buffer,
  type: 'request' | 'response',
): { readonly messages: readonly Message[]; readonly refused: boolean } {
  const messages: Message[] = [];
  const body = new BodyReader(http1Limits);
  let at = 0;
  while (at < bytes.length) {
    const head = type === 'request' ? requestHead(bytes, at) : responseHead(bytes, at);
    if (typeof head === 'number') return { messages, refused: head < 0 };
    const { message, end } = head;
    messages.push(message);
    body.start(head.framing, head.length);
    if (body.ended) message.isComplete = true;
    const next = body.read(bytes, end, {
      data: (chunk) => {
        message.body += chunk.toString('latin1');
      },
      end: () => {
        message.isComplete = true;
      },
    });
    if (next < 0) return { messages, refused: true };
    if (message.isLast || message.isUpgrade || !message.isComplete) break;
    at = next;
  }
  return { messages, refused: false };
}

interface Head {
  readonly message: Message;
  readonly framing: 'none' | 'length' | 'chunked' | 'close';
  readonly length: number;
  readonly end: number;
}

function requestHead(bytes: Buffer, at: number): Head | number {
  const parsed = parseRequestHead(bytes, at, 'http', http1Limits);
  if (typeof parsed === 'number') return parsed;
  const { method, target, length, upgrade } = parsed.head;
  const message: Message = {
    method,
    target,
    status: 0,
    body: '',
    isComplete: false,
    isLast: !parsed.keepAlive,
    isUpgrade: upgrade !== '',
  };
  return { message, framing: parsed.isChunked ? 'chunked' : 'length', length: length ?? 0, end: parsed.end };
}

function responseHead(bytes: Buffer, at: number): Head | number {
  const parsed = parseResponseHead(bytes, at, 'GET', http1Limits);
  if (typeof parsed === 'number') return parsed;
  const { status, length } = parsed.head;
  const isLast = parsed.framing === 'close' || (status >= 200 && !parsed.keepAlive);
  const message: Message = {
    method: '',
    target: '',
    status,
    body: '',
    isComplete: false,
    isLast,
    isUpgrade: status === 101,
  };
  return { message, framing: parsed.framing, length: length ?? 0, end: parsed.end };
}
