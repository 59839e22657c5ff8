import type { WorkerReport } from '../gateway/messages.js';
import type { RequestRecord } from '../gateway/record.js';
import { type Histogram, mergeHistogram, otherLabels, type TrafficSeries } from '../gateway/telemetry.js';

/** Series a node shows; what more there is, is summed up in one that is called `other`. */
export const mostRequestSeries = 1_000;

function copy({ counts, sum }: Histogram): Histogram {
  return { counts: [...counts], sum };
}

/** What workers told of requests: sums that only grow, whatever becomes of the workers, and what each last said of itself. */
export class RequestLedger {
  readonly #series = new Map<string, TrafficSeries>();
  readonly #reports = new Map<number, WorkerReport>();
  readonly #listeners = new Set<(records: readonly RequestRecord[], lost: number) => void>();
  /** Ejections so far, by reason. */
  readonly #ejections = new Map<string, number>();
  #dropped = 0;

  get ejections(): ReadonlyMap<string, number> {
    return this.#ejections;
  }

  /** Requests that were counted in `other`. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The last report of each worker, by its place. */
  get reports(): ReadonlyMap<number, WorkerReport> {
    return this.#reports;
  }

  series(): Iterable<Readonly<TrafficSeries>> {
    return this.#series.values();
  }

  take(worker: number, report: WorkerReport): void {
    this.#countEjections(this.#reports.get(worker), report);
    this.#reports.set(worker, report);
    this.#dropped += report.sums.overflowed;
    for (const series of report.sums.series) this.#merge(series);
  }

  /** Calls `listener` with single requests and how many were left out. */
  onRecords(listener: (records: readonly RequestRecord[], lost: number) => void): void {
    this.#listeners.add(listener);
  }

  tell(records: readonly RequestRecord[], lost: number): void {
    for (const listener of this.#listeners) listener(records, lost);
  }

  /** Workers tell how often each endpoint was ejected since they know it: what is more than before is new. */
  #countEjections(before: WorkerReport | undefined, report: WorkerReport): void {
    const known = new Map(
      before?.endpoints.map(({ cluster, address, ejections }) => [`${cluster} ${address}`, ejections]),
    );
    for (const { cluster, address, ejection, ejections } of report.endpoints) {
      const earlier = known.get(`${cluster} ${address}`) ?? 0;
      const more = ejections >= earlier ? ejections - earlier : ejections;
      const reason = ejection === '' ? 'ended' : ejection;
      if (more > 0) this.#ejections.set(reason, (this.#ejections.get(reason) ?? 0) + more);
    }
  }

  #merge(from: TrafficSeries): void {
    const key = JSON.stringify(from.labels);
    const found = this.#series.get(key);
    if (found === undefined && this.#series.size >= mostRequestSeries) {
      const labels = otherLabels(from.labels.protocol);
      if (from.labels.source.workload !== 'other') this.#dropped += from.requests;
      this.#add(JSON.stringify(labels), { ...from, labels });
    } else this.#add(key, from);
  }

  #add(key: string, from: TrafficSeries): void {
    const into = this.#series.get(key);
    if (into === undefined) {
      this.#series.set(key, {
        labels: from.labels,
        requests: from.requests,
        durationMs: copy(from.durationMs),
        requestBytes: copy(from.requestBytes),
        responseBytes: copy(from.responseBytes),
      });
      return;
    }
    into.requests += from.requests;
    mergeHistogram(into.durationMs, from.durationMs);
    mergeHistogram(into.requestBytes, from.requestBytes);
    mergeHistogram(into.responseBytes, from.responseBytes);
  }
}
