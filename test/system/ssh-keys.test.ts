/** SSH keys as OpenSSH sees them: the real `ssh-keygen` reads them, and the real `sshd` lets them in. */
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CreatedSshKey } from "../../schema/contract/credentials.ts";
import { TokenReply } from "../../schema/contract/identity.ts";
import { eventually } from "../harness/eventually.ts";
import { type Sluice, startSluice } from "../harness/sluice.ts";

const run = promisify(execFile);
const SSHD = "/usr/sbin/sshd";

let sluice: Sluice;
let token: string;
let folder: string;
let server: { process: ChildProcess; port: number; log: () => string };

const inFolder = (name: string) => path.join(folder, name);

async function ask(method: string, route: string, body?: unknown): Promise<Response> {
  const response = await fetch(sluice.url + route, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  expect(response.status).toBeLessThan(300);
  return response;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => probe.once("listening", resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Lets in who holds a key of `authorized`, and nobody by any other way. */
async function startSshd(): Promise<typeof server> {
  // Only as root does it want a place to shut itself in.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", inFolder("host")]);
  const port = await freePort();
  const config = [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${inFolder("host")}`,
    `PidFile ${inFolder("pid")}`,
    `AuthorizedKeysFile ${inFolder("authorized")}`,
    "StrictModes no",
    "UsePAM no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin prohibit-password",
    "LogLevel VERBOSE",
  ];
  writeFileSync(inFolder("sshd_config"), `${config.join("\n")}\n`);
  const child = spawn(SSHD, ["-D", "-e", "-f", inFolder("sshd_config")], { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (text) => {
    log += text;
  });
  await eventually(() => expect(log).toContain("Server listening"));
  return { process: child, port, log: () => log };
}

/** What a command prints over there. Rejects when the key does not open. */
async function overSsh(keyFile: string, command: string): Promise<string> {
  const options = ["BatchMode=yes", "IdentitiesOnly=yes", "IdentityAgent=none", "StrictHostKeyChecking=no"];
  const { stdout } = await run("ssh", [
    ...["-F", "/dev/null", "-i", keyFile, "-p", String(server.port)],
    ...[...options, `UserKnownHostsFile=${inFolder("known_hosts")}`].flatMap((option) => ["-o", option]),
    `${userInfo().username}@127.0.0.1`,
    command,
  ]);
  return stdout;
}

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "sluice-ssh-"));
  sluice = await startSluice();
  const response = await fetch(`${sluice.url}/api/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ username: sluice.adminUsername, password: sluice.adminPassword }),
  });
  ({ token } = TokenReply.parse(await response.json()));
  server = await startSshd();
});
afterAll(async () => {
  server?.process.kill("SIGTERM");
  await sluice?.stop();
  if (folder) rmSync(folder, { recursive: true });
});

describe.each([
  ["ed25519", /^256 .*\(ED25519\)$/],
  ["rsa", /^3072 .*\(RSA\)$/],
] as const)("a key of type %s", (key_type, described) => {
  let made: CreatedSshKey;
  let file: string;
  beforeAll(async () => {
    made = CreatedSshKey.parse(await (await ask("POST", "/api/ssh-keys", { name: key_type, key_type })).json());
    file = inFolder(key_type);
    writeFileSync(file, made.private_key, { mode: 0o600 });
    writeFileSync(`${file}.line`, `${made.public_key}\n`);
  });

  test("is read by ssh-keygen, which finds the same public key and fingerprint", async () => {
    const { stdout: line } = await run("ssh-keygen", ["-y", "-f", file]);
    expect(line.trim()).toBe(made.public_key);
    for (const of of [file, `${file}.line`]) {
      const { stdout } = await run("ssh-keygen", ["-l", "-f", of]);
      expect(stdout.trim()).toMatch(described);
      expect(stdout.split(" ").slice(1, 3)).toEqual([made.fingerprint, `${sluice.adminUsername}@sluice`]);
    }
  });

  test("opens a server that has the text of /api/ssh-keys/authorized, and no longer once it is gone from there", async () => {
    const authorized = async () =>
      writeFileSync(inFolder("authorized"), await (await ask("GET", "/api/ssh-keys/authorized")).text());
    await authorized();
    expect(await overSsh(file, "echo let in")).toBe("let in\n");
    expect(server.log()).toContain(made.fingerprint);
    await ask("DELETE", `/api/ssh-keys/${made.id}`);
    await authorized();
    await expect(overSsh(file, "echo let in")).rejects.toThrow("Permission denied");
  });
});
