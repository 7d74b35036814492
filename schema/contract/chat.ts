/** Chat: channels, what people see of each other and of messages, and their limits. */
import * as z from "zod";
import { UserRole } from "./identity.ts";

export const MESSAGE_MAX = 4000;
export const EMOJI_MAX = 36;
export const NONCE_MAX = 64;
/** How many messages a join shows. */
export const HISTORY_SHOWN = 50;
/** How many a `history` frame may ask for. */
export const HISTORY_MAX = 100;
/** How many people `users` lists; beyond that it only counts them. */
export const USERS_SHOWN = 200;
/** More unread messages are not counted. */
export const UNREAD_MAX = 1_000;
export const THREAD_MAX = 20;
export const EDIT_WINDOW_MS = 5 * 60_000;
export const RETENTION_MS = 7 * 24 * 3_600_000;
export const PREVIEW_CHARACTERS = 100;
export const MESSAGES_PER_WINDOW = 5;
export const MESSAGE_WINDOW_MS = 5_000;
/** Of one user: joins, and apart from them edits, reactions and the like. */
export const STEPS_AT_ONCE = 40;
export const STEPS_PER_SECOND = 2;
export const SOCKETS_PER_USER = 10;
export const FRAME_MAX_BYTES = 64 * 1024;
export const SLOWMODE_MAX_S = 21_600;
export const CHANNEL_NAME_MAX = 32;
export const CATEGORY_MAX = 32;
export const TOPIC_MAX = 200;
export const CHANNEL_DESCRIPTION_MAX = 500;

/** Clients that offer it get arrays of frames, at most every `BATCH_MS`, and answer `sync` frames. */
export const BATCH_PROTOCOL = "sluice.batch.v1";
export const BATCH_MS = 25;

/** C0 without tab and line feed, DEL, C1. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL_OR_BREAK = /[\u0000-\u001f\u007f-\u009f]/;
/** Something that leaves a trace on the screen; the braille pattern without dots does not, though it is a symbol. */
const VISIBLE = /[^\s\u2800\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}]/u;
const codePoints = (text: string) => [...text].length;

const words = (most: number) =>
  z
    .string()
    .max(most * 8, `must be at most ${most} characters`)
    .trim()
    .refine((text) => codePoints(text) <= most, `must be at most ${most} characters`)
    .refine((text) => !CONTROL_OR_BREAK.test(text), "must not contain control characters")
    .meta({ maxLength: most });

/** What somebody writes: trimmed, never empty or invisible. */
export const MessageText = z
  .string({ error: "must be text" })
  .max(MESSAGE_MAX * 2, `must be at most ${MESSAGE_MAX} characters`)
  .transform((text) => text.toWellFormed().replaceAll("\r\n", "\n").trim())
  .refine((text) => VISIBLE.test(text), "must not be empty")
  .refine((text) => codePoints(text) <= MESSAGE_MAX, `must be at most ${MESSAGE_MAX} characters`)
  .refine((text) => !CONTROL.test(text), "must not contain control characters")
  .meta({ minLength: 1, maxLength: MESSAGE_MAX, description: "Something to see; spaces around it are dropped" });

export const Emoji = z
  .string({ error: "must be text" })
  .min(1, "must not be empty")
  .max(EMOJI_MAX, `must be at most ${EMOJI_MAX} characters`)
  .regex(/^(?:[^\s\p{Cc}\p{Cf}\p{Cs}\p{Co}]|[\u200d\u{e0020}-\u{e007f}])+$/u, "must be one emoji without spaces")
  .regex(VISIBLE, "must be something to see");

/** Chosen by the client, unique among what it sends: a resend with the same nonce is the same action. */
export const Nonce = z
  .string({ error: "must be text" })
  .min(1, "must not be empty")
  .max(NONCE_MAX, `must be at most ${NONCE_MAX} characters`)
  .regex(/^[\x21-\x7d]+$/, "must be printable ASCII without spaces or ~");

export const ChannelName = z
  .string()
  .regex(/^[a-z0-9-]{1,32}$/, "must be 1 to 32 lower-case letters, digits or hyphens")
  .meta({ example: "music" });
export const ChannelVisibility = z.enum(["public", "private"]);
export type ChannelVisibility = z.infer<typeof ChannelVisibility>;
export const ChannelMode = z.enum(["open", "readonly"]);
export type ChannelMode = z.infer<typeof ChannelMode>;
/** Of somebody who was let into a channel by name. */
export const MemberRole = z.enum(["member", "moderator"]);
export type MemberRole = z.infer<typeof MemberRole>;

/** What D1 says of a channel, pushed to its room; a higher `version` replaces a lower one. */
export const ChannelConfig = z.object({
  id: z.int(),
  version: z.int(),
  name: z.string(),
  description: z.string(),
  topic: z.string(),
  visibility: ChannelVisibility,
  mode: ChannelMode,
  slowmode_seconds: z.int(),
  stream: z
    .object({
      id: z.int(),
      title: z.string(),
      public_key: z.string(),
      user_id: z.int(),
      is_public: z.boolean(),
      allow_unauthenticated: z.boolean(),
      /** As `LiveStream` told last, under its own version. */
      is_live: z.union([z.literal(0), z.literal(1), z.literal(2)]),
      live_version: z.int(),
    })
    .nullable(),
});
export type ChannelConfig = z.infer<typeof ChannelConfig>;

