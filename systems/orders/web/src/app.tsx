import { lazy, Suspense } from 'react'
import { Link, Route, Switch, useLocation } from 'wouter'
import { SessionPicker } from './components/session-picker.tsx'
import { Empty, LoadingRows, PageBoundary } from './components/page-states.tsx'
import { OrderList } from './pages/order-list.tsx'
import { OrderPage } from './pages/order-page.tsx'
import { PlaceOrder } from './pages/place-order.tsx'
import { SellerQueue } from './pages/seller-queue.tsx'
import { useSession, type Role } from './session.ts'
import { useLive } from './use-live.ts'
import { usePageStart, usePageTitle } from './use-page.ts'

// With its chart it is as large as half of the rest, and few people open it.
const Operations = lazy(async () => ({
  default: (await import('./pages/operations.tsx')).Operations,
}))

const sections: readonly { href: string; label: string; of: readonly Role[] }[] = [
  { href: '/', label: 'Orders', of: ['customer', 'seller', 'support'] },
  { href: '/place', label: 'Place order', of: ['customer', 'support'] },
  { href: '/queue', label: 'Queue', of: ['seller', 'support'] },
  { href: '/operations', label: 'Operations', of: ['support'] },
]

export function App() {
  const [path] = useLocation()
  const { role, id } = useSession()
  const connected = useLive()
  const main = usePageStart()
  const active = (href: string): boolean =>
    href === '/' ? path === '/' || path.startsWith('/orders/') : path.startsWith(href)
  return (
    <div className="shell">
      <a className="skip" href="#page">
        Skip to the page
      </a>
      <header className="topbar">
        <div className="topbar-row">
          <Link href="/" className="brand">
            <Logo /> Orders
          </Link>
          <nav className="nav" aria-label="Sections">
            {sections
              .filter(({ of }) => of.includes(role))
              .map(({ href, label }) => (
                <Link key={href} href={href} aria-current={active(href) ? 'page' : undefined}>
                  {label}
                </Link>
              ))}
          </nav>
          <SessionPicker key={`${role}:${id}`} />
        </div>
      </header>
      {/* A new identity starts with fresh pages: nothing of the former one stays on screen. */}
      <main className="page" id="page" ref={main} tabIndex={-1} key={`${role}:${id}`}>
        <PageBoundary key={path}>
          <Suspense fallback={<LoadingRows />}>
            <Switch>
              <Route path="/" component={OrderList} />
              <Route path="/orders/:id">
                {({ id: orderId }) => <OrderPage orderId={orderId} />}
              </Route>
              <Route path="/place" component={PlaceOrder} />
              <Route path="/queue" component={SellerQueue} />
              <Route path="/operations" component={Operations} />
              <Route>
                <NoSuchPage />
              </Route>
            </Switch>
          </Suspense>
        </PageBoundary>
      </main>
      <footer className="footer">
        <div>
          <span>
            Commands commit to PostgreSQL. Every page reads a projection and says how fresh it is.
          </span>
          <span className={`live ${connected ? 'on' : ''}`} data-testid="live">
            {connected ? 'Live' : 'Connecting…'}
          </span>
          <a href="/openapi.json">OpenAPI</a>
          <a href="/metrics">Metrics</a>
        </div>
      </footer>
    </div>
  )
}

function NoSuchPage() {
  usePageTitle('No such page')
  return <Empty level={1} title="There is no such page" hint="Choose a section above." />
}

function Logo() {
  return (
    <svg width="26" height="26" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="var(--accent)" />
      <path
        d="M7 20c4-8 8 4 12-4 2-4 4-4 6-4"
        stroke="var(--accent-ink)"
        strokeWidth="3"
        fill="none"
        strokeLinecap="round"
      />
    </svg>
  )
}
