import { isIPv4, isIPv6 } from 'node:net'
import type { DnsSettings } from '../../config/settings.ts'
import { classInternet, headerBytes, recordTypes, wireName } from './message.ts'

/** What we know of a name, ready to be sent behind the question. */
export interface NameRecords {
  readonly a: RecordSet
  readonly aaaa: RecordSet
}

/** Records of one type. */
export interface RecordSet {
  readonly count: number
  readonly bytes: Buffer
}

/** By names as `wireName` gives them: exact ones, there are no wildcards. */
export type Records = ReadonlyMap<string, NameRecords>

/** Makes the records once, so that an answer is a copy. Of two of the same name the last counts; what is no name is left out. */
export function compileRecords({ records, ttlSeconds }: DnsSettings): Records {
  const compiled = new Map<string, NameRecords>()
  for (const { name, addresses } of records) {
    const key = wireName(name)
    if (key === null) continue
    const v4 = addresses.filter((address) => isIPv4(address)).map(bytesOfV4)
    const v6 = addresses.filter((address) => isIPv6(address)).map(bytesOfV6)
    compiled.set(key, {
      a: recordSet(recordTypes.A, v4, ttlSeconds),
      aaaa: recordSet(recordTypes.AAAA, v6, ttlSeconds),
    })
  }
  return compiled
}

/** A pointer to the name of the question, which every record here is of. RFC 1035 §4.1.4. */
const namePointer = 0xc000 | headerBytes

function recordSet(type: number, addresses: readonly Buffer[], ttlSeconds: number): RecordSet {
  const records = addresses.map((address) => {
    const head = Buffer.alloc(12)
    head.writeUInt16BE(namePointer, 0)
    head.writeUInt16BE(type, 2)
    head.writeUInt16BE(classInternet, 4)
    head.writeUInt32BE(ttlSeconds, 6)
    head.writeUInt16BE(address.length, 10)
    return Buffer.concat([head, address])
  })
  return { count: records.length, bytes: Buffer.concat(records) }
}

const bytesOfV4 = (address: string): Buffer => Buffer.from(address.split('.').map(Number))

function bytesOfV6(address: string): Buffer {
  // A URL has it without a dotted tail, as in `[::ffff:f000:1]`.
  const [head = '', tail = ''] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const groups = (text: string): readonly string[] => (text === '' ? [] : text.split(':'))
  const [before, after] = [groups(head), groups(tail)]
  const zeros = new Array<string>(8 - before.length - after.length).fill('0')
  const bytes = Buffer.alloc(16)
  for (const [index, group] of [...before, ...zeros, ...after].entries())
    bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * index)
  return bytes
}
