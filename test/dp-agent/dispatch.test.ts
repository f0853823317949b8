import { EventEmitter } from 'node:events'
import t from 'tap'
import { dispatch } from '../../dp-agent/dispatch.ts'

async function run(...argv: string[]) {
  let out = ''
  let err = ''
  const code = await dispatch(argv, {
    out: (text) => {
      out += text
    },
    err: (text) => {
      err += text
    },
    errIsTerminal: false,
    env: {},
    signals: new EventEmitter(),
    version: '1.2.3',
    program: 'main.ts',
    root: '.',
    colour: false,
  })
  return { code, out, err }
}

t.test(
  'dispatch: asked for help it prints on standard output, given nothing on standard error',
  async (t) => {
    t.match(await run('--help'), { code: 0, out: 'usage: outrider', err: '' })
    t.match(await run(), { code: 2, out: '', err: 'usage: outrider' })
    t.match(await run('run', '--help'), { code: 0, out: 'usage: outrider run' })
    t.match(await run('--version'), { code: 0, out: /^outrider 1\.2\.3 / })
  },
)

t.test('dispatch: a command in two words is found, and one word of it is not enough', async (t) => {
  t.match(await run('pki', 'issue', '--help'), {
    code: 0,
    out: 'usage: outrider pki issue <spiffe-id>',
  })
  t.match(await run('pki'), { code: 2, err: 'say which: pki init, pki issue, pki show' })
  t.match(await run('pki', 'issue'), { code: 2, err: 'name one SPIFFE ID' })
  t.match(await run('pki', 'show'), { code: 2, err: 'name one PEM file' })
})

t.test('dispatch: a CA and an identity of it are made, shown, and not written over', async (t) => {
  const dir = t.testdir({})
  const [ca, identity] = [`${dir}/ca`, `${dir}/identity`]
  t.match(await run('pki', 'init', '--dir', ca), { code: 0, out: 'CA of default' })
  const issue = ['pki', 'issue', 'spiffe://default/web', '--ca', ca, '--dir', identity]
  t.match(await run(...issue), { code: 0, out: 'spiffe://default/web' })
  t.match(await run('pki', 'show', identity), { code: 0, out: 'SPIFFE ID spiffe://default/web' })
  t.equal((await run(...issue)).code, 1, 'files are there')
  t.equal((await run(...issue, '--force')).code, 0)
})

t.test('dispatch: validate prints problems on standard output, as text or JSON', async (t) => {
  const dir = t.testdir({
    good: { 'a.yaml': 'type: Mesh\nname: default\n' },
    bad: { 'a.yaml': 'type: Mehs\n' },
    empty: {},
  })
  t.match(await run('validate', `${dir}/good`), {
    code: 0,
    out: 'no problems in 1 resource of 1 file\n',
  })
  const demo = await run('validate', 'config/demo')
  t.match(demo, { code: 0, out: /^no problems in \d\d resources of 6 files\n$/ })
  t.match(await run('validate', `${dir}/empty`), { code: 0, out: 'warning: holds no resources' })
  t.match(await run('validate', `${dir}/bad`), { code: 1, out: 'a.yaml:1:' })
  const { out } = await run('validate', '--format', 'json', `${dir}/bad`)
  t.match(JSON.parse(out), [{ line: 1, severity: 'error' }])
})

t.test('dispatch: an explanation needs a place, a name, a method and a URL', async (t) => {
  const at = ['--config', 'x', '--name', 'web']
  t.match(await run('explain', 'GET', 'http://a/'), { code: 2, err: '--config' })
  t.match(await run('explain', '--config', 'x', 'GET', 'http://a/'), { code: 2, err: '--name' })
  t.match(await run('explain', ...at, 'GET'), { code: 2, err: 'name a method and a URL' })
  t.match(await run('explain', ...at, 'GET', 'no url'), { code: 2, err: 'is no URL' })
  t.match(await run('explain', ...at, 'GET', 'http://a/'), { code: 1, err: 'x' })
})
