/**
 * What the specifications ask of a server, as data: one row for each MUST and SHOULD that concerns it. A row counts as
 * tested when the title of a test cites it, as in `[V1-15]`; requirements.test.ts holds titles and rows together.
 */
export interface Requirement {
  readonly id: string;
  readonly dialect: 'v1' | 'v03' | 'v01';
  readonly level: 'MUST' | 'SHOULD';
  /** Of the specification of that version. */
  readonly section: string;
  readonly says: string;
  /** Absent: tested. Else why not. */
  readonly untested?: string;
}

type Row = readonly [number, Requirement['level'], section: string, says: string, untested?: string];

const SECURITY = 'comes with the work on tenants and security';
const DEPLOYMENT = 'a matter of the deployment, not of this server';

const V1: readonly Row[] = [
  [1, 'MUST', '8.1', 'an agent card is published'],
  [2, 'MUST', '5.2, 8.3', 'the card names every version that is served, truthfully, each with its URL'],
  [3, 'MUST', '14.3', 'the well-known path of 1.0 returns an agent card'],
  [4, 'MUST', '4, 5.5', 'data has the shape of the proto file, under camelCase names'],
  [5, 'MUST', '5.5', 'enumerations go out by their names in the proto file'],
  [6, 'MUST', '5.6.1', 'timestamps are ISO 8601 in UTC with Z'],
  [7, 'MUST', '5.7', 'required fields are always there, required lists are never empty'],
  [8, 'MUST', '9.3', 'requests are JSON-RPC 2.0'],
  [
    9,
    'MUST',
    '9.1',
    'the binding is HTTP with application/json, PascalCase methods, and server-sent events for streams',
  ],
  [10, 'MUST', '9.2', 'service parameters are read from headers whose names have no case'],
  [11, 'MUST', '3.6.2', 'a missing or empty A2A-Version means 0.3'],
  [12, 'MUST', '3.6.2', 'the version asked for is applied, another one is refused as not supported'],
  [13, 'MUST', '3.6', 'patch numbers are ignored in negotiation'],
  [14, 'MUST', '3.1.1', 'a send is answered with a task or a message'],
  [
    15,
    'MUST',
    '3.2.2',
    'a send waits by default until the task has ended or is interrupted, and then shows its latest state with all artifacts',
  ],
  [16, 'MUST', '3.2.2', 'returnImmediately is answered as soon as the task exists'],
  [17, 'MUST', '3.1.1, 3.1.2', 'a message to a task that has ended is refused as an unsupported operation'],
  [18, 'MUST', '3.1.1', 'a part of an unsupported media type is refused as such'],
  [19, 'MUST', '3.4.2', 'a message to an unknown task finds no task'],
  [20, 'MUST', '3.4.2', 'each new task gets an id of its own and the client is told'],
  [21, 'MUST', '3.4.1', 'a context that the server made is told to the client'],
  [22, 'MUST', '3.4.1', 'a context that the client chose is never exchanged for another'],
  [23, 'MUST', '3.4.3', 'the context of a message follows from its task'],
  [24, 'MUST', '3.4.3', 'a context that is not that of the task is refused'],
  [25, 'MUST', '3.1.2', 'a streaming send opens a stream at once and tells progress as it happens'],
  [26, 'MUST', '3.1.2', 'a stream that answers with a message has that one message and closes'],
  [27, 'MUST', '3.1.2', 'a stream of a task begins with the task'],
  [28, 'MUST', '3.1.2', 'a stream of a task closes when the task has ended'],
  [29, 'MUST', '3.1.6', 'a subscription begins with the task as it stands'],
  [30, 'MUST', '3.1.6', 'a subscription ends when the task does'],
  [
    31,
    'MUST',
    '3.1.6, 9.4.6',
    'a subscription to a task that has ended is refused as an unsupported operation',
  ],
  [
    32,
    'MUST',
    '3.5.2',
    'all streams of a task tell the same events in the order in which they came about, whoever else leaves',
  ],
  [33, 'MUST', '3.2.4', 'never more history is shown than was asked for'],
  [34, 'MUST', '3.1.4, 13.1', 'a list shows only what its caller may see'],
  [35, 'MUST', '3.1.4', 'a list is paged by cursor'],
  [36, 'MUST', '3.1.4', 'a list is in the order of the time of the status, the newest first'],
  [37, 'MUST', '3.1.4', 'nextPageToken is always there, and empty on the last page'],
  [38, 'MUST', '3.1.4', 'a list has no artifacts unless they are asked for'],
  [
    39,
    'MUST',
    '3.1.5, 3.3.1',
    'a cancel tells a task that cannot be canceled from one that is not there, and may be repeated',
  ],
  [40, 'MUST', '3.3.4', 'where webhooks are not offered their methods are refused as not supported'],
  [
    41,
    'MUST',
    '3.3.4',
    'where streams are not offered their methods are refused as an unsupported operation',
  ],
  [
    42,
    'MUST',
    '3.3.4, 13.3',
    'an extended card that is not offered, and one that is offered and missing, are two different errors',
  ],
  [43, 'MUST', '3.3.4, 4.6.3', 'a request that does not declare a required extension is refused'],
  [44, 'MUST', '4.6.3', 'an extension is never exchanged for another version of it'],
  [45, 'MUST', '3.1.7', 'a webhook stays until its task has ended or it is deleted'],
  [46, 'MUST', '3.1.8', 'a webhook is shown to its owner, and nothing else is'],
  [47, 'MUST', '3.1.9', 'a list of webhooks has all that are active'],
  [48, 'MUST', '3.1.10', 'a webhook that was deleted is gone for good, and deleting it again is no error'],
  [49, 'MUST', '4.3.3, 13.2', 'a webhook is called with the credentials it was registered with'],
  [50, 'MUST', '4.3.3', 'each event is sent to each webhook at least once'],
  [51, 'MUST', '4.3.3', 'a webhook is sent a stream response with exactly one member'],
  [52, 'MUST', '3.3.2, 9.5', 'errors have a code and a message, and each detail says its type'],
  [53, 'MUST', '5.4', 'the errors of A2A have their fixed codes'],
  [54, 'MUST', '3.3.2, 13.4', 'all input is checked before anything is done'],
  [55, 'MUST', '3.3.2, 7.4', 'missing and wrong credentials are refused, with every request'],
  [56, 'MUST', '3.3.2', 'lack of permission is an authorization error', SECURITY],
  [57, 'MUST', '3.3.2', 'what the caller may not see does not exist for it'],
  [58, 'MUST', '13.1', 'every operation is authorized before anything can leak', SECURITY],
  [59, 'MUST', '13.1', 'get, cancel, subscribe and webhooks check who may see the task'],
  [60, 'MUST', '3.1.11, 13.3', 'the extended card is for authenticated callers'],
  [61, 'MUST', '7.1, 13.4', 'production is served over TLS', DEPLOYMENT],
  [62, 'MUST', '7.6.1', 'authentication in the middle of a task is told by its state and a message'],
  [63, 'MUST', '13.4', 'keys and tokens never reach a log'],
  [
    64,
    'MUST',
    '14.1.1',
    'references to files are guarded against requests into the own network',
    'the server fetches no file; its webhooks are guarded',
  ],
  [65, 'MUST', '13.4', 'the law on data protection is kept', DEPLOYMENT],
  [
    66,
    'MUST',
    '8.4',
    'a signed card follows JCS and the rules of presence, without its signatures, with alg and kid',
  ],
  [67, 'MUST', '5.1', 'several bindings would behave alike', 'JSON-RPC is the only binding'],
  [
    68,
    'MUST',
    'extensions',
    'methods of extensions are checked like all others',
    'no extension adds a method',
  ],
  [69, 'MUST', '1.4', 'an SDK is generated from the proto file', 'no SDK is shipped'],
  [70, 'SHOULD', '5.7', 'messages without required fields are refused'],
  [71, 'SHOULD', '5.7', 'unknown fields are ignored'],
  [72, 'SHOULD', '5.6.1', 'timestamps have milliseconds'],
  [73, 'SHOULD', '3.2.4', 'history is left out when its length is to be 0'],
  [74, 'SHOULD', '3.3.2', 'missing and forbidden look the same'],
  [75, 'SHOULD', '3.3.2', 'errors name bad fields and their bounds'],
  [76, 'SHOULD', '3.3.2, 7.4', 'a refusal for want of credentials says which are wanted'],
  [77, 'SHOULD', '3.3.2', 'errors that pass are told from those that do not'],
  [78, 'SHOULD', '3.3.2, 9.5', 'errors have ErrorInfo, and BadRequest where fields are bad'],
  [79, 'SHOULD', '3.7', 'results are artifacts, not messages'],
  [80, 'SHOULD', '3.4.1', 'messages of one context are one conversation'],
  [81, 'SHOULD', '3.4.3', 'referenced tasks are given to the agent'],
  [
    82,
    'SHOULD',
    '3.2.2',
    'output is tailored to the modes that the client accepts',
    "the choice of output is the agent's",
  ],
  [83, 'SHOULD', '7.6.1', 'streams stay open while authentication is awaited, and messages are taken'],
  [84, 'SHOULD', '4.6.3', 'unknown optional extensions are ignored, activated ones are named in the answer'],
  [85, 'SHOULD', '3.6', 'no patch numbers in cards of 1.0'],
  [86, 'SHOULD', '8.3.1', 'interfaces are listed completely, the preferred one first'],
  [87, 'SHOULD', '8.6.1', 'cards can be cached and revalidated'],
  [
    88,
    'SHOULD',
    '4.3.3, 13.2',
    'webhooks have a timeout, are tried again with growing pauses, over https, and not into the own network',
  ],
  [89, 'SHOULD', '13.2', 'credentials of webhooks are stored securely', SECURITY],
  [90, 'SHOULD', '13.4', 'sizes are bounded and content types checked'],
  [91, 'SHOULD', '7.1, 13.4', 'HSTS and modern TLS only', DEPLOYMENT],
  [92, 'SHOULD', '13.4', 'security events are logged, keys can be rotated', SECURITY],
  [93, 'SHOULD', '13.1, 13.3', 'the model of authorization is documented', SECURITY],
  [94, 'SHOULD', '13.3, 14.3, 8.4.2', 'cards hold no secrets, signed ones say typ JOSE'],
  [95, 'SHOULD', '13.4', 'data can be deleted and is kept no longer than needed', SECURITY],
  [96, 'SHOULD', '11.7', 'events are never reordered'],
];

