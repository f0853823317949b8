import { isUtf8 } from 'node:buffer'
import {
  fixed32Type,
  fixed64Type,
  lengthType,
  Malformed,
  type Reader,
  readVarint,
  take,
  varintType,
} from './wire.ts'
import { reserve, type Writer, writeRaw, writeVarint, writeVarint64 } from './writer.ts'

/**
 * How one type of proto3 is read and written. Values are those of proto3's JSON mapping, but for 64 bits: numbers while
 * they are safe, else strings. Bytes are base64; what JSON has no number for is 'NaN', 'Infinity', '-Infinity'.
 */
export interface Scalar {
  readonly wireType: number
  /** What an absent key or value of a map stands for. */
  readonly zero: unknown
  /** For wire type 2 the value is all that is between `pos` and `end`. */
  readonly read: (r: Reader) => unknown
  /** Throws when the value is not of the type: what we send is our own doing. */
  readonly write: (w: Writer, value: unknown) => void
}

const two32 = 0x1_0000_0000

const whole = (
  read: (r: Reader) => unknown,
  bits: 32 | 64,
  signed: boolean,
  encode: (value: bigint) => bigint = (value) => value,
): Scalar => ({
  wireType: varintType,
  zero: 0,
  read,
  write: (w, value) => writeVarint64(w, encode(integer(value, bits, signed))),
})

/** Every scalar type by its name in a .proto file. */
export const scalars = {
  int32: whole((r) => readVarint(r) | 0, 32, true),
  uint32: whole(readVarint, 32, false),
  sint32: whole((r) => unzigzag32(readVarint(r)), 32, true, zigzag),
  int64: whole(readInt64, 64, true),
  uint64: whole((r) => uint64(readVarint(r), r.high), 64, false),
  sint64: whole((r) => unzigzag64(readVarint(r), r.high), 64, true, zigzag),
  bool: {
    wireType: varintType,
    zero: false,
    read: (r) => readVarint(r) !== 0 || r.high !== 0,
    write: (w, value) => {
      if (typeof value !== 'boolean') throw wrong('true or false', value)
      writeVarint(w, value ? 1 : 0)
    },
  },
  fixed32: fixed(
    4,
    (b, at) => b.readUInt32LE(at),
    (b, v, at) => b.writeUInt32LE(num(v, 32, false), at),
  ),
  sfixed32: fixed(
    4,
    (b, at) => b.readInt32LE(at),
    (b, v, at) => b.writeInt32LE(num(v, 32, true), at),
  ),
  fixed64: fixed(
    8,
    (b, at) => uint64(b.readUInt32LE(at), b.readUInt32LE(at + 4)),
    (b, v, at) => b.writeBigUInt64LE(integer(v, 64, false), at),
  ),
  sfixed64: fixed(
    8,
    (b, at) => int64(b.readUInt32LE(at), b.readUInt32LE(at + 4)),
    (b, v, at) => b.writeBigInt64LE(integer(v, 64, true), at),
  ),
  float: fixed(
    4,
    (b, at) => real(b.readFloatLE(at)),
    (b, v, at) => b.writeFloatLE(fromReal(v), at),
  ),
  double: fixed(
    8,
    (b, at) => real(b.readDoubleLE(at)),
    (b, v, at) => b.writeDoubleLE(fromReal(v), at),
  ),
  string: { wireType: lengthType, zero: '', read: readText, write: writeText },
  bytes: {
    wireType: lengthType,
    zero: '',
    read: (r) => r.bytes.toString('base64', r.pos, finish(r)),
    write: (w, value) => {
      if (typeof value !== 'string') throw wrong('base64', value)
      writeRaw(w, Buffer.from(value, 'base64'))
    },
  },
} as const satisfies Record<string, Scalar>

function fixed(
  size: 4 | 8,
  read: (bytes: Buffer, at: number) => unknown,
  write: (bytes: Buffer, value: unknown, at: number) => void,
): Scalar {
  return {
    wireType: size === 4 ? fixed32Type : fixed64Type,
    zero: 0,
    read: (r) => read(r.bytes, take(r, size)),
    write: (w, value) => {
      const at = reserve(w, size)
      write(w.bytes, value, at)
    },
  }
}

/** Moves to the end of the value and gives it. */
const finish = (r: Reader): number => {
  r.pos = r.end
  return r.end
}

/** All up to `end`. For short ASCII a loop beats the call into the runtime; V8 keeps 13 characters or more joined by `+` as a tree. */
export function readText(r: Reader): string {
  const start = r.pos
  const end = finish(r)
  if (end - start <= 12) {
    let text = ''
    for (let i = start; i < end; i += 1) {
      const byte = r.bytes[i] ?? 0
      if (byte > 0x7f) return utf8(r, start, end)
      text += String.fromCharCode(byte)
    }
    return text
  }
  return utf8(r, start, end)
}

function utf8(r: Reader, start: number, end: number): string {
  if (!isUtf8(r.bytes.subarray(start, end))) throw new Malformed('is not UTF-8')
  return r.bytes.toString('utf8', start, end)
}

function writeText(w: Writer, value: unknown): void {
  if (typeof value !== 'string') throw wrong('a string', value)
  const at = reserve(w, Buffer.byteLength(value))
  w.bytes.write(value, at)
}

function readInt64(r: Reader): number | string {
  return int64(readVarint(r), r.high)
}

function uint64(low: number, high: number): number | string {
  return high < 0x20_0000 ? high * two32 + low : String((BigInt(high) << 32n) | BigInt(low))
}

function int64(low: number, high: number): number | string {
  const signed = high | 0
  return signed >= -0x20_0000 && signed < 0x20_0000 && !(signed === -0x20_0000 && low === 0)
    ? signed * two32 + low
    : String((BigInt(signed) << 32n) | BigInt(low))
}

const unzigzag32 = (value: number): number => (value >>> 1) ^ -(value & 1)

/** The lowest bit is the sign. */
function unzigzag64(low: number, high: number): number | string {
  const flip = -(low & 1)
  return int64((((low >>> 1) | (high << 31)) ^ flip) >>> 0, ((high >>> 1) ^ flip) >>> 0)
}

function zigzag(value: bigint): bigint {
  return value < 0n ? -value * 2n - 1n : value * 2n
}

function real(value: number): number | string {
  return Number.isFinite(value) ? value : String(value)
}

function fromReal(value: unknown): number {
  const known = value === 'NaN' || value === 'Infinity' || value === '-Infinity'
  if (!known && typeof value !== 'number') throw wrong('a number', value)
  return Number(value)
}

function integer(value: unknown, bits: 32 | 64, signed: boolean): bigint {
  const text = typeof value === 'string' && /^-?\d{1,20}$/.test(value)
  if (!text && !Number.isSafeInteger(value)) throw wrong('a whole number', value)
  const number = BigInt(value as string | number)
  if (number !== (signed ? BigInt.asIntN(bits, number) : BigInt.asUintN(bits, number))) {
    throw wrong(`a number of ${bits} bits${signed ? '' : ', not negative'}`, value)
  }
  return number
}

const num = (value: unknown, bits: 32, signed: boolean): number =>
  Number(integer(value, bits, signed))

function wrong(what: string, value: unknown): TypeError {
  return new TypeError(`must be ${what}, got ${JSON.stringify(value)}`)
}
