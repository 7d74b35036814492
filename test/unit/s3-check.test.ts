/** `npm run s3:check` against an S3 with one fault at a time: each is told in a sentence of its own, with its remedy. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { S3Settings } from "../../scripts/launch/s3-settings.ts";
import { checkBucket } from "../../scripts/s3-check/check.ts";
import { refusal } from "../../scripts/s3-check/explain.ts";
import type { Check, Finding } from "../../scripts/s3-check/finding.ts";
import { chooseSettings } from "../../scripts/s3-check/settings.ts";
import { S3Stub } from "../harness/s3-stub.ts";

const ORIGIN = "https://live.example.com";

const corsOf = (
  origins: string[],
  { headers = ["Range"], expose = ["Content-Length", "Content-Range", "ETag"] } = {},
) => {
  const tags = (name: string, values: string[]) => values.map((value) => `<${name}>${value}</${name}>`).join("");
  const rule = [
    tags("AllowedOrigin", origins),
    tags("AllowedMethod", ["GET", "HEAD"]),
    tags("AllowedHeader", headers),
    tags("ExposeHeader", expose),
  ];
  return `<CORSConfiguration><CORSRule>${rule.join("")}</CORSRule></CORSConfiguration>`;
};

const ruleOf = (prefix: string, action: string, status = "Enabled") =>
  `<Rule><ID>a rule</ID><Status>${status}</Status><Filter><Prefix>${prefix}</Prefix></Filter>${action}</Rule>`;
const EXPIRATION = "<Expiration><Days>30</Days></Expiration>";
const ABORT =
  "<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload>";
const lifecycleOf = (...rules: string[]) => `<LifecycleConfiguration>${rules.join("")}</LifecycleConfiguration>`;

let s3: S3Stub;
beforeEach(async () => {
  s3 = new S3Stub();
  s3.cors = corsOf(["*"]);
  s3.lifecycle = lifecycleOf(ruleOf("", ABORT));
  await s3.start();
  return () => s3.close();
});

const settings = (change: Partial<S3Settings> = {}): S3Settings => ({
  endpoint: s3.endpoint,
  publicEndpoint: s3.endpoint,
  bucket: s3.bucket,
  ...s3.credentials,
  ...change,
});

async function check(change: Partial<S3Settings> = {}, now = Date.now): Promise<Finding[]> {
  const findings: Finding[] = [];
  for await (const finding of checkBucket(settings(change), ORIGIN, now)) findings.push(finding);
  return findings;
}

const of = (findings: Finding[], name: Check) => findings.find((finding) => finding.check === name);
const bad = (findings: Finding[]) => findings.filter(({ verdict }) => verdict !== "ok");

test("a good bucket passes everything, and nothing is left in it", async () => {
  const findings = await check();
  expect(bad(findings)).toEqual([]);
  expect(findings.map((finding) => finding.check)).toEqual([
    "endpoint",
    "clock",
    "bucket",
    "object",
    "presigned",
    "multipart",
    "browsers",
    "lifecycle",
    "sweep",
    "clean-up",
  ]);
  expect([...s3.objects.keys(), ...s3.uploads]).toEqual([]);
});

/** The host of a server that says this to everybody. */
const hostOf = async (answer: string) => {
  const server = createServer((socket) => {
    socket.once("data", () => socket.end(answer));
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  return typeof address === "object" ? `127.0.0.1:${address?.port}` : "";
};

describe("who cannot be reached", () => {
  test("a host that is not there", async () => {
    const findings = await check({ endpoint: "http://bucket.invalid" });
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ check: "endpoint", verdict: "failed" });
    expect(findings[0]?.message).toMatch(/^bucket\.invalid (is not known to DNS|cannot be looked up)/);
  });

  test("a port where nobody listens", async () => {
    await s3.stop();
    expect(await check()).toMatchObject([
      { check: "endpoint", verdict: "failed", message: expect.stringContaining("refuses connections") },
    ]);
  });

  test("plain HTTP where TLS is asked for", async () => {
    const host = await hostOf("HTTP/1.1 400 Bad Request\r\n\r\n");
    expect(await check({ endpoint: `https://${host}` })).toMatchObject([
      { message: expect.stringContaining("does not speak TLS"), todo: expect.stringContaining("http://") },
    ]);
  });

  test("somebody who does not speak HTTP", async () => {
    const host = await hostOf("220 mail.example.com ESMTP\r\n");
    expect(await check({ endpoint: `http://${host}` })).toMatchObject([
      { check: "endpoint", message: expect.stringContaining("does not speak HTTP") },
    ]);
  });
});

