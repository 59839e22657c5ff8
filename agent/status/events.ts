import { createHash } from 'node:crypto';
import type { Clock } from '../clock.js';
import { ApiError } from '../kubernetes/api.js';
import { compareProblems, type Problem } from '../model/problem.js';
import { type ApiObject, microTimeText } from './api-object.js';
import type { Pace } from './pace.js';
import { groupOf, pluralOf, type RegardedKind, type Resources } from './resources.js';
import type { Term } from './term.js';
import { missingRule, type Troubles } from './troubles.js';

export const reportingController = 'weft.dev/agent';
/** The same is said again no sooner. */
export const repeatMs: number = 600_000;
/** Problems of one object, and of all, that are told of. */
const mostOfObject = 8;
export const mostNotes = 200;
/** events.k8s.io/v1: of `note`, in bytes, and of `reportingInstance`. */
export const longestNote = 1024;
const longestInstance = 128;
/** Of a name, in characters (RFC 1123 subdomain). */
const longestName = 253;

/** What is to be said of one object. */
export interface Note {
  readonly kind: RegardedKind;
  readonly namespace: string;
  readonly name: string;
  readonly text: string;
}

const rejected = /^(VirtualService|DestinationRule) ([^/ ]+)\/([^/ ]+)$/;

/** Errors of VirtualServices and DestinationRules, each text once, with bounds; in the order of the problems. */
export function notesOf(problems: readonly Problem[]): readonly Note[] {
  const notes = new Map<string, Note>();
  const counts = new Map<string, number>();
  for (const problem of problems.filter(({ severity }) => severity === 'error').sort(compareProblems)) {
    const [, kind, namespace, name] = rejected.exec(problem.resource) ?? [];
    if (kind === undefined) continue;
    const note: Note = { kind: kind as RegardedKind, namespace: namespace!, name: name!, text: noteText(problem) };
    const count = counts.get(problem.resource) ?? 0;
    if (notes.has(idOf(note)) || count >= mostOfObject) continue;
    counts.set(problem.resource, count + 1);
    notes.set(idOf(note), note);
    if (notes.size === mostNotes) break;
  }
  return [...notes.values()];
}

/** `[CODE] PATH: MESSAGE (FIX)`, cut to what a note may have. */
function noteText({ code, path, message, fix }: Problem): string {
  const text = `[${code}] ${path === '' ? '' : `${path}: `}${message}${fix === '' ? '' : ` (${fix})`}`;
  const bytes = Buffer.from(text);
  if (bytes.length <= longestNote) return text;
  const ellipsis = '…';
  let end = longestNote - Buffer.byteLength(ellipsis);
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return `${bytes.toString('utf8', 0, end)}${ellipsis}`;
}

function idOf({ kind, namespace, name, text }: Note): string {
  return `${kind} ${namespace}/${name} ${text}`;
}

export interface EventWriterOptions {
  readonly resources: Resources;
  readonly clock: Clock;
  readonly pace: Pace;
  readonly troubles: Troubles;
  readonly node: string;
}

/** When something was told last, by the monotonic clock, and how often by this writer; without an Event there was no object to tell of. */
interface Told {
  readonly at: number;
  readonly times: number;
  readonly event: string | undefined;
}

/**
 * Events (events.k8s.io/v1) of what was rejected, for one term. An Event's name comes from its object's uid and its text, so that the next writer, and the same problem
 * within the hour that the server keeps Events, go on with its series.
 */
export class EventWriter {
  readonly #options: EventWriterOptions;
  readonly #term: Term;
  /** What was told is kept for {@link repeatMs} after it was fixed, so that one that comes and goes is not told each time. */
  readonly #told = new Map<string, Told>();
  #refusedUntil = 0;

  constructor(options: EventWriterOptions, term: Term) {
    this.#options = options;
    this.#term = term;
  }

