/** How the app fetches, retries and notices that the session is over. */
import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { asFailure, isSignedOut } from "../api/failure.ts";
import { endSession } from "../identity/session.ts";

const RETRIES = 2;

export function createQueries(): QueryClient {
  const noticeSignedOut = (error: unknown) => {
    if (isSignedOut(error)) endSession(queries);
  };
  const queries: QueryClient = new QueryClient({
    queryCache: new QueryCache({ onError: noticeSignedOut }),
    mutationCache: new MutationCache({ onError: noticeSignedOut }),
    defaultOptions: {
      queries: {
        staleTime: 2_000,
        // A refusal stays one however often it is asked for.
        retry: (count, error) => {
          const { status } = asFailure(error);
          return count < RETRIES && (status === 0 || status >= 500);
        },
        // The browser's idea of "offline" is often wrong, above all for a server on the same machine.
        networkMode: "always",
      },
      mutations: { networkMode: "always" },
    },
  });
  return queries;
}
