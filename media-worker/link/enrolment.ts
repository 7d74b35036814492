/** How this media worker is known to the control plane: by the identity it has, or by one that a token gets it. */
import type { Log } from "../log.ts";
import type { MediaSettings } from "../settings.ts";
import { EnrolmentRefused, Identity } from "./identity.ts";

export class Enrolment {
  readonly #settings: MediaSettings;
  readonly #log: Log;
  #identity: Identity | null;
  /** One-use. */
  #token: string | null;

  constructor(settings: MediaSettings, log: Log) {
    this.#settings = settings;
    this.#log = log;
    this.#identity = Identity.load(settings.dataDir);
    this.#token = settings.enrolToken;
  }

  /** There is an identity, or a token to get one. */
  get isPossible(): boolean {
    return this.#identity !== null || this.#token !== null;
  }

  /** A fresh bearer token, or null while there is no identity. */
  async bearer(): Promise<string | null> {
    return this.#identity?.token(Date.now()) ?? null;
  }

  /** The same; enrols first where there is no identity, and rejects when that fails. */
  async bearerOrEnrol(): Promise<string> {
    this.#identity ??= await this.#enrol();
    return this.#identity.token(Date.now());
  }

  /** The control plane does not know us: its state may be new. A one-use token makes us known again. */
  async renew(): Promise<void> {
    if (this.#token === null) {
      this.#log.error("the control plane does not know this media worker: start it with a new SLUICE_ENROL_TOKEN");
      return;
    }
    try {
      this.#identity = await this.#enrol();
    } catch {
      // It was logged, and the link comes back to it.
    }
  }

  async #enrol(): Promise<Identity> {
    const token = this.#token;
    if (token === null) throw new EnrolmentRefused("no identity, and no SLUICE_ENROL_TOKEN to get one");
    const { dataDir, controlUrl, name } = this.#settings;
    try {
      const identity = await Identity.enrol({ dataDir, controlUrl, token, name });
      this.#token = null;
      this.#log.info({ worker_id: identity.workerId }, "enrolled");
      return identity;
    } catch (error) {
      if (error instanceof EnrolmentRefused) this.#token = null;
      this.#log.error({ err: error }, "enrolment failed");
      throw error;
    }
  }
}
