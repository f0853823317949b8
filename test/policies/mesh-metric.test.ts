import t from 'tap'
import { testPolicy } from '../support/policy-table.ts'
import { meshMetric } from './rows/mesh-metric.ts'

testPolicy(t, meshMetric)
