import type { DemoPorts } from './ports.ts'

/** What the demo shows when everything runs; fits 80 columns. */
export function demoScreen(
  ports: DemoPorts,
  config: string,
  tookMs: number,
  colour: boolean,
): string {
  const bold = (text: string): string => (colour ? `\u001b[1m${text}\u001b[0m` : text)
  const dim = (text: string): string => (colour ? `\u001b[2m${text}\u001b[0m` : text)
  const url = (port: number, path = ''): string => `http://127.0.0.1:${port}${path}`
  const row = (what: string, admin: number, does: string): string =>
    `  ${what.padEnd(13)} ${url(admin).padEnd(23)} ${does}`
  return `
${bold('outrider demo')}: a mesh on loopback, up in ${(tookMs / 1_000).toFixed(1)} s

  you ─→ gateway ─→ sidecar ═mTLS═ sidecar ─→ frontend ─→ sidecar ═mTLS═ sidecars ─→ backend

  ${dim('sidecar of    its admin page          what it does')}
${row('gateway', ports.adminGateway, 'delegated gateway: outbounds only')}
${row('frontend', ports.adminFrontend, 'splits v1:v2 90:10, retries, breaks circuits')}
${row('backend v1 a', ports.adminV1a, 'lets only the frontend in')}
${row('backend v1 b', ports.adminV1b, 'the same, second instance of v1')}
${row('backend v2', ports.adminV2, 'the same, the new version')}

  ${dim('front door')}    ${url(ports.gateway, '/')}
  ${dim('resources')}     ${config} ${dim('(edit: takes effect at once)')}

${bold('Try')} (in another terminal)

  ${dim('the split: about nine of ten answers come from v1')}
  curl -s '${url(ports.gateway, '/[1-100]')}' | sort | uniq -c

  ${dim('denied with 403: the gateway has no permission to call the backend')}
  curl -i ${url(ports.toBackendFromGateway, '/')}

  ${dim('kill an instance of v1, application and sidecar: no request fails')}
  curl -X POST ${url(ports.control, '/kill/v1')}; \\
    curl -s -o /dev/null -w '%{http_code}\\n' '${url(ports.gateway, '/[1-200]')}' | sort | uniq -c

Ctrl-C ends everything.
`
}
