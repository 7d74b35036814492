/** Who may enter which channel, and as what: every kind of channel, every kind of visitor. */
import { eq } from "drizzle-orm";
import { beforeAll, describe, expect, test } from "vitest";
import type { ChatIdentity } from "../../schema/contract/chat-rpc.ts";
import { hashKey, newKey } from "../../schema/kit/keys.ts";
import { chat_members } from "../../schema/tables/chat.ts";
import { streams } from "../../schema/tables/streams.ts";
import { type ChannelRef, openChannel } from "../../workers/chat/open-channel.ts";
import { channelRow, GUEST, identityOf, newChannel, type User } from "./chat.ts";
import { db, newStream, newUser, system } from "./client.ts";

const VISITORS = [
  "guest",
  "user",
  "moderator",
  "admin",
  "narrowed admin",
  "owner",
  "owner by key",
  "member",
  "channel moderator",
] as const;
type Visitor = (typeof VISITORS)[number];

const identities = {} as Record<Visitor, ChatIdentity>;
const channels: Record<string, number> = {};
const keys: Record<string, { live: string; pub: string; id: number }> = {};
let owner: User;

beforeAll(async () => {
  owner = await newUser();
  const [user, moderator, admin, member, chief] = await Promise.all([
    newUser(),
    newUser("moderator"),
    newUser("admin"),
    newUser(),
    newUser(),
  ]);
  const open = await newChannel(moderator);
  const closed = await newChannel(moderator, { visibility: "private" });
  Object.assign(channels, { public: open, private: closed });
  for (const channel_id of [open, closed]) {
    await db.insert(chat_members).values([
      { channel_id, user_id: member.id, role: "member", added_at: 0 },
      { channel_id, user_id: chief.id, role: "moderator", added_at: 0 },
    ]);
  }
  for (const [name, fields] of Object.entries({
    "stream for guests": { is_public: 1, allow_unauthenticated: 1 },
    "stream for users": { is_public: 1, allow_unauthenticated: 0 },
    "private stream": { is_public: 0, allow_unauthenticated: 1 },
  })) {
    const stream = await newStream(owner.token, fields);
    channels[name] = stream.chat_channel_id;
    keys[name] = { live: stream.stream_key, pub: stream.public_key, id: stream.id };
  }
  Object.assign(identities, {
    guest: GUEST,
    user: identityOf(user),
    moderator: identityOf(moderator),
    admin: identityOf(admin),
    "narrowed admin": identityOf(admin, { scopes: ["services:read"] }),
    owner: identityOf(owner),
    "owner by key": identityOf(owner, {
      session: `stream-key:${await hashKey(keys["stream for users"]?.live ?? "")}`,
      stream_id: keys["stream for users"]?.id ?? 0,
    }),
    member: identityOf(member),
    "channel moderator": identityOf(chief),
  });
});

/** Their standing, or the code of the refusal. */
const outcome = (who: ChatIdentity, ref: ChannelRef): Promise<string> =>
  openChannel(system(), who, ref).then(
    ({ standing }) => standing,
    ({ code }) => code,
  );

const NO = "not_found";
const SIGN_IN = "unauthenticated";

const TABLE: Record<string, Record<Visitor, string>> = {
  public: {
    guest: SIGN_IN,
    user: "member",
    moderator: "moderator",
    admin: "moderator",
    "narrowed admin": "member",
    owner: "member",
    "owner by key": NO,
    member: "member",
    "channel moderator": "moderator",
  },
  private: {
    guest: SIGN_IN,
    user: NO,
    moderator: "moderator",
    admin: "moderator",
    "narrowed admin": NO,
    owner: NO,
    "owner by key": NO,
    member: "member",
    "channel moderator": "moderator",
  },
  "stream for guests": {
    guest: "guest",
    user: "member",
    moderator: "moderator",
    admin: "moderator",
    "narrowed admin": "member",
    owner: "moderator",
    "owner by key": NO,
    member: "member",
    "channel moderator": "member",
  },
  "stream for users": {
    guest: SIGN_IN,
    user: "member",
    moderator: "moderator",
    admin: "moderator",
    "narrowed admin": "member",
    owner: "moderator",
    "owner by key": "moderator",
    member: "member",
    "channel moderator": "member",
  },
  "private stream": {
    guest: SIGN_IN,
    user: NO,
    moderator: NO,
    admin: "moderator",
    "narrowed admin": NO,
    owner: "moderator",
    "owner by key": NO,
    member: NO,
    "channel moderator": NO,
  },
};
const CASES = Object.entries(TABLE).flatMap(([channel, row]) =>
  VISITORS.map((visitor) => [channel, visitor, row[visitor]] as const),
);

test.each(CASES)("%s, %s: %s", async (channel, visitor, expected) => {
  const id = channels[channel] ?? 0;
  const { name = "" } = (await channelRow(id)) ?? {};
  const key = keys[channel];
  for (const ref of [{ id }, { name }, ...(key ? [{ stream_key: key.pub }] : [])]) {
    expect(await outcome(identities[visitor], ref), JSON.stringify(ref)).toBe(expected);
  }
});

describe("a live_ key", () => {
  test.each([
    ["guest", "guest"],
    ["user", "member"],
    ["moderator", "moderator"],
    ["owner", "moderator"],
    ["owner by key", NO],
  ] as const)("opens a private stream's channel for whoever holds it: %s", async (visitor, expected) => {
    const stream_key = keys["private stream"]?.live ?? "";
    expect(await outcome(identities[visitor], { stream_key })).toBe(expected);
  });

  test.each([newKey("live_"), newKey("pub_"), "live_short", "general", ""])("that is none: %s", async (stream_key) => {
    for (const visitor of ["guest", "user"] as const) {
      expect(await outcome(identities[visitor], { stream_key })).toBe("bad_key");
    }
  });
});

test("what does not exist is not found, and guests learn only that they are not signed in", async () => {
  for (const ref of [{ id: 1e9 }, { name: "nothing" }]) {
    expect(await outcome(identities.user, ref)).toBe(NO);
    expect(await outcome(identities.guest, ref)).toBe(SIGN_IN);
  }
});

test("what the room is told follows the stream", async () => {
  const { id } = keys["private stream"] ?? expect.fail();
  await db.update(streams).set({ is_live: 1, live_version: 9 }).where(eq(streams.id, id));
  const { config } = await openChannel(system(), identities.owner, { id: channels["private stream"] ?? 0 });
  expect(config).toMatchObject({
    id: channels["private stream"],
    version: 1,
    visibility: "private",
    mode: "open",
    slowmode_seconds: 0,
    stream: { id, user_id: owner.id, is_public: false, allow_unauthenticated: true, is_live: 1, live_version: 9 },
  });
  expect(config.description).toBe(`Chat of the stream ${config.stream?.title}`);
});
