import type { RequestView } from '../../compile/route.js';
import type { RequestHead } from '../exchange.js';
import { joinedField } from './fields.js';
import { isGrpcType } from './grpc.js';

/** A request as it came, with the fields that the proxy itself asks for found in one pass. Empty text: not there. */
export class ReceivedRequest implements RequestView {
  readonly head: RequestHead;
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
  readonly query: string;
  readonly port: number;
  readonly isGrpc: boolean;
  readonly userAgent: string;
  /** All lines, joined by `, `. */
  readonly forwardedFor: string;
  readonly forwardedProto: string;
  readonly requestId: string;
  readonly grpcTimeout: string;
  readonly origin: string;

  constructor(head: RequestHead, port: number) {
    const { target, fields } = head;
    const queryAt = target.indexOf('?');
    this.head = head;
    this.method = head.method;
    this.scheme = head.scheme;
    this.authority = head.authority;
    this.path = queryAt < 0 ? target : target.slice(0, queryAt);
    this.query = queryAt < 0 ? '' : target.slice(queryAt + 1);
    this.port = port;
    let contentType = '';
    let userAgent = '';
    let forwardedFor = '';
    let forwardedProto = '';
    let requestId = '';
    let grpcTimeout = '';
    let origin = '';
    for (let index = 0; index < fields.length; index += 2) {
      const name = fields[index]!;
      switch (name.length) {
        case 6:
          if (name.toLowerCase() === 'origin') origin = fields[index + 1]!;
          break;
        case 10:
          if (name.toLowerCase() === 'user-agent') userAgent = fields[index + 1]!;
          break;
        case 12: {
          const lower = name.toLowerCase();
          if (lower === 'content-type') contentType = fields[index + 1]!;
          else if (lower === 'x-request-id') requestId = fields[index + 1]!;
          else if (lower === 'grpc-timeout') grpcTimeout = fields[index + 1]!;
          break;
        }
        case 15:
          if (name.toLowerCase() === 'x-forwarded-for') {
            forwardedFor = forwardedFor === '' ? fields[index + 1]! : `${forwardedFor}, ${fields[index + 1]!}`;
          }
          break;
        case 17:
          if (name.toLowerCase() === 'x-forwarded-proto') forwardedProto = fields[index + 1]!;
          break;
      }
    }
    this.isGrpc = contentType !== '' && isGrpcType(contentType);
    this.userAgent = userAgent;
    this.forwardedFor = forwardedFor;
    this.forwardedProto = forwardedProto;
    this.requestId = requestId;
    this.grpcTimeout = grpcTimeout;
    this.origin = origin;
  }

  header(name: string): string | undefined {
    switch (name) {
      case 'host':
      case ':authority':
        return this.authority;
      case ':method':
        return this.method;
      case ':path':
        return this.head.target;
      case ':scheme':
        return this.scheme;
      default:
        return joinedField(this.head.fields, name);
    }
  }
}
