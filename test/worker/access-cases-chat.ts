/** The access matrix's calls of chat, and of what is open to whoever looks after the whole. */
import { expect } from "vitest";
import { chat_members } from "../../schema/tables/chat.ts";
import { eventually } from "../harness/eventually.ts";
import type { Person } from "./access-callers.ts";
import { type Cases, fresh } from "./access-case.ts";
import { connect, newChannel } from "./chat.ts";
import { db, newStream, newUser } from "./client.ts";

/** The number of a message in a channel of somebody else's, to which the owner was let in. */
async function message(owner: Person, kind: string): Promise<number> {
  const id = await newChannel(await newUser("moderator"), { name: fresh("read"), visibility: kind });
  await db.insert(chat_members).values({ channel_id: id, user_id: owner.id, role: "member", added_at: Date.now() });
  const socket = await connect({ authorization: `Bearer ${owner.token}` });
  socket.send({ type: "join", channel_id: id });
  await socket.next("channel_info");
  socket.send({ type: "message", message: "Good evening" });
  const said = await socket.next("message");
  socket.close(1000);
  return said.id;
}

export const CHAT_CASES: Cases = {
  listChannels: {},
  createChannel: {
    owner: { private: "admin" },
    make: (_, visibility) => ({ body: { name: fresh("made"), visibility } }),
  },
  updateChannel: {
    owner: { channel: "admin" },
    make: async (owner, kind) => {
      const ofStream = kind === "of a stream";
      const id = ofStream ? (await newStream(owner.token)).chat_channel_id : await newChannel(owner);
      return { params: { id }, body: { topic: "Tonight" } };
    },
  },
  deleteChannel: { owner: "admin", make: async (owner) => ({ params: { id: await newChannel(owner) } }) },
  clearChannel: { owner: "superadmin", make: async (owner) => ({ params: { id: await newChannel(owner) } }) },
  getThread: { make: async (owner, kind) => ({ params: { id: await message(owner, kind) } }) },
  openChat: {
    // All are let in, and told on the socket if their credential does not hold.
    async send(headers) {
      const socket = await connect(headers);
      await eventually(() => expect(socket.texts).not.toEqual([]));
      const [first = ""] = socket.texts;
      socket.close(1000);
      return JSON.parse(first).error_code === "unauthenticated" ? 401 : 101;
    },
  },
};

export const ADMIN_CASES: Cases = {
  getHealth: {},
  getLiveness: {},
  getReadiness: {},
  getOpenApi: {},
  listActivity: {},
  getPublicStats: {},
  readAuditLog: { owner: "admin" },
};
