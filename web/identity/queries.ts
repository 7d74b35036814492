/** One's account as its page uses it: cached, changed and refreshed again. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import {
  changeAnonymous,
  changeAvatar,
  changeNickname,
  changePassword,
  changeStatus,
  loadMe,
  loadSessions,
  type Me,
  type PasswordChange,
  revokeSession,
} from "../api/identity.ts";
import type { Changes } from "./profile.ts";
import { ME } from "./session.ts";

const SESSIONS = ["sessions"] as const;

export const useSessions = () => useQuery({ queryKey: SESSIONS, queryFn: ({ signal }) => loadSessions(signal) });

/**
 * One after the other, and no further than the first that is refused; those before it are kept. Returns the account as
 * it is then.
 */
async function saveProfile({ nickname, status, avatar, anonymous }: Changes): Promise<Me | null> {
  // First: whoever hides does it before anything else is seen.
  if (anonymous !== undefined) await changeAnonymous(anonymous);
  if (nickname !== undefined) await changeNickname(nickname);
  if (status) await changeStatus(status);
  if (avatar) await changeAvatar(avatar);
  return loadMe();
}

export function useSaveProfile() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: saveProfile,
    onSuccess: (me) => queries.setQueryData(ME, me),
    onError: () => queries.invalidateQueries({ queryKey: ME }),
  });
}

function useSessionChange<Input, Result>(change: (input: Input) => Promise<Result>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSettled: () => queries.invalidateQueries({ queryKey: SESSIONS }),
  });
}

export const useChangePassword = () => useSessionChange((change: PasswordChange) => changePassword(change));

/** Of several, one after the other. `done`: how many so far; those stay so when a later one fails. */
export function useRevokeSessions() {
  const [done, setDone] = useState(0);
  const revoke = useSessionChange(async (ids: readonly string[]) => {
    for (const [index, id] of ids.entries()) {
      setDone(index);
      await revokeSession(id);
    }
  });
  return { revoke, done };
}
