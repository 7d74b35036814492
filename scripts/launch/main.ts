/** `npm start` from here on: settings, ports, the control plane, the media worker, and their orderly end. */
import { existsSync, readFileSync } from "node:fs";
import { isIPv6 } from "node:net";
import path from "node:path";
import { parseEnv } from "node:util";
import { bootstrap } from "./bootstrap.ts";
import { keepSecret, takeData } from "./data.ts";
import { watchSources } from "./dev.ts";
import { type Edge, startEdge } from "./edge.ts";
import { LaunchError, messageOf } from "./errors.ts";
import { createLog } from "./log.ts";
import { type Media, startMedia } from "./media.ts";
import { watchParent } from "./parent.ts";
import { takePort } from "./ports.ts";
import { banner, readyLine } from "./ready.ts";
import { localS3, shareS3 } from "./s3-settings.ts";
import { parseSettings, type Settings } from "./settings.ts";

/** The bundle is `dist/launcher/main.js`. */
const ROOT = path.resolve(import.meta.dirname, "../..");
/** A media worker that is not linked by then will not be; the log says why. */
const LINK_MS = 20_000;

/** The cron trigger of `wrangler.toml`. It never fires by itself locally. */
const EVERY_MINUTE = "* * * * *";

const json = process.argv.includes("--json");
const log = createLog(json, (line) => console.log(line), Date.now);

/** What runs, and has to end. */
const running: { media?: Media; edge?: Edge; withdrawS3?: () => void; releaseData?: () => void } = {};
let ending = false;

/** Ends everything in order. */
async function end(code: number): Promise<void> {
  if (ending) return;
  ending = true;
  try {
    // First the media worker, so that its last reports find somebody.
    await running.media?.stop();
    await running.edge?.stop();
  } catch (error) {
    log.entry({ source: "sluice", level: "error", message: `While stopping: ${messageOf(error)}` });
  }
  running.withdrawS3?.();
  running.releaseData?.();
  process.exit(code);
}

const inUrl = (host: string) => (isIPv6(host) ? `[${host}]` : host);

/** Our own addresses on this machine, and what other people are told. */
function addressesOf(settings: Settings, ports: { http: number; rtmp: number; play: number }) {
  const local = settings.host === "0.0.0.0" ? "127.0.0.1" : settings.host === "::" ? "::1" : settings.host;
  const origin = `http://${inUrl(local)}:${ports.http}`;
  const url = settings.publicUrl ?? origin;
  const publicHost = new URL(url).hostname;
  return {
    origin,
    url,
    rtmp: `rtmp://${publicHost}:${ports.rtmp}/live`,
    play: `http://${publicHost}:${ports.play}`,
    /** How the control plane reaches the play server. */
    playSocket: `${inUrl(local)}:${ports.play}`,
  };
}

