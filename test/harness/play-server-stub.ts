/**
 * A media worker's play server as the Worker reaches it through its `MEDIA` binding in tests: checks signatures, and
 * serves or fails as the host in its address says.
 */
import { gzipSync } from "node:zlib";
import { linkKeys } from "#kit/link-keys";
import { REQUEST_SIGNATURE_HEADER, verifyRequest } from "#kit/request-signature";

export const MASTER_TEXT = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000,CODECS="avc1.64001f"\nsource.m3u8\n';
export const SEGMENT = new Uint8Array(1000).map((_, index) => index % 251);

const PLAYLIST_TYPE = "application/vnd.apple.mpegurl";

/** The first label of the host is the media worker's id, the second says how it behaves: `http://mw_1.play.test`. */
export function playServerStub(secret: string): (request: Request) => Promise<Response> {
  return async (request) => {
    const url = new URL(request.url);
    const [workerId = "", behaviour = ""] = url.hostname.split(".");
    const { request: keys } = await linkKeys(secret, workerId, Date.now());
    const signature = request.headers.get(REQUEST_SIGNATURE_HEADER);
    const path = url.pathname + url.search;
    if (!(await verifyRequest(keys, signature, request.method, path, Date.now()))) return status(403);
    switch (behaviour) {
      case "play":
        return serve(request, url);
      case "broken":
        return status(500);
      case "busy":
        return status(503);
      case "empty":
        return status(404);
      default:
        return status(501);
    }
  };
}

const status = (code: number) => new Response(null, { status: code });

function serve(request: Request, url: URL): Response {
  const name = url.pathname.split("/").at(-1) ?? "";
  // What arrived, for tests to look at: nothing of the viewer's may come this far.
  const seen = JSON.stringify(Object.fromEntries(request.headers));
  const headers = new Headers({ etag: `"${name}"`, "x-seen": seen });
  if (name.endsWith(".m3u8")) {
    headers.set("content-type", PLAYLIST_TYPE);
    const text = name === "index.m3u8" ? MASTER_TEXT : `#EXTM3U\n#QUERY:${url.search}\n#SEEN:${seen}\n`;
    const gzip = request.headers.get("accept-encoding")?.includes("gzip") ?? false;
    if (gzip) headers.set("content-encoding", "gzip");
    return new Response(gzip ? gzipSync(text) : text, { headers });
  }
  headers.set("content-type", "video/mp4");
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "");
  if (!range) return new Response(SEGMENT, { headers });
  const [from, to] = [Number(range[1]), Number(range[2])];
  if (from >= SEGMENT.length) return new Response(null, { status: 416, headers });
  headers.set("content-range", `bytes ${from}-${to}/${SEGMENT.length}`);
  return new Response(SEGMENT.subarray(from, to + 1), { status: 206, headers });
}