const V03: readonly Row[] = [
  [97, 'MUST', '11.1.2', 'message/send, tasks/get and tasks/cancel are there'],
  [
    98,
    'MUST',
    '3.2.1, 6.11',
    'answers are application/json and JSON-RPC 2.0, with the id of the request, or null when it was not read',
  ],
  [99, 'MUST', '5.6', 'the card has the main endpoint in url with its true transport'],
  [100, 'SHOULD', '5.6.2, 5.6.4', 'the main interface is repeated among the additional ones'],
  [101, 'MUST', '5.4', 'a sensitive card is protected'],
  [102, 'MUST', '3.5.1', 'methods have slash names'],
  [103, 'MUST', '6, 7.2', 'kind is on every object, final on every status event'],
  [104, 'MUST', '7.1, 7.2', 'a task that has ended cannot be restarted'],
  [105, 'SHOULD', '4.5', 'authentication in the middle of a task is auth-required with details'],
  [106, 'SHOULD', '4.4, 7.10', 'want of credentials is 401 with WWW-Authenticate'],
  [107, 'SHOULD', '8.2, 11.1.5', 'errors have the codes of section 8'],
  [108, 'MUST', '10.2', 'all parameters are checked'],
  [109, 'SHOULD', 'extensions', 'activated extensions are named in X-A2A-Extensions'],
];

const V01: readonly Row[] = [
  [110, 'MUST', '6.1', "the client's own task id is in every answer and every event"],
  [
    111,
    'MUST',
    '7.1, 7.2.1',
    'tasks/send is answered with a task, streams have status and artifact events only',
  ],
  [112, 'MUST', '7.2.2', 'final is true at the end and when input is required'],
  [113, 'MUST', '6.8', 'webhooks are https and are authenticated to as registered'],
  [114, 'SHOULD', '7.1.1, 7.3.1', 'the last messages are shown when history is asked for'],
  [115, 'MUST', '4.5', 'credentials wanted in the middle of a task are told as input-required'],
];

const toRequirements = (
  dialect: Requirement['dialect'],
  prefix: string,
  rows: readonly Row[],
): Requirement[] =>
  rows.map(([n, level, section, says, untested]) => ({
    id: `${prefix}-${n}`,
    dialect,
    level,
    section,
    says,
    ...(untested !== undefined && { untested }),
  }));

export const REQUIREMENTS: readonly Requirement[] = [
  ...toRequirements('v1', 'V1', V1),
  ...toRequirements('v03', 'V03', V03),
  ...toRequirements('v01', 'V01', V01),
];
