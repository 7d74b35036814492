import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { startTestMail } from "./test/harness/mail-for-workers.ts";
import { playServerStub } from "./test/harness/play-server-stub.ts";
import { startTestS3 } from "./test/harness/s3-for-workers.ts";

/** What is polled for may take its time on a busy machine: only what never comes fails. */
const PATIENT = { poll: { timeout: 15_000 } };

const TEST_SECRET = "test-secret-test-secret-test-secret-0123456789";

export default defineConfig({
  test: {
    // The Worker logs a line for each request: only what is worth a look is shown.
    onConsoleLog: (line) => !/^\{"level":"(debug|info)"/.test(line),
    projects: [
      // A machine that is busy with something else is no failure.
      {
        test: {
          name: "unit",
          environment: "node",
          include: ["test/unit/**/*.test.ts"],
          testTimeout: 20_000,
          expect: PATIENT,
        },
      },
      {
        plugins: [
          cloudflareTest(async () => {
            const s3 = await startTestS3();
            const mail = await startTestMail();
            return {
              wrangler: { configPath: "./wrangler.toml" },
              remoteBindings: false,
              miniflare: {
                serviceBindings: {
                  MEDIA: playServerStub(TEST_SECRET),
                  S3: s3.way,
                  S3_CONTROL: s3.control,
                  SMTP: mail.way,
                  INBOX: mail.inbox,
                },
                bindings: {
                  SLUICE_SECRET: TEST_SECRET,
                  SLUICE_PUBLIC_URL: "http://sluice.test",
                  STREAMHUB_ALLOW_SIGNUP: "1",
                  // One account makes hundreds of calls a minute; the tests of limits switch them on.
                  SLUICE_RATE_LIMITS: "off",
                  TEST_MIGRATIONS: await readD1Migrations("./schema/tables/migrations"),
                  ...s3.bindings,
                  ...mail.bindings,
                },
              },
            };
          }),
        ],
        test: {
          name: "worker",
          expect: PATIENT,
          // One runtime for all files is five times faster; the set-up file wipes storage for each file.
          isolate: false,
          maxWorkers: 1,
          testTimeout: 30_000,
          hookTimeout: 30_000,
          include: ["test/worker/**/*.test.ts"],
          setupFiles: ["./test/worker/setup.ts"],
        },
      },
      {
        test: {
          name: "media",
          expect: PATIENT,
          environment: "node",
          include: ["test/media/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: "system",
          expect: PATIENT,
          environment: "node",
          include: ["test/system/**/*.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // They wait most of the time, and none measures how smoothly something runs.
          maxWorkers: 2,
          maxConcurrency: 3,
        },
      },
      {
        test: {
          name: "pages",
          expect: PATIENT,
          environment: "node",
          include: ["test/pages/**/*.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // Each file starts a Sluice and a browser of its own, and waits for what is seen: none measures time.
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: "e2e",
          expect: PATIENT,
          environment: "node",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
          // Tests that mostly wait say that they may run beside each other; each starts a whole Sluice.
          maxConcurrency: 3,
        },
      },
    ],
  },
});
