/** The S3 of the tests holds to S3's rules, asked by a client that is not ours. */
import { createHash, randomBytes } from "node:crypto";
import { request as httpRequest } from "node:http";
import { AwsClient } from "aws4fetch";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { S3Stub } from "../harness/s3-stub.ts";

const MIB = 1024 * 1024;

let s3: S3Stub;
let client: AwsClient;
beforeEach(async () => {
  s3 = new S3Stub();
  await s3.start();
  client = clientOf(s3);
  return () => s3.close();
});

const clientOf = (stub: S3Stub, change: Partial<S3Stub["credentials"]> = {}) =>
  new AwsClient({ ...stub.credentials, ...change, service: "s3", retries: 0 });
const at = (path: string) => `${s3.endpoint}/sluice${path}`;
const codeOf = async (response: Response) => /<Code>(\w+)</.exec(await response.text())?.[1];
const idOf = async (response: Response) => /<UploadId>([^<]+)</.exec(await response.text())?.[1] ?? "";

async function presign(method: string, path: string, seconds = 60, by = client): Promise<string> {
  const url = new URL(at(path));
  url.searchParams.set("X-Amz-Expires", String(seconds));
  return (await by.sign(url, { method, aws: { signQuery: true } })).url;
}

const begin = async (key: string) => idOf(await client.fetch(at(`/${key}?uploads`), { method: "POST" }));

async function putPart(key: string, id: string, n: number, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const url = await presign("PUT", `/${key}?partNumber=${n}&uploadId=${id}`);
  const response = await fetch(url, { method: "PUT", body: bytes });
  expect(response.status).toBe(200);
  return response.headers.get("etag") ?? "";
}

function complete(key: string, id: string, parts: [number, string][]): Promise<Response> {
  const xml = parts.map(([n, etag]) => `<Part><PartNumber>${n}</PartNumber><ETag>${etag}</ETag></Part>`);
  const body = `<CompleteMultipartUpload>${xml.join("")}</CompleteMultipartUpload>`;
  return client.fetch(at(`/${key}?uploadId=${id}`), { method: "POST", body });
}

describe("who may ask", () => {
  it("is who signed, by headers or in the query, with any key in the path", async () => {
    const key = "/a b/ü+%&=(1)*'!~.txt".split("/").map(encodeURIComponent).join("/");
    expect((await client.fetch(at(key), { method: "PUT", body: "text" })).status).toBe(200);
    expect([...s3.objects.keys()]).toEqual(["a b/ü+%&=(1)*'!~.txt"]);
    const url = await presign("GET", `${key}?response-content-disposition=${encodeURIComponent('a; f="x y"')}`);
    const response = await fetch(url);
    expect(await response.text()).toBe("text");
    expect(response.headers.get("content-disposition")).toBe('a; f="x y"');
  });

  it("is nobody else", async () => {
    expect(await codeOf(await fetch(at("/a")))).toBe("AccessDenied");
    expect(await codeOf(await clientOf(s3, { secretAccessKey: "x" }).fetch(at("/a")))).toBe("SignatureDoesNotMatch");
    expect(await codeOf(await clientOf(s3, { accessKeyId: "x" }).fetch(at("/a")))).toBe("InvalidAccessKeyId");
    expect(await codeOf(await clientOf(s3, { region: "x" }).fetch(at("/a")))).toBe("AuthorizationHeaderMalformed");
    const url = await presign("GET", "/a");
    expect(await codeOf(await fetch(url.replace("/a?", "/b?")))).toBe("SignatureDoesNotMatch");
    expect(await codeOf(await fetch(url, { method: "PUT", body: "x" }))).toBe("SignatureDoesNotMatch");
    expect(await codeOf(await fetch(url, { headers: { "x-amz-acl": "public-read" } }))).toBe("AccessDenied");
  });

  it("is nobody too late, or with another clock", async () => {
    const url = await presign("GET", "/a", 60);
    s3.skew_ms = 61_000;
    const late = await fetch(url);
    expect(late.status).toBe(403);
    expect(await late.text()).toContain("Request has expired");
    s3.skew_ms = 16 * 60_000;
    const skewed = await client.fetch(at("/a"));
    expect(skewed.status).toBe(403);
    expect(await codeOf(skewed)).toBe("RequestTimeTooSkewed");
  });

  it("sends the body that was signed", async () => {
    const headers = { "x-amz-content-sha256": createHash("sha256").update("one").digest("hex") };
    const put = (body: string) => client.fetch(at("/a"), { method: "PUT", body, headers });
    expect((await put("one")).status).toBe(200);
    expect(await codeOf(await put("two"))).toBe("XAmzContentSHA256Mismatch");
    expect((await s3.read("a")).toString()).toBe("one");
  });

  it("means a bucket that is there", async () => {
    expect(await codeOf(await client.fetch(`${s3.endpoint}/another/a`))).toBe("NoSuchBucket");
  });
});