describe("clocks", () => {
  test.each([
    [5, "warning"],
    [60, "failed"],
  ] as const)("%d minutes apart", async (minutes, verdict) => {
    const findings = await check({}, () => Date.now() - minutes * 60_000);
    expect(of(findings, "clock")).toMatchObject({ verdict, message: expect.stringContaining(`${minutes} minutes`) });
  });

  test("S3 itself finds our time wrong", async () => {
    s3.skew_ms = 3600_000;
    expect(of(await check(), "bucket")).toMatchObject({
      verdict: "failed",
      message: expect.stringContaining("clock"),
      todo: expect.stringContaining("NTP"),
    });
  });
});

describe("keys, bucket and region", () => {
  test.each<[string, Partial<S3Settings>, RegExp, RegExp]>([
    ["an unknown key", { accessKeyId: "nobody" }, /S3_ACCESS_KEY_ID is not known/, /Make a new key/],
    ["a wrong secret", { secretAccessKey: "guess" }, /S3_SECRET_ACCESS_KEY does not belong/, /Copy it again/],
    ["a bucket that is not there", { bucket: "elsewhere" }, /no bucket elsewhere/, /S3_BUCKET/],
    ["a wrong region", { region: "eu-central-1" }, /not in the region eu-central-1/, /S3_REGION/],
  ])("%s ends the check", async (_, change, message, todo) => {
    const findings = await check(change);
    expect(findings.at(-1)).toMatchObject({
      check: "bucket",
      verdict: "failed",
      message: expect.stringMatching(message),
      todo: expect.stringMatching(todo),
    });
    expect(s3.requests.some(({ method }) => method === "PUT")).toBe(false);
  });

  test("a page that is no S3 does not pass for one", async () => {
    const host = await hostOf("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi");
    expect((await check({ endpoint: `http://${host}` })).at(-1)).toMatchObject({
      check: "bucket",
      verdict: "failed",
      message: expect.stringContaining("no S3"),
    });
  });

  test("a key of a form that R2 does not know", () => {
    const text = "<Error><Code>InvalidArgument</Code><Message>Credential access key has length 3</Message></Error>";
    const reply = { status: 400, code: "InvalidArgument", text, headers: new Headers() };
    expect(refusal("s3:ListBucket", reply, settings())).toMatchObject({
      message: expect.stringContaining("S3_ACCESS_KEY_ID"),
      fatal: true,
    });
  });

  test("no word of it shows the keys", async () => {
    const secrets = { accessKeyId: "AKIDOFSOMEBODY", secretAccessKey: "the-secret-of-somebody" };
    const told = JSON.stringify([...(await check(secrets)), ...(await check({ secretAccessKey: "the-secret-of" }))]);
    expect(told).not.toMatch(/AKIDOFSOMEBODY|the-secret-of|access-key-of-the-tests/);
  });
});

describe("what the key may not do", () => {
  test.each([
    ["ListObjectsV2", "bucket", "s3:ListBucket"],
    ["PutObject", "object", "s3:PutObject"],
    ["GetObject", "object", "s3:GetObject"],
    ["DeleteObject", "object", "s3:DeleteObject"],
    ["CreateMultipartUpload", "multipart", "s3:PutObject"],
    ["UploadPart", "multipart", "s3:PutObject of a slice"],
    ["CompleteMultipartUpload", "multipart", "s3:PutObject"],
    ["AbortMultipartUpload", "multipart", "s3:AbortMultipartUpload"],
    ["ListMultipartUploads", "sweep", "s3:ListBucketMultipartUploads"],
  ] as const)("%s", async (operation, name, permission) => {
    // The first look at the endpoint is a list too, and without a signature refused anyway.
    const times = operation === "ListObjectsV2" ? 2 : 1;
    s3.fault({ operation, times, effect: { status: 403, code: "AccessDenied" } });
    const findings = await check();
    expect(bad(findings)).toMatchObject([
      { check: name, verdict: "failed", message: expect.stringContaining(`The key may not ${permission}`) },
    ]);
    expect([...s3.objects.keys(), ...s3.uploads]).toEqual([]);
  });

  test("what it could not remove is named", async () => {
    s3.fault({ operation: "DeleteObject", times: 99, effect: { status: 403, code: "AccessDenied" } });
    expect(of(await check(), "clean-up")).toMatchObject({
      verdict: "warning",
      todo: expect.stringMatching(/vods\/_check\/[0-9a-f-]{36}/),
    });
  });
});

