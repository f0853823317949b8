import * as grpc from '@grpc/grpc-js'
import t from 'tap'
import { echo, grpcPair } from '../../support/grpc.ts'

type Call = grpc.ServerUnaryCall<Buffer, Buffer>
type Reply = grpc.sendUnaryData<Buffer>

/** A unary call: what came back, or the error. */
function call(
  client: grpc.Client,
  message: Buffer,
  options: grpc.CallOptions = {},
  metadata = new grpc.Metadata(),
): Promise<{
  value: Buffer | null
  error: grpc.ServiceError | null
  head: grpc.Metadata | null
  status: grpc.StatusObject
}> {
  const { path, requestSerialize, responseDeserialize } = echo.unary
  return new Promise((resolve) => {
    let value: Buffer | null = null
    let error: grpc.ServiceError | null = null
    let head: grpc.Metadata | null = null
    client
      .makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        message,
        metadata,
        options,
        (failure, answer) => {
          error = failure
          value = answer ?? null
        },
      )
      .on('metadata', (came) => {
        head = came
      })
      .on('status', (status) => setImmediate(() => resolve({ value, error, head, status })))
  })
}

const unary = (answer: (call: Call, reply: Reply) => void) => ({ unary: answer })

t.test('grpc: a unary call passes an mTLS pair, metadata and status with it', async (t) => {
  const { client, caller, callee } = await grpcPair(
    t,
    unary((call, reply) => {
      const head = new grpc.Metadata()
      head.set('x-seen', call.metadata.get('x-asked')[0] ?? '')
      head.set('blob-bin', call.metadata.get('blob-bin')[0] ?? '')
      call.sendMetadata(head)
      const trailers = new grpc.Metadata()
      trailers.set('x-last', 'yes')
      reply(null, Buffer.concat([Buffer.from('re: '), call.request]), trailers)
    }),
  )
  const metadata = new grpc.Metadata()
  metadata.set('x-asked', 'this')
  metadata.set('blob-bin', Buffer.from([0, 255, 10]))
  const { value, head, status } = await call(client, Buffer.from('hello'), {}, metadata)
  t.equal(value?.toString(), 're: hello')
  t.strictSame(head?.get('x-seen'), ['this'])
  t.strictSame(head?.get('blob-bin'), [Buffer.from([0, 255, 10])])
  t.equal(status.code, grpc.status.OK)
  t.strictSame(status.metadata.get('x-last'), ['yes'])
  for (const one of [caller, callee]) {
    t.equal(one.http().grpc.get(0), 1)
    t.equal(one.cluster().grpc.get(0), 1)
    t.equal(one.http().counters.downstream_cx_http2_total, 1)
    t.equal(one.cluster().counters.upstream_cx_http2_total, 1)
  }
})

t.test('grpc: an error comes with its code, text and details', async (t) => {
  const { client, callee } = await grpcPair(
    t,
    unary((_call, reply) => {
      const metadata = new grpc.Metadata()
      metadata.set('grpc-status-details-bin', Buffer.from([8, 5, 18, 1, 120]))
      reply({ code: grpc.status.NOT_FOUND, details: 'no such — thing', metadata })
    }),
  )
  const { error } = await call(client, Buffer.alloc(0))
  t.equal(error?.code, grpc.status.NOT_FOUND)
  t.equal(error?.details, 'no such — thing')
  t.strictSame(error?.metadata.get('grpc-status-details-bin'), [Buffer.from([8, 5, 18, 1, 120])])
  t.equal(callee.http().grpc.get(grpc.status.NOT_FOUND), 1)
})

t.test('grpc: messages of 4 MiB and compressed ones arrive whole, both ways', async (t) => {
  const { client } = await grpcPair(
    t,
    unary((call, reply) => reply(null, call.request)),
  )
  const large = Buffer.alloc(4 * 1_024 * 1_024, 'outrider ')
  const plain = await call(client, large)
  t.ok(plain.value?.equals(large), plain.error?.message ?? 'no answer')
  const metadata = new grpc.Metadata()
  metadata.set('grpc-internal-encoding-request', 'gzip')
  const coded = await call(client, large, {}, metadata)
  t.ok(coded.value?.equals(large), coded.error?.message ?? 'no answer')
})

t.test('grpc: many calls at once share connections', async (t) => {
  const { client, caller } = await grpcPair(
    t,
    unary((call, reply) => reply(null, call.request)),
  )
  const answers = await Promise.all(
    Array.from({ length: 500 }, (_, i) => call(client, Buffer.from(`${i}`))),
  )
  t.ok(answers.every(({ value }, i) => value?.toString() === `${i}`))
  t.ok(caller.cluster().counters.upstream_cx_total <= 8, 'a few connections carry them all')
})

