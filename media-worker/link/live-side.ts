/** The live process's end of the IPC channel: its `Control`, and the supervisor's orders carried out. */
import type { AuthoriseReply, AuthoriseRequest } from "#contract/media";
import type { Control, LiveProcess } from "../live/control.ts";
import type { Log } from "../log.ts";
import { type FromLive, ToLive } from "./ipc.ts";

/** What of `process` is used; a child started by `fork` has it. */
export type Channel = {
  send?(message: FromLive): boolean;
  on(event: "message", listener: (message: unknown) => void): unknown;
};

/** A segment that viewers may have seen is known to the supervisor so soon. */
const PROGRESS_MS = 50;

const AWAY: AuthoriseReply = { ok: false, reason: "unavailable", message: "The control plane is away" };

/** `start` gets the `Control` and resolves when the live process listens. */
export async function serveSupervisor(
  channel: Channel,
  log: Log,
  start: (control: Control) => Promise<LiveProcess>,
): Promise<void> {
  const send = (message: FromLive) => channel.send?.(message);
  const asked = new Map<number, (reply: AuthoriseReply) => void>();
  let nextRid = 0;

  const control: Control = {
    authorise(request: AuthoriseRequest) {
      const rid = nextRid++;
      // The supervisor answers in any case, in bounded time; without it this process ends.
      const { promise, resolve } = Promise.withResolvers<AuthoriseReply>();
      if (send({ type: "authorise", rid, request }) === undefined) return Promise.resolve(AWAY);
      asked.set(rid, resolve);
      return promise;
    },
    event(job, progress, body) {
      send({ type: "event", job, progress, body });
    },
    recording(poke) {
      send({ type: "recording", ...poke });
    },
  };

  let live: LiveProcess | undefined;
  // Publishers may come, and be let in, before everything listens.
  channel.on("message", (message) => {
    const order = ToLive.safeParse(message);
    if (!order.success) log.error({ err: order.error }, "the supervisor sent something unknown");
    else if (order.data.type === "authorised") answer(order.data);
    else if (live) obey(live, order.data);
  });
  live = await start(control);
  send({ type: "listening", ...live.ports });
  tellProgress(live);

  function tellProgress(live: LiveProcess): void {
    const told = new Map<string, number>();
    setInterval(() => {
      const running = live.running();
      const jobs = running.flatMap(({ job_id, progress }) =>
        told.get(job_id) === progress.next_msn ? [] : [{ job_id, progress }],
      );
      if (jobs.length > 0) send({ type: "progress", jobs });
      for (const { job_id, progress } of jobs) told.set(job_id, progress.next_msn);
      if (told.size > running.length) {
        const ids = new Set(running.map(({ job_id }) => job_id));
        for (const job_id of told.keys()) if (!ids.has(job_id)) told.delete(job_id);
      }
    }, PROGRESS_MS);
  }

  function answer({ rid, reply }: Extract<ToLive, { type: "authorised" }>): void {
    const settle = asked.get(rid);
    asked.delete(rid);
    settle?.(reply);
  }

  function obey(live: LiveProcess, order: Exclude<ToLive, { type: "authorised" }>): void {
    switch (order.type) {
      case "report":
        send({ type: "snapshot", rid: order.rid, running: live.running(), viewers: live.viewers() });
        break;
      case "stop":
        live.stop(order.job_id, order.lease, order.reason);
        break;
      case "reconcile":
        live.reconcile(order.desired);
        break;
      case "keys":
        live.keys(order.keys);
        break;
      case "revoke":
        live.revoke(order.stream_id, order.generation);
        break;
      case "drain":
        live
          .drain(order.seconds)
          .catch((error: unknown) => log.error({ err: error }, "drain failed"))
          .finally(() => send({ type: "drained" }));
        break;
      default:
        order satisfies never;
    }
  }
}
