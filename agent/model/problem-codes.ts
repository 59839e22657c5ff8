import type { Problem } from './problem.js';

/** What a code means to the user. */
export interface CodeEntry {
  readonly title: string;
  readonly severity: Problem['severity'];
  /** What was found, and what Weft does then. */
  readonly meaning: string;
  /** What to do about it, when the problem itself says nothing more exact. */
  readonly fix: string;
}

/** The closed set of codes. A code keeps its meaning for ever. */
export type ProblemCode =
  | 'WEFT0101'
  | 'WEFT0102'
  | 'WEFT0103'
  | 'WEFT0104'
  | 'WEFT0105'
  | 'WEFT0106'
  | 'WEFT0107'
  | 'WEFT0108'
  | 'WEFT0109'
  | 'WEFT0110'
  | 'WEFT0111'
  | 'WEFT0201'
  | 'WEFT0202'
  | 'WEFT0203'
  | 'WEFT0204'
  | 'WEFT0205'
  | 'WEFT0206'
  | 'WEFT0207'
  | 'WEFT0208'
  | 'WEFT0209'
  | 'WEFT0210'
  | 'WEFT0211'
  | 'WEFT0212'
  | 'WEFT0213'
  | 'WEFT0214'
  | 'WEFT0215'
  | 'WEFT0216'
  | 'WEFT0217'
  | 'WEFT0218'
  | 'WEFT0219'
  | 'WEFT0220'
  | 'WEFT0221'
  | 'WEFT0222'
  | 'WEFT0301'
  | 'WEFT0302'
  | 'WEFT0303'
  | 'WEFT0304'
  | 'WEFT0305'
  | 'WEFT0307'
  | 'WEFT0308'
  | 'WEFT0309'
  | 'WEFT0310'
  | 'WEFT0311'
  | 'WEFT0312'
  | 'WEFT0313'
  | 'WEFT0314'
  | 'WEFT0401'
  | 'WEFT0402'
  | 'WEFT0403'
  | 'WEFT0404'
  | 'WEFT0405'
  | 'WEFT0406'
  | 'WEFT0407'
  | 'WEFT0408'
  | 'WEFT0409'
  | 'WEFT0410'
  | 'WEFT0411'
  | 'WEFT0412'
  | 'WEFT0413'
  | 'WEFT0414'
  | 'WEFT0501'
  | 'WEFT0502'
  | 'WEFT0503'
  | 'WEFT0504'
  | 'WEFT0505'
  | 'WEFT0506'
  | 'WEFT0507'
  | 'WEFT0508'
  | 'WEFT0509'
  | 'WEFT0510'
  | 'WEFT0601'
  | 'WEFT0602'
  | 'WEFT0603'
  | 'WEFT0604'
  | 'WEFT0605'
  | 'WEFT0606'
  | 'WEFT0607'
  | 'WEFT0608'
  | 'WEFT0609';

const error = 'error';
const warning = 'warning';

/**
 * Every code there is: 01xx files and syntax, 02xx objects, 03xx fields and kinds not enforced or not known,
 * 04xx references, 05xx conflicts, 06xx tables and run time.
 */
