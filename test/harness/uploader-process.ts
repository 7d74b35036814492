/** An uploader in a process of its own, to be killed: `uploader-process.ts <data folder> <control plane>`. */
import path from "node:path";
import { Identity } from "../../media-worker/link/identity.ts";
import { createLog } from "../../media-worker/log.ts";
import { Uploads } from "../../media-worker/upload/uploads.ts";

const [, , data = "", controlUrl = ""] = process.argv;
const identity = Identity.load(data);
const uploads = new Uploads({
  spool: path.join(data, "spool"),
  controlUrl,
  token: async () => identity?.token(Date.now()) ?? null,
  log: createLog("supervisor"),
  timing: { retry: { first: 20, most: 200 }, scan: 100, progress: 100 },
});
await uploads.start();
process.send?.("started");
