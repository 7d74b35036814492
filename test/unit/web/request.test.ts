/** What a page makes of an answer that begins and does not end. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { z } from "zod";
import { request } from "../../../web/api/request.ts";

beforeEach(() => {
  vi.stubGlobal("navigator", { onLine: true });
  vi.stubGlobal("fetch", async (_: string, { signal }: { signal: AbortSignal }) => {
    const body = new ReadableStream({
      start(stream) {
        stream.enqueue(new TextEncoder().encode('{"begins":'));
        signal.addEventListener("abort", () => stream.error(signal.reason));
      },
    });
    return new Response(body);
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test("the server does not answer", async () => {
  const { timeout } = AbortSignal;
  vi.spyOn(AbortSignal, "timeout").mockImplementation(() => timeout.call(AbortSignal, 50));
  await expect(request("GET", "/api/me", z.unknown())).rejects.toMatchObject({
    kind: "offline",
    message: "The server does not answer.",
  });
});

test("whoever does not want it any more is told just that", async () => {
  const wanted = new AbortController();
  const asked = request("GET", "/api/me", z.unknown(), undefined, wanted.signal);
  setTimeout(() => wanted.abort(), 20);
  await expect(asked).rejects.toMatchObject({ name: "AbortError" });
});
