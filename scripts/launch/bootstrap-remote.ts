/**
 * `npm run bootstrap -- <URL>`: after the first deployment makes the first admin, and each time hands out a one-use token
 * with which a media worker enrols. `SLUICE_SECRET` must be the one the Worker has.
 */
import { bootstrap } from "./bootstrap.ts";
import { LaunchError } from "./errors.ts";
import { parseSettings } from "./settings.ts";

async function main(): Promise<string> {
  const given = process.argv[2] ?? "";
  if (!URL.canParse(given))
    throw new LaunchError("Usage: SLUICE_SECRET=… npm run bootstrap -- https://sluice.example.com");
  const settings = parseSettings(process.env, process.cwd());
  if (settings.secret === undefined) throw new LaunchError("SLUICE_SECRET must be the secret that the Worker has");
  const reply = await bootstrap(new URL(given).origin, settings.secret, {
    admin_username: settings.adminUsername,
    admin_password: settings.adminPassword,
    demo: false,
    enrol: true,
  });
  const password = reply.admin_password === undefined ? "" : `, password ${reply.admin_password} (shown this once)`;
  return [
    `Admin: ${reply.admin_username}${reply.admin_created ? password : " (was there already)"}`,
    "For one media worker, once:",
    `  SLUICE_CONTROL_URL=${new URL(given).origin}`,
    `  SLUICE_ENROL_TOKEN=${reply.enrol_token}`,
  ].join("\n");
}

main().then(console.log, (error: unknown) => {
  console.error(error instanceof LaunchError ? error.message : error);
  process.exit(1);
});
