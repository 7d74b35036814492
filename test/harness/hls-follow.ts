/**
 * Follows a live HLS presentation as a strict player would: every reload, every init, segment and part is fetched and
 * checked against RFC 8216bis and against what FFmpeg decodes. Returns what is wrong, in words.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { PlaylistRules } from "./hls-rules.ts";
import { type MediaPlaylist, parseMaster, parseMedia, type Segment, type Variant } from "./m3u8.ts";
import { durationOf, type Fragment, readFragments, readInit, type Track } from "./mp4.ts";

export type FollowOptions = {
  /** The master playlist. */
  master: string;
  /** How long to follow, unless ENDLIST comes first. */
  seconds: number;
  headers?: (url: URL) => Record<string, string>;
  /** Use `_HLS_msn`/`_HLS_part`; otherwise reload twice per target duration. Default true. */
  blocking?: boolean;
  /** How long the first playlist may take to appear. Default 15 s. */
  patienceSeconds?: number;
};

export type FollowedSegment = Segment & {
  bytes: Buffer;
  init: Buffer;
  tracks: Track[];
  fragments: Fragment[];
  startsWithSync: boolean;
};

export type FollowReport = {
  violations: string[];
  variant: Variant;
  /** The master as it was at the end, when BANDWIDTH had all it needs. */
  last: MediaPlaylist;
  segments: FollowedSegment[];
  reloads: number;
  parts: number;
};

const TFDT_TOLERANCE_S = 0.002;
const DATE_TOLERANCE_MS = 100;
const run = promisify(execFile);

