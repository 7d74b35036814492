/** Who is signed in, for every page. */
import { type QueryClient, skipToken, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { loadMe, type Me, signOut } from "../api/identity.ts";
import { toast } from "../ui/toasts.tsx";

export const ME = ["me"] as const;
/** The account is still shown, and the server does not know its session any more. */
const SESSION_ENDED = ["session-ended"] as const;

export type Session = {
  /** Null: signed out, or not known yet. */
  me: Me | null;
  /** The server has said who it is, or that it is nobody. */
  known: boolean;
  /** It could not be asked. */
  failure: unknown;
  retry(): void;
};

/** The server does not know the session. What somebody has on the screen stays there until they have signed in again. */
export function endSession(queries: QueryClient): void {
  if (queries.getQueryData(ME)) queries.setQueryData(SESSION_ENDED, true);
  else queries.setQueryData(ME, null);
}

async function whoNow(queries: QueryClient, signal: AbortSignal): Promise<Me | null> {
  const [me, before] = [await loadMe(signal), queries.getQueryData<Me | null>(ME)];
  if (!before) return me;
  // Nothing of the one may be seen or sent by the other.
  if (me && me.id !== before.id) location.reload();
  else queries.setQueryData(SESSION_ENDED, me === null);
  return me?.id === before.id ? me : before;
}

export function useSession(): Session {
  const queries = useQueryClient();
  const { data, error, refetch } = useQuery({
    queryKey: ME,
    queryFn: ({ signal }) => whoNow(queries, signal),
    staleTime: 60_000,
  });
  return { me: data ?? null, known: data !== undefined, failure: error, retry: () => void refetch() };
}

export const useSessionEnded = (): boolean =>
  useQuery({ queryKey: SESSION_ENDED, queryFn: skipToken, initialData: false }).data === true;

/** After signing in: who that is, and then all that is shown. */
export function useRefresh(): () => Promise<void> {
  const queries = useQueryClient();
  return async () => {
    await queries.refetchQueries({ queryKey: ME });
    await queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== ME[0] });
  };
}

/** Goes on as nobody: pages that need an account then ask for one. */
export function useForget(): () => void {
  const queries = useQueryClient();
  return () => {
    queries.setQueryData(SESSION_ENDED, false);
    queries.setQueryData(ME, null);
    queries.removeQueries({ type: "inactive" });
  };
}

export function useSignOut() {
  const queries = useQueryClient();
  const navigate = useNavigate();
  return useMutation({
    mutationFn: signOut,
    onSuccess: async () => {
      await navigate("/");
      queries.clear();
      queries.setQueryData(ME, null);
    },
    onError: () => toast("You are still signed in: the server did not sign you out. Try again."),
  });
}
