/** What queries read with. The same on every store: a filter tree, never a store's query language. */
export type Reader<Shape extends 'fold' | 'rows' | 'sql', Doc> = Shape extends 'sql'
  ? SqlReader
  : DocumentReader<Doc>

export interface DocumentReader<Doc> {
  /** The document of a key, or undefined. */
  get(key: string): Promise<Doc | undefined>
  /** Documents in the order of the keys; undefined where there is none. At most 1,000 keys. */
  getMany(keys: readonly string[]): Promise<(Doc | undefined)[]>
  /** Filters, searches, sorts and pages. Throws `READ_UNSUPPORTED` on stores without `capabilities.find`. */
  find(options: FindOptions<Doc>): Promise<Found<Doc>>
  /**
   * The store's own client, where the store offers one. Queries take it with the function of the store's package, which
   * gives it its type and refuses the reader of another store.
   */
  readonly native?: NativeReader
}

/** A store's own client for queries: it only reads, and only what belongs to the version of its reader. */
export interface NativeReader {
  /** The `name` of the store. */
  readonly store: string
  readonly client: unknown
}

export type Scalar = string | number | boolean | null

/** Conditions, all of which must hold. A field with a list of values means any of them. */
export type Where<Doc> = {
  readonly [K in keyof Doc]?: Condition<Doc[K]>
} & { readonly any?: readonly Where<Doc>[] }

/** What a field of type `V` is compared with; without `V`: a field of any type. */
export type Condition<V = Scalar | readonly Scalar[]> =
  | ScalarOf<V>
  | readonly ScalarOf<V>[]
  | {
      readonly gte?: string | number
      readonly gt?: string | number
      readonly lte?: string | number
      readonly lt?: string | number
      readonly not?: ScalarOf<V> | readonly ScalarOf<V>[]
    }
  /** For fields that are lists: contains this value. */
  | { readonly has: ElementOf<V> }

/** The values that a field can equal: of a field with `z.enum`, its names. Null, too, where there is none. */
type ScalarOf<V> = unknown extends V ? Scalar : Extract<V, Scalar> | null
type ElementOf<V> = unknown extends V
  ? Scalar
  : V extends readonly (infer E)[]
    ? ScalarOf<E>
    : never

export interface FindOptions<Doc> {
  readonly where?: Where<Doc>
  /**
   * Words that must occur in the declared text fields, whatever their case and however their letters are composed; the last
   * word matches as a prefix. Of a long text, the first 63 different words and the last one are looked for. A blank text asks
   * for nothing; one of other characters, without a letter or digit, is found nowhere. The same on every store: `searchWords`.
   */
  readonly text?: string
  /**
   * Fields and directions. The key is always the last criterion, so that paging is exact; it goes in the direction of the
   * last field.
   */
  readonly sort?: readonly (readonly [keyof Doc & string, 'asc' | 'desc'])[]
  /** Default: 20; at most 1,000. */
  readonly limit?: number
  /** A `next` of an earlier answer with the same sort. Throws `CURSOR_INVALID`. */
  readonly after?: string
  /** Count all matches. Default: false. */
  readonly total?: boolean
  /** Count matches per value of these fields, without the field's own condition. */
  readonly facets?: readonly (keyof Doc & string)[]
}

export interface Found<Doc> {
  readonly items: Doc[]
  readonly next: string | undefined
  readonly total: number | undefined
  readonly facets: Readonly<Record<string, Readonly<Record<string, number>>>>
}

export interface SqlReader {
  /** Runs one read-only statement. `$name` (a declared table name after a dollar sign) is replaced by the physical name. */
  query<Row = Record<string, unknown>>(sql: string, parameters?: readonly unknown[]): Promise<Row[]>
  /** See `DocumentReader`. */
  readonly native?: NativeReader
}
