import type { Writable } from 'node:stream';
import { type Logger, pino } from 'pino';
import type { Clock } from './clock.js';
import type { LogLevel } from './config.js';

export type Log = Logger;

const names: Readonly<Record<number, string>> = { 20: 'DEBUG', 30: 'INFO', 40: 'WARN', 50: 'ERROR', 60: 'FATAL' };
const hidden = new Set(['level', 'time', 'msg', 'stack']);

function showValue(value: unknown): string {
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  if (typeof value === 'object' && value !== null && 'message' in value) return JSON.stringify(value.message);
  return JSON.stringify(value);
}

/** One log record for a reader at a terminal: `TIME LEVEL message key=value…`. */
export function showRecord(json: string): string {
  const record = JSON.parse(json) as Record<string, unknown>;
  const time = new Date(Number(record.time)).toISOString().slice(11, 23);
  const pairs = Object.entries(record)
    .filter(([key]) => !hidden.has(key))
    .map(([key, value]) => ` ${key}=${showValue(value)}`);
  return `${time} ${(names[Number(record.level)] ?? '').padEnd(5)} ${String(record.msg ?? '')}${pairs.join('')}\n`;
}

/** Writes to `output`: JSON, one record a line, or lines for people when `human`. */
export function makeLog(level: LogLevel, clock: Clock, output: Writable, human: boolean): Log {
  return pino(
    { level, base: undefined, timestamp: () => `,"time":${clock.now()}` },
    human ? { write: (json: string) => void output.write(showRecord(json)) } : output,
  );
}
