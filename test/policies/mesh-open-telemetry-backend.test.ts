import t from 'tap'
import { testPolicy } from '../support/policy-table.ts'
import { meshOpenTelemetryBackend } from './rows/mesh-open-telemetry-backend.ts'

testPolicy(t, meshOpenTelemetryBackend)
