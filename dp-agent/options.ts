import {
  duration,
  integer,
  type OptionText,
  socketAddress,
  text,
  textOr,
  texts,
  toggle,
  word,
} from './cli/option.ts'
import type { Command, Options, Values } from './cli/parse.ts'
import { inertOptions, kumaOptions } from './kuma-options.ts'

const config: OptionText = {
  flag: 'config',
  short: 'c',
  placeholder: '<file|dir>',
  help: 'Kuma resources as YAML; a directory is read with all below it, and read again when it changes',
}
const name: OptionText = {
  flag: 'name',
  env: ['KUMA_DATAPLANE_NAME'],
  placeholder: '<dataplane>',
  help: 'name of the Dataplane that this sidecar is',
}
const mesh: OptionText = {
  flag: 'mesh',
  env: ['KUMA_DATAPLANE_MESH'],
  placeholder: '<mesh>',
  help: 'mesh the Dataplane belongs to',
}

const run = {
  config: texts(config),
  name: text(name),
  mesh: textOr(mesh, 'default'),
  feed: text({
    flag: 'feed',
    placeholder: '<url>',
    help: 'WebSocket feed with the resources, as in wss://host:5680/, instead of --config (docs/feed.md)',
  }),
  feedTokenFile: text({
    flag: 'feed-token-file',
    placeholder: '<file>',
    help: 'token shown to the feed; read again for each connection',
  }),
  feedCa: text({
    flag: 'feed-ca',
    placeholder: '<file>',
    help: "roots the feed's certificate must chain to (PEM); default: Node's and the system's",
  }),
  feedCert: text({
    flag: 'feed-cert',
    placeholder: '<file>',
    help: 'certificate shown to the feed (PEM)',
  }),
  feedKey: text({ flag: 'feed-key', placeholder: '<file>', help: 'its key (PEM)' }),
  bootstrap: text({
    flag: 'bootstrap',
    placeholder: '<file>',
    help: "an Envoy bootstrap (YAML or JSON) with static resources or an xDS v3 server's address, instead of --config (docs/xds.md)",
  }),
  ...kumaOptions,
  stateDir: text({
    flag: 'state-dir',
    placeholder: '<dir>',
    help: 'keep the last good configuration of a feed or control plane there, and start with it while that is away',
  }),
  stateKeys: toggle({
    flag: 'state-keys',
    help: 'keep private keys there, too, where the configuration holds them',
  }),
  identityDir: text({
    flag: 'identity-dir',
    placeholder: '<dir>',
    help: 'directory with tls.crt, tls.key and ca.crt (PEM); read again when they change',
  }),
  workers: integer(
    {
      flag: 'workers',
      also: 'concurrency',
      env: ['KUMA_DATAPLANE_RUNTIME_CONCURRENCY'],
      help: 'threads that move traffic; 0 is one per available core',
    },
    0,
    64,
    1,
  ),
  admin: socketAddress(
    {
      flag: 'admin',
      help: 'address of the admin server; port 0 takes a free one. Keep it on loopback',
    },
    { host: '127.0.0.1', port: 9901 },
  ),
  adminHost: texts({
    flag: 'admin-host',
    placeholder: '<name>',
    help: 'further Host names the admin server answers to, besides IP addresses and localhost',
  }),
  logLevel: word(
    { flag: 'log-level', env: ['KUMA_LOG_LEVEL'], help: 'how much the log on stderr says' },
    ['off', 'error', 'warn', 'info', 'debug'],
    'info',
  ),
  logFormat: word(
    {
      flag: 'log-format',
      help: 'one JSON object per line, or short lines for people; auto looks whether stderr is a terminal',
    },
    ['auto', 'json', 'text'],
    'auto',
  ),
  metricsCertPath: text({
    flag: 'metrics-cert-path',
    env: ['KUMA_DATAPLANE_RUNTIME_METRICS_CERT_PATH'],
    placeholder: '<file>',
    help: 'certificate (PEM) of the metrics listener, for MeshMetric with tls.mode ProvidedTLS',
  }),
  metricsKeyPath: text({
    flag: 'metrics-key-path',
    env: ['KUMA_DATAPLANE_RUNTIME_METRICS_KEY_PATH'],
    placeholder: '<file>',
    help: 'its key (PEM)',
  }),
  drainTimeMs: duration(
    {
      flag: 'drain-time',
      env: ['KUMA_DATAPLANE_DRAIN_TIME'],
      help: 'longest wait after SIGTERM for exchanges to finish; 0 stops at once',
    },
    '30s',
  ),
  drainQuietMs: duration(
    {
      flag: 'drain-quiet',
      help: 'while draining, go on accepting until nothing new has come for so long; load balancers need time to notice',
    },
    '5s',
  ),
  ...inertOptions,
} satisfies Options

