import { createServer as createHttpServer, get } from 'node:http'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { createCa, issue } from '../../dp-agent/pki/ca.ts'
import { systemClock } from '../../proxy/clock.ts'

/**
 * What stands in the namespaces. Applications say their word and who calls: `serve` to requests, `serve-tls` after a handshake, `greet` before
 * they are spoken to. Callers print what they get, or 0 and why there is nothing: `ask <host> <port> <Host>`, `shake <host> <port> <server name>`,
 * `listen <host> <port>`.
 */
const [what = '', first = '', second = '', third = ''] = process.argv.slice(2)

const from = ({ remoteAddress = '' }: Socket): string => remoteAddress.replace('::ffff:', '')

const applications: Readonly<Record<string, () => Server>> = {
  serve: () =>
    createHttpServer(({ socket, headers }, response) => {
      const way = headers['x-request-id'] === undefined ? 'directly' : 'through the mesh'
      response.end(`${first} called ${way} from ${from(socket)}`)
    }),
  'serve-tls': () => {
    const forAnHour = { expiryMs: 3_600_000 }
    const { certificate, key } = createCa({ trustDomain: 'test', ...forAnHour }, systemClock)
    const notAfter = systemClock.wall() + forAnHour.expiryMs
    const leaf = issue(
      { certificate, key, notAfter },
      { sans: [{ kind: 'dns', value: 'shop.test' }], organization: null, ...forAnHour },
      systemClock,
    )
    return createTlsServer({ cert: leaf.certificate, key: leaf.key }, (socket) => {
      socket.on('error', () => {}).end(`${first} shook hands with ${from(socket)}`)
    })
  },
  greet: () =>
    createServer((socket) => {
      socket.on('error', () => {}).end(`${first} greets ${from(socket)}`)
    }),
}

const where = { host: first, port: Number(second) }

/** The first that is heard on a connection. */
function hear(socket: Socket): void {
  const say = (line: string): void => {
    console.log(line)
    process.exit()
  }
  socket.setTimeout(15_000, () => say('0 silence for 15 s'))
  socket.once('data', (chunk) => say(`200 ${chunk}`))
  socket.on('error', ({ message }) => say(`0 ${message}`))
  socket.on('end', () => say('0 closed'))
}

const callers: Readonly<Record<string, () => void>> = {
  ask: () => {
    const headers = third === '' ? {} : { host: third }
    const asked = get({ ...where, agent: false, timeout: 5_000, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => console.log(`${response.statusCode} ${text.trim()}`))
    })
    asked.on('timeout', () => asked.destroy(new Error('no answer in 5 s')))
    asked.on('error', ({ message }) => console.log(`0 ${message}`))
  },
  shake: () => hear(connectTls({ ...where, servername: third, rejectUnauthorized: false })),
  listen: () => hear(connect(where)),
}

callers[what]?.()
applications[what]?.().listen(Number(second), '::')
