import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { takeData } from "../../scripts/launch/data.ts";
import { createLog, formatEntry, readLine } from "../../scripts/launch/log.ts";
import { banner, readyLine } from "../../scripts/launch/ready.ts";
import { parseSettings } from "../../scripts/launch/settings.ts";
import { eventually } from "../harness/eventually.ts";

describe("settings", () => {
  test("defaults", () => {
    expect(parseSettings({}, "/srv/sluice")).toMatchObject({
      port: 8080,
      rtmpPort: 1935,
      host: "127.0.0.1",
      publicUrl: undefined,
      data: "/srv/sluice/data",
      adminUsername: "admin",
      playback: "edge",
      chatShards: 1,
      hlsPartMs: 500,
      spoolMax: "20",
      s3: null,
      s3Sweep: "delete",
    });
  });

  const S3 = {
    S3_ENDPOINT: "https://s3.example.com/",
    S3_BUCKET: "recordings",
    S3_ACCESS_KEY_ID: "id",
    S3_SECRET_ACCESS_KEY: "secret",
  };

  test("an S3 of one's own", () => {
    expect(parseSettings(S3, "/").s3).toEqual({
      endpoint: "https://s3.example.com",
      publicEndpoint: null,
      bucket: "recordings",
      region: "auto",
      accessKeyId: "id",
      secretAccessKey: "secret",
    });
    expect(parseSettings({ ...S3, S3_REGION: "eu-central-1", S3_SWEEP: "dry-run" }, "/")).toMatchObject({
      s3: { region: "eu-central-1" },
      s3Sweep: "dry-run",
    });
  });

  test("half an S3 is refused with what is missing", () => {
    expect(() => parseSettings({ ...S3, S3_BUCKET: "" }, "/")).toThrow(/^S3_BUCKET must be set too/);
    expect(() => parseSettings({ S3_PUBLIC_ENDPOINT: "https://s3.example.com" }, "/")).toThrow(
      /^S3_ENDPOINT, S3_BUCKET, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY must be set too/,
    );
    expect(parseSettings({ S3_SWEEP: "off" }, "/").s3).toBeNull();
  });

  test("mail is set up whole, or not at all", () => {
    expect(parseSettings({}, "/").mail).toEqual({ smtpUrl: "", from: "" });
    const mail = { SMTP_URL: "smtps://me:p%40ss@mail.example.com", MAIL_FROM: "sluice@example.com" };
    expect(parseSettings(mail, "/").mail).toEqual({ smtpUrl: mail.SMTP_URL, from: mail.MAIL_FROM });
    for (const one of ["SMTP_URL", "MAIL_FROM"]) {
      expect(() => parseSettings({ ...mail, [one]: "" }, "/")).toThrow(/^SMTP_URL and MAIL_FROM must be set together/);
    }
  });

  test("an empty setting counts as not set", () => {
    expect(parseSettings({ SLUICE_PORT: "", SLUICE_SECRET: "" }, "/")).toMatchObject({ port: 8080, secret: undefined });
  });

  test("a public URL loses its slash", () => {
    expect(parseSettings({ SLUICE_PUBLIC_URL: "https://live.example.com/" }, "/").publicUrl).toBe(
      "https://live.example.com",
    );
  });

  test.each([
    ["SLUICE_PORT", "-1"],
    ["SLUICE_PORT", "65536"],
    ["SLUICE_PORT", "80.5"],
    ["SLUICE_PORT", "http"],
    ["SLUICE_RTMP_PORT", "1e9"],
    ["SLUICE_HOST", "example.com"],
    ["SLUICE_PUBLIC_URL", "live.example.com"],
    ["SLUICE_PUBLIC_URL", "ftp://live.example.com"],
    ["SLUICE_PUBLIC_URL", "https://live.example.com/sluice"],
    ["SLUICE_PUBLIC_URL", "https://live.example.com/?a=1"],
    ["SLUICE_PUBLIC_URL", "https://live.example.com#a"],
    ["SLUICE_PUBLIC_URL", "https://me:secret@live.example.com"],
    ["SLUICE_ADMIN_USERNAME", "an admin"],
    ["SLUICE_ADMIN_PASSWORD", "1234567"],
    ["SLUICE_SECRET", "x".repeat(31)],
    ["SLUICE_TRUST_PROXY", "nginx"],
    ["RTMP_PLAIN_LIVE_KEYS", "yes"],
    ["PLAYBACK", "both"],
    ["SLUICE_CHAT_SHARDS", "65"],
    ["SLUICE_RATE_LIMITS", "no"],
    ["SLUICE_LOG_READS", "yes"],
    ["AUTH_RATE_LIMIT_MAX", "0"],
    ["AUTH_RATE_LIMIT_WINDOW_MS", "86400001"],
    ["TOTP_ISSUER", "a:b"],
    ["STREAMHUB_ALLOW_SIGNUP", "yes"],
    ["SMTP_URL", "mail.example.com"],
    ["SMTP_URL", "https://mail.example.com"],
    ["SMTP_URL", "smtp://"],
    ["SMTP_URL", "smtp://user:100%@mail.example.com"],
    ["SMTP_URL", "smtp://mail.example.com/inbox"],
    ["SMTP_URL", "smtp://user:p#ss@mail.example.com"],
    ["MAIL_FROM", "Sluice <sluice@example.com>"],
    ["SLUICE_HLS_PART_MS", "20"],
    ["SLUICE_SPOOL_MAX_GB", "0"],
    ["SLUICE_SPOOL_MAX_GB", "20 GB"],
    ["S3_ENDPOINT", "s3.example.com"],
    ["S3_ENDPOINT", "https://id:secret@s3.example.com"],
    ["S3_PUBLIC_ENDPOINT", "https://s3.example.com/?a=1"],
    ["S3_BUCKET", "My Bucket"],
    ["S3_REGION", "Frankfurt am Main"],
    ["S3_ACCESS_KEY_ID", "two words"],
    ["S3_SWEEP", "yes"],
  ])("%s=%s is refused by name", (name, value) => {
    expect(() => parseSettings({ [name]: value }, "/")).toThrow(new RegExp(`^${name} must `));
  });

  test("one mistake is told once", () => {
    expect(() => parseSettings({ SLUICE_PUBLIC_URL: "example" }, "/")).toThrow(/^SLUICE_PUBLIC_URL must .*URL$/);
  });

  test("all wrong settings are named at once", () => {
    expect(() => parseSettings({ SLUICE_PORT: "a", PLAYBACK: "b" }, "/")).toThrow(/SLUICE_PORT.*\n.*PLAYBACK/);
  });
});

