/** The bucket of recordings: its settings, what is asked of it and understood of its answers. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { attachment } from "../../workers/core/content-disposition.ts";
import type { Env } from "../../workers/core/env.ts";
import { parseEnv } from "../../workers/core/env.ts";
import { redact } from "../../workers/core/log.ts";
import { objectStore, S3Error } from "../../workers/core/s3.ts";
import { parseXml } from "../../workers/core/xml.ts";
import { bindings, system } from "./client.ts";
import { bucket } from "./s3.ts";

vi.setConfig({ testTimeout: 60_000 });

afterEach(() => bucket.heal());

const way = bindings.S3 ?? globalThis;
const store = () => objectStore(system());
/** A bucket that answers everything with this. */
const answering = (answer: () => Response | Promise<Response>) =>
  objectStore({ ...system(), env: { ...bindings, S3: { fetch: async () => answer() } as unknown as Fetcher } });

const SLICE = new Uint8Array(5 * 1024 * 1024);
let made = 0;
async function upload(key: string, slices = 1) {
  const id = await store().createUpload(key, "video/mp4");
  const done: { n: number; etag: string }[] = [];
  for (let n = 1; n <= slices; n++) {
    const url = await store().presignSlice(key, id, n, 60);
    const response = await way.fetch(url, { method: "PUT", body: n === slices ? new Uint8Array(100) : SLICE });
    await response.body?.cancel();
    done.push({ n, etag: response.headers.get("etag") ?? "" });
  }
  return { id, done };
}
const newKey = () => `vods/test/${++made}.mp4`;

