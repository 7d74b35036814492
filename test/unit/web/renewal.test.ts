import { afterEach, expect, test, vi } from "vitest";
import { freshRendition, Renewal } from "../../../web/player/renewal.ts";

const at = (token: string, name: string) => `https://sluice.test/api/stream/pub_x/hls/${token}/${name}`;

afterEach(() => vi.unstubAllGlobals());

test("addresses are left alone until a token is renewed, and then every older one leads to the newest", () => {
  const renewal = new Renewal();
  expect(renewal.apply(at("a", "source.m3u8?_HLS_msn=3"))).toBe(at("a", "source.m3u8?_HLS_msn=3"));
  renewal.renew(at("a", "source.m3u8"), at("b", "source.m3u8"));
  expect(renewal.apply(at("a", "source.m3u8?_HLS_msn=3"))).toBe(at("b", "source.m3u8?_HLS_msn=3"));
  renewal.renew(at("a", "source.m3u8"), at("c", "source.m3u8"));
  for (const token of ["a", "b", "c"]) expect(renewal.apply(at(token, "e-7.m4s"))).toBe(at("c", "e-7.m4s"));
  expect(renewal.apply("https://elsewhere.test/a/e-7.m4s")).toBe("https://elsewhere.test/a/e-7.m4s");
});

const answering = (status: number, body = "") =>
  vi.stubGlobal("fetch", async () => {
    const reply = new Response(body, { status });
    Object.defineProperty(reply, "url", { value: "https://sluice.test/api/stream/pub_x/hls/index.m3u8" });
    return reply;
  });

test("the rendition of a fresh index is found, whatever stands before it", async () => {
  answering(200, "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n\nb/source.m3u8\n");
  expect(await freshRendition("index.m3u8")).toEqual({ url: at("b", "source.m3u8") });
});

test.each([
  [403, "refused"],
  [404, "gone"],
  [500, "network"],
  [200, "network"],
])("an index that answers %d says why there is none", async (status, failure) => {
  answering(status);
  expect(await freshRendition("index.m3u8")).toEqual({ failure });
});
