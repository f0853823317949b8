import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import type { RunningProxy } from './proxy.ts'

interface Test {
  teardown(run: () => unknown): void
}

async function listen(t: Test, server: Server, host: string): Promise<number> {
  server.listen(0, host)
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** A service that says one word and hangs up; its port. */
export const greeter = (t: Test, word: string): Promise<number> =>
  listen(
    t,
    createServer((socket) => socket.on('error', () => {}).end(word)),
    '127.0.0.1',
  )

/** Where a listener is bound. */
export function port({ proxy }: RunningProxy, name: string): number {
  const found = proxy.inspect().listeners.find((one) => one.name === name)
  return found?.port ?? 0
}

/** All that comes back from an address of ours; empty when it is closed at once. */
export function saysFrom(host: string, at: number, first = ''): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(at, host, () => socket.write(first))
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      text += chunk
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(text))
  })
}

/**
 * A process that listens on a socket which we opened and closed for ourselves, as descriptor 3, and sends what comes there to
 * `app`. Resolves with the port once it does.
 */
export async function inheriting(t: Test, app: number): Promise<number> {
  const server = createServer()
  const bound = await listen({ teardown: () => {} }, server, '127.0.0.1')
  const { fd } = (server as unknown as { readonly _handle: { readonly fd: number } })._handle
  const program = join(import.meta.dirname, 'inheriting-program.ts')
  const child = spawn(process.execPath, [program, String(app)], {
    stdio: ['ignore', 'pipe', 'inherit', fd],
    env: {},
  })
  t.teardown(async () => {
    child.kill()
    await once(child, 'exit')
  })
  server.close()
  if (child.stdout !== null) await once(child.stdout, 'data')
  return bound
}