describe("the data folder", () => {
  test("is made with its parents, and given back", () => {
    const top = mkdtempSync(path.join(tmpdir(), "sluice-"));
    try {
      const folder = path.join(top, "a/b");
      takeData(folder)();
      takeData(folder)();
      // It holds password hashes: nobody else on the machine looks in.
      expect(statSync(folder).mode & 0o777).toBe(0o700);
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      rmSync(top, { recursive: true });
    }
  });

  test.runIf(process.platform === "linux")("is one Sluice's until that one is killed, reaped or not", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "sluice-"));
    // A parent that never asks after its child.
    const parent = spawn("sh", ["-c", "sleep 300 & echo $!; exec sleep 300"], { stdio: ["ignore", "pipe", "ignore"] });
    try {
      const [said] = await once(parent.stdout, "data");
      const owner = Number(said);
      const stat = () => readFileSync(`/proc/${owner}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
      writeFileSync(path.join(folder, "lock"), `${owner} ${stat()[19]}`);
      expect(() => takeData(folder)).toThrow(/^Another Sluice \(process \d+\) uses/);
      // The shell itself would ask.
      await eventually(() => expect(readFileSync(`/proc/${parent.pid}/comm`, "utf8")).toBe("sleep\n"));
      process.kill(owner, "SIGKILL");
      await eventually(() => expect(stat()[0]).toBe("Z"));
      takeData(folder)();
    } finally {
      parent.kill("SIGKILL");
      rmSync(folder, { recursive: true });
    }
  });

  test.each(["/proc/sluice", "/dev/null/sluice"])("%s is refused by name, at once", (folder) => {
    expect(() => takeData(folder)).toThrow(/^SLUICE_DATA: .* cannot be used: /);
  });
});

describe("the log", () => {
  const at = new Date(2026, 0, 1, 7, 12, 3).getTime();

  test("a line of a JSON logger reads as a sentence", () => {
    const entry = readLine(
      "media",
      `{"level":40,"time":${at},"pid":7,"hostname":"a","stream":3,"ip":"::1","why":"too slow","msg":"left"}`,
    );
    expect(formatEntry(entry, 0)).toBe('07:12:03 [media] warn: left stream=3 ip=::1 why="too slow"');
  });

  test("a failure is told in words, and an error with its stack", () => {
    const line = (level: number) =>
      `{"level":${level},"time":${at},"err":{"type":"Error","message":"refused","stack":"Error: refused\\n    at x"},"msg":"no link"}`;
    expect(formatEntry(readLine("media", line(40)), 0)).toBe("07:12:03 [media] warn: no link: refused");
    expect(formatEntry(readLine("media", line(50)), 0)).toBe("07:12:03 [media] error: no link: refused\n    at x");
  });

  test("an event without a message is named", () => {
    const entry = readLine("media", '{"level":30,"event":"linked","worker_id":"w1"}');
    expect(entry).toMatchObject({ event: "linked", message: "linked", fields: { worker_id: "w1" } });
  });

  test.each(["plain text", '{"half', "[1]", '{"level":"loud"}'])("%s is taken as it is", (line) => {
    expect(readLine("edge", line, "error")).toMatchObject({ level: "error", message: line });
  });

  test("scripts get objects, people lines without debugging", () => {
    const entry = { source: "edge", level: "debug", message: "x" } as const;
    const lines: string[] = [];
    createLog(
      false,
      (line) => lines.push(line),
      () => at,
    ).entry(entry);
    expect(lines).toEqual([]);
    createLog(
      true,
      (line) => lines.push(line),
      () => at,
    ).entry(entry);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ event: "log", level: "debug", source: "edge", message: "x" });
  });
});

describe("readiness", () => {
  const demo = { stream_id: 1, stream_key: "live_a", public_key: "pub_b" };
  const origin = "http://127.0.0.1:8080";
  const at = { url: origin, origin, rtmp: "rtmp://127.0.0.1:1935/live", pid: 7 };

  test("has exactly the documented fields", () => {
    const setUp = { admin_created: true, admin_username: "admin", admin_password: "secret", demo };
    expect(Object.keys(JSON.parse(readyLine({ ...at, setUp })))).toEqual([
      "event",
      "url",
      "rtmp",
      "stream_key",
      "stream_id",
      "public_key",
      "admin_username",
      "admin_password",
      "pid",
    ]);
  });

  test("behind a proxy both addresses are told", () => {
    const setUp = { admin_created: false, admin_username: "admin", demo };
    expect(banner({ ...at, setUp })).toContain("Open         http://127.0.0.1:8080\n");
    expect(banner({ ...at, url: "https://live.example.com", setUp })).toContain(
      "Open         https://live.example.com (listening on http://127.0.0.1:8080)\n",
    );
  });

  test("without a demo stream there is nothing to push to", () => {
    const setUp = { admin_created: false, admin_username: "admin", demo: null };
    expect(JSON.parse(readyLine({ ...at, setUp }))).toMatchObject({ stream_key: null });
    expect(banner({ ...at, setUp })).not.toContain("ffmpeg");
    expect(banner({ ...at, setUp })).not.toContain("password");
  });
});
