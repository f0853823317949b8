import t from 'tap'
import { testPolicy } from '../support/policy-table.ts'
import { hostnameGenerator } from './rows/hostname-generator.ts'

testPolicy(t, hostnameGenerator)
