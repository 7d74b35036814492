/** Why S3 did not answer, or refused, and what to do about it. */
import type { S3Settings } from "../launch/s3-settings.ts";
import type { Reply } from "./bucket.ts";
import { Trouble } from "./finding.ts";

/** What is wrong, and what to do; `SETTING` is where the address comes from. */
const CONNECTION: Record<string, [string, string]> = {
  ENOTFOUND: ["is not known to DNS", "Correct the host in SETTING"],
  EAI_AGAIN: ["cannot be looked up: DNS does not answer", "Check this machine's DNS and network"],
  ECONNREFUSED: ["refuses connections", "Correct the port in SETTING, or start the server"],
  EHOSTUNREACH: ["cannot be reached", "Check the network between this machine and the server"],
  ENETUNREACH: ["cannot be reached", "Check this machine's network"],
  ETIMEDOUT: ["does not answer", "Check the host in SETTING, and firewalls"],
  UND_ERR_CONNECT_TIMEOUT: ["does not answer", "Check the host in SETTING, and firewalls"],
  CERT_HAS_EXPIRED: ["shows a TLS certificate that has expired", "Renew the certificate"],
  ERR_TLS_CERT_ALTNAME_INVALID: [
    "shows a TLS certificate for another name",
    "Use in SETTING the name that is in the certificate",
  ],
  EPROTO: ["does not speak TLS", "Begin SETTING with http://, or name the port that speaks TLS"],
  ERR_SSL_WRONG_VERSION_NUMBER: ["does not speak TLS", "Begin SETTING with http://, or name the port that speaks TLS"],
  ERR_SSL_PACKET_LENGTH_TOO_LONG: [
    "does not speak TLS",
    "Begin SETTING with http://, or name the port that speaks TLS",
  ],
  HTTPParserError: ["does not speak HTTP", "Check scheme and port of SETTING"],
  UND_ERR_SOCKET: ["closes the connection", "Check scheme and port of SETTING; a proxy in between may limit bodies"],
  ECONNRESET: ["closes the connection", "Check scheme and port of SETTING; a proxy in between may limit bodies"],
};

const SELF_SIGNED = /SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|CERT_UNTRUSTED/;

/** The first code on the way down to what really went wrong; a parser's error has only its name. */
function codeOf(error: unknown): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at.name === "TimeoutError") return "ETIMEDOUT";
    if (at.name === "HTTPParserError") return at.name;
    if ("code" in at && typeof at.code === "string") return at.code;
    if (at instanceof AggregateError && at.errors.length > 0) return codeOf(at.errors[0]);
  }
  return "";
}

/** `error`: what `fetch` threw. `setting`: where the address comes from. */
export function unreachable(host: string, error: unknown, setting: string): Trouble {
  const code = codeOf(error);
  if (SELF_SIGNED.test(code)) {
    const todo = "Use a certificate of a public authority, or name your own authority's file in NODE_EXTRA_CA_CERTS";
    return new Trouble(`${host} shows a TLS certificate that nobody we trust has signed`, todo, true);
  }
  const [what, todo] = CONNECTION[code] ?? [`cannot be used (${code || error})`, "Check SETTING"];
  return new Trouble(`${host} ${what}`, todo.replaceAll("SETTING", setting), true);
}

/** Whether it says that it does not have this function. */
export const isUnsupported = ({ status, code }: Reply) => status === 501 || code === "NotImplemented";

const KEYS =
  "Make a new key with read and write access to the bucket, and set S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY";

export const NO_API = "Check that S3_ENDPOINT is the address of an S3 API, without the bucket's name";

function wrongRegion(reply: Reply, { region }: S3Settings): Trouble {
  const right = reply.headers.get("x-amz-bucket-region") ?? /<Region>([^<]{1,40})<\/Region>/.exec(reply.text)?.[1];
  const todo = right ? `Set S3_REGION=${right}` : "Set S3_REGION to the region of the bucket";
  return new Trouble(`The bucket is not in the region ${region}`, todo, true);
}

/** `operation`: what was asked, as policies name it, e.g. `s3:PutObject`. */
export function refusal(operation: string, reply: Reply, settings: S3Settings): Trouble {
  const { status, code } = reply;
  const { bucket } = settings;
  // R2 counts the letters before it looks for the key.
  if (code === "InvalidArgument" && /credential/i.test(reply.text)) {
    return new Trouble("S3_ACCESS_KEY_ID is not one of this S3", KEYS, true);
  }
  switch (code) {
    case "InvalidAccessKeyId":
    case "Unauthorized":
      return new Trouble("S3_ACCESS_KEY_ID is not known there", KEYS, true);
    case "SignatureDoesNotMatch": {
      const todo = `Copy it again; or ${KEYS.charAt(0).toLowerCase()}${KEYS.slice(1)}. A proxy that changes the Host header has the same effect`;
      return new Trouble("S3_SECRET_ACCESS_KEY does not belong to S3_ACCESS_KEY_ID", todo, true);
    }
    case "RequestTimeTooSkewed":
      return new Trouble(
        "Its clock and ours are more than 15 minutes apart",
        "Set the clock of this machine by NTP (timedatectl set-ntp true), or that of the server",
        true,
      );
    case "AuthorizationHeaderMalformed":
    case "PermanentRedirect":
    case "TemporaryRedirect":
    case "IllegalLocationConstraintException":
      return wrongRegion(reply, settings);
    case "NoSuchBucket":
      return new Trouble(`There is no bucket ${bucket}`, "Make it, or correct S3_BUCKET", true);
    case "AccessDenied":
    case "AllAccessDisabled":
      return new Trouble(`The key may not ${operation}`, `Allow ${operation} on ${bucket} and ${bucket}/vods/*`);
    case "QuotaExceeded":
    case "XMinioStorageFull":
      return new Trouble("The storage is full", "Make room, or raise the quota");
    case "SlowDown":
    case "ServiceUnavailable":
      return new Trouble(`It is overloaded (${status} ${code})`, "Try again in a minute");
  }
  if (status >= 300 && status < 400) return wrongRegion(reply, settings);
  if (status === 401 || status === 403) {
    return new Trouble(`${operation} was refused (${status} ${code})`, `Allow ${operation}; ask who runs this S3`);
  }
  if (status >= 500) return new Trouble(`It failed at ${operation} (${status} ${code})`, "Look into the server's log");
  const what = `answered ${status} ${code || "without an error of S3"} to ${operation}`;
  return new Trouble(`It ${what}`, NO_API);
}
