import { createServer, get } from 'node:http'

// What stands in the namespaces: `serve <word> <port>`, an application that says its word and who calls; `ask <host> <port> <Host>`,
// which prints the status and text of an answer, or 0 and why there is none.
const [what, first = '', second = '', third = ''] = process.argv.slice(2)

if (what === 'serve') {
  createServer(({ socket, headers }, response) => {
    const proxied = headers['x-request-id'] === undefined ? 'directly' : 'through the mesh'
    const from = socket.remoteAddress?.replace('::ffff:', '')
    response.end(`${first} called ${proxied} from ${from}`)
  }).listen(Number(second), '::')
} else {
  const headers = third === '' ? {} : { host: third }
  const where = { host: first, port: Number(second), agent: false, timeout: 5_000, headers }
  const asked = get(where, (response) => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (chunk) => {
      text += chunk
    })
    response.on('end', () => console.log(`${response.statusCode} ${text.trim()}`))
  })
  asked.on('timeout', () => asked.destroy(new Error('no answer in 5 s')))
  asked.on('error', ({ message }) => console.log(`0 ${message}`))
}
