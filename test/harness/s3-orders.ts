/** What tests in workerd ask of their bucket, which is on the side of Node. */
import type { Fault, S3Operation } from "./s3-faults.ts";

export type S3Order =
  | { do: "look" }
  | { do: "heal" }
  | { do: "fault"; fault: Fault }
  /** The bucket as a service that cannot do these things. */
  | { do: "unsupported"; operations: S3Operation[] }
  | { do: "page size"; size: number }
  /** As R2 does it after a week. */
  | { do: "expire"; upload_id: string }
  | { do: "put"; key: string; size: number; modified_at: number }
  /** As if the upload had begun then. */
  | { do: "begun"; upload_id: string; at: number };

export type S3Look = {
  objects: { key: string; size: number; content_type: string }[];
  uploads: { key: string; upload_id: string; slices: number[] }[];
  /** Operations that were asked since the last look, in order. */
  asked: string[];
};
