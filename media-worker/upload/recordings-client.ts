/** `/internal/media/recordings/…` as this media worker calls it. */
import { type Dispatcher, request } from "undici";
import type * as z from "zod";
import {
  CompletePart,
  CompleteReply,
  OpenPart,
  OpenReply,
  PartProgress,
  ProgressReply,
  SignReply,
  SignSlices,
} from "#contract/recording";
import { Slots } from "./slots.ts";
import type { UploadTiming } from "./timing.ts";

/** Calls at once; a backlog of hundreds of parts must not fall over a control plane that has just come back. */
const CALLS = 8;

/** The control plane does not want the part: throw its bytes away. */
export class Discarded extends Error {
  override name = "Discarded";
}

/** The control plane was not reached or did not take it: say it again later. `status`: null without an answer. */
export class NotTaken extends Error {
  override name = "NotTaken";
  readonly status: number | null;

  constructor(call: string, status: number | null, options?: ErrorOptions) {
    super(`${call}: ${status === null ? "the control plane does not answer" : `status ${status}`}`, options);
    this.status = status;
  }
}

type Kept<T> = Extract<T, { keep: true }>;

export type RecordingsClientOptions = {
  controlUrl: string;
  /** A fresh bearer token, or null while there is no identity. */
  token(): Promise<string | null>;
  dispatcher: Dispatcher;
  timing: UploadTiming;
};

/** Each call throws `Discarded` or `NotTaken`, or the signal's reason, and may be repeated. */
export class RecordingsClient {
  readonly #options: RecordingsClientOptions;
  readonly #slots = new Slots(CALLS);

  constructor(options: RecordingsClientOptions) {
    this.#options = options;
  }

  open(part: OpenPart, signal: AbortSignal): Promise<Kept<OpenReply>> {
    // What more the caller has in it (a file's version, its timescale) stays here.
    return this.#call("open", OpenPart.parse(part), OpenReply, signal);
  }

  sign(slices: z.infer<typeof SignSlices>, signal: AbortSignal): Promise<Kept<SignReply>> {
    return this.#call("sign", SignSlices.parse(slices), SignReply, signal);
  }

  progress(progress: PartProgress, signal: AbortSignal): Promise<Kept<ProgressReply>> {
    return this.#call("progress", PartProgress.parse(progress), ProgressReply, signal);
  }

  complete(part: CompletePart, signal: AbortSignal): Promise<Kept<CompleteReply>> {
    return this.#call("complete", CompletePart.parse(part), CompleteReply, signal);
  }

  async #call<R extends { keep: boolean }>(
    name: "open" | "sign" | "progress" | "complete",
    body: unknown,
    schema: z.ZodType<R>,
    signal: AbortSignal,
  ): Promise<Kept<R>> {
    const text = await this.#slots.run(signal, () => this.#post(name, body, signal));
    let reply: R;
    try {
      reply = schema.parse(JSON.parse(text));
    } catch (cause) {
      throw new NotTaken(name, 200, { cause });
    }
    if (!isKept(reply)) throw new Discarded((reply as { reason?: string }).reason);
    return reply;
  }

  async #post(name: string, body: unknown, signal: AbortSignal): Promise<string> {
    const { controlUrl, token, dispatcher, timing } = this.#options;
    const limit = name === "complete" ? timing.complete : timing.answer;
    try {
      const bearer = await token();
      if (bearer === null) throw new NotTaken(name, null);
      const { statusCode, body: answer } = await request(`${controlUrl}/internal/media/recordings/${name}`, {
        method: "POST",
        headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
        body: JSON.stringify(body),
        dispatcher,
        signal: AbortSignal.any([signal, AbortSignal.timeout(limit)]),
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      const text = await answer.text();
      if (statusCode !== 200) throw new NotTaken(name, statusCode);
      return text;
    } catch (cause) {
      signal.throwIfAborted();
      throw cause instanceof NotTaken ? cause : new NotTaken(name, null, { cause });
    }
  }
}

const isKept = <R extends { keep: boolean }>(reply: R): reply is Kept<R> => reply.keep;
