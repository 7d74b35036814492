/** Who calls, and what there is to be called about: without it most calls would end at 404. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const PASSWORD = "correct horse battery";
const READY_MS = 60_000;

/** @typedef {{ username: string, password: string, token: string }} Person */

/**
 * @param {string} url
 * @param {string} token
 * @returns {(method: string, path: string, body?: unknown) => Promise<any>} resolves to the reply's body, rejects at an error
 */
export const caller = (url, token) => async (method, path, body) => {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
  return response.json();
};

/**
 * @param {string} url
 * @param {string} username
 * @param {string} password
 * @returns {Promise<Person>}
 */
export async function signIn(url, username, password) {
  const { token } = await caller(url, "")("POST", "/api/token", { username, password });
  return { username, password, token };
}

/**
 * An ordinary account with streams and a channel.
 * @param {string} url
 * @param {Person} admin
 * @param {string} username
 */
export async function newPerson(url, admin, username) {
  await caller(url, admin.token)("POST", "/api/users", { username, password: PASSWORD });
  const person = await signIn(url, username, PASSWORD);
  await furnish(url, person);
  return person;
}

/**
 * @param {string} url
 * @param {Person} person
 */
export async function furnish(url, { username, token }) {
  const call = caller(url, token);
  for (const [title, is_public] of [
    ["Open", 1],
    ["Private", 0],
  ]) {
    await call("POST", "/api/streams", { title: `${title} ${username}`, is_public });
  }
  await call("POST", "/api/chat/channels", { name: `of-${username}` });
}

/**
 * A recording of a few seconds. It needs FFmpeg.
 * @param {import("./sluice.mjs").Sluice} sluice
 * @param {Person} admin
 * @returns {Promise<string>} its public id
 */
export async function record({ url, rtmp, stream_key }, admin) {
  const input = ["-re", "-f", "lavfi", "-i", "testsrc=size=320x180:rate=25", "-f", "lavfi", "-i", "sine"];
  const output = [
    "-t",
    "4",
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-pix_fmt",
    "yuv420p",
    "-g",
    "25",
    "-c:a",
    "aac",
  ];
  await promisify(execFile)("ffmpeg", ["-v", "error", ...input, ...output, "-f", "flv", `${rtmp}/${stream_key}`]);
  const until = Date.now() + READY_MS;
  for (;;) {
    const { vods } = await caller(url, admin.token)("GET", "/api/library?status=ready");
    if (vods[0]?.thumbnail_url) return vods[0].public_id;
    if (Date.now() > until) throw new Error("the recording did not become ready");
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
