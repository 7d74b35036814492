/** Accounts and invite codes as the pages use them: cached, changed and refreshed again. */
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import {
  changeRole,
  createInvite,
  createUser,
  deactivateInvite,
  deleteUser,
  type InviteInput,
  loadInvites,
  loadRegistrations,
  loadUsers,
  type NewUser,
  resetPassword,
  type UserRole,
} from "../api/users.ts";
import { newPassword } from "./new-password.ts";

const USERS = ["users"] as const;
const INVITES = ["invites"] as const;

export const useUsers = (q: string, { limit, offset }: { limit: number; offset: number }) =>
  useQuery({
    queryKey: [...USERS, q, limit, offset],
    queryFn: ({ signal }) => loadUsers(q, limit, offset, signal),
    placeholderData: keepPreviousData,
  });

export const useInvites = () =>
  useQuery({ queryKey: [...INVITES, "list"], queryFn: ({ signal }) => loadInvites(signal) });

export const useRegistrations = (id: number) =>
  useQuery({ queryKey: [...INVITES, "registrations", id], queryFn: ({ signal }) => loadRegistrations(id, signal) });

function useChange<Input, Result>(stale: typeof USERS | typeof INVITES, change: (input: Input) => Promise<Result>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: change,
    // Also of a refusal: it is often that somebody was faster.
    onSettled: () => queries.invalidateQueries({ queryKey: stale }),
  });
}

/** What somebody signs in with, shown once. */
export type FreshCredentials = { username: string; password: string };

export const useChangeRole = (id: number) => useChange(USERS, (role: UserRole) => changeRole(id, role));

export const useCreateUser = () =>
  useChange(USERS, async (input: Omit<NewUser, "password">): Promise<FreshCredentials> => {
    const password = newPassword();
    const { username } = await createUser({ ...input, password });
    return { username, password };
  });

export const useResetPassword = (id: number) =>
  useChange(USERS, async (): Promise<string> => {
    const password = newPassword();
    await resetPassword(id, password);
    return password;
  });

export const useDeleteUser = (id: number) => useChange(USERS, () => deleteUser(id));
export const useCreateInvite = () => useChange(INVITES, (input: InviteInput) => createInvite(input));
export const useDeactivateInvite = (id: number) => useChange(INVITES, () => deactivateInvite(id));
