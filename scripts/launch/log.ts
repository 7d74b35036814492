/** One log for all processes: lines for people, or one JSON object per line. */
import * as z from "zod";

export const LEVELS = ["debug", "info", "warn", "error"] as const;
export type Level = (typeof LEVELS)[number];
export type Source = "sluice" | "edge" | "media";
export type Entry = { source: Source; level: Level; message: string; time?: number; fields?: Record<string, unknown> };

export type Log = {
  entry(entry: Entry): void;
  /** A line of standard output that is no log: the banner or the line of readiness. */
  print(line: string): void;
};

/** Longer lines are cut: a runaway message must not bury the log. */
const LINE_MAX = 4000;

const isPlain = (text: string) => /^[^\s"=]+$/.test(text);

function fieldText(value: unknown): string {
  if (typeof value === "string") return isPlain(value) ? value : JSON.stringify(value);
  return JSON.stringify(value) ?? String(value);
}

/** For scripts and for tracing a fault; in the lines for people they only stand in the way. */
const HIDDEN = new Set(["request_id", "process", "boot", "stack", "err"]);

const Failure = z.object({ message: z.string(), stack: z.string().optional() });

/**
 * `07:12:03 [media] warn: publisher left stream=3 reason=disconnected`. An error's stack follows on lines of its own.
 */
export function formatEntry(entry: Entry, now: number): string {
  const time = new Date(entry.time ?? now).toTimeString().slice(0, 8);
  const level = entry.level === "info" ? "" : `${entry.level}: `;
  const all = entry.fields ?? {};
  const failure = Failure.safeParse(all.err).data;
  const why = failure ? `: ${failure.message}` : "";
  const fields = Object.entries(all)
    .filter(([name]) => !HIDDEN.has(name))
    .map(([name, value]) => ` ${name}=${fieldText(value)}`);
  const stack = failure?.stack ?? all.stack;
  const frames = entry.level === "error" && typeof stack === "string" ? stack.split("\n").slice(1) : [];
  const lines = [`${time} [${entry.source}] ${level}${entry.message}${why}${fields.join("")}`, ...frames];
  return lines.join("\n").slice(0, LINE_MAX);
}

export function createLog(json: boolean, write: (line: string) => void, now: () => number): Log {
  return {
    entry(entry) {
      if (entry.level === "debug" && !json) return;
      if (!json) return write(formatEntry(entry, now()));
      const { source, level, message, fields } = entry;
      const time = new Date(entry.time ?? now()).toISOString();
      write(
        JSON.stringify({
          event: "log",
          time,
          level,
          source,
          message: message.slice(0, LINE_MAX),
          ...(fields && { fields }),
        }),
      );
    },
    print: write,
  };
}

/** pino's numbers: 10 trace, 20 debug, 30 info, 40 warn, 50 error, 60 fatal. */
const levelOfNumber = (level: number): Level =>
  level >= 50 ? "error" : level >= 40 ? "warn" : level >= 30 ? "info" : "debug";

const JsonLine = z
  .looseObject({
    level: z.union([z.number(), z.enum(LEVELS)]).default("info"),
    time: z.number().optional(),
    msg: z.string().optional(),
    message: z.string().optional(),
    event: z.string().optional(),
  })
  .transform(({ level, time, msg, message, event, pid: _pid, hostname: _host, name: _name, v: _v, ...fields }) => ({
    level: typeof level === "number" ? levelOfNumber(level) : level,
    time,
    event,
    message: msg ?? message ?? event ?? "",
    fields,
  }));

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // plain text: somebody's stack trace, a native library
  }
}

/** A line that one of our processes printed: a JSON object of its logger, or plain text. */
export function readLine(source: Source, line: string, level: Level = "info"): Entry & { event?: string | undefined } {
  const parsed = line.startsWith("{") ? JsonLine.safeParse(parseJson(line)) : undefined;
  if (!parsed?.success) return { source, level, message: line };
  const { time, event, fields, message } = parsed.data;
  const entry = { source, level: parsed.data.level, message, event, fields };
  return time === undefined ? entry : { ...entry, time };
}
