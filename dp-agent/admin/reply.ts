/** What an endpoint answers. */
export interface Reply {
  readonly status: number
  readonly type: string
  readonly body: string
}

export const plainText = (body: string, status = 200): Reply => ({
  status,
  type: 'text/plain; charset=utf-8',
  body: body.endsWith('\n') ? body : `${body}\n`,
})

export const json = (value: unknown, status = 200): Reply => ({
  status,
  type: 'application/json',
  body: `${JSON.stringify(value, null, 2)}\n`,
})
