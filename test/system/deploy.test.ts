/** Deploying, rehearsed without a network; and what `wrangler.toml` names must exist, which wrangler does not check. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { unstable_readConfig } from "wrangler";

const run = promisify(execFile);

test("npm run deploy -- --dry-run passes offline and without a warning", async () => {
  const proxies = Object.keys(process.env).filter((name) => /_proxy$/i.test(name));
  const env = { ...process.env, ...Object.fromEntries(proxies.map((name) => [name, undefined])) };
  // A network namespace of its own has no network at all. Where the kernel forbids that, the network stays.
  const alone = await run("unshare", ["-rn", "true"]).then(
    () => ["unshare", "-rn"],
    () => [],
  );
  const [program = "", ...args] = [...alone, "npm", "run", "deploy", "--silent", "--", "--dry-run"];
  const { stdout, stderr } = await run(program, args, { env });
  expect(stdout).toContain("--dry-run: exiting now.");
  expect(stdout + stderr).not.toMatch(/WARNING|ERROR|Unexpected fields/i);
});

test("the bucket of wrangler.toml is looked at, and said to be missing as long as there is none", async () => {
  const env = { ...process.env, S3_ACCESS_KEY_ID: "id", S3_SECRET_ACCESS_KEY: "secret" };
  const checked = run("npm", ["run", "s3:check", "--silent", "--", "--deployed", "--json"], { env });
  const { stdout } = await checked.then(
    () => Promise.reject(new Error("it found a bucket")),
    (failure: { code: number; stdout: string }) => failure,
  );
  expect(JSON.parse(stdout)).toMatchObject({
    ok: false,
    findings: [
      { check: "settings", verdict: "failed", message: expect.stringMatching(/^wrangler.toml names no bucket/) },
    ],
  });
});

test("every class and entrypoint of wrangler.toml is exported by the Worker", async () => {
  const config = unstable_readConfig({ config: "wrangler.toml" });
  const { metafile } = await build({
    entryPoints: ["workers/index.ts"],
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["browser", "module", "main"],
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
    loader: { ".wasm": "empty" },
    outdir: "dist/unused",
  });
  const exported = Object.values(metafile.outputs).flatMap((output) => output.exports);
  const named = [
    ...Object.keys(config.exports ?? {}),
    ...config.durable_objects.bindings.map((binding: { class_name: string }) => binding.class_name),
    ...config.migrations.flatMap((migration: { new_sqlite_classes?: string[] }) => migration.new_sqlite_classes ?? []),
  ];
  expect(named.length).toBeGreaterThan(4);
  expect(exported).toEqual(expect.arrayContaining(named));
  expect(config.exports).toMatchObject({
    default: { cache: { enabled: false } },
    MediaCache: { cache: { enabled: true } },
  });
});
