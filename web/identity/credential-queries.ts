/** The second factor and keys as the pages use them: cached, changed and refreshed again. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import {
  createApiKey,
  createSshKey,
  deleteApiKey,
  deleteSshKey,
  disableTwoFactor,
  loadApiKeys,
  loadSshKeys,
  loadTwoFactor,
  type NewApiKey,
  type Proof,
  revokeApiKey,
  type SshKeyInput,
  setUpTwoFactor,
  verifyTwoFactor,
} from "../api/credentials.ts";

const TWO_FACTOR = ["two-factor"] as const;
const API_KEYS = ["api-keys"] as const;
const SSH_KEYS = ["ssh-keys"] as const;

type Stale = typeof TWO_FACTOR | typeof API_KEYS | typeof SSH_KEYS;

export const useTwoFactor = () => useQuery({ queryKey: TWO_FACTOR, queryFn: ({ signal }) => loadTwoFactor(signal) });
export const useApiKeys = () => useQuery({ queryKey: API_KEYS, queryFn: ({ signal }) => loadApiKeys(signal) });
export const useSshKeys = () => useQuery({ queryKey: SSH_KEYS, queryFn: ({ signal }) => loadSshKeys(signal) });

function useChange<Input, Result>(stale: Stale, change: (input: Input) => Promise<Result>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: change,
    // Also of a refusal: it is often that another tab was faster.
    onSettled: () => queries.invalidateQueries({ queryKey: stale }),
  });
}

export const useSetUpTwoFactor = () => useChange(TWO_FACTOR, () => setUpTwoFactor());
export const useVerifyTwoFactor = () => useChange(TWO_FACTOR, (code: string) => verifyTwoFactor(code));
export const useDisableTwoFactor = () => useChange(TWO_FACTOR, (proof: Proof) => disableTwoFactor(proof));

export const useCreateApiKey = () => useChange(API_KEYS, (input: NewApiKey) => createApiKey(input));
export const useRevokeApiKey = (id: number) => useChange(API_KEYS, () => revokeApiKey(id));
export const useDeleteApiKey = (id: number) => useChange(API_KEYS, () => deleteApiKey(id));

export const useCreateSshKey = () => useChange(SSH_KEYS, (input: SshKeyInput) => createSshKey(input));
export const useDeleteSshKey = (id: number) => useChange(SSH_KEYS, () => deleteSshKey(id));