async function launch(): Promise<void> {
  const dotEnv = path.join(ROOT, ".env");
  const file = existsSync(dotEnv) ? parseEnv(readFileSync(dotEnv, "utf8")) : {};
  const settings = parseSettings({ ...file, ...process.env }, ROOT);
  running.releaseData = takeData(settings.data);
  const secret = settings.secret ?? keepSecret(settings.data);
  const ports = {
    http: await takePort(settings.host, settings.port, "SLUICE_PORT"),
    rtmp: await takePort(settings.host, settings.rtmpPort, "SLUICE_RTMP_PORT"),
    play: await takePort(settings.host, 0, "SLUICE_HOST"),
    /** Chosen here, because addresses that the Worker signs for R2's local S3 endpoint carry it. */
    main: await takePort("127.0.0.1", 0, "SLUICE_PORT"),
  };
  const at = addressesOf(settings, ports);

  const s3 = settings.s3 ?? localS3(ports.main, secret);
  if (settings.s3 === null) running.withdrawS3 = shareS3(settings.data, s3);

  const mediaData = path.join(settings.data, "media");
  const mediaEnv: Record<string, string> = {
    SLUICE_CONTROL_URL: at.origin,
    SLUICE_MEDIA_DATA: mediaData,
    SLUICE_MEDIA_NAME: "local",
    SLUICE_HOST: settings.host,
    SLUICE_RTMP_PORT: String(ports.rtmp),
    SLUICE_RTMP_PUBLIC_URL: at.rtmp,
    SLUICE_MEDIA_PORT: String(ports.play),
    SLUICE_MEDIA_PUBLIC_URL: at.play,
    SLUICE_HLS_PART_MS: String(settings.hlsPartMs),
    SLUICE_SPOOL_MAX_GB: settings.spoolMax,
    // What is the control plane's stays with it.
    SLUICE_SECRET: "",
    SLUICE_ADMIN_PASSWORD: "",
    SMTP_URL: "",
    S3_ACCESS_KEY_ID: "",
    S3_SECRET_ACCESS_KEY: "",
  };
  const linked = Promise.withResolvers<void>();
  const runMedia = () => {
    const media = startMedia({
      script: path.join(ROOT, "dist/media-worker/main.js"),
      env: mediaEnv,
      log,
      onEvent(event) {
        if (event === "linked") linked.resolve();
      },
    });
    running.media = media;
    return media;
  };

  // Known to the control plane already: it comes up beside it. Else it waits for its token.
  const enrolled = existsSync(path.join(mediaData, "identity.json"));
  let media = enrolled ? runMedia() : undefined;
  const edge = await startEdge({
    root: ROOT,
    state: path.join(settings.data, "edge"),
    host: settings.host,
    port: ports.http,
    mainPort: ports.main,
    media: at.playSocket,
    bindings: {
      SLUICE_SECRET: secret,
      SLUICE_PUBLIC_URL: at.url,
      SLUICE_RTMP_URL: at.rtmp,
      SLUICE_TRUST_PROXY: settings.trustProxy,
      RTMP_PLAIN_LIVE_KEYS: settings.rtmpPlainLiveKeys,
      PLAYBACK: settings.playback,
      SLUICE_CHAT_SHARDS: String(settings.chatShards),
      SLUICE_RATE_LIMITS: settings.rateLimits,
      SLUICE_LOG_READS: settings.logReads,
      AUTH_RATE_LIMIT_MAX: String(settings.authLimitMax),
      AUTH_RATE_LIMIT_WINDOW_MS: String(settings.authLimitWindowMs),
      TOTP_ISSUER: settings.totpIssuer,
      STREAMHUB_ALLOW_SIGNUP: settings.allowSignup,
      SMTP_URL: settings.mail.smtpUrl,
      MAIL_FROM: settings.mail.from,
      S3_SWEEP: settings.s3Sweep,
    },
    s3,
    s3IsLocal: settings.s3 === null,
    log,
  });
  running.edge = edge;
  const applied = await edge.migrate();
  for (const name of applied) log.entry({ source: "sluice", level: "info", message: `Database: applied ${name}` });

  const account = { admin_username: settings.adminUsername, admin_password: settings.adminPassword };
  const setUp = await bootstrap(at.origin, secret, { ...account, demo: true, enrol: !enrolled });
  mediaEnv.SLUICE_ENROL_TOKEN = setUp.enrol_token ?? "";
  if (media === undefined) {
    media = runMedia();
  } else if (setUp.admin_created) {
    // The database is new and does not know the media worker that is left from an older one.
    const { enrol_token = "" } = await bootstrap(at.origin, secret, { ...account, demo: true, enrol: true });
    mediaEnv.SLUICE_ENROL_TOKEN = enrol_token;
    await media.restart();
  }
  const late = setTimeout(
    () => linked.reject(new LaunchError("The media worker did not come up: see the log above")),
    LINK_MS,
  );
  await linked.promise;
  clearTimeout(late);

  setInterval(() => {
    edge.tick(EVERY_MINUTE).catch((error: unknown) => {
      log.entry({ source: "sluice", level: "warn", message: `The cron tick failed: ${messageOf(error)}` });
    });
  }, 60_000);

  const ready = { url: at.url, origin: at.origin, rtmp: at.rtmp, setUp, pid: process.pid };
  log.print(json ? readyLine(ready) : banner(ready));
  if (process.argv.includes("--watch")) watchSources({ root: ROOT, edge, media, log });
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void end(0));
watchParent(() => void end(0));
// A reader of our output that went away must not keep the rest alive.
process.stdout.on("error", () => void end(0));

launch().catch(async (error: unknown) => {
  const known = error instanceof LaunchError;
  const message = known ? error.message : `Sluice failed to start: ${error instanceof Error ? error.stack : error}`;
  if (json) log.print(JSON.stringify({ event: "error", message }));
  else console.error(message);
  await end(1);
});
