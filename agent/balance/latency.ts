/** Time constants of the decay of what was observed: ms, and turns that the endpoint was passed over, whichever is over first. */
const decayMs = 4000;
const decayTurns = 24;

/** So many responses must come before an observation counts as much as what is typical. */
const prior = 2;

/**
 * The first error counts as so many typical latencies, each further one in a row as so many times more: one of a hundred requests that fails costs an endpoint a
 * few turns, one that always fails is asked a few times a minute.
 */
const faultFactor = 4;
const mostFaults = 5;
/** What is typical, for errors, at least, ms. */
const leastTypicalMs = 1.25;

/** The share of the way that one slower response moves the estimate up, and a quicker one of the same moment down. */
const rise = 0.3;
const fall = 0.1;

/**
 * What responses of an endpoint took, as one number that rises fast, falls with time and is told beside the requests that were in flight when it was
 * measured. After the Peak-EWMA of twitter/finagle (w = exp(−dt/τ)), which goes up at once: one slow response in many is chance, so that here it goes up fast.
 */
export class Latency {
  /** ms; 0: nothing observed yet. */
  #value = 0;
  /** Requests in flight besides it when a response's request began; smoothed like the value. */
  #load = 0;
  #at = 0;
  /** Errors in a row. */
  #faults = 0;
  /** Responses, as far as they matter for how sure the value is. */
  #samples = 0;

  /** While errors are the last that was heard of it. */
  get isFaulty(): boolean {
    return this.#faults > 0;
  }

  /** As observed last, ms; 0 before the first. */
  get value(): number {
    return this.#value;
  }

  /**
   * The expected latency of one more request, ms: what was observed, drawn towards `typical` (what the cluster's endpoints take) as it ages, and scaled
   * to `inFlight` requests before it; more load than is fair when it was measured counts for nothing, so that equals whose latency does not depend on load
   * come to equal shares. `missedTurns`: what its fair share would have been since it was last picked; several errors are forgotten only by time.
   */
  expected(now: number, inFlight: number, typical: number, fairLoad: number, missedTurns: number): number {
    if (this.#value === 0) return typical * (inFlight + 1);
    let age = (now - this.#at) / decayMs;
    if (this.#faults < 2) age = Math.max(age, missedTurns / decayTurns);
    if (this.#faults > 0) return (typical + (this.#value - typical) * Math.exp(-age)) * (inFlight + 1);
    const certainty = (this.#samples / (this.#samples + prior)) * Math.exp(-age);
    return ((typical + (this.#value - typical) * certainty) * (inFlight + 1)) / (Math.min(this.#load, fairLoad) + 1);
  }

  /** It was picked after it had been passed over: what is forgotten by then does not come back with the next response. */
  forget(now: number, typical: number, missedTurns: number): void {
    if (this.#value === 0 || this.#faults > 0) return;
    this.#value =
      typical + (this.#value - typical) * Math.exp(-Math.max((now - this.#at) / decayMs, missedTurns / decayTurns));
    this.#at = now;
  }

  /** A response after `ms`, whose request had `load` others of this endpoint in flight when it began. */
  success(ms: number, load: number, now: number): void {
    if (this.#value === 0 || this.#faults > 0) {
      this.#value = Math.max(ms, minimum);
      this.#load = load;
    } else {
      const aged = 1 - Math.exp((this.#at - now) / decayMs);
      const step = ms > this.#value ? Math.max(rise, aged) : Math.max(fall, aged);
      this.#value += (Math.max(ms, minimum) - this.#value) * step;
      this.#load += (load - this.#load) * step;
    }
    this.#faults = 0;
    this.#at = now;
    if (this.#samples < enough) this.#samples++;
  }

  /** As observed elsewhere, at time 0. */
  adopt(ms: number, load: number): void {
    this.#value = Math.max(ms, minimum);
    this.#load = load;
    this.#samples = enough;
  }

  /** An error counts as slow, so that failing fast attracts nothing; the more of them in a row, the longer. */
  fault(typical: number, now: number): void {
    this.#faults = Math.min(this.#faults + 1, mostFaults);
    this.#value = Math.max(this.#value, Math.max(typical, leastTypicalMs) * faultFactor ** this.#faults);
    this.#load = 0;
    this.#samples = 0;
    this.#at = now;
  }
}

/** Responses after which an observation is sure. */
const enough = 32;

/** No response takes less, ms: keeps ratios finite. */
const minimum = 0.01;
