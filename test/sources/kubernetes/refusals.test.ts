import type { ServerResponse } from 'node:http';
import type { ExecutionContext } from 'ava';
import { pino } from 'pino';
import { type Clock, systemClock } from '../../../agent/clock.js';
import { openClient } from '../../../agent/kubernetes/client.js';
import { type KubernetesSource, watchKubernetes } from '../../../agent/sources/kubernetes.js';
import type { ResourceState } from '../../../agent/sources/kubernetes-state.js';
import { eventually } from '../../agent/site.js';
import { ApiServer, fixedCredentials } from '../../kubernetes/api-server.js';
import { readTranscript, transcriptTest } from '../../kubernetes/transcripts.js';
import { Effect, own } from './cluster.js';

/** Waits pass 200 times as fast. */
const hurried: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic(),
  after: (ms, task) => systemClock.after(ms < 60_000 ? ms / 200 : ms, task),
  every: (ms, task) => systemClock.every(ms, task),
};

function until<T>(read: () => T, isThere: (value: T) => boolean): Promise<number> {
  return eventually(read, isThere, 30_000);
}

/** Answers as it was recorded; a stream ends as that did. */
function replay(name: string, response: ServerResponse): void {
  const { body, headers, status } = readTranscript(name);
  const sent = headers.filter(([header]) => header.toLowerCase() !== 'transfer-encoding');
  response.writeHead(status, Object.fromEntries(sent)).end(body);
}

/** The recorded Services, of which `missing` is not there. */
function services(missing?: string): string {
  const list = JSON.parse(readTranscript('10-list-services.txt').body.toString('utf8'));
  list.items = list.items.filter((item: { metadata: { name: string } }) => item.metadata.name !== missing);
  return JSON.stringify(list);
}

interface Answers {
  /** Of lists and watches of Services, in their order; then the list is complete and the watch silent. */
  readonly list: readonly ((response: ServerResponse) => void)[];
  readonly watch: readonly ((response: ServerResponse) => void)[];
  /** Of what is asked whether a version is known. */
  readonly probe?: (response: ServerResponse) => void;
}

class Conversation {
  readonly effect: Effect = new Effect();
  readonly asked: string[] = [];
  #source: KubernetesSource | undefined;

  async start(t: ExecutionContext, answers: Answers): Promise<void> {
    let lists = 0;
    let watches = 0;
    const server = await ApiServer.start(t, (request, response) => {
      const url = new URL(request.url ?? '', 'https://replay');
      const { pathname, searchParams } = url;
      if (pathname === '/version') response.end('{"major":"1","minor":"31"}');
      else if (pathname !== '/api/v1/services') {
        if (searchParams.has('watch')) response.flushHeaders();
        else response.end('{"metadata":{"resourceVersion":"1"},"items":[]}');
      } else {
        this.asked.push(`${searchParams.has('watch') ? 'watch' : 'list'} ${searchParams.get('resourceVersion') ?? ''}`);
        if (searchParams.get('limit') === '1') (answers.probe ?? ((one) => one.end(services())))(response);
        else if (searchParams.has('watch')) (answers.watch[watches++] ?? ((one) => one.flushHeaders()))(response);
        else (answers.list[lists++] ?? ((one) => one.end(services())))(response);
      }
    });
    const client = openClient(fixedCredentials(server.url), systemClock);
    this.#source = watchKubernetes({
      client,
      node: 'worker-1',
      own,
      clock: hurried,
      random: () => 0.5,
      log: pino({ level: 'silent' }),
      onChanges: (changes) => this.effect.take(changes),
      onProblems: () => undefined,
    });
    t.teardown(() => {
      this.#source?.stop();
      client.close();
    });
  }

  /** Resolves when so many Services are in effect. */
  async tells(count: number): Promise<void> {
    await until(
      () => this.effect.keys('Service').length,
      (length) => length === count,
    );
  }

  get state(): ResourceState {
    return this.#source!.states().find(({ resource }) => resource === 'services')!;
  }
}

const recorded = (name: string) => (response: ServerResponse) => replay(name, response);
const listed = (missing?: string) => (response: ServerResponse) => void response.end(services(missing));
const kept = 11;

for (const [title, transcript, reason] of [
  ['a watch from a version that is too old', '72-410-watch-services.txt', 'expired'],
  ['the same of 1.32', 'v1.32/72-410-watch-services.txt', 'expired'],
  ['a watch from a malformed version', '53-500-bad-rv-watch.txt', 'failed'],
  ['a watch that is gone with its CRD', '62-watch-old-rv-after-crd-reinstalled.txt', 'expired'],
] as const) {
  transcriptTest(`${title} leads to a list that loses and invents nothing`, async (t) => {
    const conversation = new Conversation();
    await conversation.start(t, { list: [listed(), listed('ratings')], watch: [recorded(transcript)] });
    await until(
      () => conversation.effect.removed,
      (removed) => removed.length > 0,
    );
    t.deepEqual(conversation.effect.removed, ['Service bookinfo/ratings']);
    t.is(conversation.effect.keys('Service').length, kept - 1);
    t.is(conversation.state.restarts[reason], 1);
    t.deepEqual(conversation.asked.slice(0, 3), ['list ', 'watch 580', 'list ']);
    await until(
      () => conversation.state.trouble,
      (trouble) => trouble === '',
    );
  });
}

