import type { FeedName } from './feed.js';

/** What was measured beside the requests. Times in ms; null when the run ended before. */
export interface Facts {
  /** What fed the agent. */
  readonly feed: FeedName;
  /** From the backend's kill to its Pod's manifest saying not ready. */
  readonly markedAfter: number | null;
  /** From the manifest to the agent's API having it. */
  readonly spreadAfter: number | null;
  /** From the agent's kill to its start. */
  readonly agentDead: number | null;
  /** From the agent's start to its being ready. */
  readonly agentReady: number | null;
  /** Manual weights of user-service after the restart, by backend. */
  readonly weightsKept: Readonly<Record<string, number>> | null;
  /** From the kill of a gateway worker to another one in its place. */
  readonly workerReplaced: number | null;
  /** From when catalog-1 was quick again to its having its part of the requests again. */
  readonly slowBack: number | null;
  /** From when catalog-2 was well again to the same. */
  readonly failingBack: number | null;
  /** Null where a directory feeds the agent. */
  readonly server: ServerFacts | null;
  /** From the first request to the end of the last phase, in s; null when not all phases were played. */
  readonly seconds: number | null;
  /** What was found of the run after it had been removed. */
  readonly leftovers: readonly string[];
}

/** Of the API server that feeds the agent. */
export interface ServerFacts {
  /** From the first request to its having what the agent writes to the GatewayClass. */
  readonly wordAfter: number | null;
  /** From when it went away to its listening again. */
  readonly away: number | null;
  /** Whether the agent was ready at the end of this time. */
  readonly agentReady: boolean | null;
  /** From its listening again to the agent having no trouble with it; null also when the agent was killed before. */
  readonly caughtUp: number | null;
}

/** What the story measures: all but what is found after it. */
export type StoryFacts = { -readonly [Name in keyof Omit<Facts, 'leftovers'>]: Facts[Name] };

export function noFacts(feed: FeedName): StoryFacts {
  return {
    feed,
    markedAfter: null,
    spreadAfter: null,
    agentDead: null,
    agentReady: null,
    weightsKept: null,
    workerReplaced: null,
    slowBack: null,
    failingBack: null,
    server: feed === 'directory' ? null : { wordAfter: null, away: null, agentReady: null, caughtUp: null },
    seconds: null,
  };
}
