import type { Clock } from '../../clock.js';
import { Http1Client } from '../http1/client.js';
import { type Http1Limits, http1Limits } from '../http1/limits.js';
import { Http2Client } from '../http2/client.js';
import type { Codecs } from './codecs.js';

/** Weft's own codecs. */
export function clientCodecs(clock: Clock, limits: Http1Limits = http1Limits): Codecs {
  return {
    http1: (socket, owner, maxRequests) =>
      new Http1Client(socket, owner, maxRequests === undefined ? { limits, clock } : { limits, clock, maxRequests }),
    http2: (socket, owner) => new Http2Client(socket, owner, { clock }),
  };
}
