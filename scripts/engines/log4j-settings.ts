/** Java's servers write their log to their output, without colours. */
export function log4jSettings(quiet: readonly string[] = []): string {
  const loggers = quiet.map((name, n) => `logger.q${n}.name = ${name}\nlogger.q${n}.level = warn\n`)
  return `status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c{1.} %m%n
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
${loggers.join('')}`
}
