/** What schemathesis is told, in its TOML. */

/** Operations that are not called, each for a reason. */
const LEFT_OUT = {
  logOut: "ends the session that all other calls are made by",
  revokeSession: "may end it too",
  revokeAppsSession: "may end it too",
  openChat: "is a WebSocket",
};

const CHECKS = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_headers_conformance",
  "response_schema_conformance",
  // Of hooks.py.
  "malformed_data_rejection",
];

/** Half of the time a parameter, or a field of a body, is one of what there is: by its name, the list it is drawn from. */
const BOUND = {
  path: { id: "ids", public_id: "vods", key: "keys", file: "files", path: "files" },
  query: { stream: "keys", user_id: "ids", stream_id: "ids", channel_id: "ids" },
  body: { username: "usernames", password: "passwords" },
};
/** Streams, channels, people and all else are numbered from 1. */
const IDS = Array.from({ length: 12 }, (_, index) => index + 1);
const FILES = ["index.m3u8", "1.mp4", "2.mp4"];

/**
 * What is there to be found: public ids of recordings, keys of streams, and an account.
 * @typedef {{ vods: string[], keys: string[], username: string, password: string }} Material
 */

/**
 * @param {string} token of whoever makes all calls
 * @param {Material} material
 * @returns {string}
 */
export function settings(token, { vods, keys, username, password }) {
  const lists = { ids: IDS, files: FILES, vods, keys, usernames: [username], passwords: [password] };
  const known = Object.entries(lists).filter(([, values]) => values.length > 0);
  const names = known.map(([name]) => name);
  const bindings = Object.entries(BOUND).flatMap(([where, byName]) =>
    Object.entries(byName)
      .filter(([, list]) => names.includes(list))
      .map(([name, list]) => `"${where}.${name}" = { dictionary = "${list}", probability = 0.5 }`),
  );
  return [
    'hooks = "hooks"',
    "continue-on-failure = true",
    "warnings = false",
    `headers = { Authorization = "Bearer ${token}" }`,
    "[generation]",
    'database = "none"',
    // NUL is refused in every text, which JSON Schema does not say of each.
    "allow-x00 = false",
    "[checks]",
    "enabled = false",
    ...CHECKS.map((name) => `${name}.enabled = true`),
    "[dictionaries]",
    ...known.map(([name, values]) => `${name} = { values = ${JSON.stringify(values)} }`),
    "[parameters]",
    ...bindings,
    ...Object.keys(LEFT_OUT).map((id) => `[[operations]]\ninclude-operation-id = "${id}"\nenabled = false`),
    "",
  ].join("\n");
}
