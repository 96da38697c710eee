import { useEffect, useState } from 'react'
import { Link } from 'wouter'
import type { OrderData } from '../api.ts'
import { DelayedNotice, FreshnessChip } from '../components/freshness-chip.tsx'
import { OrderActions } from '../components/order-actions.tsx'
import { OrderLines } from '../components/order-lines.tsx'
import { Parcels, Payments } from '../components/order-records.tsx'
import { OrderTimeline } from '../components/order-timeline.tsx'
import { Empty, LoadingRows, Problem } from '../components/page-states.tsx'
import { StatusBadge } from '../components/status-badge.tsx'
import { dateTime, money, shortId } from '../format.ts'
import { useAnswer, type AnswerState } from '../use-answer.ts'
import { usePageTitle } from '../use-page.ts'

const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i

/** One order: what it holds, what happened, and what its viewer may do next. */
export function OrderPage({ orderId }: { readonly orderId: string }) {
  usePageTitle(`Order …${shortId(orderId)}`)
  return uuid.test(orderId) ? <KnownId orderId={orderId} /> : <NoSuchOrder level={1} />
}

function KnownId({ orderId }: { readonly orderId: string }) {
  const answer = useAnswer('order', { orderId })
  const { data: order, meta, error } = answer
  if (order != null) return <Shown order={order} answer={answer} />
  return (
    <>
      <Crumb orderId={orderId} />
      <div className="page-head">
        <h1>Order …{shortId(orderId)}</h1>
        <FreshnessChip of={answer} />
      </div>
      <DelayedNotice of={answer} />
      <section className="card">
        {order === null ? (
          meta?.stale === true ? (
            <NotYet />
          ) : (
            <NoSuchOrder />
          )
        ) : error === undefined ? (
          <LoadingRows />
        ) : (
          <div className="card-body stack tight">
            <Problem error={error} retry={answer.refetch} />
          </div>
        )}
      </section>
    </>
  )
}

function NoSuchOrder({ level = 2 }: { readonly level?: 1 | 2 }) {
  return (
    <Empty
      level={level}
      title="There is no such order"
      hint="It may belong to somebody else, or the address is wrong."
    >
      <Link href="/" className="button">
        To the orders
      </Link>
    </Empty>
  )
}

/** The read model is behind: that it has no such order says nothing. */
function NotYet() {
  return (
    <Empty
      title="This order is not here yet"
      hint="Results are delayed. If it was placed a moment ago, it shows as soon as it arrives."
    />
  )
}

function Crumb({ orderId }: { readonly orderId: string }) {
  return (
    <nav className="muted crumb" aria-label="Breadcrumb">
      <Link href="/">Orders</Link> / <span aria-current="page">…{shortId(orderId)}</span>
    </nav>
  )
}

function Shown({
  order,
  answer,
}: {
  readonly order: OrderData
  readonly answer: AnswerState<unknown>
}) {
  const { orderId } = order
  return (
    <>
      <Crumb orderId={orderId} />
      <div className="page-head">
        <h1>
          Order <bdi>{order.reference ?? `…${shortId(orderId)}`}</bdi>
        </h1>
        <StatusBadge status={order.status} />
        <FreshnessChip of={answer} />
      </div>
      <DelayedNotice of={answer} />
      <div className="two order">
        <div className="stack">
          <OrderLines order={order} />
          <Parcels order={order} />
          <Payments order={order} />
        </div>
        <div className="stack aside">
          <Summary order={order} />
          <OrderActions order={order} refetch={answer.refetch} />
          <OrderTimeline order={order} />
        </div>
      </div>
    </>
  )
}

function Summary({ order }: { readonly order: OrderData }) {
  const { currency, totalMinor, cancelledMinor, paidMinor, refundDueMinor } = order
  const due = totalMinor - cancelledMinor - paidMinor
  return (
    <section className="card" aria-label="Summary">
      <dl className="card-body facts">
        <Fact name="Order" value={<OrderNumber orderId={order.orderId} />} />
        <Fact name="Customer" value={<bdi>{order.customerId}</bdi>} />
        <Fact name="Placed" value={dateTime(order.placedAt)} />
        <Fact name="Total" value={<strong>{money(totalMinor, currency)}</strong>} />
        {cancelledMinor > 0 ? (
          <Fact name="Cancelled" value={money(-cancelledMinor, currency)} />
        ) : null}
        <Fact name="Paid" value={money(paidMinor, currency)} />
        {due > 0 && order.status === 'placed' ? (
          <Fact name="Open" value={<strong>{money(due, currency)}</strong>} />
        ) : null}
        {refundDueMinor > 0 ? (
          <Fact name="To be refunded" value={<strong>{money(refundDueMinor, currency)}</strong>} />
        ) : null}
      </dl>
    </section>
  )
}

function Fact({ name, value }: { readonly name: string; readonly value: React.ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  )
}

const copiedMs = 2_000

/** The whole number, to be copied: the pages show its end only. */
function OrderNumber({ orderId }: { readonly orderId: string }) {
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return undefined
    const timer = setTimeout(() => setCopied(false), copiedMs)
    return () => clearTimeout(timer)
  }, [copied])
  const copy = (): void =>
    void navigator.clipboard?.writeText(orderId).then(
      () => setCopied(true),
      () => undefined,
    )
  return (
    <button type="button" className="copy mono" onClick={copy} title={`Copy ${orderId}`}>
      {copied ? 'Copied' : `…${shortId(orderId)}`}
      <span className="visually-hidden">, copy the whole number {orderId}</span>
    </button>
  )
}
