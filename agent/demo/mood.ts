/** How a server of catalog answers. */
export interface Mood {
  /** Before it answers, in ms. */
  readonly delay: number;
  readonly status: number;
}

/** As long as a look into a database takes: what else the machine does is little against it. */
export const well: Mood = { delay: 20, status: 200 };
export const slow: Mood = { delay: 200, status: 200 };
/** Sooner than those who are well: who only asks how long answers take would prefer it. */
export const failing: Mood = { delay: 0, status: 500 };
