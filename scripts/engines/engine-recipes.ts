import { clickhouse } from './clickhouse.ts'
import { elasticsearch } from './elasticsearch.ts'
import type { EngineName } from './engine-names.ts'
import type { EngineRecipe } from './engine-recipe.ts'
import { kafka, kafka3 } from './kafka.ts'
import { opensearch } from './opensearch.ts'
import { redis } from './redis.ts'

export const engineRecipes: Readonly<Record<EngineName, EngineRecipe>> = {
  redis,
  clickhouse,
  opensearch,
  elasticsearch,
  kafka,
  kafka3,
}