describe("objects", () => {
  it("are read whole and in ranges", async () => {
    await s3.put("a", Buffer.from("0123456789"), { content_type: "text/plain" });
    const get = async (range?: string) => {
      const response = await client.fetch(at("/a"), range === undefined ? {} : { headers: { range } });
      return [response.status, response.headers.get("content-range"), await response.text()];
    };
    expect(await get()).toEqual([200, null, "0123456789"]);
    expect(await get("bytes=2-4")).toEqual([206, "bytes 2-4/10", "234"]);
    expect(await get("bytes=8-99")).toEqual([206, "bytes 8-9/10", "89"]);
    expect(await get("bytes=7-")).toEqual([206, "bytes 7-9/10", "789"]);
    expect(await get("bytes=-2")).toEqual([206, "bytes 8-9/10", "89"]);
    expect(await get("lines=1-2")).toEqual([200, null, "0123456789"]);
    expect((await get("bytes=10-")).slice(0, 2)).toEqual([416, "bytes */10"]);
    const head = await client.fetch(at("/a"), { method: "HEAD" });
    expect([head.status, head.headers.get("content-length"), head.headers.get("content-type")]).toEqual([
      200,
      "10",
      "text/plain",
    ]);
  });

  it("are removed, once or twice", async () => {
    await s3.put("a", Buffer.from("x"));
    for (let i = 0; i < 2; i++) expect((await client.fetch(at("/a"), { method: "DELETE" })).status).toBe(204);
    expect(await codeOf(await client.fetch(at("/a")))).toBe("NoSuchKey");
    await s3.put("b", Buffer.from("x"));
    await s3.put("c&d", Buffer.from("x"));
    const body = "<Delete><Object><Key>b</Key></Object><Object><Key>c&amp;d</Key></Object></Delete>";
    expect((await client.fetch(at("?delete"), { method: "POST", body })).status).toBe(200);
    expect(s3.objects.size).toBe(0);
  });

  it("are listed page by page, by prefix", async () => {
    for (const key of ["x/1", "x/2", "x/3", "x/4 & 5", "y/1"]) await s3.put(key, Buffer.from("x"));
    s3.pageSize = 2;
    const found: string[] = [];
    for (let token = ""; ; ) {
      const more = token && `&continuation-token=${encodeURIComponent(token)}`;
      const xml = await (await client.fetch(at(`?list-type=2&prefix=x%2F${more}`))).text();
      found.push(...Array.from(xml.matchAll(/<Key>(.*?)</g), ([, key = ""]) => key));
      if (xml.includes("<IsTruncated>false")) break;
      token = /<NextContinuationToken>(.*?)</.exec(xml)?.[1] ?? "";
    }
    expect(found).toEqual(["x/1", "x/2", "x/3", "x/4 &amp; 5"]);
  });
});

