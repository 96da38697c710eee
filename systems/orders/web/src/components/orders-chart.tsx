import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { count, hourMinute } from '../format.ts'

interface Point {
  readonly minute: string
  readonly orders: number
}

const heightPx = 180

/** Orders per minute over the last hour, as a line that fills its card. The minute that is not over yet is left out. */
export function OrdersChart({ points }: { readonly points: readonly Point[] }) {
  const dark = useSyncExternalStore(onScheme, () => scheme.matches)
  const over = useMemo(() => points.slice(0, -1), [points])
  // Colours are drawn, so another scheme is another drawing.
  return <Line key={String(dark)} points={over} />
}

function Line({ points }: { readonly points: readonly Point[] }) {
  const host = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(undefined)
  useEffect(() => {
    const element = host.current!
    const made = plotIn(element)
    plot.current = made
    const watcher = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: heightPx }),
    )
    watcher.observe(element)
    return () => {
      watcher.disconnect()
      made.destroy()
    }
  }, [])
  useEffect(() => {
    plot.current?.setData([
      points.map(({ minute }) => Date.parse(minute) / 1_000),
      points.map(({ orders }) => orders),
    ])
  }, [points])
  return <div ref={host} role="img" aria-label={described(points)} />
}

const scheme = matchMedia('(prefers-color-scheme: dark)')

function onScheme(changed: () => void): () => void {
  scheme.addEventListener('change', changed)
  return () => scheme.removeEventListener('change', changed)
}

function plotIn(element: HTMLElement): uPlot {
  const colour = (name: string): string => getComputedStyle(element).getPropertyValue(name).trim()
  const accent = colour('--accent')
  const axis = {
    stroke: colour('--faint'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  }
  const times = {
    ...axis,
    space: 80,
    size: 32,
    values: (_: uPlot, seconds: number[]) => seconds.map((at) => hourMinute(at * 1_000)),
  }
  return new uPlot(
    {
      width: element.clientWidth,
      height: heightPx,
      cursor: { show: false },
      legend: { show: false },
      scales: { y: { range: (_, __, max) => [0, Math.max(5, max * 1.1)] } },
      axes: [times, axis],
      series: [{}, { stroke: accent, width: 2, fill: `${accent}22`, points: { show: false } }],
    },
    [[], []],
    element,
  )
}

function described(points: readonly Point[]): string {
  const last = points.at(-1)
  if (last === undefined) return 'No orders yet'
  const all = points.reduce((sum, { orders }) => sum + orders, 0)
  const most = Math.max(...points.map(({ orders }) => orders))
  return `${count(all, 'order')} in the last hour, at most ${most.toLocaleString()} in a minute; ${last.orders.toLocaleString()} in the last full one`
}