export async function followHls(options: FollowOptions): Promise<FollowReport> {
  const violations: string[] = [];
  const say = (text: string) => {
    if (!violations.includes(text)) violations.push(text);
  };
  const get = async (url: URL) => {
    const reply = await fetch(url, { headers: options.headers?.(url) ?? {}, signal: AbortSignal.timeout(20_000) });
    return { status: reply.status, body: Buffer.from(await reply.arrayBuffer()), headers: reply.headers };
  };
  const masterUrl = new URL(options.master);
  const deadline = performance.now() + (options.patienceSeconds ?? 15) * 1000;
  let master = await get(masterUrl);
  while (master.status !== 200) {
    if (performance.now() > deadline) throw new Error(`the master answers ${master.status}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    master = await get(masterUrl);
  }
  const first = parseMaster(master.body.toString()).variants[0];
  if (first === undefined) throw new Error("the master has no variant");
  const mediaUrl = new URL(first.uri, masterUrl);

  const rules = new PlaylistRules();
  const inits = new Map<string, { bytes: Buffer; tracks: Track[] }>();
  const parts = new Map<string, Buffer>();
  const segments: FollowedSegment[] = [];
  const fetchInit = async (uri: string) => {
    let init = inits.get(uri);
    if (init === undefined) {
      const { status, body } = await get(new URL(uri, mediaUrl));
      if (status !== 200) throw new Error(`init ${uri} answers ${status}`);
      init = { bytes: body, tracks: readInit(body) };
      inits.set(uri, init);
    }
    return init;
  };

  let list: MediaPlaylist | undefined;
  let reloads = 0;
  const end = performance.now() + options.seconds * 1000;
  while (performance.now() < end && !list?.ended) {
    const url = new URL(mediaUrl);
    if (list !== undefined && options.blocking !== false && list.serverControl["CAN-BLOCK-RELOAD"] === "YES") {
      url.searchParams.set("_HLS_msn", String(list.mediaSequence + list.segments.length));
      if (list.partTarget !== null) url.searchParams.set("_HLS_part", String(list.open.parts.length));
    } else if (list !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(500, (list?.targetDuration ?? 1) * 500)));
    }
    const reply = await get(url);
    if (reply.status === 503 && url.search !== "") continue; // nothing new within the server's patience: ask again
    if (reply.status !== 200) {
      say(`${url.pathname.split("/").at(-1)}${url.search} answers ${reply.status}`);
      break;
    }
    reloads++;
    list = parseMedia(reply.body.toString());
    rules.feed(list);
    const openMap = list.open.map;
    for (const part of list.open.parts) {
      if (openMap !== null) await fetchInit(openMap);
      if (parts.has(part.uri)) continue;
      const { status, body } = await get(new URL(part.uri, mediaUrl));
      if (status !== 200) say(`part ${part.uri} answers ${status}`);
      else parts.set(part.uri, body);
    }
    for (const segment of list.segments) {
      if (segments.some((known) => known.msn === segment.msn)) continue;
      if (segment.map === null) continue;
      const init = await fetchInit(segment.map);
      const { status, body } = await get(new URL(segment.uri, mediaUrl));
      if (status !== 200) {
        say(`segment ${segment.msn} answers ${status}`);
        continue;
      }
      const fragments = readFragments(body, init.tracks);
      const video = fragments.find((fragment) => fragment.track.kind === "video");
      segments.push({
        ...segment,
        bytes: body,
        init: init.bytes,
        tracks: init.tracks,
        fragments,
        startsWithSync: video === undefined || video.samples[0]?.sync === true,
      });
    }
  }
  if (list === undefined) throw new Error("no playlist was read");
  violations.push(...rules.violations);
  const ending = parseMaster((await get(masterUrl)).body.toString()).variants[0] ?? first;
  checkSegments(segments, list, parts, say);
  await checkVariant(ending, segments, list, say);
  return { violations, variant: ending, last: list, segments, reloads, parts: parts.size };
}

/** Rules that need the media: duration, continuity, keyframes, parts, dates. */
export function checkSegments(
  segments: FollowedSegment[],
  list: MediaPlaylist,
  parts: Map<string, Buffer>,
  say: (text: string) => void,
): void {
  let before: FollowedSegment | undefined;
  for (const segment of segments) {
    const where = `segment ${segment.msn}`;
    const lead = segment.tracks.find((track) => track.kind === "video") ?? segment.tracks[0];
    if (lead === undefined) {
      say(`${where}: no track`);
      continue;
    }
    const spans = spansOf(segment);
    const leadSpan = spans.get(lead.kind);
    if (leadSpan === undefined) say(`${where}: no ${lead.kind}`);
    else if (Math.abs(leadSpan.end - leadSpan.start - segment.duration) > TFDT_TOLERANCE_S) {
      say(`${where}: EXTINF ${segment.duration}, its ${lead.kind} lasts ${(leadSpan.end - leadSpan.start).toFixed(4)}`);
    }
    if (list.independentSegments && !segment.startsWithSync)
      say(`${where}: claimed independent, starts without a keyframe`);
    if (segment.discontinuity && !segment.startsWithSync) say(`${where}: begins a stretch without a keyframe`);
    checkParts(where, segment, parts, say);
    const follows = before !== undefined && before.msn === segment.msn - 1;
    if (before !== undefined && follows && segment.discontinuity === false) {
      if (before.map !== segment.map) say(`${where}: another MAP without a DISCONTINUITY`);
      for (const [kind, span] of spansOf(before)) {
        const next = spans.get(kind);
        if (next !== undefined && Math.abs(next.start - span.end) > TFDT_TOLERANCE_S) {
          say(`${where}: ${kind} starts at ${next.start.toFixed(4)}, the last ended at ${span.end.toFixed(4)}`);
        }
      }
      if (before.programDateTime !== null && segment.programDateTime !== null) {
        const off = segment.programDateTime - (before.programDateTime + before.duration * 1000);
        if (Math.abs(off) > DATE_TOLERANCE_MS) say(`${where}: PROGRAM-DATE-TIME is off by ${off.toFixed(0)} ms`);
      }
    }
    before = segment;
  }
}

function checkParts(where: string, segment: FollowedSegment, parts: Map<string, Buffer>, say: (text: string) => void) {
  const bodies = segment.parts.map((part) => parts.get(part.uri));
  if (bodies.length > 0 && bodies.every((body) => body !== undefined)) {
    if (!Buffer.concat(bodies).equals(segment.bytes)) say(`${where}: its parts are not its bytes`);
  }
  segment.parts.forEach((part, index) => {
    const body = parts.get(part.uri);
    if (body === undefined) return;
    const fragments = readFragments(body, segment.tracks);
    const video = fragments.filter((fragment) => fragment.track.kind === "video");
    const lead = segment.tracks.some((track) => track.kind === "video") ? video : fragments;
    const lasts = lead.reduce((sum, fragment) => sum + durationOf(fragment) / fragment.track.timescale, 0);
    if (Math.abs(lasts - part.duration) > TFDT_TOLERANCE_S) {
      say(`${where}: part ${index} says ${part.duration}, it lasts ${lasts.toFixed(4)}`);
    }
    if (video.length === 0) return;
    const starts = video[0]?.samples[0]?.sync === true;
    if (part.independent && !video.some((fragment) => fragment.samples.some((sample) => sample.sync))) {
      say(`${where}: part ${index} claims INDEPENDENT and has no keyframe`);
    }
    if (!part.independent && starts) say(`${where}: part ${index} starts with a keyframe and does not say INDEPENDENT`);
  });
}

/** Start and end in seconds of each kind of track in a segment; throws when its fragments do not join. */
function spansOf(segment: FollowedSegment): Map<string, { start: number; end: number }> {
  const spans = new Map<string, { start: number; end: number }>();
  for (const fragment of segment.fragments) {
    const { kind, timescale } = fragment.track;
    const start = fragment.decodeTime / timescale;
    const end = (fragment.decodeTime + durationOf(fragment)) / timescale;
    const known = spans.get(kind);
    if (known !== undefined && Math.abs(known.end - start) > TFDT_TOLERANCE_S) {
      throw new Error(`segment ${segment.msn}: ${kind} fragments do not join: ${known.end} and ${start}`);
    }
    spans.set(kind, { start: known?.start ?? start, end });
  }
  return spans;
}

export type Probed = {
  codec: string;
  width?: number;
  height?: number;
  rate?: string;
  sampleRate?: number;
  channels?: number;
};

/** What ffprobe finds in an init segment with media behind it. */
export async function probe(bytes: Buffer): Promise<Probed[]> {
  return withFile(bytes, async (file) => {
    const { stdout } = await run("ffprobe", ["-v", "error", "-show_streams", "-of", "json", file]);
    const { streams } = JSON.parse(stdout) as { streams: Record<string, string | number>[] };
    return streams.map((stream) => ({
      codec: String(stream.codec_name),
      width: stream.width === undefined ? undefined : Number(stream.width),
      height: stream.height === undefined ? undefined : Number(stream.height),
      rate: stream.avg_frame_rate === undefined ? undefined : String(stream.avg_frame_rate),
      sampleRate: stream.sample_rate === undefined ? undefined : Number(stream.sample_rate),
      channels: stream.channels === undefined ? undefined : Number(stream.channels),
    }));
  });
}

/** Decodes everything and returns FFmpeg's complaints (empty when it played through). */
export async function decodeErrors(bytes: Buffer): Promise<string> {
  return withFile(bytes, async (file) => {
    const { stderr } = await run(
      "ffmpeg",
      ["-v", "error", "-i", file, "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-"],
      { maxBuffer: 1 << 24 },
    );
    return stderr.trim();
  });
}

/** One playable file out of consecutive segments that share an init segment. */
export const joined = (segments: FollowedSegment[]) =>
  Buffer.concat([segments[0]?.init ?? Buffer.alloc(0), ...segments.map((segment) => segment.bytes)]);

async function withFile<T>(bytes: Buffer, use: (file: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(path.join(tmpdir(), "sluice-hls-"));
  try {
    const file = path.join(directory, "media.mp4");
    await writeFile(file, bytes);
    return await use(file);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const CODEC_NAMES: Record<string, RegExp> = { h264: /^avc1\.[0-9a-f]{6}$/i, aac: /^mp4a\.40\.\d+$/ };

async function checkVariant(
  variant: Variant,
  segments: FollowedSegment[],
  list: MediaPlaylist,
  say: (text: string) => void,
): Promise<void> {
  const map = segments.at(-1)?.map;
  const newest = segments.filter((segment) => segment.map === map);
  if (newest.length === 0) return;
  const probed = await probe(joined(newest));
  const expected = codecsOf(newest[0]?.init ?? Buffer.alloc(0));
  if (expected.join() !== variant.codecs.join())
    say(`CODECS ${variant.codecs.join()}, the media is ${expected.join()}`);
  for (const stream of probed) {
    if (!variant.codecs.some((codec) => CODEC_NAMES[stream.codec]?.test(codec))) {
      say(`CODECS ${variant.codecs.join()} does not name ${stream.codec}`);
    }
  }
  if (variant.codecs.length !== probed.length)
    say(`CODECS has ${variant.codecs.length} entries for ${probed.length} streams`);
  const video = probed.find((stream) => stream.width !== undefined);
  if (video === undefined && variant.resolution !== null) say("RESOLUTION without video");
  if (
    video !== undefined &&
    `${variant.resolution?.width}x${variant.resolution?.height}` !== `${video.width}x${video.height}`
  ) {
    say(`RESOLUTION ${JSON.stringify(variant.resolution)} for ${video.width}x${video.height}`);
  }
  if (video?.rate !== undefined && variant.frameRate !== null) {
    const [top = 0, bottom = 1] = video.rate.split("/").map(Number);
    const off = variant.frameRate - top / bottom;
    // 4.4.6.2: the highest rate, which is the average only when the rate does not vary.
    if (Math.abs(off) > 0.5 && (off < 0 || Math.abs(variant.frameRate - highestRate(newest)) > 0.5)) {
      say(`FRAME-RATE ${variant.frameRate} for ${video.rate}`);
    }
  }
  const peak = peakBitrate(newest, list.targetDuration);
  if (variant.bandwidth < peak * 0.98) say(`BANDWIDTH ${variant.bandwidth} is under the peak of ${Math.round(peak)}`);
  if (variant.bandwidth > peak * 3) say(`BANDWIDTH ${variant.bandwidth} is far over the peak of ${Math.round(peak)}`);
}

/** RFC 6381 names by the decoder configurations in an init segment. */
export function codecsOf(init: Buffer): string[] {
  const avc = init.indexOf("avcC");
  const aac = init.indexOf("esds");
  const names = avc < 0 ? [] : [`avc1.${init.toString("hex", avc + 5, avc + 8)}`];
  if (aac < 0) return names;
  // The configuration follows the tag 5 and its length, behind the decoder's descriptor (tag 4) of fixed size.
  const config = init.indexOf(5, init.indexOf(Buffer.of(0x40, 0x15), aac) + 13) + 2;
  return [...names, `mp4a.40.${(init[config] ?? 0) >> 3}`];
}

/** Frames per second by the shortest time between two frames, to a whole number: RTMP's times are milliseconds. */
function highestRate(segments: FollowedSegment[]): number {
  const video = segments.flatMap(({ fragments }) => fragments).filter(({ track }) => track.kind === "video");
  return Math.round(
    Math.max(...video.flatMap(({ samples, track }) => samples.map((s) => track.timescale / s.duration))),
  );
}

/** RFC 8216bis: the largest bit rate of contiguous segments that last 0.5 to 1.5 target durations together. */
export function peakBitrate(segments: { duration: number; bytes: Buffer }[], targetDuration: number): number {
  let peak = 0;
  for (let from = 0; from < segments.length; from++) {
    let seconds = 0;
    let bytes = 0;
    for (const segment of segments.slice(from)) {
      seconds += segment.duration;
      bytes += segment.bytes.length;
      if (seconds > 1.5 * targetDuration) break;
      if (seconds >= 0.5 * targetDuration) peak = Math.max(peak, (bytes * 8) / seconds);
    }
  }
  return peak;
}