  /** Tells what was not told within {@link repeatMs}. Rejects with ApiError when the server does not answer, and with TermOver. */
  async tell(problems: readonly Problem[]): Promise<void> {
    const { clock, troubles } = this.#options;
    const notes = notesOf(problems);
    const now = clock.monotonic();
    if (now < this.#refusedUntil) return;
    const ids = new Set(notes.map(idOf));
    for (const [id, { at }] of this.#told) if (!ids.has(id) && now - at >= repeatMs) this.#told.delete(id);
    for (const note of notes) {
      const told = this.#told.get(idOf(note));
      if (told !== undefined && now - told.at < repeatMs) continue;
      if (!(await this.#say(note, told))) return;
    }
    troubles.clear('events');
  }

  /** False: it is not allowed, which holds for the others too. */
  async #say(note: Note, told: Told | undefined): Promise<boolean> {
    const { clock, resources } = this.#options;
    let rule: readonly [group: string, resource: string, verb: string] = [eventsGroup, 'events', 'patch'];
    const keep = (times: number, event?: string) =>
      void this.#told.set(idOf(note), { at: clock.monotonic(), times, event });
    try {
      if (told?.event !== undefined && (await this.#repeat(note, told.event, told.times + 1))) {
        keep(told.times + 1, told.event);
        return true;
      }
      rule = [groupOf(note.kind), pluralOf(note.kind), 'get'];
      const object = await resources.get(note.kind, note.namespace, note.name, this.#term);
      const uid = object?.metadata.uid;
      if (object === undefined || uid === undefined) {
        keep(0);
        return true;
      }
      rule = [eventsGroup, 'events', 'create'];
      const event = eventName(note, uid);
      const isNew = await this.#create(note, event, object);
      rule = [eventsGroup, 'events', 'patch'];
      if (!isNew) await this.#repeat(note, event, 2);
      keep(isNew ? 1 : 2, event);
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (isInvalid(error) || isEnding(error)) keep(0);
      return this.#refuse(error, note, rule);
    }
  }

  #refuse(error: ApiError, note: Note, [group, resource, verb]: readonly [string, string, string]): boolean {
    const { clock, troubles } = this.#options;
    if (isEnding(error)) return true;
    if (isInvalid(error)) {
      troubles.set('events', `of ${note.kind} ${note.namespace}/${note.name}: ${error.message}`);
      return true;
    }
    if (error.status !== 403) throw error;
    this.#refusedUntil = clock.monotonic() + repeatMs;
    troubles.set('events', `${error.message}; ${missingRule(group, resource, [verb])}`);
    return false;
  }

  /** False: it exists. */
  async #create(note: Note, name: string, object: ApiObject): Promise<boolean> {
    const { clock, node, pace, resources } = this.#options;
    await pace.turn(this.#term.signal);
    const { apiVersion, metadata } = object;
    const body = {
      apiVersion: `${eventsGroup}/v1`,
      kind: 'Event',
      metadata: { name, namespace: note.namespace },
      eventTime: microTimeText(clock.now()),
      type: 'Warning',
      reason: 'Rejected',
      action: 'Validate',
      note: note.text,
      regarding: { apiVersion, kind: note.kind, namespace: note.namespace, name: note.name, uid: metadata.uid },
      reportingController,
      reportingInstance: node.slice(0, longestInstance),
    };
    try {
      await resources.call({ method: 'POST', path: eventsPath(note.namespace), body }, this.#term);
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 409) return false;
      throw error;
    }
  }

  /** All but the series of an Event is immutable; its count is of the present writer. False: it has expired. */
  async #repeat(note: Note, name: string, count: number): Promise<boolean> {
    const { clock, pace, resources } = this.#options;
    await pace.turn(this.#term.signal);
    const path = `${eventsPath(note.namespace)}/${name}`;
    const body = { series: { count, lastObservedTime: microTimeText(clock.now()) } };
    try {
      const contentType = 'application/merge-patch+json';
      await resources.call({ method: 'PATCH', path, contentType, body }, this.#term);
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return false;
      throw error;
    }
  }
}

const eventsGroup = 'events.k8s.io';

function eventsPath(namespace: string): string {
  return `/apis/${eventsGroup}/v1/namespaces/${namespace}/events`;
}

/** The object's name and 16 hexadecimal digits. */
function eventName({ name, text }: Note, uid: string): string {
  const digits = createHash('sha256').update(`${uid} ${text}`).digest('hex').slice(0, 16);
  return `${name.slice(0, longestName - digits.length - 1).replace(/[-.]+$/, '')}.${digits}`;
}

function isInvalid({ status }: ApiError): boolean {
  return status === 400 || status === 422;
}

/** The namespace is being deleted, or is gone. */
function isEnding({ status, message }: ApiError): boolean {
  return status === 404 || (status === 403 && message.includes('because it is being terminated'));
}
