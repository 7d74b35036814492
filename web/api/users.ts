/** Accounts as moderators and admins see them, and the invite codes by which they come. */
import { z } from "zod";
import {
  CreatedInvite,
  CreatedUser,
  type Invite,
  type InviteInput,
  InviteList,
  RegistrationList,
  RoleReply,
  Told,
  UserList,
  type UserRole,
} from "#contract/identity";
import { request } from "./request.ts";

export type { CreatedInvite, Invite, InviteInput, InviteList, UserList, UserRole };
export type ListedUser = UserList["users"][number];

const at = (id: number) => `/api/users/${id}`;

export function loadUsers(q: string, limit: number, offset: number, signal?: AbortSignal) {
  const query = new URLSearchParams({ limit: String(limit), offset: String(offset) });
  if (q !== "") query.set("q", q);
  return request("GET", `/api/users?${query}`, UserList, undefined, signal);
}

export type NewUser = { username: string; password: string; role: UserRole };

export const createUser = (input: NewUser) => request("POST", "/api/users", CreatedUser, input);

export const changeRole = (id: number, role: UserRole) => request("PUT", `${at(id)}/role`, RoleReply, { role });

export const resetPassword = (id: number, new_password: string) =>
  request("POST", `${at(id)}/reset-password`, Told, { new_password });

export const deleteUser = (id: number) => request("DELETE", at(id), Told);

const CODES = "/api/admin/invite-codes";

/** Today's code and all others, newest first. */
export const loadInvites = (signal?: AbortSignal) => request("GET", "/api/invite-code", InviteList, undefined, signal);

export const createInvite = (input: InviteInput) => request("POST", CODES, CreatedInvite, input);

export const deactivateInvite = (id: number) =>
  request("DELETE", `${CODES}/${id}`, z.object({ status: z.literal("deactivated") }));

/** Who came by a code, newest first. */
export const loadRegistrations = async (id: number, signal?: AbortSignal) =>
  (await request("GET", `${CODES}/${id}/registrations`, RegistrationList, undefined, signal)).registrations;
