import type { DemoPorts } from './ports.ts'

export interface ScreenFacts {
  readonly ports: DemoPorts
  /** Where the resources lie. */
  readonly config: string
  /** Where the logs of the sidecars lie; null when they are shown. */
  readonly logs: string | null
  readonly tookMs: number
  readonly colour: boolean
}

/** What the demo shows when everything runs; fits 80 columns, paths apart. */
export function demoScreen({ ports, config, logs, tookMs, colour }: ScreenFacts): string {
  const bold = (text: string): string => (colour ? `\u001b[1m${text}\u001b[0m` : text)
  const dim = (text: string): string => (colour ? `\u001b[2m${text}\u001b[0m` : text)
  const url = (port: number, path = '/'): string => `http://127.0.0.1:${port}${path}`
  const row = (app: string, sidecar: string, admin: number, id: string): string =>
    `  ${app.padEnd(11)} ${sidecar.padEnd(13)} ${url(admin).padEnd(24)} spiffe://default/${id}`
  return `
${bold('outrider demo')}: a mesh on loopback, up in ${(tookMs / 1_000).toFixed(1)} s

  you → gateway → sidecar ═mTLS═ sidecar ⇄ frontend
                                    ╠═mTLS═ sidecar → backend v1   90 %, twice
                                    ╚═mTLS═ sidecar → backend v2   10 %

  ${dim('application sidecar       its admin page           its identity')}
${row('gateway', 'gateway-1', ports.adminGateway, 'gateway')}
${row('frontend', 'frontend-1', ports.adminFrontend, 'frontend')}
${row('backend v1', 'backend-v1-1', ports.adminV1a, 'backend')}
${row('backend v1', 'backend-v1-2', ports.adminV1b, 'backend')}
${row('backend v2', 'backend-v2-1', ports.adminV2, 'backend')}

  ${dim('front door')}  ${url(ports.gateway)}
  ${dim('resources')}   ${config} ${dim('(what you change there takes effect at once)')}
${logs === null ? '' : `  ${dim('logs')}        ${logs}\n`}
${bold('Try')} in another terminal

  ${dim('the split: about nine of ten answers come from v1')}
  curl -s '${url(ports.gateway, '/[1-100]')}' | sort | uniq -c

  ${dim('denied, 403: the frontend alone may call the backend, and this is the gateway')}
  curl -i ${url(ports.gatewayToBackend)}

  ${dim('an instance of v1 is killed, application and sidecar: no request fails')}
  curl -X POST ${url(ports.control, '/kill/v1')}; curl -s -o /dev/null \\
    -w '%{http_code}\\n' '${url(ports.gateway, '/[1-200]')}' | sort | uniq -c
  ${dim('and back')}
  curl -X POST ${url(ports.control, '/revive/v1')}

Ctrl-C ends everything.
`
}
