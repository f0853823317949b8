/** What has come by TCP and is not yet a whole message. RFC 1035 §4.2.2: two bytes of length before each. */
export interface Framing {
  buffered: Buffer
  /** The longest message taken. */
  readonly maxBytes: number
}

const lengthBytes = 2

export const newFraming = (maxBytes: number): Framing => ({ buffered: Buffer.alloc(0), maxBytes })

export function push(framing: Framing, chunk: Buffer): void {
  const { buffered } = framing
  framing.buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk])
}

/** The next whole message; null while there is none; `too long` is the end of the stream, since nothing behind it can be read. */
export function nextMessage(framing: Framing): Buffer | 'too long' | null {
  const { buffered, maxBytes } = framing
  if (buffered.length < lengthBytes) return null
  const end = lengthBytes + buffered.readUInt16BE(0)
  if (end - lengthBytes > maxBytes) return 'too long'
  if (buffered.length < end) return null
  framing.buffered = buffered.subarray(end)
  return buffered.subarray(lengthBytes, end)
}

/** A message as it goes over TCP. */
export function framed(message: Buffer): Buffer {
  const made = Buffer.alloc(lengthBytes + message.length)
  made.writeUInt16BE(message.length, 0)
  message.copy(made, lengthBytes)
  return made
}
