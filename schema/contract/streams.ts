/** Streams as the portal face shows them. Booleans go out as 0 and 1, and come in as either. */
import * as z from "zod";

export const TITLE_MAX = 100;
export const DESCRIPTION_MAX = 2000;

/** C0, DEL and C1 (Unicode category Cc); in a description line breaks and tabs are text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL_BUT_LAYOUT = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;

/** Code points, as people count characters. */
const length = (text: string) => [...text].length;

export const Title = z
  .string()
  .max(TITLE_MAX * 8, `must be at most ${TITLE_MAX} characters`)
  .trim()
  .min(1, "must not be empty")
  .refine((text) => length(text) <= TITLE_MAX, `must be at most ${TITLE_MAX} characters`)
  .refine((text) => !CONTROL.test(text), "must not contain control characters")
  .meta({ description: `1 to ${TITLE_MAX} characters, trimmed`, maxLength: TITLE_MAX, example: "Evening show" });

const Description = z
  .string()
  .max(DESCRIPTION_MAX * 8, `must be at most ${DESCRIPTION_MAX} characters`)
  .trim()
  .refine((text) => length(text) <= DESCRIPTION_MAX, `must be at most ${DESCRIPTION_MAX} characters`)
  .refine((text) => !CONTROL_BUT_LAYOUT.test(text), "must not contain control characters")
  .meta({
    description: `At most ${DESCRIPTION_MAX} characters, trimmed`,
    maxLength: DESCRIPTION_MAX,
    example: "Music and talk",
  });

const Flag = z
  .union([z.boolean(), z.literal(0), z.literal(1)], { error: "must be true, false, 0 or 1" })
  .transform((value): 0 | 1 => (value === true || value === 1 ? 1 : 0))
  .meta({ example: true });

/** `title` and `name` are one field under two names; `title` wins. */
const fields = {
  title: Title.optional(),
  name: Title.optional().meta({ description: "The same as `title`" }),
  description: Description.optional(),
  is_public: Flag.optional().meta({
    description: "Listed, and playable by its `pub_` key; true for a new stream that does not say",
  }),
  allow_unauthenticated: Flag.optional().meta({ description: "Guests may watch it too, while it is public" }),
  record: Flag.optional().meta({
    description: "Each broadcast leaves a recording; true for a new stream that does not say. Counts from the next one",
  }),
  rtmp_enabled: Flag.optional().meta({
    description: "Kept for the single-use tokens of plain RTMP, which are not issued yet",
  }),
};

export const StreamUpdate = z
  .object(fields)
  .transform(({ title, name, ...rest }) => ({ title: title ?? name, ...rest }));
export type StreamUpdate = z.output<typeof StreamUpdate>;

export const StreamInput = z
  .object(fields)
  .meta({ anyOf: [{ required: ["title"] }, { required: ["name"] }] })
  .transform(({ title, name, ...rest }, context) => {
    const chosen = title ?? name;
    if (chosen === undefined) {
      context.issues.push({ code: "custom", input: undefined, path: ["title"], message: "is required" });
      return z.NEVER;
    }
    return { title: chosen, ...rest };
  });
export type StreamInput = z.output<typeof StreamInput>;

const ZeroOrOne = z.union([z.literal(0), z.literal(1)]);
const PlaybackUrls = z.object({ hls: z.url(), webrtc: z.url().nullable() });

export const Stream = z.object({
  id: z.int(),
  user_id: z.int(),
  title: z.string(),
  name: z.string(),
  description: z.string(),
  stream_key: z.string().optional().meta({ description: "For its owner only", example: "live_…" }),
  ingest_url: z.string().optional().meta({ description: "Where to publish, for its owner only" }),
  warnings: z
    .array(z.string())
    .optional()
    .meta({ description: "What the streamer should know about the running broadcast, for its owner only" }),
  public_key: z.string(),
  is_public: ZeroOrOne,
  is_live: z.union([z.literal(0), z.literal(1), z.literal(2)]).meta({ description: "0 offline, 1 live, 2 encoding" }),
  viewer_count: z.int(),
  total_views: z.int(),
  chat_channel_id: z.int().nullable(),
  chat_channel_name: z.string().nullable(),
  thumbnail_url: z.string().nullable(),
  allow_unauthenticated: ZeroOrOne,
  rtmp_enabled: ZeroOrOne,
  record: ZeroOrOne.meta({ description: "Broadcasts are recorded" }),
  playback_urls: PlaybackUrls,
  started_at: z.iso.datetime().nullable(),
  ended_at: z.iso.datetime().nullable(),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
  owner_username: z.string(),
  owner_nickname: z.string().nullable(),
});
export type Stream = z.infer<typeof Stream>;

export const StreamList = z.object({ streams: z.array(Stream) });
export const OneStream = z.object({ stream: Stream });
/** The stream's fields flat, and once more under `stream`: both are documented. */
export const CreatedStream = Stream.extend({ stream: Stream });
export const NewStreamKey = z.object({ stream_key: z.string() });

export const StreamInfo = z.object({
  public_key: z.string(),
  title: z.string(),
  name: z.string(),
  is_live: Stream.shape.is_live,
  is_public: ZeroOrOne,
  viewer_count: z.int(),
  owner_username: z.string(),
  started_at: z.iso.datetime().nullable(),
  thumbnail_url: z.string().nullable(),
  chat_channel_id: z.int().nullable(),
  playback: z.object({ hls: z.url(), webrtc_whep: z.url().nullable() }),
});
export type StreamInfo = z.infer<typeof StreamInfo>;
