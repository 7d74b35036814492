/** Who opens channels: a socket's owner or the actor of a request, as far as it matters for that. */
import type { ChatIdentity } from "#contract/chat-rpc";
import { type Actor, isAdminRole, type UserRole } from "#contract/identity";
import { grants } from "#kit/scopes";

export type Visitor = {
  /** Null: a guest. */
  user_id: number | null;
  /** The role that counts here, which may be less than the account's. */
  role: UserRole;
  /** By a stream key: nothing but the channel of its stream opens. */
  stream_id: number | null;
};

const GUEST: Visitor = { user_id: null, role: "user", stream_id: null };

export const visitorOf = (identity: ChatIdentity): Visitor =>
  identity.kind === "guest"
    ? GUEST
    : account(identity.user_id, identity.profile.role, identity.scopes, identity.stream_id);

export function visitorOfActor(actor: Actor): Visitor {
  switch (actor.kind) {
    case "user":
    case "api_key":
      return account(actor.id, actor.role, actor.scopes, null);
    case "stream_key":
      return account(actor.id, actor.role, actor.scopes, actor.stream_id);
    case "app_token":
    case "media_worker":
    case "system":
    case "anonymous":
      return GUEST;
  }
}

/** A stream key, and an admin's session or key that is narrowed to less than `admin`, act as an ordinary user. */
function account(user_id: number, role: UserRole, scopes: readonly string[], stream_id: number | null): Visitor {
  const narrowed = stream_id !== null || (isAdminRole(role) && !grants(scopes, "admin"));
  return { user_id, role: narrowed ? "user" : role, stream_id };
}
