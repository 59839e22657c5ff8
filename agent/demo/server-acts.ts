import { pause } from '../clock.js';
import type { ServerFacts } from './facts.js';
import type { FeedServer } from './feed.js';
import type { Stage } from './stage.js';
import { seconds } from './verdict.js';

/** Between two looks, in ms. */
const pace = 50;

/** What is done with the API server that feeds the agent, beside the phases' own acts. */
export class ServerActs {
  readonly #stage: Stage;
  readonly #server: FeedServer;
  readonly #note: (facts: Partial<ServerFacts>) => void;
  #left = 0;

  /** `note` is told what was measured. */
  constructor(stage: Stage, server: FeedServer, note: (facts: Partial<ServerFacts>) => void) {
    this.#stage = stage;
    this.#server = server;
    this.#note = note;
  }

  /** Waits beside the story for what the agent writes back. */
  awaitWord(): void {
    const { clock, tell } = this.#stage;
    const begun = clock.monotonic();
    void this.#watch(
      () => this.#server.isClassAccepted(),
      () => {
        this.#note({ wordAfter: clock.monotonic() - begun });
        tell('the agent has written to the API server: GatewayClass weft is accepted');
      },
    );
  }

  /** Without it nothing changes, and what is told the agent itself takes effect all the same. */
  async leave(): Promise<void> {
    const { clock, tell } = this.#stage;
    await this.#server.leave();
    this.#left = clock.monotonic();
    tell('the API server is away: its connections are cut, its port is closed');
  }

  async comeBack(): Promise<void> {
    const { agent, clock, tell } = this.#stage;
    const [agentReady, troubles = []] = [await agent.isReady(), (await agent.troubles()) ?? []];
    const words = troubles.length === 0 ? '' : `; of ${troubles.length} resources it says: ${troubles[0]}`;
    tell(`the agent is ${agentReady ? 'ready all the same' : 'not ready'}${words}`);
    await this.#server.comeBack();
    const back = clock.monotonic();
    const away = back - this.#left;
    this.#note({ away, agentReady });
    tell(`the API server is back after${seconds(away)}`);
    void this.#watch(
      async () => (await agent.troubles())?.length === 0,
      () => {
        const caughtUp = clock.monotonic() - back;
        this.#note({ caughtUp });
        tell(`the agent watches it again,${seconds(caughtUp)} after it was back`);
      },
    );
  }

  /** Until `condition` holds or the agent ends. */
  async #watch(condition: () => Promise<boolean>, onHeld: () => void): Promise<void> {
    const { agent, clock, signal } = this.#stage;
    while (agent.state === 'ready' && !signal.aborted) {
      if (await condition().catch(() => false)) {
        onHeld();
        return;
      }
      await pause(clock, pace);
    }
  }
}