export const Avatar = z.object({
  color: z.string().optional(),
  emoji: z.string().nullable().optional(),
  initials: z.string().optional(),
});

/** Somebody as others see them. Anonymous: no id, no nickname, no avatar, and the name is `Anonymous`. */
export const ChatProfile = z.object({
  user_id: z.int().nullable(),
  username: z.string(),
  nickname: z.string().nullable(),
  role: UserRole,
  anonymous: z.boolean(),
  avatar: Avatar,
});
export type ChatProfile = z.infer<typeof ChatProfile>;

export const ANONYMOUS_NAME = "Anonymous";

/** What others see of somebody. */
export const shownProfile = (profile: ChatProfile): ChatProfile =>
  profile.anonymous
    ? { user_id: null, username: ANONYMOUS_NAME, nickname: null, role: "user", anonymous: true, avatar: {} }
    : profile;

export const Reaction = z.object({
  emoji: z.string(),
  count: z.int(),
  /** At most 200; `count` is exact. */
  user_ids: z.array(z.int()),
});
export type Reaction = z.infer<typeof Reaction>;

export const ReplyPreview = z.object({ id: z.int(), username: z.string(), message: z.string() });
export type ReplyPreview = z.infer<typeof ReplyPreview>;

/** A message as history, threads and pins show it. */
export const ChatMessage = z.object({
  ...ChatProfile.shape,
  id: z.int(),
  message: z.string(),
  created_at: z.iso.datetime(),
  edited_at: z.iso.datetime().nullable(),
  reply_to: z.int().optional(),
  /** Null: what it answers is gone. */
  reply_preview: ReplyPreview.nullable().optional(),
  reactions: z.array(Reaction),
  pinned: z.boolean(),
  /** The reader wrote it; only said of anonymous messages, whose `user_id` says nothing. */
  own: z.literal(true).optional(),
});
export type ChatMessage = z.infer<typeof ChatMessage>;

export const PinnedMessage = ChatMessage.extend({ pinned_by: z.int().nullable(), pinned_at: z.iso.datetime() });
export type PinnedMessage = z.infer<typeof PinnedMessage>;

// REST

const ZeroOrOne = z.union([z.literal(0), z.literal(1)]);

export const Channel = z.object({
  id: z.int(),
  name: z.string(),
  description: z.string(),
  topic: z.string(),
  is_default: ZeroOrOne,
  category: z.string(),
  slowmode_seconds: z.int(),
  visibility: ChannelVisibility,
  mode: ChannelMode,
  created_by: z.int().nullable(),
  created_by_username: z.string().nullable(),
  created_at: z.iso.datetime(),
  is_stream_channel: z.boolean(),
  unread_count: z
    .int()
    .max(UNREAD_MAX)
    .meta({
      description:
        `Messages after the one you last marked as read, as far as they are still there; ${UNREAD_MAX} stands for more. ` +
        "A channel that you never marked has none. The first new one counts within 10 s",
    }),
  stream_id: z.int().optional(),
  stream_is_live: z.union([z.literal(0), z.literal(1), z.literal(2)]).optional(),
  stream_public_key: z.string().optional(),
  stream_owner: z.string().optional(),
  stream_title: z.string().optional(),
});
export type Channel = z.infer<typeof Channel>;
export const ChannelList = z.object({ channels: z.array(Channel) });

const Category = words(CATEGORY_MAX)
  .refine((text) => text !== "", "must not be empty")
  .meta({ example: "music" });
const ChannelDescription = words(CHANNEL_DESCRIPTION_MAX).meta({ example: "What we listen to" });

export const ChannelInput = z.object({
  name: ChannelName,
  description: ChannelDescription.default(""),
  category: Category.default("general"),
  visibility: ChannelVisibility.default("public"),
  mode: ChannelMode.default("open"),
});
export type ChannelInput = z.output<typeof ChannelInput>;

export const CreatedChannel = Channel.pick({
  id: true,
  name: true,
  description: true,
  category: true,
  visibility: true,
  mode: true,
});

const SLOWMODE_RANGE = `must be a whole number from 0 to ${SLOWMODE_MAX_S}`;

export const ChannelUpdate = z
  .object({
    name: ChannelName.optional(),
    description: ChannelDescription.optional(),
    topic: words(TOPIC_MAX).optional().meta({ description: "Shown above the messages" }),
    category: Category.optional(),
    slowmode_seconds: z
      .int({ error: SLOWMODE_RANGE })
      .min(0, SLOWMODE_RANGE)
      .max(SLOWMODE_MAX_S, SLOWMODE_RANGE)
      .optional()
      .meta({ description: "How long people wait between two messages; 0 = not at all" }),
    visibility: ChannelVisibility.optional(),
    mode: ChannelMode.optional(),
  })
  .refine((fields) => Object.values(fields).some((value) => value !== undefined), "nothing to change")
  .meta({ minProperties: 1 });
export type ChannelUpdate = z.output<typeof ChannelUpdate>;

export const Thread = z.object({ messages: z.array(ChatMessage), thread: z.array(ChatMessage) });
