import t from 'tap'
import { testPolicy } from '../support/policy-table.ts'
import { meshTls } from './rows/mesh-tls.ts'

testPolicy(t, meshTls)
