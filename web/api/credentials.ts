/** What opens one's account besides its password: the second factor, API keys, SSH keys. */
import type { z } from "zod";
import {
  type ApiKeyInput,
  ApiKeyList,
  CreatedApiKey,
  CreatedSshKey,
  Deleted,
  Revoked,
  type SshKey,
  type SshKeyInput,
  SshKeyList,
  type SshKeyType,
  TwoFactorDisabled,
  TwoFactorEnabled,
  TwoFactorSetup,
  TwoFactorStatus,
} from "#contract/credentials";
import { request } from "./request.ts";

export type { CreatedApiKey, CreatedSshKey, SshKey, SshKeyInput, SshKeyType, TwoFactorSetup, TwoFactorStatus };
export type ApiKey = ApiKeyList["api_keys"][number];
export type NewApiKey = z.input<typeof ApiKeyInput>;
/** Who turns the second factor off shows that they are its owner by one of the two. */
export type Proof = { code: string } | { password: string };

const TWO_FACTOR = "/api/user/2fa";

export const loadTwoFactor = (signal?: AbortSignal) =>
  request("GET", `${TWO_FACTOR}/status`, TwoFactorStatus, undefined, signal);

/** A new secret, which counts for nothing until a code of it was shown. */
export const setUpTwoFactor = () => request("POST", `${TWO_FACTOR}/setup`, TwoFactorSetup);

export const verifyTwoFactor = (code: string) => request("POST", `${TWO_FACTOR}/verify`, TwoFactorEnabled, { code });

export const disableTwoFactor = (proof: Proof) => request("POST", `${TWO_FACTOR}/disable`, TwoFactorDisabled, proof);

const API_KEYS = "/api/api-keys";

/** Newest first, with those that were revoked. */
export const loadApiKeys = async (signal?: AbortSignal) =>
  (await request("GET", API_KEYS, ApiKeyList, undefined, signal)).api_keys;

export const createApiKey = (input: NewApiKey) => request("POST", API_KEYS, CreatedApiKey, input);

export const revokeApiKey = (id: number) => request("POST", `${API_KEYS}/${id}/revoke`, Revoked);

export const deleteApiKey = (id: number) => request("DELETE", `${API_KEYS}/${id}`, Deleted);

const SSH_KEYS = "/api/ssh-keys";

export const loadSshKeys = async (signal?: AbortSignal) =>
  (await request("GET", SSH_KEYS, SshKeyList, undefined, signal)).keys;

export const createSshKey = (input: SshKeyInput) => request("POST", SSH_KEYS, CreatedSshKey, input);

export const deleteSshKey = (id: number) => request("DELETE", `${SSH_KEYS}/${id}`, Deleted);
