export { elasticsearch, elasticsearch as opensearch } from './elasticsearch.ts'
export type { ElasticsearchOptions } from './store-options.ts'
export type { SliceOptions } from './slice-calendar.ts'
export {
  searchOf,
  type NativeSearch,
  type SearchAnswer,
  type SearchHit,
  type SearchRequest,
} from './native-search.ts'
