import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Agent, type IncomingMessage, request } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { sortedHeaders } from './app.ts'
import type { Answer, Ask, CertificateFiles, Exchange } from './case.ts'

/** What callers get, and whether the connection was ended after it. */
export type Answers = Omit<Exchange, 'arrivals'>

/** Longer than anything a proxy is told to wait for. */
const patienceMs = 5_000

/** Does what an ask says to the listener on `port`. */
export async function ask(port: number, one: Ask, files: CertificateFiles): Promise<Answers> {
  if (one.after !== undefined) await delay(one.after)
  const open = (): Socket => openSocket(port, one, files)
  const { by = 'http1' } = one
  if (by === 'http2') return askByHttp2(one, open)
  if (by === 'tcp') return askByTcp(one, open)
  return askByHttp1(one, open)
}

function openSocket(port: number, { tls, by }: Ask, files: CertificateFiles): Socket {
  const to = { host: '127.0.0.1', port }
  if (tls === undefined) return connect(to)
  return connectTls({
    ...to,
    servername: tls.name,
    ca: readFileSync(files.ca),
    // Who answers is compared by other means; the names in the certificate are not the proxies'.
    checkServerIdentity: () => undefined,
    ALPNProtocols: [by === 'http2' ? 'h2' : 'http/1.1'],
    ...(tls.certificate && { cert: readFileSync(files.chain), key: readFileSync(files.key) }),
  })
}

const count = ({ times = 1 }: Ask): readonly number[] => Array.from({ length: times }, (_, i) => i)

/** One after another, or all at once. */
async function repeat(one: Ask, send: () => Promise<Answer>): Promise<readonly Answer[]> {
  if (one.atOnce === true) return Promise.all(count(one).map(send))
  const answers: Answer[] = []
  for (const _ of count(one)) answers.push(await send())
  return answers
}

const noAnswer = (reason: string, since: number): Answer => ({
  ...{ status: 0, headers: {}, trailers: {}, body: reason },
  took: seconds(since),
})

const seconds = (since: number): number => Math.round((performance.now() - since) / 1000)

async function askByHttp1(one: Ask, open: () => Socket): Promise<Answers> {
  const sockets = new Set<Socket>()
  const agent = new Agent({ keepAlive: true, maxSockets: one.atOnce === true ? Infinity : 1 })
  agent.createConnection = () => {
    const socket = open()
    sockets.add(socket)
    return socket
  }
  const answers = await repeat(one, () => sendByHttp1(one, agent))
  const closed = await closesSoon([...sockets].at(-1))
  agent.destroy()
  return { answers, closed }
}

async function sendByHttp1(one: Ask, agent: Agent): Promise<Answer> {
  const since = performance.now()
  const sent = request({
    agent,
    path: one.path ?? '/',
    method: one.method ?? 'GET',
    headers: { host: one.host ?? 'app.test', ...one.headers },
    signal: AbortSignal.timeout(patienceMs),
  })
  sent.end(one.body)
  try {
    const [response]: IncomingMessage[] = await once(sent, 'response')
    if (response === undefined) return noAnswer('nothing', since)
    const body = await textOf(response)
    const { statusCode = 0, rawHeaders, rawTrailers } = response
    return {
      status: statusCode,
      headers: sortedHeaders(rawHeaders),
      trailers: sortedHeaders(rawTrailers),
      body,
      took: seconds(since),
    }
  } catch (error) {
    return noAnswer(reasonOf(error), since)
  }
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? ('code' in error ? String(error.code) : error.message) : String(error)

/** An end after an answer comes at once, or when something has waited for long. */
async function closesSoon(socket: Socket | undefined): Promise<boolean> {
  if (socket === undefined || socket.destroyed) return true
  const closed = once(socket, 'close').then(
    () => true,
    () => true,
  )
  socket.resume()
  return Promise.race([closed, delay(60, false)])
}

async function askByHttp2(one: Ask, open: () => Socket): Promise<Answers> {
  const socket = open()
  const session = connectHttp2('http://app.test', { createConnection: () => socket })
  session.on('error', () => {})
  const answers = await repeat(one, async () => {
    const since = performance.now()
    const stream = session.request({
      ':authority': one.host ?? 'app.test',
      ':path': one.path ?? '/',
      ':method': one.method ?? 'GET',
      ...one.headers,
    })
    stream.end(one.body)
    let trailers: readonly string[] = []
    stream.on('trailers', (_headers, _flags, raw) => {
      trailers = raw
    })
    try {
      const signal = AbortSignal.timeout(patienceMs)
      const [, , raw]: readonly string[][] = await once(stream, 'response', { signal })
      const body = await textOf(stream)
      const headers = sortedHeaders(raw ?? [])
      const { ':status': status, ...rest } = headers
      return {
        status: Number(status?.[0]),
        headers: rest,
        trailers: sortedHeaders(trailers),
        body,
        took: seconds(since),
      }
    } catch (error) {
      return noAnswer(reasonOf(error), since)
    }
  })
  const closed = await closesSoon(socket)
  session.destroy()
  return { answers, closed }
}

/** The bytes that come within a moment after the last ones, as a body. */
async function askByTcp(one: Ask, open: () => Socket): Promise<Answers> {
  const since = performance.now()
  const socket = open()
  let body = ''
  let closed = false
  socket.setEncoding('latin1')
  socket.on('data', (chunk) => {
    body += chunk
  })
  socket.on('error', (error) => {
    body ||= reasonOf(error)
  })
  socket.on('close', () => {
    closed = true
  })
  socket.write(one.body ?? '')
  const deadline = since + patienceMs
  let before = -1
  while (!closed && performance.now() < deadline && (body.length === 0 || body.length > before)) {
    before = body.length
    await delay(300)
  }
  socket.destroy()
  const answer = { status: 0, headers: {}, trailers: {}, body, took: seconds(since) }
  return { answers: [answer], closed }
}