for (const [title, transcript, trouble] of [
  ['without valid credentials', '50-401-bad-token.txt', /does not accept the agent’s credentials: Unauthorized/],
  [
    'without rights',
    '51-403-nobody-list.txt',
    /may not list services: add .* apiGroups: \[""\], resources: \["services"\]/,
  ],
  ['before the server has the version', '54-504-future-rv-list.txt', /^$/],
  ['of a path that is not there', '52-404-version-not-served.txt', /list failed with status 404: .*404 page not found/],
  ['that is not acceptable', '57-406-accept.txt', /list failed with status 406/],
] as const) {
  transcriptTest(`a list ${title} is told of and tried again`, async (t) => {
    const conversation = new Conversation();
    let go: () => void = () => undefined;
    const told = new Promise<void>((resolve) => {
      go = resolve;
    });
    await conversation.start(t, {
      list: [recorded(transcript), (response) => void told.then(() => response.end(services()))],
      watch: [],
    });
    await until(
      () => conversation.asked.length,
      (asked) => asked >= 2,
    );
    t.regex(conversation.state.trouble, trouble);
    t.false(conversation.state.synced);
    go();
    await conversation.tells(kept);
    t.true(conversation.state.synced);
    t.is(conversation.state.trouble, '');
    t.is(conversation.effect.keys('Service').length, kept);
  });
}

for (const [title, transcript, trouble] of [
  ['without valid credentials', '50-401-bad-token-watch.txt', /credentials: Unauthorized/],
  ['without rights', '51-403-nobody-watch.txt', /may not watch services/],
] as const) {
  transcriptTest(`a watch ${title} is told of and takes nothing away`, async (t) => {
    const conversation = new Conversation();
    let go: () => void = () => undefined;
    const told = new Promise<void>((resolve) => {
      go = resolve;
    });
    await conversation.start(t, {
      list: [],
      watch: [recorded(transcript), (response) => void told.then(() => response.flushHeaders())],
    });
    await until(
      () => conversation.asked.length,
      (asked) => asked >= 3,
    );
    t.regex(conversation.state.trouble, trouble);
    t.deepEqual(conversation.asked, ['list ', 'watch 580', 'watch 580']);
    go();
    await until(
      () => conversation.state.trouble,
      (now) => now === '',
    );
    t.deepEqual(conversation.effect.removed, []);
  });
}

transcriptTest('a list whose continue token is too old is begun anew', async (t) => {
  const conversation = new Conversation();
  await conversation.start(t, {
    list: [recorded('20-chunk-services-1.txt'), recorded('73-410-continue-services.txt'), listed('ratings')],
    watch: [],
  });
  await conversation.tells(kept - 1);
  t.deepEqual(conversation.effect.removed, []);
  t.is(conversation.effect.keys('Service').length, kept - 1);
});

transcriptTest('a list in pieces is one list', async (t) => {
  const conversation = new Conversation();
  await conversation.start(t, {
    list: ['20-chunk-services-1.txt', '20-chunk-services-2.txt', '20-chunk-services-3.txt'].map(recorded),
    watch: [],
  });
  await conversation.tells(kept);
  t.is(conversation.effect.batches.length, 1);
});

transcriptTest('a watch that a server ends as it shuts down goes on from where it was', async (t) => {
  const conversation = new Conversation();
  await conversation.start(t, {
    list: [],
    watch: [recorded('70-after-compaction-watch-old-rv-still-served.txt'), recorded('71-watch-server-shutdown.txt')],
  });
  await until(
    () => conversation.asked.length,
    (asked) => asked >= 5,
  );
  t.deepEqual(conversation.asked, ['list ', 'watch 580', 'watch 721', 'list 721', 'watch 721']);
  t.deepEqual(conversation.effect.removed, []);
});

transcriptTest('a silent watch from a version that the server does not have yet ends in a list', async (t) => {
  const conversation = new Conversation();
  await conversation.start(t, {
    list: [listed(), listed('ratings')],
    watch: [
      (response) => {
        response.flushHeaders();
        response.socket?.destroy();
      },
      recorded('54-200-future-rv-watch-silent.txt'),
      recorded('54-200-future-rv-watch-silent.txt'),
    ],
    probe: recorded('54-504-future-rv-list.txt'),
  });
  await until(
    () => conversation.effect.removed.length,
    (count) => count > 0,
  );
  t.deepEqual(conversation.effect.removed, ['Service bookinfo/ratings']);
});

transcriptTest('bookmarks of an idle watch move the version it goes on from', async (t) => {
  const conversation = new Conversation();
  await conversation.start(t, { list: [], watch: [recorded('80-watch-idle-bookmarks.txt')] });
  await until(
    () => conversation.asked,
    (asked) => asked.includes('watch 762'),
  );
  t.is(conversation.state.events.bookmark, 4);
});
