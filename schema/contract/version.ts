/** The version that `/health` and `/openapi.json` state; a test keeps it equal to package.json. */
export const VERSION = "0.1.0";
