/** Who this media worker is: an Ed25519 key whose public half the control plane knows, and the id it gave it. */
import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { importJWK, SignJWT } from "jose";
import * as z from "zod";
import { EnrolReply } from "#contract/media";

const AUDIENCE = "sluice-media";
const TOKEN_LIFETIME_S = 60;
/** Tokens are dated back by this, so that a clock may be ahead as well as behind by about half their lifetime. */
const CLOCK_AHEAD_S = 25;
const ENROL_TIMEOUT_MS = 10_000;

const PrivateKey = z.object({ kty: z.literal("OKP"), crv: z.literal("Ed25519"), x: z.string(), d: z.string() });
type PrivateKey = z.infer<typeof PrivateKey>;
const StoredIdentity = z.object({ worker_id: z.string().min(1), key: PrivateKey });
const StoredKey = z.object({ key: PrivateKey });

/** The token was refused, so asking again is of no use. */
export class EnrolmentRefused extends Error {
  override name = "EnrolmentRefused";
}

export type EnrolOptions = { dataDir: string; controlUrl: string; token: string; name: string };

export class Identity {
  readonly workerId: string;
  readonly #key: PrivateKey;

  constructor(workerId: string, key: PrivateKey) {
    this.workerId = workerId;
    this.#key = key;
  }

  /** Null when there is none yet. Throws when the file is damaged. */
  static load(dataDir: string): Identity | null {
    const stored = readJson(identityFile(dataDir), StoredIdentity);
    return stored && new Identity(stored.worker_id, stored.key);
  }

  /**
   * Trades the one-use token for an id. The key is on disk before it is asked for, so that a lost reply can be asked
   * for again. Throws `EnrolmentRefused`; any other error may pass.
   */
  static async enrol({ dataDir, controlUrl, token, name }: EnrolOptions): Promise<Identity> {
    mkdirSync(dataDir, { recursive: true });
    const pending = path.join(dataDir, "identity.pending.json");
    const key = readJson(pending, StoredKey)?.key ?? newKey();
    writeJson(pending, { key });
    const response = await fetch(`${controlUrl}/internal/media/enrol`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token, name, public_key: key.x }),
      signal: AbortSignal.timeout(ENROL_TIMEOUT_MS),
      redirect: "error",
    });
    if (response.status === 400 || response.status === 401 || response.status === 403) {
      await response.body?.cancel();
      throw new EnrolmentRefused(`The control plane refused SLUICE_ENROL_TOKEN (status ${response.status})`);
    }
    if (!response.ok) throw new Error(`Enrolment: the control plane answered ${response.status}`);
    const { worker_id } = EnrolReply.parse(await response.json());
    writeJson(pending, { worker_id, key });
    renameSync(pending, identityFile(dataDir));
    return new Identity(worker_id, key);
  }

  /** A bearer token for one request. */
  async token(now: number): Promise<string> {
    const issued = Math.floor(now / 1000) - CLOCK_AHEAD_S;
    return new SignJWT()
      .setProtectedHeader({ alg: "EdDSA" })
      .setSubject(this.workerId)
      .setAudience(AUDIENCE)
      .setIssuedAt(issued)
      .setExpirationTime(issued + TOKEN_LIFETIME_S)
      .sign(await importJWK(this.#key, "EdDSA"));
  }
}

const identityFile = (dataDir: string) => path.join(dataDir, "identity.json");

function newKey(): PrivateKey {
  return PrivateKey.parse(generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" }));
}

function readJson<S extends z.ZodType>(file: string, schema: S): z.output<S> | null {
  if (!existsSync(file)) return null;
  try {
    return schema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (cause) {
    throw new Error(`${file} is damaged: remove it and start with a new SLUICE_ENROL_TOKEN`, { cause });
  }
}

function writeJson(file: string, value: unknown): void {
  writeFileSync(`${file}.tmp`, JSON.stringify(value), { mode: 0o600, flush: true });
  renameSync(`${file}.tmp`, file);
}
