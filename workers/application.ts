/** The application with every noun's routes, what identifies its callers, and what its cron sweeps. */
import { rateLimiter } from "../durable-objects/stubs.ts";
import { recordRoutes } from "./admin/record-routes.ts";
import { adminRoutes } from "./admin/routes.ts";
import { statsRoutes } from "./admin/stats-routes.ts";
import { sweepRecords } from "./admin/sweep.ts";
import { chatRoutes } from "./chat/routes.ts";
import { sweepRooms } from "./chat/sweep-rooms.ts";
import { createApp } from "./core/app.ts";
import { sweepIdempotencyKeys } from "./core/idempotency.ts";
import type { Sweeps } from "./core/sweeps.ts";
import { accountRoutes } from "./identity/account-routes.ts";
import { apiKeyRoutes } from "./identity/api-key-routes.ts";
import { authenticateApiKey } from "./identity/api-keys.ts";
import { authenticateAppToken } from "./identity/app-tokens.ts";
import { appsAccountRoutes } from "./identity/apps-account-routes.ts";
import { appsAuthRoutes } from "./identity/apps-auth-routes.ts";
import { appsTokenRoutes } from "./identity/apps-token-routes.ts";
import { sweepInviteCodes } from "./identity/invite-codes.ts";
import { inviteRoutes } from "./identity/invite-routes.ts";
import { sweepLoginFailures } from "./identity/login-failures.ts";
import { sweepMagicLinks } from "./identity/magic-link.ts";
import { recorderIdentityRoutes } from "./identity/recorder-routes.ts";
import { sweepRegistrationAddresses } from "./identity/registration-addresses.ts";
import { sweepAccounts } from "./identity/remove-account.ts";
import { identityRoutes } from "./identity/routes.ts";
import { authenticateToken } from "./identity/sessions.ts";
import { sshKeyRoutes } from "./identity/ssh-key-routes.ts";
import { sweepSessions } from "./identity/sweep.ts";
import { twoFactorRoutes } from "./identity/two-factor-routes.ts";
import { userRoutes } from "./identity/user-routes.ts";
import { mediaRoutes } from "./media/routes.ts";
import { sweepJobs } from "./media/sweep.ts";
import { sweepEnrolmentTokens } from "./media/sweep-tokens.ts";
import { authenticateStreamKey } from "./streams/by-key.ts";
import { playbackRoutes } from "./streams/playback-routes.ts";
import { streamRoutes } from "./streams/routes.ts";
import { libraryRoutes } from "./vods/library-routes.ts";
import { recordingRoutes } from "./vods/recording-routes.ts";
import { removeDoomed } from "./vods/remove-doomed.ts";
import { vodRoutes } from "./vods/routes.ts";
import { sweepOrphans } from "./vods/sweep-orphans.ts";
import { sweepRecordings } from "./vods/sweep-recordings.ts";

export const app = createApp(
  {
    authenticators: {
      jwt: authenticateToken,
      api_key: authenticateApiKey,
      app_token: authenticateAppToken,
      stream_key: authenticateStreamKey,
    },
    limiter: rateLimiter,
  },
  [
    identityRoutes,
    inviteRoutes,
    accountRoutes,
    apiKeyRoutes,
    twoFactorRoutes,
    sshKeyRoutes,
    userRoutes,
    recorderIdentityRoutes,
    appsAuthRoutes,
    appsAccountRoutes,
    appsTokenRoutes,
    streamRoutes,
    playbackRoutes,
    chatRoutes,
    libraryRoutes,
    vodRoutes,
    mediaRoutes,
    recordingRoutes,
    adminRoutes,
    recordRoutes,
    statsRoutes,
  ],
);

export const sweeps: Sweeps = {
  sessions: sweepSessions,
  "deleted accounts": sweepAccounts,
  "login failures": sweepLoginFailures,
  "registration addresses": sweepRegistrationAddresses,
  "invite codes": sweepInviteCodes,
  "magic links": sweepMagicLinks,
  "idempotency keys": sweepIdempotencyKeys,
  "enrolment tokens": sweepEnrolmentTokens,
  jobs: sweepJobs,
  records: sweepRecords,
  "deleted channels": sweepRooms,
  recordings: sweepRecordings,
  "orphaned objects": sweepOrphans,
  "doomed objects": removeDoomed,
};
