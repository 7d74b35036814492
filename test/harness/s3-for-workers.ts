/**
 * The bucket of the tests in workerd, on the side of Node: an S3 of our own behind real HTTP, and a binding by which
 * the tests look into it and have it go wrong (`test/worker/s3.ts` is their side).
 */
import type { S3Look, S3Order } from "./s3-orders.ts";
import { S3Stub } from "./s3-stub.ts";

export async function startTestS3() {
  const s3 = new S3Stub();
  await s3.start();
  s3.background();
  const { region, accessKeyId, secretAccessKey } = s3.credentials;
  return {
    bindings: {
      S3_ENDPOINT: s3.endpoint,
      S3_BUCKET: s3.bucket,
      S3_REGION: region,
      S3_ACCESS_KEY_ID: accessKeyId,
      S3_SECRET_ACCESS_KEY: secretAccessKey,
    },
    way: { external: { address: new URL(s3.endpoint).host, http: {} } },
    control: async (request: { json(): Promise<unknown> }) => {
      await obey(s3, (await request.json()) as S3Order);
      return new Response(JSON.stringify(lookInto(s3)));
    },
  };
}

async function obey(s3: S3Stub, order: S3Order): Promise<void> {
  switch (order.do) {
    case "look":
      return;
    case "heal":
      s3.heal();
      s3.unsupported.clear();
      s3.pageSize = 1000;
      return;
    case "fault":
      s3.fault(order.fault);
      return;
    case "unsupported":
      for (const operation of order.operations) s3.unsupported.add(operation);
      return;
    case "page size":
      s3.pageSize = order.size;
      return;
    case "expire":
      return s3.expire(order.upload_id);
    case "put":
      return s3.put(order.key, new Uint8Array(order.size), { modified_at: order.modified_at });
    case "begun": {
      const upload = s3.uploads.find(({ upload_id }) => upload_id === order.upload_id);
      if (upload) upload.started_at = order.at;
      return;
    }
    default:
      order satisfies never;
  }
}

function lookInto(s3: S3Stub): S3Look {
  return {
    objects: [...s3.objects.values()].map(({ key, size, content_type }) => ({ key, size, content_type })),
    uploads: s3.uploads.map(({ key, upload_id, parts }) => ({ key, upload_id, slices: [...parts.keys()].sort() })),
    asked: s3.requests.splice(0).map((request) => request.operation),
  };
}
