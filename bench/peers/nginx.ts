import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  backendName,
  endpointAddresses,
  type Hop,
  type Peer,
  startHops,
  type Topology,
} from '../peer.ts'
import { type Program, startProgram, which } from '../processes.ts'

/** Speaks no HTTP/2 to upstreams, so there it gets HTTP/1.1. One worker, upstream connections kept alive, no access log, large answers through 64 KiB buffers and never through a file. */
export const nginx: Peer = {
  name: 'nginx',
  available: nginxVersion,
  refuses: () => null,
  start: (topology) => startHops(topology, startHop),
}

/** The installed version, or null. Also asked for the upstream. */
export function nginxVersion(): string | null {
  const program = which('nginx')
  if (!program) return null
  // It prints its version to standard error.
  return /nginx\/(\S+)/.exec(spawnSync(program, ['-v'], { encoding: 'utf8' }).stderr)?.[1] ?? ''
}

/** Starts nginx with the inside of an `http` block, all of its files under `dir`. */
export function startNginx(dir: string, http: string, port: number): Promise<Program> {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  mkdirSync(dir, { recursive: true })
  const file = join(dir, 'nginx.conf')
  // A worker started by root becomes another user, who cannot enter a private directory.
  const user = process.getuid?.() === 0 ? 'user root root;' : ''
  writeFileSync(
    file,
    `${user} daemon off; worker_processes 1; pid ${dir}/nginx.pid; error_log stderr error;
events { worker_connections 4096; }
http {
  ${temporary.map((name) => `${name}_temp_path ${dir}/${name};`).join('\n  ')}
  access_log off; sendfile on; tcp_nodelay on;
  keepalive_requests 1000000000; keepalive_timeout 1h; server_tokens off;
  ${http}
}
`,
  )
  return startProgram(which('nginx') ?? 'nginx', ['-e', 'stderr', '-p', dir, '-c', file], port)
}

function startHop(hop: Hop, topology: Topology): Promise<Program> {
  const { cert, key, ca, port } = hop
  const upstreamPort = hop.protocol === 'http2' ? topology.upstreamPorts.http1 : hop.upstreamPort
  const servers = endpointAddresses(hop.endpoints).map((ip) => `server ${ip}:${upstreamPort};`)
  const accept =
    hop.tls === 'downstream'
      ? `listen 127.0.0.1:${port} ssl; ssl_certificate ${cert}; ssl_certificate_key ${key};
    ssl_client_certificate ${ca}; ssl_verify_client on; ssl_protocols TLSv1.3; ssl_ecdh_curve prime256v1;`
      : `listen 127.0.0.1:${port}${hop.protocol === 'http2' ? ' http2' : ''};`
  const dial =
    hop.tls === 'upstream'
      ? `proxy_pass https://upstream; proxy_ssl_certificate ${cert}; proxy_ssl_certificate_key ${key};
      proxy_ssl_trusted_certificate ${ca}; proxy_ssl_verify on; proxy_ssl_name ${backendName};
      proxy_ssl_protocols TLSv1.3; proxy_ssl_conf_command Groups P-256;`
      : 'proxy_pass http://upstream;'
  return startNginx(
    join(hop.dir, `nginx-${hop.side}`),
    `upstream upstream { ${servers.join(' ')} keepalive 128; keepalive_requests 1000000000; keepalive_timeout 1h; }
  server {
    ${accept}
    location / {
      ${dial}
      proxy_buffers 8 64k; proxy_max_temp_file_size 0;
      proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
    }
  }`,
    port,
  )
}
