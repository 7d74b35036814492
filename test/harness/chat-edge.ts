/** The control plane with chat objects that tests can have fail. */
import type { UserRole } from "#contract/identity";
import type { ChatLook, ChatObject, TestUser } from "./chat-orders.ts";
import { startTestEdge, type TestEdge } from "./test-edge.ts";

export type ChatEdge = Omit<TestEdge, "ask"> & {
  /** New accounts, with a session each. */
  users(count: number, role?: UserRole): Promise<TestUser[]>;
  /** Resolves when the object is gone; the next call makes it anew from its storage. */
  abort(object: ChatObject, name: string): Promise<void>;
  look(): Promise<ChatLook>;
};

export type ChatEdgeOptions = {
  /** How many gateways a region has; default 1, as `npm start` has it. */
  shards?: number;
};

export async function startChatEdge({ shards = 1 }: ChatEdgeOptions = {}): Promise<ChatEdge> {
  const { ask, ...edge } = await startTestEdge({
    entry: "test/harness/faulty-worker.ts",
    bindings: { SLUICE_CHAT_SHARDS: String(shards) },
    objects: { NAIVE_ROOM: "NaiveRoom" },
  });
  return {
    ...edge,
    users: (count, role = "user") => ask("POST", "users", { count, role }) as Promise<TestUser[]>,
    abort: async (object, name) => void (await ask("POST", "abort", { object, name })),
    look: () => ask("GET", "chat") as Promise<ChatLook>,
  };
}
