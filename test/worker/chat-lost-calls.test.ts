/** What the database says and a room has not heard, or did without being believed. */
import { eq } from "drizzle-orm";
import { beforeAll, describe, expect, test } from "vitest";
import type { ChatRoomRpc } from "../../schema/contract/chat-rpc.ts";
import { messageId } from "../../schema/kit/message-id.ts";
import { chat_rooms } from "../../schema/tables/chat.ts";
import { clearChannel } from "../../workers/chat/clear-channel.ts";
import { deleteChannel } from "../../workers/chat/delete-channel.ts";
import { sweepRooms } from "../../workers/chat/sweep-rooms.ts";
import { countUnread } from "../../workers/chat/unread.ts";
import type { Ctx } from "../../workers/core/context.ts";
import { channelRow, newChannel, type User, written } from "./chat.ts";
import { bindings, db, logged, newUser, system } from "./client.ts";

let root: User;

beforeAll(async () => {
  root = await newUser("superadmin");
});

type Method = "clear" | "destroy" | "newest";

/** For `root`. Of the first `times` calls of rooms the answers are lost, or the calls themselves. */
function faulty(method: Method, what: "call" | "answer", times: number): Ctx {
  let left = times;
  const getByName = (name: string) => {
    const room = bindings.CHAT_ROOM.getByName(name);
    const call = async (...args: unknown[]) => {
      const isLost = left-- > 0;
      if (isLost && what === "call") throw new Error("the call was lost");
      const reply = await (room[method] as unknown as (...args: unknown[]) => Promise<unknown>)(...args);
      if (isLost) throw new Error("the answer was lost");
      return reply;
    };
    return { [method]: call } as Partial<ChatRoomRpc>;
  };
  const { id, username, role, session } = root;
  return {
    ...system(),
    env: { ...bindings, CHAT_ROOM: { getByName } as unknown as typeof bindings.CHAT_ROOM },
    actor: { kind: "user", id, username, role, session, scopes: ["*"], via: "token" },
  };
}

const roomRow = (id: number) => db.select().from(chat_rooms).where(eq(chat_rooms.id, id)).get();
const shown = async (id: number) =>
  (await bindings.CHAT_ROOM.getByName(String(id)).history(messageId(id, 99), 50)).history;

test("a channel that is cleared is told once how many messages there were, though the answer was lost", async () => {
  logged("error");
  const id = await written(root, 3);
  expect(await clearChannel(faulty("clear", "answer", 1), id)).toBe(3);
  expect(await shown(id)).toEqual([]);
});

test("what is unread is what was written since, when the room does not say it", async () => {
  logged("error");
  const id = await newChannel(root);
  const ctx = faulty("newest", "call", 2);
  expect(await countUnread(ctx, { id, last_seq: 9 }, 2)).toBe(7);
  expect(await countUnread(ctx, { id, last_seq: 5_000 }, 2)).toBe(1_000);
});

test("a room is not asked again at once what is unread, whoever wants to know", async () => {
  const id = await written(root, 4);
  const ctx = faulty("newest", "call", 0);
  const at = Date.now();
  const unread = (now: number, read: number) => countUnread({ ...ctx, now: () => now }, { id, last_seq: 4 }, read);
  expect([await unread(at, 1), await unread(at, 3), await unread(at, 4)]).toEqual([3, 1, 0]);
  await clearChannel(faulty("clear", "call", 0), id);
  expect(await unread(at + 1_999, 1)).toBe(3);
  expect(await unread(at + 2_000, 1)).toBe(0);
});

describe("of a channel that is deleted", () => {
  test("nothing is left, not even its room's number", async () => {
    const id = await written(root, 2);
    await deleteChannel(faulty("destroy", "call", 0), id);
    expect(await roomRow(id)).toBeUndefined();
    expect(await shown(id)).toEqual([]);
  });

  test.each(["call", "answer"] as const)("one %s that is lost is made up for at once", async (what) => {
    logged("error");
    const id = await written(root, 2);
    await deleteChannel(faulty("destroy", what, 1), id);
    expect(await roomRow(id)).toBeUndefined();
    expect(await shown(id)).toEqual([]);
  });

  test("the messages go with the minute, when the room could not be reached", async () => {
    logged("error");
    const id = await written(root, 2);
    await deleteChannel(faulty("destroy", "call", 3), id);
    expect(await channelRow(id)).toBeUndefined();
    expect(await shown(id)).toHaveLength(2);
    expect(await sweepRooms(faulty("destroy", "call", 1))).toBe(0);
    expect(await shown(id)).toHaveLength(2);
    expect(await sweepRooms(system())).toBe(1);
    expect(await shown(id)).toEqual([]);
    expect(await roomRow(id)).toBeUndefined();
    expect(await sweepRooms(system())).toBe(0);
  });

  test("the room goes, and no channel's that is there", async () => {
    const id = await written(root, 1);
    expect(await sweepRooms(system())).toBe(0);
    expect(await shown(id)).toHaveLength(1);
  });
});
