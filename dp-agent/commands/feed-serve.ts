import { readFileSync } from 'node:fs'
import { serveFeed } from '../../config/feed/server.ts'
import { systemClock } from '../../proxy/clock.ts'
import type { Terminal } from '../dispatch.ts'
import { createLog } from '../log.ts'
import { nodeHttp, nodeHttps } from '../node-http.ts'
import type { FeedServeOptions } from '../options.ts'
import { handleSignals } from '../signals.ts'

/** `outrider feed serve`: a directory of resources as a feed, until a signal ends it. */
export async function runFeedServe(
  options: FeedServeOptions,
  paths: readonly string[],
  terminal: Terminal,
): Promise<number | string> {
  if (paths.length === 0) return 'name the files or directories to serve'
  const { cert, key, tokenFile, listen } = options
  if ((cert === null) !== (key === null)) return 'give both --cert and --key, or neither'
  const clock = systemClock
  const format = terminal.errIsTerminal ? 'text' : 'json'
  const log = createLog({ level: options.logLevel, format, clock, write: terminal.err })
  let made: Awaited<ReturnType<typeof serveFeed>>
  try {
    const server =
      cert === null || key === null
        ? nodeHttp.createServer(refuse)
        : nodeHttps.createServer({ cert: readFileSync(cert), key: readFileSync(key) }, refuse)
    const token = tokenFile === null ? null : readFileSync(tokenFile, 'utf8').trim()
    made = await serveFeed({ paths, server, address: listen, token, clock, log })
  } catch (error) {
    const taken = error instanceof Error && 'syscall' in error && error.syscall === 'listen'
    log.error('the feed cannot be served', { ...(taken && listen), error: String(error) })
    return taken ? 3 : 1
  }
  const scheme = cert === null ? 'ws' : 'wss'
  terminal.out(`feed on ${scheme}://${listen.host}:${made.port}/\n`)
  await new Promise<void>((resolve) => {
    handleSignals(terminal.signals, {
      drain: resolve,
      stop: resolve,
      reload() {},
      reopenLogs() {},
    })
  })
  await made.close()
  return 0
}

/** There is nothing here but the feed. */
const refuse = (_: unknown, response: { writeHead(status: number): { end(): void } }): void =>
  response.writeHead(426).end()