export const problemCodes: Readonly<Record<ProblemCode, CodeEntry>> = {
  WEFT0101: {
    title: 'syntax error',
    severity: error,
    meaning: 'The file is not YAML 1.2 or JSON. Every object it gave before stays in effect.',
    fix: 'correct the syntax at this place',
  },
  WEFT0102: {
    title: 'duplicate key',
    severity: error,
    meaning: 'A mapping has the same key twice, so one of the values would be lost. The file keeps its last objects.',
    fix: 'remove one of the two keys',
  },
  WEFT0103: {
    title: 'file too large',
    severity: error,
    meaning: 'The file is over 16 MiB and was not read. It keeps its last objects.',
    fix: 'split it into several files',
  },
  WEFT0104: {
    title: 'too many aliases',
    severity: error,
    meaning:
      'The anchors and aliases of a document expand to too much (an alias bomb). The file keeps its last objects.',
    fix: 'write the repeated parts out',
  },
  WEFT0105: {
    title: 'nested too deeply',
    severity: error,
    meaning: 'A document nests collections deeper than 64 levels. The file keeps its last objects.',
    fix: 'flatten the document; no understood kind is nested this deeply',
  },
  WEFT0106: {
    title: 'too many documents',
    severity: error,
    meaning: 'The file holds more than 100 000 documents. It keeps its last objects.',
    fix: 'split it into several files',
  },
  WEFT0107: {
    title: 'file cannot be read',
    severity: error,
    meaning: 'Opening or reading the file failed. It keeps its last objects.',
    fix: "check the file's owner and mode",
  },
  WEFT0108: {
    title: 'directory cannot be read',
    severity: error,
    meaning:
      'The directory is missing or may not be listed. All objects read from it before stay in effect until it is back.',
    fix: 'restore the directory or its mode',
  },
  WEFT0109: {
    title: 'not text',
    severity: error,
    meaning: 'The file is not UTF-8 text. It keeps its last objects.',
    fix: 'move it out of the manifest directory, or save it as UTF-8',
  },
  WEFT0110: {
    title: 'not a regular file',
    severity: warning,
    meaning: 'A FIFO, socket or device is named like a manifest; it was not opened.',
    fix: 'move it out of the manifest directory',
  },
  WEFT0111: {
    title: 'directory tree too large',
    severity: error,
    meaning:
      'The tree is deeper than 32 levels, has over 100 000 files, or a symbolic link leads back into it; the rest was not read.',
    fix: 'remove the looping link, or split the tree',
  },
  WEFT0201: {
    title: 'not an object',
    severity: error,
    meaning: 'The document is not a mapping with apiVersion, kind and metadata.',
    fix: 'write a Kubernetes object',
  },
  WEFT0202: {
    title: 'apiVersion or kind missing',
    severity: error,
    meaning: 'Without both it is not known what the object is.',
    fix: 'add apiVersion and kind',
  },
  WEFT0203: {
    title: 'name missing',
    severity: error,
    meaning: 'The object has no metadata.name (generateName is the API server’s business).',
    fix: 'add metadata.name',
  },
  WEFT0204: {
    title: 'invalid name',
    severity: error,
    meaning: 'A name does not have the form that the API demands here, which the message describes.',
    fix: 'write a name of the form that the message describes',
  },
  WEFT0205: {
    title: 'wrong type',
    severity: error,
    meaning: 'The value has another type than the API defines. The object keeps its last valid version.',
    fix: 'write a value of the type the message names',
  },
  WEFT0206: {
    title: 'value not allowed',
    severity: error,
    meaning: 'The value is none of those the API defines. The object keeps its last valid version.',
    fix: 'write one of the values the message names',
  },
  WEFT0207: {
    title: 'number out of range',
    severity: error,
    meaning: 'The number is outside the range the API defines. The object keeps its last valid version.',
    fix: 'write a number in the range the message names',
  },
  WEFT0208: {
    title: 'field missing',
    severity: error,
    meaning: 'A field the API requires is absent. The object keeps its last valid version.',
    fix: 'add the field',
  },
  WEFT0209: {
    title: 'invalid address',
    severity: error,
    meaning:
      'Not an IPv4 or IPv6 address (leading zeros and zone ids are refused, as they mean different things to different readers).',
    fix: 'write the address in its usual form',
  },
  WEFT0210: {
    title: 'address not usable here',
    severity: error,
    meaning:
      'Unspecified, loopback, link-local, multicast and broadcast addresses cannot be a Service’s or an endpoint’s.',
    fix: 'use a unicast address that other hosts can reach',
  },
  WEFT0211: {
    title: 'duplicate entry',
    severity: error,
    meaning: 'Two entries of a list have the same identity (a port’s name, or its number and protocol).',
    fix: 'rename or remove one of the two',
  },
  WEFT0212: {
    title: 'fields contradict each other',
    severity: error,
    meaning: 'Two fields of the object cannot both be true.',
    fix: 'remove one of the two',
  },
  WEFT0213: {
    title: 'invalid label or annotation',
    severity: error,
    meaning:
      'A key or value does not have the form Kubernetes demands (a key: [PREFIX/]NAME; a label’s value: at most 63 characters).',
    fix: 'correct the key or value',
  },
  WEFT0214: {
    title: 'Service without clusterIP',
    severity: error,
    meaning: 'Nothing allocates addresses here: a Service that is not headless needs one to be reached by.',
    fix: 'add spec.clusterIP, or `clusterIP: None` for a headless Service',
  },
  WEFT0215: {
    title: 'invalid duration',
    severity: error,
    meaning: 'Not a duration such as 1h, 30s or 100ms, or too short for this field.',
    fix: 'write a number and a unit: h, m, s or ms',
  },
  WEFT0216: {
    title: 'invalid weft.dev value',
    severity: error,
    meaning:
      'A weft.dev label or annotation has a value that it does not know. It counts as if it were not there, but weft.dev/when-agent-down as `closed`; all else of the object takes effect.',
    fix: 'write one of the values the message names',
  },
  WEFT0217: {
    title: 'unknown version of a known kind',
    severity: error,
    meaning: 'The kind is understood, this apiVersion of it is not; its fields could mean something else.',
    fix: 'use the apiVersion the message names',
  },
  WEFT0218: {
    title: 'invalid host',
    severity: error,
    meaning: 'Not a DNS name, nor one whose first label is `*`.',
    fix: 'write a Service name or a DNS name',
  },
  WEFT0219: {
    title: 'invalid regular expression',
    severity: error,
    meaning:
      'Not an expression of RE2 (which has no look-around and no back-references, so that matching takes linear time), or one that compiles to too large a program.',
    fix: 'write an RE2 expression of at most 1024 characters, with smaller repetitions',
  },
  WEFT0220: {
    title: 'invalid header',
    severity: error,
    meaning:
      'The name is not one that a header can have (RFC 9110), may not be changed here, or the value has a control character.',
    fix: 'correct the name or the value',
  },
  WEFT0221: {
    title: 'invalid certificate or key',
    severity: error,
    meaning: 'A part of the Secret is not PEM text, or not in base64. What it holds is never shown.',
    fix: 'write the base64 of a PEM file under data, or the PEM text under stringData',
  },
  WEFT0222: {
    title: 'invalid path',
    severity: error,
    meaning: 'Not a path in its normal form: another text would mean the same, or nothing can ever match it.',
    fix: 'write an absolute path without //, /./, /../ and %2F',
  },
  WEFT0301: {
    title: 'unknown kind',
    severity: warning,
    meaning: 'Weft does not read objects of this kind; it was left alone.',
    fix: 'nothing to do; keep such objects elsewhere to silence this',
  },
  WEFT0302: {
    title: 'unknown field',
    severity: warning,
    meaning:
      'The API has no such field. An error in Istio’s, the Gateway API’s and Weft’s own types, where a slip of the pen changes what happens; a warning in Kubernetes’ core types, where a newer release may have added it.',
    fix: 'correct the spelling or remove the field',
  },
  WEFT0303: {
    title: 'field not enforced',
    severity: warning,
    meaning:
      'The field is part of the API, but does nothing here: this version of Weft does not have it, or the API has it ignored beside the rest of the object, such as the second of two headers with one name or a timeout of a redirect. The rest of the object is in effect.',
    fix: 'remove the field, or do not rely on it',
  },
  WEFT0304: {
    title: 'field needs HTTP',
    severity: warning,
    meaning:
      'The field only means something for HTTP requests, and no HTTP rule is about this Service: its connections are balanced as plain TCP or UDP.',
    fix: 'remove the field, or do not rely on it',
  },
  WEFT0305: {
    title: 'security setting not enforced',
    severity: error,
    meaning:
      'Ignoring the field would leave traffic less protected than the object says, so the object is refused. Of TLS towards a Service that no HTTP rule is about it is only reported: its connections do not come to the gateway, and go out as they are.',
    fix: 'remove the field if the protection is provided elsewhere',
  },
  WEFT0307: {
    title: 'protocol not supported',
    severity: warning,
    meaning: 'Weft balances TCP and UDP. The port was left alone.',
    fix: 'nothing to do; the port works as without Weft',
  },
  WEFT0308: {
    title: 'deprecated',
    severity: warning,
    meaning:
      'The field or value is an older name and may disappear from the API. It is in effect as its new name says.',
    fix: 'use the new name',
  },
  WEFT0309: {
    title: 'unknown weft.dev key',
    severity: error,
    meaning: 'Weft has no such label or annotation for this kind. It is ignored; all else of the object takes effect.',
    fix: 'correct the spelling or remove it',
  },
  WEFT0310: {
    title: 'object left alone',
    severity: warning,
    meaning: 'The object is valid, but of a form Weft cannot act on; nothing of it is in effect.',
    fix: 'nothing to do, or write it in a form the message names',
  },
  WEFT0311: {
    title: 'balancing not available',
    severity: warning,
    meaning: 'The policy exists but not for this path yet; the one the message names is used.',
    fix: 'nothing to do, or name the other policy',
  },
  WEFT0312: {
    title: 'setting without effect',
    severity: warning,
    meaning: 'The setting is valid, but as it is written nothing comes of it.',
    fix: 'remove it, or add what the message names',
  },
  WEFT0313: {
    title: 'setting refused',
    severity: error,
    meaning:
      'The field is part of the API, but nothing enforces it, and the object would do something else without it.',
    fix: 'remove the field, or use what the message names',
  },
  WEFT0314: {
    title: 'annotation not believed',
    severity: warning,
    meaning:
      'weft.dev/netns and weft.dev/cgroup say where a Pod of a directory lives. Of a Pod of an API server that is found by its UID: whoever may create Pods could otherwise name the network namespace of another.',
    fix: 'remove the annotation',
  },
  WEFT0401: {
    title: 'no such Service',
    severity: warning,
    meaning: 'The object refers to a Service that does not exist (now).',
    fix: 'correct the name or add the Service',
  },
  WEFT0402: {
    title: 'no such object',
    severity: warning,
    meaning: 'The object refers to another one that does not exist (now).',
    fix: 'correct the name or add the object',
  },
  WEFT0403: {
    title: 'Service without backends',
    severity: warning,
    meaning: 'The selector matches no Pod and there is no EndpointSlice: connections to the Service are refused.',
    fix: 'correct the selector or the Pods’ labels',
  },
  WEFT0404: {
    title: 'no such container port',
    severity: warning,
    meaning: 'targetPort is a name that no container of the selected Pods has: the port has no backends.',
    fix: 'name the container’s port, or write its number',
  },
  WEFT0405: {
    title: 'Deployment without Service',
    severity: warning,
    meaning: 'No Service of the namespace selects the Pods of this Deployment.',
    fix: 'add a Service, or correct its selector',
  },
  WEFT0406: {
    title: 'EndpointSlice without Service',
    severity: warning,
    meaning: 'The label kubernetes.io/service-name is absent or names no Service: its endpoints are not used.',
    fix: 'correct the label or add the Service',
  },
  WEFT0407: {
    title: 'no such port',
    severity: warning,
    meaning: 'A port-level setting names a port that the Service does not have.',
    fix: 'name one of the Service’s ports',
  },
  WEFT0408: {
    title: 'certificate not usable',
    severity: warning,
    meaning:
      'A file or Secret with a certificate, key or authority cannot be read, or lacks a part. What needs it is not served, and nothing is sent in clear instead.',
    fix: 'correct the name, or what it holds',
  },
  WEFT0409: {
    title: 'reference not permitted',
    severity: warning,
    meaning: 'The object refers to one of another namespace, which has no ReferenceGrant for it.',
    fix: 'add a ReferenceGrant to the namespace of the object that is referred to',
  },
  WEFT0410: {
    title: 'no such subset',
    severity: warning,
    meaning: 'No DestinationRule of the destination has this subset: requests for it are answered with 503.',
    fix: 'correct the name or add the subset to the DestinationRule',
  },
  WEFT0411: {
    title: 'port not said',
    severity: warning,
    meaning:
      'The destination has several ports, none of them is the one that was addressed, and the rule names none: requests for it are answered with 503.',
    fix: 'add the port',
  },
  WEFT0412: {
    title: 'rule for nothing',
    severity: warning,
    meaning:
      'No traffic can come to the rule by what is named: a host or parent that is no Service port with an address, or a gateway of which no listener takes it. Other hosts, parents and gateways of the rule are not touched by this.',
    fix: 'correct the host, parentRef or gateway that is named, or take it out; the whole rule only where it names no other',
  },
  WEFT0413: {
    title: 'reference of another kind',
    severity: warning,
    meaning:
      'A backend that is no Service, a certificate that is no Secret, or a filter that Weft does not have: what needs it is answered with 500, or not served.',
    fix: 'refer to a Service or a Secret',
  },
  WEFT0414: {
    title: 'delegate of nobody',
    severity: warning,
    meaning: 'A VirtualService without hosts has effect only where another one delegates to it, and none does.',
    fix: 'add hosts, or delegate to it',
  },
  WEFT0501: {
    title: 'duplicate object',
    severity: error,
    meaning:
      'Two places define the same object. The first one (by file name, then position; those of directories before those of an API server) is in effect; when it goes, the other is.',
    fix: 'remove or rename one of the two',
  },
  WEFT0502: {
    title: 'rule shadowed',
    severity: warning,
    meaning:
      'Another DestinationRule for the same host wins (its Service’s namespace first, then the oldest, then by name); this one has no effect.',
    fix: 'merge the two',
  },
  WEFT0503: {
    title: 'address and port claimed twice',
    severity: warning,
    meaning: 'Two Services claim one address, port and protocol. The one whose NAMESPACE/NAME sorts first has it.',
    fix: 'give one of them another address',
  },
  WEFT0504: {
    title: 'Pod address claimed twice',
    severity: warning,
    meaning: 'Two running Pods say they have the same address: traffic cannot tell them apart.',
    fix: 'correct status.podIP of one of them',
  },
  WEFT0505: {
    title: 'network namespace claimed twice',
    severity: warning,
    meaning:
      'Two Pods name the same network namespace; connections from it are reported as those of the first by name.',
    fix: 'correct the annotation weft.dev/netns of one of them',
  },
  WEFT0506: {
    title: 'host claimed twice',
    severity: warning,
    meaning:
      'Two VirtualServices have the same host and gateway. The older one wins, then the one whose NAMESPACE/NAME sorts first.',
    fix: 'merge the two',
  },
  WEFT0507: {
    title: 'listeners conflict',
    severity: warning,
    meaning:
      'Two Gateways want something different of one port: another protocol, or the same host. The older one has it, then the one whose NAMESPACE/NAME sorts first.',
    fix: 'use another port or host',
  },
  WEFT0508: {
    title: 'rule never matches',
    severity: warning,
    meaning: 'An earlier rule matches every request that this one could match, so it never does.',
    fix: 'put it before the other, or remove it',
  },
  WEFT0509: {
    title: 'rules of another kind win',
    severity: warning,
    meaning:
      'On one Service port GRPCRoutes win over HTTPRoutes, and both over VirtualServices: this resource has no effect there.',
    fix: 'use one kind for this port',
  },
  WEFT0510: {
    title: 'delegated rule left out',
    severity: warning,
    meaning:
      'What a rule of the delegate matches is not within what the rule that delegates matches, or the delegate is not exported to it.',
    fix: 'narrow the delegate’s match, or widen the other',
  },
  WEFT0601: {
    title: 'table full',
    severity: error,
    meaning: 'The Service did not fit into a kernel table. It is left alone; all others work.',
    fix: 'remove Services or endpoints that are not needed',
  },
  WEFT0602: {
    title: 'mass deletion held',
    severity: warning,
    meaning:
      'More than half of at least three Services, backends or enrolled Pods vanished within 10 s. What vanished stays in effect for 30 s; if it is still gone then, that is believed.',
    fix: 'nothing to do if it was meant; else restore the objects',
  },
  WEFT0603: {
    title: 'network namespace not captured',
    severity: warning,
    meaning:
      'The network namespace a Pod names is not there, or none of its processes is (Pods of an API server), or it is another Pod’s, or has no room in the tables: connections from it are not captured.',
    fix: 'make the namespace, correct the annotation weft.dev/netns, look whether the Pod runs, or run with a larger --capacity pods=N',
  },
  WEFT0604: {
    title: 'cgroup unreachable',
    severity: warning,
    meaning: 'The cgroup a Pod names does not exist or is outside --cgroup.',
    fix: 'correct the annotation weft.dev/cgroup',
  },
  WEFT0605: {
    title: 'kernel refused a write',
    severity: error,
    meaning: 'A row could not be written to a kernel table; the last good one stays and the write is tried again.',
    fix: 'see `weft doctor`',
  },
  WEFT0606: {
    title: 'source unreachable',
    severity: warning,
    meaning: 'The API server cannot be reached; the last known objects stay in effect.',
    fix: 'check the network and the credentials',
  },
  WEFT0607: {
    title: 'tables drifted',
    severity: warning,
    meaning: 'A kernel table or program differed from what was written and has been repaired.',
    fix: 'find what else writes to the tables or attaches to the cgroup',
  },
  WEFT0608: {
    title: 'port not available',
    severity: error,
    meaning: 'A port that a Gateway asks for cannot be listened on. Its other ports, and other Gateways, are served.',
    fix: 'end what listens on the port, or use another',
  },
  WEFT0609: {
    title: 'resource refused',
    severity: warning,
    meaning:
      'The API server does not let the agent read a resource. What was last known of it stays in effect; while it could never be read, nothing of it is.',
    fix: 'add the rule that the message names to the ClusterRole of the agent',
  },
};

const rooms: readonly (readonly [string, string])[] = [
  ['01', 'Files and syntax'],
  ['02', 'Objects'],
  ['03', 'Fields and kinds that are not enforced or not known'],
  ['04', 'References'],
  ['05', 'Conflicts'],
  ['06', 'Tables and run time'],
];

/** Every code as Markdown, in order, under a heading a room: the text of deploy/problems.md. */
export function showCodes(): string {
  const lines = ['# Problems', '', 'What `weft validate`, `weft status` and `GET /v1/problems` report.', ''];
  for (const [room, heading] of rooms) {
    lines.push(`## ${room}xx ${heading}`, '');
    for (const [code, entry] of Object.entries(problemCodes)) {
      if (code.slice(4, 6) !== room) continue;
      lines.push(`### ${code} ${entry.title} (${entry.severity})`, '', entry.meaning, '', `Fix: ${entry.fix}.`, '');
    }
  }
  return `${lines.join('\n').trimEnd()}\n`;
}
