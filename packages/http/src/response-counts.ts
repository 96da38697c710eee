/** How many requests were answered with each status. Constant memory; one increment each. */
export class ResponseCounts {
  readonly #counts = new Float64Array(600)

  add(status: number): void {
    this.#counts[status]!++
  }

  /** In the Prometheus text format. */
  text(): string {
    const lines = [...this.#counts].flatMap((count, status) =>
      count === 0 ? [] : [`cqrs_http_responses_total{status="${status}"} ${count}\n`],
    )
    return (
      '# HELP cqrs_http_responses_total Answers of commands, questions and the like over HTTP, by status.\n' +
      `# TYPE cqrs_http_responses_total counter\n${lines.join('')}`
    )
  }
}