const validate = {
  format: word(
    { flag: 'format', help: 'lines for people and editors, or one JSON document' },
    ['text', 'json'],
    'text',
  ),
} satisfies Options

const explain = {
  config: texts(config),
  name: text(name),
  mesh: textOr(mesh, 'default'),
  header: texts({
    flag: 'header',
    short: 'H',
    placeholder: "<'name: value'>",
    help: 'a header of the request in question',
  }),
  json: toggle({ flag: 'json', help: 'print JSON' }),
} satisfies Options

const force = toggle({ flag: 'force', help: 'write over files that are there' })

const pkiInit = {
  dir: textOr(
    { flag: 'dir', placeholder: '<dir>', help: 'where ca.crt and ca.key are written' },
    'ca',
  ),
  trustDomain: textOr(
    {
      flag: 'trust-domain',
      placeholder: '<domain>',
      help: 'trust domain of its SPIFFE IDs; with Mesh.mtls the name of the mesh',
    },
    'default',
  ),
  expiryMs: duration({ flag: 'expiry', help: 'life of the CA' }, '3650d'),
  force,
} satisfies Options

const pkiIssue = {
  caDir: textOr(
    { flag: 'ca', placeholder: '<dir>', help: 'directory with ca.crt and ca.key' },
    'ca',
  ),
  dir: textOr(
    { flag: 'dir', placeholder: '<dir>', help: 'where tls.crt, tls.key and ca.crt are written' },
    'identity',
  ),
  dns: texts({
    flag: 'dns',
    placeholder: '<name>',
    help: 'a host name to put beside the SPIFFE ID',
  }),
  ip: texts({ flag: 'ip', placeholder: '<address>', help: 'an IP address to put beside it' }),
  expiryMs: duration({ flag: 'expiry', help: 'life of the certificate; ends with the CA' }, '24h'),
  request: toggle({
    flag: 'request',
    help: 'write a signing request (tls.csr) for another CA instead',
  }),
  force,
} satisfies Options

const pkiShow = {
  ca: text({
    flag: 'ca',
    placeholder: '<file>',
    help: 'roots to check against (PEM); default: ca.crt of the directory',
  }),
} satisfies Options

const command = <O extends Options>(
  summary: string,
  positionals: string | null,
  options: O,
): Command<O> => ({ summary, positionals, options })

const demo = {
  portOffset: integer(
    { flag: 'port-offset', help: 'added to every port of the demo, where some are taken' },
    0,
    30_000,
    0,
  ),
  verbose: toggle({ flag: 'verbose', help: 'show what the sidecars log' }),
} satisfies Options

const feedServe = {
  listen: socketAddress(
    { flag: 'listen', help: 'address of the feed; port 0 takes a free one' },
    { host: '127.0.0.1', port: 5680 },
  ),
  tokenFile: text({
    flag: 'token-file',
    placeholder: '<file>',
    help: 'ask sidecars for this token',
  }),
  cert: text({ flag: 'cert', placeholder: '<file>', help: 'certificate (PEM), for wss' }),
  key: text({ flag: 'key', placeholder: '<file>', help: 'its key (PEM)' }),
  logLevel: word(
    { flag: 'log-level', help: 'how much the log on stderr says' },
    ['off', 'error', 'warn', 'info', 'debug'],
    'info',
  ),
} satisfies Options

/** Every sub-command with its options: what `--help`, `docs/cli.md` and the parser are made from. */
export const commands = {
  run: command('run the sidecar of one Dataplane', null, run),
  validate: command('report every problem of Kuma resources', '<file|dir>...', validate),
  explain: command(
    'say which listener, route, policies and endpoints a request would meet, and why',
    '<method> <url>',
    explain,
  ),
  'feed serve': command(
    'serve a directory of resources to sidecars, for labs',
    '<file|dir>...',
    feedServe,
  ),
  demo: command('run a whole mesh on loopback, to look at and to copy from', null, demo),
  'pki init': command('make a certificate authority', null, pkiInit),
  'pki issue': command(
    'issue an identity for --identity-dir, as in spiffe://default/backend',
    '<spiffe-id>',
    pkiIssue,
  ),
  'pki show': command(
    'say what a certificate holds and whether it would be believed',
    '<file|dir>',
    pkiShow,
  ),
} as const

export type CommandName = keyof typeof commands
export type RunOptions = Values<typeof run>
export type FeedServeOptions = Values<typeof feedServe>
export type DemoOptions = Values<typeof demo>
export type ValidateOptions = Values<typeof validate>
export type ExplainOptions = Values<typeof explain>
export type PkiInitOptions = Values<typeof pkiInit>
export type PkiIssueOptions = Values<typeof pkiIssue>
export type PkiShowOptions = Values<typeof pkiShow>
