import { duration, inert, integer, type Option, text, texts, toggle, word } from './cli/option.ts'
import type { Options } from './cli/parse.ts'

/** Options of `outrider run` under a control plane of Kuma, named as kuma-dp names them. */
export const kumaOptions = {
  cpAddress: text({
    flag: 'cp-address',
    env: ['KUMA_CONTROL_PLANE_URL'],
    placeholder: '<url>',
    help: 'control plane of Kuma, instead of --config; https://localhost:5678 when --dataplane or --dataplane-file is given (docs/kuma-cp.md)',
  }),
  caCertFile: text({
    flag: 'ca-cert-file',
    env: ['KUMA_CONTROL_PLANE_CA_CERT_FILE'],
    placeholder: '<file>',
    help: "roots the control plane's certificate must chain to (PEM), read again for each stream; default: the system's",
  }),
  caCert: text({
    flag: 'ca-cert',
    env: ['KUMA_CONTROL_PLANE_CA_CERT'],
    placeholder: '<pem>',
    help: 'the same as text; wins over the file',
  }),
  skipVerify: toggle({
    flag: 'skip-verify',
    env: ['KUMA_CONTROL_PLANE_TLS_SKIP_VERIFY'],
    help: "do not check the control plane's certificate; for labs, since it is shown the token",
  }),
  skipBootstrap: toggle({
    flag: 'skip-bootstrap',
    help: 'do not ask the control plane for a bootstrap; what it would say follows from the flags',
  }),
  cpRetryMs: duration(
    {
      flag: 'cp-retry',
      env: ['KUMA_CONTROL_PLANE_RETRY_BACKOFF'],
      help: 'pause between tries to reach the control plane at the start',
    },
    '3s',
  ),
  cpRetryAtMostMs: duration(
    {
      flag: 'cp-retry-at-most',
      env: ['KUMA_CONTROL_PLANE_RETRY_MAX_DURATION'],
      help: 'end with an error when it was not reached for so long at the start',
    },
    '5m',
  ),
  dataplane: text({
    flag: 'dataplane',
    env: ['KUMA_DATAPLANE_RUNTIME_RESOURCE'],
    placeholder: '<yaml>',
    help: 'the Dataplane to bring along: a template (YAML or JSON)',
  }),
  dataplaneFile: text({
    flag: 'dataplane-file',
    short: 'd',
    env: ['KUMA_DATAPLANE_RUNTIME_RESOURCE_PATH'],
    placeholder: '<file>',
    help: 'the same from a file; - is standard input',
  }),
  dataplaneVar: texts({
    flag: 'dataplane-var',
    short: 'v',
    placeholder: '<name=value>',
    help: 'a variable of the template, there as {{ name }}',
  }),
  dataplaneToken: text({
    flag: 'dataplane-token',
    env: ['KUMA_DATAPLANE_RUNTIME_TOKEN'],
    placeholder: '<token>',
    secret: true,
    help: 'token of the Dataplane; a file is better, since arguments can be seen by others',
  }),
  dataplaneTokenFile: text({
    flag: 'dataplane-token-file',
    env: ['KUMA_DATAPLANE_RUNTIME_TOKEN_PATH'],
    placeholder: '<file>',
    help: 'the same from a file; read again for each stream',
  }),
  proxyType: word(
    {
      flag: 'proxy-type',
      env: ['KUMA_DATAPLANE_PROXY_TYPE'],
      help: 'zone proxies are not there',
    },
    ['dataplane'],
    'dataplane',
  ),
  bindOutbounds: toggle({
    flag: 'bind-outbounds',
    env: ['KUMA_DATAPLANE_RUNTIME_BIND_OUTBOUNDS'],
    help: 'listen for each service on the address that the control plane assigns to it; it must be one of this machine (docs/kuma-cp.md)',
  }),
  transparentProxy: toggle({
    flag: 'transparent-proxy',
    help: 'connections are intercepted, and come to sockets that we are started with (docs/interception.md)',
  }),
  transparentProxyConfig: text({
    flag: 'transparent-proxy-config',
    env: ['KUMA_DATAPLANE_RUNTIME_TRANSPARENT_PROXY'],
    placeholder: '<yaml|file>',
    help: 'ports and IP versions of the interception, as kumactl takes them; implies --transparent-proxy',
  }),
  dnsEnabled: toggle(
    {
      flag: 'dns-enabled',
      env: ['KUMA_DNS_ENABLED'],
      help: 'answer DNS queries for the names of the mesh, once the control plane has some (docs/dns.md)',
    },
    true,
  ),
  dnsProxyPort: integer(
    {
      flag: 'dns-proxy-port',
      env: ['KUMA_DNS_PROXY_PORT'],
      help: 'where on loopback, by UDP and TCP; 0 is off',
    },
    0,
    65_535,
    15_053,
  ),
  spireSupported: toggle({
    flag: 'spire-supported',
    env: ['KUMA_DATAPLANE_RUNTIME_SPIRE_SUPPORTED'],
    help: 'the socket of a SPIRE agent is there for us; a control plane on Kubernetes asks for it, one elsewhere does not',
  }),
  spireSocketPath: text({
    flag: 'spire-socket-path',
    env: ['KUMA_DATAPLANE_RUNTIME_SPIRE_SOCKET_PATH'],
    placeholder: '<path>',
    help: 'where that socket is; default: what the control plane says',
  }),
  workDir: text({
    flag: 'work-dir',
    env: ['KUMA_DATAPLANE_RUNTIME_WORK_DIR'],
    placeholder: '<dir>',
    help: "for sockets between the control plane's listeners and the agent; default: a temporary one",
  }),
} satisfies Options

const envoy = 'there is no Envoy'
const dns = 'there is one DNS proxy; see --dns-proxy-port'
const logFile = 'the log goes to stderr'

/** Flags of kuma-dp that a command line may keep; each is told once to have no effect. */
export const inertOptions = {
  binaryPath: inert('binary-path', 'value', envoy),
  configDir: inert('config-dir', 'value', 'nothing is written but sockets; see --work-dir'),
  envoyLogLevel: inert('envoy-log-level', 'value', `${envoy}; see --log-level`),
  envoyComponentLogLevel: inert('envoy-component-log-level', 'value', `${envoy}; see --log-level`),
  dnsEnableLogging: inert('dns-enable-logging', 'switch', dns),
  dnsCorednsPath: inert('dns-coredns-path', 'value', dns),
  dnsCorednsPort: inert('dns-coredns-port', 'value', dns),
  dnsCorednsConfigTemplatePath: inert('dns-coredns-config-template-path', 'value', dns),
  dnsServerConfigDir: inert('dns-server-config-dir', 'value', dns),
  dnsEnvoyPort: inert('dns-envoy-port', 'value', dns),
  dnsPrometheusPort: inert('dns-prometheus-port', 'value', dns),
  logOutputPath: inert('log-output-path', 'value', logFile),
  logMaxAge: inert('log-max-age', 'value', logFile),
  logMaxSize: inert('log-max-size', 'value', logFile),
  logMaxRetainedFiles: inert('log-max-retained-files', 'value', logFile),
} satisfies Readonly<Record<string, Option<boolean>>>
