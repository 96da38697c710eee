import { ClientError } from '@tailrace/client'

export interface ProblemText {
  readonly title: string
  readonly hint: string
  /** Whether asking again may help. */
  readonly retry: boolean
}

/** What went wrong, in words for whoever looks at the page. */
export function problemText(error: Error): ProblemText {
  const { code, status } = error instanceof ClientError ? error : { code: '', status: undefined }
  if (code === 'NETWORK' || code === 'TIMEOUT')
    return {
      title: navigator.onLine ? 'The server cannot be reached' : 'You are offline',
      hint: 'The page tries again by itself.',
      retry: true,
    }
  if (status === 401)
    return {
      title: 'You are not signed in any more',
      hint: 'Choose who you are, at the top of the page.',
      retry: true,
    }
  if (status === 403)
    return {
      title: 'This is not for you',
      hint: 'Somebody with another role may see it: choose who you are, at the top of the page.',
      retry: false,
    }
  if (code === 'CURSOR_INVALID')
    return {
      title: 'This page of the list is gone',
      hint: 'The list was rebuilt since the link was made. Begin at its first page.',
      retry: false,
    }
  if (status !== undefined && (status >= 500 || status === 429))
    return {
      title: 'The server is busy or a part of it is away',
      hint: 'The page tries again by itself.',
      retry: true,
    }
  return { title: 'That did not work', hint: error.message, retry: true }
}