describe("browsers", () => {
  test.each([
    ["without rules", null, /may not read from the bucket/],
    ["rules for another site", corsOf(["https://example.org"]), /may not read from the bucket/],
    ["no range allowed", corsOf(["*"], { headers: [] }), /may not (read|ask for a range)/],
    ["hidden headers", corsOf(["*"], { expose: ["ETag"] }), /do not see Content-Length, Content-Range/],
  ])("%s", async (_, cors, message) => {
    s3.cors = cors;
    expect(bad(await check())).toMatchObject([
      {
        check: "browsers",
        verdict: "failed",
        message: expect.stringMatching(message),
        todo: expect.stringMatching(/CORS/),
      },
    ]);
  });

  test("rules for our pages alone", async () => {
    s3.cors = corsOf([ORIGIN]);
    expect(bad(await check())).toMatchObject([
      { check: "browsers", verdict: "warning", message: expect.stringContaining("players on other sites cannot") },
    ]);
  });

  test("a public endpoint that is not there is a fault of its own", async () => {
    const findings = await check({ publicEndpoint: "http://127.0.0.1:9" });
    expect(bad(findings)).toMatchObject([
      { check: "browsers", verdict: "failed", todo: expect.stringContaining("S3_PUBLIC_ENDPOINT") },
    ]);
    expect(of(findings, "clean-up")).toMatchObject({ verdict: "ok" });
  });

  test("a public endpoint that is no S3 API", async () => {
    const host = await hostOf("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
    expect(bad(await check({ publicEndpoint: `http://${host}` }))).toMatchObject([
      { check: "browsers", verdict: "failed", message: "A presigned address there answers 404" },
    ]);
  });

  test("have nothing to do with it without a public endpoint", async () => {
    s3.cors = null;
    expect(bad(await check({ publicEndpoint: null }))).toMatchObject([{ check: "browsers", verdict: "advice" }]);
  });
});

describe("lifecycle", () => {
  const judged = async (lifecycle: string | null) => {
    s3.lifecycle = lifecycle;
    return bad(await check()).map(({ verdict, message }) => [verdict, message]);
  };
  const REMOVES = ["warning", expect.stringContaining("The rule a rule removes recordings")];
  const NO_ABORT = ["advice", expect.stringContaining("never completed")];

  test.each([
    ["none", null, [NO_ABORT]],
    ["everything expires", lifecycleOf(ruleOf("", EXPIRATION), ruleOf("", ABORT)), [REMOVES]],
    ["some recordings expire", lifecycleOf(ruleOf("vods/a", EXPIRATION)), [REMOVES, NO_ABORT]],
    ["other things expire", lifecycleOf(ruleOf("logs/", EXPIRATION), ruleOf("vods/", ABORT)), []],
    ["a rule that is off", lifecycleOf(ruleOf("", EXPIRATION, "Disabled"), ruleOf("", ABORT)), []],
    ["both in one rule", lifecycleOf(ruleOf("", ABORT + EXPIRATION)), [REMOVES]],
  ])("%s", async (_, lifecycle, expected) => {
    expect(await judged(lifecycle)).toEqual(expected);
  });

  test("a key that may not look is no fault", async () => {
    s3.fault({ operation: "GetBucketLifecycleConfiguration", times: 1, effect: { status: 403, code: "AccessDenied" } });
    expect(bad(await check())).toMatchObject([{ check: "lifecycle", verdict: "unknown" }]);
  });
});

test("what this S3 does not have, as R2's local one, cannot be checked and is no fault", async () => {
  s3.unsupported.add("GetBucketLifecycleConfiguration").add("ListMultipartUploads");
  expect(bad(await check())).toMatchObject([
    { check: "lifecycle", verdict: "unknown" },
    { check: "sweep", verdict: "unknown" },
  ]);
});

test("an S3 that fails now and then is told as it is", async () => {
  s3.fault({ operation: "UploadPart", times: 1, effect: { status: 503, code: "SlowDown" } });
  expect(of(await check(), "multipart")).toMatchObject({
    verdict: "failed",
    message: expect.stringContaining("overloaded"),
  });
  s3.fault({ operation: "PutObject", times: 1, effect: { status: 500, code: "InternalError" } });
  expect(of(await check(), "object")).toMatchObject({ message: expect.stringContaining("500 InternalError") });
});

describe("which bucket is meant", () => {
  const root = () => {
    const folder = mkdtempSync(path.join(tmpdir(), "sluice-check-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    return folder;
  };
  const none = async () => ({});
  const variables = () => ({
    S3_ENDPOINT: s3.endpoint,
    S3_BUCKET: "one",
    S3_ACCESS_KEY_ID: "id",
    S3_SECRET_ACCESS_KEY: "secret",
  });

  test("flags come before the environment, and it before .env", async () => {
    const folder = root();
    writeFileSync(path.join(folder, ".env"), "S3_BUCKET=file\nS3_REGION=file-1\n");
    const chosen = await chooseSettings(["--endpoint", "https://flag.example"], variables(), folder, none);
    expect(chosen.settings).toMatchObject({ endpoint: "https://flag.example", bucket: "one", region: "file-1" });
  });

  test("without any it is that of the Sluice that runs", async () => {
    const folder = root();
    const file = Object.entries(variables()).map(([name, value]) => `${name}=${value}\n`);
    writeFileSync(path.join(folder, "s3.env"), file.join(""));
    const chosen = await chooseSettings([], { SLUICE_DATA: folder }, folder, none);
    expect(chosen).toMatchObject({ settings: { bucket: "one" }, source: `the Sluice that runs on ${folder}` });
    await expect(chooseSettings([], {}, folder, none)).rejects.toThrow(/^No S3_… is set, and no Sluice runs on /);
  });

  test("deployed, it is that of wrangler.toml with the keys of the environment", async () => {
    const vars = async () => ({
      S3_ENDPOINT: "https://r2.example",
      S3_BUCKET: "deployed",
      SLUICE_PUBLIC_URL: `${ORIGIN}/`,
    });
    const chosen = await chooseSettings(["--deployed"], variables(), root(), vars);
    expect(chosen).toMatchObject({ settings: { bucket: "deployed", accessKeyId: "id" }, origin: ORIGIN });
    await expect(chooseSettings(["--deployed"], {}, root(), none)).rejects.toThrow(/^wrangler.toml names no bucket/);
    await expect(chooseSettings(["--deployed"], {}, root(), vars)).rejects.toThrow(
      /^The keys are secrets of the Worker/,
    );
  });

  test("wrong and missing settings are named", async () => {
    const wrong = { ...variables(), S3_ENDPOINT: "s3.example.com" };
    await expect(chooseSettings([], wrong, root(), none)).rejects.toThrow(/^S3_ENDPOINT must be an http/);
    await expect(chooseSettings([], { S3_BUCKET: "one" }, root(), none)).rejects.toThrow(
      /^S3_ENDPOINT, S3_ACCESS_KEY_ID/,
    );
    await expect(chooseSettings(["--buckets=b"], {}, root(), none)).rejects.toThrow(/--bucket …/);
  });
});

describe("as a command", () => {
  const run = (...args: string[]) =>
    new Promise<{ code: number; stdout: string }>((resolve) => {
      const { endpoint, bucket, accessKeyId, secretAccessKey } = settings();
      const env = {
        PATH: process.env.PATH,
        S3_ENDPOINT: endpoint,
        S3_PUBLIC_ENDPOINT: endpoint,
        S3_BUCKET: bucket,
        S3_ACCESS_KEY_ID: accessKeyId,
        S3_SECRET_ACCESS_KEY: secretAccessKey,
      };
      const child = execFile(process.execPath, ["scripts/s3-check/main.ts", ...args], { env }, (_, stdout) =>
        resolve({ code: child.exitCode ?? -1, stdout }),
      );
    });

  test("says what it found, line by line, and exits with 0", async () => {
    const { code, stdout } = await run();
    expect(code).toBe(0);
    expect(stdout).toContain("ok       multipart: Uploads in slices can be made and abandoned\n");
    expect(stdout).toMatch(/\nRecordings can be kept there\.\n$/);
  });

  test("prints the CORS rules to paste, and exits with 1", async () => {
    s3.cors = null;
    const { code, stdout } = await run();
    expect(code).toBe(1);
    expect(JSON.parse(/^\[$[\s\S]*?^\]$/m.exec(stdout)?.[0] ?? "")).toMatchObject([
      { AllowedOrigins: ["*"], AllowedMethods: ["GET", "HEAD"] },
    ]);
  });

  test("--json is one object", async () => {
    const { code, stdout } = await run("--json", "--bucket", "elsewhere");
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, bucket: "elsewhere", findings: expect.any(Array) });
  });
});
