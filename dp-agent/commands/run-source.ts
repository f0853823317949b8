import { readFileSync } from 'node:fs'
import type { FeedCredentials } from '../../config/feed/source.ts'
import { kumaFiles } from '../../config/kuma/watch.ts'
import type { Source } from '../../config/source.ts'
import type { Clock } from '../../proxy/clock.ts'
import type { Log } from '../../proxy/log.ts'
import type { SocketAddress } from '../cli/option.ts'
import type { ControlPlaneTies } from '../control-plane-ties.ts'
import type { Terminal } from '../dispatch.ts'
import type { RunOptions } from '../options.ts'

/** Where the configuration comes from, and who we are in it. */
export interface Chosen {
  readonly source: Source
  /** What it was read from, for people. */
  readonly from: string
  readonly name: string
  readonly mesh: string
  /** Where the admin server goes. */
  readonly admin: SocketAddress
  readonly controlPlane: ControlPlaneTies | null
  /** Once everything has ended. */
  readonly close: () => void
}

/** The one source that the options name; a text when they name none, or more than one; null when the log says why not. */
export async function chooseSource(
  options: RunOptions,
  terminal: Terminal,
  clock: Clock,
  log: Log,
): Promise<Chosen | string | null> {
  const { config, feed, bootstrap } = options
  const url = controlPlaneUrl(options)
  const named = [
    ...(config.length > 0 ? ['--config'] : []),
    ...(feed === null ? [] : ['--feed']),
    ...(bootstrap === null ? [] : ['--bootstrap']),
    ...(url === null ? [] : ['--cp-address']),
  ]
  if (named.length > 1) return `give ${named.join(' or ')}, not both`
  // Loaded only where there is one: Envoy's messages are many.
  if (url !== null) {
    const { fromControlPlane } = await import('./run-kuma.ts')
    return fromControlPlane({ url, options, terminal, clock, log })
  }
  if (bootstrap !== null) return fromBootstrap(bootstrap, options, terminal, clock, log)
  if (named.length === 0) {
    return 'say where the resources are: --config <file|dir>, --feed <url>, --bootstrap <file> or --cp-address <url>'
  }
  const { name, mesh } = options
  if (name === null) return 'say which Dataplane this is: --name <dataplane>'
  if (feed === null) {
    const source = kumaFiles({ paths: config, mesh, name, clock, environment: terminal.env })
    return { source, from: config.join(', '), name, mesh, ...alone(options) }
  }
  if (!/^wss?:\/\//.test(feed)) return `--feed must be a ws or wss URL, got "${feed}"`
  const source = await fromFeed(feed, options, name, terminal, clock, log)
  if (source === null) return null
  return {
    source,
    from: feed,
    name,
    mesh,
    ...alone(options),
  }
}

const alone = ({ admin }: RunOptions) => ({ admin, controlPlane: null, close() {} })

const fallbackUrl = 'https://localhost:5678'

/** Who brings a Dataplane along means a control plane; kuma-dp's is the local one unless it is told another. */
function controlPlaneUrl({ cpAddress, dataplane, dataplaneFile }: RunOptions): string | null {
  return cpAddress ?? (dataplane === null && dataplaneFile === null ? null : fallbackUrl)
}

/** Loaded only where there is a bootstrap: Envoy's messages are many. */
async function fromBootstrap(
  path: string,
  options: RunOptions,
  terminal: Terminal,
  clock: Clock,
  log: Log,
): Promise<Chosen> {
  const [{ bootstrapSource }, { readBootstrap }] = await Promise.all([
    import('../../config/xds/bootstrap/source.ts'),
    import('../../config/xds/bootstrap/bootstrap.ts'),
  ])
  const { node } = readBootstrap(path)
  const { stateDir, stateKeys, name, mesh } = options
  const source = bootstrapSource({
    path,
    version: terminal.version,
    environment: terminal.env,
    stateDir,
    stateKeys,
    clock,
    log,
  })
  const word = (value: unknown, otherwise: string): string =>
    typeof value === 'string' && value !== '' ? value : otherwise
  const who = { name: name ?? word(node.id, path), mesh: word(node.cluster, mesh) }
  return { source, from: path, ...who, ...alone(options) }
}

/** Loaded only where there is a feed. Null when a file is not there, or not what it is to be. */
async function fromFeed(
  url: string,
  options: RunOptions,
  name: string,
  terminal: Terminal,
  clock: Clock,
  log: Log,
): Promise<Source | null> {
  const { feedSource } = await import('../../config/feed/source.ts')
  const { feedTokenFile, feedCa, feedCert, feedKey, mesh, stateDir, stateKeys } = options
  const read = (flag: string, file: string | null, holds = ''): string | null => {
    if (file === null) return null
    let text: string
    try {
      text = readFileSync(file, 'utf8')
    } catch (error) {
      throw new Error(`${flag} cannot be read: ${error instanceof Error ? error.message : error}`)
    }
    if (!text.includes(holds)) throw new Error(`${flag}: ${file} holds no ${holds} (PEM)`)
    return text
  }
  const credentials = (): FeedCredentials => ({
    token: read('--feed-token-file', feedTokenFile)?.trim() ?? null,
    ca: read('--feed-ca', feedCa, 'CERTIFICATE'),
    cert: read('--feed-cert', feedCert, 'CERTIFICATE'),
    key: read('--feed-key', feedKey, 'PRIVATE KEY'),
  })
  try {
    credentials()
  } catch (error) {
    log.error(error instanceof Error ? error.message : String(error))
    return null
  }
  return feedSource({
    url,
    mesh,
    name,
    version: terminal.version,
    credentials,
    stateDir,
    stateKeys,
    clock,
    log,
  })
}
