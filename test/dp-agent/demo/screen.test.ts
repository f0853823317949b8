import t from 'tap'
import { shiftPorts } from '../../../dp-agent/demo/ports.ts'
import { demoScreen } from '../../../dp-agent/demo/screen.ts'

const facts = {
  ports: shiftPorts(30_000),
  config: 'config/demo',
  logs: '/tmp/outrider-demo-Ab12Cd/*.log',
  tookMs: 1_234,
  colour: false,
}

t.test('demo screen: fits 80 columns and 40 rows', async (t) => {
  const lines = demoScreen(facts).split('\n')
  t.ok(lines.length <= 40, `${lines.length} rows`)
  for (const line of lines) t.ok([...line].length <= 80, line)
})

t.test(
  'demo screen: has no escape sequence without colour, and says the same with it',
  async (t) => {
    const plain = demoScreen(facts)
    t.notMatch(plain, '\u001b')
    const coloured = demoScreen({ ...facts, colour: true })
    t.match(coloured, '\u001b[')
    t.equal(coloured.replaceAll(/\u001b\[\d+m/g, ''), plain)
  },
)

t.test('demo screen: names no log files when logs are shown', async (t) => {
  t.notMatch(demoScreen({ ...facts, logs: null }), 'logs')
})
