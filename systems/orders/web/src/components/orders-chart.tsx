import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

/** Orders per minute over the last hours, as a line that fills its card. */
export function OrdersChart({
  points,
}: {
  readonly points: readonly { readonly minute: string; readonly orders: number }[]
}) {
  const host = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(undefined)
  useEffect(() => {
    const element = host.current!
    const colour = getComputedStyle(element).getPropertyValue('--accent')
    const axis = {
      stroke: getComputedStyle(element).getPropertyValue('--faint'),
      grid: { stroke: getComputedStyle(element).getPropertyValue('--line') },
      ticks: { show: false },
    }
    const made = new uPlot(
      {
        width: element.clientWidth,
        height: 180,
        cursor: { y: false },
        legend: { show: false },
        scales: { y: { range: (_, __, max) => [0, Math.max(5, max * 1.1)] } },
        axes: [axis, axis],
        series: [{}, { stroke: colour, width: 2, fill: `${colour}22`, points: { show: false } }],
      },
      [[], []],
      element,
    )
    plot.current = made
    const watcher = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: 180 }),
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
  const last = points.at(-1)
  return (
    <div
      ref={host}
      role="img"
      aria-label={
        last === undefined ? 'no orders yet' : `${last.orders} orders in the current minute`
      }
    />
  )
}
