import { Link, useSearchParams } from 'wouter'
import { useOffers, type QueryData } from '../api.ts'
import { DelayedNotice, FreshnessChip } from '../components/freshness-chip.tsx'
import { Empty, LoadingRows, Problem } from '../components/page-states.tsx'
import { Pager } from '../components/pager.tsx'
import { QueueTable } from '../components/queue-table.tsx'
import { useSession } from '../session.ts'
import { useAnswer } from '../use-answer.ts'
import { usePageTitle } from '../use-page.ts'

const pageSize = 25

/** What a seller has to ship, the most urgent first. */
export function SellerQueue() {
  const { role, id } = useSession()
  const [params, setParams] = useSearchParams()
  const sellerId = role === 'seller' ? id : (params.get('seller') ?? '').slice(0, 64)
  const show = (seller: string, cursor: string | undefined): void =>
    setParams({
      ...(role === 'seller' ? {} : { seller }),
      ...(cursor === undefined ? {} : { after: cursor }),
    })
  usePageTitle(sellerId === '' ? 'Seller queue' : `Queue of ${sellerId}`)
  if (role === 'customer')
    return (
      <Empty level={1} title="The queue is for sellers" hint="Choose a seller or support above." />
    )
  return (
    <>
      {role === 'support' ? (
        <SellerChooser key={sellerId} value={sellerId} onChange={(to) => show(to, undefined)} />
      ) : null}
      {sellerId === '' ? (
        <Empty title="Which seller?" hint="Choose one to see what they have to ship.">
          <SellerLinks />
        </Empty>
      ) : (
        <Queue
          sellerId={sellerId}
          cursor={params.get('after') ?? undefined}
          go={(cursor) => show(sellerId, cursor)}
        />
      )}
    </>
  )
}

function SellerChooser({
  value,
  onChange,
}: {
  readonly value: string
  readonly onChange: (value: string) => void
}) {
  const sellers = useSellers()
  return (
    <>
      {value === '' ? <h1 className="visually-hidden">Seller queue</h1> : null}
      <form
        className="page-head"
        onSubmit={(event) => {
          event.preventDefault()
          onChange(String(new FormData(event.currentTarget).get('seller')).trim())
        }}
      >
        <label className="search">
          <span className="visually-hidden">Seller</span>
          <input
            className="input"
            name="seller"
            placeholder="Seller"
            list="sellers"
            maxLength={64}
            autoComplete="off"
            defaultValue={value}
          />
          <datalist id="sellers">
            {sellers.map((seller) => (
              <option key={seller} value={seller} />
            ))}
          </datalist>
        </label>
        <button type="submit" className="button">
          Show queue
        </button>
      </form>
    </>
  )
}

function useSellers(): readonly string[] {
  const { offers } = useOffers()
  return [...new Set((offers ?? []).map(({ sellerId }) => sellerId))].toSorted()
}

const linksMax = 24

/** A click for each seller while there are few. */
function SellerLinks() {
  return (
    <div className="facets">
      {useSellers()
        .slice(0, linksMax)
        .map((seller) => (
          <Link
            key={seller}
            href={`/queue?seller=${encodeURIComponent(seller)}`}
            className="facet clip"
          >
            <bdi>{seller}</bdi>
          </Link>
        ))}
    </div>
  )
}

const countNames = {
  open: 'Open lines',
  toShip: 'To ship',
  late: 'Late',
  awaitingPayment: 'Awaiting payment',
  cancellationRequested: 'Cancellation requested',
} as const

interface QueueProps {
  readonly sellerId: string
  readonly cursor: string | undefined
  readonly go: (cursor: string | undefined) => void
}

function Queue({ sellerId, cursor, go }: QueueProps) {
  const answer = useAnswer('sellerQueue', {
    sellerId,
    limit: pageSize,
    ...(cursor === undefined ? {} : { cursor }),
  })
  const { data, meta, error } = answer
  return (
    <>
      <div className="page-head">
        <h1>
          Queue of <bdi>{sellerId}</bdi>
        </h1>
        <FreshnessChip of={answer} />
      </div>
      <DelayedNotice of={answer} />
      {data === undefined ? null : <Counts counts={data.counts} />}
      <section className="card" aria-label="Open lines">
        {data !== undefined ? (
          <>
            {data.items.length === 0 ? (
              <Empty title="Nothing to ship" hint="New orders appear here by due date." />
            ) : (
              <QueueTable items={data.items} now={meta?.asOf ?? ''} />
            )}
            <Pager
              cursor={cursor}
              nextCursor={data.nextCursor}
              total={data.counts.open}
              size={pageSize}
              shown={data.items.length}
              words={{ first: 'Most urgent', back: 'Back', next: 'More', of: 'open lines' }}
              go={go}
            />
          </>
        ) : error === undefined ? (
          <LoadingRows />
        ) : (
          <div className="card-body stack tight">
            <Problem error={error} retry={answer.refetch} />
            {cursor === undefined ? null : (
              <button type="button" className="button" onClick={() => go(undefined)}>
                To the most urgent
              </button>
            )}
          </div>
        )}
      </section>
    </>
  )
}

function Counts({ counts }: { readonly counts: QueryData<'sellerQueue'>['counts'] }) {
  return (
    <dl className="tiles queue-tiles">
      {(Object.keys(countNames) as (keyof typeof countNames)[]).map((name) => (
        <div key={name} className={`card tile ${name === 'late' && counts[name] > 0 ? 'bad' : ''}`}>
          <dt className="label">{countNames[name]}</dt>
          <dd className="value">{counts[name].toLocaleString()}</dd>
        </div>
      ))}
    </dl>
  )
}
