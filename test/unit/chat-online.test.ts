/** How many users are online, as a gateway tells D1. */
import { beforeEach, expect, test } from "vitest";
import { guestOf, userOf } from "../harness/chat-cast.ts";
import { ChatWorld, type GatewayHost } from "../harness/chat-world.ts";

const SECOND = 1_000;
const MINUTE = 60_000;

let world: ChatWorld;
let gateway: GatewayHost;

beforeEach(() => {
  world = new ChatWorld();
  gateway = world.gateway();
});

const connect = (user_id: number) => gateway.connect(userOf(user_id));

test("each counts once, however many sockets they have, and guests do not", async () => {
  const [first, second] = [await connect(1), await connect(1)];
  await gateway.connect(guestOf());
  await connect(2);
  await world.pass(10 * SECOND);
  expect(gateway.online.at(-1)).toBe(2);
  gateway.gateway.disconnect(first.id);
  await world.pass(10 * SECOND);
  expect(gateway.online.at(-1)).toBe(2);
  gateway.gateway.disconnect(second.id);
  await world.pass(10 * SECOND);
  expect(gateway.online.at(-1)).toBe(1);
});

test("the first is told at once, and more at most every ten seconds", async () => {
  const people = [await connect(1)];
  await world.pass(0);
  expect(gateway.online).toEqual([1]);
  for (let id = 2; id <= 40; id++) people.push(await connect(id));
  await world.pass(9 * SECOND);
  expect(gateway.online).toEqual([1]);
  await world.pass(1 * SECOND);
  expect(gateway.online).toEqual([1, 40]);
  for (const { id } of people) gateway.gateway.disconnect(id);
  await world.pass(10 * SECOND);
  expect(gateway.online).toEqual([1, 40, 0]);
});

test("who comes and goes meanwhile is not worth a word", async () => {
  await connect(1);
  await world.pass(0);
  const { id } = await connect(2);
  gateway.gateway.disconnect(id);
  await world.pass(MINUTE);
  expect(gateway.online).toEqual([1]);
});

test("it is renewed while somebody is there, and nobody wakes when nobody is", async () => {
  const { id } = await connect(1);
  await world.pass(35 * MINUTE);
  expect(gateway.online).toEqual([1, 1, 1, 1]);
  gateway.gateway.disconnect(id);
  await world.pass(MINUTE);
  expect(gateway.online.at(-1)).toBe(0);
  expect(gateway.alarmAt).toBeNull();
});

test("after sleep it is not told again; after a crash the next alarm says that nobody is there", async () => {
  await connect(1);
  await world.pass(10 * SECOND);
  await gateway.sleep();
  await world.pass(9 * MINUTE);
  expect(gateway.online).toEqual([1]);
  await connect(2);
  await world.pass(10 * SECOND);
  expect(gateway.online).toEqual([1, 2]);
  await gateway.crash();
  await world.pass(10 * MINUTE);
  expect(gateway.online).toEqual([1, 2, 0]);
});

test("what did not arrive is told again ten seconds later", async () => {
  world.lose("tellOnline", 2);
  await connect(1);
  await world.pass(19 * SECOND);
  expect(gateway.online).toEqual([]);
  expect(world.failures).toHaveLength(2);
  await world.pass(1 * SECOND);
  expect(gateway.online).toEqual([1]);
});
