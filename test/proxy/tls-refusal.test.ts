import { readFileSync } from 'node:fs'
import t from 'tap'
import { handshakeRefusal, refusal, tlsRefusals } from '../../proxy/tls-refusal.ts'

const page = readFileSync(new URL('../../docs/tls.md', import.meta.url), 'utf8')

for (const [reason, counter] of Object.entries(tlsRefusals)) {
  t.test(`tls refusal: ${reason} is in docs/tls.md with its counter`, async (t) => {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${reason}`))
    t.match(row, `| \`${counter}\` |`)
  })
}

const coded = (code: string): NodeJS.ErrnoException => Object.assign(new Error(code), { code })

for (const [code, detail] of [
  ['ERR_SSL_HTTP_REQUEST', 'tls_plaintext'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls_plaintext'],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'tls_handshake_failed(tlsv1_alert_unknown_ca)'],
  ['ECONNRESET', 'tls_handshake_failed(ECONNRESET)'],
] as const) {
  t.test(`tls refusal: ${code} is ${detail}`, async (t) => {
    t.same(handshakeRefusal(coded(code)), { detail, counter: 'ssl_connection_error' })
  })
}

t.test('tls refusal: an error without a code is a failed handshake', async (t) => {
  t.equal(handshakeRefusal(new Error('?')).detail, 'tls_handshake_failed(unknown)')
  t.same(refusal('tls_no_certificate'), {
    detail: 'tls_no_certificate',
    counter: 'ssl_fail_verify_no_cert',
  })
})
