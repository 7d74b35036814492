/** What the profile form edits, and what of it is to be sent. Pure. */
import { AvatarChange, NicknameChange, StatusChange } from "#contract/identity";
import type { Me } from "../api/identity.ts";
import { type Faults, faultsOf } from "../ui/field-faults.ts";

export type Draft = {
  nickname: string;
  status: Me["status"];
  status_message: string;
  /** Null: a colour that goes with the name. */
  color: string | null;
  picture: "initials" | "emoji";
  initials: string;
  emoji: string;
  anonymous: boolean;
};

export function draftOf(me: Me): Draft {
  const { color, emoji, initials } = me.avatar;
  return {
    nickname: me.nickname ?? "",
    status: me.status,
    status_message: me.status_message,
    color: color ?? null,
    picture: emoji ? "emoji" : "initials",
    initials: initials ?? "",
    emoji: emoji ?? "",
    anonymous: me.chat_anonymous,
  };
}

/** Of the two pictures only the one that is chosen counts. Without either it is the name's initials. */
export function avatarOf({ color, picture, initials, emoji }: Draft): AvatarChange {
  const text = (picture === "emoji" ? emoji : initials).trim();
  return { ...(color && { color }), ...(text && { [picture]: text }) };
}

const statusOf = ({ status, status_message }: Draft): StatusChange => ({ status, status_message });

/** Everything that is wrong, by field. */
export const draftFaults = (draft: Draft): Faults => ({
  ...faultsOf(NicknameChange, { nickname: draft.nickname }),
  ...faultsOf(StatusChange, statusOf(draft)),
  ...faultsOf(AvatarChange, avatarOf(draft)),
});

export type Changes = {
  nickname?: string | null;
  status?: StatusChange;
  avatar?: AvatarChange;
  anonymous?: boolean;
};

/** What differs from the account as it is. */
export function changesOf(me: Me, draft: Draft): Changes {
  const before = draftOf(me);
  const nickname = draft.nickname.trim() || null;
  const avatar = avatarOf(draft);
  const isOther = (now: unknown, then: unknown) => JSON.stringify(now) !== JSON.stringify(then);
  return {
    ...(isOther(nickname, me.nickname) && { nickname }),
    ...(isOther(statusOf(draft), statusOf(before)) && { status: statusOf(draft) }),
    ...(isOther(avatar, avatarOf(before)) && { avatar }),
    ...(draft.anonymous !== before.anonymous && { anonymous: draft.anonymous }),
  };
}
