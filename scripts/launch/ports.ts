/** Ports are looked at before anything starts, so that a busy one costs one clear line and leaves nothing behind. */
import { createServer } from "node:net";
import { LaunchError, messageOf } from "./errors.ts";

/** Listens for a moment. Resolves to the port that was bound; `port` 0 asks for any free one. */
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

/** `port`, or any free one when it is 0. Throws a `LaunchError` that names `setting` when it cannot be had. */
export async function takePort(host: string, port: number, setting: string): Promise<number> {
  try {
    return await bind(host, port);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EADDRINUSE") throw new LaunchError(`Port ${port} is in use: set ${setting} to another one (0 = any)`);
    if (code === "EACCES") throw new LaunchError(`Port ${port} may not be used by this account: set ${setting}`);
    if (code === "EADDRNOTAVAIL")
      throw new LaunchError(`SLUICE_HOST must be an address of this machine: ${host} is none`);
    throw new LaunchError(`Port ${port} (${setting}) cannot be used: ${messageOf(error)}`);
  }
}
