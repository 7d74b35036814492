/** Who is signed in, for every page. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { loadMe, type Me, signOut } from "../api/identity.ts";
import { toast } from "../ui/toasts.tsx";

export const ME = ["me"] as const;

export type Session = {
  /** Null: signed out, or not known yet. */
  me: Me | null;
  /** The server has said who it is, or that it is nobody. */
  known: boolean;
  /** It could not be asked. */
  failure: unknown;
  retry(): void;
};

export function useSession(): Session {
  const { data, error, refetch } = useQuery({
    queryKey: ME,
    queryFn: ({ signal }) => loadMe(signal),
    staleTime: 60_000,
  });
  return { me: data ?? null, known: data !== undefined, failure: error, retry: () => void refetch() };
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