describe("multipart uploads", () => {
  it("join equal parts and a shorter last one, a part sent again instead of the first", async () => {
    const [first, second, last] = [randomBytes(5 * MIB), randomBytes(5 * MIB), randomBytes(1000)];
    const id = await begin("v/a.mp4");
    await putPart("v/a.mp4", id, 1, randomBytes(5 * MIB));
    const etags: [number, string][] = [];
    for (const [n, bytes] of [[3, last] as const, [2, second] as const, [1, first] as const]) {
      etags.unshift([n, await putPart("v/a.mp4", id, n, bytes)]);
    }
    expect((await complete("v/a.mp4", id, etags)).status).toBe(200);
    expect((await s3.read("v/a.mp4")).equals(Buffer.concat([first, second, last]))).toBe(true);
    expect(s3.objects.get("v/a.mp4")?.etag).toMatch(/^"[0-9a-f]{32}-3"$/);
    expect(await codeOf(await complete("v/a.mp4", id, etags))).toBe("NoSuchUpload");
    expect(s3.uploads).toEqual([]);
  });

  it("are refused with small, unequal, unordered or unknown parts", async () => {
    const id = await begin("a");
    const small = await putPart("a", id, 1, randomBytes(1000));
    const five = await putPart("a", id, 2, randomBytes(5 * MIB));
    const six = await putPart("a", id, 3, randomBytes(6 * MIB));
    const code = async (parts: [number, string][]) => codeOf(await complete("a", id, parts));
    expect(
      await code([
        [1, small],
        [2, five],
      ]),
    ).toBe("EntityTooSmall");
    expect(
      await code([
        [2, five],
        [3, six],
      ]),
    ).toBe("InvalidPart");
    expect(
      await code([
        [3, six],
        [2, five],
      ]),
    ).toBe("InvalidPartOrder");
    expect(await code([[2, '"0"']])).toBe("InvalidPart");
    expect((await complete("a", id, [[2, five]])).status).toBe(200);
  });

  it("are listed, aborted and forgotten", async () => {
    const ids = [await begin("x/1"), await begin("x/2"), await begin("y/1")];
    s3.pageSize = 1;
    const first = await (await client.fetch(at("?uploads&prefix=x%2F"))).text();
    expect(first).toContain(`<UploadId>${ids[0]}`);
    expect(first).toContain(`<NextUploadIdMarker>${ids[0]}`);
    const second = await (
      await client.fetch(at(`?uploads&prefix=x%2F&key-marker=x%2F1&upload-id-marker=${ids[0]}`))
    ).text();
    expect(second).toContain(`<UploadId>${ids[1]}`);
    expect(second).toContain("<IsTruncated>false");
    expect((await client.fetch(at(`/x/1?uploadId=${ids[0]}`), { method: "DELETE" })).status).toBe(204);
    expect(await codeOf(await client.fetch(at(`/x/1?uploadId=${ids[0]}`), { method: "DELETE" }))).toBe("NoSuchUpload");
    await s3.expire(ids[1] ?? "");
    const url = await presign("PUT", `/x/2?partNumber=1&uploadId=${ids[1]}`);
    expect((await fetch(url, { method: "PUT", body: "x" })).status).toBe(404);
    s3.unsupported.add("ListMultipartUploads");
    expect((await client.fetch(at("?uploads"))).status).toBe(501);
  });
});

describe("the bucket's configuration", () => {
  const rule = (origin: string) =>
    `<CORSConfiguration><CORSRule><AllowedOrigin>${origin}</AllowedOrigin><AllowedMethod>GET</AllowedMethod>` +
    "<AllowedHeader>range</AllowedHeader><ExposeHeader>Content-Range</ExposeHeader></CORSRule></CORSConfiguration>";
  const preflight = (origin: string, method: string) =>
    fetch(at("/a"), {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": method, "access-control-request-headers": "range" },
    });

  it("answers browsers by its CORS rules", async () => {
    expect(await codeOf(await client.fetch(at("?cors")))).toBe("NoSuchCORSConfiguration");
    expect((await preflight("https://a.test", "GET")).status).toBe(403);
    await client.fetch(at("?cors"), { method: "PUT", body: rule("https://*.test") });
    expect(await (await client.fetch(at("?cors"))).text()).toContain("<AllowedOrigin>https://*.test<");
    const allowed = await preflight("https://a.test", "GET");
    expect([allowed.status, allowed.headers.get("access-control-allow-origin")]).toEqual([200, "https://a.test"]);
    expect((await preflight("https://a.test", "PUT")).status).toBe(403);
    expect((await preflight("https://a.example", "GET")).status).toBe(403);
    const get = await fetch(await presign("GET", "/a"), { headers: { origin: "https://a.test" } });
    expect(get.headers.get("access-control-expose-headers")).toBe("Content-Range");
  });

  it("keeps a lifecycle", async () => {
    expect((await client.fetch(at("?lifecycle"))).status).toBe(404);
    const body = "<LifecycleConfiguration><Rule/></LifecycleConfiguration>";
    await client.fetch(at("?lifecycle"), { method: "PUT", body });
    expect(await (await client.fetch(at("?lifecycle"))).text()).toContain(body);
  });
});