t.test('grpc: a stream of the client is collected', async (t) => {
  const { client } = await grpcPair(t, {
    collect(call: grpc.ServerReadableStream<Buffer, Buffer>, reply: Reply) {
      const parts: Buffer[] = []
      call.on('data', (part: Buffer) => parts.push(part))
      call.on('end', () => reply(null, Buffer.concat(parts)))
    },
  })
  const value = await new Promise<Buffer | undefined>((resolve, reject) => {
    const { path, requestSerialize, responseDeserialize } = echo.collect
    const stream = client.makeClientStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      (error, answer) => (error === null ? resolve(answer) : reject(error)),
    )
    for (const part of ['a', 'b', 'c']) stream.write(Buffer.from(part))
    stream.end()
  })
  t.equal(value?.toString(), 'abc')
})

t.test('grpc: a stream of the server comes message by message', async (t) => {
  let more: (() => void) | null = null
  const { client } = await grpcPair(t, {
    expand(call: grpc.ServerWritableStream<Buffer, Buffer>) {
      call.write(Buffer.from('first'))
      more = () => {
        call.write(Buffer.from('second'))
        call.end()
      }
    },
  })
  const { path, requestSerialize, responseDeserialize } = echo.expand
  const stream = client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    Buffer.from('x'),
  )
  const seen: string[] = []
  stream.on('data', (part: Buffer) => {
    seen.push(part.toString())
    // The second is sent only after the first has passed: nothing waits for the end.
    more?.()
    more = null
  })
  const status = await new Promise<grpc.StatusObject>((resolve) => stream.on('status', resolve))
  t.strictSame(seen, ['first', 'second'])
  t.equal(status.code, grpc.status.OK)
})

t.test('grpc: both sides talk in turn', async (t) => {
  const { client } = await grpcPair(t, {
    chat(call: grpc.ServerDuplexStream<Buffer, Buffer>) {
      call.on('data', (part: Buffer) => call.write(Buffer.from(`re ${part.toString()}`)))
      call.on('end', () => call.end())
    },
  })
  const { path, requestSerialize, responseDeserialize } = echo.chat
  const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize)
  const seen: string[] = []
  stream.on('data', (part: Buffer) => {
    seen.push(part.toString())
    if (seen.length < 20) stream.write(Buffer.from(`${seen.length}`))
    else stream.end()
  })
  stream.write(Buffer.from('0'))
  const status = await new Promise<grpc.StatusObject>((resolve) => stream.on('status', resolve))
  t.strictSame(
    seen,
    Array.from({ length: 20 }, (_, i) => `re ${i}`),
  )
  t.equal(status.code, grpc.status.OK)
})

t.test('grpc: a deadline ends the call at both ends', async (t) => {
  let cancelled: () => void = () => {}
  const told = new Promise<void>((resolve) => {
    cancelled = resolve
  })
  const { client } = await grpcPair(
    t,
    unary((call) => {
      call.on('cancelled', cancelled)
    }),
  )
  const { error } = await call(client, Buffer.alloc(0), { deadline: Date.now() + 500 })
  t.equal(error?.code, grpc.status.DEADLINE_EXCEEDED)
  await told
})

t.test('grpc: a call cancelled by the client is cancelled at the server', async (t) => {
  let cancelled: () => void = () => {}
  const told = new Promise<void>((resolve) => {
    cancelled = resolve
  })
  const { client, caller } = await grpcPair(t, {
    expand(call: grpc.ServerWritableStream<Buffer, Buffer>) {
      call.on('cancelled', cancelled)
      call.write(Buffer.from('first'))
    },
  })
  const { path, requestSerialize, responseDeserialize } = echo.expand
  const stream = client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    Buffer.from('x'),
  )
  stream.on('error', () => {})
  stream.on('data', () => stream.cancel())
  const status = await new Promise<grpc.StatusObject>((resolve) => stream.on('status', resolve))
  t.equal(status.code, grpc.status.CANCELLED)
  await told
  t.equal(caller.http().counters.downstream_rq_rx_reset, 1)
})

t.test('grpc: a server that is not there is UNAVAILABLE, in trailers only', async (t) => {
  const { client, callee, caller } = await grpcPair(
    t,
    unary((_call, reply) => reply(null, Buffer.alloc(0))),
  )
  await callee.proxy.close()
  const { error } = await call(client, Buffer.alloc(0))
  t.equal(error?.code, grpc.status.UNAVAILABLE)
  t.equal(caller.http().grpc.get(grpc.status.UNAVAILABLE), 1)
})
