import { TLSSocket } from 'node:tls'
import type { Lab } from '../../support/lab.ts'
import { labCa } from '../../support/lab-mesh.ts'
import { testCa, testLeaf } from '../../support/pki.ts'
import type { PolicyRow } from '../../support/policy-table.ts'

/** Who the server is, and what it asks of callers. */
export interface Server {
  readonly ca?: typeof labCa
  readonly sans?: readonly { readonly kind: 'dns' | 'ip' | 'uri'; readonly value: string }[]
  readonly maxVersion?: 'TLSv1.2'
  readonly asks?: boolean
}

export const strangers = testCa('Strangers')
export const named = (value: string): Server => ({ sans: [{ kind: 'dns', value }] })

/** The status of a request to a server that speaks TLS, and what the server saw of the handshake. */
export async function handshake(lab: Lab, server: Server = {}): Promise<unknown> {
  const { outside } = lab.services
  const { ca = labCa, sans = [{ kind: 'dns', value: 'outside.mesh' }], maxVersion, asks } = server
  const { certificate, key } = testLeaf(ca, null, { sans })
  outside.secure = {
    cert: certificate,
    key,
    ca: labCa.certificate,
    ...(maxVersion === undefined ? {} : { maxVersion }),
    requestCert: asks === true,
    rejectUnauthorized: asks === true,
  }
  let seen: unknown = null
  outside.answer = ({ request }, response) => {
    const { socket } = request
    if (socket instanceof TLSSocket) {
      seen = { version: socket.getProtocol(), sni: Reflect.get(socket, 'servername') || null }
    }
    response.end('ok')
  }
  const { status } = await lab.settled(lab.ask())
  return { status, seen }
}

export const status = async (lab: Lab, server: Server = {}): Promise<unknown> =>
  Reflect.get(Object(await handshake(lab, server)), 'status')

export const yaml = (text: string): string => JSON.stringify(text)
export const ca = `caCert: {inlineString: ${yaml(labCa.certificate)}}`
export const name = 'serverName: outside.mesh'

export const spec = (
  tls: string,
  endpoints = '[{address: 10.0.1.1, port: 80}]',
  protocol = 'http',
  port = 80,
) =>
  `{match: {type: HostnameGenerator, port: ${port}, protocol: ${protocol}}, endpoints: ${endpoints}${tls}}`
export const tls = (more: string, verification = `${ca}, ${name}`): string =>
  spec(`, tls: {enabled: true, verification: {${verification}}${more}}`)

/** A field of `tls.verification`. */
export const verification = (
  field: string,
  shows: string,
  set: string,
  unset: string,
  server: Server,
  expect: unknown,
  otherwise: unknown,
  also: readonly string[] = [],
): PolicyRow => ({
  field: `tls.verification.${field}`,
  also: also.map((one) => `tls.verification.${one}`),
  shows,
  listener: 'outside',
  set: tls('', set),
  unset: tls('', unset),
  drive: (lab) => status(lab, server),
  expect,
  otherwise,
})