describe("what goes wrong", () => {
  it("goes wrong as often as told, for what was told", async () => {
    s3.fault({ operation: "PutObject", times: 2, effect: { status: 500, code: "InternalError" } });
    const put = async () => (await client.fetch(at("/a"), { method: "PUT", body: "x" })).status;
    expect((await client.fetch(at("/a"), { method: "DELETE" })).status).toBe(204);
    expect([await put(), await put(), await put()]).toEqual([500, 500, 200]);
    expect(s3.asked("PutObject").map(({ status }) => status)).toEqual([500, 500, 200]);
  });

  it("may go wrong after it went well", async () => {
    const id = await begin("a");
    const etag = await putPart("a", id, 1, randomBytes(100));
    const effect = { status: 404, code: "NoSuchUpload", done: true };
    s3.fault({ operation: "CompleteMultipartUpload", times: 1, effect });
    expect(await codeOf(await complete("a", id, [[1, etag]]))).toBe("NoSuchUpload");
    expect(s3.objects.get("a")?.size).toBe(100);
  });

  it("cuts connections in the middle of a body, and before an answer", async () => {
    s3.fault({ operation: "PutObject", times: 1, effect: { cut: "body" } });
    const put = (bytes: Uint8Array<ArrayBuffer>) => client.fetch(at("/a"), { method: "PUT", body: bytes });
    await expect(put(randomBytes(MIB))).rejects.toThrow();
    expect(s3.objects.size).toBe(0);
    s3.fault({ operation: "PutObject", times: 1, effect: { cut: "answer" } });
    await expect(put(randomBytes(MIB))).rejects.toThrow();
    expect(s3.objects.get("a")?.size).toBe(MIB);
    s3.fault({ operation: "GetObject", times: 1, effect: { cut: "body" } });
    await expect(client.fetch(at("/a")).then((response) => response.arrayBuffer())).rejects.toThrow();
  });

  it("is away, refusing connections or answering 503, and comes back where it was", async () => {
    await s3.put("a", Buffer.from("x"));
    s3.unavailable = true;
    expect((await client.fetch(at("/a"))).status).toBe(503);
    s3.heal();
    await s3.stop();
    await expect(client.fetch(at("/a"))).rejects.toThrow();
    await s3.start();
    expect((await client.fetch(at("/a"))).status).toBe(200);
  });

  it("is slow until it is not", async () => {
    s3.line.bytesPerSecond = 10_000;
    const url = await presign("PUT", "/a");
    const sent = new Promise<number | undefined>((resolve, reject) => {
      const request = httpRequest(url, { method: "PUT" }, (response) => resolve(response.resume().statusCode));
      request.on("error", reject).end(randomBytes(MIB));
    });
    await expect.poll(() => s3.requests[0]?.received_bytes ?? -1).toBeGreaterThanOrEqual(0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(s3.requests[0]?.status).toBeNull();
    s3.line.bytesPerSecond = null;
    expect(await sent).toBe(200);
  });

  it("holds no more than it may", async () => {
    const small = new S3Stub({ maxBytes: 1000 });
    await small.start();
    onTestFinished(() => small.close());
    const put = (key: string) =>
      clientOf(small).fetch(`${small.endpoint}/sluice/${key}`, { method: "PUT", body: randomBytes(600) });
    expect([(await put("a")).status, (await put("b")).status]).toEqual([200, 507]);
    expect((await put("a")).status).toBe(507);
    await clientOf(small).fetch(`${small.endpoint}/sluice/a`, { method: "DELETE" });
    expect((await put("b")).status).toBe(200);
  });
});
