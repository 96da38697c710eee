import { expect } from 'vitest'

/** What a problem says, and its headers. */
export interface ProblemBody {
  readonly detail: string
  readonly errors: readonly { readonly pointer: string }[]
  readonly headers: Headers
  readonly [member: string]: unknown
}

/** Asserts that an answer is a problem of this status and code, whole as RFC 9457 has it. */
export async function problem(
  response: Promise<Response> | Response,
  status: number,
  code: string,
): Promise<ProblemBody> {
  const got = await response
  const body = await got.json()
  expect({ status: got.status, code: body.code }).toEqual({ status, code })
  expect(got.headers.get('content-type')).toBe('application/problem+json')
  expect(body).toMatchObject({
    type: `urn:tailrace:problem:${code}`,
    status,
    title: expect.any(String),
    detail: expect.any(String),
  })
  return { ...body, headers: got.headers }
}
