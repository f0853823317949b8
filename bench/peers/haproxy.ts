import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { backendName, endpointAddresses, type Hop, type Peer, startHops } from '../peer.ts'
import { type Program, startProgram, which } from '../processes.ts'

/** One thread, upstream connections shared by all clients, no log. */
export const haproxy: Peer = {
  name: 'haproxy',
  available: () => {
    const program = which('haproxy')
    if (!program) return null
    return (
      /version ([\d.]+)/.exec(spawnSync(program, ['-v'], { encoding: 'utf8' }).stdout)?.[1] ?? ''
    )
  },
  refuses: () => null,
  start: (topology) => startHops(topology, startHop),
}

function startHop(hop: Hop): Promise<Program> {
  const dir = join(hop.dir, `haproxy-${hop.side}`)
  mkdirSync(dir, { recursive: true })
  const pem = join(dir, 'tls.pem')
  writeFileSync(pem, readFileSync(hop.cert, 'utf8') + readFileSync(hop.key, 'utf8'), {
    mode: 0o600,
  })
  const bindTls = `ssl crt ${pem} ca-file ${hop.ca} verify required ssl-min-ver TLSv1.3 curves P-256`
  const serverTls = `ssl crt ${pem} ca-file ${hop.ca} verify required ssl-min-ver TLSv1.3 sni str(${backendName}) verifyhost ${backendName}`
  const h2 = hop.protocol === 'http2' ? 'proto h2' : ''
  const servers = endpointAddresses(hop.endpoints).map(
    (ip, i) =>
      `  server s${i} ${ip}:${hop.upstreamPort} pool-max-conn -1 ${hop.tls === 'upstream' ? serverTls : h2}`,
  )
  writeFileSync(
    join(dir, 'haproxy.cfg'),
    `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  http-reuse always
frontend in
  bind 127.0.0.1:${hop.port} ${hop.tls === 'downstream' ? bindTls : h2}
  default_backend upstream
backend upstream
${servers.join('\n')}
`,
  )
  return startProgram(
    which('haproxy') ?? 'haproxy',
    ['-db', '-f', join(dir, 'haproxy.cfg')],
    hop.port,
  )
}
