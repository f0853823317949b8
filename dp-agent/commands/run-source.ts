import { readFileSync } from 'node:fs'
import { kumaFiles } from '../../config/kuma/watch.ts'
import type { Source } from '../../config/source.ts'
import type { Clock } from '../../proxy/clock.ts'
import type { Log } from '../../proxy/log.ts'
import type { Terminal } from '../dispatch.ts'
import type { RunOptions } from '../options.ts'

/** Where the configuration comes from, and who we are in it. */
export interface Chosen {
  readonly source: Source
  /** What it was read from, for people. */
  readonly from: string
  readonly name: string
  readonly mesh: string
}

/** The one source that the options name; a text when they name none, or more than one. */
export async function chooseSource(
  options: RunOptions,
  terminal: Terminal,
  clock: Clock,
  log: Log,
): Promise<Chosen | string> {
  const { config, feed, bootstrap } = options
  const named = [
    ...(config.length > 0 ? ['--config'] : []),
    ...(feed === null ? [] : ['--feed']),
    ...(bootstrap === null ? [] : ['--bootstrap']),
  ]
  if (named.length > 1) return `give ${named.join(' or ')}, not both`
  if (bootstrap !== null) return fromBootstrap(bootstrap, options, terminal, clock, log)
  if (named.length === 0) {
    return 'say where the resources are: --config <file|dir>, --feed <url> or --bootstrap <file>'
  }
  const { name, mesh } = options
  if (name === null) return 'say which Dataplane this is: --name <dataplane>'
  if (feed === null) {
    const source = kumaFiles({ paths: config, mesh, name, clock })
    return { source, from: config.join(', '), name, mesh }
  }
  if (!/^wss?:\/\//.test(feed)) return `--feed must be a ws or wss URL, got "${feed}"`
  return {
    source: await fromFeed(feed, options, name, terminal, clock, log),
    from: feed,
    name,
    mesh,
  }
}

/** Loaded only where there is a bootstrap: Envoy's messages are many. */
async function fromBootstrap(
  path: string,
  { stateDir, stateKeys, name, mesh }: RunOptions,
  terminal: Terminal,
  clock: Clock,
  log: Log,
): Promise<Chosen> {
  const [{ bootstrapSource }, { readBootstrap }] = await Promise.all([
    import('../../config/xds/bootstrap/source.ts'),
    import('../../config/xds/bootstrap/bootstrap.ts'),
  ])
  const { node } = readBootstrap(path)
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
  return { source, from: path, name: name ?? word(node.id, path), mesh: word(node.cluster, mesh) }
}

/** Loaded only where there is a feed. */
async function fromFeed(
  url: string,
  options: RunOptions,
  name: string,
  terminal: Terminal,
  clock: Clock,
  log: Log,
): Promise<Source> {
  const { feedSource } = await import('../../config/feed/source.ts')
  const { feedTokenFile, feedCa, feedCert, feedKey, mesh, stateDir, stateKeys } = options
  const read = (file: string | null): string | null =>
    file === null ? null : readFileSync(file, 'utf8')
  return feedSource({
    url,
    mesh,
    name,
    version: terminal.version,
    token: () => read(feedTokenFile)?.trim() ?? null,
    tls: { ca: read(feedCa), cert: read(feedCert), key: read(feedKey) },
    stateDir,
    stateKeys,
    clock,
    log,
  })
}
