import { Link, Route, Switch, useLocation } from 'wouter'
import { SessionPicker } from './components/session-picker.tsx'
import { Empty } from './components/page-states.tsx'
import { Operations } from './pages/operations.tsx'
import { OrderList } from './pages/order-list.tsx'
import { OrderPage } from './pages/order-page.tsx'
import { PlaceOrder } from './pages/place-order.tsx'
import { SellerQueue } from './pages/seller-queue.tsx'
import { useLive } from './api.ts'
import { useSession } from './session.ts'

const sections = [
  { href: '/', label: 'Orders' },
  { href: '/place', label: 'Place order' },
  { href: '/queue', label: 'Seller queue' },
  { href: '/operations', label: 'Operations' },
] as const

export function App() {
  const [path] = useLocation()
  const { role, id } = useSession()
  const connected = useLive()
  const active = (href: string): boolean =>
    href === '/' ? path === '/' || path.startsWith('/orders/') : path.startsWith(href)
  return (
    <div className="shell">
      <header className="topbar">
        <div className="topbar-row">
          <Link href="/" className="brand">
            <Logo /> Orders
          </Link>
          <nav className="nav" aria-label="Sections">
            {sections.map(({ href, label }) => (
              <Link key={href} href={href} aria-current={active(href) ? 'page' : undefined}>
                {label}
              </Link>
            ))}
          </nav>
          <SessionPicker />
        </div>
      </header>
      {/* A new identity starts with fresh pages: nothing of the former one stays on screen. */}
      <main className="page" key={`${role}:${id}`}>
        <Switch>
          <Route path="/" component={OrderList} />
          <Route path="/orders/:id">{({ id: orderId }) => <OrderPage orderId={orderId} />}</Route>
          <Route path="/place" component={PlaceOrder} />
          <Route path="/queue" component={SellerQueue} />
          <Route path="/operations" component={Operations} />
          <Route>
            <Empty title="There is no such page" hint="Choose a section above." />
          </Route>
        </Switch>
      </main>
      <footer className="footer">
        <div>
          <span>
            Commands commit to PostgreSQL; every page reads a projection and says how fresh it is.
          </span>
          <span>{connected ? 'Live' : 'Not connected: pages ask when they open'}</span>
          <a href="/openapi.json">OpenAPI</a>
          <a href="/metrics">Metrics</a>
        </div>
      </footer>
    </div>
  )
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
