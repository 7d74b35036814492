/** The media worker: the supervisor, or with the argument `live` the live process that it starts. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Ports } from "./link/live-child.ts";
import { serveSupervisor } from "./link/live-side.ts";
import { runLive } from "./live/main.ts";
import { createLog } from "./log.ts";
import { type MediaSettings, parseSettings, SettingsError } from "./settings.ts";
import { Supervisor, type SupervisorOptions } from "./supervisor.ts";

const LIVE = "live";
/**
 * Media lies outside of V8's heap, which stays at some 13 MB. So close to its smallest limit, V8 would mark all of it
 * every half second for the sake of the media (measured: 40 % of the process's time).
 */
const LIVE_FLAGS = ["--max-semi-space-size=2", "--initial-old-space-size=64"];
/**
 * Each waits for one file operation. Of Node's four, as many recordings whose disk hangs would take all, and segments on
 * another disk, addresses and new publishers' recordings would wait with them.
 */
const LIVE_THREADS = "16";

function settingsOrExit(): MediaSettings {
  try {
    return parseSettings(process.env);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}

async function runLiveProcess(): Promise<void> {
  const log = createLog("live");
  // Without a supervisor nobody would let publishers in, nor hear of them.
  process.on("disconnect", () => process.exit(0));
  // A terminal's Ctrl-C reaches the whole group; the supervisor tells us what to do.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => undefined);
  try {
    await serveSupervisor(process, log, (control) => runLive(settingsOrExit().live, control, log));
  } catch (error) {
    log.error({ err: error }, error instanceof Error ? error.message : "the live process could not start");
    process.exit(1);
  }
}

function runSupervisor(): void {
  const settings = settingsOrExit();
  const log = createLog("supervisor");
  const fail: (message: string) => never = (message) => {
    log.error(message);
    process.exit(1);
  };
  const options: SupervisorOptions = {
    settings,
    forkLive: (ports: Ports | null) =>
      fork(fileURLToPath(import.meta.url), [LIVE], {
        stdio: ["ignore", "inherit", "inherit", "ipc"],
        execArgv: [...process.execArgv, ...LIVE_FLAGS],
        env: {
          UV_THREADPOOL_SIZE: LIVE_THREADS,
          ...process.env,
          SLUICE_ENROL_TOKEN: "",
          ...(ports && { SLUICE_RTMP_PORT: String(ports.rtmp), SLUICE_MEDIA_PORT: String(ports.http) }),
        },
      }),
    onFatal: fail,
    log,
  };
  const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
  let supervisor: Supervisor;
  try {
    supervisor = new Supervisor(options);
  } catch (error) {
    fail(messageOf(error));
  }
  void supervisor.start().catch((error: unknown) => fail(messageOf(error)));

  let stopping = false;
  const stop = (why: string) => {
    if (stopping) return;
    stopping = true;
    log.info({ why }, "stopping");
    void supervisor
      .stop()
      .catch((error: unknown) => log.error({ err: error }, "stopping failed"))
      .finally(() => process.exit(0));
  };
  process.on("SIGTERM", () => stop("SIGTERM"));
  process.on("SIGINT", () => stop("SIGINT"));
  if (settings.exitWithParent) {
    process.stdin.on("end", () => stop("the parent is gone")).on("error", () => stop("the parent is gone"));
    process.stdin.resume();
  }
}

if (process.argv[2] === LIVE) await runLiveProcess();
else runSupervisor();
