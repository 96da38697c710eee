import { WriteConflict, type VersionGuard, type WriteBatch } from 'tailrace/adapter'
import type { Catalog, CatalogTable } from '../catalog/catalog.ts'
import type { SqlStatement } from '../sql-pool.ts'
import { asText } from './load-statement.ts'
import type { Run } from './statement-runner.ts'
import { rowStampSql } from './row-stamp.ts'

/**
 * Why a refused batch was refused in truth. A batch that lost a race may break a constraint of a child table first, as
 * its rows collide with the winner's; only when no race was lost is the content to blame. Undefined means that.
 */
export async function lostRace(
  run: Run,
  schema: string,
  catalog: Catalog,
  batch: WriteBatch,
): Promise<WriteConflict | undefined> {
  const questions = raceQuestions(schema, catalog, batch)
  if (questions.length === 0) return undefined
  const { rows } = await run(raceStatement(questions))
  const lost = questions.find((_, i) => rows[0][`lost${i}`] === 't')
  return lost && new WriteConflict(lost.kind, lost.message)
}

interface RaceQuestion {
  readonly kind: 'command' | 'exists' | 'version'
  readonly message: string
  readonly sql: (p: string) => string
  readonly json: unknown
}

function raceQuestions(schema: string, catalog: Catalog, batch: WriteBatch): RaceQuestion[] {
  const questions: RaceQuestion[] = []
  if (batch.commands.length > 0) {
    questions.push({
      kind: 'command',
      message: 'expected commands without a record, got one that was recorded meanwhile',
      sql: (p) =>
        `exists (select 1 from ${schema}.command_record c join json_to_recordset(${p}) as x(id uuid) on c.command_id = x.id)`,
      json: batch.commands.map(({ commandId }) => ({ id: commandId })),
    })
  }
  for (const { aggregate, root } of catalog.aggregates.values()) {
    const made = batch.rows.filter(
      (change) =>
        change.op === 'insert' && change.aggregate.name === aggregate.name && change.of === root.of,
    )
    if (made.length > 0)
      questions.push(
        existsQuestion(
          root,
          made.map(({ id }) => id),
        ),
      )
    const guarded = batch.guards.filter((guard) => guard.aggregate.name === aggregate.name)
    if (guarded.length > 0) questions.push(versionQuestion(root, guarded))
  }
  return questions
}

function existsQuestion(root: CatalogTable, ids: readonly string[]): RaceQuestion {
  return {
    kind: 'exists',
    message: `expected a new row of ${root.name}, got one that was made meanwhile`,
    sql: (p) =>
      `exists (select 1 from ${root.sqlName} t join ${idRecords(root, p)} on t.id = x.id)`,
    json: ids.map((id) => ({ id })),
  }
}

function versionQuestion(
  root: CatalogTable,
  guards: readonly Pick<VersionGuard, 'id' | 'expected' | 'stamp'>[],
): RaceQuestion {
  return {
    kind: 'version',
    message: `expected a row of ${root.name} at the version that was loaded, got another version`,
    sql: (p) =>
      `exists (select 1 from ${idRecords(root, p)} where not exists (select 1 from ${root.sqlName} t where t.id = x.id and t.version = x.expected
          and (x.stamp is null or ${rowStampSql('t')} = x.stamp)))`,
    json: guards.map(({ id, expected, stamp }) => ({ id, expected, stamp })),
  }
}

function idRecords(root: CatalogTable, p: string): string {
  return `json_to_recordset(${p}) as x(id ${root.key[0]!.typeSql}, expected bigint, stamp text)`
}

function raceStatement(questions: readonly RaceQuestion[]): SqlStatement {
  return {
    text: `select ${questions.map(({ sql }, i) => `${sql(`$${i + 1}::json`)} as lost${i}`).join(', ')}`,
    values: questions.map(({ json }) => JSON.stringify(json)),
    types: asText,
  }
}
