/**
 * `node:http` and `node:https` without what they only refer to: an `import` reads every export, and with them loads
 * Node's own undici and HTTP/2, 3 MB that an agent never uses.
 */
export const nodeHttp = process.getBuiltinModule('node:http')
export const nodeHttps = process.getBuiltinModule('node:https')
