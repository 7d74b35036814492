import { describe, expect, test } from "vitest";
import type { Me } from "../../../web/api/identity.ts";
import { avatarOf, changesOf, draftFaults, draftOf } from "../../../web/identity/profile.ts";

const ME: Me = {
  id: 1,
  username: "ada",
  nickname: "Ada L",
  status: "online",
  status_message: "",
  role: "user",
  chat_anonymous: false,
  avatar: { color: "#0d7567", emoji: null },
  is_admin: false,
  scopes: [],
  permissions: {
    can_manage_users: false,
    can_reset_passwords: false,
    can_delete_users: false,
    manageable_roles: [],
    can_add_connections: true,
    can_add_streams: true,
  },
  totp_enabled: false,
  created_at: "2026-11-28T00:00:00.000Z",
};
const draft = { ...draftOf(ME) };

describe("what of a profile is sent", () => {
  test("nothing of one that was not touched", () => {
    expect(changesOf(ME, draft)).toEqual({});
  });

  test("only what differs, and of the status both parts", () => {
    expect(changesOf(ME, { ...draft, nickname: " Ada ", status: "busy" })).toEqual({
      nickname: "Ada",
      status: { status: "busy", status_message: "" },
    });
    expect(changesOf(ME, { ...draft, anonymous: true })).toEqual({ anonymous: true });
  });

  test("an emptied nickname is removed; spaces around one change nothing", () => {
    expect(changesOf(ME, { ...draft, nickname: "  " })).toEqual({ nickname: null });
    expect(changesOf(ME, { ...draft, nickname: "Ada L " })).toEqual({});
  });

  test("the avatar whole, with the one picture that is chosen", () => {
    const both = { ...draft, initials: "AL", emoji: "🌊" };
    expect(avatarOf(both)).toEqual({ color: "#0d7567", initials: "AL" });
    expect(avatarOf({ ...both, picture: "emoji" as const })).toEqual({ color: "#0d7567", emoji: "🌊" });
    expect(changesOf(ME, { ...draft, color: null })).toEqual({ avatar: {} });
  });
});

test("what is wrong is said by field, before it is sent", () => {
  expect(draftFaults(draft)).toEqual({});
  const wrong = { ...draft, nickname: "A", status_message: "x".repeat(101), picture: "emoji" as const, emoji: "a b" };
  expect(Object.keys(draftFaults(wrong)).sort()).toEqual(["emoji", "nickname", "status_message"]);
  expect(draftFaults({ ...draft, initials: "?!" })).toEqual({ initials: "must be one or two letters or digits" });
});
