import { fixed64Type, lengthType, varintType } from '../../config/xds/proto/wire.ts'
import {
  close,
  newWriter,
  open,
  reserve,
  type Writer,
  writeRaw,
  writeTag,
  writeVarint,
} from '../../config/xds/proto/writer.ts'
import type { ZipkinSpan } from './zipkin-span.ts'

/** Spans as `zipkin.proto3.ListOfSpans`. Source: openzipkin/zipkin-api `zipkin.proto`. */
export function zipkinProto(spans: readonly ZipkinSpan[]): Buffer {
  const w = newWriter()
  for (const span of spans) writeMessage(w, 1, () => writeSpan(w, span))
  return w.bytes.subarray(0, w.pos)
}

function writeSpan(w: Writer, span: ZipkinSpan): void {
  writeBytes(w, 1, Buffer.from(span.traceId, 'hex'))
  if (span.parentId !== undefined) writeBytes(w, 2, Buffer.from(span.parentId, 'hex'))
  writeBytes(w, 3, Buffer.from(span.id, 'hex'))
  writeNumber(w, 4, span.kind === 'CLIENT' ? 1 : 2)
  writeBytes(w, 5, Buffer.from(span.name))
  writeTag(w, 6, fixed64Type)
  const at = reserve(w, 8)
  w.bytes.writeBigUInt64LE(BigInt(span.timestamp), at)
  writeNumber(w, 7, span.duration)
  writeMessage(w, 8, () => writeBytes(w, 1, Buffer.from(span.localEndpoint.serviceName)))
  for (const [name, value] of Object.entries(span.tags)) {
    writeMessage(w, 11, () => {
      writeBytes(w, 1, Buffer.from(name))
      writeBytes(w, 2, Buffer.from(value))
    })
  }
  if (span.shared === true) writeNumber(w, 13, 1)
}

function writeMessage(w: Writer, number: number, write: () => void): void {
  writeTag(w, number, lengthType)
  const start = open(w)
  write()
  close(w, start)
}

function writeBytes(w: Writer, number: number, bytes: Uint8Array): void {
  writeTag(w, number, lengthType)
  writeVarint(w, bytes.length)
  writeRaw(w, bytes)
}

function writeNumber(w: Writer, number: number, value: number): void {
  writeTag(w, number, varintType)
  writeVarint(w, value)
}
