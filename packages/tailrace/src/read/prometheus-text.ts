import { bucketBounds } from './histogram.ts'
import { metricNames, type MetricName } from './metric-names.ts'
import type { Labels, Metric } from './metrics.ts'

/** Metrics in the Prometheus text format, version 0.0.4: each name once, with its help and type. */
export function prometheusText(metrics: readonly Metric[]): string {
  const byName = new Map<MetricName, Metric[]>()
  for (const metric of metrics)
    byName.set(metric.name, [...(byName.get(metric.name) ?? []), metric])
  let text = ''
  for (const [name, samples] of byName) {
    const { type, help } = metricNames[name]
    text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
    text += samples.map(lines).join('')
  }
  return text
}

function lines(metric: Metric): string {
  if ('value' in metric) return line(metric.name, metric.labels, metric.value)
  const { name, labels, histogram } = metric
  const buckets = bucketBounds.map((bound, i) =>
    line(`${name}_bucket`, { ...labels, le: String(bound) }, histogram.buckets[i]!),
  )
  return [
    ...buckets,
    line(`${name}_bucket`, { ...labels, le: '+Inf' }, histogram.count),
    line(`${name}_sum`, labels, histogram.sum),
    line(`${name}_count`, labels, histogram.count),
  ].join('')
}

function line(name: string, labels: Labels, value: number): string {
  const list = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
  return `${name}${list.length > 0 ? `{${list.join(',')}}` : ''} ${value}\n`
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
