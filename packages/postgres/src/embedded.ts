export {
  embeddedPostgres,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from './embedded/embedded-postgres.ts'
export {
  runningEmbeddedPostgres,
  type RunningEmbeddedPostgres,
} from './embedded/running-embedded-postgres.ts'