describe("the settings", () => {
  const settings = (change: Partial<Env>) => parseEnv({ ...bindings, ...change }).s3;
  const none = {
    S3_ENDPOINT: "",
    S3_PUBLIC_ENDPOINT: "",
    S3_BUCKET: "",
    S3_REGION: "",
    S3_ACCESS_KEY_ID: "",
    S3_SECRET_ACCESS_KEY: "",
    S3_SWEEP: "",
  };
  const all = {
    S3_ENDPOINT: "https://account.r2.example/",
    S3_BUCKET: "live",
    S3_ACCESS_KEY_ID: "id",
    S3_SECRET_ACCESS_KEY: "secret",
  };

  test("are all there, or none", () => {
    expect(settings(none)).toBeNull();
    expect(settings({ ...none, S3_REGION: "auto", S3_SWEEP: "off" })).toBeNull();
    expect(settings({ ...none, ...all })).toEqual({
      endpoint: "https://account.r2.example",
      publicEndpoint: null,
      bucket: "live",
      region: "auto",
      accessKeyId: "id",
      secretAccessKey: "secret",
      sweep: "delete",
    });
    expect(settings({ ...all, S3_ENDPOINT: "http://127.0.0.1:1/local/s3/" })?.endpoint).toBe(
      "http://127.0.0.1:1/local/s3",
    );
  });

  test("that are wrong or not all there are named, without their values", () => {
    const fault = (change: Partial<Env>) => {
      try {
        settings(change);
      } catch (error) {
        return String(error);
      }
      return "";
    };
    for (const name of ["S3_ENDPOINT", "S3_BUCKET", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"] as const) {
      const message = fault({ ...none, ...all, [name]: "" });
      expect(message).toContain(`${name}: is missing`);
      expect(message.match(/is missing/g)).toHaveLength(1);
    }
    expect(fault({ ...none, S3_PUBLIC_ENDPOINT: "https://cdn.example" })).toContain("S3_ENDPOINT: is missing");
    const wrong = fault({ ...all, S3_ENDPOINT: "ftp://x", S3_SECRET_ACCESS_KEY: "se cret", S3_SWEEP: "maybe" });
    expect(wrong).toContain("S3_ENDPOINT: must be an http:// or https:// URL");
    expect(wrong).toContain("S3_SECRET_ACCESS_KEY: must be printable");
    expect(wrong).toContain("S3_SWEEP: must be");
    expect(wrong).not.toContain("se cret");
  });
});

describe("an upload", () => {
  test("becomes an object, once", async () => {
    const key = newKey();
    const { id, done } = await upload(key, 2);
    expect(await store().listSlices(key, id)).toBeNull();
    expect(await store().head(key)).toBeNull();
    await store().completeUpload(key, id, done);
    expect(await store().head(key)).toEqual({ size: SLICE.length + 100 });
    await expect(store().completeUpload(key, id, done)).rejects.toMatchObject({ status: 404, code: "NoSuchUpload" });
    await store().remove(key);
    await store().remove(key);
    expect(await store().head(key)).toBeNull();
  });

  test("is aborted, also when it is gone", async () => {
    const key = newKey();
    const { id } = await upload(key);
    await store().abortUpload(key, id);
    await store().abortUpload(key, id);
    expect((await bucket.look()).uploads.filter((each) => each.key === key)).toEqual([]);
  });

  test("says what is in it where S3 can tell, over pages", async () => {
    const page = (parts: number[], next: string | null) => `<?xml version="1.0"?>
      <ListPartsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
        ${parts.map((n) => `<Part><PartNumber>${n}</PartNumber><ETag>&quot;e${n}&quot;</ETag><Size>5</Size></Part>`).join("")}
        <IsTruncated>${next !== null}</IsTruncated>${next === null ? "" : `<NextPartNumberMarker>${next}</NextPartNumberMarker>`}
      </ListPartsResult>`;
    const pages = [page([1, 2], "2"), page([3], "3"), page([], "3"), page([9], "9")];
    const slices = await answering(() => new Response(pages.shift())).listSlices("k", "u");
    expect(slices?.map(({ n, etag }) => [n, etag])).toEqual([
      [1, '"e1"'],
      [2, '"e2"'],
      [3, '"e3"'],
    ]);
  });
});

describe("an object", () => {
  test("is read in whole and in ranges", async () => {
    const key = newKey();
    const { id, done } = await upload(key);
    await store().completeUpload(key, id, done);
    const range = await store().get(key, "bytes=10-19");
    expect([range.status, range.headers.get("content-range")]).toEqual([206, "bytes 10-19/100"]);
    expect((await range.arrayBuffer()).byteLength).toBe(10);
    expect((await (await store().get(key, null)).arrayBuffer()).byteLength).toBe(100);
    await expect(store().get(key, "bytes=100-")).rejects.toMatchObject({ status: 416 });
    await expect(store().get(`${key}x`, null)).rejects.toMatchObject({ status: 404, code: "NoSuchKey" });
    await expect(store().get(key, null, AbortSignal.abort())).rejects.toMatchObject({ status: 0, code: "Aborted" });
  });

  test("has an address that browsers save under any name", async () => {
    const key = newKey();
    const { id, done } = await upload(key);
    await store().completeUpload(key, id, done);
    const filename = `Größe + "it's" 100% (1)/..\n日本.mp4`;
    const url = await store().presignGet(key, { seconds: 60, filename, to: "internal" });
    const response = await way.fetch(url, { headers: { range: "bytes=0-0" } });
    await response.body?.cancel();
    expect([response.status, response.headers.get("content-disposition")]).toEqual([206, attachment(filename)]);
    const other = await way.fetch(url.replace(/X-Amz-Expires=60/, "X-Amz-Expires=61"));
    await other.body?.cancel();
    expect(other.status).toBe(403);
    expect(redact(url)).not.toMatch(/[0-9a-f]{64}/);
  });

  test("is put with the content type that was signed", async () => {
    const key = newKey();
    const put = async (type: string) => {
      const url = await store().presignPut(key, { seconds: 60, contentType: "image/jpeg" });
      const response = await way.fetch(url, { method: "PUT", headers: { "content-type": type }, body: "x" });
      await response.body?.cancel();
      return response.status;
    };
    expect([await put("image/png"), await put("image/jpeg")]).toEqual([403, 200]);
  });

  test("has a public address where browsers reach the bucket", async () => {
    const s3 = { ...system().settings.s3!, publicEndpoint: "https://media.example" };
    const open = objectStore({ ...system(), settings: { ...system().settings, s3 } });
    const url = new URL(await open.presignGet("vods/a b/1.mp4", { seconds: 60, to: "public" }));
    expect([url.origin, url.pathname]).toEqual(["https://media.example", "/sluice/vods/a%20b/1.mp4"]);
    expect(() => store().presignGet("k", { seconds: 1, to: "public" })).toThrow(/public endpoint/);
  });
});

describe("trouble", () => {
  test("that passes is not noticed where repeating does no harm", async () => {
    const key = newKey();
    const { id, done } = await upload(key);
    await store().completeUpload(key, id, done);
    await bucket.fault({ operation: "HeadObject", times: 2, effect: { status: 503, code: "SlowDown" } });
    expect(await store().head(key)).toEqual({ size: 100 });
    await bucket.fault({ operation: "HeadObject", times: 3, effect: { status: 503, code: "SlowDown" } });
    await expect(store().head(key)).rejects.toMatchObject({ status: 503, code: "Http503" });
    await bucket.look();
    await bucket.fault({
      operation: "CreateMultipartUpload",
      times: 1,
      effect: { status: 500, code: "InternalError" },
    });
    await expect(store().createUpload(key, "video/mp4")).rejects.toMatchObject({ status: 500, code: "InternalError" });
    expect((await bucket.look()).asked).toEqual(["CreateMultipartUpload"]);
  });

  test("is named without what opens a door", async () => {
    const secret = "another-secret-access-key";
    const s3 = { ...system().settings.s3!, secretAccessKey: secret };
    const refused = objectStore({ ...system(), settings: { ...system().settings, s3 } });
    const error = await refused.list("vods/").catch((failure) => failure);
    expect(error).toBeInstanceOf(S3Error);
    expect(error).toMatchObject({ status: 403, code: "SignatureDoesNotMatch" });
    expect(`${error.message} ${error.stack} ${error.cause}`).not.toMatch(/secret-access|access-key|X-Amz|[0-9a-f]{64}/);
  });

  test("is an answer that says something else, or nothing", async () => {
    const complete = (answer: () => Response) => answering(answer).completeUpload("k", "u", [{ n: 1, etag: "e" }]);
    const bad = "<Error><Code>InternalError</Code><Message>We encountered an error</Message></Error>";
    await expect(complete(() => new Response(`\n  ${bad}`))).rejects.toMatchObject({
      status: 200,
      code: "InternalError",
    });
    for (const body of ["", "<html></html>", "<CompleteMultipartUploadResult>", "x".repeat(5 * 1024 * 1024)]) {
      await expect(complete(() => new Response(body))).rejects.toMatchObject({ code: "UnexpectedReply" });
    }
    await expect(
      answering(() => new Response("<ListBucketResult><Contents/></ListBucketResult>")).list(""),
    ).rejects.toMatchObject({ code: "UnexpectedReply" });
    const redirected = () => new Response(null, { status: 301, headers: { location: "https://elsewhere.example/" } });
    await expect(answering(redirected).list("")).rejects.toMatchObject({ status: 301, code: "Http301" });
    const away = () => Promise.reject(new Error("refused"));
    await expect(answering(away).list("")).rejects.toMatchObject({ status: 0, code: "Unreachable" });
  });
});

describe("lists", () => {
  test("come in pages", async () => {
    const prefix = `vods/pages${Date.now()}/`;
    for (let n = 0; n < 5; n++) await bucket.put(`${prefix}${n} & <more>`, n, 1_700_000_000_000);
    await bucket.pageSize(2);
    const found: { key: string; size: number; modified_at: number }[] = [];
    let cursor: string | null = null;
    let pages = 0;
    do {
      const page = await store().list(prefix, cursor ?? undefined);
      found.push(...page.objects);
      cursor = page.cursor;
      pages += 1;
    } while (cursor !== null);
    expect(pages).toBe(3);
    expect(found.map(({ key, size }) => [key, size])).toEqual(
      Array.from({ length: 5 }, (_, n) => [`${prefix}${n} & <more>`, n]),
    );
    expect(found[0]?.modified_at).toBe(1_700_000_000_000);
  });

  test("of uploads too, where S3 has them", async () => {
    const prefix = `vods/uploads${Date.now()}/`;
    const ids = new Set<string>();
    for (let n = 0; n < 3; n++) ids.add(await store().createUpload(`${prefix}same`, "video/mp4"));
    await bucket.pageSize(2);
    const first = await store().listUploads(prefix);
    const second = await store().listUploads(prefix, first?.cursor ?? "");
    expect(new Set([...first!.uploads, ...second!.uploads].map((each) => each.upload_id))).toEqual(ids);
    expect(second?.cursor).toBeNull();
    await bucket.unsupported("ListMultipartUploads");
    expect(await store().listUploads(prefix)).toBeNull();
  });
});

describe("XML", () => {
  test("is read with its entities, prefixes and attributes", () => {
    const text = `<?xml version="1.0"?><!-- a > b --><s3:A xmlns:s3='u'><B c="d">1 &lt;&#x41;&#66;&amp;</B><B/></s3:A>\n`;
    const leaf = (value: string) => ({ name: "B", text: value, children: [] });
    expect(parseXml(text)).toEqual({ name: "A", text: "", children: [leaf("1 <AB&"), leaf("")] });
  });

  test("that is not well formed, or more than data, is refused", () => {
    for (const text of [
      "",
      "text",
      "<A>",
      "<A></B>",
      "</A>",
      "<A/><B/>",
      "<A>&nbsp;</A>",
      "<A>&toString;</A>",
      "<A>&amp</A>",
      "<A b=c/>",
      '<!DOCTYPE A [<!ENTITY x "y">]><A>&x;</A>',
      "<A><![CDATA[x]]></A>",
      "<A>".repeat(40) + "</A>".repeat(40),
      `<A>${"<B/>".repeat(60_000)}</A>`,
    ]) {
      expect(() => parseXml(text), text.slice(0, 50)).toThrow(/XML|closes|element|large|entity/);
    }
  });
});

test("a name to save under is safe, whatever people wrote", () => {
  for (const [name, header] of [
    ["Evening show.mp4", 'attachment; filename="Evening show.mp4"'],
    ["../../etc/passwd.mp4", 'attachment; filename="etc passwd.mp4"'],
    ['a"; filename=evil.exe\r\nX: y.mp4', 'attachment; filename="a ; filename=evil.exe X y.mp4"'],
    ["Ä'(b)*.mp4", `attachment; filename="_'(b).mp4"; filename*=UTF-8''%C3%84%27%28b%29.mp4`],
    ["\u202egpj.mp4", 'attachment; filename="gpj.mp4"'],
    ["", 'attachment; filename="file"'],
    [`${"x".repeat(500)}.mp4`, `attachment; filename="${"x".repeat(120)}.mp4"`],
  ] as const) {
    expect(attachment(name)).toBe(header);
  }
});
