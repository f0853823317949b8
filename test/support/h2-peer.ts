import { connect, type Socket } from 'node:net'
import {
  clientPreface,
  flag,
  frame,
  readUint31,
  readUint32,
  writeFrameHeader,
} from '../../proxy/codec/h2-frames.ts'
import { decodeBlock, newHpackDecoder } from '../../proxy/codec/hpack-decode.ts'
import { rawServer } from './sockets.ts'

interface Test {
  teardown(run: () => unknown): void
}

/** A frame as it came. */
export interface Frame {
  readonly type: number
  readonly flags: number
  readonly id: number
  readonly payload: Buffer
  /** Of HEADERS that hold a whole block. */
  readonly fields: readonly (readonly [string, string])[]
}

/** One end of an HTTP/2 connection that says whatever it is told to, frame by frame. */
export interface H2Peer {
  readonly socket: Socket
  readonly frames: readonly Frame[]
  send(...buffers: readonly Buffer[]): void
  /** The first frame that fits, come or to come. Rejects when the connection ends without it. */
  frame(fits: (frame: Frame) => boolean): Promise<Frame>
  /** The frame of a type on a stream. */
  of(type: number, id?: number): Promise<Frame>
  /** The error code of the GOAWAY that ends the connection, or null when it just ends. */
  ended(): Promise<number | null>
}

export function frameOf(
  type: number,
  flags: number,
  id: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9)
  writeFrameHeader(head, 0, payload.length, type, flags, id)
  return Buffer.concat([head, payload])
}

export const uint32 = (...values: readonly number[]): Buffer => {
  const out = Buffer.alloc(4 * values.length)
  for (const [i, value] of values.entries()) out.writeUInt32BE(value, 4 * i)
  return out
}

/** A header block of literals that leave the table alone. */
export function block(fields: readonly (readonly [string, string])[]): Buffer {
  const text = (value: string): Buffer[] => {
    const bytes = Buffer.from(value, 'latin1')
    if (bytes.length < 127) return [Buffer.from([bytes.length]), bytes]
    const head = [127]
    let rest = bytes.length - 127
    for (; rest >= 128; rest >>>= 7) head.push((rest & 127) | 128)
    return [Buffer.from([...head, rest]), bytes]
  }
  return Buffer.concat(
    fields.flatMap(([name, value]) => [Buffer.from([0]), ...text(name), ...text(value)]),
  )
}

export const get = (path = '/'): readonly (readonly [string, string])[] => [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', path],
  [':authority', 'app.mesh'],
]
export const post: readonly (readonly [string, string])[] = [[':method', 'POST'], ...get().slice(1)]

export const headers = (
  id: number,
  fields: readonly (readonly [string, string])[],
  ends = true,
): Buffer =>
  frameOf(frame.headers, flag.endHeaders | (ends ? flag.endStream : 0), id, block(fields))

export const data = (id: number, payload: string | Buffer, ends = false): Buffer =>
  frameOf(
    frame.data,
    ends ? flag.endStream : 0,
    id,
    typeof payload === 'string' ? Buffer.from(payload) : payload,
  )

export const settings = (...pairs: readonly number[]): Buffer => {
  const payload = Buffer.alloc(pairs.length * 3)
  for (let i = 0; i < pairs.length; i += 2) {
    payload.writeUInt16BE(pairs[i]!, i * 3)
    payload.writeUInt32BE(pairs[i + 1]!, i * 3 + 2)
  }
  return frameOf(frame.settings, 0, 0, payload)
}

export const windowUpdate = (id: number, credit: number): Buffer =>
  frameOf(frame.windowUpdate, 0, id, uint32(credit))
export const reset = (id: number, code: number): Buffer =>
  frameOf(frame.rstStream, 0, id, uint32(code))
export const ping = (): Buffer => frameOf(frame.ping, 0, 0, Buffer.alloc(8))

function peerOn(socket: Socket): H2Peer {
  const frames: Frame[] = []
  const decoder = newHpackDecoder()
  let partial = Buffer.alloc(0)
  let over = false
  const waiting: (() => void)[] = []
  const wake = (): void => {
    for (const run of waiting.splice(0)) run()
  }
  socket.on('data', (chunk: Buffer) => {
    partial = Buffer.concat([partial, chunk])
    if (partial.subarray(0, 3).toString() === 'PRI') {
      if (partial.length < clientPreface.length) return
      partial = partial.subarray(clientPreface.length)
    }
    while (partial.length >= 9) {
      const size = readUint32(partial, 0) >>> 8
      if (partial.length < 9 + size) break
      const payload = Buffer.from(partial.subarray(9, 9 + size))
      const type = partial[3]!
      const fields: [string, string][] = []
      if (type === frame.headers) {
        const sink = (_: null, name: string, value: string): void => void fields.push([name, value])
        decodeBlock(decoder, payload, 0, payload.length, sink, null)
      }
      frames.push({ type, flags: partial[4]!, id: readUint31(partial, 5), payload, fields })
      partial = partial.subarray(9 + size)
    }
    wake()
  })
  const end = (): void => {
    over = true
    wake()
  }
  socket.on('end', end)
  socket.on('close', end)
  socket.on('error', () => {})
  const find = async (fits: (frame: Frame) => boolean): Promise<Frame> => {
    for (;;) {
      const found = frames.find(fits)
      if (found !== undefined) return found
      if (over) throw new Error(`the connection ended; got ${JSON.stringify(frames)}`)
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
  }
  return {
    socket,
    frames,
    send: (...buffers) => void socket.write(Buffer.concat(buffers)),
    frame: find,
    of: (type, id) => find((one) => one.type === type && (id === undefined || one.id === id)),
    async ended() {
      while (!over) await new Promise<void>((resolve) => waiting.push(resolve))
      const goaway = frames.findLast(({ type }) => type === frame.goaway)
      return goaway === undefined ? null : readUint32(goaway.payload, 4)
    },
  }
}

/** A client on loopback that has said its preface and SETTINGS. */
export async function h2Client(t: Test, port: number, first: Buffer = settings()): Promise<H2Peer> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  t.teardown(() => socket.destroy())
  const peer = peerOn(socket)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  peer.send(clientPreface, first)
  return peer
}

/** A server on loopback: `serve` gets every connection after our SETTINGS. */
export async function h2Server(
  t: Test,
  serve: (peer: H2Peer) => void,
  first: Buffer = settings(),
): Promise<number> {
  const { port } = await rawServer(t, (socket) => {
    const peer = peerOn(socket)
    peer.send(first)
    serve(peer)
  })
  return port
}
