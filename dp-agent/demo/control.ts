import { type Service, serve } from './services.ts'

/** What the control port of the demo does when it is told; each says in a line what came of it. */
export interface Control {
  /** Ends an instance of v1 without a word of warning, application and sidecar. */
  kill(): Promise<string>
  /** Starts it again. */
  revive(): Promise<string>
}

/** `POST /kill/v1` and `POST /revive/v1`. */
export function startControl(port: number, control: Control): Promise<Service> {
  const acts: Readonly<Record<string, () => Promise<string>>> = {
    'POST /kill/v1': control.kill,
    'POST /revive/v1': control.revive,
  }
  const usage = `${Object.keys(acts).join('\n')}\n`
  // One after the other: an instance is not killed while it comes up.
  let last: Promise<unknown> = Promise.resolve()
  return serve(port, (request, response) => {
    response.setHeader('content-type', 'text/plain')
    const act = acts[`${request.method} ${request.url}`]
    if (act === undefined) {
      response.writeHead(404).end(usage)
      return
    }
    last = last.then(act).then(
      (said) => response.end(`${said}\n`),
      (error) => response.writeHead(500).end(`${error}\n`),
    )
  })
}
