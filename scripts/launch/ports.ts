/** Ports are looked at before anything starts, so that a busy one costs one clear line and leaves nothing behind. */
import { createServer } from "node:net";
import process from "node:process";
import { LaunchError, messageOf } from "./errors.ts";

/** Listens for a moment. Resolves to the port that was bound; `port` 0 asks for any that is free just now. */
function bind(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : port));
    });
  });
}

/**
 * Between being looked at and being used, a port that the system gives away by itself could become the end of somebody's
 * connection. So these are below those, and each process begins elsewhere among them.
 */
const FREE = { first: 10_000, count: 22_000, of_a_process: 16 };
const TRIES = 64;
let tried = 0;

async function bindAny(host: string): Promise<number> {
  while (tried < TRIES) {
    const port = FREE.first + ((process.pid * FREE.of_a_process + tried++) % FREE.count);
    const bound = await bind(host, port).catch((error: unknown) => {
      if (codeOf(error) === "EADDRINUSE") return null;
      throw error;
    });
    if (bound !== null) return bound;
  }
  return bind(host, 0);
}

const codeOf = (error: unknown) => (error instanceof Error && "code" in error ? error.code : undefined);

/** `port`, or any free one when it is 0. Throws a `LaunchError` that names `setting` when it cannot be had. */
export async function takePort(host: string, port: number, setting: string): Promise<number> {
  try {
    return await (port === 0 ? bindAny(host) : bind(host, port));
  } catch (error) {
    const code = codeOf(error);
    if (code === "EADDRINUSE") throw new LaunchError(`Port ${port} is in use: set ${setting} to another one (0 = any)`);
    if (code === "EACCES") throw new LaunchError(`Port ${port} may not be used by this account: set ${setting}`);
    if (code === "EADDRNOTAVAIL")
      throw new LaunchError(`SLUICE_HOST must be an address of this machine: ${host} is none`);
    throw new LaunchError(`Port ${port} (${setting}) cannot be used: ${messageOf(error)}`);
  }
}
