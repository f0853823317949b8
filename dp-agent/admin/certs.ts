import type { CertificateInspection } from '../../proxy/inspection.ts'
import { isoTime } from '../../proxy/telemetry/strftime.ts'
import type { AgentView } from './agent-view.ts'
import { json, type Reply } from './reply.ts'

const dayMs = 86_400_000

/** `/certs`: what we show and whom we trust, never a key. Envoy: `admin.v3.Certificates`. */
export async function certs(agent: AgentView): Promise<Reply> {
  const { certificates } = await agent.workers.inspect()
  const now = agent.clock.wall()
  const ofKind = (secret: string, kind: CertificateInspection['kind']) =>
    certificates
      .filter((one) => one.secret === secret && one.kind === kind)
      .map((one) => certificateJson(one, now))
  const secrets = [...new Set(certificates.map((one) => one.secret))]
  return json({
    certificates: secrets.map((secret) => ({
      name: secret,
      ca_cert: ofKind(secret, 'trust'),
      cert_chain: ofKind(secret, 'certificate'),
    })),
  })
}

const iso = isoTime()

const certificateJson = (one: CertificateInspection, now: number) => ({
  subject: one.subject,
  serial_number: one.serial,
  subject_alt_names: one.sans.map((san) => {
    const colon = san.indexOf(':')
    return { [san.slice(0, colon).toLowerCase()]: san.slice(colon + 1) }
  }),
  days_until_expiration: String(Math.max(0, Math.floor((one.notAfter - now) / dayMs))),
  valid_from: iso(one.notBefore),
  expiration_time: iso(one.notAfter),
})
