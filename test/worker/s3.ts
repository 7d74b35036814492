/** The bucket of the tests, as they look into it and have it go wrong. */
import { env } from "cloudflare:workers";
import type { Fault, S3Operation } from "../harness/s3-faults.ts";
import type { S3Look, S3Order } from "../harness/s3-orders.ts";

const { S3_CONTROL } = env as unknown as { S3_CONTROL: Fetcher };

async function order(what: S3Order): Promise<S3Look> {
  const response = await S3_CONTROL.fetch("http://s3-control/", { method: "POST", body: JSON.stringify(what) });
  return response.json();
}

export const bucket = {
  look: () => order({ do: "look" }),
  heal: () => order({ do: "heal" }),
  fault: (fault: Fault) => order({ do: "fault", fault }),
  unsupported: (...operations: S3Operation[]) => order({ do: "unsupported", operations }),
  pageSize: (size: number) => order({ do: "page size", size }),
  expire: (upload_id: string) => order({ do: "expire", upload_id }),
  put: (key: string, size: number, modified_at = Date.now()) => order({ do: "put", key, size, modified_at }),
  begun: (upload_id: string, at: number) => order({ do: "begun", upload_id, at }),
};

/** The objects under a VOD, by the last of their name, with their sizes. */
export async function objectsOf(vod: string): Promise<Record<string, number>> {
  const { objects } = await bucket.look();
  const its = objects.filter(({ key }) => key.startsWith(`vods/${vod}/`));
  return Object.fromEntries(its.map(({ key, size }) => [key.split("/").at(-1), size]));
}

export async function uploadsOf(vod: string) {
  return (await bucket.look()).uploads.filter(({ key }) => key.startsWith(`vods/${vod}/`));
}
