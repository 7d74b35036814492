import {
  createExecutionContext,
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject,
  waitOnExecutionContext,
} from "cloudflare:test";
import { beforeEach, describe, expect, test } from "vitest";
import { app } from "../../workers/application.ts";
import type { Env } from "../../workers/core/env.ts";
import { bindings, call, logged, newUser, PASSWORD } from "./client.ts";

const attempt = (ip: string, path = "/api/token", body: unknown = { username: "ada", password: "wrong" }) =>
  call("POST", path, { body, headers: { "cf-connecting-ip": ip } });

async function withEnv(changes: Partial<Record<keyof Env, unknown>>, headers: Record<string, string> = {}) {
  const execution = createExecutionContext();
  const request = new Request("http://sluice.test/api/token", {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    // Refused before a password is hashed, after it was counted.
    body: "{}",
  });
  const response = await app.fetch(request, { ...bindings, ...changes } as Env, execution);
  await waitOnExecutionContext(execution);
  return response;
}

beforeEach(() => {
  logged("warn");
});

describe("signing in", () => {
  test("ten attempts a minute and address, counted down in headers; then 429 with the time to wait", async () => {
    for (let left = 9; left >= 0; left--) {
      const { status, headers } = await attempt("192.0.2.1");
      expect(status).toBe(401);
      expect(headers.get("x-ratelimit-limit")).toBe("10");
      expect(headers.get("x-ratelimit-remaining")).toBe(String(left));
      const reset = Number(headers.get("x-ratelimit-reset"));
      expect(reset - Date.now() / 1000).toBeLessThanOrEqual(61);
    }
    const { status, headers, body } = await attempt("192.0.2.1");
    expect(status).toBe(429);
    expect(body).toEqual({
      error: expect.stringContaining("Too many requests"),
      status: 429,
      request_id: expect.any(String),
      retry_after: Number(headers.get("retry-after")),
    });
    expect(Number(headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(Number(headers.get("retry-after"))).toBeLessThanOrEqual(60);
    expect(headers.get("x-ratelimit-remaining")).toBe("0");
  });

  test("the right password does not help either, and costs no hash", async () => {
    const user = await newUser();
    const right = { username: user.username, password: PASSWORD };
    const before = Date.now();
    expect((await attempt("192.0.2.1", "/api/token", right)).status).toBe(429);
    expect(Date.now() - before).toBeLessThan(30);
    expect((await attempt("192.0.2.2", "/api/token", right)).status).toBe(200);
  });

  test("both ways in share the count", async () => {
    for (let n = 0; n < 5; n++) await attempt("192.0.2.3", "/api/token", {});
    for (let n = 0; n < 5; n++) expect((await attempt("192.0.2.3", "/login", {})).status).toBe(400);
    expect((await attempt("192.0.2.3", "/login")).status).toBe(429);
  });

  test("IPv6 is counted by /64, IPv4 in IPv6 as IPv4", async () => {
    for (let n = 0; n < 10; n++) await attempt(`2001:db8:1:2::${n + 1}`, "/api/token", {});
    expect((await attempt("2001:db8:1:2:ffff::9")).status).toBe(429);
    expect((await attempt("2001:db8:1:3::1", "/api/token", {})).status).toBe(400);
    expect((await attempt("::ffff:192.0.2.1", "/api/token", {})).status).toBe(429);
  });

  test("fifty at once: exactly ten are let through", async () => {
    const replies = await Promise.all(Array.from({ length: 50 }, () => attempt("192.0.2.50", "/api/token", {})));
    expect(replies.filter(({ status }) => status === 400)).toHaveLength(10);
    expect(replies.filter(({ status }) => status === 429)).toHaveLength(40);
  });
});

describe("whose address is believed", () => {
  const limitOf = async (changes: Partial<Record<keyof Env, unknown>>, headers: Record<string, string>) => {
    const response = await withEnv(changes, headers);
    return [response.headers.get("x-ratelimit-limit"), response.headers.get("x-ratelimit-remaining")];
  };

  test("nobody's: all count as one, with room for a team, whatever headers say", async () => {
    const local = { SLUICE_TRUST_PROXY: "0" };
    expect(await limitOf(local, { "cf-connecting-ip": "192.0.2.99" })).toEqual(["100", "99"]);
    expect(await limitOf(local, { "x-forwarded-for": "192.0.2.98" })).toEqual(["100", "98"]);
  });

  test("one proxy's: the last entry of X-Forwarded-For, which the client cannot choose", async () => {
    const proxied = { SLUICE_TRUST_PROXY: "1" };
    expect(await limitOf(proxied, { "x-forwarded-for": "203.0.113.1" })).toEqual(["10", "9"]);
    expect(await limitOf(proxied, { "x-forwarded-for": "1.1.1.1, 203.0.113.1" })).toEqual(["10", "8"]);
    expect(await limitOf(proxied, { "x-forwarded-for": "2.2.2.2,203.0.113.1", "cf-connecting-ip": "3.3.3.3" })).toEqual(
      ["10", "7"],
    );
  });

  test("two proxies': the last but one; what is no address counts as unknown", async () => {
    const two = { SLUICE_TRUST_PROXY: "2" };
    expect(await limitOf(two, { "x-forwarded-for": "9.9.9.9, 203.0.113.2, 10.0.0.1" })).toEqual(["10", "9"]);
    expect((await limitOf(two, { "x-forwarded-for": "203.0.113.2" }))[0]).toBe("100");
    expect((await limitOf(two, { "x-forwarded-for": "nonsense, 10.0.0.1" }))[0]).toBe("100");
  });
});

test("when nobody can count, nobody signs in: 503 after a second try", async () => {
  const errors = logged("error");
  let tries = 0;
  const RATE_LIMITER = {
    getByName: () => ({
      take: async () => {
        tries += 1;
        throw new Error("object gone");
      },
    }),
  };
  const response = await withEnv({ RATE_LIMITER });
  expect([response.status, response.headers.get("retry-after"), tries]).toEqual([503, "1", 2]);
  expect(errors).toHaveLength(1);
});

describe("the object", () => {
  test("a limit that makes no sense is a fault of ours", async () => {
    await runInDurableObject(bindings.RATE_LIMITER.getByName("odd"), async (limiter) => {
      await expect(limiter.take(0, 1000, 1)).rejects.toThrow("no such limit");
      await expect(limiter.take(1, 1000, 0)).rejects.toThrow("no such limit");
      await expect(limiter.take(1, 86_400_001, 1)).rejects.toThrow("no such limit");
    });
  });

  test("a window ends: then all is as at first", async () => {
    const limiter = bindings.RATE_LIMITER.getByName("short");
    expect(await limiter.take(1, 20, 1)).toMatchObject({ granted: 1, remaining: 0 });
    expect(await limiter.take(1, 20, 1)).toMatchObject({ granted: 0 });
    const deadline = Date.now() + 2_000;
    while ((await limiter.take(1, 20, 1)).granted === 0) expect(Date.now()).toBeLessThan(deadline);
  });

  test("a thousand at once: exactly the limit, whatever they ask for", async () => {
    const limiter = bindings.RATE_LIMITER.getByName("thousand");
    const grants = await Promise.all(Array.from({ length: 1_000 }, (_, n) => limiter.take(60, 60_000, 1 + (n % 7))));
    expect(grants.reduce((sum, { granted }) => sum + granted, 0)).toBe(60);
  });

  test("a long window outlives the object, and is deleted when it is over", async () => {
    const limiter = bindings.RATE_LIMITER.getByName("long");
    const { reset_at } = await limiter.take(2, 900_000, 1);
    await evictDurableObject(limiter);
    expect(await limiter.take(2, 900_000, 1)).toMatchObject({ granted: 1, remaining: 0, reset_at });
    await evictDurableObject(limiter);
    expect(await limiter.take(2, 900_000, 1)).toMatchObject({ granted: 0, reset_at });
    const kept = () => runInDurableObject(limiter, (_, { storage }) => [...storage.kv.list()].length);
    // Rung too early, it only waits on.
    expect(await runDurableObjectAlarm(limiter)).toBe(true);
    expect(await kept()).toBe(1);
    await runInDurableObject(limiter, (_, { storage }) => storage.kv.put("window", { used: 2, reset_at: Date.now() }));
    expect(await runDurableObjectAlarm(limiter)).toBe(true);
    expect(await kept()).toBe(0);
    expect(await runDurableObjectAlarm(limiter)).toBe(false);
  });
});
