import { type Logger, pino } from "pino";

export type Log = Pick<Logger, "debug" | "info" | "warn" | "error">;

/** JSON lines on standard output; `level` of each is pino's number. Stream keys never go in. */
export const createLog = (process: "supervisor" | "live"): Log => pino({ level: "info", base: { process } });
